"""Which model for which resolution: the posters' advice, and what our own table of protocol A says of it, with how sure that is.

The posters say LSTM-AE for high resolution and USAD for mid and low. Ours is their difference per resolution, over series, and within a
series over the runs: seeds of training, or of faults that both models were given alike. All of these might have been others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.domain import Resolution

ONE, OTHER = "lstm_ae", "usad"
ADVICE = {Resolution.HIGH: ONE, Resolution.MID: OTHER, Resolution.LOW: OTHER}
UNDECIDED = "undecided"
MEASURES = ("f1_oracle_shuffled", "auc_shuffled")
_DRAWS = 2000
_FEWEST_SERIES = 4  # an interval over fewer tells of their runs more than of other series

Row = Mapping[str, Any]
Series = tuple[str, str]
Runs = Mapping[Any, Sequence[float]]


def guideline(rows: Sequence[Row], seed: int = 0) -> list[dict[str, Any]]:
    """Rows of the table `guideline`: one per resolution, measure and aggregation that both models were judged by.

    `ours` is the better of the two where the interval of 95 % excludes 0 and at least four series are behind it, and `agrees` whether that
    is the posters' choice; `best` is the participant with the highest mean over the same series, of whatever kind.
    """
    made = []
    for resolution in Resolution:
        for measure in MEASURES:
            for aggregation in dict.fromkeys(row["aggregation"] for row in rows if row["detector"] == ONE):
                found = _found(rows, resolution, measure, aggregation)
                common = [series for series in found.get(ONE, {}) if series in found.get(OTHER, {})]
                if common:
                    told = {"protocol": "A", "table": "guideline", "resolution": resolution.value}
                    made.append(told | {"measure": measure, "aggregation": aggregation} | _judged(resolution, found, common, seed))
    return made


def _found(rows: Sequence[Row], resolution: Resolution, measure: str, aggregation: str) -> dict[str, dict[Series, Runs]]:
    """By detector and series the figures of its runs, by the seed of faults; the farthest neighbour where there is no such aggregation."""
    has = {row["detector"] for row in rows if row["aggregation"] == aggregation}
    found: defaultdict[str, defaultdict[Series, defaultdict[Any, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for row in rows:
        wanted = aggregation if row["detector"] in has else "kth"
        if row["resolution"] == resolution and row["aggregation"] == wanted and row[measure] is not None:
            found[row["detector"]][row["dataset"], row["series"]][row["fault_seed"]].append(row[measure])
    return {detector: dict(series) for detector, series in found.items()}


def _judged(resolution: Resolution, found: Mapping[str, Mapping[Series, Runs]], common: Sequence[Series], seed: int) -> dict[str, Any]:
    one, other = found[ONE], found[OTHER]
    low, high = (float(edge) for edge in np.quantile(_differences([(one[each], other[each]) for each in common], seed), [0.025, 0.975]))
    means = {
        name: fmean(_mean(series[each]) for each in common) for name, series in found.items() if all(each in series for each in common)
    }
    sure = len(common) >= _FEWEST_SERIES
    ours = ONE if sure and low > 0 else OTHER if sure and high < 0 else UNDECIDED
    best = max(means, key=lambda detector: means[detector])
    return {
        "series": len(common),
        "runs": sum(len(values) for each in common for values in one[each].values()),
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


def _mean(runs: Runs) -> float:
    return fmean(value for values in runs.values() for value in values)


def _differences(pairs: Sequence[tuple[Runs, Runs]], seed: int) -> NDArray[np.float64]:
    """Resampled mean differences: series with replacement, of each its seeds of faults, alike for both models, of each model its runs."""
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, len(pairs), len(pairs)) for _ in range(_DRAWS))
    return np.array([fmean(_difference(*pairs[int(number)], rng) for number in numbers) for numbers in drawn])


def _difference(one: Runs, other: Runs, rng: np.random.Generator) -> float:
    seeds = [each for each in one if each in other]
    drawn = (seeds[number] for number in rng.integers(0, len(seeds), len(seeds)))
    return fmean(float(rng.choice(one[each], len(one[each])).mean() - rng.choice(other[each], len(other[each])).mean()) for each in drawn)
