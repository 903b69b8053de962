"""The local calendar of an interval: slots, season, weekend, public holidays; computed in whole seconds of local time."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.domain import Meter, Month
from ecoai_pipeline.places import country_of

DAY_S = 86_400
WEEK_S = 7 * DAY_S
_SEASONS = {0: "winter", 1: "spring", 2: "summer", 3: "autumn"}
_LANGUAGES: Mapping[str, tuple[str, ...]] = {"en": ("en_US", "en_GB"), "ko": ("ko", "en_US", "en_GB")}


@dataclass(frozen=True)
class Place:
    """Where a meter is, as far as its calendar depends on it.

    Attributes:
        zone: IANA time zone.
        country: ISO 3166-1 alpha-2; None where it is unknown, and then there are no public holidays.
        subdivision: of the country, as the library `holidays` names it (`BY` for ISO 3166-2 `DE-BY`); None for nationwide holidays only.
    """

    zone: str
    country: str | None = None
    subdivision: str | None = None

    @classmethod
    def of(cls, zone: str, country: str | None = None, subdivision: str | None = None, region: str | None = None) -> Place:
        """The place that a row of the meter registry describes.

        Without a country, an ISO 3166-2 code in `subdivision` or `region` gives it, else the zone, where it lies in one country only.
        The subdivision is a code with or without its country, or a name that the library knows (`Bayern`).

        >>> Place.of("Europe/Berlin", region="DE-BY")
        Place(zone='Europe/Berlin', country='DE', subdivision='BY')
        >>> Place.of("Asia/Seoul", region="경기도")
        Place(zone='Asia/Seoul', country='KR', subdivision=None)
        """
        stated = [text.strip() for text in (subdivision, region) if text and text.strip()]
        known = (country or "").strip().upper() or next(filter(None, map(_country_in, stated)), None) or country_of(zone)
        found = (_subdivision(known, text) for text in stated) if known else iter(())
        return cls(zone, known, next(filter(None, found), None))

    @classmethod
    def of_meter(cls, meter: Meter) -> Place:
        return cls.of(meter.time_zone, meter.country, meter.subdivision, meter.region)


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


def with_calendar(rows: pl.DataFrame, place: Place) -> pl.DataFrame:
    """Add the calendar columns of the table `features` to rows of one place that have `timestamp` and `interval_s`."""
    second = local_seconds(place.zone).alias("_second")
    rows = rows.with_columns(second).with_columns((pl.col("_second") // DAY_S).cast(pl.Int32).alias("_day"))
    since_monday = (pl.col("_second") + 3 * DAY_S) % WEEK_S  # 1970-01-01 was a Thursday
    return rows.with_columns(
        (pl.col("_second") % DAY_S // pl.col("interval_s")).cast(pl.Int32).alias("slot_of_day"),
        (since_monday // pl.col("interval_s")).cast(pl.Int32).alias("slot_of_week"),
        (pl.col("_day").cast(pl.Date).dt.month() % 12 // 3).replace_strict(_SEASONS, return_dtype=pl.String).alias("season"),
        (since_monday >= 5 * DAY_S).alias("weekend"),
        pl.col("_day").is_in(_holiday_numbers(rows["_day"], place)).alias("holiday"),
    ).drop("_second", "_day")


def _holiday_numbers(days: pl.Series, place: Place) -> list[int]:
    """Holidays of the years that `days` (numbers since 1970) touch, as such numbers."""
    first, last = days.min(), days.max()
    if not isinstance(first, int) or not isinstance(last, int):
        return []
    epoch = date(1970, 1, 1)
    years = range((epoch + timedelta(first)).year, (epoch + timedelta(last)).year + 1)
    return sorted((day - epoch).days for year in years for day in holidays_of(place, year))


def holidays_of(place: Place, year: int) -> frozenset[date]:
    """Public holidays at a place in a year, substitute holidays included; none where the country is unknown."""
    return frozenset(_names(place.country, place.subdivision, year, None)) if place.country else frozenset()


def holiday_name(place: Place, day: date, lang: Literal["en", "ko"]) -> str | None:
    """Name of the public holiday of a day, None on other days.

    In the language asked for where the library has it, else in English, else in the country's own; the country's own name follows in
    brackets where it differs.

    >>> holiday_name(Place.of("Asia/Seoul"), date(2025, 3, 1), "en")
    'Independence Movement Day (삼일절)'
    >>> holiday_name(Place.of("Asia/Seoul"), date(2025, 3, 1), "ko")
    '삼일절'
    """
    if day not in holidays_of(place, day.year):
        return None
    own, spoken = _languages(str(place.country))
    language = next((one for one in _LANGUAGES[lang] if one in spoken), own)
    told, local = (_names(place.country, place.subdivision, day.year, one)[day] for one in (language, own))
    return told if told == local else f"{told} ({local})"


@cache
def _names(country: str | None, subdivision: str | None, year: int, language: str | None) -> Mapping[date, str]:
    """Name of each public holiday; none where the library does not know the country."""
    import holidays

    if country not in holidays.list_supported_countries():
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(holidays.country_holidays(country, subdiv=subdivision, years=year, language=language))


@cache
def _languages(country: str) -> tuple[str | None, tuple[str, ...]]:
    """The country's own language and all that the library has its holidays in."""
    import holidays

    known = holidays.country_holidays(country)
    return known.default_language, tuple(known.supported_languages)


def _country_in(text: str) -> str | None:
    """The country of an ISO 3166-2 code, `DE` of `DE-BY`; None of other text, as `IN-HOUSE`: India has no such part."""
    country, dash, _ = text.upper().partition("-")
    return country if dash and len(country) == 2 and _subdivision(country, text) else None


def _subdivision(country: str, text: str) -> str | None:
    """The library's name of a subdivision that is given as a code (`DE-BY`, `by`) or as a name (`Bayern`); None if it has no such one."""
    names = _subdivisions(country)
    plain = text.casefold()
    return names.get(plain) or names.get(plain.removeprefix(f"{country.casefold()}-"))


@cache
def _subdivisions(country: str) -> Mapping[str, str]:
    """Codes and names of a country's subdivisions in lower case, and the code of each."""
    import holidays

    if country not in holidays.list_supported_countries():
        return {}
    known = type(holidays.country_holidays(country))
    return {name.casefold(): code for name, code in known.subdivisions_aliases.items()} | {
        code.casefold(): code for code in known.subdivisions
    }
