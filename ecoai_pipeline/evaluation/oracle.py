"""Figures that no alarm in use could reach: their thresholds are chosen on the very labels they are judged by.

They stand beside honest figures for comparison with publications, never in their place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.evaluation.ranking import Bools, Floats, anomalies, ranked_last


def f1_oracle(scores: NDArray[np.floating], labels: Bools) -> float | None:
    """The best F1 of readings over all thresholds; None without an anomalous reading.

    Alarming everything is one of the thresholds, so with a share s of anomalous readings the worst scores reach 2s / (1 + s).

    Args:
        scores: (n,), higher is stranger; a reading without a score (NaN) is never alarmed.
        labels: (n,), true where anomalous.

    >>> f1_oracle(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]))
    0.8
    """
    if not labels.any():
        return None
    ordered = ranked_last(scores)
    order = np.argsort(-ordered)
    ends = np.append(ordered[order][1:] != ordered[order][:-1], True) & np.isfinite(scores)[order]
    hits, alarms = np.cumsum(labels[order])[ends], np.flatnonzero(ends) + 1
    return float((2 * hits / (alarms + labels.sum())).max(initial=0.0))


def f1_point_adjusted_oracle(scores: NDArray[np.floating], labels: Bools) -> float | None:
    """The best F1 over all thresholds where one alarmed reading of an anomaly counts as all of them; None without an anomaly.

    Random scores reach .6 to .7 on long anomalies (Kim et al., "Towards a Rigorous Evaluation of Time-Series Anomaly
    Detection", AAAI 2022), so it says little of a detector.

    Args:
        scores: (n,), higher is stranger, in order of time; a reading without a score (NaN) is never alarmed.
        labels: (n,), true where anomalous; a run of them is one anomaly.
    """
    return f1_oracle(_adjusted(scores, labels), labels)


def _adjusted(scores: NDArray[np.floating], labels: Bools) -> Floats:
    """Scores with each anomaly's readings raised to its highest; without a score only where it has none at all, (n,)."""
    first, last = anomalies(labels)
    values = np.where(np.isfinite(scores), scores, -np.inf)
    if len(first):
        highest = np.maximum.reduceat(np.append(values, -np.inf), np.stack([first, last + 1], axis=1).ravel())[::2]
        values[labels] = np.repeat(highest, last - first + 1)
    return values
