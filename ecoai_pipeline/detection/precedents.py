"""What stretches as long as an event did in the weeks before it: by how much their energy varies, and how often they did the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.loads import Load

Floats = NDArray[np.float64]
_DAYS = 28
_LEAST_PLACES = 3  # times the length of an event that those weeks must hold, and stretches that must have been read
_NOTHING = 0.1  # of the expected energy
_READ = 0.9  # share of a stretch that must have been read
_EDGES = (0.05, 0.95)


@dataclass(frozen=True)
class Precedents:
    """The stretches of the weeks before an event, one from each interval on that lies far enough before it.

    Stretches that were hardly read are left out, and those in which hardly anything came: an outage does not tell how a load varies.

    Attributes:
        shares: (k,) by how much the energy differed from what was expected, in sums of the readings' bands.
        begins: (k,) the interval that each begins in, ascending.
        length: of each, intervals; `a_day` of them make a day.
    """

    shares: Floats
    begins: NDArray[np.int64]
    length: int
    a_day: int

    @classmethod
    def of(cls, load: Load, first: int, length: int) -> Precedents:
        """Of an event that begins in interval `first` and is `length` intervals long; none where the weeks are too few."""
        a_day = round(86_400 / int(load.interval_s[min(first, len(load.interval_s) - 1)]))
        weeks = slice(max(0, first - _DAYS * a_day), first)
        if weeks.stop - weeks.start - length + 1 < _LEAST_PLACES * length:
            return cls(np.empty(0), np.empty(0, dtype=np.int64), length, a_day)
        off, band, expected = (values[weeks] for values in (load.kwh - load.expected, load.band, load.expected))
        known = load.comparable(weeks)
        sums, widths, usual, counts = (
            _sums(np.where(known, values, 0.0), length) for values in (off, band, expected, known.astype(np.float64))
        )
        told = np.flatnonzero((counts >= _READ * length) & (sums + usual >= _NOTHING * usual) & (widths > 0))
        if len(told) < _LEAST_PLACES:
            told = told[:0]
        return cls(sums[told] / widths[told], told, length, a_day)

    @property
    def edges(self) -> tuple[float, float] | None:
        """Their 5 % and 95 % quantile, at most and at least 0; None where there are none."""
        if not len(self.shares):
            return None
        low, high = np.quantile(self.shares, _EDGES)
        return min(float(low), 0.0), max(float(high), 0.0)

    def days_like(self, share: float) -> int:
        """Days with a stretch that differed by so much at least, in the same direction.

        Stretches that overlap tell of one time, whose day is that of its middle; a time of several days counts as these.
        """
        like = self.begins[self.shares * np.sign(share) >= abs(share)]
        if not share or not len(like):
            return 0
        breaks = np.flatnonzero(np.diff(like) > self.length)
        first, last = like[np.append(0, breaks + 1)], like[np.append(breaks, len(like) - 1)]
        middle = (first + last + self.length) // 2
        return len(np.unique(middle // self.a_day)) + int(((last - first) // self.a_day).sum())


def share_of(load: Load, rows: slice) -> float | None:
    """By how much the energy of some intervals differs from what was expected, in sums of their bands; None where nothing is known."""
    off, band, known = (load.kwh - load.expected)[rows], load.band[rows], load.comparable(rows)
    return float(off[known].sum() / band[known].sum()) if known.any() else None


def _sums(values: Floats, length: int) -> Floats:
    total = np.concatenate(([0.0], np.cumsum(values)))
    return np.asarray(total[length:] - total[:-length])
