"""The local calendar of an interval: slots, season, weekend, public holidays; computed in whole seconds of local time."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.domain import Month

DAY_S = 86_400
WEEK_S = 7 * DAY_S
_SEASONS = {0: "winter", 1: "spring", 2: "summer", 3: "autumn"}


def month_bounds(month: Month, zone: str) -> tuple[datetime, datetime]:
    """Start and end of a local month, in UTC.

    >>> [t.isoformat() for t in month_bounds(Month(2021, 3), "Europe/Berlin")]
    ['2021-02-28T23:00:00+00:00', '2021-03-31T22:00:00+00:00']
    """
    first, after = (datetime(m.year, m.month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) for m in (month, month.next))
    return first, after


def local_seconds(zone: str) -> pl.Expr:
    """What the clock on the wall shows at `timestamp`, as seconds since 1970-01-01 00:00 of that clock, i64.

    A local day of 23 hours skips some values, one of 25 hours has some twice.
    """
    return pl.col("timestamp").dt.convert_time_zone(zone).dt.replace_time_zone(None).dt.epoch("s")


def with_calendar(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Add the calendar columns of the table `features` to rows of one zone that have `timestamp` and `interval_s`."""
    rows = rows.with_columns(local_seconds(zone).alias("_second")).with_columns((pl.col("_second") // DAY_S).cast(pl.Int32).alias("_day"))
    since_monday = (pl.col("_second") + 3 * DAY_S) % WEEK_S  # 1970-01-01 was a Thursday
    return rows.with_columns(
        (pl.col("_second") % DAY_S // pl.col("interval_s")).cast(pl.Int32).alias("slot_of_day"),
        (since_monday // pl.col("interval_s")).cast(pl.Int32).alias("slot_of_week"),
        (pl.col("_day").cast(pl.Date).dt.month() % 12 // 3).replace_strict(_SEASONS, return_dtype=pl.String).alias("season"),
        (since_monday >= 5 * DAY_S).alias("weekend"),
        pl.col("_day").is_in(_holiday_numbers(rows["_day"], zone)).alias("holiday"),
    ).drop("_second", "_day")


def _holiday_numbers(days: pl.Series, zone: str) -> list[int]:
    """Holidays of the years that `days` (numbers since 1970) touch, as such numbers."""
    first, last = days.min(), days.max()
    if not isinstance(first, int) or not isinstance(last, int):
        return []
    epoch = date(1970, 1, 1)
    years = range((epoch + timedelta(first)).year, (epoch + timedelta(last)).year + 1)
    return sorted((day - epoch).days for year in years for day in holidays_of(zone, year))


@cache
def holidays_of(zone: str, year: int) -> frozenset[date]:
    """Public holidays of the zone's country in a year, substitutes included; none where the country is unknown."""
    import holidays

    country = country_of(zone)
    if country is None or country not in holidays.list_supported_countries():
        return frozenset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return frozenset(holidays.country_holidays(country, years=year))


def country_of(zone: str) -> str | None:
    """ISO code of the country that the tz database lists a zone under; None for zones of no country.

    >>> country_of("Asia/Seoul"), country_of("US/Pacific"), country_of("UTC")
    ('KR', 'US', None)
    """
    return _countries().get(zone) or _countries().get(_aliases().get(zone, ""))


@cache
def _countries() -> dict[str, str]:
    lines = _tz_lines("zone.tab")
    return {line.split("\t")[2]: line[:2] for line in lines if not line.startswith("#")}


@cache
def _aliases() -> dict[str, str]:
    """Older names, as the lines `L target name` of the compact source give them."""
    links = (line.split() for line in _tz_lines("tzdata.zi") if line.startswith("L "))
    return {name: target for _, target, name in links}


def _tz_lines(name: str) -> list[str]:
    return (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8").splitlines()
