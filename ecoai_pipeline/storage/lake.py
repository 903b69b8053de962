"""The partitioned tables: Hive-partitioned Parquet that DuckDB and polars read without this code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ecoai_pipeline.domain import Industry, Month, MonthRange, Partition, Table
from ecoai_pipeline.settings import StorageParams
from ecoai_pipeline.storage.atomic import replacing, write_text
from ecoai_pipeline.storage.damage import of_partition, readable, scanned
from ecoai_pipeline.storage.locks import writer_lock
from ecoai_pipeline.storage.schema import conform, empty, schema_of

EMPTY = "empty"
_META = b"ecoai"
# Arrow's own allocator asks the system for much more memory than it uses: reading a first Parquet file took 0.8 s of CPU for that alone.
pa.set_memory_pool(pa.system_memory_pool())


@dataclass(frozen=True)
class PartitionInfo:
    """What the footer of a partition says of it.

    `content` is a digest of the rows alone; `fingerprint` one of all that they were made from.
    """

    rows: int
    meters: int
    content: str
    fingerprint: str
    facts: Mapping[str, Any] = field(default_factory=dict)


NOTHING = PartitionInfo(rows=0, meters=0, content=EMPTY, fingerprint="")


@dataclass(frozen=True)
class Written:
    """Outcome of writing a partition; `changed` tells whether its rows differ from those before."""

    info: PartitionInfo
    changed: bool
    skipped: bool = False


class Lake:
    """Tables by industry and month under a root folder."""

    def __init__(self, root: Path, params: StorageParams | None = None) -> None:
        self.root = Path(root)
        self.params = params or StorageParams()

    def path(self, table: Table, partition: Partition) -> Path:
        return self.root / table.name / f"industry={partition.industry}" / f"month={partition.month}" / "part.parquet"

    def months(self, table: Table, industry: Industry) -> list[Month]:
        """Months of an industry that have rows, in order."""
        folder = self.root / table.name / f"industry={industry}"
        return sorted(Month.parse(part.parent.name.removeprefix("month=")) for part in folder.glob("month=*/part.parquet"))

    def partitions(self, table: Table) -> list[Partition]:
        return [Partition(industry, month) for industry in Industry for month in self.months(table, industry)]

    def info(self, table: Table, partition: Partition) -> PartitionInfo:
        """Facts of a partition without reading its rows; `NOTHING` where there is none."""
        path = self.path(table, partition)
        if not path.exists():
            return NOTHING
        with readable(path, *of_partition(table, partition)):
            footer = pq.read_metadata(path)
        meta = json.loads((footer.metadata or {}).get(_META, b"{}"))
        if not meta:
            raise ValueError(f"{path} was not written by this pipeline; move it away and materialize {table.name} for {partition} again")
        return PartitionInfo(rows=footer.num_rows, **meta)

    def made_at(self, table: Table, partition: Partition) -> float:
        """When the file of a partition was last written, seconds since 1970; 0 where there is none."""
        path = self.path(table, partition)
        return path.stat().st_mtime if path.exists() else 0.0

    def scan(self, table: Table, partitions: Partition | Iterable[Partition], meters: Sequence[str] | None = None) -> pl.LazyFrame:
        """Rows of one or several partitions, lazily, with the table's columns; absent partitions have no rows."""
        wanted = [partitions] if isinstance(partitions, Partition) else list(partitions)
        there = [(path, partition) for partition in wanted if (path := self.path(table, partition)).exists()]
        frames = [scanned(path, *of_partition(table, partition)) for path, partition in there] or [empty(table).lazy()]
        frame = pl.concat(_complete(frame, table) for frame in frames)
        return frame if meters is None else of_meters(frame, meters)

    def read(self, table: Table, partitions: Partition | Iterable[Partition], meters: Sequence[str] | None = None) -> pl.DataFrame:
        return self.scan(table, partitions, meters).collect()

    def chunks(self, table: Table, partition: Partition) -> Iterator[pl.DataFrame]:
        """The rows in chunks of whole meters, about `row_group_rows` at a time."""
        path = self.path(table, partition)
        if not path.exists():
            return
        with readable(path, *of_partition(table, partition)):
            footer, start = pq.read_metadata(path), 0
            for group in range(footer.num_row_groups):
                rows = footer.row_group(group).num_rows
                frame = pl.scan_parquet(path, hive_partitioning=False).slice(start, rows)
                yield _complete(frame, table).cast(schema_of(table)).collect()
                start += rows

    def write(
        self,
        table: Table,
        partition: Partition,
        frames: Iterable[pl.DataFrame],
        *,
        fingerprint: str,
        facts: Mapping[str, Any] | None = None,
    ) -> Written:
        """Replace a partition by `frames`, which hold whole meters in order.

        Without rows it is removed; a table that keeps empty partitions keeps it if it was made from something.

        A frame that does not conform to the table leaves the partition as it was.

        Raises:
            SchemaError: a frame does not have the table's columns.
            ValueError: the frames are not in the order of their meters.
        """
        path, before = self.path(table, partition), self.info(table, partition)
        with replacing(path) as temporary:
            info = write_parquet(temporary, table, frames, self.params.row_group_rows, fingerprint, {} if facts is None else facts)
            vanishes = info.rows == 0 and not (table.keeps_empty and fingerprint)
            if vanishes or info == before:
                temporary.unlink()
        if vanishes:
            path.unlink(missing_ok=True)
            info = NOTHING
        return Written(info, changed=info.content != before.content)

    def refresh(
        self, table: Table, partition: Partition, fingerprint: str, make: Callable[[dict[str, Any]], Iterable[pl.DataFrame]]
    ) -> Written:
        """Write what `make` yields, unless the partition was made from the same things already.

        `make` gets a dict to put facts into while it yields; they go into the footer.
        """
        before = self.info(table, partition)
        if before.fingerprint == fingerprint:
            return Written(before, changed=False, skipped=True)
        facts: dict[str, Any] = {}
        return self.write(table, partition, make(facts), fingerprint=fingerprint, facts=facts)

    def beside(self, table: Table, partition: Partition, name: str) -> Path:
        """Place of a small file that belongs to a partition, such as its validation results."""
        return self.path(table, partition).parent / name

    def write_beside(self, table: Table, partition: Partition, name: str, value: Mapping[str, Any]) -> None:
        write_text(self.beside(table, partition, name), json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n")

    @property
    def docs(self) -> Path:
        """Folder of the sites about runs."""
        return self.root / "docs"

    def report(self, kind: str, partition: Partition) -> Path:
        """Place of a page on a partition for people to read."""
        return self.root / "reports" / kind / f"industry={partition.industry}" / f"month={partition.month}.html"

    def night_report(self, day: date, industry: Industry | None, lang: str) -> Path:
        """Place of the page about a night, of all industries or of one."""
        name = f"industry={industry}" if industry else "portfolio"
        return self.root / "reports" / "night" / day.isoformat() / f"{name}.{lang}.html"

    def month_report(self, partition: Partition, lang: str) -> Path:
        """Place of the page about an industry's month."""
        return self.root / "reports" / "month" / f"industry={partition.industry}" / f"month={partition.month}.{lang}.html"

    @property
    def evaluations(self) -> tuple[Path, Path]:
        """Folders of what evaluations keep to go on from, and of their results for people to read; all of it can be made again."""
        return self.root / "evaluation", self.root / "reports" / "evaluation"

    def lock(self, name: str) -> AbstractContextManager[None]:
        """The writer lock of an industry, or of `landing`."""
        return writer_lock(self.root / "locks", name, self.params.lock_timeout_s)

    def span(self, table: Table) -> MonthRange | None:
        """First and last month that any industry has."""
        months = [partition.month for partition in self.partitions(table)]
        return MonthRange(min(months), max(months)) if months else None


def of_meters(frame: pl.LazyFrame, meters: Sequence[str]) -> pl.LazyFrame:
    """The rows of some meters in a Parquet file that is sorted by meter.

    Row groups without any of them are not read, as their statistics tell. A filter by a list of names takes ten times as long
    as reading the rows, as it is evaluated while they are decoded.
    """
    if not meters:
        return frame.filter(pl.lit(value=False))
    near = frame.filter(pl.col("meter_id").is_between(pl.lit(min(meters)), pl.lit(max(meters))))
    return near.join(pl.LazyFrame({"meter_id": meters}), on="meter_id", how="semi", maintain_order="left")


def _complete(frame: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    """The table's columns; of a partition that an earlier version wrote those that came later count nothing."""
    there = frame.collect_schema().names()
    nothing = {"bool": False, "i32": 0, "i64": 0}
    later = [column for column in table.columns if column.name not in there]
    added = [pl.lit(nothing.get(column.dtype), schema_of(table)[column.name]).alias(column.name) for column in later]
    return frame.with_columns(added).select(table.names)


def write_parquet(
    target: Path, table: Table, frames: Iterable[pl.DataFrame], group_rows: int, fingerprint: str, facts: Mapping[str, Any]
) -> PartitionInfo:
    """Write frames of whole meters as one Parquet file, row groups ending where a meter ends."""
    rows = meters = 0
    with target.open("wb") as sink:
        hashing = _HashingSink(sink)
        with pq.ParquetWriter(pa.PythonFile(hashing, mode="w"), _arrow_schema(table), compression="zstd") as writer:
            for group in _regrouped(frames, table, group_rows):
                writer.write_table(group.to_arrow().cast(_arrow_schema(table)), row_group_size=group.height)
                rows += group.height
                meters += group["meter_id"].n_unique() if "meter_id" in table.names else 0
            info = PartitionInfo(rows, meters, hashing.digest() if rows else EMPTY, fingerprint, dict(facts))
            meta = {"meters": info.meters, "content": info.content, "fingerprint": fingerprint, "facts": info.facts}
            writer.add_key_value_metadata({_META.decode(): json.dumps(meta, sort_keys=True, default=str)})
    return info


def _regrouped(frames: Iterable[pl.DataFrame], table: Table, group_rows: int) -> Iterator[pl.DataFrame]:
    """Check, sort and join frames until a group is full; refuse meters that come back after they ended."""
    pending: list[pl.DataFrame] = []
    last: Any = None
    for frame in frames:
        if frame.height == 0:
            continue
        ordered = conform(frame, table).sort(table.order, maintain_order=True)
        first = ordered[table.order[0]][0]
        if last is not None and first <= last:
            raise ValueError(f"{table.name}: chunk starts at {first!r} after {last!r}; chunks must hold whole meters, in order")
        last = ordered[table.order[0]][-1]
        pending.append(ordered)
        if sum(part.height for part in pending) >= group_rows:
            yield pl.concat(pending)
            pending = []
    if pending:
        yield pl.concat(pending)


def _arrow_schema(table: Table) -> pa.Schema:
    kinds = {
        "str": pa.string(),
        "f32": pa.float32(),
        "f64": pa.float64(),
        "i32": pa.int32(),
        "i64": pa.int64(),
        "bool": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(column.name, kinds[column.dtype], column.nullable) for column in table.columns])


class _HashingSink:
    """A file that remembers a digest of what was written to it so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.closed = False

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def digest(self) -> str:
        return self._hash.hexdigest()[:32]

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self.closed = True
