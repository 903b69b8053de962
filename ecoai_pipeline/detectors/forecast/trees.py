"""Boosted trees as plain arrays: fitted by scikit-learn, kept without a pickle, all of one depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.forecast.kernel import add_leaves
from ecoai_pipeline.detectors.robust import Floats


@dataclass(frozen=True)
class Trees:
    """Complete trees side by side; node k is followed by 2k + 1 on the left and 2k + 2 on the right.

    Attributes:
        start: (1,), what is added to.
        feature: (trees, inner nodes), column that a node asks for.
        threshold: (trees, inner nodes); rows up to it go left. Infinite below a leaf that lies higher than others.
        value: (trees, leaves), what a leaf adds.
    """

    start: Floats
    feature: NDArray[np.uint32]
    threshold: Floats
    value: Floats

    @classmethod
    def fit(cls, rows: Floats, target: Floats, *, trees: int, depth: int, learning_rate: float, min_leaf: int, threads: int) -> Self:
        """Trees that predict the median of `target` (n,) from `rows` (n, columns), all finite.

        Method: gradient boosting of the absolute error (Friedman, "Greedy function approximation", Annals of Statistics 2001).
        """
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        boosted = HistGradientBoostingRegressor(
            loss="absolute_error",
            max_iter=trees,
            max_depth=depth,
            max_leaf_nodes=None,
            learning_rate=learning_rate,
            min_samples_leaf=min_leaf,
            early_stopping=False,
            random_state=0,
        )
        with threadpool_limits(threads):  # sums of more threads may come in another order
            boosted.fit(rows, target)
        complete = [_complete(one.nodes, depth) for (one,) in boosted._predictors]
        feature, threshold, value = (np.array(part) for part in zip(*complete, strict=True))
        return cls(np.ravel(boosted._baseline_prediction).astype(np.float64), feature, threshold, value)

    def predict(self, rows: Floats) -> Floats:
        """Median of each row, (n,)."""
        total = np.full(len(rows), self.start[0])
        add_leaves(np.ascontiguousarray(rows, dtype=np.float64), self.feature, self.threshold, self.value, total)
        return total

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """What `of` makes the same trees from."""
        return {f"{prefix}{name}": getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> Self:
        return cls(**{name: arrays[f"{prefix}{name}"] for name in cls.__dataclass_fields__})


def _complete(nodes: NDArray[Any], depth: int) -> tuple[NDArray[np.uint32], Floats, Floats]:
    """Feature and threshold of the inner nodes and value of the leaves of a tree, a leaf that lies higher repeated below itself."""
    inner = 2**depth - 1
    feature, threshold, place = np.zeros(inner, dtype=np.uint32), np.full(inner, np.inf), np.zeros(2 * inner + 1, dtype=np.intp)
    for k in range(inner):
        node = nodes[place[k]]
        if node["is_leaf"]:
            place[2 * k + 1 : 2 * k + 3] = place[k]
        else:
            feature[k], threshold[k] = node["feature_idx"], node["num_threshold"]
            place[2 * k + 1 : 2 * k + 3] = node["left"], node["right"]
    return feature, threshold, nodes["value"][place[inner:]].astype(np.float64)
