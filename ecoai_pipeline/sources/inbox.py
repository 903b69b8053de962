"""The inbox: files that people and programs drop are landed once, then moved away with the reason beside them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.gather import Found, is_archive, is_junk, members
from ecoai_pipeline.sources.inbox_options import BrokenOptionsError, FolderOptions, is_options
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.names import readable_name
from ecoai_pipeline.sources.reasons import FileChangedError, IngestError, NoTableError, Reason
from ecoai_pipeline.sources.registry_file import is_registry, register_file
from ecoai_pipeline.storage.atomic import replacing, write_text
from ecoai_pipeline.storage.erasure import Tombstones
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import digest_of
from ecoai_pipeline.storage.locks import LockedError

# What browsers, SFTP clients and editors call a file that is not whole yet.
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".upload", ".uploading", ".swp")
_LONGEST_NAME = 180
"""Bytes of a name: file systems take 255, of which `.reason.json` and the names of temporary files need some."""


class Fate(StrEnum):
    """What becomes of a file of the inbox."""

    PROCESSED = "processed"
    REJECTED = "rejected"
    PASSED_OVER = "passed_over"  # it holds no table of readings, for example a note
    LEFT = "left"  # the trouble is not the file's: it stays in the inbox, to be tried again
    VANISHED = "vanished"  # whoever dropped it has taken it away again


@dataclass(frozen=True)
class Waiting:
    """Files that have come to rest, in order of arrival, the options files, and a digest that changes with any of them."""

    files: tuple[Path, ...]
    options: tuple[Path, ...]
    digest: str


@dataclass(frozen=True)
class Landed:
    """What became of a file of the inbox: its fate, where it lies now, and why."""

    file: str
    fate: Fate
    moved_to: Path | None
    reason: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """The outcome as JSON-able values; the lists of meters and months stand in the file beside it alone."""
        told = {name: value for name, value in self.reason.items() if not isinstance(value, list | dict)}
        return {**told, "file": self.file, "fate": self.fate, "moved_to": self.moved_to and str(self.moved_to)}


def files_at_rest(lake: Lake, settings: Settings, now: datetime | None = None) -> Waiting:
    """Files of the inbox that nobody has written to, or renamed, for a while; a half-copied file is still being written to.

    The file system's own time of change counts, since a copier may set the time of modification to anything, even early.
    Files wait also while an options file of their folder, or of one above it, is not at rest.
    """
    before = (now or datetime.now(UTC)).timestamp() - settings.sources.inbox_rest_s
    dropped = list(_dropped(lake.root / "inbox"))
    options = sorted(one for one in dropped if is_options(one[0].name))
    unsettled = {path.parent for path, status in options if status.st_ctime > before}
    rested = [one for one in dropped if one not in options and one[1].st_ctime <= before and unsettled.isdisjoint(one[0].parents)]
    ordered = sorted(rested, key=lambda one: (one[1].st_ctime_ns, one[0]))
    marks = (f"{path}\0{status.st_ino}\0{status.st_size}\0{status.st_ctime_ns}\n" for path, status in [*ordered, *options])
    digest = hashlib.sha256(os.fsencode("".join(marks))).hexdigest()[:16]
    return Waiting(tuple(path for path, _ in ordered), tuple(path for path, _ in options), digest)


def _dropped(inbox: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything in the inbox that is no folder, except what desktops and editors leave there and names of unfinished files."""
    for folder, folders, names in os.walk(inbox):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = [name for name in folders if not is_junk(name)]
        for name in [*names, *linked]:
            path = Path(folder) / name
            if is_junk(name) or path.suffix.lower() in UNFINISHED:
                continue
            try:
                yield path, path.lstat()
            except FileNotFoundError:  # taken away since the folder was listed
                continue


def land_inbox(lake: Lake, settings: Settings, now: datetime | None = None) -> list[Landed]:
    """Land every file at rest, meter registries first. Options files stay, and so do the files of folders whose options are broken.

    Accepted files go to `processed`, refused ones to `rejected`, each with a `.reason.json`; of a file that holds an erased
    meter only the reason stays. One that fails does not stop the others. After a kill the next call finds a file landed already
    and only moves it. Two calls take turns.
    """
    with lake.lock("inbox"):
        waiting = files_at_rest(lake, settings, now)
        options = FolderOptions(lake.root / "inbox", waiting.options)
        return [_land(lake, settings, path, options) for path in sorted(waiting.files, key=lambda path: not is_registry(path))]


def _land(lake: Lake, settings: Settings, path: Path, folders: FolderOptions) -> Landed:
    name = readable_name(str(path.relative_to(lake.root / "inbox")))
    said: dict[str, Any] = {"file": name, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        options, files = folders.of(path), folders.files_of(path)
        judged = _judged_archive if is_archive(path) and not path.is_symlink() else _judged
        fate, why = judged(lake, settings, path, options)
        why = {**why, **({"options_from": files} if files else {})}
        kept = why.get("kept", True)
        reason = {**said, **why} if kept else Tombstones(lake).out_of_document({**said, **why})
        target = _free_name(lake.root / fate, readable_name(path.name) if kept else Path(reason["file"]).name)
        # The reason comes first: a file that has left the inbox always has one.
        write_text(target.with_name(f"{target.name}.reason.json"), json.dumps(reason, indent=1, ensure_ascii=False, default=str) + "\n")
        if not kept:
            path.unlink()
            return Landed(name, fate, None, reason)
        _move(path, target)
    except (OSError, LockedError, FileChangedError, BrokenOptionsError) as error:
        if not os.path.lexists(path):
            return Landed(name, Fate.VANISHED, None, {**said, "error": "it was taken away before it was landed"})
        return Landed(name, Fate.LEFT, None, {**said, "error": f"{error}; it stays in the inbox and is tried again"})
    return Landed(name, fate, target, reason)


def _judged_archive(lake: Lake, settings: Settings, path: Path, options: IngestOptions) -> tuple[Fate, dict[str, Any]]:
    """Land each member of an archive for itself; refused ones are put into `rejected`, each with its reason.

    Raises:
        OSError, LockedError, FileChangedError: as `_judged`; members landed before are found landed the next time.
    """
    outcomes: list[dict[str, Any]] = []
    passed: list[str] = []
    with TemporaryDirectory(prefix="ecoai-archive-") as folder:
        try:
            for one in members(Found(path, readable_name(path.name)), Path(folder), passed, settings.sources):
                outcomes.append(_member_landed(lake, settings, one, options))
        except IngestError as error:
            outcomes.append({"file": error.file, "fate": Fate.REJECTED, "error": str(error)})
    fates = {outcome["fate"] for outcome in outcomes}
    fate = next((one for one in (Fate.PROCESSED, Fate.REJECTED) if one in fates), Fate.PASSED_OVER)
    refused = [outcome for outcome in outcomes if outcome["fate"] is Fate.REJECTED]
    said: dict[str, Any] = {"sha256": digest_of(path), "members": outcomes, "passed_over": passed}
    if refused:
        said["error"] = "; ".join(outcome["error"] for outcome in refused)
    return fate, {**said, **_kept(all(outcome.get("kept", True) for outcome in outcomes))}


def _member_landed(lake: Lake, settings: Settings, one: Found | IngestError, options: IngestOptions) -> dict[str, Any]:
    """What became of a member."""
    if isinstance(one, IngestError):
        return {"file": one.file, "fate": Fate.REJECTED, "error": str(one)}
    fate, why = _judged(lake, settings, one.path, options, one.file)
    outcome = {"file": one.file, "fate": fate, **why}
    if fate is Fate.REJECTED and why.get("kept", True):
        target = _free_name(lake.root / fate, one.file.replace("/", "_"))
        write_text(target.with_name(f"{target.name}.reason.json"), json.dumps(outcome, indent=1, ensure_ascii=False, default=str) + "\n")
        shutil.copyfile(one.path, target)
    return outcome


def _judged(lake: Lake, settings: Settings, path: Path, options: IngestOptions, file: str | None = None) -> tuple[Fate, dict[str, Any]]:
    """Whether a file is accepted, and what is to be said of it; `file` is the name of a member of an archive.

    Raises:
        OSError, LockedError: the disk or another writer is in the way, which is no fault of the file.
        FileChangedError: it is being written to after all.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise IngestError(path, "it is a link or a device, whose content may change at any time; drop the file itself")
        return Fate.PROCESSED, {"sha256": digest_of(path), **_taken_in(lake, settings, path, options, file)}
    except (FileChangedError, LockedError):
        raise
    except NoTableError as error:
        return Fate.PASSED_OVER, {"error": str(error), "sha256": _digest(path)}
    except IngestError as error:
        return Fate.REJECTED, {"error": str(error), "sha256": _digest(path), **_kept(Reason.ERASED not in error.reasons)}
    except PermissionError as error:
        if error.filename != str(path):
            raise
        return Fate.REJECTED, {"error": f"it cannot be read ({error.strerror}); allow this user to read it and drop it again"}
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        message = f"a fault of this program, not of the file: {type(error).__name__}: {error}; report it with the traceback"
        return Fate.REJECTED, {"error": message, "traceback": traceback.format_exc(), "sha256": _digest(path)}


def _taken_in(lake: Lake, settings: Settings, path: Path, options: IngestOptions, file: str | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    if is_registry(path):
        registered = register_file(lake, settings, path, at=now)
        names = sorted({meter.meter_id for meter in registered.fresh})
        return {"source": "registry", "rows_added": len(registered.fresh), "meters": names, **_kept(not registered.erased)}
    result = ingest_file(lake, settings, path, options, received_at=now, file=file)
    return {**{name: value for name, value in result.summary().items() if name != "file"}, **_kept(not result.holds_erased)}


def _kept(kept: bool) -> dict[str, Any]:
    """Whether the dropped file itself may lie anywhere from now on."""
    return {} if kept else {"kept": False, "not_kept_because": "it holds a meter that was erased"}


def _digest(path: Path) -> str | None:
    try:
        return digest_of(path) if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def _free_name(folder: Path, name: str) -> Path:
    """A place under a name that no earlier file has, and that leaves room for what is put behind it."""
    stem, suffix = Path(name).stem, Path(name).suffix
    while len(os.fsencode(stem + suffix)) > _LONGEST_NAME:
        stem, suffix = (stem[:-1], suffix) if len(stem) > 1 else (stem, suffix[:-1])
    folder.mkdir(parents=True, exist_ok=True)
    target, count = folder / f"{stem}{suffix}", 1
    while os.path.lexists(target):
        count += 1
        target = folder / f"{stem}-{count}{suffix}"
    return target


def _move(path: Path, target: Path) -> None:
    """Rename, or copy whole and remove where the inbox lies on another file system."""
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replacing(target) as temporary:
            shutil.copy2(path, temporary, follow_symlinks=False)
        path.unlink()
