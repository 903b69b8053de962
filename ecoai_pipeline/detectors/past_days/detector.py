"""How far the load lies from all that it was at the same time of the last days."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecoai_pipeline.detectors.by_meter.detector import ByMeter
from ecoai_pipeline.detectors.by_meter.load import Load
from ecoai_pipeline.detectors.files import Arrays
from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.settings import PastDaysParams

_USUAL = 0.9  # share of the training readings below the usual distance
_FLOOR = 0.01  # least usual distance: of the range, and of the logarithm


class PastDays(ByMeter[PastDaysParams]):
    """Distance from the nearest of the readings at the same time of the last days, by its usual size, as a mean over neighbouring readings.

    The distance is a difference or a ratio, whichever is larger. The nearest day is taken instead of the median, so that a day counts as
    normal if any day of the last week was like it. An interval without a reading on any of these days has distance 0.
    """

    name: ClassVar[str] = "past_days"
    params_type: ClassVar[type[PastDaysParams]] = PastDaysParams

    def learn(self, load: Load) -> Arrays:
        """Usual distance in each unit, (2,)."""
        usual = np.quantile(self._distance(load)[:, load.known], _USUAL, axis=1)
        return {"usual": np.maximum(usual, _FLOOR)}

    def strangeness(self, load: Load, arrays: Arrays) -> Floats:
        larger = (self._distance(load) / arrays["usual"][:, None]).max(axis=0)
        return _around(larger, load.known, self.params.readings)

    def _distance(self, load: Load) -> Floats:
        """Absolute distance from the nearest reading at the same time of the last days, in both units, (2, n)."""
        day = max(1, load.series.slots_per_day)
        nearest = np.full(load.units.shape, np.inf)
        for lag in range(day, day * (self.params.days + 1), day):
            change = np.abs(load.units[:, lag:] - load.units[:, :-lag])
            own = nearest[:, lag:]
            np.minimum(own, change, out=own, where=load.known[:-lag])
        return np.where(np.isfinite(nearest), nearest, 0.0)


def _around(values: Floats, known: np.ndarray[tuple[int], np.dtype[np.bool_]], readings: int) -> Floats:
    """Mean over so many intervals around each, without those that have no reading, (n,); 0 where none has.

    >>> _around(np.array([3.0, 9.0, 6.0, 0.0]), np.array([True, False, True, True]), 3).tolist()
    [3.0, 4.5, 3.0, 3.0]
    """
    n, before = len(values), readings // 2
    window = np.ones(readings)
    total, count = (np.convolve(row, window)[before : before + n] for row in (np.where(known, values, 0.0), known.astype(np.float64)))
    return np.asarray(total / np.maximum(count, 1))
