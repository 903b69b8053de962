"""Days that were not collected and were filled with zeros, and zeros that a plant brings about by itself."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.quality.measures import examine
from ecoai_pipeline.quality.rules import Rule, conditions, meter_frame
from ecoai_pipeline.settings import QualityParams

PARAMS = QualityParams()
HOURS = 24 * 31  # January 2022 in Seoul, from midnight on


def filled(readings, *meters, before=None):
    """Places of the marked readings in the month."""
    known = meter_frame({meter.meter_id: meter for meter in meters})
    examined = examine(readings, known, PARAMS, default_zone="Asia/Seoul", before=before)
    return examined.select(conditions(PARAMS)[Rule.FILLED_DAYS].arg_true()).to_series().to_list()


def with_zeros(values, *runs):
    return [0.0 if any(first <= n < stop for first, stop in runs) else value for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("first", "stop"),
    [
        pytest.param(240, 264, id="a local day"),
        pytest.param(240, 288, id="two local days"),
        pytest.param(249, 273, id="a day of UTC, from 09:00 to 09:00 in Seoul"),
        pytest.param(242, 264, id="the first two hours came with the day before"),
        pytest.param(241, 265, id="stamps that are an hour late"),
    ],
)
def test_days_filled_with_zeros_are_marked_whole(make_readings, working, first, stop):
    assert filled(make_readings(with_zeros(working(HOURS), (first, stop)))) == list(range(first, stop))


def test_quarter_hours_are_marked_to_the_reading(make_readings):
    values = [10.0 + n % 96 for n in range(96 * 20)]
    assert filled(make_readings(with_zeros(values, (960, 1056)), interval_s=900)) == list(range(960, 1056))
    assert filled(make_readings(with_zeros(values, (951, 1056)), interval_s=900)) == []  # from 21:45 on


@pytest.mark.parametrize(
    ("before", "after", "first", "stop"),
    [
        pytest.param(0.5, 0.5, 239, 265, id="half of the hour on both sides"),
        pytest.param(0.6, 1, 239, 264, id="before"),
        pytest.param(1, 0.7, 240, 265, id="after"),
        pytest.param(0.9, 0.8, 240, 264, id="loads that are only a little lower"),
    ],
)
def test_hours_beside_a_filled_day_that_were_collected_in_part_are_marked(make_readings, working, before, after, first, stop):
    values = with_zeros(working(HOURS), (240, 264))
    values[239] *= before
    values[264] *= after
    assert filled(make_readings(values)) == list(range(first, stop))


def test_partial_hours_between_two_filled_days_are_marked(make_readings, working):
    """The hour of Monday's end and that of Tuesday's beginning lie between them, on several weeks."""
    values = with_zeros(working(HOURS), (242, 264), (266, 288), (410, 432), (434, 456))
    for hour in (241, 264, 265, 288, 409, 432, 433, 456):
        values[hour] /= 2
    assert filled(make_readings(values)) == [*range(241, 289), *range(409, 457)]


def test_a_low_hour_beside_a_filled_day_needs_days_to_compare_with(make_readings, working):
    """A meter that reads at this time only on some days has no usual value there."""
    values = with_zeros(working(HOURS), (240, 264))
    for hour in range(239, 24, -24):
        values[hour] = None if hour < 239 and hour > 100 else 8.0 if hour == 239 else values[hour]
    assert filled(make_readings(values)) == list(range(240, 264))


def test_a_day_that_has_just_ended_is_marked_before_the_next_one_comes(make_readings, working):
    last_day = with_zeros(working(264), (240, 264))
    assert filled(make_readings(last_day)) == list(range(240, 264))
    assert filled(make_readings([*last_day, *[0.0] * 10, *working(10)])) == []


def test_a_filled_day_is_seen_over_the_months_edge(make_readings, working):
    january = make_readings(with_zeros(working(48), (0, 24)))
    december = make_readings(working(240), start=january["timestamp"][0] - timedelta(hours=240))
    assert filled(january, before=december) == list(range(24))
    assert filled(january, before=december.tail(100)) == []  # less than a week


def test_a_day_of_23_hours_is_a_day(make_readings, make_meter, working):
    start = datetime(2021, 3, 9, 23, tzinfo=UTC)  # midnight in Berlin, 18 days before the clock goes forward
    values = with_zeros(working(24 * 22), (24 * 18, 24 * 18 + 23))
    assert filled(make_readings(values, start=start), make_meter(zone="Europe/Berlin")) == list(range(432, 455))


def test_days_that_do_not_arrive_again_and_again_stay_marked(make_readings, working):
    days = (8, 13, 14, 20, 26)
    readings = make_readings(with_zeros(working(HOURS), *((24 * day, 24 * day + 24) for day in days)))
    assert filled(readings) == [24 * day + hour for day in days for hour in range(24)]


def test_an_outage_does_not_begin_and_end_at_midnight(make_readings, working):
    for first, stop in ((250, 274), (240, 270), (232, 264), (245, 264)):
        assert filled(make_readings(with_zeros(working(HOURS), (first, stop)))) == []


def test_a_plant_that_rests_on_sundays_is_not_marked(make_readings, working):
    """Sundays are 2, 9, 16, 23 and 30 January; the meter reads exactly zero from midnight to midnight."""
    sundays = [(24 * day, 24 * day + 24) for day in (1, 8, 15, 22, 29)]
    readings = make_readings(with_zeros(working(HOURS), *sundays))
    assert filled(readings) == []
    assert filled(make_readings(with_zeros(working(HOURS), *sundays, (240, 264)))) == list(range(240, 264))
    longer = [(24 * 8, 24 * 10), *sundays]  # a holiday on the Monday after
    assert filled(make_readings(with_zeros(working(HOURS), *longer))) == []


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([float(max(0, n % 24 - 6) * (n % 24 < 19)) for n in range(HOURS)], id="a solar plant"),
        pytest.param([n % 7 * 3.0 for n in range(HOURS)], id="a machine that is often idle"),
        pytest.param([1.0 * (n < 240 or n > 500) for n in range(HOURS)], id="a meter that stood at zero for long before"),
    ],
)
def test_a_meter_that_is_at_zero_by_itself_is_not_marked(make_readings, values):
    assert filled(make_readings(with_zeros(values, (600, 624)))) == []


def test_a_load_that_fades_away_before_midnight_has_been_shut_down(make_readings, working):
    values = with_zeros(working(HOURS), (240, 264))
    values[238:240] = [4.0, 1.0]
    assert filled(make_readings(values)) == []


def test_zeros_beside_a_gap_have_no_known_edge(make_readings, working):
    readings = make_readings(with_zeros(working(HOURS), (240, 264)))
    assert filled(readings.filter(~pl.int_range(pl.len()).is_between(236, 239))) == []
    assert filled(readings.filter(~pl.int_range(pl.len()).is_between(264, 267))) == []


def test_days_of_a_daily_meter_begin_at_midnight_by_themselves(make_readings):
    values = [10.0 + n % 5 for n in range(20)] + [0.0] * 6 + [10.0] * 5
    assert filled(make_readings(values, interval_s=86_400)) == []


def test_each_meter_has_its_own_past_and_zone(make_readings, make_meter, working):
    """Midnight in Kathmandu is 18:15 UTC: hours of Seoul begin and end beside it."""
    values = with_zeros(working(HOURS), (240, 264))
    both = pl.concat([make_readings(values), make_readings(values, meter="m2")])
    assert filled(both, make_meter(), make_meter("m2", zone="Asia/Kathmandu")) == list(range(240, 264))


def test_a_weekend_that_was_not_collected_from_a_building_in_cambridge(cambridge, make_meter):
    """Building b19 uses 140 to 450 kWh an hour; 4 and 5 October 2019 are zero from 02:00 on. The hours before and after, 136 and
    134 kWh, are half of the usual load and belong to them.

    On the same two days, to the hour, six more of the 24 buildings have zeros.
    """
    october, before = cambridge("b19", datetime(2019, 9, 1), datetime(2019, 11, 1))
    found = october[filled(october, make_meter(zone="Europe/London"), before=before)]
    assert found["timestamp"].to_list() == [datetime(2019, 10, 4, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(48)]
