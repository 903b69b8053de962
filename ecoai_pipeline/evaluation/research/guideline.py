"""Which model for which resolution: the posters' advice, and what our own table of protocol A says of it, with how sure that is.

The posters say LSTM-AE for high resolution and USAD for mid and low. Ours is their difference per resolution, over series, and within a
series over the seeds of training and of injected faults: all of these might have been others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ecoai_pipeline.domain import Resolution

ONE, OTHER = "lstm_ae", "usad"
ADVICE = {Resolution.HIGH: ONE, Resolution.MID: OTHER, Resolution.LOW: OTHER}
UNDECIDED = "undecided"
MEASURES = ("f1_oracle_shuffled", "auc_shuffled")
_DRAWS = 2000

Row = Mapping[str, Any]
Runs = Mapping[str, Sequence[float]]


def guideline(rows: Sequence[Row], seed: int = 0) -> list[dict[str, Any]]:
    """Rows of the table `guideline`: one per resolution, measure and aggregation that both models were judged by.

    `ours` is the better of the two where the interval of 95 % excludes 0, and `agrees` whether that is the posters' choice; `best` is the
    participant with the highest mean, of whatever kind.
    """
    made = []
    for resolution in Resolution:
        for measure in MEASURES:
            for aggregation in dict.fromkeys(row["aggregation"] for row in rows if row["detector"] == ONE):
                found = _found(rows, resolution, measure, aggregation)
                if found.get(ONE) and found.get(OTHER):
                    told = {"protocol": "A", "table": "guideline", "resolution": resolution.value}
                    made.append(told | {"measure": measure, "aggregation": aggregation} | _judged(resolution, found, seed))
    return made


def _found(rows: Sequence[Row], resolution: Resolution, measure: str, aggregation: str) -> dict[str, dict[str, list[float]]]:
    """By detector and series the figures of all its runs; a reference that knows one aggregation only has that."""
    found: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["resolution"] == resolution and row["aggregation"] in (aggregation, "kth") and row[measure] is not None:
            found[row["detector"]][row["series"]].append(row[measure])
    return {detector: dict(series) for detector, series in found.items()}


def _judged(resolution: Resolution, found: Mapping[str, Runs], seed: int) -> dict[str, Any]:
    one, other = found[ONE], found[OTHER]
    common = [series for series in one if series in other]
    drawn = _differences([one[series] for series in common], [other[series] for series in common], seed)
    low, high = (float(edge) for edge in np.quantile(drawn, [0.025, 0.975]))
    means = {detector: float(np.mean([np.mean(runs) for runs in series.values()])) for detector, series in found.items()}
    ours = ONE if low > 0 else OTHER if high < 0 else UNDECIDED
    best = max(means, key=lambda detector: means[detector])
    return {
        "series": len(common),
        "runs": sum(len(one[series]) for series in common),
        ONE: means[ONE],
        OTHER: means[OTHER],
        "difference": means[ONE] - means[OTHER],
        "low": low,
        "high": high,
        "ours": ours,
        "published": ADVICE[resolution],
        "agrees": None if ours == UNDECIDED else ours == ADVICE[resolution],
        "best": best,
        "best_value": means[best],
    }


def _differences(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]], seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Resampled mean differences: series drawn with replacement, and of each model's runs on a series as many with replacement."""
    rng = np.random.default_rng(seed)
    drawn = np.empty(_DRAWS)
    for number in range(_DRAWS):
        chosen = rng.integers(0, len(one), len(one))
        drawn[number] = np.mean([rng.choice(one[k], len(one[k])).mean() - rng.choice(other[k], len(other[k])).mean() for k in chosen])
    return drawn
