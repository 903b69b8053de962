"""What trees are told of a reading: all of it in its meter's own units, nothing of who the meter is or how much it draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.features.series import Series

_WINDOW = 8  # readings of a course
_ALIKE_H = (24, 48, 168)  # at so many hours' distance a course is much the same
_FAR = 5.0  # ranges from the median beyond which a reading is not farther
_FLOOR = 0.01  # of the range: smaller loads are alike in logarithms
_STEEP = 20.0  # usual changes beyond which a change is not larger
_USUAL = 0.9  # quantile of a meter's changes, and of its distances, that is their unit
_LEAST = 0.01  # of a unit, ranges or logarithms: one that is always equal does not make every change infinite
_NEAR = 0.02  # ranges within which values are neighbours


def units(series: Series) -> Floats:
    """Energy in two units of the meter itself, (2, n), NaN where no reading came: linear and logarithmic, 0 at the meter's median.

    The linear unit is the range from the 2 % to the 98 % quantile of the series given. A series with negative readings has no
    logarithms and gets the linear unit twice.
    """
    known = series.kwh[series.observed]
    if not len(known):
        return np.full((2, len(series)), np.nan)
    middle, size = float(np.median(known)), _range(known)
    kwh = np.where(series.observed, series.kwh, np.nan)
    linear = np.clip((kwh - middle) / size, -_FAR, _FAR)
    if bool((known < 0).any()):
        return np.stack([linear, linear])
    return np.stack([linear, np.log((kwh + _FLOOR * size) / (middle + _FLOOR * size))])


def inputs(series: Series, hours: Sequence[float]) -> Floats:
    """Columns of each interval, (n, 2 (2 hours + 1) + 4), NaN where nothing can be known.

    Per unit the change since each of so many hours before and until as many after, by the meter's usual change over that time, and the
    distance of its course from that of other days, by the meter's usual one. Then of the run of equal readings that it stands in how
    long it is and how far it has come, hours, and which share of all readings and of those nearby are equal to it.
    """
    both = units(series)
    columns = [column for values in both for column in _changes(values, series.interval_s, hours)]
    columns += [_distance(values, series.interval_s) for values in both]
    return np.stack([*columns, *_run(series), *_shares(series)], axis=1)


def _range(known: Floats) -> float:
    low, middle, high = np.quantile(known, [0.02, 0.5, 0.98])
    return max(float(high - low), 1e-3 * abs(float(middle)), 1e-9)


def _changes(values: Floats, interval_s: int, hours: Sequence[float]) -> Iterator[Floats]:
    """Before and after each of the lags, (n,) each; NaN where the other reading lies beyond the series or did not come."""
    for lag in hours:
        back = min(_intervals(lag, interval_s), len(values))
        change = values[back:] - values[: len(values) - back]
        change = np.clip(change / _usual(np.abs(change)), -_STEEP, _STEEP)
        nothing = np.full(back, np.nan)
        yield np.concatenate([nothing, change])
        yield np.concatenate([-change, nothing])


def _distance(values: Floats, interval_s: int) -> Floats:
    """How far the courses that hold a reading lie from the nearest of those a day, two days and a week before and after.

    Mean over these courses, (n,); NaN where the series has none. A matrix profile (Yeh et al., ICDM 2016) of six neighbours.
    """
    carried, every, courses = _carried(values), np.ones(_WINDOW), max(0, len(values) - _WINDOW + 1)
    nearest = np.full(courses, np.inf)
    for lag in _ALIKE_H:
        back = _intervals(lag, interval_s)
        if back < courses:
            apart = np.convolve((carried[back:] - carried[:-back]) ** 2, every, "valid")
            nearest[back:] = np.minimum(nearest[back:], apart)
            nearest[:-back] = np.minimum(nearest[:-back], apart)
    known = np.isfinite(nearest)
    if not known.any():
        return np.full(len(values), np.nan)
    held = np.convolve(known, every)
    mean = np.convolve(np.sqrt(np.where(known, nearest, 0)), every) / np.where(held > 0, held, np.nan)
    return np.asarray(mean / _usual(mean))


def _run(series: Series) -> tuple[Floats, Floats]:
    """Length of the run of equal readings that an interval stands in, as far as the series goes, and its place in it, hours, (n,) each."""
    kwh = _carried(np.where(series.observed, series.kwh, np.nan))
    first = np.flatnonzero(np.diff(kwh, prepend=np.nan) != 0)
    length = np.diff(first, append=len(kwh))
    place = np.arange(len(kwh)) - np.repeat(first, length) + 1
    hours = series.interval_s / 3600
    return np.asarray(np.repeat(length, length) * hours), np.asarray(place * hours)


def _shares(series: Series) -> tuple[Floats, Floats]:
    """Share of all readings, and of those within a fiftieth of the range, that are equal to a reading, (n,) each; NaN where none came."""
    shares = np.full((2, len(series)), np.nan)
    known = series.kwh[series.observed]
    if len(known):
        value, place, count = np.unique(known, return_inverse=True, return_counts=True)
        near = _NEAR * _range(known)
        below = np.concatenate([[0], np.cumsum(count)])
        around = below[np.searchsorted(value, value + near, side="right")] - below[np.searchsorted(value, value - near)]
        shares[:, series.observed] = np.stack([count / len(known), count / around])[:, place]
    return shares[0], shares[1]


def _intervals(hours: float, interval_s: int) -> int:
    return max(1, round(hours * 3600 / interval_s))


def _usual(sizes: Floats) -> float:
    known = sizes[np.isfinite(sizes)]
    return max(float(np.quantile(known, _USUAL)), _LEAST) if len(known) else _LEAST


def _carried(values: NDArray[np.float64]) -> Floats:
    """The last known value standing where there is none, 0 before the first, (n,)."""
    last = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], 0.0)
