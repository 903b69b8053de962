"""A meter's load in units of its own, linear and logarithmic, so that meters of all sizes look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.features.series import Series

Bools = NDArray[np.bool_]

LINEAR, LOG = 0, 1  # rows of `Load.units`
_OUTER = 0.02  # share of the readings that lies beyond the range, on either side
_FAR = 5.0  # ranges from the median, beyond which a reading is no farther: a counter that jumped outweighs nothing
_NEAR_NOTHING = 0.01  # of the range: below it, how near a reading is to nothing tells little


@dataclass(frozen=True)
class Scale:
    """Median of a meter's readings and their range from the 2 % to the 98 % quantile, kWh per plan interval; whether one was negative."""

    median: float
    range: float
    signed: bool

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Measured on energy (n,), NaN where unknown, not everywhere.

        The range of a load that hardly ever moves is that of all its readings; of a flat one a thousandth of it, and never 0.
        """
        known = values[np.isfinite(values)]
        least, low, median, high, most = (float(q) for q in np.quantile(known, [0, _OUTER, 0.5, 1 - _OUTER, 1]))
        span = high - low if high > low else most - least
        return cls(median, max(span, 1e-3 * abs(median), 1e-9), least < 0)

    def units(self, values: Floats) -> Floats:
        """Energy (n,) in both units, (2, n): distance from the median in ranges, and logarithm of the ratio to it.

        A meter that reads negative energy has no ratios: its second unit is the first.
        """
        linear = np.clip((values - self.median) / self.range, -_FAR, _FAR)
        return np.stack([linear, linear if self.signed else self._log(values) - self._log(np.array(self.median))])

    def _log(self, values: Floats) -> Floats:
        return np.asarray(np.log(np.maximum(values, 0) / self.range + _NEAR_NOTHING))


@dataclass(frozen=True)
class Load:
    """A series as such a detector sees it; where no reading came the last one stands, before the first reading that one.

    Attributes:
        series: where and when.
        known: (n,), where a reading came that may be learned from.
        kwh: (n,), energy per plan interval.
        units: (2, n), the same in linear and in logarithmic units of the meter.
    """

    series: Series
    known: Bools
    kwh: Floats
    units: Floats

    @classmethod
    def of(cls, series: Series, values: Floats, scale: Scale) -> Self:
        """From energy per plan interval (n,), NaN where unknown, not everywhere."""
        known = np.isfinite(values)
        last = np.maximum.accumulate(np.where(known, np.arange(len(values)), known.argmax()))
        return cls(series, known, values[last], scale.units(values[last]))
