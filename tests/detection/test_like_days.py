"""An event is compared with the same hours of like days: where these did as much, only the expected load was wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from ecoai_pipeline.detection.like_days import LikeDays
from ecoai_pipeline.detection.loads import Load
from ecoai_pipeline.features.calendar import Place

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
DAYS = 56
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UTC_PLACE, SEOUL = Place("UTC"), Place("Asia/Seoul", "KR")
SPREADS = 2.5
Floats = NDArray[np.float64]


def work(hours: int = 24, free: float = 20.0, busy: float = 100.0) -> Floats:
    """(DAYS, hours): busy from 8 to 18 on working days, else free."""
    hour = np.arange(hours) * 24 // hours
    shift = np.where((hour >= 8) & (hour < 18), busy, free)
    return np.stack([shift if day % 7 < 5 else np.full(hours, free) for day in range(DAYS)])


def scattered(kwh: Floats, sigma: float, seed: int = 0) -> Floats:
    return kwh + np.repeat(np.random.default_rng(seed).normal(0, sigma, (len(kwh), 1)), kwh.shape[1], axis=1)


def load(kwh: Floats, expected: Floats) -> Load:
    step = 86_400 // kwh.shape[1]
    times = np.datetime64(MONDAY.replace(tzinfo=None), "us") + np.arange(kwh.size) * np.timedelta64(step, "s")
    return Load(times, np.full(kwh.size, step), kwh.ravel(), expected.ravel(), np.full(kwh.size, 10.0))


def days_of(kwh: Floats, expected: Floats, start: timedelta, hours: float, place: Place = UTC_PLACE) -> LikeDays:
    return LikeDays.of(load(kwh, expected), MONDAY + start, MONDAY + start + hours * HOUR, place)


def test_a_wrong_expected_load_makes_no_event_of_an_ordinary_day() -> None:
    """The last Friday is expected at half of what all days used."""
    kwh, day = scattered(work(), 2.0), DAYS - 3
    expected = work()
    expected[day] /= 2
    assert not days_of(kwh, expected, day * DAY + 9 * HOUR, 8).energy_differs(SPREADS)
    kwh[day, 9:17] += 60
    assert days_of(kwh, expected, day * DAY + 9 * HOUR, 8).energy_differs(SPREADS)


@pytest.mark.parametrize(("more", "differs"), [(10.0, False), (40.0, True)])
def test_an_event_must_lie_beyond_what_like_days_scatter(more: float, differs: bool) -> None:
    kwh, day = scattered(work(), 8.0), DAYS - 3
    kwh[day] = work()[day] + more
    assert days_of(kwh, work(), day * DAY + 9 * HOUR, 8).energy_differs(SPREADS) is differs


@pytest.mark.parametrize(("once", "differs"), [(19.0, True), (21.0, False)])
def test_a_few_like_days_tell_only_what_already_came(once: float, differs: bool) -> None:
    """Six Saturdays tell no scatter: a seventh with 20 kWh more is unusual unless one of them had more."""
    kwh, saturday = work(), DAYS - 2
    kwh[saturday, 9:17] += 20
    kwh[saturday - 21, 9:17] += once
    found = days_of(kwh, work(), saturday * DAY + 9 * HOUR, 8)
    assert found.before.tolist() == [7, 14, 21, 28, 35, 42]
    assert found.energy_differs(SPREADS) is differs


@pytest.mark.parametrize(("hours", "differs"), [(24, False), (96, True)])
def test_the_first_hour_of_work_is_any_part_of_an_hour(hours: int, differs: bool) -> None:
    """Work that begins an hour early: hourly readings cannot tell when within the hour, those of a quarter can."""
    kwh, day = scattered(work(hours), 2.0), DAYS - 3
    kwh[day, 7 * hours // 24 : 8 * hours // 24] = 95
    assert days_of(kwh, work(hours), day * DAY + 7 * HOUR, 1).energy_differs(SPREADS) is differs


def test_days_of_one_kind_are_alike_and_holidays_are_free() -> None:
    """The lunar new year of 2025 in Korea: 27 to 30 January, a Monday to a Thursday."""
    kwh = work()
    wednesday = days_of(kwh, kwh, (DAYS - 5) * DAY, 8, SEOUL)
    assert {int((DAYS - 5 - before) % 7) for before in wednesday.before} == {0, 1, 2, 3, 4}
    assert not {21, 22, 23, 24} & set((DAYS - 5 - wednesday.before).tolist())
    sunday = days_of(kwh, kwh, 48 * DAY, 8, SEOUL)
    assert {21, 22, 23, 24} <= set((48 - sunday.before).tolist())
    over_the_weekend = days_of(kwh, kwh, (DAYS - 3) * DAY + 18 * HOUR, 60)
    assert over_the_weekend.before.tolist() == [7, 14, 21, 28, 35, 42]


def test_what_was_not_read_tells_nothing_and_a_week_is_like_no_other() -> None:
    kwh, day = work(), DAYS - 3
    kwh[:day] = np.where(np.arange(day)[:, None] % 7 == 4, kwh[:day], np.nan)
    expected = work() / 2
    assert days_of(kwh, expected, day * DAY, 8).before.tolist() == [7, 14, 21, 28, 35, 42]
    kwh[: day - 27] = np.nan
    assert days_of(kwh, expected, day * DAY + 9 * HOUR, 8).energy_differs(SPREADS)
    assert not len(days_of(work(), expected, 40 * DAY, 24 * 7 + 1).before)


def test_a_course_is_unusual_where_like_days_keep_closer_to_theirs() -> None:
    """Teeth of as much energy as any day; not where each day has its own."""
    kwh, day, teeth = scattered(work(), 2.0), DAYS - 3, np.where(np.arange(8) % 2, 30.0, -30.0)
    kwh[day, 9:17] += teeth
    assert days_of(kwh, work(), day * DAY + 9 * HOUR, 8).course_differs(SPREADS)
    for other in range(DAYS):
        kwh[other, 9:17] += np.roll(teeth, other % 2)
    assert not days_of(kwh, work(), day * DAY + 9 * HOUR, 8).course_differs(SPREADS)


@pytest.mark.parametrize("times", [1, 3])
def test_days_held_count_runs_as_long_as_that_of_the_event(times: int) -> None:
    kwh, day = scattered(work(), 2.0) + np.random.default_rng(1).normal(0, 1, (DAYS, 24)), DAYS - 3
    for other in (day, *range(day - 1, day - 1 - times, -1)):
        kwh[other, 9:17] = 100
    assert days_of(kwh, work(), day * DAY + 9 * HOUR, 8).days_held(0.7) == times
