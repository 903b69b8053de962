"""Boosted trees as plain arrays: fitted by scikit-learn, kept without a pickle, read without a branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.compiled import compiled

Floats = NDArray[np.float64]
_BLOCK = 512  # rows that stay in the nearest cache while all trees are asked about them


@dataclass(frozen=True)
class Trees:
    """Complete trees of one depth side by side; node k is followed by 2k + 1 on the left and 2k + 2 on the right.

    Attributes:
        start: (outputs,), what is added to. Trees belong to the outputs in turn.
        feature: (trees, inner nodes), column that a node asks for.
        threshold: (trees, inner nodes); rows up to it go left. Infinite below a leaf that lies higher than others.
        unknown: (trees, inner nodes), 1 where NaN goes right.
        value: (trees, leaves), what a leaf adds.
    """

    start: Floats
    feature: NDArray[np.uint32]
    threshold: Floats
    unknown: NDArray[np.uint32]
    value: Floats

    @classmethod
    def of_fitted(cls, boosted: Any) -> Self:
        """The trees of a fitted `HistGradientBoostingRegressor` or `…Classifier` without categorical columns.

        A tree becomes as large as its deepest leaf asks for, so give the model a `max_depth`.
        """
        trees = [tree.nodes for trees in boosted._predictors for tree in trees]
        depth = max(int(nodes["depth"].max()) for nodes in trees)
        parts = zip(*(_complete(nodes, depth) for nodes in trees), strict=True)
        return cls(np.ravel(boosted._baseline_prediction).astype(np.float64), *(np.array(part) for part in parts))

    def predict(self, rows: Floats) -> Floats:
        """What scikit-learn calls the raw prediction of each row (n, columns), finite or NaN: (n, outputs); of a classifier log-odds."""
        total = np.tile(self.start, (len(rows), 1))
        given, asked, nan = np.ascontiguousarray(rows, dtype=np.float64), self.feature, np.isnan(rows)
        if nan.any():  # each column twice, NaN below and above all: a question of one or the other costs no more than without
            asked = asked + self.unknown * np.uint32(given.shape[1])
            given = np.concatenate([np.where(nan, -np.inf, given), np.where(nan, np.inf, given)], axis=1)
        add_leaves(given, asked, self.threshold, self.value, total)
        return total

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """What `of` makes the same trees from."""
        return {f"{prefix}{name}": getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> Self:
        return cls(**{name: arrays[f"{prefix}{name}"] for name in cls.__dataclass_fields__})


def _complete(nodes: NDArray[Any], depth: int) -> tuple[NDArray[np.uint32], Floats, NDArray[np.uint32], Floats]:
    """Feature, threshold and way of NaN of the inner nodes and value of the leaves, a leaf that lies higher repeated below itself."""
    inner = 2**depth - 1
    feature, unknown = np.zeros(inner, dtype=np.uint32), np.zeros(inner, dtype=np.uint32)
    threshold, place = np.full(inner, np.inf), np.zeros(2 * inner + 1, dtype=np.intp)
    for k in range(inner):
        node = nodes[place[k]]
        if node["is_leaf"]:
            place[2 * k + 1 : 2 * k + 3] = place[k]
        else:
            feature[k], unknown[k] = node["feature_idx"], 1 - node["missing_go_to_left"]
            threshold[k] = min(node["num_threshold"], np.finfo(np.float64).max)  # infinite where only NaN goes right
            place[2 * k + 1 : 2 * k + 3] = node["left"], node["right"]
    return feature, threshold, unknown, nodes["value"][place[inner:]].astype(np.float64)


@compiled
def add_leaves(rows: NDArray[Any], feature: NDArray[Any], threshold: NDArray[Any], value: NDArray[Any], total: NDArray[Any]) -> None:
    """Add to `total` (n, outputs) what each tree says of `rows` (n, columns): its leaf, found by going right above each threshold."""
    one, inner, depth = np.uint32(1), np.uint32(feature.shape[1]), int(np.log2(feature.shape[1] + 1) + 0.5)
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        for tree in range(len(feature)):
            asked, limit, leaf, output = feature[tree], threshold[tree], value[tree], tree % total.shape[1]
            for row in range(start, stop):
                node = np.uint32(0)  # what can be negative is looked at twice: an index from the end
                for _ in range(depth):
                    node = node + node + one + np.uint32(rows[row, asked[node]] > limit[node])
                total[row, output] += leaf[node - inner]
