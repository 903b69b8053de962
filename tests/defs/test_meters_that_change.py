"""A meter that moves to another industry or reads at another interval keeps its history: readings, scores and events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.defs.runs import Runner
from ecoai_pipeline.detection.anomalies import merged_events
from ecoai_pipeline.detection.staleness import stale_months
from ecoai_pipeline.domain import (
    ANOMALIES,
    FEATURES,
    RAW_READINGS,
    SCORES,
    VALIDATED_READINGS,
    Industry,
    Month,
    MonthRange,
    Partition,
    Resolution,
)
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.registry_file import register_file
from ecoai_pipeline.storage.lake import Lake

from .conftest import MONTHS, RECEIVED, TABLES, load, take_in, write_readings

MARCH = Month(2025, 3)


def quarters(path: Path, meter: str, first: datetime, last: datetime) -> Path:
    """The same load, read every 15 minutes."""
    starts = [first + timedelta(minutes=15 * n) for n in range(int((last - first).total_seconds() // 900))]
    lines = [f"{meter},{start:%Y-%m-%d %H:%M},{load(meter, start.replace(minute=0)) / 4:.4f}" for start in starts]
    path.write_text("meter,start,kwh\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_an_interval_that_changes_in_the_middle_of_a_month_loses_neither_reading_nor_event(
    lake: Lake, scored: Runner, tmp_path: Path
) -> None:
    """From 20 March on m1 reads every 15 minutes: the month is scored by the hour, so that the outage of the 18th stays."""
    march = Partition(Industry.METAL, MARCH)
    before = lake.read(FEATURES, march, ["m1"])
    take_in(lake, quarters(tmp_path / "quarters.csv", "m1", datetime(2025, 3, 20), datetime(2025, 3, 31)))
    scored.tables(TABLES, {Industry.METAL: MonthRange(MARCH, MARCH)})
    for table in (RAW_READINGS, VALIDATED_READINGS):
        told = lake.read(table, march, ["m1"]).group_by("interval_s").agg(pl.len()).sort("interval_s").rows()
        assert told == [(900, 11 * 96), (3600, 19 * 24)], table.name
    after = lake.read(FEATURES, march, ["m1"])
    assert lake.info(FEATURES, march).facts["dropped"] == {"other_interval": 0, "no_place": 0}
    first = after.head(before.height)
    assert first.drop("kwh", "kwh_imputed", "diff_kwh", "quality", "rule", "restated").equals(
        before.drop("kwh", "kwh_imputed", "diff_kwh", "quality", "rule", "restated")
    )
    assert (first["kwh"] - before["kwh"]).abs().max() < 1e-3, "written with four digits"
    scores = lake.read(SCORES, march, ["m1"])
    assert (scores["interval_s"].unique().to_list(), scores["p"].null_count()) == ([3600], 0)
    outage = merged_events(lake, [Industry.METAL]).filter(meter_id="m1", category="energy", kind="outage")
    assert outage.height
    assert any(start < datetime(2025, 3, 18, 3, tzinfo=UTC) < end for start, end in outage.select("start", "end").rows())


def test_a_meter_that_moves_industry_keeps_its_readings_scores_and_the_event_over_the_change(
    lake: Lake, scored: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """m1 belongs to food from April on, and stands still from the last morning of March to the evening of 1 April.

    Food's model learned from two other meters, a profile: it tells an outage of a meter that it has not seen, and the outages of
    the weeks before do not blur its units as they do those of windows.
    """
    profile_alone = {resolution.value: {"profile": 1} for resolution in Resolution}
    monkeypatch.setenv("ECOAI_TRAINING__MEMBERS", json.dumps(profile_alone))
    april, stop = MARCH.next, (datetime(2025, 3, 31, 8), datetime(2025, 4, 1, 18))
    registry = tmp_path / "meters.csv"
    registry.write_text("meter_id,industry,valid_from\nm1,food,2025-04-01\n", encoding="utf-8")
    register_file(lake, load_settings(), registry, at=RECEIVED)
    for name, first, last, meters in (
        ("march", datetime(2025, 3, 31), datetime(2025, 4, 1), ("m1", "m2")),
        ("april", datetime(2025, 4, 1), datetime(2025, 4, 2), ("m1",)),
    ):
        path = write_readings(tmp_path / f"{name}.csv", first, last, meters=meters)
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([header, *(_still(line, stop) for line in lines), ""]), encoding="utf-8")
        take_in(lake, path, Industry.METAL if name == "march" else Industry.FOOD)

    take_in(lake, write_readings(tmp_path / "food.csv", datetime(2025, 1, 1), datetime(2025, 3, 1), meters=("f1", "f2")), Industry.FOOD)

    food = Partition(Industry.FOOD, april)
    scored.tables(TABLES, {Industry.METAL: MonthRange(MARCH, MARCH)})
    scored.tables(TABLES[:3], {Industry.FOOD: MonthRange(MONTHS.first, april)})
    scored.models(Industry.FOOD, Resolution.LOW, "2025-01..2025-02")
    scored.tables(TABLES[3:], {Industry.FOOD: MonthRange(april, april)})
    assert lake.read(RAW_READINGS, Partition(Industry.METAL, MARCH), ["m1"]).height == 31 * 24
    assert lake.read(SCORES, food).filter(pl.col("p").is_not_null()).height == 24
    events = merged_events(lake, list(Industry)).filter(meter_id="m1", category="energy").to_dicts()
    (over,) = [event for event in events if event["start"] < datetime(2025, 3, 31, 15, tzinfo=UTC) < event["end"]]
    assert over["industry"] == "food", "of its latest month"
    parts = lake.read(ANOMALIES, [Partition(Industry.METAL, MARCH), food]).filter(event_id=over["event_id"])
    assert parts["industry"].to_list() == ["metal", "food"]
    assert over["kind"] == "outage"


def _still(line: str, stop: tuple[datetime, datetime]) -> str:
    """A line of a file, with nothing drawn by m1 in a span."""
    meter, start, kwh = line.split(",")
    stands = meter == "m1" and stop[0] <= datetime.fromisoformat(start) < stop[1]
    return f"{meter},{start},{0 if stands else kwh}"


def test_a_site_that_is_described_later_brings_its_place_to_the_tables_of_its_meters(lake: Lake, scored: Runner, tmp_path: Path) -> None:
    """Both meters turn out to be British: their months are those of London, and their events have no Korean price."""
    settings, march = load_settings(), Partition(Industry.METAL, MARCH)
    for name, rows in (("meters", "m1,metal,Leeds,\nm2,metal,Leeds,\n"), ("sites", ",,Leeds,GB\n")):
        assert set(lake.read(ANOMALIES, march)["currency"].drop_nulls()) == {"KRW"}
        registry = tmp_path / f"{name}.csv"
        registry.write_text(f"meter_id,industry,site,country\n{rows}", encoding="utf-8")
        register_file(lake, settings, registry, at=RECEIVED)
        scored.tables(TABLES, {Industry.METAL: MONTHS})
    events = lake.read(ANOMALIES, march)
    assert events.height
    assert events.select(pl.col("cost", "currency", "co2e_kg", "tariff_version").is_not_null().any()).row(0) == (False,) * 4
    first = lake.read(RAW_READINGS, march)["timestamp"].min()
    assert first == datetime(2025, 3, 1, tzinfo=UTC), "the first midnight of March in London; in Seoul it is nine hours earlier"
    assert stale_months(lake, settings, Industry.METAL) == []
