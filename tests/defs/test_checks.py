"""What the checks state of a run."""

from __future__ import annotations

from typing import Any

import dagster as dg
import polars as pl
import pytest

from ecoai_pipeline.defs.runs import Runner
from ecoai_pipeline.domain import ANOMALIES, Industry, MonthRange, Partition
from ecoai_pipeline.storage.lake import Lake

MARCH = MonthRange.parse("2025-03")


def alarm_budget() -> tuple[bool, str | None, dict[str, Any]]:
    """Whether the check passed at its last run, its description and its numbers."""
    with dg.DagsterInstance.get() as instance:
        key = dg.AssetCheckKey(dg.AssetKey("anomalies"), "alarm_budget")
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    found = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    return found.passed, found.description, {name: value.value for name, value in found.metadata.items()}


def test_the_alarm_budget_states_its_numbers_also_where_it_passes(lake: Lake, scored: Runner) -> None:
    """Two meters with readings of 30 days of March are 2 meter-months; the budget of 1 expects 2 events, and up to 6 pass."""
    scored.tables(["anomalies"], {Industry.METAL: MARCH})
    events = lake.read(ANOMALIES, Partition(Industry.METAL, MARCH.first)).filter(pl.col("category") == "energy").height
    passed, told, numbers = alarm_budget()

    assert (passed, told) == (True, f"{events} energy events in 2.0 meter-months; the budget expects 2.0")
    assert (numbers["alarms"], numbers["meter_months"], numbers["expected_alarms"]) == (events, 2.0, 2.0)
    assert (numbers["counted_from"], numbers["counted_to"], numbers["failed"]) == ("2025-02-28", "2025-03-30", 0)


def test_a_month_over_the_budget_names_the_month_since_when(lake: Lake, scored: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit at nothing any event exceeds it; February has no scores, so that it began in March."""
    monkeypatch.setattr("ecoai_pipeline.detection.budget._TIMES", 0)
    scored.tables(["anomalies"], {Industry.METAL: MARCH})
    passed, _, numbers = alarm_budget()

    assert not passed
    assert numbers["details"] == {"metal 2025-03": "more than 0 events, since 2025-03"}
    assert "| metal 2025-03 | 2025-02-28 | 2025-03-30 |" in numbers["by_month"]
