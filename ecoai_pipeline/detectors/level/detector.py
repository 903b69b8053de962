"""How far a reading lies outside what its meter used at this time of the week."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecoai_pipeline.detectors.by_meter.detector import ByMeter
from ecoai_pipeline.detectors.by_meter.load import LINEAR, LOG, Load
from ecoai_pipeline.detectors.day_types import BEFORE, grid_of, learn
from ecoai_pipeline.detectors.files import Arrays
from ecoai_pipeline.detectors.robust import OWN_HOLIDAY, Floats, day_profile
from ecoai_pipeline.settings import LevelParams

_LOW, _HIGH = 0.05, 0.95


class Level(ByMeter[LevelParams]):
    """Distance beyond the 5 % or 95 % quantile of the slot in ranges, and the logarithm of the ratio to its median, weighted.

    Chandola, Banerjee and Kumar, "Anomaly Detection: A Survey" (2009, section 7), with quantiles for mean and deviation.
    """

    name: ClassVar[str] = "level"
    params_type: ClassVar[type[LevelParams]] = LevelParams

    def learn(self, load: Load) -> Arrays:
        """Quantiles per day type and slot of day, (8, slots) each, and what holidays mean, (7, 3)."""
        slots, prior = self.plan_.slots_per_day, self.params.prior_readings
        meaning, grid = learn(np.where(load.known, load.kwh, np.nan), load.series, slots)
        known = np.where(load.known, load.units, np.nan)
        wanted = {"low": (LINEAR, _LOW), "high": (LINEAR, _HIGH), "usual": (LOG, 0.5)}
        cells = {name: day_profile(known[unit], grid.day_type, grid.slot, slots, q, prior) for name, (unit, q) in wanted.items()}
        aside = (cells["high"] - cells["low"])[OWN_HOLIDAY] * (grid.doubt - 1) / 2
        cells["low"][OWN_HOLIDAY] -= aside
        cells["high"][OWN_HOLIDAY] += aside
        return cells | {"holiday": meaning}

    def strangeness(self, load: Load, arrays: Arrays) -> Floats:
        grid = grid_of(load.series, self.plan_.slots_per_day, arrays.get("holiday", BEFORE))
        beyond = _beyond(load.units[LINEAR], grid.lowest(arrays["low"]), grid.highest(arrays["high"]))
        ratio = _beyond(load.units[LOG], grid.lowest(arrays["usual"]), grid.highest(arrays["usual"]))
        return np.asarray(beyond + self.params.ratio_weight * ratio)


def _beyond(values: Floats, low: Floats, high: Floats) -> Floats:
    return np.asarray(np.maximum(0, np.maximum(low - values, values - high)))
