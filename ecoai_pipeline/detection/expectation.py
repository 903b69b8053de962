"""Who says best what a meter should have used: the predictive detectors side by side on the calibration span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Detector, Expectation, Predictive
from ecoai_pipeline.features.series import Series

QUANTILES = {"low": 0.05, "expected": 0.5, "high": 0.95}
_NOTHING_KWH = 1e-9  # a plant that stands still is expected to go on: what is missed of nothing is a loss, too


def missed(members: Mapping[str, Detector], contexts: Sequence[tuple[Series, int]]) -> dict[str, float]:
    """Pinball loss of each predictive detector by the mean absolute load, median over meters; lower is better.

    The mean over the band's edges and its middle (Koenker and Bassett 1978). The median keeps one meter with a fault in its
    calibration span from deciding.

    Args:
        contexts: series with the first interval of the span that is looked at.
    """
    predictive = {name: member for name, member in members.items() if isinstance(member, Predictive)}
    series = [one for one, _ in contexts]
    losses = {
        name: [_loss(one, start, found) for (one, start), found in zip(contexts, member.expect(series), strict=True)]
        for name, member in predictive.items()
    }
    known = {name: [loss for loss in own if np.isfinite(loss)] for name, own in losses.items()}
    return {name: float(np.median(own)) for name, own in known.items() if own}


def _loss(series: Series, start: int, found: Expectation) -> float:
    """Of one meter; NaN where nothing was expected of any reading."""
    actual = np.where(series.observed, series.kwh, np.nan)[start:]
    total = sum(_pinball(actual, getattr(found, part)[start:], q) for part, q in QUANTILES.items())
    known = np.isfinite(total)
    if not known.any():
        return float("nan")
    return float(np.asarray(total)[known].mean()) / len(QUANTILES) / max(float(np.abs(actual[known]).mean()), _NOTHING_KWH)


def _pinball(actual: NDArray[np.float64], said: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    short = actual - said
    return np.maximum(q * short, (q - 1) * short)
