"""Segments of any length are found from the past alone; strange days stay strange; bands follow the load; faults keep their ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecoai_pipeline.detection.bands import adapted, reaching
from ecoai_pipeline.detection.calibration import alarm_threshold
from ecoai_pipeline.detection.loads import Load
from ecoai_pipeline.detection.segments.days import strange_days
from ecoai_pipeline.detection.segments.extents import Stretches
from ecoai_pipeline.detection.segments.search import Found, searched
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import BandParams, HabitParams, SegmentParams, StrangeDayParams

QUARTER_S, DAY = 900, 96
START = np.datetime64("2025-01-06", "us")
Q = alarm_threshold(1, QUARTER_S)
USUAL = np.tile(20 + 8 * np.sin(np.arange(DAY) * 2 * np.pi / DAY), 60)
SPREAD = 2.0
Floats = NDArray[np.float64]


def load(seed: int = 0, wander: float = 0.0) -> Floats:
    """Sixty days at 15 minutes: a daily course, noise, and where asked for a wandering level with a memory of hours."""
    rng = np.random.default_rng(seed)
    slow = np.zeros(len(USUAL))
    for i, step in enumerate(rng.normal(0, wander, len(USUAL))[1:], 1):
        slow[i] = 0.97 * slow[i - 1] + step
    return np.asarray(USUAL + slow + rng.normal(0, SPREAD, len(USUAL)))


def band(width: float = 1.645 * SPREAD) -> Expectation:
    return Expectation(USUAL, USUAL - width, USUAL + width)


def stamps(n: int) -> NDArray[np.datetime64]:
    return START + np.arange(n) * np.timedelta64(QUARTER_S, "s")


def days(n: int) -> NDArray[np.int64]:
    return np.arange(n) // DAY


def found(kwh: Floats) -> Found:
    n = len(kwh)
    known = Expectation(*(part[:n] for part in (band().expected, band().low, band().high)))
    return searched(kwh, known, known, stamps(n), days(n), QUARTER_S, SegmentParams(), HabitParams())


@pytest.mark.parametrize(
    ("hours", "added"),
    [(0.25, 16.0), (1, 8.0), (4, 5.0), (4, -5.0), (16, 3.0), (56, 1.5)],
    ids=["a spike", "an hour more", "a surge", "a sag", "most of a day", "a leak of 56 h within the band"],
)
def test_a_fault_of_any_length_alarms_and_its_segment_tells_its_ends(hours: float, added: float) -> None:
    kwh, first = load(), 50 * DAY + 31
    stop = first + round(hours * 4)
    kwh[first:stop] += added
    told = found(kwh)
    strongest = first + int(np.argmax(told.evidence[first:stop]))
    assert told.p[first:stop].min() < Q
    begin, end = int(told.first[strongest]), int(told.stop[strongest])
    shared = max(0, min(end, stop) - max(begin, first))
    assert shared / ((end - begin) + (stop - first) - shared) > 0.6


def test_a_fault_in_a_load_that_wanders_stands_out_from_the_hours_beside_it() -> None:
    kwh = load(seed=3, wander=1.0)
    kwh[50 * DAY + 40 : 50 * DAY + 56] += 14.0
    assert found(kwh).p[50 * DAY + 40 : 50 * DAY + 56].min() < Q


def test_normal_operation_alarms_about_as_often_as_the_budget_says() -> None:
    events = 0
    for seed in range(30):
        hot = found(load(seed, wander=0.3)).p[20 * DAY :] < Q
        events += int((hot[1:] & ~hot[:-1]).sum() + hot[0])
    assert events / (30 * 40 / 30) < 2.0


def test_nothing_later_than_a_segment_and_its_flank_changes_what_was_found() -> None:
    kwh, changed = load(), load()
    changed[45 * DAY :] *= 1.7
    reach = 45 * DAY - ((72 + 12) * 4)
    before, after = found(kwh), found(changed)
    assert np.array_equal(before.p[:reach], after.p[:reach], equal_nan=True)
    assert np.array_equal(found(kwh[: 40 * DAY]).p[:reach][: 36 * DAY], before.p[: 36 * DAY], equal_nan=True)


def test_a_meter_without_a_week_of_its_own_is_not_judged() -> None:
    assert np.isnan(found(load()).p[: 7 * DAY]).all()


def test_readings_that_did_not_come_bring_no_evidence_and_hide_none() -> None:
    kwh = load()
    kwh[50 * DAY : 50 * DAY + 20] = np.nan
    kwh[50 * DAY + 24 : 50 * DAY + 40] += 8
    told = found(kwh)
    assert told.p[50 * DAY + 24 : 50 * DAY + 40].min() < Q
    assert np.isnan(found(np.full(len(USUAL), np.nan)).evidence).all()


OUTAGES = (30, 33, 37, 40, 44, 47)


def test_six_days_without_load_in_three_weeks_are_all_strange_and_all_alarm() -> None:
    kwh = load()
    for day in OUTAGES:
        kwh[day * DAY : (day + 1) * DAY] *= 0.02
    told = found(kwh)
    for day in OUTAGES:
        rows = slice(day * DAY, (day + 1) * DAY)
        assert told.strange[rows].all(), day
        assert (told.p[rows] < Q).all(), day


def marked(kwh: Floats, expectation: Expectation | None = None) -> list[int]:
    strange = strange_days(kwh, expectation or band(), days(len(kwh)), QUARTER_S, StrangeDayParams())
    return sorted({int(day) for day in np.flatnonzero(strange) // DAY})


def test_a_batch_of_every_third_day_is_the_rule_after_four_weeks_and_another_level_is_learned_after_two() -> None:
    batch, level = load(), load()
    for day in range(20, 60, 3):
        batch[day * DAY : (day + 1) * DAY] *= 1.8
    assert marked(batch) == [20, 23, 26, 29, 32, 35, 38, 41, 44]
    level[30 * DAY :] *= 1.8
    assert marked(level) == list(range(30, 44))
    level[30 * DAY :] *= 0.05 / 1.8
    assert marked(level) == list(range(30, 60)), "days without load are never learned"


def test_a_day_is_strange_by_most_of_its_readings_and_its_energy_together() -> None:
    few, little, zero_band = load(), load(), load()
    few[30 * DAY : 30 * DAY + 40] += 60  # far more energy, in less than half of the readings
    assert marked(few) == []
    little[31 * DAY : 32 * DAY] += 4.5  # most readings outside, a fifth more energy
    assert marked(little) == []
    zero_band[32 * DAY : 33 * DAY] *= 0.05
    assert marked(zero_band, Expectation(USUAL, 0 * USUAL, 2 * USUAL)) == [32], "however far the band reaches down"


def series(kwh: Floats) -> Series:
    n = len(kwh)
    slots = np.arange(n, dtype=np.int32)
    free = np.zeros(n, dtype=bool)
    return Series("m", QUARTER_S, stamps(n), kwh, np.isfinite(kwh), slots % DAY, slots % (7 * DAY), free, free)


def coverage(kwh: Floats, shown: Expectation, rows: slice) -> float:
    return float(((kwh >= shown.low) & (kwh <= shown.high))[rows].mean())


def test_a_band_follows_a_load_that_varies_more_and_is_not_widened_by_outages() -> None:
    rng = np.random.default_rng(1)
    kwh = USUAL + rng.normal(0, np.where(np.arange(len(USUAL)) < 20 * DAY, SPREAD, 2 * SPREAD))
    late = slice(50 * DAY, None)
    assert coverage(kwh, band(), late) < 0.65
    assert coverage(kwh, adapted(series(kwh), band(), BandParams()), late) == pytest.approx(0.9, abs=0.03)
    outages = load()
    for day in OUTAGES:
        outages[day * DAY : (day + 1) * DAY] = 0.1
    usual, stopped = (adapted(series(one), band(), BandParams()) for one in (load(), outages))
    assert (stopped.expected - stopped.low)[late].mean() == pytest.approx((usual.expected - usual.low)[late].mean(), rel=0.05)


def test_a_band_stays_as_it_was_learned_until_a_meter_has_a_week_and_is_bounded() -> None:
    wild = USUAL + np.random.default_rng(2).normal(0, 20 * SPREAD, len(USUAL))
    shown = adapted(series(wild), band(), BandParams(far=1000))
    sides = (shown.high - shown.expected) / (1.645 * SPREAD)
    assert sides[: 7 * DAY].tolist() == pytest.approx([1.0] * 7 * DAY)
    assert sides[8 * DAY :].max() == pytest.approx(3.0)


def test_a_band_holds_what_most_like_days_used() -> None:
    """Expected at half of what all the days but the first week used: the band reaches them, and a half of its side beyond."""
    half = band()
    half = Expectation(half.expected / 2, half.low / 2, half.high / 2)
    shown = reaching(series(USUAL), half, BandParams())
    late = slice(50 * DAY, None)
    assert shown.high[late] == pytest.approx((USUAL + 0.5 * (half.high - half.expected))[late])
    assert shown.expected.tolist() == half.expected.tolist()
    assert shown.low.tolist() == half.low.tolist()
    assert reaching(series(USUAL), half, BandParams(reach=None)) is half


def test_a_fault_of_two_weeks_is_not_taken_into_the_band() -> None:
    faulty = USUAL.copy()
    faulty[45 * DAY :] *= 1.6
    shown = reaching(series(faulty), band(), BandParams())
    assert shown.high[-DAY:] == pytest.approx(np.fmax(band().high, USUAL + 0.5 * (band().high - band().expected))[-DAY:])


def cut(kwh: Floats, first: int, last: int) -> list[tuple[int, int]]:
    """Segments in an alarmed stretch, as first interval and the one after the last."""
    known = band()
    side = np.where(kwh < known.expected, known.expected - known.low, known.high - known.expected)
    start = stamps(len(kwh)).astype(np.int64)
    hot = np.zeros(len(kwh), dtype=bool)
    hot[first : last + 1] = True
    calm = np.zeros(len(kwh), dtype=bool)
    stretches = Stretches(np.full(len(kwh), "m"), start, hot, (kwh - known.expected) / side, calm, 2 * 3_600_000_000)
    frame = Load(stamps(len(kwh)), np.full(len(kwh), QUARTER_S), kwh, known.expected, known.high - known.low)
    begins, ends, _ = stretches.cut(np.array([first]), np.array([last]), {"m": frame})
    return [(int(begin), int(end) + 1) for begin, end in zip(begins, ends, strict=True)]


def test_a_fault_in_a_stretch_that_windows_made_long_is_told_from_its_first_reading_to_its_last() -> None:
    kwh, first = load(), 50 * DAY + 30
    kwh[first : first + 21] -= 9
    assert cut(kwh, first - 60, first + 80) == [(first, first + 21)]


def test_two_faults_in_one_stretch_are_two_events_and_a_leak_of_two_days_is_one() -> None:
    twice, leak = load(), load()
    for day in (50, 51):
        twice[day * DAY + 30 : day * DAY + 50] += 12
    assert np.array(cut(twice, 50 * DAY, 52 * DAY)) == pytest.approx(
        np.array([(50 * DAY + 30, 50 * DAY + 50), (51 * DAY + 30, 51 * DAY + 50)]), abs=1
    )
    leak[50 * DAY + 11 : 52 * DAY + 43] += 5
    ((begin, end),) = cut(leak, 49 * DAY, 53 * DAY)
    assert (begin, end) == pytest.approx((50 * DAY + 11, 52 * DAY + 43), abs=2)


def test_a_stretch_that_no_shape_explains_stays() -> None:
    assert cut(load(), 50 * DAY, 50 * DAY + 7) in ([(50 * DAY, 50 * DAY + 8)], [cut_far(load(), 50 * DAY, 50 * DAY + 7)])


def cut_far(kwh: Floats, first: int, last: int) -> tuple[int, int]:
    far = first + np.flatnonzero(np.abs(kwh - USUAL)[first : last + 1] >= 1.645 * SPREAD)
    return (int(far[0]), int(far[-1]) + 1) if len(far) else (first, last + 1)


def test_times_of_a_load_are_utc() -> None:
    frame = pl.DataFrame(
        {
            "meter_id": ["m"],
            "timestamp": [datetime(2025, 1, 6, tzinfo=UTC)],
            "interval_s": [900],
            "kwh": [None],
            "expected_kwh": [1.0],
            "low_kwh": [0.5],
            "high_kwh": [2.0],
        },
        schema_overrides={"kwh": pl.Float64},
    )
    one = Load.of(frame)
    assert one.at(START) == 0
    assert one.at(START + np.timedelta64(timedelta(minutes=15))) == 1
    assert (one.band.tolist(), np.isnan(one.kwh).all()) == ([1.5], True)


def test_an_outage_that_ends_in_a_higher_load_is_two_events() -> None:
    """In sum both would cancel out and lie within the band."""
    kwh = load()
    stopped, resumed, over = 40 * DAY, 43 * DAY, 46 * DAY
    kwh[stopped:resumed] *= 0.07
    kwh[resumed:over] *= 1.9
    assert np.array(cut(kwh, stopped, over - 1)) == pytest.approx(np.array([(stopped, resumed), (resumed, over)]), abs=2)


def test_a_strange_day_is_its_strange_part_on_the_side_of_its_energy() -> None:
    kwh = load()
    kwh[30 * DAY + 4 : 30 * DAY + 40] *= 0.3
    kwh[30 * DAY + 44 : 30 * DAY + 70] *= 0.3
    kwh[30 * DAY + 80 : 30 * DAY + 84] *= 1.5
    strange = np.flatnonzero(strange_days(kwh, band(), days(len(kwh)), QUARTER_S, StrangeDayParams()))
    assert strange.tolist() == list(range(30 * DAY + 4, 30 * DAY + 70)), "not the four readings above, nor the lone one below"
