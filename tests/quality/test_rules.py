"""What makes a reading suspicious, and that marking it takes nothing away."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ecoai_pipeline.domain import RAW_READINGS
from ecoai_pipeline.quality.measures import examine
from ecoai_pipeline.quality.rules import mark, meter_frame
from ecoai_pipeline.quality.summary import day_start
from ecoai_pipeline.settings import QualityParams

PARAMS = QualityParams()
SEOUL_JANUARY = datetime(2021, 12, 31, 15, tzinfo=UTC)


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


@pytest.mark.parametrize("gap", [0.0, None, "absent"])
def test_energy_that_a_counter_gives_late_is_marked_with_the_silence_before(make_readings, working, gap):
    """Ten hours of nothing, then eleven hours' energy in one reading; nothing is taken away or spread."""
    values = working(24 * 4)
    caught_up = sum(values[30:41])
    silent = None if gap == "absent" else gap
    readings = make_readings([*values[:30], *[silent] * 10, caught_up, *values[41:]])
    if gap == "absent":
        readings = readings.filter(pl.col("kwh").is_not_null())
    found = marked(readings)
    resets = found.filter(pl.col("rule").str.contains("counter_reset"))
    assert resets["timestamp"].to_list() == readings[30 : 31 if gap == "absent" else 41]["timestamp"].to_list()
    assert resets["kwh"].sum() == pytest.approx(caught_up)
    assert found["kwh"].to_list() == readings["kwh"].to_list()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([*[0.0] * 20, *[30.0, 31.0] * 14] * 4, id="a shift that starts at full load"),
        pytest.param([*[0.0] * 3, 1.0] * 60, id="a coarse counter of a small load"),
        pytest.param([*[0.0] * 40, 50.0, 0.0] * 20, id="a pump that runs an hour every other day"),
    ],
)
def test_a_load_that_comes_and_goes_is_no_counter_reset(make_readings, values):
    assert suspects(marked(make_readings(values))).height == 0


def test_a_load_that_flutters_down_to_zero_is_no_counter_reset(make_readings, working):
    """A quarter of an hour of nothing, then three times the usual load; after an hour of nothing it would be one."""
    flutter = [10.0 + n % 7 for n in range(96)] + [0.0, 45.0, 0.0, 50.0]
    assert suspects(marked(make_readings(flutter, interval_s=900))).height == 0
    stood = [10.0 + n % 7 for n in range(96)] + [0.0] * 4 + [50.0]
    assert suspects(marked(make_readings(stood, interval_s=900)))["rule"].to_list() == ["counter_reset"] * 5


def test_a_signed_meter_crosses_zero_without_a_reset(make_readings, make_meter, working):
    readings = make_readings([*working(48), 0.0, 90.0, *working(20)])
    assert suspects(marked(readings, make_meter(signed=True))).height == 0
    assert suspects(marked(readings))["rule"].to_list() == ["counter_reset"] * 2


def test_a_reset_is_seen_over_the_months_edge(make_readings, working):
    january = make_readings([0.0] * 3 + [200.0] + working(24))
    december = make_readings(working(40) + [0.0] * 5, start=january["timestamp"][0] - timedelta(hours=45))
    assert suspects(marked(january, before=december))["rule"].to_list() == ["counter_reset"] * 4


def test_a_jump_beyond_the_meters_own_history_is_marked(make_readings, working):
    readings = make_readings([*working(48), 700.0, *working(20)])
    assert suspects(marked(readings))["rule"].to_list() == ["above_history"]
    assert suspects(marked(readings.head(11))).height == 0  # too short a history
    assert suspects(marked(make_readings([*working(48), 500.0, *working(20)]))).height == 0


def test_an_interval_unlike_the_meters_usual_one_is_marked(make_readings, working):
    hours = make_readings(working(30))
    odd = hours.with_columns(interval_s=pl.when(pl.int_range(pl.len()) == 7).then(1800).otherwise("interval_s").cast(pl.Int32))
    found = suspects(marked(odd))
    assert found["rule"].to_list() == ["mixed_interval"]
    assert found["timestamp"].to_list() == [hours["timestamp"][7]]


@pytest.mark.parametrize(
    ("interval_s", "odd_s", "month"),
    [(86_400, 82_800, 3), (86_400, 90_000, 10), (3600, 7200, 10)],
    ids=["a day of 23 hours", "a day of 25 hours", "the hour that comes twice"],
)
def test_an_interval_over_a_clock_change_is_the_meters_own(make_readings, make_meter, interval_s, odd_s, month):
    """As Green Button files of daily and hourly meters have them; the same length on another day is marked."""

    def month_with(odd_day: int) -> pl.DataFrame:
        start, rows = day_start(date(2021, month, 1), "Europe/Berlin"), []
        change = day_start(date(2021, month, odd_day), "Europe/Berlin") + timedelta(hours=2 if interval_s == 3600 else 0)
        for n in range(31 * 86_400 // interval_s):
            rows.append((start, odd_s if start == change else interval_s, 5.0 + n % 7))
            start += timedelta(seconds=rows[-1][1])
        readings = make_readings([kwh for _, _, kwh in rows])
        columns = {"timestamp": [at for at, _, _ in rows], "interval_s": [length for _, length, _ in rows]}
        return readings.with_columns(pl.Series(name, values, readings.schema[name]) for name, values in columns.items())

    changes_on = 28 if month == 3 else 31
    berlin = make_meter(zone="Europe/Berlin")
    assert suspects(marked(month_with(changes_on), berlin)).height == 0
    assert "mixed_interval" in suspects(marked(month_with(12), berlin))["rule"].str.join("+")[0]


def test_a_meter_whose_interval_changes_for_good_is_not_suspicious(make_readings, working):
    hours, quarters = make_readings(working(240)), make_readings(working(400), interval_s=900)
    after = hours["timestamp"][-1] + timedelta(hours=1) - quarters["timestamp"][0]
    both = pl.concat([hours, quarters.with_columns(pl.col("timestamp") + after)])
    assert suspects(marked(both)).height == 0
    examined = examine(both, meter_frame({}), PARAMS, default_zone="Asia/Seoul")
    assert examined.filter("changed")["timestamp"].to_list() == [both["timestamp"][240]]
    stray = pl.concat([hours, quarters.head(190).with_columns(pl.col("timestamp") + after)])
    assert set(suspects(marked(stray))["rule"]) == {"mixed_interval"}


@pytest.mark.parametrize("inferred_s", [900, 907])
def test_a_clock_that_runs_late_drifts(make_readings, working, inferred_s):
    """15:00:07, 15:15:14, ...: whether the source says a quarter of an hour or takes the step for the interval."""
    readings = make_readings(working(96), interval_s=907).with_columns(interval_s=pl.lit(inferred_s, pl.Int32))
    rules = marked(readings)["rule"].to_list()
    assert rules == [None, *["off_grid+drifting"] * 95]
    shifted = make_readings(working(96), start=SEOUL_JANUARY + timedelta(seconds=7), interval_s=900)
    assert set(marked(shifted)["rule"]) == {"off_grid"}


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


def test_what_a_source_said_of_a_reading_stands_behind_the_rules_it_meets(make_readings, working):
    readings = make_readings([*working(3), -1.0]).with_columns(quality=pl.lit("suspect"), rule=pl.lit("questionable"))
    once = marked(readings)
    assert once["rule"].to_list() == ["questionable"] * 3 + ["negative+questionable"]
    assert_frame_equal(marked(once), once)


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


def test_counters_of_a_campus_in_gwangju_that_stood_and_caught_up(real_data, make_readings):
    """CNU, 농생대4호관, 2021-10: 1,621,100 kWh on the 20th after half a year of zeros, then a counter that catches up daily.

    Seen by eye in the file: from the 20th on a night's zeros end in one reading of 2,000 to 4,200 kWh, between readings of 100 to 370.
    """
    source = pl.read_csv(next((real_data / "cnu").glob("농생대4호관*")))
    stamps = source["date"].str.to_datetime("%Y-%m-%d %k:%M").dt.replace_time_zone("Asia/Seoul").dt.convert_time_zone("UTC")
    building = make_readings(source["energy"].to_list()).with_columns(timestamp=stamps)
    month = stamps.dt.convert_time_zone("Asia/Seoul").dt.strftime("%Y-%m")
    found = marked(building.filter(month == "2021-10"), before=building.filter(month == "2021-09"))
    resets = found.filter(pl.col("rule").str.contains("counter_reset"), pl.col("kwh") > 0)["kwh"].to_list()
    assert max(resets) == pytest.approx(1_621_100, abs=100)
    assert (len(resets), min(resets) > 900) == (7, True)
    assert found.filter(~pl.col("rule").str.contains("counter_reset").fill_null(False))["kwh"].max() < 900
    jump = marked(building.filter(month == "2021-12"), before=building.filter(month == "2021-11"))
    above = jump.filter(pl.col("rule") == "above_history")["kwh"].to_list()
    assert above == [pytest.approx(1_944_930, abs=10)]


def test_a_building_whose_load_rises_sixteenfold_within_days_is_believed(real_data, make_readings):
    """LEAD 136 in July 2016: 48 kWh an hour usually, 750 from the 26th to the 29th."""
    source = pl.read_csv(real_data / "lead" / "train.csv.gz").filter(pl.col("building_id") == 136).sort("timestamp")
    building = make_readings(source["meter_reading"].to_list()).with_columns(timestamp=source["timestamp"].str.to_datetime(time_zone="UTC"))
    july, june = (building.filter(pl.col("timestamp").dt.month() == number) for number in (7, 6))
    assert july["kwh"].max() == 778.5
    assert "above_history" not in "".join(marked(july, before=june)["rule"].drop_nulls())
