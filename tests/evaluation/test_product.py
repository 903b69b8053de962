"""What users get, judged by hand on a few events and on made-up readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from ecoai_pipeline.evaluation.limit import findable
from ecoai_pipeline.evaluation.product import FAULTS, NOTHING, Product, Quiet, compared, strange_days
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.sources.simulation.faults import truth

DAY = datetime(2025, 4, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
EVENTS = {"meter_id": pl.String, "category": pl.String, "kind": pl.String, "start": TIME, "end": TIME}


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def events(*rows: tuple[str, str, str, float, float, float]) -> pl.DataFrame:
    made = [(meter, category, kind, at(start), at(end), excess) for meter, category, kind, start, end, excess in rows]
    return pl.DataFrame(made, {**EVENTS, "excess_kwh": pl.Float64}, orient="row")


def fault(kind: str, start: float, end: float, kwh: float) -> pl.DataFrame:
    return truth([("m", kind, at(start), at(end), kwh, 1.0)])


def test_a_fault_that_is_told_in_two_pieces_is_covered_by_both() -> None:
    told = compared(
        fault("leak", 0, 10, 100.0),
        events(
            ("m", "energy", "leak", 0, 2, 20.0),
            ("m", "energy", "surge", 6, 12, 40.0),
            ("m", "data_quality", "flat", 7, 8, 0.0),
            ("other", "energy", "leak", 0, 10, 100.0),
            ("m", "energy", "leak", 12, 14, 9.0),
        ),
    ).to_dicts()[0]
    assert (told["covered"], told["pieces"], told["named"], told["excess_kwh"]) == (pytest.approx(0.6), 2, "surge", 60.0)
    assert told["iou"] == pytest.approx(6 / 12)


def test_a_fault_that_nothing_touches_is_missed_and_one_that_data_quality_tells_is_found() -> None:
    missed = compared(fault("sag", 0, 2, -5.0), events(("m", "energy", "sag", 2, 3, -5.0))).to_dicts()[0]
    assert (missed["covered"], missed["pieces"], missed["named"], missed["iou"]) == (0.0, 0, None, 0.0)
    stuck = compared(fault("stuck_counter", 0, 4, 1.0), events(("m", "data_quality", "stuck_counter", 1, 4, 0.0))).to_dicts()[0]
    assert (stuck["covered"], stuck["pieces"], stuck["named"]) == (0.75, 1, "stuck_counter")


def test_figures_are_of_the_faults_found() -> None:
    rows = [
        ("m", "sag", at(0), at(2), -10.0, 0.6, 1.0, 1, 0.8, -9.0, "sag", True),
        ("m", "leak", at(5), at(9), 10.0, 1.0, 0.5, 3, 0.4, 5.0, "surge", True),
        ("m", "noisy", at(20), at(21), 0.0, 1.5, 1.0, 1, 1.0, 0.1, "noisy", True),
        ("m", "ramp", at(30), at(31), 7.0, 2.0, 0.05, 1, 0.05, 0.1, "ramp", False),
    ]
    one = Product(pl.DataFrame(rows, FAULTS, orient="row"), Quiet(months=2, alarms=3, planned=1, compared=100, covered=88), 6, 3)
    figures = (one + NOTHING).figures
    assert (figures["found"], figures["findable"], figures["found_of_findable"]) == (0.75, 0.75, 1.0)
    assert (figures["mean_iou"], figures["events_per_fault"]) == (pytest.approx(2.2 / 3), pytest.approx(5 / 3))
    assert figures["median_energy_error"] == pytest.approx(0.3)
    assert (figures["alarms_per_meter_month"], figures["alarms_outside_planned_stops"]) == (1.5, 1.0)
    assert (figures["band_coverage"], figures["repeated_outages_found"]) == (0.88, 0.5)
    assert [row["found"] for row in one.by_kind] == [1, 1, 0, 1]
    assert NOTHING.figures["found"] is None


def test_days_far_outside_the_band_and_days_near_nothing_are_told_with_the_share_inside_events() -> None:
    stamps = pl.datetime_range(DAY, at(71), "1h", eager=True)
    kwh = np.repeat([6.0, 0.2, 10.0], 24)
    known = pl.DataFrame({"meter_id": ["m"] * 72, "timestamp": stamps, "kwh": kwh, "expected_kwh": 10.0, "low_kwh": 8.0, "high_kwh": 12.0})
    days = strange_days(known, events(("m", "energy", "sag", 0, 12, -48.0), ("m", "energy", "sag", 6, 12, -24.0)), {}).sort("day")
    assert days.select("strange", "dead", "inside").rows() == [(True, False, 0.5), (True, True, 0.0), (False, False, 0.0)]


def test_a_clairvoyant_finds_what_stands_out_of_the_noise_only() -> None:
    rng, n = np.random.default_rng(5), 24 * 60
    stamps = np.datetime64("2025-03-01", "us") + np.arange(n) * np.timedelta64(3600, "s")
    hours, never = np.arange(n, dtype=np.int32), np.zeros(n, dtype=bool)
    kwh = 10 + rng.normal(size=n)
    clean = Series("m", 3600, stamps, kwh, ~never, hours % 24, hours % 168, never, never)
    scores = pl.DataFrame({"expected_kwh": np.full(n, 10.0), "low_kwh": np.full(n, 8.355), "high_kwh": np.full(n, 11.645)})
    faulty = kwh.copy()
    faulty[900:906] += 3.0
    faulty[1100:1106] += 0.3
    first = stamps[0].item().replace(tzinfo=UTC)
    spans = [(first + timedelta(hours=900), first + timedelta(hours=906)), (first + timedelta(hours=1100), first + timedelta(hours=1106))]
    faults = truth([("m", "surge", start, end, 1.0, 1.0) for start, end in spans])
    changed = Series("m", 3600, stamps, faulty, ~never, hours % 24, hours % 168, never, never)
    assert list(findable(scores, clean, changed, faults, 1.0)) == [True, False]
