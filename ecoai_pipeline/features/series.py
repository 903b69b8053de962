"""A meter's load on its regular grid, as arrays: what every detector is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.domain import UsageType


@dataclass(frozen=True)
class Series:
    """A contiguous stretch of one meter's regular grid, n intervals long.

    Attributes:
        meter_id: the meter.
        interval_s: length of an interval, seconds; the same throughout.
        timestamps: (n,) datetime64[us], UTC, starts of the intervals, evenly spaced.
        kwh: (n,) float64, energy with short gaps filled; NaN where a gap was too long to fill.
        observed: (n,) bool, true where `kwh` is a reading; only these are learned from and scored.
        slot_of_day, slot_of_week: (n,) int32, position in the local day and week, from 0.
        weekend, holiday: (n,) bool, local calendar.
        usage_type: contract class of the meter as of its last month; None where nobody has said.
    """

    meter_id: str
    interval_s: int
    timestamps: NDArray[np.datetime64]
    kwh: NDArray[np.float64]
    observed: NDArray[np.bool_]
    slot_of_day: NDArray[np.int32]
    slot_of_week: NDArray[np.int32]
    weekend: NDArray[np.bool_]
    holiday: NDArray[np.bool_]
    usage_type: UsageType | None = None

    def __len__(self) -> int:
        return len(self.kwh)

    @property
    def slots_per_day(self) -> int:
        return 86_400 // self.interval_s

    def part(self, start: int, stop: int) -> Series:
        """The intervals from `start` to before `stop`, as views."""
        cut = slice(start, stop)
        return Series(
            self.meter_id,
            self.interval_s,
            self.timestamps[cut],
            self.kwh[cut],
            self.observed[cut],
            self.slot_of_day[cut],
            self.slot_of_week[cut],
            self.weekend[cut],
            self.holiday[cut],
            self.usage_type,
        )


@dataclass(frozen=True)
class WindowPlan:
    """Window lengths in intervals, shortest first, chosen once per training from the training span's spectra."""

    interval_s: int
    scales: tuple[int, ...]

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """The plan that `words` is of."""
        return cls(words["interval_s"], tuple(words["scales"]))

    @property
    def words(self) -> dict[str, Any]:
        """The plan as it stands in files, JSON-able."""
        return {"interval_s": self.interval_s, "scales": list(self.scales)}

    @property
    def longest(self) -> int:
        return self.scales[-1]

    @property
    def slots_per_day(self) -> int:
        """Intervals of a day, one where an interval is longer."""
        return max(1, 86_400 // self.interval_s)
