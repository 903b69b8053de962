"""One meter's readings beside what was expected of them, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

READINGS = ("meter_id", "timestamp", "interval_s", "kwh", "expected_kwh", "low_kwh", "high_kwh")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Load:
    """(n,) each, in order of time, NaN where unknown; times are UTC."""

    times: NDArray[np.datetime64]
    interval_s: NDArray[np.int64]
    kwh: Floats
    expected: Floats
    band: Floats

    @classmethod
    def of(cls, readings: pl.DataFrame) -> Load:
        """Of the columns READINGS of one meter, in order of time."""
        kwh, expected, low, high = (readings[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in READINGS[3:])
        times = readings["timestamp"].dt.replace_time_zone(None).to_numpy()
        return cls(times, readings["interval_s"].cast(pl.Int64).to_numpy(), kwh, expected, high - low)

    def comparable(self, rows: slice) -> NDArray[np.bool_]:
        """Intervals among some that have both a reading and an expectation, with a band of some width."""
        band = self.band[rows]
        return np.isfinite(self.kwh[rows] - self.expected[rows]) & np.isfinite(band) & (band > 0)

    def at(self, moment: Any) -> int:
        """The number of the first interval that starts at a moment or later."""
        return int(np.searchsorted(self.times, moment))


def loads_of(readings: pl.DataFrame) -> dict[str, Load]:
    """By meter, of READINGS in order of meter and time."""
    return {str(key[0]): Load.of(frame) for key, frame in readings.partition_by("meter_id", as_dict=True).items()}
