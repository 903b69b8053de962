"""Which detectors to use: the members, unless the guideline finds significantly more faults in a span nobody learned from."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.fusion import Probabilities, fuse
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import BacktestParams, Weights
from ecoai_pipeline.sources.simulation.faults import Fault, inject
from ecoai_pipeline.sources.simulation.plan import FaultPlan

HYBRID, GUIDELINE = "hybrid", "guideline"
Bools = NDArray[np.bool_]
Judge = Callable[[Sequence[Series]], Sequence[Probabilities]]


@dataclass(frozen=True)
class Trial:
    """A meter's span with faults in it, and the tail probabilities that each detector gives its intervals, (n,) each."""

    labels: Bools
    faults: int
    p: Probabilities


@dataclass(frozen=True)
class Choice:
    """What is taken, why, and what each combination reached: mean average precision over the trials, None where none was made."""

    name: str
    weights: Weights
    reason: str
    faults: int
    reached: Mapping[str, float | None]

    @property
    def words(self) -> dict[str, Any]:
        """The choice as it stands in files, JSON-able."""
        return {"chosen": self.name, "reason": self.reason, "faults": self.faults, "average_precision": dict(self.reached)}


def with_faults(series: Series, start: int, seed: int, plan: FaultPlan | None = None) -> tuple[Series, Bools, list[Fault]]:
    """A series with faults from `start` on, the intervals they lie in (n - start,), and the faults; without a plan by the standard one.

    The faults of a meter depend on the seed, its name and its readings alone.
    """
    span = series.part(start, len(series))
    rng = np.random.default_rng([seed, zlib.crc32(series.meter_id.encode())])
    faulty, faults = inject(np.where(span.observed, span.kwh, np.nan), span.slot_of_day, series.interval_s, rng, plan)
    kwh = series.kwh.copy()
    kwh[start:] = np.where(span.observed, faulty, span.kwh)
    labels = np.zeros(len(span), dtype=np.bool_)
    for fault in faults:
        labels[fault.start : fault.stop] = True
    return replace(series, kwh=kwh), labels & span.observed, faults


def trials(contexts: Sequence[tuple[Series, int]], judge: Judge, seed: int, params: BacktestParams) -> list[Trial]:
    """Put faults into spans, round after round, until there are enough of them.

    Args:
        contexts: series of the meters, each with the first interval of the span that faults are put into.
        judge: gives the detectors' tail probabilities of whole series.
    """
    chosen = [contexts[number] for number in _spread(len(contexts), params.meters)]
    made: list[Trial] = []
    for number in range(params.rounds):
        made += _round(chosen, judge, seed + number)
        if sum(trial.faults for trial in made) >= params.faults:
            break
    return made


def choose(made: Sequence[Trial], members: Weights, guideline: str | None, params: BacktestParams) -> Choice:
    """The members, unless the research's detector for the resolution finds significantly more of the faults.

    Both are judged by the average precision of their fused evidence in each trial, since a meter's evidence is only ever compared with
    its own. The guideline is taken if the 95 % interval of the mean difference lies above 0, and there are enough faults. Where one
    of the two could not be learned, the other is taken.
    """
    combinations: dict[str, Weights] = {HYBRID: members} if any(members.values()) else {}
    combinations |= {GUIDELINE: {guideline: 1.0}} if guideline else {}
    faults = sum(trial.faults for trial in made)
    single: dict[str, Weights] = {name: {name: 1.0} for name in (*members, *([guideline] if guideline else []))}
    found = {name: precisions(made, weights) for name, weights in {**single, **combinations}.items()}
    best, reason = next(iter(combinations)), "nothing else could be learned"
    if len(combinations) > 1:
        best, reason = _better(found[HYBRID], found[GUIDELINE], faults, params)
    return Choice(best, combinations[best], reason, faults, {name: _mean(own) for name, own in found.items()})


@dataclass(frozen=True)
class Difference:
    """Mean difference of paired average precisions, with its 95 % interval; None where a single pair has none."""

    ours: float
    theirs: float
    mean: float
    low: float | None
    high: float | None
    pairs: int


def compared(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Difference | None:
    """What the average precisions of both on the same trials show; None where no trial has both.

    The interval is the percentile bootstrap over trials: draws of faults, for these meters.
    """
    from scipy.stats import bootstrap

    pairs = [(one, other) for one, other in zip(ours, theirs, strict=True) if one is not None and other is not None]
    if not pairs:
        return None
    new, old = np.array(pairs).T
    low = high = None
    if len(pairs) > 1:
        low, high = map(float, bootstrap((new - old,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval)
    return Difference(float(new.mean()), float(old.mean()), float((new - old).mean()), low, high, len(pairs))


def _better(hybrid: Sequence[float | None], guideline: Sequence[float | None], faults: int, params: BacktestParams) -> tuple[str, str]:
    """Which of the two is taken, and why."""
    apart = compared(guideline, hybrid)
    if faults < params.least_faults or apart is None or apart.low is None or apart.high is None:
        return HYBRID, f"{faults} faults put into the calibration span are too few to judge by"
    interval = f"difference of the guideline {apart.mean:+.3f}, {apart.low:+.3f} to {apart.high:+.3f}"
    if apart.low > 0:
        return GUIDELINE, f"it found significantly more of {faults} faults put into the calibration span ({interval})"
    return HYBRID, f"the guideline did not find significantly more of {faults} faults put into the calibration span ({interval})"


def _round(contexts: Sequence[tuple[Series, int]], judge: Judge, seed: int) -> Iterator[Trial]:
    made = [(*with_faults(series, start, seed), start) for series, start in contexts]
    made = [one for one in made if one[1].any()]
    judged = judge([series for series, *_ in made]) if made else []
    for (_, labels, faults, start), p in zip(made, judged, strict=True):
        yield Trial(labels, len(faults), {name: values[start:] for name, values in p.items()})


def precisions(made: Sequence[Trial], weights: Weights) -> list[float | None]:
    """Of each trial the average precision of the fused evidence, None where no fault lies where it is known; costly detectors look at
    every day."""
    from sklearn.metrics import average_precision_score

    reached: list[float | None] = []
    for trial in made:
        evidence = fuse(trial.p, weights)
        known = np.isfinite(evidence)
        judged = trial.labels[known].any()
        reached.append(float(average_precision_score(trial.labels[known], evidence[known])) if judged else None)
    return reached


def _mean(reached: Sequence[float | None]) -> float | None:
    known = [value for value in reached if value is not None]
    return fmean(known) if known else None


def _spread(count: int, wanted: int) -> list[int]:
    """So many numbers below `count`, evenly spread."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, wanted))}) if count else []
