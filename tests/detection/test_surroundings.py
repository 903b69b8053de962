"""What the readings around an event tell: levels beside it, the same hours of the weeks before, its kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from ecoai_pipeline.detection.events import OPEN_SCHEMA, find_events
from ecoai_pipeline.detection.loads import READINGS
from ecoai_pipeline.detection.surroundings import surroundings
from ecoai_pipeline.domain import Industry, Meter, Month, UsageType
from ecoai_pipeline.settings import EventParams, load_settings

FEBRUARY, MARCH = Month(2022, 2), Month(2022, 3)
NOON = datetime(2022, 3, 10, 12, tzinfo=UTC)
SINCE = datetime(2022, 3, 1, tzinfo=UTC)
METERS = {"m": Meter("m", Industry.METAL, UsageType.INDUSTRIAL, "UTC", signed=False, valid_from=date(2000, 1, 1), country="KR")}
IMPACT = load_settings().impact
NONE = pl.DataFrame(schema=OPEN_SCHEMA)
QUARTER, WEEK = timedelta(minutes=15), timedelta(days=7)


def at(start: datetime, intervals: int, value: Any) -> dict[datetime, Any]:
    return {start + QUARTER * k: value for k in range(intervals)}


def told(
    portfolio: ModuleType,
    p: dict[datetime, float],
    kwh: dict[datetime, float],
    params: EventParams | None = None,
    strange: tuple[datetime, datetime] | None = None,
    **columns: Any,
) -> list[dict[str, Any]]:
    """Events of March with their surroundings; the intervals between two moments may lie in a strange day."""
    params = params or EventParams()
    scores = pl.concat([portfolio.scored("m", FEBRUARY, {}, kwh=kwh), portfolio.scored("m", MARCH, p, kwh=kwh, **columns)])
    if strange:
        scores = scores.with_columns(strange_day=pl.col("timestamp").is_between(*strange, closed="left"))
    month = scores.filter(pl.col("timestamp") >= SINCE)
    events = find_events(month, scores.clear(), NONE, NONE, params)
    return surroundings(scores.select(READINGS), events, {"m": SINCE}, METERS, params, IMPACT).to_dicts()


def test_levels_beside_an_event_are_by_what_was_expected_there(portfolio: ModuleType) -> None:
    kwh = at(NOON, 8, 0.0) | at(NOON - 8 * QUARTER, 8, 12.5) | at(NOON + 8 * QUARTER, 8, 7.5) | at(NOON + 16 * QUARTER, 8, 100.0)
    (event,) = told(portfolio, at(NOON, 8, 1e-6), kwh)
    assert (event["before_ratio"], event["after_ratio"]) == (1.25, 0.75)


def test_the_same_hours_of_the_weeks_before_that_were_read(portfolio: ModuleType) -> None:
    """The 10th of March has five weeks before it from the 1st of February on; one of them was not read."""
    kwh = at(NOON, 4, 0.0) | {start: value for k in range(1, 6) for start, value in at(NOON - k * WEEK, 4, 10.0 + k).items()}
    kwh |= at(NOON - 3 * WEEK, 1, None)
    (event,) = told(portfolio, at(NOON, 4, 1e-6), kwh)
    assert (event["usual_weeks"], event["usual_low_kwh"], event["usual_high_kwh"]) == (4, 44.0, 60.0)


def test_each_meter_counts_from_the_start_of_its_own_month(portfolio: ModuleType) -> None:
    """Over the end of February: the first eight quarters belong to February of this meter, whose month begins at 02:00 UTC."""
    start, begins = datetime(2022, 3, 1, tzinfo=UTC), datetime(2022, 3, 1, 2, tzinfo=UTC)
    kwh = at(start, 16, 30.0)
    scores = portfolio.scored("m", MARCH, at(start, 16, 1e-6), kwh=kwh)
    events = find_events(scores, scores.clear(), NONE, NONE, EventParams())
    whole, part = (
        surroundings(scores.select(READINGS), events, {"m": since}, METERS, EventParams(), IMPACT).row(0, named=True)
        for since in (start, begins)
    )
    assert part["co2e_kg"] == pytest.approx(whole["co2e_kg"] / 2)


def test_the_same_hours_are_those_of_the_clock(portfolio: ModuleType) -> None:
    """Noon to one in Berlin is 11:00 UTC before the 27th of March 2022 and 10:00 after it."""
    day = datetime(2022, 3, 29, 10, tzinfo=UTC)
    kwh = at(day, 4, 0.0) | at(day - WEEK + timedelta(hours=1), 4, 25.0)
    scores = portfolio.scored("m", MARCH, at(day, 4, 1e-6), kwh=kwh)
    events = find_events(scores, scores.clear(), NONE, NONE, EventParams())
    berlin = {"m": Meter("m", Industry.METAL, UsageType.INDUSTRIAL, "Europe/Berlin", signed=False, valid_from=date(2000, 1, 1))}
    event = surroundings(scores.select(READINGS), events, {"m": SINCE}, berlin, EventParams(), IMPACT).row(0, named=True)
    assert event["usual_high_kwh"] == 100.0


def test_an_event_of_more_than_a_week_has_no_usual_hours(portfolio: ModuleType) -> None:
    (event,) = told(portfolio, at(NOON, 7 * 96 + 1, 1e-6), at(NOON, 7 * 96 + 1, 0.0))
    assert (event["usual_weeks"], event["usual_low_kwh"]) == (0, None)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.0] * 8, "outage"),
        ([9.0, 0, 0, 0, 0, 0, 0, 11.0, 9.5], "outage"),
        ([40.0, 41.0], "spike"),
        ([15.0] * 8, "plateau"),
        ([18.0, 1.0, 17.5, 2.0, 19.0, 1.5, 18.5, 2.5], "noisy"),
        ([15.0, 16.0, 15.5, 17.0, 14.0, 15.2, 16.1, 14.9], "surge"),
        ([5.0, 4.0, 5.5, 3.0, 4.4, 5.2, 6.0, 3.9], "sag"),
    ],
)
def test_an_energy_event_has_its_kind_and_how_well_that_fits(portfolio: ModuleType, values: list[float], kind: str) -> None:
    kwh = {NOON + QUARTER * k: value for k, value in enumerate(values)}
    (event,) = told(portfolio, dict.fromkeys(kwh, 1e-6), kwh)
    assert event["kind"] == kind
    assert 0.3 < event["fit"] <= 1
    assert event["shift_min"] is None


def test_a_data_quality_event_keeps_its_kind(portfolio: ModuleType) -> None:
    gap = at(NOON, 16, None)
    (event,) = told(portfolio, {}, gap, quality=dict.fromkeys(gap, "missing"))
    assert (event["category"], event["kind"], event["fit"]) == ("data_quality", "missing_data", None)
    assert event["usual_weeks"] == 5


def test_an_event_costs_its_excess_at_the_tariff_of_its_hours(portfolio: ModuleType) -> None:
    """Thursday the 10th of March 2022 in UTC: 10:30 to 11:00 is mid (133.4), 11:00 to 11:30 peak (164.1); 20 kWh a quarter too much."""
    start = NOON - 6 * QUARTER
    (event,) = told(portfolio, at(start, 4, 1e-6), at(start, 4, 30.0))
    assert event["cost"] == pytest.approx(2 * 20 * 133.4 + 2 * 20 * 164.1)
    assert event["co2e_kg"] == pytest.approx(80 * 0.4541)
    assert event["tariff_version"] == "kepco-2024-10-24+kr-2020-2022"


def test_what_was_not_used_was_not_paid(portfolio: ModuleType) -> None:
    (event,) = told(portfolio, at(NOON, 4, 1e-6), at(NOON, 4, 0.0))
    assert event["cost"] == pytest.approx(-40 * 133.4)  # 12:00 to 13:00 is mid


def test_a_longer_and_larger_event_is_more_severe(portfolio: ModuleType) -> None:
    later = NOON + timedelta(days=3)
    first, second = told(portfolio, at(NOON, 4, 1e-6) | at(later, 40, 1e-6), at(NOON, 4, 30.0) | at(later, 40, 30.0))
    assert 0 < first["severity"] < second["severity"] < 1


def test_a_counters_fault_costs_nothing(portfolio: ModuleType) -> None:
    gap = at(NOON, 16, None)
    (event,) = told(portfolio, {}, gap, quality=dict.fromkeys(gap, "missing"))
    assert (event["cost"], event["co2e_kg"], event["tariff_version"]) == (None, None, None)


def test_an_ordinary_day_is_not_compared_with_the_holidays_of_the_weeks_before(portfolio: ModuleType) -> None:
    """In Korea the 1st of March 2022 is a holiday, and so is the 1st of February: of six Tuesdays before the 8th three were ordinary."""
    start = datetime(2022, 3, 8, 3, tzinfo=UTC)
    kwh = at(start, 4, 0.0) | {moment: 10.0 + k for k in range(1, 6) for moment in at(start - k * WEEK, 4, None)}
    seoul = {"m": Meter("m", Industry.METAL, UsageType.INDUSTRIAL, "Asia/Seoul", signed=False, valid_from=date(2000, 1, 1))}
    scores = pl.concat([portfolio.scored("m", FEBRUARY, {}, kwh=kwh), portfolio.scored("m", MARCH, at(start, 4, 1e-6), kwh=kwh)])
    events = find_events(scores.filter(pl.col("timestamp") >= SINCE), scores.clear(), NONE, NONE, EventParams())
    event = surroundings(scores.select(READINGS), events, {"m": SINCE}, seoul, EventParams(), IMPACT).row(0, named=True)
    assert (event["usual_weeks"], event["usual_low_kwh"], event["usual_high_kwh"]) == (3, 48.0, 56.0)


@pytest.mark.parametrize(("times", "events"), [(2, 1), (3, 0)])
def test_what_a_meter_did_on_more_than_two_of_the_days_before_is_its_habit(portfolio: ModuleType, times: int, events: int) -> None:
    """Two hours at nearly the same load as on some of the days before, at other hours."""
    kwh = {NOON + QUARTER * k: value for k, value in enumerate([15.0, 16.0, 15.5, 17.0, 14.0, 15.2, 16.1, 14.9])}
    before = {when - timedelta(days=2 + 5 * day, hours=day): value - 1 for day in range(times) for when, value in kwh.items()}
    assert len(told(portfolio, dict.fromkeys(kwh, 1e-6), kwh | before)) == events


@pytest.mark.parametrize(("days", "events"), [(5, 1), (25, 0)])
def test_what_most_like_days_used_at_the_same_hours_is_no_event(portfolio: ModuleType, days: int, events: int) -> None:
    kwh = {NOON + QUARTER * k: value for k, value in enumerate([15.0, 16.0, 15.5, 17.0, 14.0, 15.2, 16.1, 14.9])}
    before = {when - timedelta(days=day + 1): value + 1 for day in range(days) for when, value in kwh.items()}
    params = EventParams(most_alike=100)
    assert len(told(portfolio, dict.fromkeys(kwh, 1e-6), kwh | before, params=params)) == events


@pytest.mark.parametrize(("hours", "events"), [(2, 0), (16, 1)])
def test_a_strange_day_stays_an_event_and_a_short_part_is_judged_by_itself(portfolio: ModuleType, hours: int, events: int) -> None:
    """The same hours of the like days used as much."""
    start = NOON - timedelta(hours=6)
    kwh = {start + QUARTER * k: 15.0 + k % 3 for k in range(4 * hours)}
    before = {when - timedelta(days=day + 1): value + 1 for day in range(20) for when, value in kwh.items()}
    found = told(portfolio, dict.fromkeys(kwh, 1e-6), before | kwh, EventParams(most_alike=100), (start, start + timedelta(hours=hours)))
    assert len(found) == events


@pytest.mark.parametrize(("least", "events"), [(0.3, 1), (1.0, 0)])
def test_energy_as_expected_needs_a_shape_that_explains_enough(portfolio: ModuleType, least: float, events: int) -> None:
    kwh = {NOON + QUARTER * k: 10.0 + (6.0, -6.0)[k % 2] * (1 + k % 3) / 2 for k in range(24)}
    scores = pl.concat([portfolio.scored("m", FEBRUARY, {}), portfolio.scored("m", MARCH, dict.fromkeys(kwh, 1e-6), kwh=kwh)])
    found = find_events(scores.filter(pl.col("timestamp") >= SINCE), scores.clear(), NONE, NONE, EventParams(min_excess_kwh=0))
    params = EventParams(min_excess_kwh=0, shape_fit=least)
    event = surroundings(scores.select(READINGS), found, {"m": SINCE}, METERS, params, IMPACT)
    assert (found.height, event.height) == (1, events)
    assert event["kind"].to_list() == ["noisy"] * events


def test_an_outage_is_no_habit_however_often_it_came(portfolio: ModuleType) -> None:
    kwh = at(NOON, 8, 0.0)
    before = {when - timedelta(days=2 + 3 * day): 0.0 for day in range(8) for when in kwh}
    (event,) = told(portfolio, dict.fromkeys(kwh, 1e-6), kwh | before)
    assert event["kind"] == "outage"
