"""What happened when: one new file per record, numbered, never rewritten."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from ecoai_pipeline.storage.atomic import write_text

R = TypeVar("R", bound=BaseModel)
_NUMBERED = re.compile(r"(\d{6,})\.json")
_ends: dict[Path, int] = {}  # by folder the highest number seen, so that appending need not list what is there


class Ledger(Generic[R]):
    """An append-only list of records of one type, as JSON files under a folder."""

    def __init__(self, folder: Path, record: type[R]) -> None:
        self.folder = folder
        self.record = record

    def append(self, record: R) -> int:
        """Store a record as the next one and return its number; safe beside other writers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{uuid.uuid4().hex}.tmp"
        temporary.write_text(record.model_dump_json(indent=1), encoding="utf-8")
        try:
            number = self._last() + 1
            while not _linked(temporary, self._path(number)):
                number += 1
        finally:
            temporary.unlink()
        _ends[self.folder] = number
        return number

    def read(self) -> list[tuple[int, R]]:
        """All records, oldest first, with their numbers.

        Raises:
            ValueError: a file is not what this ledger writes; the message names it.
        """
        return [(number, self._parse(path)) for number, path in self._files()]

    def last(self, count: int) -> list[tuple[int, R]]:
        """The newest `count` records, oldest first."""
        return [(number, self._parse(path)) for number, path in self._files()[-count:]]

    def since(self, last: int) -> list[tuple[int, R]]:
        """Records after the one numbered `last`, oldest first; looks for those alone, however many came before."""
        if last == 0:
            return self.read()
        found = []
        while (path := self._path(last + 1)).exists():
            last += 1
            found.append((last, self._parse(path)))
        return found

    def mark(self, last: int) -> tuple[int, ...]:
        """Changes when another ledger takes this one's place, or the record numbered `last` is written anew."""
        folder, record = self.folder, self._path(last)
        if not record.exists():
            return (folder.stat().st_ino,) if folder.exists() else ()
        return folder.stat().st_ino, record.stat().st_ino, record.stat().st_mtime_ns

    def rewrite(self, change: Callable[[R], R | None]) -> int:
        """Write anew each record that `change` gives another form, and the last one in any case, which tells readers; returns how many.

        For what must be forgotten and nothing else: a ledger is appended to. None leaves a record as it is.
        """
        files = self._files()
        changed = 0
        for number, path in files:
            record = self._parse(path)
            new = change(record)
            changed += new is not None
            if new is not None or number == files[-1][0]:
                write_text(path, (new or record).model_dump_json(indent=1))
        return changed

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.json"

    def _parse(self, path: Path) -> R:
        try:
            return self.record.model_validate_json(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path} is not a record of this ledger: {error}; restore it from a backup") from error

    def _files(self) -> list[tuple[int, Path]]:
        if not self.folder.exists():
            return []
        named = ((_NUMBERED.fullmatch(path.name), path) for path in self.folder.iterdir())
        return sorted((int(match[1]), path) for match, path in named if match)

    def _last(self) -> int:
        end = _ends.get(self.folder, 0)
        if end and self._path(end).exists():
            return end
        files = self._files()
        return files[-1][0] if files else 0


def _linked(source: Path, target: Path) -> bool:
    """Give `source` the name `target` unless it is taken; a link is atomic and never overwrites."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True
