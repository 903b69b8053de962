"""The assets run as the UI and the command line run them: on a real lake, with real records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ecoai_pipeline.defs.runs import RunFailedError, Runner, groups, runner
from ecoai_pipeline.detection.anomalies import merged_events
from ecoai_pipeline.detection.staleness import late_months, stale_months, unread_months
from ecoai_pipeline.domain import ANOMALIES, RAW_READINGS, SCORES, VALIDATED_READINGS, Industry, Month, MonthRange, Partition
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

from .conftest import MONTHS, OUTAGE, READINGS, TABLES, take_in, write_readings

MARCH = MonthRange.parse("2025-03")
SEOUL = timedelta(hours=9)


def stamps(lake: Lake) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in lake.root.rglob("*.parquet")}


def test_from_readings_to_the_event(lake: Lake, scored: Runner) -> None:
    events = merged_events(lake, [Industry.METAL]).filter(meter_id="m1", category="energy")
    start, end = (moment.replace(tzinfo=UTC) - SEOUL for moment in OUTAGE)
    touching = [e for e in events.to_dicts() if e["start"] < end and e["end"] > start]

    assert touching, "the outage was not found"
    assert {e["kind"] for e in touching} == {"outage"}
    assert sum(e["excess_kwh"] for e in touching) < 0


def test_a_second_identical_run_rewrites_nothing(lake: Lake, scored: Runner) -> None:
    before = stamps(lake)
    done = scored.tables(TABLES, {Industry.METAL: MARCH}, day="2025-03-30")

    assert stamps(lake) == before
    assert {made.asset: made.metadata["outcome"] for made in done} == dict.fromkeys(TABLES, "up to date")


def test_runs_leave_records_per_partition(lake: Lake, scored: Runner) -> None:
    with dg.DagsterInstance.get() as instance:
        found = {name: sorted(instance.get_materialized_partitions(dg.AssetKey(name))) for name in ("raw_readings", "models", "anomalies")}
        checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(dg.AssetKey("validated_readings"), "readings_are_sound")]
        )

    assert found == {
        "raw_readings": [Partition(Industry.METAL, month).key for month in MONTHS],
        "models": ["metal|low"],
        "anomalies": ["metal|2025-03-01"],
    }
    assert [record.status.value for record in checks.values()] == ["SUCCEEDED"]


def test_a_run_leaves_a_report_per_month_and_one_site_of_data_docs(lake: Lake, run: Runner, tmp_path: Path) -> None:
    take_in(lake, write_readings(tmp_path / "readings.csv", datetime(2025, 2, 1), datetime(2025, 3, 5)))
    span = MonthRange.parse("2025-02..2025-03")
    made = [one for one in run.tables(READINGS, {Industry.METAL: span}) if one.asset == "validated_readings"]

    assert sorted(Path(one.metadata["report"]).name for one in made) == ["month=2025-02.html", "month=2025-03.html"]
    sites = {one.metadata["run_docs"] for one in made}
    assert [Path(site).parent.parent for site in sites] == [lake.docs]
    pages = [*(Path(site) for site in sites), *(Path(one.metadata["report"]) for one in made), lake.docs / "latest" / "index.html"]
    assert all(page.is_file() for page in pages)
    again = [one for one in run.tables(READINGS, {Industry.METAL: span}) if one.asset == "validated_readings"]
    assert [("report" in one.metadata, "run_docs" in one.metadata) for one in again] == [(False, False)] * 2


def test_pages_that_cannot_be_written_hold_up_no_table(lake: Lake, run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(lake, write_readings(tmp_path / "readings.csv", datetime(2025, 3, 1), datetime(2025, 3, 5)))
    lake.docs.write_text("a file where the folder should be")
    made = run.tables(READINGS, {Industry.METAL: MARCH})
    assert lake.info(VALIDATED_READINGS, Partition(Industry.METAL, MARCH.first)).rows == 2 * 24 * 4
    assert "could not be built" in made[-1].metadata["run_docs"]


def test_an_industry_without_readings_succeeds_with_no_rows_and_a_warning(lake: Lake, scored: Runner) -> None:
    done = scored.tables(TABLES, {Industry.METAL: MonthRange.parse("2025-04")}, day="2025-04-02")

    assert {made.asset: made.metadata["dagster/row_count"] for made in done} == dict.fromkeys(TABLES, 0)
    with dg.DagsterInstance.get() as instance:
        late = dg.AssetCheckKey(dg.AssetKey("validated_readings"), "lateness")
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([late])[late]
    assert record.event is not None
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    assert not evaluation.passed
    assert "no readings" in str(evaluation.metadata["details"])


def test_scoring_without_a_model_says_what_to_do(lake: Lake, run: Runner, tmp_path: Path) -> None:
    take_in(lake, write_readings(tmp_path / "readings.csv", datetime(2025, 3, 1), datetime(2025, 3, 5)))

    with pytest.raises(RunFailedError, match=r"^metal 2025-03, scores: .* train first: ecoai train --industry metal$"):
        run.tables(TABLES, {Industry.METAL: MARCH})


def test_a_range_that_ends_before_it_starts_is_refused(lake: Lake, run: Runner) -> None:
    """Dagster itself runs such a range over no partition at all, and calls that a success."""
    tags = {"dagster/asset_partition_range_start": "metal|2025-03-01", "dagster/asset_partition_range_end": "metal|2025-01-01"}
    with pytest.raises(RunFailedError, match="ends before it starts"):
        run.run(READINGS, tags, {})
    with pytest.raises(ValueError, match="ends before it starts"):
        MonthRange.parse("2025-03..2025-01")


def test_a_lake_with_months_before_the_first_partition_is_refused_with_the_line_to_set(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(lake, write_readings(tmp_path / "readings.csv", datetime(2025, 1, 31), datetime(2025, 2, 2)))
    monkeypatch.setenv("ECOAI_FIRST_MONTH", "2025-02")
    with (
        pytest.raises(ValueError, match=r"the lake holds readings from 2025-01 on, .* set `first_month: 2025-01` in params.yaml"),
        runner(lake.root),
    ):
        pass


def test_months_before_the_first_partition_are_refused(run: Runner) -> None:
    with pytest.raises(ValueError, match=r"months are asked for from 2009-12 on, but first_month is 2010-01"):
        run.tables(READINGS, {Industry.METAL: MonthRange.parse("2009-12..2010-01")})


def test_a_damaged_partition_does_not_stop_the_others(lake: Lake, scored: Runner) -> None:
    february = Partition(Industry.METAL, Month(2025, 2))
    lake.path(SCORES, Partition(Industry.METAL, Month(2025, 3))).unlink()
    from ecoai_pipeline.domain import FEATURES

    lake.path(FEATURES, february).write_bytes(b"not parquet")
    with pytest.raises(RunFailedError, match=r"(?s)^metal 2025-02, scores: .* is damaged: it holds features of metal in 2025-02"):
        scored.tables(["scores", "anomalies"], {Industry.METAL: MONTHS})
    january = Partition(Industry.METAL, Month(2025, 1))
    assert lake.info(SCORES, january).rows > 0
    assert lake.info(ANOMALIES, january).fingerprint, "a later layer of a good month was held up"


def test_one_industry_without_a_model_does_not_hold_up_its_neighbour(lake: Lake, scored: Runner, tmp_path: Path) -> None:
    """Both share a run; when it fails, each is run alone."""
    food = write_readings(tmp_path / "food.csv", datetime(2025, 3, 1), datetime(2025, 3, 5), meters=("f1",))
    take_in(lake, food, Industry.FOOD)
    march = Partition(Industry.METAL, Month(2025, 3))
    lake.path(SCORES, march).unlink()

    with pytest.raises(RunFailedError, match="ecoai train --industry food"):
        scored.tables(TABLES, {Industry.METAL: MARCH, Industry.FOOD: MARCH})
    assert lake.info(SCORES, march).rows > 0


def test_neighbouring_industries_with_the_same_months_share_a_run() -> None:
    march, april = MARCH, MonthRange.parse("2025-03..2025-04")
    todo = {Industry.METAL: march, Industry.FOOD: march, Industry.ENERGY: april, Industry.CHEMICAL: april, Industry.OTHER: april}

    assert [([one.value for one in group], str(span)) for group, span in groups(todo)] == [
        (["metal", "food"], "2025-03..2025-03"),
        (["energy"], "2025-03..2025-04"),
        (["chemical", "other"], "2025-03..2025-04"),
    ]


def test_late_data_bring_an_old_month_back(lake: Lake, scored: Runner, tmp_path: Path) -> None:
    """A restated January makes nothing stale that was never scored; a restated March does, and what follows it."""
    settings = load_settings()
    april = Month(2025, 4)
    assert late_months(lake, settings, Industry.METAL, april) == []

    take_in(lake, write_readings(tmp_path / "january.csv", datetime(2025, 1, 6), datetime(2025, 1, 7), factor=1.1))
    assert late_months(lake, settings, Industry.METAL, april) == []
    unread = unread_months(lake, settings, Industry.METAL)
    assert unread is not None
    assert str(unread.span) == "2025-01..2025-01"

    take_in(lake, write_readings(tmp_path / "march.csv", datetime(2025, 3, 6), datetime(2025, 3, 7), factor=1.1))
    assert late_months(lake, settings, Industry.METAL, april) == [MARCH]

    scored.tables(TABLES, {Industry.METAL: MARCH})
    assert late_months(lake, settings, Industry.METAL, april) == []


def test_a_meter_that_moved_leaves_its_old_industry(lake: Lake, scored: Runner) -> None:
    registry = MeterRegistry(lake)
    moved = [replace(registry.at(name, MONTHS.first), industry=Industry.FOOD, valid_from=MONTHS.first.first_day) for name in ("m1", "m2")]
    registry.register(moved, origin="test", at=datetime(2025, 4, 2, tzinfo=UTC))

    assert stale_months(lake, load_settings(), Industry.METAL) == [Month(2025, 3)]
    scored.tables(TABLES, {Industry.METAL: MONTHS})
    assert lake.months(RAW_READINGS, Industry.METAL) == []
    assert lake.months(SCORES, Industry.METAL) == []
    assert stale_months(lake, load_settings(), Industry.METAL) == []


def test_a_night_keeps_a_ledger_and_a_second_one_adds_nothing(lake: Lake, scored: Runner) -> None:
    for _ in range(2):
        scored.tables(TABLES, {Industry.METAL: MARCH}, day="2025-03-18")

    ledger = sorted((lake.root / "ledgers" / "detections").iterdir())
    assert len(ledger) == 1
    assert lake.info(ANOMALIES, Partition(Industry.METAL, Month(2025, 3))).rows > 0
