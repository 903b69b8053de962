"""How far the load moved since the reading before, the day before and the week before, as a difference and as a ratio."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecoai_pipeline.detectors.by_meter.detector import ByMeter
from ecoai_pipeline.detectors.by_meter.load import Load
from ecoai_pipeline.detectors.files import Arrays
from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.settings import ByMeterParams

_USUAL = (0.95, 0.9, 0.9)  # share of the training changes below the habit: after a day an anomaly of the past is a change once more
_FLOOR = 0.01  # least habit: of the range, and of the logarithm


class ValueChange(ByMeter[ByMeterParams]):
    """Change from or to a neighbouring reading, and the smaller of the changes since a day and a week before, each in the meter's habit.

    The changes that the winners of the LEAD1.0 contest gave to gradient boosting (Gulati and Arjunan, "LEAD1.0: a large-scale annotated
    dataset for energy anomaly detection in commercial buildings", 2022), added up without labels, as differences or as ratios, whichever
    makes more of it. What lies before the start of the series, or after its end, counts as no change.
    """

    name: ClassVar[str] = "value_change"
    params_type: ClassVar[type[ByMeterParams]] = ByMeterParams

    def learn(self, load: Load) -> Arrays:
        """The habit at each lag in each unit, (3, 2)."""
        usual = [_usual(_change(load, lag)[:, load.known[lag:] & load.known[:-lag]], q) for lag, q in zip(_lags(load), _USUAL, strict=True)]
        return {"habits": np.maximum(usual, _FLOOR)}

    def strangeness(self, load: Load, arrays: Arrays) -> Floats:
        n = len(load.known)
        changes = (_change(load, lag) / habit[:, None] for lag, habit in zip(_lags(load), arrays["habits"], strict=True))
        before, day, week = (np.pad(change, ((0, 0), (n - change.shape[1], 0))) for change in changes)
        after = np.pad(before[:, 1:], ((0, 0), (0, 1)))
        return np.asarray((np.maximum(before, after) + np.minimum(day, week)).max(axis=0))


def _lags(load: Load) -> tuple[int, int, int]:
    day = max(1, load.series.slots_per_day)
    return 1, day, 7 * day


def _change(load: Load, lag: int) -> Floats:
    """Absolute change of the readings that have one `lag` intervals before them, (2, n - lag), or none."""
    return np.abs(load.units[:, lag:] - load.units[:, :-lag])


def _usual(changes: Floats, q: float) -> Floats:
    return np.quantile(changes, q, axis=1) if changes.size else np.zeros(len(changes))
