"""The simulator: a provider's files that are the same for the same seed, and faults that are where the record says."""

from __future__ import annotations

import polars as pl
import pytest

from ecoai_pipeline.domain import Industry, MonthRange, UsageType
from ecoai_pipeline.sources.registry_file import read_registry, register_file
from ecoai_pipeline.sources.simulation.plan import standard_plan
from ecoai_pipeline.sources.simulator import simulate
from tests.sources.given import RECEIVED

METAL = {"industries": [Industry.METAL], "meters_per_industry": 2}
MARCH = MonthRange.parse("2025-03")


def test_a_month_is_the_same_bytes_whatever_is_simulated_beside_it(tmp_path):
    alone = simulate(tmp_path / "a", **METAL, months=MARCH, seed=7)
    among = simulate(
        tmp_path / "b",
        industries=[Industry.FOOD, Industry.METAL],
        meters_per_industry=3,
        months=MonthRange.parse("2025-02..2025-04"),
        seed=7,
    )
    one = alone.files[0].read_text().splitlines()
    other = next(path for path in among.files if path.name == "metal-2025-03.csv").read_text().splitlines()
    assert one == other[: len(one)]
    assert simulate(tmp_path / "c", **METAL, months=MARCH, seed=8).files[0].read_text().splitlines() != one


def test_files_go_through_ingestion_whole(tmp_path, ingest, lake, settings):
    made = simulate(tmp_path / "s", industries=list(Industry), meters_per_industry=1, months=MARCH, encoding="cp949")
    register_file(lake, settings, made.registry, at=RECEIVED)
    for path, industry in zip(made.files, Industry, strict=True):
        result = ingest(path)
        assert (result.statement.added, result.statement.quarantined, result.statement.warnings) == (31 * 96, 0, [])
        assert [partition.industry for partition in result.partitions] == [industry]


def test_both_layouts_hold_the_same_readings(tmp_path, ingest):
    ingest(simulate(tmp_path / "a", **METAL, months=MARCH, interval_s=3600).files[0])
    again = ingest(simulate(tmp_path / "b", **METAL, months=MARCH, interval_s=3600, layout="table").files[0])
    assert (again.statement.source, again.statement.unchanged) == ("table", 2 * 31 * 24)


def test_the_last_day_can_stand_apart(tmp_path, ingest):
    whole = ingest(simulate(tmp_path / "a", **METAL, months=MARCH).files[0])
    made = simulate(tmp_path / "b", **METAL, months=MARCH, last_day_apart=tmp_path / "night")
    month, day = ingest(made.files[0]), ingest(made.last_day[0])
    assert [path.name for path in (tmp_path / "night").iterdir()] == ["metal-2025-03-31.csv"]
    assert month.statement.unchanged + day.statement.unchanged == whole.statement.added
    assert day.statement.accepted == 2 * 96


def test_the_record_of_faults_matches_the_readings(tmp_path, ingest, raw):
    made = simulate(tmp_path / "s", **METAL, months=MARCH, seed=3)
    readings = raw(ingest(made.files[0]))
    faults = pl.read_csv(made.truth, try_parse_dates=True)
    assert set(faults["kind"]) <= set(standard_plan().kinds)
    for fault in faults.filter(pl.col("kind") == "outage").iter_rows(named=True):
        inside = (pl.col("meter_id") == fault["meter_id"]) & (pl.col("timestamp") >= fault["start"]) & (pl.col("timestamp") < fault["end"])
        assert readings.filter(inside)["kwh"].drop_nulls().unique().to_list() == [0.0]
        assert fault["kwh"] < 0


def test_the_registry_can_be_read(tmp_path):
    made = simulate(tmp_path, industries=[Industry.FOOD], meters_per_industry=6, months=MARCH)
    meters = read_registry(made.registry)
    assert [meter.meter_id for meter in meters] == [f"food-{n:03d}" for n in range(1, 7)]
    assert {meter.usage_type for meter in meters} == set(UsageType)
    readings = pl.read_csv(made.files[0])
    highest = readings.select(pl.max_horizontal(pl.col("^elcp_use_.*$")).max()).item() * 4
    assert highest < 1.2 * max(meter.capacity_kw for meter in meters)


@pytest.mark.parametrize("wrong", [{"interval_s": 700}, {"encoding": "latin-1"}, {"layout": "tall"}])
def test_what_cannot_be_simulated_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"known are|does not divide"):
        simulate(tmp_path, **METAL, months=MARCH, **wrong)
