"""How sure a mean over few series is, and who wins on how many of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Figures = Sequence[float | None] | Floats

COVERED = 0.95
_ROUNDING = 1e-9


class Estimate(NamedTuple):
    """A mean with its 95 % interval; None where there are too few values for it."""

    mean: float | None
    low: float | None
    high: float | None


class Wins(NamedTuple):
    """On how many series one detector is above, level with and below another."""

    wins: int
    ties: int
    losses: int


def bootstrap_mean(values: Figures, draws: int = 2000, seed: int = 0) -> Estimate:
    """Mean over series with the percentile interval of its bootstrap, which draws whole series with replacement.

    The interval is narrow for very few series: of normal data it holds the truth in 87 % of cases with 6 series, in 93 % with 30.

    Args:
        values: (k,), a figure per series; None and NaN are left out. Without a value there is no mean, with one no interval.
        draws: resamples; more make the ends of the interval steadier.
        seed: equal seeds give equal intervals.
    """
    known = _known(values)
    if len(known) < 2:
        return Estimate(float(known[0]) if len(known) else None, None, None)
    drawn = np.random.default_rng(seed).integers(0, len(known), (draws, len(known)))
    low, high = np.quantile(known[drawn].mean(axis=1), [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Estimate(float(known.mean()), float(low), float(high))


def paired_difference(ours: Figures, theirs: Figures, draws: int = 2000, seed: int = 0) -> Estimate:
    """Mean of ours - theirs over the series that both have a value of; what is common to a series cancels out.

    Args:
        ours, theirs: (k,), figures of the same series in the same order; draws and seed as of `bootstrap_mean`.

    Raises:
        ValueError: they differ in length.
    """
    return bootstrap_mean(_differences(ours, theirs), draws, seed)


def wins(ours: Figures, theirs: Figures, tie: float = 0.01) -> Wins:
    """Series on which ours is above, within `tie` of, and below theirs; a series that one has no value of is none of them.

    Raises:
        ValueError: they differ in length.

    >>> wins([0.50, 0.51, 0.30, None], [0.40, 0.50, 0.40, 0.10])
    Wins(wins=1, ties=1, losses=1)
    """
    apart = _known(_differences(ours, theirs))
    above, below = int((apart > tie + _ROUNDING).sum()), int((apart < -tie - _ROUNDING).sum())
    return Wins(above, len(apart) - above - below, below)


def _differences(ours: Figures, theirs: Figures) -> Floats:
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} figures stand against {len(theirs)}; both take one per series, None where there is none")
    return np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)


def _known(values: Figures) -> Floats:
    figures = np.asarray(values, dtype=np.float64)
    return figures[~np.isnan(figures)]
