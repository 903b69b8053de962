"""Events against known faults: which faults were found, which events were false alarms, each counted once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from ecoai_pipeline.sources.simulation.faults import TRUTH
from ecoai_pipeline.sources.simulation.maintenance import STOPS

_FOUND = pl.col("event_id").is_not_null()
_COUNTS = (
    pl.len().alias("faults"),
    _FOUND.sum().alias("found"),
    pl.col("kwh").abs().sum(),
    pl.col("kwh").filter(_FOUND).abs().sum().alias("kwh_found"),
)


@dataclass(frozen=True)
class Matched:
    """Faults and events told apart.

    Attributes:
        found: faults that some event overlaps, with `event_id` of the one that overlaps longest.
        missed: the other faults.
        false_alarms: events that overlap no fault.
        per_kind: per kind of fault `kind, faults, found, kwh, kwh_found`.
        per_depth: the same per quartile of these faults' depth, `quartile` 1 being the shallowest, with the depths `least` and `most`.
    """

    found: pl.DataFrame
    missed: pl.DataFrame
    false_alarms: pl.DataFrame
    per_kind: pl.DataFrame
    per_depth: pl.DataFrame

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
        faults: `meter_id, kind, start, end, kwh, depth`, times in UTC.
        tolerance: how far an event may lie before or after a fault and still count.

    Raises:
        ValueError: a column is missing.
    """
    _require(events, ("event_id", "meter_id", "start", "end"), "events")
    _require(faults, tuple(TRUTH), "faults")
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
        per_kind=marked.group_by("kind").agg(*_COUNTS).sort("kind"),
        per_depth=_per_depth(marked),
    )


def during(events: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """The events that overlap a span (`meter_id, start, end`) of their meter, such as a planned stop."""
    pairs = events.select("event_id", "meter_id", "start", "end").join(
        spans.select("meter_id", "start", "end"), on="meter_id", suffix="_span"
    )
    inside = pairs.filter(pl.col("start") < pl.col("end_span"), pl.col("end") > pl.col("start_span"))
    return events.join(inside, on="event_id", how="semi", maintain_order="left")


def read_faults(path: Path) -> pl.DataFrame:
    """The record of injected faults that the simulator writes (TRUTH)."""
    return _read(path, TRUTH)


def read_stops(path: Path) -> pl.DataFrame:
    """The record of planned stops that the simulator writes (STOPS)."""
    return _read(path, STOPS)


def _read(path: Path, schema: pl.Schema) -> pl.DataFrame:
    times = [name for name, dtype in schema.items() if dtype == pl.Datetime]
    texts = {name: pl.String() if name in times else dtype for name, dtype in schema.items()}
    return pl.read_csv(path, schema_overrides=texts).with_columns(pl.col(times).str.to_datetime(time_unit="us", time_zone="UTC"))


def depth_quartile() -> pl.Expr:
    """The quarter of the faults in order of depth that each belongs to, 1 being the shallowest, as `quartile`."""
    return (4 * (pl.col("depth").rank("ordinal") - 1) // pl.len() + 1).cast(pl.Int32).alias("quartile")


def _per_depth(marked: pl.DataFrame) -> pl.DataFrame:
    """Quarters of the faults in order of depth, equal in number but for a remainder."""
    ranges = (pl.col("depth").min().alias("least"), pl.col("depth").max().alias("most"))
    return marked.group_by(depth_quartile()).agg(*ranges, *_COUNTS).sort("quartile")


def _require(frame: pl.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"{what}: columns {missing} are missing; found {frame.columns}")
