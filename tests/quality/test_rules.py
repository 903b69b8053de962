"""What makes a reading suspicious, and that marking it takes nothing away."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ecoai_pipeline.domain import RAW_READINGS
from ecoai_pipeline.quality.rules import examine, mark, meter_frame
from ecoai_pipeline.settings import QualityParams

PARAMS = QualityParams()


def marked(readings, *meters, before=None, params=PARAMS):
    known = meter_frame({meter.meter_id: meter for meter in meters})
    return mark(examine(readings, known, params, default_zone="Asia/Seoul", before=before), params).select(RAW_READINGS.names)


def suspects(frame):
    return frame.filter(pl.col("rule").is_not_null()).select("timestamp", "quality", "rule")


def test_a_working_plant_is_not_suspicious(make_readings, make_meter, working):
    readings = make_readings(working(24 * 31))
    assert_frame_equal(marked(readings, make_meter(capacity_kw=40)), readings)


@pytest.mark.parametrize(
    ("values", "length", "rule"),
    [
        (0.0, 72, None),
        (0.0, 73, "zero_run"),
        (-0.0, 73, "zero_run"),
        (1.0, 12, None),
        (1.0, 13, "flat_run"),
    ],
)
def test_a_run_longer_than_allowed_is_marked_whole(make_readings, working, values, length, rule):
    readings = make_readings([*working(24), *[values] * length, *working(24)])
    found = suspects(marked(readings))
    assert found["rule"].to_list() == ([rule] * length if rule else [])
    assert set(found["quality"]) <= {"suspect"}


def test_a_run_is_measured_in_hours_not_in_readings(make_readings, working):
    quarter_hours = make_readings([*working(10), *[5.0] * 49, *working(10)], interval_s=900)
    assert suspects(marked(quarter_hours)).height == 49
    assert suspects(marked(quarter_hours.head(58))).height == 0  # 48 quarters are 12 h


def test_a_missing_reading_stays_missing_and_ends_a_run(make_readings, working):
    readings = make_readings([*[3.0] * 12, None, *[3.0] * 12, *[None] * 7, *working(5)])
    found = suspects(marked(readings))
    assert found.height == 7
    assert found.unique(["quality", "rule"]).select("quality", "rule").row(0) == ("missing", "null_run")


def test_an_absent_timestamp_does_not_end_a_run(make_readings, working):
    readings = make_readings([*working(5), *[3.0] * 15, *working(5)])
    with_hole = readings.filter(pl.int_range(pl.len()) != 10)
    assert suspects(marked(with_hole)).height == 14


def test_runs_are_seen_over_the_months_edge(make_readings, working):
    january = make_readings([0.0] * 10 + working(24))
    december = make_readings(working(4) + [0.0] * 63, start=january["timestamp"][0] - timedelta(hours=67))
    assert suspects(marked(january)).height == 0
    assert suspects(marked(january, before=december)).height == 10
    assert marked(january, before=december).height == january.height


def test_the_run_of_one_meter_is_not_that_of_the_next(make_readings):
    readings = pl.concat([make_readings([7.0] * 10, meter="a"), make_readings([7.0] * 10, meter="b")])
    assert suspects(marked(readings)).height == 0


def test_negative_energy_is_suspicious_unless_the_meter_is_signed(make_readings, make_meter, working):
    readings = make_readings([*working(5), -2.0])
    assert suspects(marked(readings, make_meter()))["rule"].to_list() == ["negative"]
    assert suspects(marked(readings))["rule"].to_list() == ["negative"]
    assert suspects(marked(readings, make_meter(signed=True))).height == 0


def test_capacity_limits_energy_by_the_length_of_the_interval(make_readings, make_meter):
    readings = make_readings([29.0, 30.0, 30.5, 31.0], interval_s=900)
    assert suspects(marked(readings, make_meter(capacity_kw=100)))["rule"].to_list() == ["above_capacity"] * 2
    assert suspects(marked(readings, make_meter(capacity_kw=None))).height == 0


def test_an_interval_unlike_the_meters_usual_one_is_marked(make_readings, working):
    hours = make_readings(working(30))
    odd = hours.with_columns(interval_s=pl.when(pl.int_range(pl.len()) == 7).then(1800).otherwise("interval_s").cast(pl.Int32))
    found = suspects(marked(odd))
    assert found["rule"].to_list() == ["mixed_interval"]
    assert found["timestamp"].to_list() == [hours["timestamp"][7]]


def test_a_reading_beside_the_grid_of_the_local_day_is_marked(make_readings, working):
    readings = make_readings(working(4), start=datetime(2021, 12, 31, 15, 7, tzinfo=UTC))
    assert suspects(marked(readings))["rule"].to_list() == ["off_grid"] * 4


def test_the_grid_is_that_of_the_meters_own_zone(make_readings, make_meter, working):
    """Kathmandu is 5 h 45 min ahead of UTC: full hours there are none in Seoul."""
    readings = make_readings(working(4), start=datetime(2021, 12, 31, 18, 15, tzinfo=UTC))
    both = pl.concat([readings, make_readings(working(4), meter="m2")])
    assert suspects(marked(both, make_meter(zone="Asia/Kathmandu"), make_meter("m2"))).height == 0
    assert suspects(marked(both)).height == 4


@pytest.mark.parametrize("day", [datetime(2021, 3, 27, 23, tzinfo=UTC), datetime(2021, 10, 30, 22, tzinfo=UTC)])
def test_days_of_23_and_25_hours_keep_the_grid(make_readings, make_meter, working, day):
    readings = make_readings(working(100), start=day, interval_s=900)
    assert suspects(marked(readings, make_meter(zone="Europe/Berlin"))).height == 0


def test_several_rules_are_joined_in_their_order(make_readings, make_meter):
    readings = make_readings([-4.0] * 13)
    assert set(marked(readings, make_meter())["rule"]) == {"flat_run+negative"}


def test_what_a_provider_called_suspect_stays_so(make_readings, working):
    readings = make_readings(working(3)).with_columns(quality=pl.lit("suspect"), rule=pl.lit("edited"))
    assert_frame_equal(marked(readings), readings)


VALUES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -1.0, 50.0]), st.floats(-1e6, 1e6))
RUNS = st.lists(st.tuples(VALUES, st.integers(1, 30)), min_size=1, max_size=8)


@given(runs=RUNS, signed=st.booleans(), interval_s=st.sampled_from([60, 900, 3600, 7000]))
def test_marking_changes_no_energy_drops_no_row_and_is_idempotent(make_readings, make_meter, runs, signed, interval_s):
    readings = make_readings([value for value, length in runs for _ in range(length)], interval_s=interval_s)
    meter = make_meter(signed=signed, capacity_kw=40)
    once = marked(readings, meter)
    untouched = ["meter_id", "timestamp", "interval_s", "kwh", "statement_id"]
    assert_frame_equal(once.select(untouched), readings.select(untouched))
    assert (once["quality"] == "missing").to_list() == readings["kwh"].is_null().to_list()
    assert_frame_equal(marked(once, meter), once)


@given(runs=RUNS, cut=st.integers(0, 239))
def test_a_months_edge_hides_no_run(make_readings, runs, cut):
    """Marks after a cut are the same whether the readings before it belong to this month or to the last one."""
    readings = make_readings([value for value, length in runs for _ in range(length)])
    params = QualityParams(zero_run_h=20, flat_run_h=10, null_run_h=5)
    whole, after = marked(readings, params=params), readings[cut:]
    if after.height:
        apart = marked(after, before=readings[:cut], params=params)
        later = whole[cut:]["rule"]
        ends_alike = apart["rule"].to_list() == later.to_list()
        assert ends_alike
