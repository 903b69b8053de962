"""The readings of whole meters as arrays, which the rules of this folder read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
SHORTEST_DAY_H = 23  # that on which the clock goes forward


@dataclass(frozen=True)
class Rows:
    """Readings in order of meter and time.

    Attributes:
        edges: (meters + 1,), the first row of each meter, and the number of rows.
        start: (n,), microseconds since 1970, UTC.
        interval_s: (n,).
        kwh: (n,), NaN where missing.
        zone: time zone of each meter, (meters,).
    """

    edges: Ints
    start: Ints
    interval_s: Ints
    kwh: Floats
    zone: pl.Series

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Rows:
        """Of a frame that is sorted by meter and time, with `zone`."""
        lengths = frame["meter_id"].rle().struct.field("len").to_numpy().astype(np.int64)
        edges = np.concatenate(([0], np.cumsum(lengths)))
        kwh = frame["kwh"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        interval_s = frame["interval_s"].cast(pl.Int64).to_numpy()
        return cls(edges, frame["timestamp"].to_physical().to_numpy(), interval_s, kwh, frame["zone"].gather(edges[:-1]))

    @cached_property
    def stop(self) -> Ints:
        """End of each interval, microseconds since 1970."""
        return self.start + self.interval_s * 1_000_000

    @cached_property
    def per_day(self) -> Ints:
        """How many intervals of a meter's most recent length make a day, (meters,)."""
        return 86_400 // np.maximum(self.interval_s[self.edges[1:] - 1], 1)

    @cached_property
    def follows(self) -> Mask:
        """Whether a reading begins as the one before it, of the same meter, ends."""
        follows = np.zeros(len(self.start), dtype=bool)
        follows[1:] = self.start[1:] == self.stop[:-1]
        follows[self.edges[:-1]] = False
        return follows

    def meter_of(self, row: Ints) -> Ints:
        """Number of the meter of rows."""
        return np.searchsorted(self.edges, row, side="right") - 1

    def meters(self) -> Iterator[tuple[int, slice]]:
        """Each meter with its rows."""
        yield from enumerate(slice(int(first), int(stop)) for first, stop in zip(self.edges[:-1], self.edges[1:], strict=True))


def runs(mask: Mask) -> tuple[Ints, Ints]:
    """First row of each run of true values, and the row after it.

    >>> [ends.tolist() for ends in runs(np.array([True, True, False, True]))]
    [[0, 3], [2, 4]]
    """
    changes = np.flatnonzero(np.diff(np.concatenate(([0], mask.view(np.int8), [0]))))
    return changes[::2], changes[1::2]
