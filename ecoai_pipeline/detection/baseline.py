"""The load that the last days of the same kind let expect: a day-matching baseline, for meters that no longer do what was learned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.compiled import compiled
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.detectors.day_types import Grid, week_grid
from ecoai_pipeline.detectors.robust import Floats, stood_still
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import BaselineParams

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
_SATURDAY, _SUNDAY = 5, 6
_LEAST_MATCHED = 2  # days of a kind that a baseline needs
_LEAST_SIDE = 0.25  # of the mean of a day's sides: where nothing was expected a band may have no width


def of_like_days(series: Series, expected: Floats, days: int) -> Floats:
    """Median of all the like days of the `days` before at the same time of day, (n,); NaN where too few are known.

    A holiday is like a Sunday. Neither holidays nor days on which a plant stood still, by what was `expected`, are looked at.
    """
    told, grid = _told(series, expected)
    return _matched(told, grid, series.holiday, days, days)


def replaced(series: Series, learned: Expectation, params: BaselineParams) -> tuple[Expectation, Bools]:
    """The baseline of a series, and where it stands for what was learned, (n,).

    A day (local) expects what the median of the last `matched` days of its kind used at the same time of day: of working days, of
    Saturdays, or of Sundays ("X of Y" baseline of measurement and verification, NAESB REQ.13). Holidays and days on which a plant stood
    still are neither matched nor replaced. The baseline stands for the learned load on days before which it missed the readings by less
    than `better` times as much: by the medians of both over the `days` before, so that a fault of less than half of them decides nothing.

    Args:
        learned: what a model expects of the same intervals.
    """
    told, grid = _told(series, learned.expected)
    found = _beside(_matched(told, grid, series.holiday, params.matched, params.days), learned, grid.day)
    missed = [_daily(np.abs(told - one.expected), np.isfinite(found.expected), grid.day) for one in (learned, found)]
    of_learned, of_baseline = (_median_before(daily, params.days, params.min_days) for daily in missed)
    better = (of_baseline < params.better * of_learned)[grid.day]
    return found, better & np.isfinite(found.expected) & ~series.holiday


def _told(series: Series, expected: Floats) -> tuple[Floats, Grid]:
    """Readings of the days that tell of others, (n,), NaN on holidays and where a plant stood still, and where each interval lies."""
    grid = week_grid(series, max(1, series.slots_per_day))
    kwh = np.where(series.observed, series.kwh, np.nan)
    still = stood_still(kwh, expected, grid.day)
    return np.where(series.holiday | still[grid.day], np.nan, kwh), grid


def _matched(kwh: Floats, grid: Grid, holiday: Bools, matched: int, within: int) -> Floats:
    """Median of the last days of the same kind at the same time, (n,); NaN where too few are known."""
    days, slots = int(grid.day[-1]) + 1 if len(kwh) else 0, int(grid.slot.max()) + 1 if len(kwh) else 0
    table, kind = np.full((days, slots), np.nan), np.zeros(days, dtype=np.int64)
    table[grid.day, grid.slot], kind[grid.day] = kwh, np.where(holiday, _SUNDAY, np.where(grid.day_type < _SATURDAY, 0, grid.day_type))
    middle = np.full((days, slots), np.nan)
    for one in (0, _SATURDAY, _SUNDAY):
        alike = np.flatnonzero(kind == one)
        middle[alike] = _of_last(table[alike], alike, matched, within)
    return np.asarray(middle[grid.day, grid.slot])


def _beside(expected: Floats, learned: Expectation, day: Ints) -> Expectation:
    """An expectation with the sides of the learned band, each at least a quarter of its mean over the day."""
    known = np.isfinite(learned.expected)
    sides = []
    for side in (learned.expected - learned.low, learned.high - learned.expected):
        mean = np.bincount(day, np.where(known, side, 0.0)) / np.maximum(np.bincount(day, known), 1)
        sides.append(np.fmax(side, _LEAST_SIDE * mean[day]))
    return Expectation(expected, expected - sides[0], expected + sides[1])


@compiled
def _of_last(rows: Floats, day: Ints, matched: int, within: int) -> Floats:
    """Median of the last `matched` rows (k, slots) before each that are known at all and lie `within` so many days."""
    known = np.zeros(len(rows), dtype=np.bool_)
    for row in range(len(rows)):
        known[row] = np.isfinite(rows[row]).any()
    middle = np.full(rows.shape, np.nan)
    ordered = np.empty(min(matched, len(rows)) + 1)
    for slot in range(rows.shape[1]):
        held, counted, oldest = 0, 0, 0
        for row in range(1, len(rows)):
            value = rows[row - 1, slot]
            counted += known[row - 1]
            if np.isfinite(value):
                place = held
                while place and ordered[place - 1] > value:
                    ordered[place] = ordered[place - 1]
                    place -= 1
                ordered[place] = value
                held += 1
            while counted > matched or (oldest < row and day[row] - day[oldest] > within):
                value = rows[oldest, slot]
                counted -= known[oldest]
                oldest += 1
                if np.isfinite(value):
                    held -= 1
                    for place in range(np.searchsorted(ordered[: held + 1], value), held):
                        ordered[place] = ordered[place + 1]
            if held >= _LEAST_MATCHED:
                middle[row, slot] = (ordered[(held - 1) // 2] + ordered[held // 2]) / 2
    return middle


def _median(values: Floats) -> Floats:
    """Median of the finite values along the second axis; NaN of none."""
    count, ordered = np.isfinite(values).sum(axis=1), np.sort(values, axis=1)
    low, high = (
        np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
        for at in (np.maximum((count - 1) // 2, 0), np.minimum(count // 2, values.shape[1] - 1))
    )
    return np.asarray((low + high) / 2)


def _daily(missed: Floats, told: Bools, day: Ints) -> Floats:
    """Mean of each day's known values where `told`, (days,); NaN of none."""
    known = np.isfinite(missed) & told
    count = np.bincount(day, known)
    return np.where(count > 0, np.bincount(day, np.where(known, missed, 0.0)) / np.maximum(count, 1), np.nan)


def _median_before(daily: Floats, days: int, least: int) -> Floats:
    """Median of the known values among the `days` before each day, (days,); NaN of fewer than `least`."""
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.full(days, np.nan), daily[:-1]]), days)
    return np.where(np.isfinite(windows).sum(axis=1) >= least, _median(windows), np.nan)
