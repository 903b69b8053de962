"""The regular grid: where it starts, where it ends, what it holds and what it leaves out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.domain import Industry, Month
from ecoai_pipeline.features.calendar import month_bounds
from ecoai_pipeline.features.grid import horizons, regular_grid
from tests.features.plant import Plant, month_times

FEBRUARY, MARCH = Month(2022, 2), Month(2022, 3)


def first_of_march(*minutes: int) -> list[datetime]:
    return [datetime(2022, 2, 28, 15, tzinfo=UTC) + timedelta(minutes=minute) for minute in minutes]


def test_a_new_meter_begins_with_its_first_reading(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", first_of_march(30, 45), [1.0, 2.0], MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH)["timestamp"].to_list() == first_of_march(30, 45)


def test_a_meter_known_the_month_before_begins_with_the_local_month(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", first_of_march(-45), [1.0], FEBRUARY)
    plant.read("a", first_of_march(30), [2.0], MARCH)
    plant.build(MARCH)
    rows = plant.features(MARCH)
    assert rows["timestamp"].to_list() == first_of_march(0, 15, 30)
    assert rows["kwh"].to_list() == [None, None, 2.0]
    assert rows["quality"].to_list() == ["missing", "missing", "measured"]
    assert rows["observed"].to_list() == [False, False, True]


def test_it_does_so_even_if_it_read_at_another_interval_then(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", first_of_march(-60), [4.0], FEBRUARY, interval_s=3600)
    plant.read("a", first_of_march(30), [2.0], MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH)["timestamp"].to_list() == first_of_march(0, 15, 30)


def test_a_meter_that_fell_silent_has_missing_rows_up_to_the_last_reading_of_the_zone(plant: Plant) -> None:
    for meter_id in "ab":
        plant.meter(meter_id)
    plant.read("a", first_of_march(0), [1.0], MARCH)
    plant.read("b", first_of_march(0, 15, 30, 45), [1.0] * 4, MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH, "a")["kwh"].to_list() == [1.0, None, None, None]


def test_a_meter_silent_since_the_month_before_is_missing_from_the_start(plant: Plant) -> None:
    for meter_id in "abc":
        plant.meter(meter_id)
    plant.read("a", first_of_march(-15), [1.0], FEBRUARY)
    plant.read("c", first_of_march(-15), [1.0], FEBRUARY)
    plant.read("b", first_of_march(0, 15), [1.0, 1.0], MARCH)
    plant.build(MARCH)
    rows = plant.features(MARCH).group_by("meter_id", maintain_order=True).agg(pl.len(), pl.col("observed").any())
    assert rows.rows() == [("a", 2, False), ("b", 2, True), ("c", 2, False)]


def test_a_zone_whose_day_is_not_over_is_pending_and_no_outage(plant: Plant) -> None:
    plant.meter("seoul")
    plant.meter("berlin", "Europe/Berlin")
    plant.read("seoul", first_of_march(*range(0, 24 * 60, 15)), [1.0] * 96, MARCH)
    plant.read("berlin", first_of_march(*range(8 * 60, 9 * 60, 15)), [1.0] * 4, MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH, "berlin").height == 4


def test_cells_left_empty_after_the_last_reading_of_all_are_pending_too(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", first_of_march(0, 15, 30, 45), [1.0, None, 1.0, None], MARCH, quality="measured")
    written = plant.build(MARCH)
    assert plant.features(MARCH)["quality"].to_list() == ["measured", "missing", "measured"]
    assert written.info.facts["dropped"] == {"other_interval": 0, "no_place": 1}


def test_suspect_readings_keep_their_value_and_are_scored(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", first_of_march(0), [1e6], MARCH, quality="suspect", rule="above_capacity")
    plant.build(MARCH)
    row = plant.features(MARCH).row(0, named=True)
    assert (row["kwh_imputed"], row["observed"], row["quality"], row["rule"]) == (1e6, True, "suspect", "above_capacity")


def test_readings_of_another_interval_are_left_out_and_counted(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", first_of_march(0, 15, 45), [1.0, 2.0, 3.0], MARCH)
    plant.read("a", first_of_march(30), [9.0], MARCH, interval_s=1800)
    written = plant.build(MARCH)
    assert plant.features(MARCH)["kwh"].to_list() == [1.0, 2.0, None, 3.0]
    assert written.info.facts["dropped"]["other_interval"] == 1
    assert written.info.facts["intervals"] == {"900": 1}


def test_a_reading_off_the_grid_belongs_to_its_interval_and_the_first_one_wins(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", first_of_march(2, 14, 17), [1.0, 2.0, 3.0], MARCH)
    written = plant.build(MARCH)
    rows = plant.features(MARCH)
    assert rows.select("timestamp", "kwh").rows() == list(zip(first_of_march(0, 15), [1.0, 3.0], strict=True))
    assert written.info.facts["dropped"]["no_place"] == 1


def test_hours_of_a_zone_half_an_hour_off_start_with_the_local_hour(plant: Plant) -> None:
    plant.meter("a", "Asia/Kolkata")
    times = month_times(MARCH, "Asia/Kolkata", 3600)
    plant.read("a", times, np.ones(len(times)), MARCH, interval_s=3600)
    plant.build(MARCH)
    rows = plant.features(MARCH)
    assert rows["timestamp"].to_list() == times.to_list()
    assert rows["slot_of_day"].to_list() == [*range(24)] * 31


def test_months_with_a_change_of_clocks_have_an_hour_less_and_one_more(plant: Plant) -> None:
    plant.meter("a", "Europe/Berlin")
    for month, hours in ((Month(2021, 3), 31 * 24 - 1), (Month(2021, 10), 31 * 24 + 1)):
        times = month_times(month, "Europe/Berlin", 3600)
        plant.read("a", times, np.ones(len(times)), month, interval_s=3600)
        plant.build(month)
        rows = plant.features(month)
        assert rows.height == hours
        assert {after - before for before, after in pairwise(rows["timestamp"])} == {timedelta(hours=1)}


def test_daily_readings_stay_one_per_day_across_a_change_of_clocks(plant: Plant) -> None:
    plant.meter("a", "Europe/Berlin")
    month = Month(2021, 3)
    midnights = [month_bounds(month, "Europe/Berlin")[0] + timedelta(days=day, hours=-(day > 27)) for day in range(31)]
    plant.read("a", midnights, [float(day) for day in range(31)], month, interval_s=86_400)
    plant.build(month)
    assert plant.features(month)["kwh"].to_list() == [float(day) for day in range(31)]


def test_the_month_before_is_looked_up_by_meter_when_its_industry_changed(plant: Plant) -> None:
    plant.meter("a", industry=Industry.FOOD)
    plant.meter("a", industry=Industry.METAL, since=date(2022, 3, 1))
    plant.read("a", first_of_march(-15), [1.0], FEBRUARY, industry=Industry.FOOD)
    plant.read("a", first_of_march(0), [3.0], MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH)["diff_kwh"].to_list() == [2.0]


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30 * 96), st.floats(-1e3, 1e3)), min_size=1, max_size=60, unique_by=lambda pair: pair[0]))
def test_no_energy_is_lost_or_made(readings: list[tuple[int, float]]) -> None:
    ordered = sorted(readings)
    frame = pl.DataFrame(
        {"meter_id": "a", "timestamp": first_of_march(*(15 * number for number, _ in ordered)), "kwh": [kwh for _, kwh in ordered]}
    ).with_columns(pl.lit(900, pl.Int32).alias("interval_s"), pl.lit("measured").alias("quality"), pl.lit(None, pl.String).alias("rule"))
    frame = frame.with_columns(pl.col("timestamp").dt.cast_time_unit("us"), restated=pl.lit(value=False))
    zones = {"a": "Asia/Seoul"}
    grid = regular_grid(frame, frame.clear(), MARCH, zones, horizons(frame.lazy(), zones))
    assert grid.rows.height == ordered[-1][0] - ordered[0][0] + 1
    assert np.isclose(grid.rows["kwh"].sum(), frame["kwh"].sum())
    assert grid.rows["kwh"].count() == len(readings)


def test_a_reading_behind_the_months_end_makes_the_grid_no_longer(plant: Plant) -> None:
    """Readings that were cut into months by another zone, further east, lie behind the end of the meter's own month."""
    plant.meter("a")
    times = month_times(MARCH)
    plant.read("a", [*times.tail(2), datetime(2022, 4, 1, 3, tzinfo=UTC)], [1.0, 2.0, 9.0], MARCH)
    written = plant.build(MARCH)
    assert plant.features(MARCH)["timestamp"].to_list() == times.tail(2).to_list()
    assert written.info.facts["dropped"]["no_place"] == 1


def test_a_month_in_which_the_interval_changed_is_laid_out_by_the_longer_one(plant: Plant) -> None:
    """Three days by the hour, then three by the quarter; of one hour a quarter is missing."""
    plant.read("a", first_of_march(*(60 * hour for hour in range(72))), [4.0] * 72, MARCH, interval_s=3600)
    quarters = [4320 + 15 * n for n in range(4 * 72)]
    values: list[float | None] = [1.0] * len(quarters)
    values[5] = None
    plant.read("a", first_of_march(*quarters), values, MARCH)
    facts = plant.build(MARCH).info.facts
    rows = plant.features(MARCH)
    assert rows["interval_s"].unique().to_list() == [3600]
    assert rows.height == 144
    assert rows["kwh"].to_list() == [4.0] * 73 + [None] + [4.0] * 70
    assert facts["dropped"] == {"other_interval": 0, "no_place": 0}


def test_a_slip_of_a_day_does_not_change_the_interval(plant: Plant) -> None:
    plant.read("a", first_of_march(*(15 * n for n in range(96))), [1.0] * 96, MARCH)
    plant.read("a", first_of_march(*(1440 + 60 * hour for hour in range(24))), [4.0] * 24, MARCH, interval_s=3600)
    plant.read("a", first_of_march(*(2880 + 15 * n for n in range(96))), [1.0] * 96, MARCH)
    facts = plant.build(MARCH).info.facts
    assert plant.features(MARCH)["interval_s"].unique().to_list() == [900]
    assert facts["dropped"] == {"other_interval": 24, "no_place": 0}
