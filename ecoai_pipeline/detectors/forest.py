"""An isolation forest as plain arrays: fitted by scikit-learn, kept without a pickle, the same bytes for the same forest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_BLOCK = 100_000
_EULER = 0.5772156649015329


@dataclass(frozen=True)
class Forest:
    """Trees side by side, each array (trees, nodes), unused nodes being leaves.

    Attributes:
        feature: column that a node asks for; -1 at a leaf.
        threshold: rows up to it go left.
        left, right: numbers of the next nodes; of a leaf itself.
        depth: at a leaf how deep a row is isolated there, with what is expected of the rows it shares the leaf with.
        usual: depth that a row of as many as each tree was made of is expected at.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    depth: NDArray[np.float32]
    usual: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: Floats, *, trees: int, seed: int) -> Self:
        """Trees of 256 rows (Liu, Ting and Zhou, "Isolation Forest", ICDM 2008); rows (n, columns)."""
        from sklearn.ensemble import IsolationForest

        fitted = IsolationForest(n_estimators=trees, random_state=seed).fit(rows.astype(np.float32))
        own = [estimator.tree_ for estimator in fitted.estimators_]
        nodes = max(tree.node_count for tree in own)
        shape = (len(own), nodes)
        stay = np.tile(np.arange(nodes, dtype=np.int32), (len(own), 1))
        feature, threshold = np.full(shape, -1, dtype=np.int32), np.zeros(shape, dtype=np.float32)
        left, right, depth = stay.copy(), stay.copy(), np.zeros(shape, dtype=np.float32)
        for number, tree in enumerate(own):
            inner = tree.children_left >= 0
            part = slice(tree.node_count)
            feature[number, part] = np.where(inner, tree.feature, -1)
            # A 32-bit threshold rounded down keeps every 32-bit value on its side.
            threshold[number, part] = np.where(inner, _rounded_down(tree.threshold), 0)
            left[number, part] = np.where(inner, tree.children_left, stay[number, part])
            right[number, part] = np.where(inner, tree.children_right, stay[number, part])
            depth[number, part] = _depths(tree) + _expected(tree.n_node_samples)
        return cls(feature, threshold, left, right, depth, _expected(np.array([fitted.max_samples_])))

    def score(self, rows: Floats) -> Floats:
        """2 to the power of minus the mean depth over the usual one, (n,): near 1 where isolated at once, below .5 where usual."""
        values = np.ascontiguousarray(rows, dtype=np.float32)
        return np.concatenate([np.empty(0), *(self._score(values[at : at + _BLOCK]) for at in range(0, len(values), _BLOCK))])

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """What `of` makes the same forest from."""
        return {f"{prefix}{name}": getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> Self:
        return cls(**{name: arrays[f"{prefix}{name}"] for name in cls.__dataclass_fields__})

    def _score(self, rows: NDArray[np.float32]) -> Floats:
        total, every = np.zeros(len(rows)), np.arange(len(rows))
        for feature, threshold, left, right, depth in zip(self.feature, self.threshold, self.left, self.right, self.depth, strict=True):
            node = np.zeros(len(rows), dtype=np.int32)
            while True:
                asked = feature[node]
                if (asked < 0).all():
                    break
                below = rows[every, np.maximum(asked, 0)] <= threshold[node]
                node = np.where(below, left[node], right[node])
            total += depth[node]
        scores: Floats = 2.0 ** -(total / len(self.feature) / max(float(self.usual[0]), 1e-9))
        return scores


def _depths(tree: Any) -> NDArray[np.float64]:
    """Edges from the root to each node, (nodes,); children come after their parents."""
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    return depth


def _expected(count: NDArray[Any]) -> Floats:
    """Mean depth of an unsuccessful search in a tree of so many rows: 0, 0, 1, then 2 H(n - 1) - 2 (n - 1) / n."""
    n = np.maximum(count.astype(np.float64), 3.0)
    harmonic = np.log(n - 1) + _EULER
    return np.where(count <= 1, 0.0, np.where(count == 2, 1.0, 2 * harmonic - 2 * (n - 1) / n))


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    near = threshold.astype(np.float32)
    lower: NDArray[np.float32] = np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
    return lower
