"""Where events start and end, what they are named and what they are: on quiet months with a few set readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.detection.events import OPEN_SCHEMA, event_id, find_events
from ecoai_pipeline.domain import Month
from ecoai_pipeline.settings import EventParams

MARCH, APRIL = Month(2022, 3), Month(2022, 4)
PARAMS = EventParams()
ALARM, WARM = 1e-6, 1e-3
NOON = datetime(2022, 3, 10, 12, tzinfo=UTC)
NONE = pl.DataFrame(schema=OPEN_SCHEMA)
QUARTER = timedelta(minutes=15)


def at(start: datetime, intervals: int, value: Any) -> dict[datetime, Any]:
    return {start + QUARTER * k: value for k in range(intervals)}


def events_of(
    scores: pl.DataFrame, tail: pl.DataFrame | None = None, before: pl.DataFrame = NONE, known: pl.DataFrame = NONE
) -> pl.DataFrame:
    return find_events(scores, scores.clear() if tail is None else tail, before, known, PARAMS)


def one(events: pl.DataFrame) -> dict[str, Any]:
    assert events.height == 1, events
    return events.row(0, named=True)


def test_an_event_opens_below_q_and_goes_on_while_p_stays_low(portfolio: ModuleType) -> None:
    p = at(NOON - QUARTER * 2, 6, WARM) | at(NOON, 2, ALARM)
    event = one(events_of(portfolio.scored("m", MARCH, p)))
    assert (event["start"], event["end"]) == (NOON - QUARTER * 2, NOON + QUARTER * 4)
    assert (event["readings"], event["alarmed"], event["status"]) == (6, 2, "closed")


def test_low_p_alone_opens_nothing(portfolio: ModuleType) -> None:
    assert events_of(portfolio.scored("m", MARCH, at(NOON, 40, WARM))).height == 0


@pytest.mark.parametrize(("gap_intervals", "events"), [(8, 1), (9, 2)])
def test_neighbours_within_two_hours_are_one_event(portfolio: ModuleType, gap_intervals: int, events: int) -> None:
    p = at(NOON, 2, ALARM) | at(NOON + QUARTER * (2 + gap_intervals), 2, ALARM)
    assert events_of(portfolio.scored("m", MARCH, p)).height == events


def test_an_event_over_midnight_is_one_event(portfolio: ModuleType) -> None:
    start = datetime(2022, 3, 10, 22, tzinfo=UTC)
    event = one(events_of(portfolio.scored("m", MARCH, at(start, 16, ALARM))))
    assert (event["start"], event["end"]) == (start, start + timedelta(hours=4))


def test_neighbouring_meters_do_not_share_an_event(portfolio: ModuleType) -> None:
    end, first = datetime(2022, 3, 31, 23, tzinfo=UTC), datetime(2022, 3, 1, tzinfo=UTC)
    scores = pl.concat([portfolio.scored("a", MARCH, at(end, 4, ALARM)), portfolio.scored("b", MARCH, at(first, 4, ALARM))])
    assert events_of(scores)["meter_id"].to_list() == ["a", "b"]


@pytest.mark.parametrize(("far", "begins", "ends"), [(0.0, 4, 8), (11.5, 0, 12), (25.0, 4, 8)])
def test_an_event_begins_and_ends_with_a_reading_that_is_not_as_expected(portfolio: ModuleType, far: float, begins: int, ends: int) -> None:
    """Twelve intervals alarm, four of them differ; the band is 9 to 11 kWh. Where they differ by little, all stay."""
    kwh = at(NOON + 4 * QUARTER, 4, far)
    if far == 11.5:
        kwh = at(NOON + 4 * QUARTER, 4, 10.5)
    event = one(events_of(portfolio.scored("m", MARCH, at(NOON, 12, ALARM), kwh=kwh)))
    assert (event["start"], event["end"]) == (NOON + begins * QUARTER, NOON + ends * QUARTER)


def test_a_slow_rise_begins_where_it_begins_and_far_readings_that_did_not_alarm_do_not_shrink_an_event(portfolio: ModuleType) -> None:
    rise = {NOON + QUARTER * k: 10.0 + 2 * k for k in range(12)}
    event = one(events_of(portfolio.scored("m", MARCH, at(NOON, 12, ALARM), kwh=rise)))
    assert (event["start"], event["end"]) == (NOON, NOON + 12 * QUARTER)
    p = at(NOON, 12, WARM) | at(NOON, 1, ALARM)
    event = one(events_of(portfolio.scored("m", MARCH, p, kwh=at(NOON + 6 * QUARTER, 2, 40.0))))
    assert (event["start"], event["end"]) == (NOON, NOON + 12 * QUARTER)


@pytest.mark.parametrize(
    ("kwh", "band", "begins", "ends"),
    [
        ([15.0] * 4 + [8.5] * 4 + [10.0] * 4, (9.0, 20.0), 4, 8),
        ([10.0] * 4 + [10.1] * 4 + [10.0] * 4, (10.0, 10.0), 4, 8),
        ([10.0] * 2 + [12.5] + [10.0] * 2 + [18.0] + [10.0] * 6, (9.0, 11.0), 5, 6),
    ],
    ids=["by the side of the band", "beyond a band of no width", "a small deviation beside a large one"],
)
def test_far_is_told_by_the_band_on_the_readings_side(
    portfolio: ModuleType, kwh: list[float], band: tuple[float, float], begins: int, ends: int
) -> None:
    when = at(NOON, 12, ALARM)
    low, high = (dict.fromkeys(when, edge) for edge in band)
    scores = portfolio.scored("m", MARCH, when, kwh=dict(zip(when, kwh, strict=True)), low_kwh=low, high_kwh=high)
    event = one(events_of(scores))
    assert (event["start"], event["end"]) == (NOON + begins * QUARTER, NOON + ends * QUARTER)


def test_an_event_keeps_its_name_when_what_comes_later_moves_its_start(portfolio: ModuleType) -> None:
    """A rise of 2 kWh a reading: its first readings show no shape, and it begins at the band's edge; all of them show where it began."""
    rise = {NOON + QUARTER * k: 10.0 + 2 * k for k in range(12)}
    scores = portfolio.scored("m", MARCH, at(NOON, 12, ALARM), kwh=rise)
    early, late = (one(events_of(scores.filter(pl.col("timestamp") < NOON + QUARTER * n))) for n in (3, 12))
    assert (early["start"], late["start"]) == (NOON + QUARTER, NOON)
    assert early["event_id"] == late["event_id"] == event_id("m", "energy", NOON)


def test_shares_are_of_the_weighted_evidence_of_the_model_that_scored(portfolio: ModuleType) -> None:
    columns = {"p_profile": at(NOON, 2, 1e-2), "p_usad": at(NOON, 2, 1e-4)}
    scores = portfolio.scored("m", MARCH, at(NOON, 2, ALARM), **columns)
    version = scores["model_version"][0]

    def shares(weights: dict[str, dict[str, float]]) -> tuple[float, float]:
        event = one(find_events(scores, scores.clear(), NONE, NONE, PARAMS, weights))
        return event["share_profile"], event["share_usad"]

    assert shares({}) == pytest.approx((1 / 3, 2 / 3))
    assert shares({version: {"profile": 2, "usad": 1}}) == pytest.approx((1 / 2, 1 / 2))
    assert shares({version: {"profile": 2}}) == pytest.approx((1, 0))
    assert shares({"another": {"profile": 2}}) == pytest.approx((1 / 3, 2 / 3))


def test_energy_is_compared_where_both_sides_are_known(portfolio: ModuleType) -> None:
    kwh = at(NOON, 4, 25.0) | at(NOON + QUARTER, 1, None)
    event = one(events_of(portfolio.scored("m", MARCH, at(NOON, 4, ALARM), kwh=kwh)))
    assert (event["expected_kwh"], event["actual_kwh"], event["excess_kwh"]) == (30.0, 75.0, 45.0)
    assert event["share_profile"] + event["share_usad"] == pytest.approx(1)


def test_confidence_is_a_half_at_the_threshold_and_1_four_decades_below(portfolio: ModuleType) -> None:
    p = {NOON: portfolio.Q * 0.999, NOON + timedelta(days=1): portfolio.Q * 1e-4, NOON + timedelta(days=2): 1e-12}
    events = events_of(portfolio.scored("m", MARCH, p))
    assert events["confidence"].to_list() == pytest.approx([0.5, 1, 1], abs=0.001)


@pytest.mark.parametrize(("intervals", "events"), [(11, 0), (12, 1)])
def test_a_gap_of_three_hours_is_missing_data(portfolio: ModuleType, intervals: int, events: int) -> None:
    gap = at(NOON, intervals, None)
    scores = portfolio.scored("m", MARCH, gap, kwh=gap, quality=dict.fromkeys(gap, "missing"))
    found = events_of(scores)
    assert found.height == events
    assert found["kind"].to_list() == ["missing_data"] * events
    assert found["actual_kwh"].null_count() == events


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("zero_run", "stuck_counter"),
        ("flat_run", "stuck_counter"),
        ("above_capacity", "implausible"),
        ("negative+flat_run", "implausible"),
        ("zero_run+counter_reset", "counter_reset"),
        ("zero_run+filled_days", "filled_days"),
    ],
)
def test_rules_become_data_quality_events_apart_from_energy(portfolio: ModuleType, rule: str, kind: str) -> None:
    event = one(events_of(portfolio.scored("m", MARCH, rule=at(NOON, 4, rule))))
    assert (event["category"], event["kind"], event["p"], event["confidence"]) == ("data_quality", kind, None, 1.0)
    assert event["rule"] == "+".join(sorted(rule.split("+")))


@pytest.mark.parametrize(
    ("rule", "categories"),
    [
        ("counter_reset", ["data_quality"]),
        ("zero_run", ["data_quality"]),
        ("filled_days", ["data_quality"]),
        ("copied_days", ["data_quality"]),
        ("wrong_factor", ["data_quality"]),
        ("shifted_clock", ["data_quality"]),
        ("above_history+above_capacity", ["data_quality"]),
        ("above_capacity", ["data_quality", "energy"]),
        ("off_grid", ["energy"]),
    ],
)
def test_what_is_no_consumption_alarms_whoever_runs_the_meter_alone(portfolio: ModuleType, rule: str, categories: list[str]) -> None:
    strange = at(NOON, 4, ALARM)
    events = events_of(portfolio.scored("m", MARCH, strange, kwh=dict.fromkeys(strange, 50.0), rule=dict.fromkeys(strange, rule)))
    assert events["category"].to_list() == categories


def test_a_jump_of_the_counter_within_a_surge_is_not_its_excess(portfolio: ModuleType) -> None:
    surge, jump = at(NOON, 8, ALARM), NOON + QUARTER * 3
    kwh = {moment: 14.0 + n % 2 for n, moment in enumerate(surge)} | {jump: 1e6}
    events = events_of(portfolio.scored("m", MARCH, surge, kwh=kwh, rule={jump: "above_history"}))
    assert events.select("category", "kind", "start", "readings").rows() == [
        ("energy", None, NOON, 7),
        ("data_quality", "implausible", jump, 1),
    ]
    assert events["excess_kwh"][0] == pytest.approx(4 * 4 + 3 * 5)


def test_a_rule_that_is_no_fault_of_the_meter_makes_no_event(portfolio: ModuleType) -> None:
    assert events_of(portfolio.scored("m", MARCH, rule=at(NOON, 4, "mixed_interval"))).height == 0


def test_an_event_at_the_end_of_the_data_is_ongoing_and_keeps_its_name_when_a_day_is_added(portfolio: ModuleType) -> None:
    cut = NOON + timedelta(hours=6)
    first = one(events_of(portfolio.scored("m", MARCH, at(NOON, 24, ALARM), until=cut)))
    second = one(events_of(portfolio.scored("m", MARCH, at(NOON, 30, ALARM), until=cut + timedelta(days=1))))
    assert (first["status"], second["status"]) == ("ongoing", "closed")
    assert first["event_id"] == second["event_id"] == event_id("m", "energy", NOON)
    assert second["end"] == NOON + QUARTER * 30


def over_the_end(portfolio: ModuleType, hours_before: int = 5, hours_after: int = 3) -> tuple[pl.DataFrame, pl.DataFrame, datetime]:
    """March and April with one event over the month's end, 4 kWh too high in each interval."""
    start, turn = datetime(2022, 4, 1, tzinfo=UTC) - timedelta(hours=hours_before), datetime(2022, 4, 1, tzinfo=UTC)
    old, new = at(start, hours_before * 4, ALARM), at(turn, hours_after * 4, ALARM)
    march = portfolio.scored("m", MARCH, old, kwh=dict.fromkeys(old, 14.0))
    return march, portfolio.scored("m", APRIL, new, kwh=dict.fromkeys(new, 14.0)), start


def test_an_event_over_the_months_end_has_one_name_its_true_start_and_a_part_in_each_month(portfolio: ModuleType) -> None:
    march, april, start = over_the_end(portfolio)
    old = events_of(march)
    new = one(events_of(april, march, old.select(OPEN_SCHEMA.names())))
    assert (one(old)["status"], new["status"]) == ("ongoing", "closed")
    assert old["event_id"][0] == new["event_id"]
    assert (one(old)["start"], new["start"]) == (start, start)
    assert (one(old)["excess_kwh"], new["excess_kwh"]) == pytest.approx((80, 48))
    assert (one(old)["readings"], new["readings"]) == (20, 12)


def test_an_event_that_began_before_the_last_window_keeps_its_start(portfolio: ModuleType) -> None:
    march, april, start = over_the_end(portfolio, hours_before=24 * 20)
    old = events_of(march)
    window = march.filter(pl.col("timestamp") >= datetime(2022, 3, 25, tzinfo=UTC))
    new = one(events_of(april, window, old.select(OPEN_SCHEMA.names())))
    assert (new["event_id"], new["start"]) == (old["event_id"][0], start)


def test_an_open_event_that_does_not_go_on_has_no_row_in_the_next_month(portfolio: ModuleType) -> None:
    march, _, _ = over_the_end(portfolio)
    assert events_of(portfolio.scored("m", APRIL), march, events_of(march).select(OPEN_SCHEMA.names())).height == 0


def test_a_small_event_is_dropped_by_the_floor_in_kwh(portfolio: ModuleType) -> None:
    scores = portfolio.scored("m", MARCH, at(NOON, 2, ALARM), kwh=at(NOON, 2, 12.0))
    assert find_events(scores, scores.clear(), NONE, NONE, EventParams(min_excess_kwh=3.9)).height == 1
    assert find_events(scores, scores.clear(), NONE, NONE, EventParams(min_excess_kwh=4.1)).height == 0
    assert find_events(scores, scores.clear(), NONE, NONE, EventParams(min_alarmed=3)).height == 0


MARKS = st.dictionaries(st.integers(0, 300), st.sampled_from([ALARM, WARM, None]), max_size=60)


@given(st.lists(MARKS, min_size=1, max_size=3), st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=60, deadline=None)
def test_events_are_disjoint_and_conserve_energy_whatever_the_order_of_rows(
    portfolio: ModuleType, marks: list[dict[int, float | None]], random: Any
) -> None:
    first = datetime(2022, 3, 1, tzinfo=UTC)
    frames = [
        portfolio.scored(f"m{n}", MARCH, {first + QUARTER * k: p for k, p in mark.items()}, until=first + QUARTER * 320)
        for n, mark in enumerate(marks)
    ]
    scores = pl.concat(frames)
    events = events_of(scores)
    shuffled = scores.sample(fraction=1, shuffle=True, seed=random.randrange(1000))
    assert events_of(shuffled).equals(events)
    ordered = events.sort("meter_id", "category", "start").with_columns(before=pl.col("end").shift().over("meter_id", "category"))
    assert (ordered["start"] - ordered["before"]).drop_nulls().ge(timedelta(hours=2)).all()
    assert events["event_id"].is_unique().all()
    hot = scores.filter(pl.col("p") < pl.col("q"))
    assert events["alarmed"].sum() == hot.height
    inside = scores.join(events.select("meter_id", "start", "end"), on="meter_id").filter(
        pl.col("timestamp") >= pl.col("start"), pl.col("timestamp") < pl.col("end")
    )
    excess = (inside["kwh"] - inside["expected_kwh"]).sum()
    assert (events["excess_kwh"].sum() or 0) == pytest.approx(excess, abs=1e-9)
