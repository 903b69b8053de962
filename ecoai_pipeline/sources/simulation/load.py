"""A load on a regular grid, and what faults are measured by: the spread of each slot of the day, and when work ends."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.sources.simulation.changes import Floats


class Series:
    """A load on a regular grid, and what is measured of it once a fault is to be drawn."""

    def __init__(self, kwh: Floats, slots: NDArray[np.integer], interval_s: int, least_spread: float) -> None:
        self.kwh, self.slots, self.per_hour, self.least_spread = kwh, slots, 3600 / interval_s, least_spread
        self.floor = min(0.0, float(np.nanmin(kwh, initial=0.0)))
        self.highest = float(np.nanmax(np.abs(kwh), initial=0.0))

    def intervals(self, hours: float) -> int:
        return round(hours * self.per_hour)

    @cached_property
    def spread(self) -> Floats:
        """Inter-quartile range of each reading's slot (n,), at least a share of the upper quartile of |load|."""
        low, high = slot_quantiles(self.kwh, self.slots, (0.25, 0.75))
        least = self.least_spread * float(np.nanquantile(np.abs(self.kwh), 0.75))
        spread: Floats = np.fmax(high - low, least)[self.slots]
        return spread

    def starts(self, where: str) -> NDArray[np.integer]:
        """Intervals in which a fault may start, by the plan's word for them."""
        if where == "anywhere":
            return self._all
        return np.flatnonzero(self.slots == (0 if where == "midnight" else self._end_of_work))

    @cached_property
    def _all(self) -> NDArray[np.integer]:
        return np.arange(len(self.kwh))

    @cached_property
    def _end_of_work(self) -> int:
        """The slot at which the typical day falls most, from the mean of the hour before to that of the hour after."""
        (typical,) = slot_quantiles(self.kwh, self.slots, (0.5,))
        typical = np.where(np.isfinite(typical), typical, np.nanmedian(typical))
        hour = max(1, self.intervals(1))
        sums = np.cumsum(np.concatenate([[0.0], typical[-hour:], typical, typical[:hour]]))
        means = (sums[hour:] - sums[:-hour]) / hour  # of the hours that start `hour` slots before each slot of the day
        fall = means[: len(typical)] - means[hour : hour + len(typical)]
        return int(np.argmax(fall))


def slot_quantiles(kwh: Floats, slots: NDArray[np.integer], shares: Sequence[float]) -> Floats:
    """Quantiles (shares, slots of the day) of a series (n,) with gaps, interpolated linearly; NaN for a slot without readings.

    >>> slot_quantiles(np.array([1.0, 5, 3, np.nan, 2, 7]), np.array([0, 1, 0, 1, 0, 1]), [0.5])
    array([[2., 6.]])
    """
    there = np.isfinite(kwh)
    values, places = kwh[there], slots[there]
    ordered = values[np.lexsort((values, places))]
    counts = np.bincount(places, minlength=int(slots.max(initial=-1)) + 1)
    rank = np.asarray(shares)[:, None] * np.maximum(counts - 1, 0)
    low = np.floor(rank).astype(int)
    first = np.cumsum(counts) - counts
    below, above = (ordered[np.minimum(first + at, len(ordered) - 1)] for at in (low, np.minimum(low + 1, np.maximum(counts - 1, 0))))
    quantiles: Floats = np.where(counts > 0, below + (rank - low) * (above - below), np.nan)
    return quantiles
