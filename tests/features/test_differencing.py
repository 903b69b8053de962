"""The first difference looks over the month's edge, and no further than the interval before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ecoai_pipeline.domain import Month
from tests.features.plant import Plant

MARCH = Month(2022, 3)
MIDNIGHT = datetime(2022, 2, 28, 15, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def test_in_the_first_month_the_first_difference_is_unknown(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", [MIDNIGHT, MIDNIGHT + QUARTER], [1.0, 4.0], MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH)["diff_kwh"].to_list() == [None, 3.0]


@pytest.mark.parametrize(("before", "difference"), [(1, -6.0), (2, None)])
def test_the_first_interval_is_compared_with_the_last_one_of_the_month_before(plant: Plant, before: int, difference: float | None) -> None:
    plant.meter("a")
    plant.read("a", [MIDNIGHT - before * QUARTER], [7.0], MARCH.previous)
    plant.read("a", [MIDNIGHT], [1.0], MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH)["diff_kwh"].to_list() == [difference]


def test_differences_do_not_reach_from_one_meter_to_the_next(plant: Plant) -> None:
    for meter_id, kwh in (("a", 1.0), ("b", 100.0)):
        plant.meter(meter_id)
        plant.read(meter_id, [MIDNIGHT, MIDNIGHT + QUARTER], [kwh, kwh], MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH)["diff_kwh"].to_list() == [None, 0.0, None, 0.0]
