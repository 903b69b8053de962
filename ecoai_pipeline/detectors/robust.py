"""Order statistics by group, and their shrinkage from a day of the week down to the meter as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Expectation, Labels
from ecoai_pipeline.features.runs import rows_between, seeded_runs
from ecoai_pipeline.features.series import Series

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

Z95 = 1.6448536269514722  # normal deviations that one reading in twenty lies above
DAY_TYPES = 8
OWN_HOLIDAY = 7
SUNDAY = 6
_BUSIER = 0.5  # shops trade up to one and a half times as much on holidays as on their best weekday
_FIRST_OFF_DAY = 5
_NOTHING = 0.1  # of the expected energy


def energy(series: Series, interval_s: int, labels: Labels | None = None) -> Floats:
    """Energy per `interval_s`, kWh, (n,); NaN where not observed or labelled abnormal."""
    known = series.observed
    if labels is not None and series.meter_id in labels:
        known = known & ~labels[series.meter_id]
    return np.where(known, series.kwh * (interval_s / series.interval_s), np.nan)


def deviations(series: Series, band: Expectation) -> NDArray[np.float32]:
    """Distance of each reading from the middle of a 5 % to 95 % band in deviations of the side it lies on, (n,); NaN where not observed."""
    residual = np.where(series.observed, series.kwh, np.nan) - band.expected
    side = np.where(residual < 0, band.expected - band.low, band.high - band.expected)
    return (Z95 * np.abs(residual) / side).astype(np.float32)


def grouped_quantile(values: Floats, groups: Ints, n_groups: int, q: float) -> tuple[Floats, Floats]:
    """Quantile and number of the finite values of each group, both (n_groups,); the quantile of an empty group is NaN.

    >>> grouped_quantile(np.array([3.0, 1.0, 2.0, np.nan]), np.array([0, 0, 2, 2]), 3, 0.5)
    (array([ 2., nan,  2.]), array([2., 0., 1.]))
    """
    known = np.isfinite(values)
    v, g = values[known], groups[known]
    v = v[np.lexsort((v, g))]
    counts = np.bincount(g, minlength=n_groups)
    out = np.full(n_groups, np.nan)
    full = counts > 0
    rank = q * (counts[full] - 1)
    lower = np.floor(rank).astype(np.intp)
    at = (np.cumsum(counts) - counts)[full] + lower
    above = np.minimum(at + 1, len(v) - 1)
    part = rank - lower
    out[full] = np.where(part > 0, v[at] * (1 - part) + v[above] * part, v[at])
    return out, counts.astype(np.float64)


def day_profile(values: Floats, day_type: Ints, slot: Ints, slots: int, q: float, prior: float) -> Floats:
    """Quantile of `values` per day type and slot of day, (8, slots): Monday to Sunday, then holidays that are like none of them.

    A cell of n readings counts n^2 against prior^2 of the next coarser one, so that a few readings hardly count and many
    stand for themselves: day type and slot, working or free day and slot, slot, meter. Holidays are drawn towards Sunday, moved to their
    own median; where there is none, their row is the busiest that such a day may be: half as far again from the quietest cell as the
    busiest day of the week. NaN only where there is no value at all.
    """
    off = (day_type >= _FIRST_OFF_DAY).astype(np.intp)
    one = np.zeros(len(values), dtype=np.intp)
    everything = grouped_quantile(values, one, 1, q)[0]
    by_slot = _drawn(grouped_quantile(values, slot, slots, q), everything, prior)
    by_kind = _drawn(grouped_quantile(values, off * slots + slot, 2 * slots, q), np.tile(by_slot, 2), prior).reshape(2, slots)
    own, counts = grouped_quantile(values, day_type * slots + slot, DAY_TYPES * slots, q)
    parents = by_kind[[0, 0, 0, 0, 0, 1, 1, 1]]
    cells = _drawn((own, counts), parents.ravel(), prior).reshape(DAY_TYPES, slots)
    row = slice(OWN_HOLIDAY * slots, None)
    if counts[row].any():
        medians = grouped_quantile(values, day_type * slots + slot, DAY_TYPES * slots, 0.5)[0].reshape(DAY_TYPES, slots)
        moved = cells[SUNDAY] + np.nan_to_num(medians[OWN_HOLIDAY] - medians[SUNDAY])
        cells[OWN_HOLIDAY] = _drawn((own[row], counts[row]), moved, prior)
    else:
        busiest = cells[:OWN_HOLIDAY].max(axis=0)
        cells[OWN_HOLIDAY] = busiest + _BUSIER * (busiest - cells[:OWN_HOLIDAY].min())
    return cells


def _drawn(own: tuple[Floats, Floats], parent: Floats, prior: float) -> Floats:
    estimate, count = own
    weight = count**2 / np.maximum(count**2 + prior**2, 1e-9)
    return np.where(count > 0, weight * np.nan_to_num(estimate) + (1 - weight) * parent, parent)


def circular_mean(cells: Floats, reach: int) -> Floats:
    """Mean over `reach` slots before and after, along the last axis, which is a closed day."""
    if reach == 0:
        return cells
    return np.asarray(np.mean([np.roll(cells, k, axis=-1) for k in range(-reach, reach + 1)], axis=0))


def trailing_median(daily: Floats, days: int) -> tuple[Floats, Floats]:
    """Median and number of the finite values among the `days` before each day, both (n,); the median of none is 0."""
    if days == 0 or len(daily) == 0:
        return np.zeros(len(daily)), np.zeros(len(daily))
    before = np.concatenate([np.full(days, np.nan), daily[:-1]])
    windows = np.lib.stride_tricks.sliding_window_view(before, days)
    count = np.isfinite(windows).sum(axis=1)
    ordered = np.sort(windows, axis=1)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, days - 1)[:, None], axis=1)[:, 0]
    return np.where(count > 0, (low + high) / 2, 0.0), count.astype(np.float64)


def stood_still(values: Floats, expected: Floats, day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Days (days,) with hardly any of the energy that was expected of the readings that came: they tell nothing of a plant's level.

    Args:
        values, expected: (n,), NaN where unknown.
        day: number of the day of an interval, (n,), not falling, from 0.
    """
    known = np.isfinite(values) & np.isfinite(expected)
    actual, usual = (np.bincount(day, np.where(known, part, 0.0)) for part in (values, expected))
    return np.asarray(actual < _NOTHING * usual)


def without_far_runs(scores: Floats, trim: float) -> Floats:
    """Scores in order of time, without the runs that are no tail of them: above q98 + trim (q98 - q90) somewhere, above q98 throughout."""
    if not len(scores):
        return scores
    high, tail = np.quantile(scores, [0.9, 0.98])
    if tail <= high:
        return scores
    far = scores > tail + trim * (tail - high)
    rows, _ = rows_between(*seeded_runs(scores > tail, far, np.zeros(len(scores), dtype=bool)))
    return np.delete(scores, rows)
