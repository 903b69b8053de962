"""Series: one even grid per meter over several months, as arrays."""

from __future__ import annotations

from datetime import date

import numpy as np

from ecoai_pipeline.domain import Industry, Month, MonthRange, Resolution, UsageType
from ecoai_pipeline.features.load import load_series, usage_types
from ecoai_pipeline.features.series import Series
from tests.features.plant import Plant, month_times

MONTHS = [Month(2022, 2), Month(2022, 3), Month(2022, 4)]
METAL = Industry.METAL


def with_months(plant: Plant, meter_id: str, *months: Month, interval_s: int = 3600, industry: Industry = METAL) -> None:
    for month in months:
        times = month_times(month, interval_s=interval_s)
        plant.read(meter_id, times, np.arange(float(len(times))), month, interval_s=interval_s, industry=industry)
        plant.build(month, industry)


def assert_even(series: Series) -> None:
    assert set(np.diff(series.timestamps)) == {np.timedelta64(series.interval_s, "s")}


def test_months_join_to_one_series_per_meter_sorted_by_meter(plant: Plant) -> None:
    for meter_id in ("b", "a"):
        plant.meter(meter_id)
        with_months(plant, meter_id, *MONTHS[:2])
    a, b = load_series(plant.lake, METAL, MonthRange(MONTHS[0], MONTHS[1]))
    assert (a.meter_id, b.meter_id, len(a), a.interval_s) == ("a", "b", (28 + 31) * 24, 3600)
    assert_even(a)
    assert a.timestamps[0] == np.datetime64("2022-01-31T15:00:00")
    assert a.kwh[28 * 24 - 1 : 28 * 24 + 1].tolist() == [28 * 24 - 1, 0]
    assert a.observed.all()
    assert a.slot_of_week[0] == 24  # 1 February 2022 was a Tuesday
    assert a.holiday[:48].all()
    assert not a.holiday[48]


def test_a_month_that_is_absent_becomes_rows_nobody_read(plant: Plant) -> None:
    plant.meter("a")
    with_months(plant, "a", MONTHS[0], MONTHS[2])
    (series,) = load_series(plant.lake, METAL, MONTHS)
    hole = slice(28 * 24, (28 + 31) * 24)
    assert len(series) == (28 + 31 + 30) * 24
    assert_even(series)
    assert np.isnan(series.kwh[hole]).all()
    assert not series.observed[hole].any()
    assert series.slot_of_day.tolist() == [*range(24)] * 89
    assert (np.diff(series.slot_of_week) % 168 == 1).all()


def test_the_interval_of_the_last_month_decides(plant: Plant) -> None:
    plant.meter("a")
    with_months(plant, "a", MONTHS[0], interval_s=3600)
    with_months(plant, "a", MONTHS[1], interval_s=900)
    (series,) = load_series(plant.lake, METAL, MONTHS)
    assert (series.interval_s, len(series)) == (900, 31 * 96)


def test_meters_can_be_chosen_by_resolution_and_by_name(plant: Plant) -> None:
    for meter_id, interval_s in (("a", 3600), ("b", 900)):
        plant.meter(meter_id)
        with_months(plant, meter_id, MONTHS[1], interval_s=interval_s)
    assert [s.meter_id for s in load_series(plant.lake, METAL, MONTHS, resolution=Resolution.MID)] == ["b"]
    assert [s.meter_id for s in load_series(plant.lake, METAL, MONTHS, meters=["a"])] == ["a"]
    assert load_series(plant.lake, Industry.FOOD, MONTHS) == []


def test_gaps_too_long_to_fill_are_nan_and_filled_ones_are_not_observed(plant: Plant) -> None:
    plant.meter("a")
    times = month_times(MONTHS[1], interval_s=3600)
    kept = [i for i in range(len(times)) if not (100 <= i < 103 or 200 <= i < 210)]
    plant.read("a", times[kept], np.ones(len(kept)), MONTHS[1], interval_s=3600)
    plant.build(MONTHS[1])
    (series,) = load_series(plant.lake, METAL, [MONTHS[1]])
    assert series.kwh[100:103].tolist() == [1.0] * 3
    assert not series.observed[100:103].any()
    assert np.isnan(series.kwh[200:210]).all()


def test_a_meter_that_changed_its_industry_brings_its_past_along(plant: Plant) -> None:
    plant.meter("a", industry=Industry.FOOD)
    plant.meter("a", industry=METAL, since=date(2022, 3, 1))
    with_months(plant, "a", MONTHS[0], industry=Industry.FOOD)
    with_months(plant, "a", MONTHS[1])
    (series,) = load_series(plant.lake, METAL, MONTHS[:2])
    assert len(series) == (28 + 31) * 24


def test_a_series_has_the_usage_type_of_its_last_month_and_none_where_nobody_has_said_one(plant: Plant) -> None:
    plant.meter("changed")
    plant.meter("changed", since=date(2022, 3, 1), usage=UsageType.GENERAL)
    plant.meter("guessed", guessed=True)
    plant.meter("guessed, but for its contract", guessed=True, usage=UsageType.MIDNIGHT)
    for meter_id in ("changed", "guessed", "guessed, but for its contract"):
        with_months(plant, meter_id, *MONTHS[:2])
    now = {series.meter_id: series.usage_type for series in load_series(plant.lake, METAL, MONTHS[:2])}
    assert now == {"changed": UsageType.GENERAL, "guessed": None, "guessed, but for its contract": UsageType.MIDNIGHT}
    assert now == usage_types(plant.lake, METAL, MONTHS[:2])
    (before, *_) = load_series(plant.lake, METAL, MONTHS[:1])
    assert before.usage_type is UsageType.INDUSTRIAL
    assert before.part(3, 5).usage_type is UsageType.INDUSTRIAL
