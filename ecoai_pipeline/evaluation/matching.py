"""Events against known faults: which faults were found, which events were false alarms, each counted once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class Matched:
    """Faults and events told apart.

    Attributes:
        found: faults that some event overlaps, with `event_id` of the one that overlaps longest.
        missed: the other faults.
        false_alarms: events that overlap no fault.
        per_kind: per kind of fault `kind, faults, found, kwh, kwh_found`.
    """

    found: pl.DataFrame
    missed: pl.DataFrame
    false_alarms: pl.DataFrame
    per_kind: pl.DataFrame

    @property
    def recall(self) -> float | None:
        """Share of the faults that were found; None without faults."""
        faults = self.found.height + self.missed.height
        return self.found.height / faults if faults else None


def match_events(events: pl.DataFrame, faults: pl.DataFrame, tolerance: timedelta = timedelta(0)) -> Matched:
    """Match events to faults of the same meter that overlap in time.

    A fault that several events overlap is found once; an event over several faults finds all of them, and no event that
    overlaps a fault is a false alarm. Nothing is point-adjusted: the figures count events and faults, not readings.

    Args:
        events: `event_id, meter_id, start, end` at least, times in UTC, end excluded.
        faults: `meter_id, kind, start, end, kwh`, times in UTC.
        tolerance: how far an event may lie before or after a fault and still count.

    Raises:
        ValueError: a column is missing.
    """
    _require(events, ("event_id", "meter_id", "start", "end"), "events")
    _require(faults, ("meter_id", "kind", "start", "end", "kwh"), "faults")
    numbered = faults.with_row_index("fault")
    pairs = numbered.select("fault", "meter_id", fault_start="start", fault_end="end").join(
        events.select("event_id", "meter_id", "start", "end"), on="meter_id"
    )
    touching = pairs.filter(pl.col("start") < pl.col("fault_end") + tolerance, pl.col("end") > pl.col("fault_start") - tolerance)
    shared = pl.min_horizontal("end", "fault_end") - pl.max_horizontal("start", "fault_start")
    best = touching.with_columns(shared=shared).sort("fault", "shared", "event_id", descending=[False, True, False])
    once = best.unique("fault", keep="first", maintain_order=True).select("fault", "event_id")
    marked = numbered.join(once, on="fault", how="left", maintain_order="left").drop("fault")
    return Matched(
        found=marked.filter(pl.col("event_id").is_not_null()),
        missed=marked.filter(pl.col("event_id").is_null()).drop("event_id"),
        false_alarms=events.join(touching.select("event_id").unique(), on="event_id", how="anti", maintain_order="left"),
        per_kind=_per_kind(marked),
    )


def read_faults(path: Path) -> pl.DataFrame:
    """The record of injected faults that the simulator writes: `meter_id, kind, start, end, kwh`, times in UTC."""
    return pl.read_csv(path, schema_overrides={"meter_id": pl.String}).with_columns(pl.col("start", "end").str.to_datetime(time_zone="UTC"))


def _per_kind(marked: pl.DataFrame) -> pl.DataFrame:
    was_found = pl.col("event_id").is_not_null()
    return (
        marked.group_by("kind")
        .agg(
            pl.len().alias("faults"),
            was_found.sum().alias("found"),
            pl.col("kwh").abs().sum().alias("kwh"),
            pl.col("kwh").filter(was_found).abs().sum().alias("kwh_found"),
        )
        .sort("kind")
    )


def _require(frame: pl.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"{what}: columns {missing} are missing; found {frame.columns}")
