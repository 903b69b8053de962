"""Load shapes as an energy engineer knows them, the calendar, the seasons, planned stops, and readings that never came."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.domain import Industry, MonthRange, UsageType
from ecoai_pipeline.evaluation.matching import read_faults, read_stops
from ecoai_pipeline.sources.simulation.chance import Chance, Floats
from ecoai_pipeline.sources.simulation.days import days_of
from ecoai_pipeline.sources.simulation.maintenance import HABITS, stops
from ecoai_pipeline.sources.simulation.portfolio import USAGE, energy, members
from ecoai_pipeline.sources.simulation.simulator import simulate

YEAR = 2025
FIRST = date(YEAR, 1, 1)
SUNDAYS = [k for k in range(365) if (FIRST + timedelta(days=k)).weekday() == 6]
WORKDAYS = [k for k in range(70, 115) if (FIRST + timedelta(days=k)).weekday() < 5]  # 12 March to 25 April has no holiday


@pytest.fixture(scope="module")
def year():
    """Power of twelve meters of an industry in 2025 without planned stops (12, 365, 96), full load being 1; computed once."""
    made: dict[Industry, Floats] = {}

    def of(industry: Industry, usage: UsageType = UsageType.INDUSTRIAL) -> Floats:
        if industry not in made:
            twelve = members(industry, 12, 0)
            days = days_of(FIRST - timedelta(days=1), 366, 96, 0)
            made[industry] = energy(twelve, days, [], 900) * 4 / twelve.level_kw[:, None, None]
        return made[industry][[k for k in range(12) if USAGE[k % len(USAGE)] is usage]]

    return of


def between(load: Floats, start: float, stop: float) -> float:
    """Mean power between two hours of the day."""
    return float(np.nanmean(load[..., int(start * 4) : int(stop * 4)]))


def day(month: int, number: int) -> int:
    return (date(YEAR, month, number) - FIRST).days


def test_a_foundry_melts_in_heats_and_rests_on_sunday(year):
    metal = year(Industry.METAL)
    assert np.nanmean(metal[:, SUNDAYS, 40:80]) < 0.3 * np.nanmean(metal[:, WORKDAYS])
    one = metal[0, WORKDAYS]
    drops = (np.diff(one, axis=1) < -0.3 * np.nanmax(one)).sum(axis=1)
    assert 4 <= np.median(drops) <= 12  # a heat takes 1.5 to 3 hours, and two shifts are 16 hours


def test_food_is_baked_at_night_and_its_cold_stores_work_harder_in_summer(year):
    food = year(Industry.FOOD)
    assert between(food[:, WORKDAYS], 1, 6) > 1.8 * between(food[:, WORKDAYS], 18, 22)
    assert between(food[:, day(8, 1) : day(8, 15)], 18, 22) > 1.3 * between(food[:, day(1, 10) : day(1, 24)], 18, 22)


def test_chemistry_runs_day_and_night_in_campaigns(year):
    chemical = year(Industry.CHEMICAL)
    assert between(chemical, 0, 6) == pytest.approx(between(chemical, 10, 16), rel=0.05)
    weekly = np.nanmean(chemical.reshape(len(chemical), 365, 96)[:, :364].reshape(len(chemical), 52, -1), axis=2)
    turns = np.abs(np.diff(weekly, axis=1)) > 0.05
    assert (turns.sum(axis=1) >= 2).mean() > 0.5


def test_kilns_are_fired_over_days_so_that_their_peaks_walk_through_the_day(year):
    ceramics = year(Industry.CERAMICS)[0, WORKDAYS]
    hours = np.nanargmax(ceramics, axis=1) / 4
    assert hours.std() > 4
    assert np.nanmean(ceramics) > 2 * np.nanmean(year(Industry.CERAMICS)[0, day(1, 29)])  # Seollal


def test_paper_runs_in_three_shifts_all_week_with_web_breaks(year):
    paper = year(Industry.PAPER_WOOD)
    april = paper[:, day(4, 1) : day(4, 29)]
    sundays = np.array([(FIRST + timedelta(days=day(4, 1) + k)).weekday() == 6 for k in range(28)])
    assert np.nanmean(april[:, sundays]) == pytest.approx(np.nanmean(april[:, ~sundays]), rel=0.03)
    usual = np.nanmedian(april, axis=(1, 2), keepdims=True)
    starts = (np.diff((april < 0.8 * usual).reshape(len(april), -1).astype(int), axis=1) == 1).sum(axis=1) / 28
    assert ((starts > 0.2) & (starts < 1.6)).all()


def test_a_district_peaks_in_the_evening_and_follows_the_weather(year):
    district = year(Industry.ENERGY_SUPPLIER)
    assert between(district, 18, 21) > 1.15 * between(district, 13, 15) > 1.15 * between(district, 3, 5)
    mild = np.nanmean(district[:, day(5, 12) : day(5, 24)])
    assert np.nanmean(district[:, day(1, 6) : day(1, 18)]) > 1.1 * mild
    assert np.nanmean(district[:, day(7, 28) : day(8, 9)]) > 1.05 * mild


def test_pumps_fill_the_storage_at_night(year):
    energy_ = year(Industry.ENERGY)
    assert between(energy_, 23, 24) > 5 * between(energy_, 16, 20)


def test_workshops_pause_for_lunch_and_close_at_the_weekend(year):
    other = year(Industry.OTHER)
    assert between(other[:, WORKDAYS], 12.25, 12.75) < 0.85 * between(other[:, WORKDAYS], 10, 11.5)
    assert np.nanmean(other[:, SUNDAYS]) < 0.5 * np.nanmean(other[:, WORKDAYS])


@pytest.mark.parametrize("industry", [Industry.METAL, Industry.CERAMICS, Industry.OTHER])
def test_plants_stop_for_seollal_and_chuseok_and_in_their_summer_week(year, industry):
    """In 2025 Seollal is 28 to 30 January, with a holiday before it, and Chuseok 5 to 8 October."""
    load = year(industry)
    usual = np.nanmean(load[:, WORKDAYS])
    for feast in (slice(day(1, 28), day(1, 31)), slice(day(10, 5), day(10, 9))):
        assert np.nanmean(load[:, feast, 32:72]) < 0.4 * usual
    daily = np.nan_to_num(load, nan=usual)[:, day(7, 20) : day(8, 25)].mean(axis=2)
    quiet = daily < 0.55 * np.nanmean(load[:, WORKDAYS], axis=(1, 2))[:, None]
    assert (quiet.sum(axis=1) >= 7).all()


def test_storage_heating_draws_at_night_in_winter(year):
    midnight = year(Industry.METAL, UsageType.MIDNIGHT)
    winter, summer = midnight[:, day(1, 6) : day(2, 1)], midnight[:, day(7, 1) : day(8, 1)]
    assert between(winter, 10, 22.5) < 0.1 * between(winter, 23, 24)
    assert np.nanmean(winter) > 4 * np.nanmean(summer)


def test_irrigation_pumps_run_from_april_to_september(year):
    field = year(Industry.FOOD, UsageType.AGRICULTURAL)
    assert between(field[:, day(6, 1) : day(7, 1)], 8, 10) > 4 * between(field[:, day(3, 20) : day(4, 10)], 8, 10)


def test_a_plant_grows_or_shrinks_over_years():
    """The same weeks of spring in 2021 and 2025; a plant's growth is drawn around 1 % with a deviation of 2 % a year."""
    of = members(Industry.CHEMICAL, 60, 0)

    def mean(first: date) -> Floats:
        return np.nanmean(energy(of, days_of(first, 60, 24, 0), [], 3600), axis=(1, 2))

    change = mean(date(2025, 3, 1)) / mean(date(2021, 3, 1))
    assert 0.9 < np.median(change) < 1.25
    assert change.std() > 0.05


def test_missing_readings_are_empty_never_zero(year):
    industries = np.concatenate([year(industry) for industry in Industry])
    assert 0.0005 < np.isnan(industries).mean() < 0.01
    runs = np.isnan(industries).reshape(len(industries), -1)
    lengths = {len(run) for row in runs for run in "".join("x" if lost else " " for lost in row).split()}
    assert {1, 96} <= lengths or (1 in lengths and max(lengths) >= 24)
    assert np.nanmin(industries) > 0


def test_planned_stops_are_announced_and_are_no_faults(tmp_path):
    """Paper mills stop about eleven times a year for 8 to 14 hours; the load is low then, and no fault is recorded for it."""
    months = MonthRange.parse("2025-03..2025-05")
    made = simulate(tmp_path, industries=[Industry.PAPER_WOOD], meters_per_industry=2, months=months, interval_s=3600)
    planned = read_stops(made.maintenance)
    assert planned.height >= 4
    assert ((planned["start"].dt.date() - planned["announced"]).dt.total_days() >= 13).all()
    lasts = (planned["end"] - planned["start"]).dt.total_hours()
    habit = HABITS[Industry.PAPER_WOOD]
    assert lasts.is_between(*habit.hours).all()
    faults = read_faults(made.truth)
    overlap = planned.join(faults, on="meter_id", suffix="_fault").filter(
        pl.col("start_fault") <= pl.col("start"), pl.col("end_fault") >= pl.col("end"), pl.col("kind").is_in(["outage", "sag"])
    )
    assert overlap.height == 0


def test_a_stop_over_the_end_of_a_month_is_the_same_from_both_sides():
    of = members(Industry.CHEMICAL, 200, 0)
    planned = stops(Industry.CHEMICAL, of.chance, YEAR, YEAR)
    crossing = next(stop for stop in planned if stop.start.month != stop.end.month and stop.end.day > 1)
    last = date(crossing.start.year, crossing.start.month, crossing.start.day)
    whole = energy(of, days_of(last - timedelta(days=1), 15, 24, 0), planned, 3600)[crossing.meter]
    length = (crossing.end.date().replace(day=1) - last).days
    later = energy(of, days_of(last + timedelta(days=length - 1), 15 - length, 24, 0), planned, 3600)[crossing.meter]
    np.testing.assert_array_equal(whole[length:], later)
    assert np.nanmax(later[0]) < 0.3 * np.nanmax(later[-1])


@given(seed=st.integers(0, 2**31), first=st.integers(-(10**6), 10**6))
@hypothesis_settings(max_examples=30, deadline=None)
def test_chance_depends_on_key_and_index_alone(seed, first):
    index = np.arange(first, first + 200, dtype=np.int64)[None, :]
    chance = Chance.of(seed, ["a", "b"])
    both, alone = chance.uniform("x", index), Chance.of(seed, ["b"]).uniform("x", index[:, 50:])
    np.testing.assert_array_equal(both[1, 50:], alone[0])
    assert ((both >= 0) & (both < 1)).all()
    np.testing.assert_allclose(chance.smooth("s", index, 5)[:, 20:], chance.smooth("s", index[:, 20:], 5), atol=1e-9)


def test_chance_is_as_even_and_as_normal_as_it_says():
    index = np.arange(100_000, dtype=np.int64)[None, :]
    chance = Chance.of(0, ["a", "b"])
    one, other = chance.uniform("x", index)
    assert np.quantile(one, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.01)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.02
    normal = chance.normal("y", index)
    assert (normal.mean(), normal.std()) == pytest.approx((0, 1), abs=0.02)
    assert chance.smooth("z", index, 5).std() == pytest.approx(1, abs=0.05)
