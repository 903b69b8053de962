"""The meter × day summary: what each local day of a meter lacks, judged where single readings cannot be."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.domain import Month, Quality
from ecoai_pipeline.quality.measures import local_time
from ecoai_pipeline.quality.rules import COLLECTION, DayRule, Rule

_END = pl.col("timestamp") + pl.duration(seconds=pl.col("interval_s"))
_METER_DAY = ["meter_id", "day"]


def horizons(readings: pl.LazyFrame, meters: pl.DataFrame, default_zone: str) -> pl.DataFrame:
    """Until when readings can be expected: per zone the end of the last reading of any meter (zone, horizon)."""
    last = readings.group_by("meter_id").agg(horizon=_END.max()).collect()
    zone = pl.col("zone").fill_null(default_zone)
    return last.join(meters, on="meter_id", how="left").group_by(zone=zone).agg(pl.col("horizon").max()).sort("zone")


def silent_meters(readings: pl.LazyFrame, past: pl.LazyFrame, meters: pl.DataFrame) -> pl.DataFrame:
    """Meters of the registry that read in the month before and are silent in this one: meter_id, zone, usual_s."""
    spoke = readings.select(pl.col("meter_id").unique()).collect()
    silent = past.join(spoke.lazy(), on="meter_id", how="anti").group_by("meter_id").agg(usual_s=pl.col("interval_s").mode().min())
    return silent.collect().join(meters.select("meter_id", "zone"), on="meter_id").select("meter_id", "zone", "usual_s").sort("meter_id")


def by_day(
    marked: pl.DataFrame,
    month: Month,
    horizon: pl.DataFrame,
    before: pl.DataFrame | None = None,
    *,
    arrivals: pl.DataFrame,
    silent: pl.DataFrame | None = None,
    missing_days: int = 1,
) -> pl.DataFrame:
    """One row per meter and local day, from the meter's first reading (or the month's start, if it read before) to the horizon.

    Args:
        marked: examined and marked readings of whole meters.
        month: the local month; readings of other days are counted too, so that they can be found.
        horizon: as of `horizons`.
        before: readings before the month, for the meters that have any.
        arrivals: readings that stood after a later one in their file (ARRIVALS), of these meters or more; the readings
            themselves are sorted, so that they cannot tell it.
        silent: as of `silent_meters`; their days have no readings.
        missing_days: so many whole days on end without a value are missing days.

    Returns:
        meter_id; day; readings (with a value); expected and missing (intervals of the meter's usual length, by the real
        length of the day: 23, 24 or 25 h); completeness (share of the expected time that readings cover);
        null_run_h (longest stretch without a value that touches the day, hours; absent rows count),
        zero_run_h, flat_run_h (longest runs that touch it, hours); intervals (different lengths);
        overlaps (readings that begin before the one before has ended); suspect; miscollected (readings that meet a rule on how
        days were collected), and of some other rules (readings that meet them);
        interval_changed (1 where a new interval begins that lasts); order_breaks (readings that stood after a later one);
        missing_day (1 where the whole day has no value); outside_month (1 where the day is of another month); kwh.
    """
    began = [] if before is None else before["meter_id"].unique().to_list()
    spans = _spans(marked, month, horizon, began, silent)
    days = _calendar(spans, month).join(_measured(marked), on=_METER_DAY, how="full", coalesce=True)
    gaps = _longest_gap(marked, spans)
    breaks = _order_breaks(arrivals, spans)
    return (
        days.join(gaps, on=_METER_DAY, how="left")
        .join(breaks, on=_METER_DAY, how="left")
        .join(spans.select("meter_id", "usual_s"), on="meter_id", how="left")
        .with_columns(pl.col("expected_s").fill_null(0), pl.col(_COUNTS).fill_null(0), pl.col(_HOURS).fill_null(0.0))
        .with_columns(expected=(pl.col("expected_s") / pl.col("usual_s")).round().cast(pl.Int32))
        .with_columns(
            missing=(pl.col("expected") - pl.col("readings")).clip(0),
            completeness=pl.when(pl.col("expected_s") > 0).then(pl.col("covered_s") / pl.col("expected_s")).otherwise(1.0),
        )
        .sort(_METER_DAY)
        .with_columns(_missing_day(missing_days), _outside(month))
        .select(*_METER_DAY, "readings", "expected", "missing", "completeness", *_HOURS, *_COUNTS[2:], *_FLAGS, "kwh")
    )


# Rules that a day counts one by one; of runs it tells the length instead.
_COUNTED = (Rule.COUNTER_RESET, Rule.ABOVE_HISTORY, Rule.OFF_GRID, Rule.DRIFTING)
_COUNTS = [
    "readings",
    "covered_s",
    "intervals",
    "overlaps",
    "suspect",
    "miscollected",
    *_COUNTED,
    DayRule.INTERVAL_CHANGED.value,
    "order_breaks",
]
_HOURS = ["null_run_h", "zero_run_h", "flat_run_h"]
_FLAGS = [DayRule.MISSING_DAY.value, "outside_month"]


def _missing_day(least: int) -> pl.Expr:
    """Whether a day lies in a stretch of at least so many whole days without a value; the rows are sorted by meter and day."""
    empty = (pl.col("readings") == 0) & pl.col("whole").fill_null(False)
    stretch = (pl.col("meter_id").ne_missing(pl.col("meter_id").shift()) | (empty != empty.shift())).cum_sum()
    return (empty & (pl.len().over(stretch) >= least)).cast(pl.Int32).alias(DayRule.MISSING_DAY.value)


def _outside(month: Month) -> pl.Expr:
    inside = pl.col("day").is_between(month.first_day, month.next.first_day, closed="left")
    return (~inside).cast(pl.Int32).alias("outside_month")


def day_start(day: date, zone: str) -> datetime:
    """The instant at which a local day begins; where the clock skips midnight, the instant of the skip.

    >>> (day_start(date(2021, 3, 29), "Europe/Berlin") - day_start(date(2021, 3, 28), "Europe/Berlin")).total_seconds() / 3600
    23.0
    """
    utc = ZoneInfo("UTC")
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(utc)


def _spans(marked: pl.DataFrame, month: Month, horizon: pl.DataFrame, began: list[str], silent: pl.DataFrame | None) -> pl.DataFrame:
    """Per meter from when to when it should have read, and in which steps: meter_id, zone, usual_s, start, stop (UTC)."""
    first = marked.group_by("meter_id").agg(pl.col("zone").first(), pl.col("usual_s").first(), first=pl.col("timestamp").min())
    if silent is not None:
        never = pl.lit(None, marked.schema["timestamp"])
        first = pl.concat([first, silent.with_columns(pl.col("usual_s").cast(marked.schema["usual_s"]), first=never)])
        began = [*began, *silent["meter_id"]]
    zones = {zone: day_start(month.first_day, zone) for zone in first["zone"].unique().sort()}
    starts = pl.DataFrame({"zone": list(zones), "opens": list(zones.values())}, schema_overrides={"opens": marked.schema["timestamp"]})
    known = first.join(starts, on="zone", how="left").join(horizon, on="zone", how="left")
    start = pl.when(pl.col("meter_id").is_in(began)).then(pl.min_horizontal("opens", "first")).otherwise("first")
    return known.select("meter_id", "zone", "usual_s", start=start, stop="horizon")


def _calendar(spans: pl.DataFrame, month: Month) -> pl.DataFrame:
    """The local days of the month that each span touches, with the expected seconds of each: meter_id, day, expected_s, whole."""
    count = (month.next.first_day - month.first_day).days
    dates = [month.first_day + timedelta(days=n) for n in range(count)]
    rows = [(zone, d, day_start(d, zone), day_start(d + timedelta(days=1), zone)) for zone in spans["zone"].unique().sort() for d in dates]
    instant = spans.schema["start"]
    days = pl.DataFrame(rows, schema={"zone": pl.String, "day": pl.Date, "opens": instant, "closes": instant}, orient="row")
    expected = pl.min_horizontal("closes", "stop") - pl.max_horizontal("opens", "start")
    return (
        spans.join(days, on="zone")
        .with_columns(expected_s=expected.dt.total_seconds(), whole=expected == pl.col("closes") - pl.col("opens"))
        .filter(pl.col("expected_s") > 0)
        .select(*_METER_DAY, "expected_s", "whole")
    )


def _measured(marked: pl.DataFrame) -> pl.DataFrame:
    """What the readings of each meter and day tell."""
    present, run = pl.col("kwh").is_not_null(), pl.col("run_h")
    met = {rule.value: pl.col("rule").str.contains(rule, literal=True).sum().cast(pl.Int32) for rule in _COUNTED}
    return (
        marked.with_columns(day=pl.col("local").dt.date(), overlap=pl.col("timestamp") < _END.shift().over("meter_id"))
        .group_by(_METER_DAY)
        .agg(
            readings=present.sum().cast(pl.Int32),
            covered_s=pl.col("interval_s").filter(present).sum().cast(pl.Int64),
            zero_run_h=run.filter(pl.col("kwh") == 0).max(),
            flat_run_h=run.filter(pl.col("kwh") != 0).max(),
            intervals=pl.col("clock_s").n_unique().cast(pl.Int32),
            overlaps=pl.col("overlap").sum().cast(pl.Int32),
            interval_changed=pl.col("changed").sum().cast(pl.Int32),
            suspect=(pl.col("quality") == Quality.SUSPECT).sum().cast(pl.Int32),
            miscollected=pl.col("rule").str.contains("|".join(COLLECTION)).sum().cast(pl.Int32),
            kwh=pl.col("kwh").sum(),
            **met,
        )
    )


def _order_breaks(arrivals: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """How many readings of each day stood after a later one: meter_id, day, order_breaks."""
    zoned = arrivals.join(spans.select("meter_id", "zone"), on="meter_id")
    days = zoned.with_columns(day=local_time(spans["zone"].unique().to_list()).dt.date())
    return days.group_by(_METER_DAY).agg(order_breaks=pl.len().cast(pl.Int32))


def _longest_gap(marked: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """The longest stretch without a value that touches each day: meter_id, day, null_run_h."""
    present = marked.filter(pl.col("kwh").is_not_null()).select("meter_id", until="timestamp", end=_END)
    edges = spans.join(present.group_by("meter_id").agg(pl.col("until").first(), pl.col("end").last()), on="meter_id", how="left")
    opening = edges.select("meter_id", "until", since="start")
    closing = edges.select("meter_id", until="stop", since=pl.coalesce("end", "start"))
    same_meter = pl.col("meter_id") == pl.col("meter_id").shift()
    between = present.select("meter_id", "until", since=pl.when(same_meter).then(pl.col("end").shift()))
    gaps = pl.concat([opening, between, closing]).filter(pl.col("until") > pl.col("since"))
    return _by_local_day(gaps.join(spans.select("meter_id", "zone"), on="meter_id"))


def _by_local_day(gaps: pl.DataFrame) -> pl.DataFrame:
    hours = (pl.col("until") - pl.col("since")).dt.total_seconds() / 3600
    parts = [_days_of(part.with_columns(null_run_h=hours), zone) for (zone,), part in gaps.group_by("zone", maintain_order=True)]
    schema = {"meter_id": pl.String, "day": pl.Date, "null_run_h": pl.Float64}
    return pl.concat([pl.DataFrame(schema=schema), *parts]).group_by(_METER_DAY).agg(pl.col("null_run_h").max())


def _days_of(gaps: pl.DataFrame, zone: object) -> pl.DataFrame:
    first = pl.col("since").dt.convert_time_zone(str(zone)).dt.date()
    last = (pl.col("until") - pl.duration(microseconds=1)).dt.convert_time_zone(str(zone)).dt.date()
    return gaps.select("meter_id", "null_run_h", day=pl.date_ranges(first, last)).explode("day").select(*_METER_DAY, "null_run_h")
