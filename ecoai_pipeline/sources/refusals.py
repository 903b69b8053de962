"""Readings of a file that are refused, packed until they are counted and written: a file with a wrong date or unit has millions."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import polars as pl

from ecoai_pipeline.sources.canonical import REFUSED

_AT_ONCE = 100_000
"""Refused readings that are held unpacked: about 15 MB."""


@dataclass(frozen=True)
class _Packed:
    """Some refused readings as compressed bytes, and the first and last of their lines."""

    data: bytes
    first: int
    last: int

    @property
    def rows(self) -> pl.DataFrame:
        return pl.read_ipc(io.BytesIO(self.data))


class Refusals:
    """Refused readings (REFUSED) of a file, in the order in which they were refused."""

    def __init__(self) -> None:
        self.height = 0
        self._packed: list[_Packed] = []
        self._loose: list[pl.DataFrame] = []
        self._loose_rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        self.height += rows.height
        self._loose.append(rows)
        self._loose_rows += rows.height
        if self._loose_rows >= _AT_ONCE:
            self._pack()

    def take_over(self, other: Refusals) -> None:
        """Add those of another pass."""
        self._pack()
        other._pack()
        self._packed += other._packed
        self.height += other.height

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """All of them, some at a time."""
        self._pack()
        return (packed.rows for packed in self._packed)

    def each(self, look: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """What `look` finds in some of them at a time, one below the other."""
        return pl.concat(map(look, [REFUSED.to_frame(), *self]))

    def changed(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Self:
        """All of them after a change of their words."""
        new = type(self)()
        for rows in self:
            new.add(change(rows))
        return new

    def in_order(self) -> Iterator[pl.DataFrame]:
        """All of them by line, some lines at a time; those of a line in the order in which they were refused."""
        lines = self.each(lambda rows: rows.select("line"))["line"].sort()
        starts = lines.gather_every(_AT_ONCE).unique(maintain_order=True).to_list()
        for start, stop in pairwise([*starts, None]):
            inside = pl.col("line") >= start if stop is None else pl.col("line").is_between(start, stop, closed="left")
            near = [packed for packed in self._packed if packed.last >= start and (stop is None or packed.first < stop)]
            yield pl.concat(packed.rows.filter(inside) for packed in near).sort("line", maintain_order=True)

    def _pack(self) -> None:
        if not self._loose:
            return
        rows, data = pl.concat(self._loose).cast(REFUSED), io.BytesIO()
        rows.write_ipc(data, compression="lz4")
        self._packed.append(_Packed(data.getvalue(), int(rows["line"].min()), int(rows["line"].max())))  # type: ignore[arg-type]
        self._loose, self._loose_rows = [], 0


def counted(refused: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Refused readings (reason, line) by the closed list of reasons, the most frequent first: reason, count, first line.

    What follows `; ` in a reason is detail.
    """
    none = pl.DataFrame(schema={"reason": pl.String, "line": pl.Int64})
    parts = [rows.group_by("reason").agg(pl.col("line").min(), count=pl.len()) for rows in [none, *refused]]
    plain = pl.concat(parts).with_columns(pl.col("reason").str.split("; ").list.first())
    summed = plain.group_by("reason").agg(pl.col("count").sum(), pl.col("line").min())
    return summed.sort("count", "reason", descending=[True, False])


def by_reason(refused: Iterable[pl.DataFrame]) -> dict[str, int]:
    """How many readings each reason refuses."""
    return dict(counted(refused).select("reason", "count").iter_rows())


def first_rows(refused: Iterable[pl.DataFrame]) -> dict[str, int]:
    """The first line of each reason, in the order of `by_reason`."""
    return dict(counted(refused).select("reason", "line").iter_rows())
