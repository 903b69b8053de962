"""The typical days of a portfolio: centres of its days, as many as are worth it, without the days that are like no other."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.settings import LoadShapeParams

_DAYS_EACH = 5  # days below which a centre would be a day of its own


def typical_days(rows: Floats, params: LoadShapeParams, seed: int) -> Floats:
    """Shapes (k, places) of days (d, places) in units of their meters' levels, the most frequent first.

    k is the fewest from which one more would shorten the mean distance of a day to its shape by less than `gain`. Then
    shapes that no more than the share `trim` of the days have are left out with their days, and so is that share of the others, the
    farthest; the shapes are learned again. Method: k-means (Lloyd 1982) from k-means++, Euclidean, as tslearn has it.
    """
    clusters = _clusters(rows, 1, seed)
    for number in range(2, min(params.max_shapes, len(rows) // _DAYS_EACH) + 1):
        finer = _clusters(rows, number, seed)
        if _distance(rows, finer).mean() > (1 - params.gain) * _distance(rows, clusters).mean():
            break
        clusters = finer
    near, number = _without_strange(rows, clusters, params.trim)
    shapes = _clusters(near, min(number, len(near)), seed)
    usual = np.bincount(_squared(near, shapes).argmin(axis=1), minlength=len(shapes))
    return np.asarray(shapes[np.argsort(-usual, kind="stable")])


def _without_strange(rows: Floats, clusters: Floats, trim: float) -> tuple[Floats, int]:
    """Days of clusters that hold more than the share `trim` of them, but for that share of the farthest, and how many clusters do."""
    of, distance = _squared(rows, clusters).argmin(axis=1), _distance(rows, clusters)
    common = np.bincount(of, minlength=len(clusters)) > trim * len(rows)
    kept = common[of] & (distance <= np.quantile(distance[common[of]], 1 - trim))
    return rows[kept], int(common.sum())


def _clusters(rows: Floats, number: int, seed: int) -> Floats:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="h5py not installed")
        from tslearn.clustering import TimeSeriesKMeans
    fitted: Any = TimeSeriesKMeans(number, metric="euclidean", n_init=2, random_state=seed).fit(rows[:, :, None])
    return np.asarray(fitted.cluster_centers_[:, :, 0])


def _squared(rows: Floats, shapes: Floats) -> Floats:
    return np.asarray(((rows[:, None, :] - shapes[None]) ** 2).mean(axis=2))


def _distance(rows: Floats, shapes: Floats) -> Floats:
    return np.asarray(np.sqrt(_squared(rows, shapes).min(axis=1)))
