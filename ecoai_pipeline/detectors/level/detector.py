"""How far a reading lies outside what its meter used at this time of the week."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecoai_pipeline.detectors.by_meter.detector import ByMeter
from ecoai_pipeline.detectors.by_meter.load import LINEAR, LOG, Load
from ecoai_pipeline.detectors.files import Arrays
from ecoai_pipeline.detectors.robust import Floats, Grid, day_profile, grid_of
from ecoai_pipeline.settings import LevelParams

_LOW, _HIGH = 0.05, 0.95


class Level(ByMeter[LevelParams]):
    """Distance beyond the 5 % or 95 % quantile of the slot in ranges, and the logarithm of the ratio to its median, weighted.

    Chandola, Banerjee and Kumar, "Anomaly Detection: A Survey" (2009, section 7), with quantiles for mean and deviation.
    """

    name: ClassVar[str] = "level"
    params_type: ClassVar[type[LevelParams]] = LevelParams

    def learn(self, load: Load) -> Arrays:
        """Quantiles per day type and slot of day, (8, slots) each."""
        grid = self._grid(load)
        known = np.where(load.known, load.units, np.nan)
        wanted = {"low": (LINEAR, _LOW), "high": (LINEAR, _HIGH), "usual": (LOG, 0.5)}
        return {
            name: day_profile(known[unit], grid.day_type, grid.slot, self.plan_.slots_per_day, q, self.params.prior_readings)
            for name, (unit, q) in wanted.items()
        }

    def strangeness(self, load: Load, arrays: Arrays) -> Floats:
        grid = self._grid(load)
        low, high, usual = (arrays[name][grid.day_type, grid.slot] for name in ("low", "high", "usual"))
        beyond = np.maximum(0, np.maximum(low - load.units[LINEAR], load.units[LINEAR] - high))
        return np.asarray(beyond + self.params.ratio_weight * np.abs(load.units[LOG] - usual))

    def _grid(self, load: Load) -> Grid:
        return grid_of(load.series, self.plan_.slots_per_day)
