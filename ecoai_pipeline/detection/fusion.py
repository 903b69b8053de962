"""What several detectors say, as one number per interval; costly detectors are asked on the days that cheap ones find strange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline import detectors
from ecoai_pipeline.detection.habit import Blocks
from ecoai_pipeline.settings import DetectionParams

Floats = NDArray[np.float64]
Probabilities = Mapping[str, NDArray[np.floating[Any]]]


def fuse(p: Probabilities, weights: Mapping[str, float]) -> Floats:
    """Weighted mean of -log p over the detectors that have a p, (n,), NaN where none has.

    Fisher's combination of tail probabilities as a mean, so that an absent detector neither raises nor silences an alarm. What
    it is worth as a probability is learned from the evidence itself, since detectors that see the same load are not independent.

    >>> fuse({"a": np.array([0.1, np.nan, np.nan]), "b": np.array([0.001, 0.01, np.nan])}, {"a": 1, "b": 1}).round(3).tolist()
    [4.605, 4.605, nan]
    """
    names = [name for name in p if weights.get(name, 0) > 0]
    evidence = -np.log(np.stack([np.asarray(p[name], dtype=np.float64) for name in names]))
    weight = np.where(np.isnan(evidence), 0.0, np.array([weights[name] for name in names])[:, None])
    whole = weight.sum(axis=0)
    total = (weight * np.nan_to_num(evidence)).sum(axis=0)
    return np.where(whole > 0, total / np.where(whole > 0, whole, 1.0), np.nan)


def strangeness(evidence: Floats, p: Floats) -> Floats:
    """What the readings of a meter are ordered by, (n,), higher is stranger: fused evidence plus log(1 - log p).

    p says when to alarm. It is measured against the weeks before, so it hides a fault that lasts for weeks. Evidence by itself does not
    follow a load that drifts. The logarithm keeps the order of evidence where it is clear, and lets p decide where it is not.

    Args:
        evidence: as `fuse` gives it.
        p: of the same intervals, as `Habits.p` gives it.

    >>> strangeness(np.array([2.0, 2.0, np.nan]), np.array([1.0, 0.01, np.nan])).round(2).tolist()
    [2.0, 3.72, nan]
    """
    return np.asarray(evidence + np.log1p(-np.log(p)))


@dataclass(frozen=True)
class Fusion:
    """Detectors and what the evidence of each weighs.

    Attributes:
        weights: by detector; those of weight 0 are scored for what they expect, and say nothing of anomalies.
    """

    weights: Mapping[str, float]
    params: DetectionParams

    @property
    def costly(self) -> tuple[str, ...]:
        """Detectors that look at some days only; none where no cheap one could say at which, or all days are looked at."""
        names = [name for name, weight in self.weights.items() if weight > 0]
        costly = tuple(name for name in names if detectors.costly(name))
        return () if len(costly) == len(names) or self.params.fusion.costly_share == 1 else costly

    def suspicious(self, p: Probabilities, timestamps: NDArray[np.datetime64], interval_s: int) -> NDArray[np.bool_]:
        """The intervals that costly detectors look at, (n,): of the days (UTC) on which the cheap ones find more than on all but
        `costly_share` of the days before them, so that nothing later decides; and of days that cannot be compared so, as the first one.
        """
        cheap = {name: values for name, values in p.items() if name not in self.costly}
        blocks = Blocks.of(timestamps, interval_s, fuse(cheap, self.weights), 24.0)
        before = blocks.before(self.params.habit.days)
        known = np.isfinite(before).sum(axis=1)
        rank = np.floor((1 - self.params.fusion.costly_share) * known).astype(np.int64)
        usual = before[np.arange(len(before)), np.minimum(rank, before.shape[1] - 1)]
        days = ~(blocks.maxima[:, 0] <= np.where(rank < known, usual, -np.inf))
        marked: NDArray[np.bool_] = days[blocks.day]
        return marked

    def evidence(self, p: Probabilities, timestamps: NDArray[np.datetime64], interval_s: int) -> Floats:
        """The fused evidence of a series, (n,); what costly detectors say of other days is left out, if it is there."""
        if self.costly and len(timestamps):
            seen = self.suspicious(p, timestamps, interval_s)
            p = {name: np.where(seen, values, np.nan) if name in self.costly else values for name, values in p.items()}
        return fuse(p, self.weights)
