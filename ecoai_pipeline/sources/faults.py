"""Putting known faults into a load: the injector that simulations, tests and protocols of evaluation share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DEPTHS = (0.5, 4.0)
_TRIES = 20


@dataclass(frozen=True)
class Fault:
    """A fault in the intervals from `start` to before `stop`; `kwh` is the energy it added, negative where it took away."""

    kind: str
    start: int
    stop: int
    kwh: float


@dataclass(frozen=True)
class _Kind:
    """How long a fault lasts, hours, and what it does to the load, given its depth in kWh per interval (n,)."""

    hours: tuple[float, float]
    apply: Callable[[Floats, Floats, np.random.Generator], Floats]


KINDS: Mapping[str, _Kind] = {
    "outage": _Kind((0.5, 8), lambda load, _depth, _rng: np.zeros_like(load)),
    "sag": _Kind((1, 12), lambda load, depth, _rng: load - depth),
    "surge": _Kind((1, 12), lambda load, depth, _rng: load + depth),
    "spike": _Kind((0.25, 0.5), lambda load, depth, _rng: load + depth),
    "plateau": _Kind((2, 12), lambda load, depth, _rng: np.full_like(load, load.mean() + depth.mean())),
    "flat": _Kind((3, 16), lambda load, _depth, _rng: np.full_like(load, load[0])),
    "noisy": _Kind((2, 12), lambda load, depth, rng: load + depth * rng.normal(size=len(load))),
    "ramp": _Kind((3, 16), lambda load, depth, _rng: load + depth * np.linspace(0, 1, len(load))),
    "leak": _Kind((12, 24), lambda load, depth, _rng: load + depth),
}


def inject(
    kwh: Floats, slot_of_day: NDArray[np.integer], interval_s: int, rng: np.random.Generator, share: float = 0.01
) -> tuple[Floats, list[Fault]]:
    """Put faults into `share` of the readings, on average.

    kwh (n,) in kWh without NaN, slot_of_day (n,) from 0. A fault's depth is log-uniform from 0.5 to 4 times the
    inter-quartile range of the slots it lies in. Faults do not touch each other; energy stays at or above 0.
    The given array is left as it is.
    """
    faulty = kwh.copy()
    faults: list[Fault] = []
    spread = slot_spread(kwh, slot_of_day)
    for kind, length in _drawn(len(kwh), interval_s, rng, share):
        start = _free_place(len(kwh), length, faults, rng)
        if start is None:
            continue
        part = slice(start, start + length)
        depth = spread[part] * np.exp(rng.uniform(*np.log(DEPTHS)))
        changed = np.maximum(KINDS[kind].apply(kwh[part], depth, rng), 0.0)
        faulty[part] = changed
        faults.append(Fault(kind, start, start + length, float((changed - kwh[part]).sum())))
    return faulty, sorted(faults, key=lambda fault: fault.start)


def slot_spread(kwh: Floats, slot_of_day: NDArray[np.integer]) -> Floats:
    """Inter-quartile range of each reading's slot of the day (n,), at least a twentieth of the median load."""
    floor = 0.05 * float(np.median(kwh))
    order = np.argsort(slot_of_day, kind="stable")
    groups = np.split(kwh[order], np.flatnonzero(np.diff(slot_of_day[order])) + 1)
    ranges = np.array([np.subtract(*np.percentile(group, [75, 25])) for group in groups])
    _, place = np.unique(slot_of_day, return_inverse=True)
    spread: Floats = np.maximum(ranges[place], floor)
    return spread


def _drawn(n: int, interval_s: int, rng: np.random.Generator, share: float) -> list[tuple[str, int]]:
    """Kinds and lengths in intervals; the last one is kept by chance, so that the share is met on average."""
    wanted, drawn = share * n, []
    while wanted > 0:
        kind = str(rng.choice(list(KINDS)))
        length = max(1, round(rng.uniform(*KINDS[kind].hours) * 3600 / interval_s))
        if length > wanted and rng.random() > wanted / length:
            break
        wanted -= length
        drawn.append((kind, length))
    return drawn


def _free_place(n: int, length: int, faults: list[Fault], rng: np.random.Generator) -> int | None:
    """A start at which the fault fits with an interval to spare on both sides; None where none was found."""
    if length + 2 > n:
        return None
    for _ in range(_TRIES):
        start = int(rng.integers(1, n - length))
        if all(start > fault.stop or start + length < fault.start for fault in faults):
            return start
    return None
