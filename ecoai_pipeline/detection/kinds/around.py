"""The readings around an event, and what noise they usually carry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.kinds import kernel

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_MARGIN_H = 30.0  # looked at on either side: a day, since a shift that is moved moves all of it; 48 and 72 name no more rightly
LONGEST_H = 7 * 24.0  # of an event, what its first week looks like
_NOISE_H = 28 * 24.0
_APART_H = 2.0  # before an event, that its own beginning is no noise
_BAND = 3.29  # standard deviations of a normal law from 5 % to 95 %
_LEAST_UNIT = 0.01  # of the mean expected load, where a band has no width


@dataclass(frozen=True)
class Around:
    """A stretch of a meter's grid with an event in it, arrays (n,).

    Attributes:
        unit: kWh that a reading usually departs from what the one before lets expect.
        known: true where there is both a reading and an expectation.
        phi: autocorrelation of neighbouring distances.
        event: first interval of the event and the one after its last.
        first: number of the stretch's first interval in the series that it was cut out of.
        repeated: intervals of a run of equal readings that is not unusual in the weeks before.
        base: kWh that the meter hardly ever falls below in the weeks before: their 5 % quantile.
        per_hour: intervals in an hour.
    """

    kwh: Floats
    expected: Floats
    unit: Floats
    known: Bools
    phi: float
    event: tuple[int, int]
    first: int
    repeated: float
    base: float
    per_hour: float

    @classmethod
    def of(cls, kwh: Floats, expected: Floats, band: Floats, interval_s: int, event: tuple[int, int]) -> Around:
        """Cut the surroundings of an event out of a series.

        Args:
            kwh, expected, band: (n,) of a regular grid, kWh, NaN where unknown; the band is as wide as from 5 % to 95 %.
            event: first interval and the one after the last.

        Where energy is fed in, kinds are of what is fed in: a surge is more of it, an outage none.
        """
        per_hour, (start, stop) = 3600 / interval_s, event
        inside = expected[start:stop]
        if np.isfinite(inside).any() and float(np.nanmean(inside)) < 0:
            kwh, expected = -kwh, -expected
        margin = _whole(_MARGIN_H, per_hour)
        stop = min(stop, start + _whole(LONGEST_H, per_hour))
        begin = max(0, start - _whole(_NOISE_H, per_hour))  # of what is looked at: the weeks before, and the day after
        looked = slice(begin, min(len(kwh), stop + margin))
        kwh, expected, weeks = kwh[looked], expected[looked], slice(0, max(0, start - _whole(_APART_H, per_hour) - begin))
        known, unit, phi = noise(kwh, expected, band[looked], weeks)
        cut = slice(max(0, start - margin - begin), len(kwh))
        first, before = begin + cut.start, np.abs(kwh[weeks])
        before = before[np.isfinite(before)]
        return cls(
            kwh=np.where(known, kwh, 0.0)[cut],
            expected=np.where(known, expected, 0.0)[cut],
            unit=unit[cut],
            known=known[cut],
            phi=phi,
            event=(start - first, stop - first),
            first=first,
            repeated=_repeated(kwh[weeks]),
            base=float(np.quantile(before, 0.05)) if len(before) else 0.0,
            per_hour=per_hour,
        )

    @cached_property
    def sums(self) -> Floats:
        """What shapes are fitted from, see `kernel.sums_of`."""
        return kernel.sums_of(self.kwh, self.expected, self.unit, self.known, self.phi)

    def intervals(self, hours: float) -> int:
        return _whole(hours, self.per_hour)


def noise(kwh: Floats, expected: Floats, band: Floats, weeks: slice) -> tuple[Bools, Floats, float]:
    """Where readings and expectations are known, how far a reading departs from what the one before lets expect, kWh, and the
    autocorrelation of neighbouring distances; both as the readings of `weeks` have them."""
    known = np.isfinite(kwh) & np.isfinite(expected) & np.isfinite(band)
    unit = np.where(known, band / _BAND, 0.0)
    least = _LEAST_UNIT * float(np.abs(expected[known]).mean()) if known.any() else 0.0
    unit = np.maximum(unit, max(least, 1e-9))
    phi, spread = kernel.wandering(kwh[weeks], expected[weeks], unit[weeks], known[weeks])
    return known, unit * spread, phi


def equal_runs(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and stop of each run of equal values; one that is NaN is a run of its own.

    >>> [edge.tolist() for edge in equal_runs(np.array([1.0, 1.0, 2.0, np.nan, np.nan]))]
    [[0, 2, 3, 4], [2, 3, 4, 5]]
    """
    starts = np.flatnonzero(np.concatenate((np.ones(min(len(values), 1), dtype=bool), values[1:] != values[:-1])))
    return starts, np.append(starts[1:], len(values))[: len(starts)]


def _whole(hours: float, per_hour: float) -> int:
    return max(1, round(hours * per_hour))


def _repeated(kwh: Floats) -> float:
    """Length of the run of equal readings that 98 % of the readings lie in no longer one than."""
    starts, stops = equal_runs(kwh)
    lengths = np.repeat(stops - starts, stops - starts)
    return float(np.quantile(lengths, 0.98)) if len(lengths) else 1.0
