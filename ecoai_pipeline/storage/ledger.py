"""What happened when: one new file per record, numbered, never rewritten."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

R = TypeVar("R", bound=BaseModel)
_NUMBERED = re.compile(r"(\d{6})\.json")


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
            while not _linked(temporary, self.folder / f"{number:06d}.json"):
                number += 1
        finally:
            temporary.unlink()
        return number

    def read(self) -> list[tuple[int, R]]:
        """All records, oldest first, with their numbers.

        Raises:
            ValueError: a file is not what this ledger writes; the message names it.
        """
        return [(number, self._parse(path)) for number, path in self._files()]

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
        files = self._files()
        return files[-1][0] if files else 0


def _linked(source: Path, target: Path) -> bool:
    """Give `source` the name `target` unless it is taken; a link is atomic and never overwrites."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True
