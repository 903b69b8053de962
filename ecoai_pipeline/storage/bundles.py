"""Model bundles: immutable folders, sealed with a manifest that every reading of them is checked against."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from ecoai_pipeline.domain import Industry, Month, Resolution
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import digest_of

MANIFEST = "manifest.json"
# Of what a bundle holds and how it is laid out; goes up whenever a program of before could not read it rightly.
SCHEMA = 2
FUSED = "fused"


class BundleError(ValueError):
    """A bundle is incomplete, not what its manifest says, or of another schema than this program's."""


class Bundles:
    """Bundles of one lake: `models/industry=/resolution=/<detector>/version=<trained_until>-<digest8>/`."""

    def __init__(self, lake: Lake) -> None:
        self._root = lake.root / "models"

    def folder(self, industry: Industry, resolution: Resolution, detector: str, version: str) -> Path:
        return self._root / f"industry={industry}" / f"resolution={resolution}" / detector / f"version={version}"

    def write(self, industry: Industry, resolution: Resolution, detector: str, until: Month, fill: Callable[[Path], None]) -> str:
        """Let `fill` write the files of a bundle, seal it with a manifest and return its version.

        `until` is the first month the bundle did not see. Equal files give the equal version and leave it untouched,
        unless what stands there is damaged: then it is replaced.
        """
        temporary = self._root / f".{uuid.uuid4().hex}.tmp"
        temporary.mkdir(parents=True)
        try:
            fill(temporary)
            text = _manifest(temporary)
            (temporary / MANIFEST).write_text(text, encoding="utf-8")
            version = f"{until}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
            target = self.folder(industry, resolution, detector, version)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists() and _damage(target):
                shutil.rmtree(target)
            if not target.exists():
                temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return version

    def all_folders(self) -> list[Path]:
        """The folder of every bundle that was ever sealed."""
        return sorted(path.parent for path in self._root.glob(f"*/*/*/*/{MANIFEST}"))

    def reseal(self, folder: Path, fill: Callable[[Path], None]) -> None:
        """Let `fill` write the files of a bundle anew under the version it has; for what must be forgotten, and nothing else."""
        temporary, old = (self._root / f".{uuid.uuid4().hex}.tmp" for _ in range(2))
        temporary.mkdir(parents=True)
        try:
            fill(temporary)
            (temporary / MANIFEST).write_text(_manifest(temporary), encoding="utf-8")
            folder.rename(old)
            temporary.rename(folder)
        finally:
            for path in (temporary, old):
                shutil.rmtree(path, ignore_errors=True)

    def open(self, industry: Industry, resolution: Resolution, detector: str, version: str) -> Path:
        """The folder of a bundle, every file checked against the manifest.

        Raises:
            BundleError: the bundle is absent, a file is missing, there is one too many, a byte was changed, or its schema is not ours.
        """
        folder = self.folder(industry, resolution, detector, version)
        damage = _damage(folder)
        if damage:
            raise BundleError(
                f"{folder}: {damage}; restore it (`ecoai versions restore`, or a backup) or train {industry} {resolution} again"
            )
        return folder


def _manifest(folder: Path) -> str:
    files = {path.name: digest_of(path) for path in sorted(folder.iterdir())}
    return json.dumps({"files": files, "schema": SCHEMA}, indent=1, sort_keys=True) + "\n"


def _damage(folder: Path) -> str:
    """What is wrong with a bundle; empty where it is what its manifest says."""
    if not (folder / MANIFEST).exists():
        return f"there is no bundle, or its {MANIFEST} is gone"
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        schema = int(manifest.get("schema", 1))
        files: dict[str, str] = dict(manifest["files"]) if schema == SCHEMA else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"its {MANIFEST} cannot be read"
    if schema > SCHEMA:
        return f"it was written by a newer program (schema {schema}, this one reads {SCHEMA}): upgrade this one"
    if schema < SCHEMA:
        return f"it was written by an older program (schema {schema}, this one reads {SCHEMA})"
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    for name in sorted(files.keys() ^ present):
        return f"{name} is missing" if name in files else f"{name} is not in its {MANIFEST}"
    changed = [name for name, digest in files.items() if digest_of(folder / name) != digest]
    return f"{changed[0]} is not the file that was trained (sha256 differs)" if changed else ""
