"""The band around the expected load, as wide as the meter's last weeks show that it has to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.baseline import of_like_days
from ecoai_pipeline.detection.habit import Numbers
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import BandParams

Floats = NDArray[np.float64]
_DAY_H = 24.0
_BEYOND = 0.05  # share of the readings that a side of the band leaves outside
_EDGES = np.geomspace(0.02, 20.0, 128)  # of a histogram of distances, in sides of the band


def adapted(series: Series, expectation: Expectation, params: BandParams) -> Expectation:
    """Scale each side of the band so that a twentieth of the readings of the days before lay beyond it.

    A band that was learned months ago holds too little once the load varies more than it did (Gibbs and Candès, "Adaptive conformal
    inference under distribution shift", NeurIPS 2021). The law of a day (UTC) is that of the `days` before it; days on which most
    readings lie far outside count nothing, so that an outage does not widen the band. A meter with fewer than `min_days` of them keeps the
    band as it was learned.
    """
    if not len(series):
        return expectation
    kwh = np.where(series.observed, series.kwh, np.nan)
    day = Numbers.of(series.timestamps, series.interval_s, _DAY_H).block
    sides = {-1: expectation.expected - expectation.low, 1: expectation.high - expectation.expected}
    beyond = {sign: _beyond(sign * (kwh - expectation.expected), side) for sign, side in sides.items()}
    far = np.fmax(beyond[-1], beyond[1]) > params.far
    usual = np.bincount(day, far) <= 0.5 * np.bincount(day)
    scale = {sign: _scales(distance, day, usual, params)[day] for sign, distance in beyond.items()}
    low, high = expectation.expected - scale[-1] * sides[-1], expectation.expected + scale[1] * sides[1]
    return Expectation(expectation.expected, low, high).physical(series)


def reaching(series: Series, expectation: Expectation, params: BandParams) -> Expectation:
    """Widen the band to where it holds what the like days of the last weeks used, by their median and `reach` of a side beyond it.

    What was learned and what the last weeks did are two accounts of the same load; where they differ, neither is sure.
    """
    if params.reach is None or not len(series):
        return expectation
    usual = of_like_days(series, expectation.expected, params.like_days)
    low = np.fmin(expectation.low, usual - params.reach * (expectation.expected - expectation.low))
    high = np.fmax(expectation.high, usual + params.reach * (expectation.high - expectation.expected))
    return Expectation(expectation.expected, low, high).physical(series)


def _beyond(distance: Floats, side: Floats) -> Floats:
    """Distance to one side of the expected load, in sides of the band; 0 on the other side, NaN where unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(distance), np.where(distance > 0, distance / side, 0.0), np.nan)


def _scales(beyond: Floats, day: NDArray[np.int64], usual: NDArray[np.bool_], params: BandParams) -> Floats:
    """By how much a side is to be scaled on each day, (days,)."""
    known = np.isfinite(beyond) & usual[day]
    bins = np.searchsorted(_EDGES, beyond[known])
    days, width = len(usual), len(_EDGES) + 1
    counts = np.bincount(day[known] * width + bins, minlength=days * width).reshape(days, width)
    total = np.vstack([np.zeros(width), np.cumsum(counts, axis=0)])
    first, last = np.maximum(np.arange(days) - params.days, 0), np.arange(days)
    window = total[last] - total[first]
    count = window.sum(axis=1)
    share = np.cumsum(window, axis=1) / np.maximum(count, 1)[:, None]
    place = np.minimum((share < 1 - _BEYOND).sum(axis=1), len(_EDGES) - 1)
    with_readings = np.concatenate([[0], np.cumsum(counts.any(axis=1))])
    enough = with_readings[last] - with_readings[first] >= params.min_days
    return np.where(enough, np.clip(_EDGES[place], params.least, params.most), 1.0)
