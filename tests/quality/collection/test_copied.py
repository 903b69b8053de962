"""Days that repeat an earlier day digit by digit, and loads that are alike by themselves."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from ecoai_pipeline.quality.measures import examine
from ecoai_pipeline.quality.rules import Rule, conditions, meter_frame
from ecoai_pipeline.settings import QualityParams

PARAMS = QualityParams()
HOURS = 24 * 31  # January 2022 in Seoul, from midnight on


def copied(readings, *meters, before=None):
    """Places of the marked readings in the month."""
    known = meter_frame({meter.meter_id: meter for meter in meters})
    examined = examine(readings, known, PARAMS, default_zone="Asia/Seoul", before=before)
    return examined.select(conditions(PARAMS)[Rule.COPIED_DAYS].arg_true()).to_series().to_list()


def plant(readings=HOURS, per_day=24, digits=2):
    """A load of day and night that is never quite the same."""
    times = np.arange(readings) % per_day / per_day * 24
    noise = np.random.default_rng(7).normal(0, 1, readings)
    return np.round(20 + 15 * ((times >= 8) & (times < 18)) + noise, digits).tolist()


def with_copy(values, first, stop, back):
    copy = list(values)
    for n in range(first, stop):
        copy[n] = copy[n - back]
    return copy


@pytest.mark.parametrize(
    ("first", "stop", "back"),
    [
        pytest.param(480, 504, 24, id="the day before"),
        pytest.param(480, 504, 168, id="the same weekday of the week before"),
        pytest.param(480, 552, 24, id="the last day, three times"),
        pytest.param(480, 504, 72, id="Friday in place of Monday"),
        pytest.param(489, 513, 24, id="a day of UTC, from 09:00 to 09:00 in Seoul"),
        pytest.param(482, 504, 24, id="the first two hours came with the day before"),
    ],
)
def test_copied_days_are_marked_whole(make_readings, first, stop, back):
    assert copied(make_readings(with_copy(plant(), first, stop, back))) == list(range(first, stop))


def test_quarter_hours_are_marked_to_the_reading(make_readings):
    values = with_copy(plant(96 * 20, 96), 96 * 15, 96 * 16, 96)
    assert copied(make_readings(values, interval_s=900)) == list(range(96 * 15, 96 * 16))


def test_a_copy_is_seen_over_the_months_edge(make_readings):
    values = with_copy(plant(), 480, 528, 168)
    whole = make_readings(values)
    before, own = whole.head(504), whole.tail(HOURS - 504)
    assert copied(own, before=before) == list(range(24))
    assert copied(own) == []  # nothing to compare with


def test_readings_beside_a_copy_that_happen_to_be_equal_are_not_marked(make_readings):
    values = with_copy(plant(), 476, 507, 24)
    assert copied(make_readings(values)) == list(range(480, 504))


def test_half_a_day_that_is_equal_is_no_copied_day(make_readings):
    assert copied(make_readings(with_copy(plant(), 480, 498, 24))) == []


def test_one_different_digit_is_no_copy(make_readings):
    values = with_copy(plant(), 480, 504, 24)
    values[490] += 0.01
    assert copied(make_readings(values)) == []


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(with_copy([float(round(value / 10)) for value in plant()], 480, 504, 24), id="coarse steps"),
        pytest.param([5.0] * HOURS, id="a constant load"),
        pytest.param([10.0 + n % 24 for n in range(HOURS)], id="a load that repeats itself every day"),
        pytest.param([10.0 + n % 168 for n in range(HOURS)], id="a load that repeats itself every week"),
        pytest.param([10.0 + n % 24 + (n // 24 % 5 == 0) for n in range(HOURS)], id="a load that repeats itself on four days of five"),
    ],
)
def test_a_meter_that_is_equal_by_itself_is_not_marked(make_readings, values):
    assert copied(make_readings(values)) == []


def test_equal_days_of_two_meters_are_no_copies(make_readings):
    values = plant(480)
    assert copied(pl.concat([make_readings(values), make_readings(values, meter="m2")])) == []


def test_a_day_that_a_building_in_cambridge_repeated_for_39_days(cambridge, make_meter):
    """Building b16: from 29 March 2018, 01:00, each day equals 28 March, with 17 different values an hour, until 7 May."""
    march, before = cambridge("b16", datetime(2018, 2, 1), datetime(2018, 4, 1))
    found = march[copied(march, make_meter(zone="Europe/London"), before=before)]["timestamp"].to_list()
    assert found == [datetime(2018, 3, 29, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(70)]
