"""What a threshold chosen on the test set itself reaches: ROC curve, Youden's J, the best F1, and scores as histograms.

Every figure made here knew the labels when it chose its threshold, so the columns that carry it say `oracle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_POINTS = 200  # of a curve that is drawn
_BINS = 60
_OUTER = 0.002  # share of the scores beyond the outermost bins, which take them in


@dataclass(frozen=True)
class Counted:
    """What one threshold does: an alarm is a score of at least the threshold."""

    threshold: float
    hits: int
    false_alarms: int
    misses: int
    quiet: int

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.misses)

    @property
    def precision(self) -> float:
        """0 where no alarm was raised."""
        return self.hits / max(1, self.hits + self.false_alarms)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(1, 2 * self.hits + self.false_alarms + self.misses)

    @property
    def counts(self) -> Mapping[str, int]:
        return {"hits": self.hits, "false_alarms": self.false_alarms, "misses": self.misses, "quiet": self.quiet}


@dataclass(frozen=True)
class Roc:
    """All thresholds that differ, highest first: `thresholds`, and the alarms there, `hits` and `false_alarms`, each (k,)."""

    thresholds: Floats
    hits: Ints
    false_alarms: Ints

    @property
    def recall(self) -> Floats:
        return np.asarray(self.hits / self.hits[-1])

    @property
    def false_rate(self) -> Floats:
        return np.asarray(self.false_alarms / self.false_alarms[-1])

    @property
    def f1(self) -> Floats:
        return np.asarray(2 * self.hits / (self.hits + self.false_alarms + self.hits[-1]))

    @property
    def auc(self) -> float:
        """Area under the curve; one half for scores that are all equal."""
        return float(np.trapezoid(np.append(0.0, self.recall), np.append(0.0, self.false_rate)))

    def youden(self) -> Counted:
        """Where recall is farthest above the rate of false alarms (Youden's J)."""
        return self._at(int(np.argmax(self.recall - self.false_rate)))

    def best_f1(self) -> Counted:
        return self._at(int(np.argmax(self.f1)))

    def points(self) -> Mapping[str, list[float]]:
        """The curve with at most so many points as can be seen; both ends are kept."""
        steps = np.unique(np.linspace(0, len(self.thresholds) - 1, _POINTS).astype(int))
        return {
            "false_rate": [0.0, *np.round(self.false_rate[steps], 5).tolist()],
            "recall": [0.0, *np.round(self.recall[steps], 5).tolist()],
        }

    def _at(self, index: int) -> Counted:
        hits, false_alarms = int(self.hits[index]), int(self.false_alarms[index])
        anomalous, normal = int(self.hits[-1]), int(self.false_alarms[-1])
        return Counted(float(self.thresholds[index]), hits, false_alarms, anomalous - hits, normal - false_alarms)


def roc(scores: Floats, labels: Bools) -> Roc:
    """The curve of finite scores (n,); both classes must be among the labels.

    >>> roc(np.array([1.0, 3, 2, 2]), np.array([False, True, True, False])).auc
    0.875
    """
    order = np.argsort(-scores, kind="stable")
    ordered, anomalous = scores[order], labels[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    hits = np.cumsum(anomalous, dtype=np.int64)[last]
    return Roc(ordered[last], hits, last + 1 - hits)


def counted(scores: Floats, labels: Bools, threshold: float) -> Counted:
    """What a given threshold does."""
    alarms = scores >= threshold
    hits, false_alarms = int((alarms & labels).sum()), int((alarms & ~labels).sum())
    return Counted(threshold, hits, false_alarms, int(labels.sum()) - hits, int((~labels).sum()) - false_alarms)


def histogram(scores: Floats, labels: Bools, threshold: float) -> Mapping[str, Any]:
    """Numbers of normal and anomalous scores by size, over bins of equal ratio where all scores are above 0."""
    low, high = np.quantile(scores, [_OUTER, 1 - _OUTER])
    low, high = min(float(low), threshold), max(float(high), threshold)
    high = high if high > low else low + 1.0
    logarithmic = low > 0
    edges = np.geomspace(low, high, _BINS + 1) if logarithmic else np.linspace(low, high, _BINS + 1)
    inside = np.clip(scores, edges[0], edges[-1])
    normal, anomalous = (np.histogram(inside[mask], edges)[0].tolist() for mask in (~labels, labels))
    return {"edges": edges.tolist(), "normal": normal, "anomalous": anomalous, "logarithmic": logarithmic, "threshold": threshold}
