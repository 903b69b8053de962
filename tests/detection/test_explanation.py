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


def explained(lake: Lake, settings: Settings, portfolio: ModuleType, facts: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """An event of two hours over two months' end, of which usad tells more in its second hour."""
    portfolio.register(lake, ["m"])
    hot = {NOON + k * QUARTER: 1e-6 for k in range(8)}
    usad = {moment: 1e-4 if k < 4 else 1e-12 for k, moment in enumerate(hot)}
    for month in (MARCH, MARCH.next):
        frame = portfolio.scored("m", month, hot, p_usad=usad, p_profile=dict.fromkeys(hot, 1e-2))

        def make(told: dict[str, Any], frame: pl.DataFrame = frame) -> Any:
            told.update(facts)
            return iter([frame])

        lake.refresh(SCORES, Partition(Industry.METAL, month), str(month), make)
        materialize_anomalies(lake, settings, Partition(Industry.METAL, month))
    events = merged_events(lake, [Industry.METAL])
    (event,) = events.to_dicts()
    return explanations(lake, events)[event["event_id"]], event


def test_shares_are_those_of_the_table_and_sum_up(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    facts = {
        "weights": {"2022-01-abc": {"profile": 2.0, "usad": 1.0}},
        "looks_at_h": {"2022-01-abc": {"profile": [0.25], "usad": [6.0, 24.0]}},
    }
    found, event = explained(lake, settings, portfolio, facts)
    assert found.by_detector == {"usad": event["share_usad"], "profile": event["share_profile"]}
    assert sum(found.by_detector.values()) == pytest.approx(1)
    assert found.by_scale == pytest.approx({0.25: event["share_profile"], 6.0: event["share_usad"] / 2, 24.0: event["share_usad"] / 2})
    assert list(found.by_hour) == [NOON, NOON + 4 * QUARTER]
    # In the first hour each quarter tells 2 x ln 100 + ln 10,000, in the second 2 x ln 100 + ln 1e12.
    assert list(found.by_hour.values()) == pytest.approx([8 / 24, 16 / 24])


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
        at(6, event_id="asked"),
    )
    own, peers = similar(pool.filter(event_id="asked"), pool, 3)["asked"]
    assert [one.event_id for one in own] == ["e1", "e0"]
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
