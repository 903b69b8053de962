"""First differences of loads that lie one after another in one array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def first_difference(kwh: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each value less the one before, kWh, (n,); NaN at `starts`, where a meter begins, and beside NaN.

    >>> first_difference(np.array([1.0, 3.0, 10.0, 9.0]), np.array([0, 2])).tolist()
    [nan, 2.0, nan, -1.0]
    """
    difference = np.diff(kwh, prepend=np.nan)
    difference[starts] = np.nan
    return difference
