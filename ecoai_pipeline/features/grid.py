"""The regular grid of each meter in a month: every interval from where it starts to where data can be, read or missing.

Intervals are counted from the start of the local month; those of the month before have negative numbers, so that gaps,
differences and spectra look across the edge without knowing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ecoai_pipeline.domain import Month, Quality
from ecoai_pipeline.features.calendar import month_bounds

_HOUR_S = 3600
_KEPT_H = 48  # an interval that lasts longer than a weekend is the meter's own, and no slip
_KEPT = ("kwh", "quality", "rule", "restated")


@dataclass(frozen=True)
class Grid:
    """The grids of some meters one after another.

    Attributes:
        rows: meter_id, interval_s, number (of the interval, negative in the month before), timestamp, kwh, quality, rule, restated.
        meters: a row per meter: meter_id, zone, interval_s, origin, first and last (number, `last` excluded), offset (in `rows`).
        dropped: readings of the month that the grid has no place for, by reason.
    """

    rows: pl.DataFrame
    meters: pl.DataFrame
    dropped: Mapping[str, int]


def horizons(readings: pl.LazyFrame, zones: Mapping[str, str]) -> dict[str, datetime]:
    """By zone the end of the last reading with a value; later than that nobody can say that a reading is missing."""
    ends = readings.filter(pl.col("kwh").is_not_null()).group_by("meter_id").agg(_ends().max().alias("end"))
    by_zone = _zone_of(ends.collect(), zones).group_by("zone").agg(pl.col("end").max())
    return dict(by_zone.iter_rows())


def regular_grid(
    current: pl.DataFrame, before: pl.DataFrame, month: Month, zones: Mapping[str, str], horizon: Mapping[str, datetime]
) -> Grid:
    """Lay the readings of some meters on their grids.

    Args:
        current, before: `validated_readings` of the month and of the month before, in the table's order; a meter may be
            in one of them alone.
        month: the local month.
        zones: time zone of every meter.
        horizon: from `horizons` of the whole partition.

    A meter's interval is the one most of its readings of the month have (of the month before, if it has none in this); where
    it changed within the month, the longer one, to which the others are summed up. Readings of any other are left out. A
    reading off the grid belongs to the interval it falls into, the first one wins.
    The grid begins with the meter's first reading, or with the month where there is any in the month before; it ends with the
    month, whatever readings lie behind it.
    """
    meters = _meters(current, before, month, zones)
    own, earlier = (_numbered(readings, meters) for readings in (current, before))
    meters = _bounded(meters, own, earlier.filter(pl.col("number") < 0), horizon)
    kept = _placed(pl.concat([earlier.filter(pl.col("number") < 0), own.filter(pl.col("number") >= 0)]), meters)
    return Grid(_rows(meters, kept), meters.drop("end"), _dropped(current, own, kept))


def _ends() -> pl.Expr:
    return pl.col("timestamp") + pl.duration(seconds="interval_s")


def _zone_of(frame: pl.DataFrame, zones: Mapping[str, str]) -> pl.DataFrame:
    return frame.with_columns(pl.col("meter_id").replace_strict(zones, return_dtype=pl.String).alias("zone"))


def _meters(current: pl.DataFrame, before: pl.DataFrame, month: Month, zones: Mapping[str, str]) -> pl.DataFrame:
    """meter_id, interval_s, continued (has readings in the month before), zone, origin and end of its month."""
    own, earlier = _interval(current), _interval(before)
    meters = _zone_of(pl.concat([own, earlier.join(own, on="meter_id", how="anti")]), zones).sort("meter_id")
    bounds = [(zone, *month_bounds(month, zone)) for zone in meters["zone"].unique()]
    time = pl.Datetime("us", "UTC")
    edges = pl.DataFrame(bounds, schema={"zone": pl.String, "origin": time, "end": time}, orient="row")
    continued = pl.col("meter_id").is_in(earlier["meter_id"].implode()).alias("continued")
    return meters.with_columns(continued).join(edges, on="zone", maintain_order="left")


def _interval(readings: pl.DataFrame) -> pl.DataFrame:
    """The interval most readings of a meter have; where it changed for good within the month, the longer of the two.

    Changed means that both last and neither begins before the other ends; readings of the shorter one can then be summed up.
    """
    first, last = pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last")
    counts = readings.group_by("meter_id", "interval_s").agg(pl.len(), first, last).sort("len", "interval_s", descending=[True, False])
    modal = counts.unique("meter_id", keep="first", maintain_order=True)
    both = modal.join(counts, on="meter_id", suffix="_other", maintain_order="left")
    hours = [pl.col(f"len{end}") * pl.col(f"interval_s{end}") / _HOUR_S for end in ("", "_other")]
    apart = (pl.col("last") < pl.col("first_other")) | (pl.col("last_other") < pl.col("first"))
    multiple = (pl.col("interval_s_other") > pl.col("interval_s")) & (pl.col("interval_s_other") % pl.col("interval_s") == 0)
    longer = both.filter(apart, multiple, pl.min_horizontal(hours) > _KEPT_H).group_by("meter_id").agg(pl.col("interval_s_other").max())
    chosen = pl.coalesce("interval_s_other", "interval_s").alias("interval_s")
    return modal.join(longer, on="meter_id", how="left", maintain_order="left").select("meter_id", chosen)


def _numbered(readings: pl.DataFrame, meters: pl.DataFrame) -> pl.DataFrame:
    """Readings with the number of the interval they fall into, those of a shorter interval summed up to their meter's."""
    known = meters.select("meter_id", "origin", grid_s="interval_s")
    fitting = readings.join(known, on="meter_id", maintain_order="left").filter(pl.col("grid_s") % pl.col("interval_s") == 0)
    # A day of 23 or 25 hours moves the start of intervals of several hours by one; the slack keeps each in its own day.
    slack = pl.when(pl.col("grid_s") > _HOUR_S).then(_HOUR_S).otherwise(0)
    since = (pl.col("timestamp") - pl.col("origin")).dt.total_microseconds() // 1_000_000
    placed = fitting.with_columns(number=(since + slack) // pl.col("grid_s"), parts=pl.lit(1, pl.UInt32))
    columns = ("meter_id", "number", *_KEPT, "parts")
    whole, shorter = placed.filter(pl.col("interval_s") == pl.col("grid_s")), placed.filter(pl.col("interval_s") < pl.col("grid_s"))
    if shorter.is_empty():
        return whole.select(columns)
    summed = _summed(shorter).join(whole, on=["meter_id", "number"], how="anti", maintain_order="left")
    return pl.concat([whole.select(columns), summed.select(columns)]).sort("meter_id", "number", maintain_order=True)


def _summed(shorter: pl.DataFrame) -> pl.DataFrame:
    """Readings of one number as one; without all of its parts it is missing."""
    covered = pl.col("interval_s").filter(pl.col("kwh").is_not_null()).sum()
    doubt = pl.col("quality").filter(pl.col("quality") != Quality.MEASURED).first()
    return shorter.group_by("meter_id", "number", maintain_order=True).agg(
        kwh=pl.when(covered == pl.col("grid_s").first()).then(pl.col("kwh").sum()),
        quality=pl.coalesce(doubt, pl.lit(Quality.MEASURED.value)),
        rule=pl.col("rule").drop_nulls().first(),
        restated=pl.col("restated").any(),
        parts=pl.col("parts").sum(),
    )


def _bounded(meters: pl.DataFrame, current: pl.DataFrame, before: pl.DataFrame, horizon: Mapping[str, datetime]) -> pl.DataFrame:
    """Add first and last number and the offset of each meter; meters whose grid is empty fall away."""
    own = current.group_by("meter_id").agg(
        pl.col("number").min().alias("begin"), pl.col("number").filter(pl.col("kwh").is_not_null()).max().alias("read")
    )
    earlier = before.group_by("meter_id").agg(pl.col("number").min().alias("earlier"))
    time = pl.Datetime("us", "UTC")
    known = pl.col("zone").replace_strict(horizon, default=None, return_dtype=time).fill_null(pl.col("origin"))
    whole = (pl.min_horizontal(known, "end") - pl.col("origin")).dt.total_seconds() // pl.col("interval_s")
    of_month = -((pl.col("origin") - pl.col("end")).dt.total_seconds() // pl.col("interval_s"))
    read = pl.when(pl.col("read").is_not_null()).then(pl.min_horizontal(pl.col("read") + 1, of_month))
    begin = pl.when("continued").then(0).otherwise("begin")
    return (
        meters.join(own, on="meter_id", how="left", maintain_order="left")
        .join(earlier, on="meter_id", how="left", maintain_order="left")
        .with_columns(pl.min_horizontal("earlier", begin).alias("first"), pl.max_horizontal(whole, read).alias("last"))
        .filter(pl.col("last") > pl.max_horizontal("first", 0))
        .with_columns((pl.col("last") - pl.col("first")).cum_sum().shift(1, fill_value=0).alias("offset"))
        .select("meter_id", "zone", "interval_s", "origin", "end", "first", "last", "offset")
    )


def _placed(readings: pl.DataFrame, meters: pl.DataFrame) -> pl.DataFrame:
    """The readings that have a place, one per interval, with `position`, their row in the grid."""
    places = meters.select("meter_id", "first", "last", (pl.col("offset") - pl.col("first")).alias("origin_row"))
    inside = readings.join(places, on="meter_id", maintain_order="left").filter(
        pl.col("number") >= pl.col("first"), pl.col("number") < pl.col("last")
    )
    placed = inside.with_columns((pl.col("origin_row") + pl.col("number")).alias("position"))
    # Readings come in order of time, so those of one interval are neighbours.
    first = (pl.col("position") != pl.col("position").shift(1)).fill_null(value=True)
    return placed.filter(first).select("number", "position", *_KEPT, "parts")


def _rows(meters: pl.DataFrame, readings: pl.DataFrame) -> pl.DataFrame:
    numbers = pl.int_ranges("first", "last").alias("number")
    grid = meters.select("meter_id", "interval_s", "origin", numbers).explode("number").with_row_index("position")
    timestamp = pl.col("origin") + pl.duration(seconds=pl.col("number") * pl.col("interval_s"))
    restated = pl.col("restated").fill_null(value=False)
    return (
        grid.with_columns(pl.col("position").cast(pl.Int64))
        .join(readings.drop("number"), on="position", how="left", maintain_order="left")
        .select("meter_id", "interval_s", "number", timestamp.alias("timestamp"), "kwh", _quality(), "rule", restated)
    )


def _quality() -> pl.Expr:
    return pl.when(pl.col("kwh").is_null()).then(pl.lit(Quality.MISSING.value)).otherwise("quality").alias("quality")


def _dropped(current: pl.DataFrame, numbered: pl.DataFrame, kept: pl.DataFrame) -> dict[str, int]:
    """Every reading of the month is on the grid, by itself or summed up, or counted here."""
    used, placed = (int(frame["parts"].sum()) for frame in (numbered, kept.filter(pl.col("number") >= 0)))
    return {"other_interval": current.height - used, "no_place": used - placed}
