"""Shares of the evidence sum up, the load comes with the week before, and similar events are the near ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.detection.anomalies import materialize_anomalies, merged_events
from ecoai_pipeline.detection.explanation import explanations, similar
from ecoai_pipeline.domain import ANOMALIES, SCORES, Industry, Month, Partition
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.schema import schema_of

MARCH = Month(2022, 3)
NOON = datetime(2022, 3, 30, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def explained(
    lake: Lake, settings: Settings, portfolio: ModuleType, facts: dict[str, Any], *, quarters: int = 8, zone: str = "UTC"
) -> tuple[Any, dict[str, Any]]:
    """An event, of two hours if not told otherwise, of which usad tells more in its second half."""
    portfolio.register(lake, ["m"])
    hot = {NOON + k * QUARTER: 1e-6 for k in range(quarters)}
    usad = {moment: 1e-4 if k < quarters // 2 else 1e-12 for k, moment in enumerate(hot)}
    for month in (MARCH, MARCH.next):
        frame = portfolio.alarmed("m", month, hot, p_usad=usad, p_profile=dict.fromkeys(hot, 1e-2))

        def make(told: dict[str, Any], frame: pl.DataFrame = frame) -> Any:
            told.update(facts)
            return iter([frame])

        lake.refresh(SCORES, Partition(Industry.METAL, month), str(month), make)
        materialize_anomalies(lake, settings, Partition(Industry.METAL, month))
    events = merged_events(lake, [Industry.METAL])
    (event,) = events.to_dicts()
    return explanations(lake, events, zones={"m": zone})[event["event_id"]], event


def test_shares_are_those_of_the_table_and_sum_up(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    facts = {
        "weights": {"2022-01-abc": {"profile": 2.0, "usad": 1.0}},
        "looks_at_h": {"2022-01-abc": {"profile": [0.25], "usad": [6.0, 24.0]}},
    }
    found, event = explained(lake, settings, portfolio, facts)
    assert found.by_detector == {"usad": event["share_usad"], "profile": event["share_profile"]}
    assert sum(found.by_detector.values()) == pytest.approx(1)
    assert found.by_scale == pytest.approx({0.25: event["share_profile"], 6.0: event["share_usad"] / 2, 24.0: event["share_usad"] / 2})
    # In the first hour each quarter tells 2 x ln 100 + ln 10,000, in the second 2 x ln 100 + ln 1e12: 8 and 16 by ln 10.
    assert found.by_hour == pytest.approx({NOON + k * QUARTER: (8 if k < 4 else 16) / 96 for k in range(8)})


def test_of_more_than_twelve_hours_each_hour_of_the_local_clock_has_its_share(
    lake: Lake, settings: Settings, portfolio: ModuleType
) -> None:
    found, event = explained(lake, settings, portfolio, {}, quarters=50, zone="Asia/Kolkata")
    # Noon UTC is 17:30 in Kolkata, whose hours begin at half past in UTC.
    assert list(found.by_hour) == [NOON - 2 * QUARTER + k * 4 * QUARTER for k in range(13)]
    assert event["end"] - event["start"] == 50 * QUARTER
    assert sum(found.by_hour.values()) == pytest.approx(1)
    # Weights are alike here: 2 + 4 decades a quarter in the first half of the event, 2 + 12 in the second; its first hour has two quarters.
    assert next(iter(found.by_hour.values())) == pytest.approx(2 * 6 / (25 * 6 + 25 * 14))


def test_what_a_rule_found_no_detector_has_a_share_in(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    portfolio.register(lake, ["m"])
    span = {NOON + k * QUARTER: k for k in range(16)}
    stuck = {"quality": dict.fromkeys(span, "suspect"), "rule": dict.fromkeys(span, "flat_run"), "p_profile": dict.fromkeys(span, 1e-6)}
    frame = portfolio.alarmed("m", MARCH, **stuck)
    lake.write(SCORES, Partition(Industry.METAL, MARCH), [frame], fingerprint="1")
    materialize_anomalies(lake, settings, Partition(Industry.METAL, MARCH))
    events = merged_events(lake, [Industry.METAL]).filter(category="data_quality")
    found = explanations(lake, events)[events["event_id"].item()]
    assert (found.by_detector, found.by_scale, found.by_hour) == ({}, {}, {})
    assert found.load.filter(pl.col("timestamp") >= NOON).height > 16


def test_of_a_model_that_tells_no_windows_there_are_no_scales(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    found, _ = explained(lake, settings, portfolio, {})
    assert found.by_scale == {}
    assert sum(found.by_hour.values()) == pytest.approx(1)


def test_the_load_is_that_of_the_week_before_over_the_months_end(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    found, event = explained(lake, settings, portfolio, {})
    assert found.load["timestamp"].min() == event["start"] - timedelta(days=7)
    assert found.load["timestamp"].max() == event["end"] + timedelta(days=1) - QUARTER
    assert found.load.height == 8 * 96 + 8


def events_of(*rows: dict[str, Any]) -> pl.DataFrame:
    base = {
        "meter_id": "m",
        "industry": "metal",
        "usage_type": "industrial",
        "category": "energy",
        "kind": "outage",
        "expected_kwh": 100.0,
        "actual_kwh": 0.0,
        "excess_kwh": -100.0,
    }
    full = [{**dict.fromkeys(ANOMALIES.names), **base, "event_id": f"e{n}", **row} for n, row in enumerate(rows)]
    return pl.DataFrame(full, schema=schema_of(ANOMALIES))


def at(day: int, hours: float = 2, **fields: Any) -> dict[str, Any]:
    start = datetime(2022, 3, day, 8, tzinfo=UTC)
    return {"start": start, "end": start + timedelta(hours=hours), **fields}


def test_the_nearest_earlier_events_of_the_meter_and_of_its_peers() -> None:
    pool = events_of(
        at(1, kind="surge", excess_kwh=500.0, actual_kwh=600.0, hours=9),
        at(2),
        at(3, meter_id="peer"),
        at(4, meter_id="other", usage_type="general"),
        at(5, category="data_quality", kind="missing_data"),
        at(9),  # later than the one asked about
        at(7, event_id="asked"),  # a Monday, the first is a Tuesday
        at(6, excess_kwh=100.0),
        {"start": datetime(2022, 3, 6, 20, tzinfo=UTC), "end": datetime(2022, 3, 6, 22, tzinfo=UTC)},
    )
    own, peers = similar(pool.filter(event_id="asked"), pool, 3)["asked"]
    assert [one.event_id for one in own] == ["e1"], "of its kind, its sign, and its time of day"
    assert own[0].distance == pytest.approx(0)
    assert [one.meter_id for one in peers] == ["peer"]


def test_an_event_of_more_than_a_year_ago_is_forgotten() -> None:
    long_ago = datetime(2021, 1, 1, tzinfo=UTC)
    pool = events_of({"start": long_ago, "end": long_ago + timedelta(hours=1)}, at(6, event_id="asked"))
    assert similar(pool.filter(event_id="asked"), pool, 3)["asked"] == ([], [])


@given(st.lists(st.tuples(st.integers(1, 28), st.floats(0.25, 48), st.sampled_from(["outage", "surge"])), min_size=1, max_size=12))
def test_similar_events_come_nearest_first_and_ended_before(rows: list[tuple[int, float, str]]) -> None:
    pool = events_of(*(at(day, hours, kind=kind) for day, hours, kind in rows))
    for event_id, (own, _) in similar(pool, pool, 3).items():
        asked = pool.filter(event_id=event_id)["start"].item()
        assert [one.distance for one in own] == sorted(one.distance for one in own)
        assert all(one.end <= asked for one in own)


def test_size_is_told_by_the_meters_usual_day_so_that_peers_of_another_size_are_near() -> None:
    large = {"meter_id": "large", "expected_kwh": 10_000.0, "actual_kwh": 5_000.0, "excess_kwh": -5_000.0}
    half = {"actual_kwh": 50.0, "excess_kwh": -50.0}
    pool = events_of(at(1, **large), at(2, meter_id="small", **half), at(3, kind="sag", meter_id="third"), at(7, event_id="asked", **half))
    _, peers = similar(pool.filter(event_id="asked"), pool, 3)["asked"]
    assert [(one.meter_id, one.distance) for one in peers[:2]] == [("large", pytest.approx(0)), ("small", pytest.approx(0))]


def test_a_weekend_is_that_of_the_clock_told() -> None:
    friday, monday = (datetime(2022, 3, day, 20, tzinfo=UTC) for day in (4, 7))  # in Seoul it is Saturday, and Tuesday
    rows = [{"start": start, "end": start + timedelta(hours=1)} for start in (friday, monday)]
    asked = datetime(2022, 3, 11, 20, tzinfo=UTC)
    pool = events_of(*rows, {"event_id": "asked", "start": asked, "end": asked + timedelta(hours=1)})
    nearest = {
        zone: similar(pool.filter(event_id="asked"), pool, 2, dict.fromkeys(pool["meter_id"], zone))["asked"][0]
        for zone in ("UTC", "Asia/Seoul")
    }
    assert [one.distance for one in nearest["UTC"]] == pytest.approx([0, 0])
    assert nearest["Asia/Seoul"][0].event_id == "e0"
    assert nearest["Asia/Seoul"][1].distance > 1


def test_where_all_earlier_events_are_alike_in_something_another_one_is_no_million_away() -> None:
    pool = events_of(at(1), at(2), at(3))
    own, _ = similar(events_of(at(5, event_id="asked", actual_kwh=50.0)), pool, 1)["asked"]  # a Saturday, and half of it came
    assert own[0].distance == pytest.approx(1.5)
