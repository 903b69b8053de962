"""Several detectors' tail probabilities into one score, which is then calibrated like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def fuse(probabilities: Sequence[NDArray[np.floating[Any]]]) -> NDArray[np.float64]:
    """Mean of -log p over the detectors that have a p, (n,), NaN where none has (Fisher's combination, as a mean).

    The mean, not the sum, so that an absent detector neither raises nor silences an alarm. What it is worth
    as a probability is learned on the calibration span, since detectors that see the same load are not independent.

    >>> fuse([np.array([0.1, np.nan, np.nan]), np.array([0.001, 0.01, np.nan])]).round(3).tolist()
    [4.605, 4.605, nan]
    """
    evidence = -np.log(np.stack([np.asarray(p, dtype=np.float64) for p in probabilities]))
    present = ~np.isnan(evidence)
    count = present.sum(axis=0)
    total = np.where(present, evidence, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
