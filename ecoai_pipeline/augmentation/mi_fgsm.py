"""Momentum iterative fast gradient sign method: days that a model finds as strange as a bounded change can make them.

Dong, Liao, Pang, Su, Zhu, Hu, Li: "Boosting Adversarial Attacks with Momentum", CVPR 2018, algorithm 1, with the loss ascended
being the model's own. For training data only: an adversarial day is labelled by where it comes from, not by what it looks like.
A day may be any window of a load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Gradient = Callable[[Floats], Floats]

STEPS = 10
DECAY = 1.0


@dataclass(frozen=True)
class Adversarial:
    """Adversarial days, and where they come from.

    Attributes:
        days: (k, length), in the unit of the originals.
        origins: (k,), row of each day's original among those given.
        epsilon: no reading lies farther than this from its original.
    """

    days: Floats
    origins: Ints
    epsilon: float


def mi_fgsm(
    days: Floats,
    gradient: Gradient,
    *,
    epsilon: float,
    low: float | Floats = 0.0,
    high: float | Floats = np.inf,
    origins: Ints | None = None,
    steps: int = STEPS,
    decay: float = DECAY,
) -> Adversarial:
    """Adversarial versions of days, one of each, or of those named by `origins`.

    Starts at the day itself; each step adds the gradient, of L1 norm 1 per day, to `decay` times the momentum and moves every reading
    by epsilon / steps in the momentum's direction. A day whose gradient vanishes stays where it is.

    Args:
        days: (w, length).
        gradient: of the loss of each day with respect to its readings, (k, length) to (k, length).
        epsilon: in the unit of the days.
        low, high: what a meter can read: zero, and its capacity in an interval; for all, or of each reading made, as (k, length) or (k, 1).
        origins: (k,) rows of `days`.

    Raises:
        ValueError: an original lies outside of what a meter can read, or epsilon or steps make no sense.
    """
    rows = np.arange(len(days)) if origins is None else np.asarray(origins, dtype=np.int64)
    original = days[rows]
    if epsilon < 0 or steps < 1:
        raise ValueError(f"epsilon {epsilon} and {steps} steps: epsilon is at least 0, and there is at least one step")
    if (original < low).any() or (original > high).any():
        possible = f"{np.min(low):g} to {np.max(high):g}"
        raise ValueError(f"a day reads from {original.min():g} to {original.max():g}, outside of the possible {possible}")
    least, most = np.maximum(original - epsilon, low), np.minimum(original + epsilon, high)
    attacked, momentum = original.copy(), np.zeros_like(original)
    for _ in range(steps):
        momentum = decay * momentum + _unit(gradient(attacked))
        attacked = np.clip(attacked + epsilon / steps * np.sign(momentum), least, most)
    return Adversarial(attacked, rows, epsilon)


def _unit(gradient: Floats) -> Floats:
    """Gradients (k, length) of L1 norm 1 each; one that is 0, or not finite, is 0."""
    finite = np.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
    size = np.abs(finite).sum(axis=1, keepdims=True)
    unit: Floats = np.divide(finite, size, out=np.zeros_like(finite), where=size > 0)
    return unit
