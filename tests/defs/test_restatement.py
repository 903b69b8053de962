"""A month that a provider sends again: it is made again, the months after it as far as content changes, and its events say so."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.defs.runs import Runner
from ecoai_pipeline.detection.anomalies import merged_events
from ecoai_pipeline.detection.revisions import revisions_ledger
from ecoai_pipeline.detection.staleness import stale_months
from ecoai_pipeline.domain import ANOMALIES, FEATURES, PARTITIONED, RAW_READINGS, SCORES, VALIDATED_READINGS, Industry, Month, Partition
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.withdraw import withdraw
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing

from .conftest import MONTHS, RECEIVED, TABLES, take_in

JANUARY, FEBRUARY, MARCH = (Partition(Industry.METAL, month) for month in MONTHS)
EVERY = (JANUARY, FEBRUARY, MARCH)


def contents(lake: Lake, partition: Partition) -> dict[str, str]:
    return {table.name: lake.info(table, partition).content for table in PARTITIONED}


def follow(lake: Lake, run: Runner) -> list[Month]:
    """Run what is stale until nothing is, and say which months that were, in order."""
    visited: list[Month] = []
    while stale := stale_months(lake, load_settings(), Industry.METAL):
        visited.append(stale[0])
        run.tables(TABLES, {Industry.METAL: type(MONTHS)(stale[0], stale[0])})
    return visited


@pytest.fixture
def quarter(lake: Lake, scored: Runner) -> Runner:
    """All three months scored."""
    scored.tables(["scores", "anomalies"], {Industry.METAL: MONTHS})
    return scored


def test_one_changed_reading_travels_as_far_as_content_changes(lake: Lake, quarter: Runner, tmp_path: Path) -> None:
    """m2 stood still on the morning of 8 January, says the second file; it repeats the rest of the day."""
    before = {part: contents(lake, part) for part in EVERY}
    sent = tmp_path / "again.csv"
    day = lake.scan(RAW_READINGS, JANUARY, ["m2"]).collect().with_columns(local=pl.col("timestamp").dt.convert_time_zone("Asia/Seoul"))
    rows = day.filter(pl.col("local").dt.date() == datetime(2025, 1, 8).date()).select("local", "kwh").rows()
    lines = [f"m2,{local:%Y-%m-%d %H:%M},{0.0 if 9 <= local.hour < 12 else kwh}" for local, kwh in rows]
    sent.write_text("meter,start,kwh\n" + "\n".join(lines) + "\n", encoding="utf-8")
    take_in(lake, sent)
    assert Landing(lake).in_force()[-1].changed == 3

    assert follow(lake, quarter) == [JANUARY.month, FEBRUARY.month, MARCH.month]
    after = {part: contents(lake, part) for part in EVERY}
    changed = {part: [name for name in after[part] if after[part][name] != before[part][name]] for part in EVERY}
    assert {"raw_readings", "validated_readings", "features", "scores", "anomalies"} <= set(changed[JANUARY])
    named = ["anomalies"] if lake.info(ANOMALIES, FEBRUARY).rows else []  # an event names the version of its scores
    told = "periods are sought in a month and the one before it, and what is an alarm is measured against the four weeks before"
    assert (changed[FEBRUARY], changed[MARCH]) == (["spectra", "scores", "drift", *named], []), told

    for table in (RAW_READINGS, VALIDATED_READINGS, FEATURES, SCORES):
        assert lake.read(table, JANUARY)["restated"].sum() == 3, table.name
    restated = merged_events(lake, [Industry.METAL]).filter(pl.col("restated") > 0)
    assert restated.select("meter_id", "restated").rows() == [("m2", 3)]
    ((_, revision),) = revisions_ledger(lake).read()
    assert (revision.month, revision.received) == ("2025-01", [Landing(lake).in_force()[-1].statement_id])
    assert [event.meter_id for event in revision.gained] == ["m2"]


def test_a_withdrawal_brings_back_what_was(lake: Lake, quarter: Runner, tmp_path: Path) -> None:
    """All but the mark of the three readings that fell back."""
    before = lake.read(ANOMALIES, JANUARY).drop("data_version", "restated")
    sent = tmp_path / "again.csv"
    sent.write_text("meter,start,kwh\n" + "".join(f"m2,2025-01-08 {hour:02d}:00,0\n" for hour in (9, 10, 11)), encoding="utf-8")
    take_in(lake, sent)
    follow(lake, quarter)
    wrong = Landing(lake).in_force()[-1]
    done = withdraw(lake, load_settings(), wrong.statement_id, reason="test", at=RECEIVED)
    assert (done.withdrawal.readings, done.withdrawal.fell_back, done.partitions) == (0, 3, [JANUARY])
    follow(lake, quarter)
    assert lake.read(RAW_READINGS, JANUARY)["restated"].sum() == 3
    assert lake.read(ANOMALIES, JANUARY).drop("data_version", "restated").equals(before)
    (_, first), (_, second) = revisions_ledger(lake).read()
    assert (first.received, first.withdrawn) == ([wrong.statement_id], [])
    assert (second.received, second.withdrawn, [event.meter_id for event in second.lost]) == ([], [wrong.statement_id], ["m2"])


def test_the_last_statement_withdrawn_leaves_no_table(lake: Lake, quarter: Runner) -> None:
    (only,) = Landing(lake).in_force()
    withdraw(lake, load_settings(), only.statement_id, reason="test", at=RECEIVED)
    quarter.tables(TABLES[:2], {Industry.METAL: MONTHS})
    assert follow(lake, quarter)
    assert [lake.partitions(table) for table in PARTITIONED] == [[]] * len(PARTITIONED)
    assert stale_months(lake, load_settings(), Industry.METAL) == []
