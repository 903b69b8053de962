"""How an asset body works through its partitions: month by month, under the industry's lock, telling what it did.

Nothing is computed here; the rooms do that. This is the loop and the metadata that all table assets share.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Partition, Table
from ecoai_pipeline.faults import explained

if TYPE_CHECKING:
    from ecoai_pipeline.settings import Settings
    from ecoai_pipeline.storage.lake import Lake, Written

Stage = Callable[["Lake", "Settings", Partition], "Written"]
Plot = Callable[["Lake", Partition], "bytes | None"]


Watcher = Callable[[Table, Partition], None]

_watchers: list[Watcher] = []


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Tell `watcher` of each partition that a run of this process has finished, so that it can show progress."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


@dataclass(frozen=True)
class Done:
    """A partition that was worked on, and how long it took."""

    partition: Partition
    written: Written
    seconds: float


@dataclass(frozen=True)
class Worked:
    """The partitions of a run, and when its asset began."""

    done: list[Done]
    started: float

    @property
    def newest(self) -> list[Partition]:
        """The last partition with rows of each industry."""
        return list({d.partition.industry: d.partition for d in self.done if d.written.info.rows}.values())


def partitions_of(context: dg.AssetExecutionContext) -> list[Partition]:
    """The partitions of a run, by industry and month.

    Raises:
        dagster.Failure: there are none, as in a range that ends before it starts, which Dagster would call a success.
    """
    partitions = sorted(Partition.parse(str(key)) for key in context.partition_keys)
    if not partitions:
        raise dg.Failure("the run covers no partition: its range ends before it starts; swap the two ends")
    return partitions


def work_through(context: dg.AssetExecutionContext, lakehouse: Lakehouse, table: Table, stage: Stage) -> Worked:
    """Run a stage on each partition of the run; one that fails does not stop the others, but fails the asset at the end."""
    worked = Worked([], time.perf_counter())
    lake, settings, done, failures = lakehouse.lake(), lakehouse.settings(), worked.done, {}
    for partition in partitions_of(context):
        started = time.perf_counter()
        try:
            with lake.lock(partition.industry):
                written = stage(lake, settings, partition)
        except Exception as error:
            context.log.exception(f"{table.name} {partition}")
            failures[str(partition)] = explained(error)
            continue
        done.append(Done(partition, written, time.perf_counter() - started))
        context.add_asset_metadata(_metadata(lake, table, done[-1]), partition_key=partition.key)
        for watcher in _watchers:
            watcher(table, partition)
    if failures:
        raise dg.Failure("\n".join(f"{name}, {table.name}: {why}" for name, why in failures.items()), allow_retries=False)
    return worked


def _metadata(lake: Lake, table: Table, done: Done) -> dict[str, Any]:
    info = done.written.info
    return {
        "dagster/row_count": info.rows,
        "meters": info.meters,
        "content": info.content,
        "outcome": outcome(done.written),
        "seconds": round(done.seconds, 3),
        "file": dg.MetadataValue.path(str(lake.path(table, done.partition))),
        **{name: _value(value) for name, value in info.facts.items()},
    }


def outcome(written: Written) -> str:
    """In a word: up to date (nothing was computed), unchanged (computed, the same rows), or written."""
    if written.skipped:
        return "up to date"
    return "written" if written.changed else "unchanged"


def _value(value: Any) -> Any:
    return dg.MetadataValue.json(value) if isinstance(value, dict | list) else value


def result(
    context: dg.AssetExecutionContext,
    worked: Worked,
    *,
    lake: Lake,
    plot: Plot | None = None,
    checks: Iterable[dg.AssetCheckResult] = (),
    extra: dict[str, Any] | None = None,
) -> dg.MaterializeResult:
    """Plot the last partition of each industry, and sum up the run: rows, what changed, how long, the memory's high-water mark.

    Dagster attaches the sums to each partition of the run; hence their names, `run_…`.
    """
    for partition in worked.newest:
        figure = plot(lake, partition) if plot else None
        if figure:
            context.add_asset_metadata({"plot": dg.MetadataValue.md(_picture(figure))}, partition_key=partition.key)
    return dg.MaterializeResult(
        metadata={
            "run_partitions": len(worked.done),
            "run_rows": sum(d.written.info.rows for d in worked.done),
            "run_changed": sum(d.written.changed for d in worked.done),
            **costs(worked.started),
            **(extra or {}),
        },
        check_results=list(checks),
    )


def costs(started: float) -> dict[str, Any]:
    """What an asset of a run cost that began at `started` (perf_counter): seconds, and the memory's high-water mark."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"run_seconds": round(time.perf_counter() - started, 3), "run_peak_mb": peak}


def _picture(png: bytes) -> str:
    from ecoai_pipeline.reporting.figures import as_markdown

    return as_markdown(png, "plot")


def table_asset(**also: Any) -> dict[str, Any]:
    """What all assets by industry and month have in common, as arguments of `@asset`."""
    from ecoai_pipeline.defs.partitions import every_month

    return {"partitions_def": every_month, "backfill_policy": dg.BackfillPolicy.single_run(), "kinds": {"parquet", "polars"}, **also}
