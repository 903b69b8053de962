"""Readings with faults in them have the marks that a lake gives them, and become the events of data quality that a night finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ecoai_pipeline.detection.model import Scored
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.domain import RAW_READINGS, VALIDATED_READINGS, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.evaluation.injected import Portfolio
from ecoai_pipeline.evaluation.marking import MARKS, marked
from ecoai_pipeline.evaluation.product import compared
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.quality.validate import materialize_validated
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.simulation.faults import truth
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import conform, schema_of

ZONE = "Asia/Seoul"
JANUARY = np.datetime64("2021-12-31T15:00:00", "us")  # 2022-01-01 00:00 in Seoul
TURN = datetime(2022, 1, 31, 15, tzinfo=UTC)  # 2022-02-01 00:00 in Seoul
FEBRUARY = 31 * 96  # interval in which it begins, at 15 minutes


def meter(meter_id: str, capacity_kw: float | None = None) -> Meter:
    return Meter(meter_id, Industry.METAL, UsageType.INDUSTRIAL, ZONE, signed=False, valid_from=date(2020, 1, 1), capacity_kw=capacity_kw)


def plant(meter_id: str, seed: int) -> Series:
    """January and February 2022 at 15 minutes, no reading equal to the one before."""
    n = np.arange(59 * 96, dtype=np.int32)
    kwh = np.round(10 + (n % 96 > 32) * 5 + np.random.default_rng(seed).uniform(0.01, 1, len(n)), 4)
    never = np.zeros(len(n), dtype=bool)
    return Series(meter_id, 900, JANUARY + n * np.timedelta64(900, "s"), kwh, ~never, n % 96, n % 672, never, never)


def changed(series: Series, *changes: tuple[int, int, float]) -> Series:
    """Readings of some spans set to a value each; NaN is a missing reading."""
    kwh = series.kwh.copy()
    for start, stop, value in changes:
        kwh[start:stop] = value
    return replace(series, kwh=kwh, observed=np.isfinite(kwh))


@pytest.fixture
def portfolio() -> list[Series]:
    """Three plants: one whose counter hangs over the turn of the month, one with all else that rules mark, one without any fault."""
    hung = changed(plant("a", 0), (FEBRUARY - 30, FEBRUARY + 30, 12.5), (FEBRUARY + 400, FEBRUARY + 440, 11.5))
    odd = changed(
        plant("b", 1),
        (FEBRUARY + 100, FEBRUARY + 104, -3.0),
        (FEBRUARY + 300, FEBRUARY + 301, 900.0),
        (FEBRUARY + 500, FEBRUARY + 520, 0.0),
        (FEBRUARY + 520, FEBRUARY + 521, 260.0),
        (FEBRUARY + 900, FEBRUARY + 940, np.nan),
        (FEBRUARY + 1200, FEBRUARY + 1500, 0.0),
    )
    return [hung, odd, plant("c", 2)]


METERS = {name: meter(name, 100.0 if name == "b" else None) for name in "abc"}


def in_lake(lake: Lake, portfolio: Sequence[Series]) -> None:
    rows = [
        pl.DataFrame({"timestamp": pl.Series(one.timestamps).dt.replace_time_zone("UTC"), "kwh": pl.Series(one.kwh).fill_nan(None)})
        .with_columns(meter_id=pl.lit(one.meter_id), interval_s=900, statement_id=pl.lit("s"), restated=False, rule=pl.lit(None, pl.String))
        .with_columns(quality=pl.when(pl.col("kwh").is_null()).then(pl.lit("missing")).otherwise(pl.lit("measured")))
        for one in portfolio
    ]
    whole = pl.concat(rows).select(RAW_READINGS.names).cast(schema_of(RAW_READINGS))
    for month, own in ((Month(2022, 1), pl.col("timestamp") < TURN), (Month(2022, 2), pl.col("timestamp") >= TURN)):
        lake.write(RAW_READINGS, Partition(Industry.METAL, month), [conform(whole.filter(own), RAW_READINGS)], fingerprint="raw")
    MeterRegistry(lake).register(METERS.values(), origin="test", at=TURN)


def test_series_have_the_marks_that_the_same_readings_have_in_a_lake(lake: Lake, settings: Settings, portfolio: list[Series]) -> None:
    in_lake(lake, portfolio)
    months = [Partition(Industry.METAL, Month(2022, number)) for number in (1, 2)]
    for month in months:
        materialize_validated(lake, settings, month)
    validated = lake.scan(VALIDATED_READINGS, months).select(MARKS).collect().sort("meter_id", "timestamp")
    found = marked(portfolio, METERS, settings)
    assert_frame_equal(found, validated)
    named = set(found["rule"].drop_nulls().str.split("+").explode())
    assert named >= {"flat_run", "negative", "above_capacity", "above_history", "counter_reset", "null_run", "zero_run"}
    assert found.filter(meter_id="c")["rule"].null_count() == 59 * 96


def test_a_run_over_the_turn_of_the_month_is_as_long_as_in_both_months(settings: Settings, portfolio: list[Series]) -> None:
    flat = marked(portfolio[:1], METERS, settings).filter(pl.col("rule") == "flat_run")
    assert flat.height == 30  # the 15 hours that begin in January are marked in February; the other run, of 10 hours, is not
    assert flat["timestamp"][0] == TURN


class Expecting:
    """A model that expects every meter's median and alarms nowhere but where it is asked to."""

    version = "m1"

    def __init__(self, alarms: slice) -> None:
        self.alarms = alarms

    def score(self, portfolio: Sequence[Series]) -> list[Scored]:
        return [self._scored(one) for one in portfolio]

    def _scored(self, series: Series) -> Scored:
        level = np.full(len(series), np.nanmedian(series.kwh))
        p = np.full(len(series), 0.5)
        p[self.alarms] = 1e-9
        return Scored({}, {}, p, Expectation(level, level - 6, level + 6), np.zeros(len(series), dtype=bool))


def judging(portfolio: Sequence[Series], settings: Settings, alarms: slice) -> Portfolio:
    model: Any = Expecting(alarms)
    return Portfolio(Industry.METAL, settings, model, portfolio, METERS, TURN)


def test_a_counter_that_hangs_is_an_event_of_data_quality_and_no_consumption(settings: Settings) -> None:
    start, stop = FEBRUARY + 400, FEBRUARY + 460
    hung = changed(plant("a", 0), (start, stop, 40.0))
    events = judging([hung], settings, slice(start, stop)).judged([hung]).events
    assert events.select("category", "kind", "rule", "readings").rows() == [("data_quality", "stuck_counter", "flat_run", 60)]
    fault = truth([("a", "stuck_counter", events["start"][0], events["end"][0], 1.0, 1.0)])
    assert compared(fault, events).select("covered", "named").row(0) == (1.0, "stuck_counter")


def test_without_a_mark_the_same_alarm_is_an_event_of_energy(settings: Settings) -> None:
    start, stop = FEBRUARY + 400, FEBRUARY + 440  # ten hours are no long run for the rules
    hung = changed(plant("a", 0), (start, stop, 40.0))
    events = judging([hung], settings, slice(start, stop)).judged([hung]).events
    assert events["category"].to_list() == ["energy"]
