"""Small references that stand in every table: models of windows in a few lines each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from ecoai_pipeline.evaluation.research.curves import Floats

COMPONENTS = 2
NEIGHBOURS = 3
KNN_WINDOWS = 20_000
RIDGE = 1e-3  # of the mean variance of a reading


def aggregated(errors: Floats) -> Mapping[str, Floats]:
    """What one number is made of the errors (w, length) of a window's readings: their largest, mean and 90 % quantile, (w,) each."""
    return {"max": errors.max(axis=1), "mean": errors.mean(axis=1), "p90": np.quantile(errors, 0.9, axis=1)}


class Random:
    """Scores without any knowledge: what a protocol gives for nothing."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, windows: Floats) -> Self:  # noqa: ARG002 - it learns nothing
        return self

    def scores(self, windows: Floats) -> Mapping[str, Floats]:
        return {"max": np.random.default_rng(self.seed).random(len(windows))}


class Difference:
    """The largest step between neighbouring readings of a window."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, windows: Floats) -> Self:  # noqa: ARG002 - there is nothing to learn
        return self

    def scores(self, windows: Floats) -> Mapping[str, Floats]:
        return {"max": np.abs(np.diff(windows, axis=1)).max(axis=1)}


class Pca:
    """Squared distance of each reading from the window's projection on the first principal components.

    Of pairs it is the linear map of that rank which makes the wanted windows of the given ones with least squares (reduced rank
    regression, Izenman 1975), with a small ridge; of equal pairs that is the projection again.
    """

    def __init__(self, seed: int, components: int = COMPONENTS) -> None:
        self.seed = seed
        self.components = components

    def fit(self, windows: Floats) -> Self:
        return self.fit_pairs(windows, windows)

    def fit_pairs(self, given: Floats, wanted: Floats) -> Self:
        self.centre_, self.level_ = given.mean(axis=0), wanted.mean(axis=0)
        x, y = given - self.centre_, wanted - self.level_
        gram = x.T @ x
        ridge = (RIDGE * np.trace(gram) / len(gram) + np.finfo(float).tiny) if given is not wanted else 0.0
        full = np.linalg.solve(gram + ridge * np.eye(len(gram)), x.T @ y) if ridge else np.eye(len(gram))
        _, vectors = np.linalg.eigh(full.T @ gram @ full)
        leading = vectors[:, -self.components :]
        self.map_ = full @ leading @ leading.T
        return self

    def reconstruct(self, windows: Floats) -> Floats:
        return np.asarray(self.level_ + (windows - self.centre_) @ self.map_)

    def loss_gradient(self, windows: Floats) -> Floats:
        """Of the mean squared error of a window: 2 (I - M) r / length, with r the error and M the map."""
        error = windows - self.reconstruct(windows)
        return np.asarray(2 / windows.shape[1] * (error - error @ self.map_.T))

    def scores(self, windows: Floats) -> Mapping[str, Floats]:
        return aggregated((windows - self.reconstruct(windows)) ** 2)


class Knn:
    """Distance to the third nearest of 20,000 training windows, and the mean distance to the nearest three."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, windows: Floats) -> Self:
        from sklearn.neighbors import NearestNeighbors

        rng = np.random.default_rng(self.seed)
        some = rng.choice(len(windows), KNN_WINDOWS, replace=False) if len(windows) > KNN_WINDOWS else np.arange(len(windows))
        self.index_: Any = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(some)), algorithm="brute").fit(windows[some])
        return self

    def scores(self, windows: Floats) -> Mapping[str, Floats]:
        distance = self.index_.kneighbors(windows)[0]
        return {"kth": distance[:, -1], "mean": distance.mean(axis=1)}


REFERENCES: Mapping[str, Callable[[int], Any]] = {"random": Random, "difference": Difference, "pca": Pca, "knn": Knn}
