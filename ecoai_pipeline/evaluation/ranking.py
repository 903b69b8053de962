"""How well scores rank anomalous readings before normal ones, whatever the threshold.

VUS is the volume under the surface of Paparrizos et al., "Volume Under the Surface", PVLDB 15 (2022): the area under a
ROC or PR curve, averaged over buffers of 0 to L readings around each anomaly. Equal to TSB-AD's code, with counts by bucket
of threshold in place of a pass over the readings per threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.features.runs import seeded_runs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

THRESHOLDS = 250


@dataclass(frozen=True)
class Ranking:
    """Areas from 0 to 1; the share of anomalous readings is what random scores reach in `auc_pr`, one half in `auc_roc`.

    Buffers raise both for random scores, the more so the shorter the anomalies are: with single readings and a buffer of 24,
    `vus_roc` is .83. So a volume is read beside that of random scores on the same series.
    """

    vus_pr: float
    vus_roc: float
    auc_pr: float
    auc_roc: float


def rank(scores: NDArray[np.floating], labels: Bools, buffer: int) -> Ranking | None:
    """All areas of one series; None where all readings are normal or all anomalous.

    Args:
        scores: (n,), higher is stranger; a reading without a score (NaN) ranks last, since it can raise no alarm.
        labels: (n,), true where anomalous.
        buffer: L, readings; part of the metric's definition, so it is fixed per data set.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    if labels.all() or not labels.any():
        return None
    ordered = ranked_last(scores)
    vus_pr, vus_roc = volumes(ordered, labels, buffer)
    return Ranking(vus_pr, vus_roc, float(average_precision_score(labels, ordered)), float(roc_auc_score(labels, ordered)))


def ranked_last(scores: NDArray[np.floating]) -> Floats:
    """Scores with those that are absent put below all others and infinite ones above, (n,)."""
    values = np.asarray(scores, dtype=np.float64)
    known = values[np.isfinite(values)]
    low, high = known.min(initial=0.0) - 1.0, known.max(initial=0.0) + 1.0
    ranked: Floats = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    return ranked


def volumes(scores: Floats, labels: Bools, buffer: int, thresholds: int = THRESHOLDS) -> tuple[float, float]:
    """VUS-PR and VUS-ROC of finite scores (n,); both classes must be present.

    With A the alarmed anomalous readings, B the weights of the alarmed readings in the buffers, P the anomalous readings and S the
    share of anomalies (merged where their buffers touch) with an alarm: recall is min(1, (A + B) / (P + B/2)) S, precision
    (A + B) / alarms.
    """
    first, last = anomalies(labels)
    levels = np.sort(scores)[::-1][np.linspace(0, len(scores) - 1, thresholds).astype(int)]
    bucket = np.searchsorted(-levels, -scores, side="left")
    alarms, hits = _reached(bucket, thresholds), _reached(bucket[labels], thresholds)
    rows, nearest, second = _around(first, last, len(scores), buffer // 2)
    areas = np.empty((buffer + 1, 2))
    for window in range(buffer + 1):
        weights = _weights(nearest, second, window)
        near = _reached(bucket[rows], thresholds, weights)
        seen = _seen(bucket, first, last, window // 2, thresholds)
        areas[window] = _areas(hits + near, near, float(labels.sum()), alarms, seen, len(scores))
    mean = areas.mean(axis=0)
    return float(mean[0]), float(mean[1])


def anomalies(labels: Bools) -> tuple[Ints, Ints]:
    """First and last reading of each run of labelled readings.

    >>> [rows.tolist() for rows in anomalies(np.array([True, False, True, True]))]
    [[0, 2], [0, 3]]
    """
    return seeded_runs(labels, labels, np.zeros(len(labels), dtype=np.bool_))


def _around(first: Ints, last: Ints, n: int, reach: int) -> tuple[Ints, Ints, Ints]:
    """Readings within `reach` of an anomaly and outside of all, with the distances to the nearest two edges, each (b,)."""
    inside = np.zeros(n + 1, dtype=np.int64)
    np.add.at(inside, np.maximum(first - reach, 0), 1)
    np.add.at(inside, np.minimum(last + reach + 1, n), -1)
    close = np.cumsum(inside[:n]) > 0
    for start, stop in zip(first, last, strict=True):
        close[start : stop + 1] = False
    rows = np.flatnonzero(close)
    before, after = np.searchsorted(last, rows) - 1, np.searchsorted(first, rows)
    far = n + reach + 2
    ends, starts = np.concatenate(([-far, -far], last)), np.concatenate((first, [n + far, n + far]))
    distances = np.stack([rows - ends[before + 2], rows - ends[before + 1], starts[after] - rows, starts[after + 1] - rows])
    nearest = np.sort(distances, axis=0)
    return rows, nearest[0], nearest[1]


def _weights(nearest: Ints, second: Ints, window: int) -> Floats:
    """What an alarm in a buffer counts: sqrt(1 - d / window) within half a window, 1 where two buffers meet, (b,)."""
    reach = window // 2
    single = np.sqrt(np.maximum(1 - nearest / max(window, 1), 0.0))
    weights: Floats = np.where(second <= reach, 1.0, np.where(nearest <= reach, single, 0.0))
    return weights


def _seen(bucket: Ints, first: Ints, last: Ints, reach: int, thresholds: int) -> Floats:
    """Share of the anomalies, with their buffers, that hold an alarm at each threshold, (thresholds,)."""
    apart = last[:-1] + reach < first[1:] - reach
    starts = np.maximum(first[np.concatenate(([True], apart))] - reach, 0)
    stops = np.minimum(last[np.concatenate((apart, [True]))] + reach, len(bucket) - 1) + 1
    edges = np.stack([starts, stops], axis=1).ravel()
    padded = np.append(bucket, thresholds)
    earliest = np.minimum.reduceat(padded, edges)[::2]
    return _reached(earliest, thresholds) / len(starts)


def _reached(bucket: Ints, thresholds: int, weights: Floats | None = None) -> Floats:
    """Number, or weight, of the readings at or above each threshold, (thresholds,)."""
    return np.cumsum(np.bincount(bucket, weights, minlength=thresholds))[:thresholds].astype(np.float64)


def _areas(caught: Floats, near: Floats, anomalous: float, alarms: Floats, seen: Floats, n: int) -> tuple[float, float]:
    """Areas under the PR and the ROC curve of one buffer."""
    positives = anomalous + near / 2
    recall = np.concatenate(([0.0], np.minimum(caught / positives, 1.0) * seen))
    false_rate = np.concatenate(([0.0], (alarms - caught) / (n - positives)))
    pr = float(np.dot(np.diff(recall), caught / alarms))
    heights = np.append(recall, 1.0)
    roc = float(np.dot(np.diff(np.append(false_rate, 1.0)), (heights[1:] + heights[:-1]) / 2))
    return pr, roc
