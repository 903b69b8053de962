"""Readings of a file set aside on disk by month, and taken up again for as many meters as memory should hold at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

Meters = Sequence[str] | None
"""Some meters of a file; none stands for all of them."""
_FILES_OPEN = 128  # a process may open 1,024, and Dagster's databases need some


class Aside:
    """Readings of one file by month, in a folder of their own.

    Each block of the file becomes one Arrow file with a batch per month: a block of a long history has hundreds of months,
    and a file for each of them costs more than its readings.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._blocks = 0
        self._pieces: dict[int, list[_Piece]] = {}
        self._open: dict[Path, pa.RecordBatchFileReader] = {}
        self._schema = pl.Schema()

    @property
    def keys(self) -> list[int]:
        """Months as numbers, 202203, in order."""
        return sorted(self._pieces)

    def put(self, rows: pl.DataFrame) -> None:
        """Set readings (month, meter and others) aside; columns without a value are not written."""
        self._schema = rows.schema
        if rows.is_empty():
            return
        filled = [name for name, nulls in zip(rows.columns, rows.null_count().row(0), strict=True) if nulls < rows.height]
        ordered = rows.select(filled).sort("month", maintain_order=True).rechunk()
        path = self._folder / f"{self._blocks:06d}.arrow"
        self._blocks += 1
        table, start = ordered.to_arrow(), 0
        with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as file:
            for number, (month, meters) in enumerate(_readings_by_month(ordered).items()):
                count = sum(meters.values())
                file.write_table(table.slice(start, count).combine_chunks(), max_chunksize=count)
                self._pieces.setdefault(month, []).append(_Piece(path, number, meters))
                start += count

    def take(self, key: int, meters: Meters) -> pl.DataFrame:
        """The readings of some meters in a month, in the order in which they came."""
        pieces = self._pieces[key]
        if meters is not None:
            wanted = frozenset(meters)
            pieces = [piece for piece in pieces if not wanted.isdisjoint(piece.rows)] or pieces[:1]
        rows = pl.concat(self._completed(pl.DataFrame(self._batch(piece))) for piece in pieces)
        return rows if meters is None else rows.filter(pl.col("meter").is_in(list(meters)))

    def _completed(self, rows: pl.DataFrame) -> pl.DataFrame:
        missing = [pl.lit(None, dtype).alias(name) for name, dtype in self._schema.items() if name not in rows.columns]
        return rows.with_columns(missing).select(self._schema.names())

    def _batch(self, piece: _Piece) -> pa.RecordBatch:
        if piece.path not in self._open:
            if len(self._open) >= _FILES_OPEN:
                self._open.clear()
            self._open[piece.path] = pa.ipc.open_file(pa.memory_map(str(piece.path)))
        return self._open[piece.path].get_batch(piece.batch)

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


def _readings_by_month(ordered: pl.DataFrame) -> dict[int, dict[str, int]]:
    """How many readings each meter has in each month, in the order of the months."""
    found: dict[int, dict[str, int]] = {}
    for month, meter, count in ordered.group_by("month", "meter", maintain_order=True).len().iter_rows():
        found.setdefault(int(month), {})[meter] = count
    return found


@dataclass(frozen=True)
class _Piece:
    """The readings of a month in a block: a batch of an Arrow file, and how many it holds of each meter."""

    path: Path
    batch: int
    rows: Mapping[str, int]
