"""Which nights are due when: a fixed clock, and zones east and west of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ecoai_pipeline.detection.due import Night, day_bounds, last_day, newest_nights, next_due

DELAY = timedelta(hours=2.5)
ZONES = ("Asia/Seoul", "Europe/London", "America/New_York", "Asia/Kathmandu")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(moment: str, *zones: str) -> dict[str, str]:
    return {zone: str(night.day) for night in newest_nights(zones, at(moment), DELAY) for zone in night.zones}


def test_at_half_past_two_in_seoul_only_seouls_day_is_over() -> None:
    assert days("2025-03-01T17:30", *ZONES) == {
        "Asia/Seoul": "2025-03-01",
        "Europe/London": "2025-02-28",
        "America/New_York": "2025-02-28",
        "Asia/Kathmandu": "2025-02-28",
    }
    assert days("2025-03-01T17:29", "Asia/Seoul") == {"Asia/Seoul": "2025-02-28"}


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Asia/Seoul", "2025-03-01T17:30"),
        ("Asia/Kathmandu", "2025-03-01T20:45"),
        ("Asia/Kolkata", "2025-03-01T21:00"),
        ("Europe/London", "2025-03-02T02:30"),
        ("America/New_York", "2025-03-02T07:30"),
        ("Pacific/Kiritimati", "2025-03-01T12:30"),
        ("Pacific/Pago_Pago", "2025-03-02T13:30"),
    ],
)
def test_each_zone_gets_the_first_of_march_two_and_a_half_hours_after_its_midnight(zone: str, due: str) -> None:
    (night,) = newest_nights([zone], at(due), DELAY)
    assert night == Night(at(due), date(2025, 3, 1), (zone,))
    (before,) = newest_nights([zone], at(due) - timedelta(minutes=1), DELAY)
    assert before.day == date(2025, 2, 28)


def test_every_day_of_a_year_is_due_once_in_each_zone_clock_changes_included() -> None:
    zones = (*ZONES, "America/Scoresbysund", "Africa/Cairo", "Australia/Lord_Howe")
    seen: dict[str, list[date]] = {zone: [] for zone in zones}
    moment, end = at("2025-01-02T15:00"), at("2026-01-02T15:00")
    while moment < end:
        for night in newest_nights(zones, moment, DELAY):
            for zone in night.zones:
                if night.day not in seen[zone][-1:]:
                    seen[zone].append(night.day)
        moment += timedelta(minutes=15)
    expected = [date(2025, 1, 1) + timedelta(days=k) for k in range(366)]
    for zone in zones:
        assert seen[zone] == expected[: len(seen[zone])], zone
        assert len(seen[zone]) >= 365


def test_zones_with_one_midnight_share_a_night_and_its_key_does_not_depend_on_them() -> None:
    night, later = newest_nights(["Europe/Berlin", "Europe/Paris", "Europe/London"], at("2025-07-02T01:00"), DELAY)
    assert (night.zones, night.day) == (("Europe/London",), date(2025, 6, 30))
    assert (later.zones, later.day) == (("Europe/Berlin", "Europe/Paris"), date(2025, 7, 1))
    assert later.key == "2025-07-01 due 2025-07-02T00:30Z" == newest_nights(["Europe/Rome"], at("2025-07-02T10:00"), DELAY)[0].key


def test_the_day_of_a_clock_change_ends_an_hour_earlier_or_later() -> None:
    assert [
        end - start for start, end in (day_bounds(date(2025, 3, 30), "Europe/London"), day_bounds(date(2025, 10, 26), "Europe/London"))
    ] == [
        timedelta(hours=23),
        timedelta(hours=25),
    ]
    # In Scoresbysund the clocks go back from 00:00 to 23:00: the 25th of October 2025 ends at its first midnight, 02:00 at the latest.
    assert last_day("America/Scoresbysund", at("2025-10-26T02:30")) == date(2025, 10, 25)


def test_the_next_night_is_that_of_the_zone_whose_midnight_comes_first() -> None:
    assert next_due(ZONES, at("2025-03-01T17:30"), DELAY) == at("2025-03-01T20:45")
    assert next_due([], at("2025-03-01T17:30"), DELAY) is None
