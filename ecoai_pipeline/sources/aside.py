"""Readings of a file set aside on disk by month, and taken up again for as many meters as memory should hold at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

Meters = Sequence[str] | None
"""Some meters of a file; none stands for all of them."""


class Aside:
    """Pieces of the readings of one file by month, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._pieces: dict[int, list[_Piece]] = {}

    @property
    def keys(self) -> list[int]:
        """Months as numbers, 202203, in order."""
        return sorted(self._pieces)

    def put(self, rows: pl.DataFrame) -> None:
        """Set readings (month, meter and others) aside."""
        for (month,), part in rows.partition_by("month", as_dict=True).items():
            pieces = self._pieces.setdefault(int(month), [])
            path = self._folder / f"{month}-{len(pieces):06d}.arrow"
            part.write_ipc(path, compression="lz4")
            pieces.append(_Piece(path, dict(part["meter"].value_counts().iter_rows())))

    def take(self, key: int, meters: Meters) -> pl.DataFrame:
        """The readings of some meters in a month, in the order in which they came."""
        pieces = self._pieces[key]
        if meters is None:
            return pl.concat([pl.read_ipc(piece.path) for piece in pieces])
        wanted = frozenset(meters)
        about = [piece for piece in pieces if not wanted.isdisjoint(piece.rows)] or pieces[:1]
        return pl.concat([pl.read_ipc(piece.path).filter(pl.col("meter").is_in(list(meters))) for piece in about])

    def groups(self, rows: int) -> Iterator[Meters]:
        """The meters in order of name, in groups that have about `rows` readings at most in any month; a meter stays whole."""
        most = self._most_in_a_month()
        if sum(most.values()) <= rows:
            yield None
            return
        group: list[str] = []
        total = 0
        for name, count in sorted(most.items()):
            if group and total + count > rows:
                yield group
                group, total = [], 0
            group.append(name)
            total += count
        yield group

    def _most_in_a_month(self) -> dict[str, int]:
        """How many readings each meter has in the month where it has most."""
        most: dict[str, int] = {}
        for pieces in self._pieces.values():
            month = Counter[str]()
            for piece in pieces:
                month.update(piece.rows)
            most |= {name: max(count, most.get(name, 0)) for name, count in month.items()}
        return most


@dataclass(frozen=True)
class _Piece:
    """A file of readings, and how many it holds of each meter."""

    path: Path
    rows: Mapping[str, int]
