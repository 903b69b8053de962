"""The inbox: files that people and programs drop are landed once, then moved away with the reason beside them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecoai_pipeline.domain import Industry
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.ingest import IngestError, IngestOptions, ingest_file
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.lake import Lake

UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")


@dataclass(frozen=True)
class Waiting:
    """Files that have come to rest, and a digest of them that changes with any of them."""

    files: tuple[Path, ...]
    digest: str


@dataclass(frozen=True)
class Landed:
    """What became of a file of the inbox: where it lies now, and why."""

    file: str
    moved_to: Path
    reason: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        return {"file": self.file, "moved_to": str(self.moved_to), **self.reason}


def files_at_rest(lake: Lake, settings: Settings) -> Waiting:
    """Files of the inbox that nobody has written to for a while; a half-copied file is still being written to."""
    before = datetime.now(UTC).timestamp() - settings.sources.inbox_rest_s
    inbox = lake.root / "inbox"
    files = tuple(sorted(path for path in inbox.rglob("*") if path.is_file() and _is_finished(path, before))) if inbox.exists() else ()
    text = "\n".join(f"{path}\0{path.stat().st_size}\0{path.stat().st_mtime_ns}" for path in files)
    return Waiting(files, hashlib.sha256(text.encode()).hexdigest()[:16])


def _is_finished(path: Path, before: float) -> bool:
    return not path.name.startswith((".", "~")) and path.suffix not in UNFINISHED and path.stat().st_mtime <= before


def land_inbox(lake: Lake, settings: Settings) -> list[Landed]:
    """Land every file at rest; accepted ones go to `processed`, refused ones to `rejected`, each with a `.reason.json`."""
    return [_land(lake, settings, path) for path in files_at_rest(lake, settings).files]


def _land(lake: Lake, settings: Settings, path: Path) -> Landed:
    try:
        result = ingest_file(lake, settings, path, _options(lake, path), received_at=datetime.now(UTC))
    except IngestError as error:
        return _moved(lake, path, "rejected", {"error": str(error)})
    return _moved(lake, path, "processed", result.summary())


def _options(lake: Lake, path: Path) -> IngestOptions:
    """A file in a folder named after an industry belongs to it."""
    folder = path.relative_to(lake.root / "inbox").parts[0]
    try:
        return IngestOptions(industry=Industry.parse(folder))
    except ValueError:
        return IngestOptions()


def _moved(lake: Lake, path: Path, where: str, reason: dict[str, Any]) -> Landed:
    """Move a file out of the inbox under a name that no earlier file has."""
    folder = lake.root / where
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    count = 1
    while target.exists():
        count += 1
        target = folder / f"{path.stem}-{count}{path.suffix}"
    shutil.move(path, target)
    write_text(target.with_name(f"{target.name}.reason.json"), json.dumps(reason, indent=1, ensure_ascii=False, default=str) + "\n")
    return Landed(path.name, target, reason)
