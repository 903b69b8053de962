"""Every expectation is fed bad data, and exactly it fails."""

import os
import subprocess
import sys

import polars as pl
import pytest

from ecoai_pipeline.domain import ARRIVALS, Month
from ecoai_pipeline.quality import gx
from ecoai_pipeline.quality.gx import ExpectationError, validate, validate_each
from ecoai_pipeline.quality.measures import examine
from ecoai_pipeline.quality.rules import mark, meter_frame
from ecoai_pipeline.quality.suites import Expectation, Severity, Suite, days_suite, readings_suite
from ecoai_pipeline.quality.summary import by_day, horizons
from ecoai_pipeline.settings import QualityParams
from ecoai_pipeline.storage.schema import empty

PARAMS, JANUARY = QualityParams(), Month(2022, 1)
READINGS, DAYS = readings_suite(PARAMS), days_suite(PARAMS)

BAD_READING = {
    "reading_unique": {"timestamp": pl.col("timestamp").shift(-1)},
    "quality_known": {"quality": pl.lit("guessed")},
    "value_present": {"kwh": pl.lit(None)},
    "missing_empty": {"quality": pl.lit("missing")},
    "suspect_explained": {"quality": pl.lit("suspect")},
    "interval_plausible": {"clock_s": pl.lit(3700)},
    "value_plausible": {"kwh": pl.lit(1_000_001.0), "limit_kwh": pl.lit(None)},
    "not_negative": {"kwh": pl.lit(-0.5)},
    "within_capacity": {"kwh": pl.lit(61.0)},
}
BAD_DAY = {
    "day_unique": {"day": pl.col("day").shift(-1)},
    "day_in_month": {"outside_month": pl.lit(1)},
    "day_present": {"missing_day": pl.lit(1)},
    "day_complete": {"completeness": pl.lit(0.89)},
    "null_run_short": {"null_run_h": pl.lit(6.25)},
    "zero_run_short": {"zero_run_h": pl.lit(73.0)},
    "flat_run_short": {"flat_run_h": pl.lit(12.25)},
    "interval_regular": {"intervals": pl.lit(2)},
    "interval_kept": {"interval_changed": pl.lit(1)},
    "counter_steady": {"counter_reset": pl.lit(1)},
    "history_kept": {"above_history": pl.lit(1)},
    "days_collected": {"miscollected": pl.lit(1)},
    "clock_kept": {"drifting": pl.lit(1)},
    "grid_kept": {"off_grid": pl.lit(1)},
    "no_overlap": {"overlaps": pl.lit(1)},
    "order_kept": {"order_breaks": pl.lit(1)},
}


@pytest.fixture(scope="module")
def examined(make_readings, make_meter, working) -> pl.DataFrame:
    """Five good days of three meters, one of them signed."""
    readings = pl.concat([make_readings(working(120), meter=name) for name in ("m1", "m2", "m3")])
    meters = [make_meter("m1", capacity_kw=50), make_meter("m2", capacity_kw=50), make_meter("m3", signed=True)]
    return mark(examine(readings, meter_frame({m.meter_id: m for m in meters}), PARAMS, default_zone="Asia/Seoul"), PARAMS)


@pytest.fixture(scope="module")
def days(examined) -> pl.DataFrame:
    return by_day(examined, JANUARY, horizons(examined.lazy().drop("zone"), meter_frame({}), "Asia/Seoul"), arrivals=empty(ARRIVALS))


def spoiled(frame: pl.DataFrame, changes: dict[str, pl.Expr]) -> pl.DataFrame:
    """The frame with one row of meter m2 changed."""
    there = (pl.col("meter_id") == "m2") & (pl.int_range(pl.len()).over("meter_id") == 2)
    return frame.with_columns(
        pl.when(there).then(value).otherwise(name).cast(frame.schema[name]).alias(name) for name, value in changes.items()
    )


def failed(frame: pl.DataFrame, suite: Suite) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {o.expectation.name: (o.unexpected, o.meters) for o in validate(frame, suite) if not o.success}


def test_good_data_meets_every_expectation(examined, days):
    assert failed(examined, READINGS) == {}
    assert failed(days, DAYS) == {}


def test_every_expectation_has_its_bad_data():
    assert list(BAD_READING) == [e.name for e in READINGS.expectations]
    assert list(BAD_DAY) == [e.name for e in DAYS.expectations]


@pytest.mark.parametrize("name", BAD_READING)
def test_a_bad_reading_fails_exactly_its_expectation(examined, name):
    rows = 2 if name.endswith("unique") else 1
    assert failed(spoiled(examined, BAD_READING[name]), READINGS) == {name: (rows, ("m2",))}


@pytest.mark.parametrize("name", BAD_DAY)
def test_a_bad_day_fails_exactly_its_expectation(days, name):
    rows = 2 if name.endswith("unique") else 1
    assert failed(spoiled(days, BAD_DAY[name]), DAYS) == {name: (rows, ("m2",))}


def test_frames_of_one_batch_are_checked_each_for_itself(examined, days):
    """The same readings twice are no duplicates; what fails in one frame is counted in no other; an empty frame is checked, too."""
    for frame, suite, bad in ((examined, READINGS, BAD_READING), (days, DAYS, BAD_DAY)):
        frames = [
            frame,
            *(spoiled(frame, changes) for changes in bad.values()),
            frame,
            frame.clear(),
            frame.filter(pl.col("meter_id") != "m1"),
        ]
        assert validate_each(frames, suite) == [validate(one, suite) for one in frames]


def test_a_number_that_is_none_is_no_value(examined):
    assert list(failed(spoiled(examined, {"kwh": pl.lit(float("nan"))}), READINGS)) == ["value_present"]


def test_signed_meters_and_unknown_capacity_are_exempt(examined):
    third = examined.filter(pl.col("meter_id") == "m3").with_columns(kwh=pl.when(pl.int_range(pl.len()) < 9).then(-800.0).otherwise(900.0))
    outcomes = {o.expectation.name: o for o in validate(third, READINGS)}
    assert all(o.success for o in outcomes.values())
    assert outcomes["not_negative"].checked == 0
    assert outcomes["reading_unique"].checked == 120


def test_all_failing_meters_are_named_however_many_rows_fail(examined):
    negative = examined.with_columns(kwh=-pl.col("kwh") - 1)
    assert failed(negative, READINGS) == {"not_negative": (240, ("m1", "m2"))}


def test_an_expectation_that_cannot_run_is_an_error_and_never_a_pass(examined):
    broken = Expectation(
        "broken",
        "ExpectColumnValuesToBeBetween",
        ("quality",),
        Severity.WARNING,
        "compares words to numbers",
        {"column": "quality", "min_value": 0},
    )
    with pytest.raises(ExpectationError, match="broken"):
        validate(examined, Suite("broken", (broken,)))


def test_checking_is_quiet_and_leaves_nothing_in_the_temporary_folder(tmp_path):
    code = """if True:
        import logging
        logging.basicConfig(level=logging.INFO)
        import polars as pl
        from ecoai_pipeline.domain import Month
        from ecoai_pipeline.quality.gx import validate
        from ecoai_pipeline.quality.suites import readings_suite, Suite
        from ecoai_pipeline.settings import QualityParams
        suite = Suite("one", readings_suite(QualityParams()).expectations[5:6])
        print(validate(pl.DataFrame({"meter_id": ["m"], "clock_s": [900]}), suite)[0].success)
    """
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert (run.stdout, run.stderr) == ("True\n", "")
    assert list(tmp_path.iterdir()) == []


def test_one_context_serves_the_process():
    assert gx._whole_frame() is gx._whole_frame()


def test_of_many_rows_the_hardest_are_checked_and_the_outcome_is_that_of_all_rows(examined, days, monkeypatch):
    """Whatever a row fails, be it the only one, it is found; good rows beside it are counted."""
    frames = [examined, *(spoiled(examined, changes) for changes in BAD_READING.values()), examined.clear()]
    frames += [examined.with_columns(kwh=-pl.col("kwh") - 1), spoiled(examined, {"kwh": pl.lit(float("nan"))})]
    every, monthly = validate_each(frames, READINGS), [days, *(spoiled(days, changes) for changes in BAD_DAY.values())]
    every_day = validate_each(monthly, DAYS)
    seen = []
    validated = gx._validated
    monkeypatch.setattr(gx, "_validated", lambda rows, suite, number: seen.append(rows.height) or validated(rows, suite, number))
    monkeypatch.setattr(gx, "_FEW", 0)
    assert validate_each(frames, READINGS) == every
    assert validate_each(monthly, DAYS) == every_day
    seen.clear()
    assert validate_each([examined] * 4, READINGS) == [validate_each([examined], READINGS)[0]] * 4
    assert max(seen) < 50


def test_rows_in_disorder_are_checked_for_doubles_as_a_whole(examined, monkeypatch):
    monkeypatch.setattr(gx, "_FEW", 0)
    twice = pl.concat([examined, examined.filter(pl.col("meter_id") == "m1").head(1)])
    assert failed(twice, READINGS) == {"reading_unique": (2, ("m1",))}
