"""Runs of marked intervals in a sorted portfolio: what trimming and events are both built from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def seeded_runs(core: NDArray[np.bool_], seed: NDArray[np.bool_], broken: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """First and last row of the runs of `core` that hold at least one `seed`.

    `broken` (n,) is true where a row does not follow the one before it (another meter, or a hole in time).

    >>> core, seed = np.array([1, 1, 0, 1, 1], bool), np.array([0, 1, 0, 0, 0], bool)
    >>> [rows.tolist() for rows in seeded_runs(core, seed, np.zeros(5, bool))]
    [[0], [1]]
    """
    rows = np.flatnonzero(core)
    if not len(rows):
        return rows, rows
    new = broken[rows].copy()
    new[0] = True
    new[1:] |= np.diff(rows) > 1
    starts = np.flatnonzero(new)
    stops = np.append(starts[1:], len(rows)) - 1
    seeded = np.add.reduceat(seed[rows].astype(np.int64), starts) > 0
    return rows[starts[seeded]], rows[stops[seeded]]


def rows_between(first: Rows, last: Rows) -> tuple[Rows, Rows]:
    """All rows from `first` to `last` of each run, and the number of the run that each belongs to.

    >>> [rows.tolist() for rows in rows_between(np.array([2, 7]), np.array([4, 7]))]
    [[2, 3, 4, 7], [0, 0, 0, 1]]
    """
    lengths = last - first + 1
    run = np.repeat(np.arange(len(first)), lengths)
    offset = np.arange(len(run)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return first[run] + offset, run
