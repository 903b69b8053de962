"""The files to read in what people name or drop: folders opened, archives unpacked, and the leavings of other programs passed over."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ecoai_pipeline.settings import SourceParams
from ecoai_pipeline.sources.encoding import name_in_archive
from ecoai_pipeline.sources.reasons import IngestError

JUNK = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", ".spotlight-v100", ".trashes"})
"""Files and folders that desktops leave beside others, in small letters."""
_JUNK_STARTS = (".", "~$", "~")
SMALL = 1 << 20
"""Members up to this size are never meant to do harm, whatever their ratio."""
LEVELS = 2
"""An archive may hold archives, but not these again."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What reading a torn archive, or one packed in a rare way, raises."""
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_OFFICE = ("[Content_Types].xml", "mimetype")


@dataclass(frozen=True)
class Found:
    """A file to read, and the name under which it is shown; `named` is whether a person named it, or its folder or archive."""

    path: Path
    file: str
    named: bool = False


def is_junk(name: str) -> bool:
    """Whether a file or folder of this name is left by a program and never holds readings.

    >>> [is_junk(name) for name in (".DS_Store", "Thumbs.db", "~$book.xlsx", "._a.csv", "__MACOSX", "a.csv")]
    [True, True, True, True, True, False]
    """
    return name.lower() in JUNK or (name.startswith(_JUNK_STARTS) and name != "..")


def files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files below a folder in order of name, and those that are junk."""
    inside = sorted(path for path in folder.rglob("*") if path.is_file())
    junk = [path for path in inside if any(map(is_junk, path.relative_to(folder).parts))]
    return [path for path in inside if path not in set(junk)], junk


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive of files; workbooks and other documents of offices are zip archives, too, but one file.

    A pipe is not opened: that would wait for a writer.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            if not stream.read(4).startswith(b"PK"):
                return False
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
    return not names & set(_OFFICE) and not any(name.startswith("xl/") for name in names)


def read_members(found: Found, folder: Path, passed: list[str], bounds: SourceParams) -> Iterator[Found | IngestError]:
    """The file itself, or the members of an archive; an archive that cannot be read is an error like that of a member."""
    if not is_archive(found.path):
        yield found
        return
    try:
        yield from members(found, folder, passed, bounds)
    except IngestError as error:
        yield error


@contextmanager
def _opened(found: Found) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(found.path) as archive:
            yield archive
    except _DAMAGED as error:
        raise IngestError(found.file, f"the zip archive is torn, damaged or packed in a rare way ({error}); unpack it") from error


def members(found: Found, folder: Path, passed: list[str], bounds: SourceParams, level: int = 1) -> Iterator[Found | IngestError]:
    """The files of an archive one by one, each in `folder` until the next is asked for; a member that cannot be unpacked is an error.

    Args:
        passed: to this the names are added of members that are junk.
        bounds: how much an archive may hold, and how far a member may be packed.
        level: depth of the archive within others.

    Raises:
        IngestError: the archive is damaged or would unpack to more than `archive_gb`.
    """
    with _opened(found) as archive:
        inside = [info for info in archive.infolist() if not info.is_dir()]
        unpacked = sum(info.file_size for info in inside)
        if unpacked > bounds.archive_gb * (1 << 30) or len(inside) > bounds.archive_files:
            advice = "unpack it, or raise sources.archive_gb or archive_files in params.yaml"
            raise IngestError(found.file, f"unpacked it has {len(inside)} files and {unpacked >> 20} MiB, which is too much; {advice}")
        for number, info in enumerate(inside):
            name = _name(info)
            if any(map(is_junk, PurePosixPath(name).parts)):
                passed.append(f"{found.file}/{name}")
                continue
            yield from _member(archive, info, Found(folder / f"{level}-{number}", f"{found.file}/{name}"), passed, bounds, level)


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, member: Found, passed: list[str], bounds: SourceParams, level: int
) -> Iterator[Found | IngestError]:
    trouble = _trouble(info, bounds)
    if trouble:
        yield IngestError(member.file, trouble)
        return
    try:
        with archive.open(info) as packed, member.path.open("wb") as target:
            shutil.copyfileobj(packed, target, SMALL)
        if not is_archive(member.path):
            yield member
        elif level < LEVELS:
            yield from members(member, member.path.parent, passed, bounds, level + 1)
        else:
            yield IngestError(member.file, "it is an archive within archives; unpack it")
    except (*_DAMAGED, RuntimeError) as error:
        yield IngestError(member.file, f"it cannot be unpacked ({error}); ask for the archive again")
    finally:
        member.path.unlink(missing_ok=True)


def _trouble(info: zipfile.ZipInfo, bounds: SourceParams) -> str | None:
    """Why a member is not unpacked."""
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    if info.filename.startswith(("/", "\\")) or ".." in parts or ":" in info.filename[:2]:
        return "its name leads out of the archive; pack it again with plain names"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link; pack the file itself"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted; unpack the archive with its password"
    if info.file_size > max(SMALL, bounds.archive_ratio * info.compress_size):
        return f"{info.compress_size} bytes of it unpack to {info.file_size}, which is meant to do harm; unpack it if you trust it"
    return None


def _name(info: zipfile.ZipInfo) -> str:
    """The name of a member; without the mark of UTF-8 its bytes are UTF-8, CP949 or CP437, whichever makes words."""
    name = info.filename if info.flag_bits & _UTF8_NAME else name_in_archive(info.orig_filename.encode("cp437", errors="replace"))
    return name.replace("\\", "/")
