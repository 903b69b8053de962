"""The last days are expected where a meter has long done otherwise than it was learned; faults and days off teach nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecoai_pipeline.detection.baseline import replaced
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import BaselineParams

DAYS, HOURS = 70, 24
WORKING = np.where((np.arange(HOURS) >= 8) & (np.arange(HOURS) < 18), 60.0, 12.0)
NIGHTS = np.where(np.arange(HOURS) < 6, 40.0, 5.0)
CHANGE = 30  # day from which on the load is another one
Floats = NDArray[np.float64]


def week(working: Floats, free: Floats, days: int = DAYS) -> Floats:
    """A load (days, hours) from a Monday on."""
    return np.stack([free if day % 7 >= 5 else working for day in range(days)])


LEARNED = week(WORKING, np.full(HOURS, 6.0))
CHANGED = np.vstack([LEARNED[:CHANGE], week(NIGHTS, np.full(HOURS, 20.0))[CHANGE:]])


def noisy(load: Floats, seed: int = 0) -> Floats:
    return load * np.random.default_rng(seed).uniform(0.95, 1.05, load.shape)


def series(load: Floats, holidays: tuple[int, ...] = ()) -> Series:
    n = load.size
    number = np.arange(n, dtype=np.int32)
    stamps = np.datetime64("2025-01-06", "us") + number * np.timedelta64(3600, "s")
    holiday = np.isin(number // HOURS, holidays)
    return Series("m", 3600, stamps, load.ravel(), np.isfinite(load.ravel()), number % HOURS, number % (7 * HOURS), number < 0, holiday)


def learned(load: Floats = LEARNED) -> Expectation:
    middle = load.ravel()
    return Expectation(middle, 0.8 * middle, 1.2 * middle)


def days_of(rows: NDArray[np.bool_]) -> list[int]:
    return np.flatnonzero(rows.reshape(-1, HOURS).all(axis=1)).tolist()


def test_a_load_of_another_use_is_expected_as_its_last_days_once_they_are_the_greater_part() -> None:
    kwh = noisy(CHANGED)
    found, rows = replaced(series(kwh), learned(), BaselineParams())
    assert days_of(rows) == list(range(CHANGE + 14, DAYS))
    late = slice(-7 * HOURS, None)
    assert found.expected[late] == pytest.approx(CHANGED.ravel()[late], rel=0.05)
    assert (found.high - found.expected)[late] == pytest.approx(
        np.maximum(0.2 * LEARNED, 0.05 * LEARNED.mean(axis=1)[:, None]).ravel()[late]
    )


def test_a_meter_that_does_what_was_learned_keeps_its_expectation() -> None:
    assert not replaced(series(noisy(LEARNED)), learned(), BaselineParams())[1].any()


@pytest.mark.parametrize("better", [0.0, 0.7])
def test_it_can_be_switched_off(better: float) -> None:
    assert replaced(series(noisy(CHANGED)), learned(), BaselineParams(better=better))[1].any() == (better > 0)


def test_a_fault_of_twelve_days_teaches_nothing() -> None:
    kwh = noisy(LEARNED)
    kwh[CHANGE : CHANGE + 12] *= 1.8
    assert not replaced(series(kwh), learned(), BaselineParams())[1].any()


def test_days_without_load_are_never_expected() -> None:
    kwh = noisy(LEARNED)
    kwh[CHANGE:] = np.where(np.arange(DAYS - CHANGE)[:, None] % 4 == 3, kwh[CHANGE:], 0.0)
    found, rows = replaced(series(kwh), learned(), BaselineParams())
    assert not rows.any()
    known = np.isfinite(found.expected)
    assert (found.expected[known] > 3).all()


def test_holidays_keep_what_was_learned_and_are_matched_by_no_day() -> None:
    kwh = noisy(CHANGED)
    holidays = (56, 57, 58)
    kwh[list(holidays)] = 1000.0
    found, rows = replaced(series(kwh, holidays), learned(), BaselineParams())
    assert set(range(CHANGE + 14, DAYS)) - set(days_of(rows)) == set(holidays)
    assert np.nanmax(found.expected) < 100


@given(st.integers(0, 2**32 - 1), st.integers(CHANGE, DAYS - 1))
def test_nothing_later_decides_what_a_day_expects(seed: int, day: int) -> None:
    kwh = noisy(CHANGED, seed % 7)
    kwh[np.random.default_rng(seed).random(kwh.shape) < 0.05] = np.nan
    later = kwh.copy()
    later[day:] = np.random.default_rng(seed).uniform(0, 500, later[day:].shape)
    until = (day + 1) * HOURS
    both = [replaced(series(one), learned(), BaselineParams()) for one in (kwh, later)]
    for (one, rows), (other, others) in [both]:
        np.testing.assert_array_equal(one.expected[:until], other.expected[:until])
        np.testing.assert_array_equal(rows[:until], others[:until])


def test_a_day_of_23_or_25_hours_compares_with_the_same_hours_of_the_clock() -> None:
    kwh = noisy(CHANGED).ravel()
    whole = series(kwh.reshape(DAYS, HOURS))
    spring = np.r_[: 50 * HOURS + 2, 50 * HOURS + 3 : 60 * HOURS, 60 * HOURS + 2, 60 * HOURS + 2 : len(kwh)]
    cut = {name: getattr(whole, name)[spring] for name in ("kwh", "observed", "slot_of_day", "slot_of_week", "weekend", "holiday")}
    at = whole.timestamps[: len(spring)]
    known = Expectation(*(part[spring] for part in (learned().expected, learned().low, learned().high)))
    found, rows = replaced(replace(whole, timestamps=at, **cut), known, BaselineParams())
    assert found.expected[-7 * HOURS :] == pytest.approx(CHANGED.ravel()[-7 * HOURS :], rel=0.05)
    assert rows[-7 * HOURS :].all()


def test_a_series_of_nothing_and_one_of_a_day_have_no_baseline() -> None:
    for n in (0, 1):
        found, rows = replaced(series(LEARNED[:n]), learned(LEARNED[:n]), BaselineParams())
        assert len(found.expected) == n * HOURS
        assert not rows.any()
