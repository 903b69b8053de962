"""Days multiplied by a factor, and loads that rise or fall by themselves."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ecoai_pipeline.quality.measures import examine
from ecoai_pipeline.quality.rules import Rule, conditions, meter_frame
from ecoai_pipeline.settings import QualityParams

PARAMS = QualityParams()
HOURS = 24 * 31  # January 2022 in Seoul, from midnight on


def multiplied(readings, *meters, before=None):
    """Places of the marked readings in the month."""
    known = meter_frame({meter.meter_id: meter for meter in meters})
    examined = examine(readings, known, PARAMS, default_zone="Asia/Seoul", before=before)
    return examined.select(conditions(PARAMS)[Rule.WRONG_FACTOR].arg_true()).to_series().to_list()


def plant(readings=HOURS, per_day=24):
    """Two shifts over a base load of 20, weekends at base load, noise of 5 %."""
    hours = np.arange(readings) / per_day * 24
    works = (hours % 24 >= 6) & (hours % 24 < 22) & (hours // 24 % 7 >= 2)  # January 2022 begins on a Saturday
    noise = np.exp(np.random.default_rng(3).normal(0, 0.05, readings))
    return (20 + 60 * works) * noise


def times(values, factor, first, stop):
    return [value * (factor if first <= n < stop else 1) for n, value in enumerate(values)]


@pytest.mark.parametrize("factor", [2, 4, 10, 100, 1000, 0.5, 0.25, 0.1, 0.01, 0.001])
def test_days_multiplied_by_a_factor_are_marked_whole(make_readings, factor):
    assert multiplied(make_readings(times(plant(), factor, 480, 552))) == list(range(480, 552))


@pytest.mark.parametrize(
    ("first", "stop"),
    [
        pytest.param(480, 504, id="one day"),
        pytest.param(489, 537, id="two days of UTC, from 09:00 in Seoul"),
        pytest.param(528, 600, id="over a weekend"),
        pytest.param(480, HOURS, id="until now"),
    ],
)
def test_the_marks_begin_and_end_with_the_fault(make_readings, first, stop):
    assert multiplied(make_readings(times(plant(), 2, first, stop))) == list(range(first, stop))


def test_a_day_of_zeros_soon_after_the_fault_does_not_lengthen_it(make_readings):
    values = times(plant(), 0.001, 480, 552)
    values[576:600] = [0.0] * 24
    assert multiplied(make_readings(values)) == list(range(480, 552))


def test_quarter_hours_are_marked_to_the_reading(make_readings):
    values = times(plant(96 * 25, 96), 4, 96 * 20, 96 * 22)
    assert multiplied(make_readings(values, interval_s=900)) == list(range(96 * 20, 96 * 22))


def test_a_factor_from_the_first_of_a_month_on_is_seen_against_the_month_before(make_readings):
    whole = make_readings(times(plant(), 0.1, 480, HOURS))
    assert multiplied(whole.tail(HOURS - 480), before=whole.head(480)) == list(range(HOURS - 480))
    assert multiplied(whole.tail(HOURS - 600), before=whole.head(600)) == list(range(HOURS - 600))
    assert multiplied(whole.tail(HOURS - 480)) == []  # nothing to compare with


CHANGED = np.arange(480, 576)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(plant()[480:576] + 60 * ((CHANGED % 24 >= 22) | (CHANGED % 24 < 6)), id="a second shift"),
        pytest.param(2 * plant()[480:576] - 20, id="all work doubles over the same base load"),
        pytest.param(1.5 * plant()[480:576], id="half as much again"),
        pytest.param(3 * plant()[480:576], id="three times"),
        pytest.param(20 + CHANGED % 5 / 5, id="a plant closed for days"),
    ],
)
def test_a_load_that_changes_by_itself_is_not_marked(make_readings, changed):
    values = plant()
    values[480:576] = changed
    assert multiplied(make_readings(values)) == []


def test_a_load_that_doubles_at_another_hour_is_not_marked(make_readings):
    assert multiplied(make_readings(times(plant(), 2, 494, 566))) == []


def test_a_load_that_grows_to_the_double_in_a_week_is_not_marked(make_readings):
    grown = [value * (1 + min(1, max(0, hour - 480) / 168)) for hour, value in enumerate(plant())]
    assert multiplied(make_readings(grown)) == []


def test_readings_without_energy_are_compared_with_nothing(make_readings):
    assert multiplied(make_readings([0.0] * HOURS)) == []
    assert multiplied(make_readings([None] * HOURS)) == []
    assert multiplied(make_readings(times(plant(), -1, 480, 552))) == []


def test_multiplied_days_are_not_usual_when_the_register_jumps(make_readings):
    """A jump to 21 times the usual load is a jump, although most of the month is ten times too large."""
    values = times(plant(), 10, 336, HOURS)
    values[200] = 21 * 90
    examined = examine(make_readings(values), meter_frame({}), PARAMS, default_zone="Asia/Seoul")
    marked = examined.select(conditions(PARAMS)[Rule.ABOVE_HISTORY].arg_true()).to_series()
    assert 200 in marked


def test_a_building_in_cambridge_that_was_counted_twice_for_three_days(cambridge, make_meter):
    """Building b21, 14 to 16 June 2019: 2.02 to 2.04 times the week before, from 283 to 545 kWh within two hours of midnight and back."""
    june, before = cambridge("b21", datetime(2019, 5, 1), datetime(2019, 7, 1))
    found = june[multiplied(june, make_meter(zone="Europe/London"), before=before)]["timestamp"].to_list()
    assert found == [datetime(2019, 6, 14, tzinfo=UTC) + timedelta(hours=n) for n in range(72)]
