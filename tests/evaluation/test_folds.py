"""What is learned from, calibrated on and tested follow each other in time, a window apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ecoai_pipeline.evaluation.folds import Protocol, borders, folds, nights
from ecoai_pipeline.settings import load_settings

from .conftest import two_shifts


def test_a_fixed_fold_learns_from_half_calibrates_on_a_tenth_and_tests_the_last_two_fifths(settings) -> None:
    (fold,) = folds(two_shifts(), Protocol.FIXED, settings)
    assert fold.train == (0, 1680)
    assert fold.test == (2016, 3360)
    gap = fold.calibration[0] - fold.train[1]
    assert gap == fold.test[0] - fold.calibration[1] == 24  # the day; a week would leave nothing of the fortnight to calibrate on
    assert gap in fold.plan.scales


def test_shares_are_of_readings_that_came_and_not_of_intervals(settings) -> None:
    load = two_shifts(gap=(0, 1000))
    train_end, test = borders(load, settings)
    assert (load.observed[:train_end].sum(), load.observed[test:].sum()) == (1180, 944)


def test_rolling_folds_test_the_same_readings_month_by_month_and_learn_from_the_past_alone(settings) -> None:
    load = two_shifts()
    (fixed,) = folds(load, Protocol.FIXED, settings)
    rolled = folds(load, Protocol.ROLLING, settings)
    assert rolled[0].test[0] == fixed.test[0]
    assert [first.test[1] for first in rolled] == [*(later.test[0] for later in rolled[1:]), len(load)]
    starts = load.timestamps[[fold.test[0] for fold in rolled[1:]]]
    assert [str(start) for start in starts.astype("datetime64[h]")] == ["2022-04-01T00", "2022-05-01T00"]
    for fold in rolled:
        assert fold.train[0] == 0
        assert fold.train[1] + fold.plan.longest <= fold.calibration[0] < fold.calibration[1] == fold.test[0]


@given(gap=st.tuples(st.integers(0, 3000), st.integers(0, 3000)), days=st.integers(20, 140))
def test_no_reading_is_in_two_spans(gap: tuple[int, int], days: int) -> None:
    load = two_shifts(days=days, gap=(min(gap), max(gap)))
    assume(load.observed.sum() > 900)  # fewer leave no room for gaps, and are refused
    (fold,) = folds(load, Protocol.FIXED, load_settings())
    assert 0 == fold.train[0] < fold.train[1] <= fold.calibration[0] <= fold.calibration[1] <= fold.test[0] < fold.test[1] == len(load)


def test_a_calibration_span_without_room_for_gaps_is_refused(settings) -> None:
    with pytest.raises(ValueError, match=r"calibration span of 72 intervals leaves no room for gaps of a window \(24\)|give more months"):
        folds(two_shifts(days=29), Protocol.FIXED, settings)


def test_a_series_too_short_to_be_cut_is_refused_by_name(settings) -> None:
    with pytest.raises(ValueError, match="meter short: 2 readings"):
        borders(two_shifts("short").part(0, 2), settings)


def test_nights_are_the_local_days_of_a_span() -> None:
    load = two_shifts()
    found = nights(load, 30, 80)
    assert found == [(30, 48), (48, 72), (72, 80)]
    assert nights(load, 5, 5) == []
    daily = replace(load, interval_s=86_400, slot_of_day=np.zeros(len(load), dtype=np.int32))
    assert nights(daily, 10, 13) == [(10, 11), (11, 12), (12, 13)], "a reading a day is known on its own day"
    assert np.concatenate([load.timestamps[first:last] for first, last in found]).tolist() == load.timestamps[30:80].tolist()
