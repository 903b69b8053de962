"""The wall clock: which instant a local time means, and how long an interval of wall time really lasts.

Where clocks go back, times come twice; where they go forward, times are skipped. Providers write both in several ways;
a test for each way is in tests/sources/test_zones.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.domain import Month
from ecoai_pipeline.sources.placing import spacing_of_meter
from ecoai_pipeline.sources.reasons import Reason

Ambiguous = Literal["earliest", "latest", "null"]
_HOUR_S, _DAY_S = 3600, 86_400
_SUMMED = 1.6
"""Times the energy of the hours around it from which an hour is taken for the sum of two."""
_MOMENT, _LOCAL = pl.duration(microseconds=1), pl.Datetime("us")


def parted(frame: pl.DataFrame, column: str) -> list[pl.DataFrame]:
    """The rows of each value of a column; most frames hold one value, and nothing of them is copied."""
    if frame.select(pl.col(column).eq_missing(pl.col(column).first()).all()).item():
        return [frame] if frame.height else []
    return frame.partition_by(column)


def to_utc(frame: pl.DataFrame, spacing: Mapping[str, int], *, ends: bool) -> pl.DataFrame:
    """Fill `utc` from `local` where the file gave local times.

    - Of times that come twice in a file, the first are the earlier ones, or the last in a file that runs backwards.
    - A reading whose time is skipped has `skipped_s`, by how much; it counts as the moment of the change when that is where
      the skipped times begin, as the start of an interval that lasts longer or the end of one; else `reason` says so.

    Args:
        frame: readings of a month (line, cell, meter, zone, local, utc).
        spacing: of the grid by meter, seconds, an hour at most.
        ends: whether stamps are the ends of intervals.

    Returns:
        the frame with `wall` (whether the file gave a local time), `skipped_s` (seconds, else 0) and `reason`.
    """
    parts = [_zone_to_utc(part, spacing, ends=ends) for part in parted(frame, "zone")]
    none = pl.lit(None, pl.String)
    return pl.concat(parts) if parts else frame.with_columns(wall=pl.lit(True), skipped_s=pl.lit(0, pl.Int64), reason=none)


def by_wall_clock(frame: pl.DataFrame, *, ends: bool) -> pl.DataFrame:
    """Correct `interval_s` of more than an hour where the file does not state it: from wall time to wall time a day has 23, 24 or 25 hours.

    Instants count as wall time when they lie at a multiple of the interval from midnight, as those of daily readings do.
    """
    long = ~pl.col("stated") & ((pl.col("interval_s") > _HOUR_S) | (pl.col("skipped_s") > 0))
    marked = frame.with_columns(long=long.fill_null(False))
    if not marked["long"].any():
        return frame
    parts = marked.partition_by("zone", "long")
    return pl.concat([_real_length(part, ends=ends) if part["long"][0] else part for part in parts]).drop("long")


@lru_cache(maxsize=1024)
def falls_back(zone: str, month: Month) -> tuple[datetime, timedelta] | None:
    """The instant in a month at which the clocks of a zone go back, and by how much; None where they do not."""
    clock, hour = ZoneInfo(zone), timedelta(hours=1)

    def ahead(at: datetime) -> timedelta:
        return at.astimezone(clock).utcoffset() or timedelta()

    day, until = (datetime(one.year, one.month, 1, tzinfo=UTC) for one in (month, month.next))
    while day < until:
        following = day + timedelta(days=1)
        if ahead(day) != ahead(following):
            for at in (day + n * hour for n in range(24)):
                if (back := ahead(at) - ahead(at + hour)) > timedelta():
                    return at + hour, back
        day = following
    return None


def given_once(settled: pl.DataFrame, at: datetime, back: timedelta) -> list[str]:
    """Meters whose local stamps give the hour that comes twice once, as stamps do that ignore the clock change.

    Not those whose one reading holds the energy of both: it is much larger than those of the hours around it.

    Args:
        settled: readings of a month (meter, timestamp, kwh, wall).
        at, back: of `falls_back`.
    """

    def energy(hours: int) -> pl.Expr:
        begins = at + hours * back
        return pl.col("kwh").filter((pl.col("timestamp") >= begins) & (pl.col("timestamp") < begins + back))

    near = settled.filter("wall", pl.col("timestamp").is_between(at - 2 * back, at + 2 * back))
    around = near.group_by("meter").agg(
        before=energy(-2).sum(),
        first=energy(-1).sum(),
        once=(energy(-1).len() > 0) & (energy(0).len() == 0) & (energy(1).len() > 0),
        after=energy(1).sum(),
    )
    usual = pl.max_horizontal("before", "after")
    return around.filter("once", pl.col("first") < _SUMMED * usual)["meter"].sort().to_list()


def _real_length(part: pl.DataFrame, *, ends: bool) -> pl.DataFrame:
    zone = part["zone"][0]
    length = pl.duration(seconds=pl.col("interval_s"))
    shown = pl.col("local")
    until = _shown(pl.col("utc") - _MOMENT, zone) + _MOMENT  # where clocks skip midnight, this is midnight and not 1:00
    edge = pl.when(_is_aligned(shown)).then(shown).when(_is_aligned(until)).then(until).when("wall").then(shown)
    other = edge - length if ends else edge + length
    instant = pl.coalesce(_instant(other, zone), _change(other, zone))
    seconds = (instant - pl.col("utc")).dt.total_seconds().abs().cast(pl.Int32)
    return part.with_columns(interval_s=pl.coalesce(pl.when(seconds > 0).then(seconds), "interval_s"))


def _is_aligned(local: pl.Expr) -> pl.Expr:
    return local.dt.epoch("s") % _DAY_S % pl.min_horizontal("interval_s", pl.lit(_DAY_S)) == 0


def _shown(instant: pl.Expr, zone: str) -> pl.Expr:
    """What the clock on the wall shows."""
    return instant.dt.convert_time_zone(zone).dt.replace_time_zone(None)


def _instant(local: pl.Expr, zone: str, ambiguous: Ambiguous = "earliest") -> pl.Expr:
    """The instant of a local time; null where it is skipped."""
    return local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone("UTC")


def _comes_twice(local: pl.Expr, zone: str) -> pl.Expr:
    return _instant(local, zone, "null").is_null() & _instant(local, zone).is_not_null()


def _change(local: pl.Expr, zone: str) -> pl.Expr:
    """The moment of the clock change for the first of the times that it skips; null for all others."""
    return _instant(local - _MOMENT, zone) + _MOMENT


def _zone_to_utc(part: pl.DataFrame, spacing: Mapping[str, int], *, ends: bool) -> pl.DataFrame:
    zone = part["zone"][0]
    known = part.with_columns(
        utc=pl.coalesce("utc", _instant(pl.col("local"), zone, "null")),
        wall=pl.col("utc").is_null(),
        skipped_s=pl.lit(0, pl.Int64),
        reason=pl.lit(None, pl.String),
    )
    known = _with_starts_in_the_fold(known, zone) if ends else known.with_columns(stamp="local")
    if known["utc"].null_count() == 0:
        return known.drop("stamp")
    doubtful = pl.col("utc").is_null()
    skipped = _skipped(known.filter(doubtful, _instant(pl.col("stamp"), zone).is_null()), zone, ends=ends)
    twice = _passes(known.filter(doubtful, _instant(pl.col("stamp"), zone).is_not_null()), known, spacing)
    stamp = pl.col("stamp")
    instant = pl.when("second").then(_instant(stamp, zone, "latest")).otherwise(_instant(stamp, zone))
    solved = twice.with_columns(utc=instant + (pl.col("local") - stamp))
    return pl.concat([part.select(known.columns) for part in (known.filter(~doubtful), skipped, solved)]).drop("stamp")


def _skipped(rows: pl.DataFrame, zone: str, *, ends: bool) -> pl.DataFrame:
    """Skipped times: the first of them is the moment of the change, the others are no times."""
    moved = rows.with_columns(utc=_change(pl.col("local"), zone))
    later = (_shown(pl.col("utc"), zone) - pl.col("local")).dt.total_seconds().fill_null(0)
    return moved.with_columns(
        skipped_s=pl.lit(0, pl.Int64) if ends else later,
        reason=pl.when(pl.col("utc").is_null()).then(pl.lit(Reason.NO_SUCH_TIME.value)),
    )


def _with_starts_in_the_fold(known: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Give `stamp`, the time by which to tell which pass of the hour that comes twice an end belongs to.

    Some write the end as the clock shows it then (…, 1:59 → 1:00), some as the start on the clock plus the length
    (…, 1:59 → 2:00, and 2:00 comes twice). Then the last moment of the interval tells, for that meter's stamps of the month.
    """
    before = pl.col("local") - _MOMENT
    comes_twice, was_twice = _comes_twice(pl.col("local"), zone), _comes_twice(before, zone)
    opens, closes = (comes_twice & ~was_twice).sum(), (was_twice & ~comes_twice).sum()
    # A single one may be an end as the clock shows it, of which the others lie in the month before.
    by_length = pl.col("wall") & ((closes > 1) & (closes > opens)).over("meter")
    moved = known.with_columns(stamp=pl.when(by_length).then(before).otherwise("local"))
    again = _instant(pl.col("stamp"), zone, "null") + _MOMENT
    return moved.with_columns(utc=pl.when(pl.col("stamp") < pl.col("local")).then(again).otherwise("utc"))


def _passes(twice: pl.DataFrame, month: pl.DataFrame, spacing: Mapping[str, int]) -> pl.DataFrame:
    """Add `second`: whether a time that comes twice is meant the second time.

    Per meter in the order of the file, or against it where the file runs backwards: once the times fall back the second
    pass has begun. Where they never do, as times are sorted or an interval is as long as a pass, equal times alternate; of hourly
    readings slightly off the grid, the one begins the second pass that follows the one before it much too soon (2:00:01 after 1:59:59).
    """
    step = pl.col("local").diff().dt.total_seconds().sign()
    backwards = month.sort("line", "cell").group_by("meter").agg(backwards=step.sum() < 0)
    numbered = _around(twice, month).sort("line", "cell").with_row_index("at").join(backwards, on="meter", how="left")
    at = pl.when("backwards").then(-pl.col("at").cast(pl.Int64)).otherwise(pl.col("at").cast(pl.Int64))
    before = pl.col("stamp").shift(1).over("meter")
    hourly = (spacing_of_meter(spacing) == _HOUR_S).fill_null(value=False)
    soon = hourly & ((pl.col("stamp") - before).dt.total_seconds() < _HOUR_S // 2).fill_null(value=False)
    ordered = numbered.with_columns(at=at).sort("meter", "at").with_columns(soon=soon)
    ordered = ordered.filter("twice").with_columns(falls=(pl.col("stamp") < before).fill_null(value=False))
    alternate = pl.int_range(pl.len()).over("meter", "stamp") % 2 == 1
    return ordered.with_columns(
        second=pl.when(pl.col("falls").sum().over("meter") == 1)
        .then(pl.col("falls").cum_sum().over("meter") > 0)
        .when(pl.col("soon").sum().over("meter") == 1)
        .then(pl.col("soon").cum_sum().over("meter") > 0)
        .otherwise(alternate)
    )


def _around(twice: pl.DataFrame, month: pl.DataFrame) -> pl.DataFrame:
    """Readings whose times come twice, marked by `twice`, and those up to an hour before and behind them."""
    first, last = twice["stamp"].min(), twice["stamp"].max()
    hour = pl.duration(hours=1)
    near = month.filter(pl.col("stamp").is_between(pl.lit(first, _LOCAL) - hour, pl.lit(last, _LOCAL) + hour))
    others = near.join(twice.select("line", "cell"), on=["line", "cell"], how="anti")
    return pl.concat([twice.with_columns(twice=pl.lit(value=True)), others.with_columns(twice=pl.lit(value=False))])
