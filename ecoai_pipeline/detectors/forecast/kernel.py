"""The compiled part of the forecast: trees of one depth, so that a row goes down each of them without a branch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.compiled import compiled

_BLOCK = 512  # rows that stay in the nearest cache while all trees are asked about them


@compiled
def add_leaves(rows: NDArray[Any], feature: NDArray[Any], threshold: NDArray[Any], value: NDArray[Any], total: NDArray[Any]) -> None:
    """Add to `total` (n,) what each tree says of `rows` (n, columns): its leaf, found by going right above each threshold."""
    one, inner, depth = np.uint32(1), np.uint32(feature.shape[1]), int(np.log2(feature.shape[1] + 1) + 0.5)
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        for tree in range(len(feature)):
            asked, limit, leaf = feature[tree], threshold[tree], value[tree]
            for row in range(start, stop):
                node = np.uint32(0)  # what can be negative is looked at twice: an index from the end
                for _ in range(depth):
                    node = node + node + one + np.uint32(rows[row, asked[node]] > limit[node])
                total[row] += leaf[node - inner]
