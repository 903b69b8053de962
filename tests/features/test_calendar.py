"""What the local calendar says of an interval."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from ecoai_pipeline.features.calendar import Place, holiday_name, holidays_of, with_calendar


def calendar(zone: str, *times: datetime, interval_s: int = 900) -> list[dict[str, object]]:
    schema = {"timestamp": pl.Datetime("us", "UTC"), "interval_s": pl.Int32}
    return with_calendar(
        pl.DataFrame({"timestamp": times, "interval_s": [interval_s] * len(times)}, schema=schema), Place.of(zone)
    ).to_dicts()


def at(zone: str, *local: datetime) -> list[dict[str, object]]:
    return calendar(zone, *(moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for moment in local))


def test_slots_count_from_local_midnight_and_from_monday() -> None:
    monday, sunday = at("Asia/Seoul", datetime(2022, 3, 7, 0, 0), datetime(2022, 3, 6, 23, 45))
    assert (monday["slot_of_day"], monday["slot_of_week"], monday["weekend"]) == (0, 0, False)
    assert (sunday["slot_of_day"], sunday["slot_of_week"], sunday["weekend"]) == (95, 671, True)


def test_on_days_of_23_and_25_hours_slots_follow_the_clock_on_the_wall() -> None:
    short, long = (day_slots(date(2021, 3, 28), 23), day_slots(date(2021, 10, 31), 25))
    assert short == [hour for hour in range(24) if hour != 2]
    assert long == sorted([*range(24), 2])


def day_slots(day: date, hours: int) -> list[object]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    rows = calendar("Europe/Berlin", *(midnight + timedelta(hours=hour) for hour in range(hours)), interval_s=3600)
    return [row["slot_of_day"] for row in rows]


@pytest.mark.parametrize(
    ("month", "season"), [(2, "winter"), (3, "spring"), (5, "spring"), (6, "summer"), (9, "autumn"), (11, "autumn"), (12, "winter")]
)
def test_seasons_change_with_march_june_september_and_december(month: int, season: str) -> None:
    assert at("Asia/Seoul", datetime(2022, month, 1))[0]["season"] == season


def test_seollal_is_a_holiday_from_its_local_midnight_to_the_next() -> None:
    # Seollal of 2022: 31 January to 2 February.
    first = at("Asia/Seoul", datetime(2022, 1, 30, 23, 45), datetime(2022, 1, 31, 0, 0), datetime(2022, 2, 2, 23, 45), datetime(2022, 2, 3))
    assert [row["holiday"] for row in first] == [False, True, True, False]


def test_a_day_off_in_lieu_counts() -> None:
    assert date(2023, 1, 24) in holidays_of(Place.of("Asia/Seoul"), 2023)


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT-9"])
def test_a_zone_of_no_known_country_has_no_holidays(zone: str) -> None:
    assert at(zone, datetime(2022, 1, 1))[0]["holiday"] is False


@pytest.mark.parametrize(
    ("stated", "country", "subdivision"),
    [
        ({"zone": "Europe/Berlin"}, "DE", None),
        ({"zone": "Europe/Berlin", "region": "DE-BY"}, "DE", "BY"),
        ({"zone": "Europe/Berlin", "region": "Bayern"}, "DE", "BY"),
        ({"zone": "Europe/London", "region": "GB-SCT"}, "GB", "SCT"),
        ({"zone": "Europe/London", "country": "GB", "subdivision": "SCT"}, "GB", "SCT"),
        ({"zone": "UTC", "subdivision": "DE-BY"}, "DE", "BY"),
        ({"zone": "UTC"}, None, None),
        ({"zone": "Asia/Seoul", "region": "경기도"}, "KR", None),
        ({"zone": "Asia/Seoul", "region": "IN-HOUSE"}, "KR", None),
        ({"zone": "Asia/Seoul", "region": "MY-PLANT 2"}, "KR", None),
        ({"zone": "Europe/Berlin", "country": "AT", "region": "hall 7-North"}, "AT", None),
    ],
)
def test_a_place_is_what_the_registry_says_else_what_the_zone_says(
    stated: dict[str, str], country: str | None, subdivision: str | None
) -> None:
    place = Place.of(**stated)
    assert (place.country, place.subdivision) == (country, subdivision)


def test_holidays_of_a_subdivision_are_added_to_those_of_the_country() -> None:
    """Epiphany is free in Bavaria and not in Hamburg; St Andrew's Day is free in Scotland alone."""
    epiphany, andrew = date(2025, 1, 6), date(2025, 12, 1)
    assert [epiphany in holidays_of(Place.of("Europe/Berlin", region=region), 2025) for region in ("DE-BY", "DE-HH", "")] == [
        True,
        False,
        False,
    ]
    assert [andrew in holidays_of(Place.of("Europe/London", region=region), 2025) for region in ("GB-SCT", "GB-ENG")] == [True, False]


@pytest.mark.parametrize(
    ("zone", "day", "lang", "name"),
    [
        ("Asia/Seoul", date(2025, 3, 1), "en", "Independence Movement Day (삼일절)"),
        ("Asia/Seoul", date(2025, 3, 3), "ko", "삼일절 대체 휴일"),
        ("Europe/Berlin", date(2025, 10, 3), "en", "German Unity Day (Tag der Deutschen Einheit)"),
        ("Europe/Berlin", date(2025, 10, 3), "ko", "German Unity Day (Tag der Deutschen Einheit)"),
        ("Europe/London", date(2025, 12, 26), "en", "Boxing Day"),
        ("Asia/Seoul", date(2025, 3, 2), "en", None),
        ("UTC", date(2025, 12, 25), "en", None),
    ],
)
def test_a_holiday_is_named_in_the_language_of_the_reader_and_in_its_own(
    zone: str, day: date, lang: Literal["en", "ko"], name: str
) -> None:
    assert holiday_name(Place.of(zone), day, lang) == name
