"""Whole days that no band explains: most of their readings lie outside it, or their energy is nearly nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.settings import StrangeDayParams

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
_LEAST_READINGS = 8  # a day of fewer has no shape
_READ = 0.75
_UNMARKED = 0.25  # of a marked interval


def strange_days(kwh: Floats, expectation: Expectation, day: Ints, interval_s: int, params: StrangeDayParams) -> Bools:
    """Intervals (n,) of strange days: the part of each in which most lie outside the band on the side of the day's energy.

    Of a strange day more than `outside` of the readings lie outside the band and the energy is below `below` or above `above` of what was
    expected; or the energy is below `nothing` of it. Under a band that holds nine tenths of the readings this does not happen. Where it
    happened more than `most` times in the `days` before, it is what the meter does, and nothing is marked; strange days that follow each
    other are one time. From `level_shift_days` of them on the load has a new level, except where hardly anything comes.

    Args:
        day: number of the local day of an interval, (n,), not falling, from 0.
    """
    length = 86_400 / interval_s
    if length < _LEAST_READINGS or not len(kwh):
        return np.zeros(len(kwh), dtype=bool)
    known = np.isfinite(kwh) & np.isfinite(expectation.expected) & np.isfinite(expectation.low) & np.isfinite(expectation.high)
    outside = known & ((kwh < expectation.low) | (kwh > expectation.high))
    actual, expected = (np.bincount(day, np.where(known, values, 0.0)) for values in (kwh, expectation.expected))
    count = np.bincount(day, known)
    off, dead = (actual < params.below * expected) | (actual > params.above * expected), actual < params.nothing * expected
    strange = ((np.bincount(day, outside) > params.outside * count) & off) | dead
    strange &= (count >= _READ * length) & (expected >= 0)
    strange &= ~(_usual(strange, params) | (_learned(strange, params) & ~dead))
    with_the_day = outside & ((kwh > expectation.high) == (actual > expected)[day])
    marked = with_the_day | (known & (kwh < params.nothing * expectation.expected))
    told = np.zeros(len(kwh), dtype=bool)
    for number in np.flatnonzero(strange):
        rows = slice(*np.searchsorted(day, (number, number + 1)))
        told[rows] = _densest(marked[rows])
    return told


def _densest(marked: Bools) -> Bools:
    """The stretch (n,) with the most marked intervals less a quarter of the others: lone ones far from the rest are none of it."""
    total = np.concatenate(([0.0], np.cumsum(np.where(marked, 1.0, -_UNMARKED))))
    stop = int(np.argmax(total - np.minimum.accumulate(total)))
    start = int(np.argmin(total[: stop + 1]))
    number = np.arange(len(marked))
    return np.asarray((number >= start) & (number < stop))


def _usual(strange: Bools, params: StrangeDayParams) -> Bools:
    """Days before which strange ones came too often, (days,)."""
    begins = strange & ~np.concatenate([[False], strange[:-1]])
    return _before(begins, params) > params.most


def _learned(strange: Bools, params: StrangeDayParams) -> Bools:
    """Days before which so many were strange that these are the level of the load, (days,)."""
    return _before(strange, params) >= params.level_shift_days


def _before(marked: Bools, params: StrangeDayParams) -> Ints:
    """How many of the `days` before each day are marked, (days,)."""
    total = np.concatenate([[0], np.cumsum(marked)])
    number = np.arange(len(marked))
    return np.asarray(total[number] - total[np.maximum(number - params.days, 0)])
