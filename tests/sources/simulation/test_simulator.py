"""The simulator: a provider's files that are the same for the same seed, in every format, and records that are true of them."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from ecoai_pipeline.domain import LABELS, Industry, MonthRange, UsageType
from ecoai_pipeline.evaluation.matching import read_faults
from ecoai_pipeline.sources.registry_file import read_registry, register_file
from ecoai_pipeline.sources.simulation.days import days_of
from ecoai_pipeline.sources.simulation.plan import standard_plan
from ecoai_pipeline.sources.simulation.portfolio import energy, members
from ecoai_pipeline.sources.simulation.simulator import simulate
from ecoai_pipeline.sources.writers.catalog import WRITTEN
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import RECEIVED

METAL = {"industries": [Industry.METAL], "meters_per_industry": 2}
MARCH = MonthRange.parse("2025-03")
MANY = standard_plan().model_copy(update={"share": 0.05})


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
    made = simulate(tmp_path / "s", industries=list(Industry), meters_per_industry=1, months=MARCH, written_as="kepco-cp949")
    register_file(lake, settings, made.registry, at=RECEIVED)
    for path, industry in zip(made.files, Industry, strict=True):
        result = ingest(path)
        assert (result.statement.added, result.statement.quarantined, result.statement.warnings) == (31 * 96, 0, [])
        assert [partition.industry for partition in result.partitions] == [industry]


@pytest.mark.parametrize("interval_s", [900, 3600])
@pytest.mark.parametrize("form", [form for form in WRITTEN if form != "kepco"])
def test_every_format_is_read_back_as_the_same_energy(tmp_path, ingest, raw, lake, settings, form, interval_s):
    """Three decimals of a kWh are written and read exactly in all of them."""
    given = simulate(tmp_path / "k", **METAL, months=MARCH, interval_s=interval_s)
    register_file(lake, settings, given.registry, at=RECEIVED)
    told = raw(ingest(given.files[0])).select("meter_id", "timestamp", "interval_s", "kwh")
    made = simulate(tmp_path / "s", **METAL, months=MARCH, interval_s=interval_s, written_as=form)
    again = [ingest(path) for path in made.files]
    unchanged, came = sum(result.statement.unchanged for result in again), told["kwh"].count()
    assert {result.statement.changed + result.statement.added for result in again} == {0}
    assert unchanged == (came if form in ("kpi", "greenbutton") else told.height)  # these leave out what is missing
    assert {result.statement.source for result in again} == {form.removesuffix("-cp949").removesuffix("-parquet")}


def test_faults_are_the_labels_of_the_formats_that_have_them(tmp_path, ingest, lake, settings):
    made = simulate(tmp_path / "s", **METAL, months=MARCH, plan=MANY, written_as="lead")
    register_file(lake, settings, made.registry, at=RECEIVED)
    ingest(made.files[0])
    spans = ["meter_id", "start", "end"]
    labels, faults = Landing(lake).read_table(LABELS), read_faults(made.truth)
    assert faults.height > 0
    assert labels.select(spans).sort(spans).equals(faults.select(spans).sort(spans))


def test_the_last_day_can_stand_apart(tmp_path, ingest):
    whole = ingest(simulate(tmp_path / "a", **METAL, months=MARCH).files[0])
    made = simulate(tmp_path / "b", **METAL, months=MARCH, last_day_apart=tmp_path / "night")
    month, day = ingest(made.files[0]), ingest(made.last_day[0])
    assert [path.name for path in (tmp_path / "night").iterdir()] == ["metal-2025-03-31.csv"]
    assert month.statement.unchanged + day.statement.unchanged == whole.statement.added
    assert day.statement.accepted == 2 * 96


def test_the_record_of_faults_matches_the_readings(tmp_path, ingest, raw):
    """Beside the same portfolio without a fault, the readings differ within the recorded spans alone, by the recorded energy."""
    none = standard_plan().model_copy(update={"share": 0.0})
    sound = raw(ingest(simulate(tmp_path / "a", **METAL, months=MARCH, seed=3, plan=none).files[0])).sort("meter_id", "timestamp")
    made = simulate(tmp_path / "b", **METAL, months=MARCH, seed=3, plan=MANY)
    faulty = raw(ingest(made.files[0])).sort("meter_id", "timestamp")
    both = sound.select("meter_id", "timestamp", "kwh", after=faulty["kwh"])
    faults = read_faults(made.truth)
    assert faults.height >= 3
    for fault in faults.iter_rows(named=True):
        inside = (pl.col("meter_id") == fault["meter_id"]) & pl.col("timestamp").is_between(fault["start"], fault["end"], closed="left")
        part = both.filter(inside)
        assert (part["after"] - part["kwh"]).sum() == pytest.approx(fault["kwh"], abs=0.001)
        both = both.filter(~inside)
    assert both["kwh"].equals(both["after"], null_equal=True)


def test_the_registry_can_be_read_and_its_capacity_holds_all_readings(tmp_path):
    made = simulate(tmp_path, industries=[Industry.FOOD], meters_per_industry=6, months=MARCH)
    meters = read_registry(made.registry)
    assert [meter.meter_id for meter in meters] == [f"food-{n:03d}" for n in range(1, 7)]
    assert {meter.usage_type for meter in meters} == set(UsageType)
    highest = pl.read_csv(made.files[0]).group_by("cust_no").agg(pl.max_horizontal(pl.col("^elcp_use_.*$").max()) * 4)
    capacity = {meter.meter_id: meter.capacity_kw for meter in meters}
    assert all(power < capacity[meter] for meter, power in highest.iter_rows())


@pytest.mark.parametrize("interval_s", [60, 1200, 86_400])
def test_any_resolution_has_nearly_the_same_energy(interval_s):
    """The load is averaged over long intervals, not sampled at their start; noise and gaps are each resolution's own."""
    of, hour = members(Industry.METAL, 4, 0), 3600

    def total(seconds: int) -> np.ndarray:
        steps = 86_400 // seconds * -(-seconds // 900)
        kwh = energy(of, days_of(date(2025, 3, 2), 8, steps, 0), [], seconds)
        return np.nanmean(kwh, axis=(1, 2)) / seconds

    np.testing.assert_allclose(total(interval_s), total(hour), rtol=0.05)


@pytest.mark.parametrize("wrong", [{"interval_s": 700}, {"written_as": "tall"}])
def test_what_cannot_be_simulated_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"known are|does not divide"):
        simulate(tmp_path, **METAL, months=MARCH, **wrong)
