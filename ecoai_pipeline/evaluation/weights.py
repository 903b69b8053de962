"""What the evidence of each member should weigh: learned on what lies before the test, with how sure so few series make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from ecoai_pipeline.detection.fusion import Fusion, Probabilities, strangeness
from ecoai_pipeline.detectors.catalogue import costly, taught
from ecoai_pipeline.domain import DETECTORS, Resolution
from ecoai_pipeline.evaluation import folds
from ecoai_pipeline.evaluation.benchmark import Plan, Row, score
from ecoai_pipeline.evaluation.cases import ALL, Case
from ecoai_pipeline.evaluation.folds import Fold, Protocol
from ecoai_pipeline.evaluation.honest import calibrated, habits_of, measured, stamps_of, tails
from ecoai_pipeline.evaluation.intervals import Estimate, bootstrap_mean, paired_difference
from ecoai_pipeline.evaluation.ranking import ranked_last, volumes
from ecoai_pipeline.evaluation.request import Request, Told, labelled
from ecoai_pipeline.evaluation.scoring import Scoring, names
from ecoai_pipeline.evaluation.work import Result
from ecoai_pipeline.settings import Settings, Weights

VALUES = (0.0, 0.5, 1.0, 2.0, 3.0)
GAIN = 0.003  # of mean VUS-PR, that a step must bring: smaller ones fit the few series at hand
ROUNDS = 3  # over all detectors

EQUAL, LEARNED, LEFT_OUT, NOW = "equal", "learned", "left out", "now"


@dataclass(frozen=True)
class Backtest:
    """A series that ends where its test would begin, cut as the honest protocol cuts: its last 40 % are judged.

    Attributes:
        p: by detector the tail probabilities of the calibration span and of the judged one, (t,); a detector without scores has none.
    """

    case: Case
    fold: Fold
    p: Probabilities
    settings: Settings
    _known: dict[frozenset[tuple[str, float]], float] = field(default_factory=dict, repr=False)

    def reached(self, weights: Weights) -> float:
        """VUS-PR of the readings in the order of `strangeness`; 0 where no detector with a weight has scores."""
        heard = {name: weight for name, weight in weights.items() if weight > 0 and name in self.p}
        key = frozenset(heard.items())
        if key not in self._known:
            self._known[key] = self._vus_pr(heard) if heard else 0.0
        return self._known[key]

    def _vus_pr(self, weights: Weights) -> float:
        case, fold = self.case, self.fold
        evidence = Fusion(weights, self.settings.detection).evidence(self.p, stamps_of(case, fold), case.load.interval_s)
        p = measured(case, fold, habits_of(case, fold, evidence, self.settings), evidence)
        counted = case.subset(ALL)[fold.test[0] :]
        assert case.labels is not None
        ranked = strangeness(evidence[len(evidence) - len(p) :], p)
        return volumes(ranked_last(ranked[counted]), case.labels[fold.test[0] :][counted], case.buffer)[0]


Meters = Mapping[str, Sequence[Backtest]]
"""The backtests of each meter, several where faults of several seeds were put into it."""


@dataclass(frozen=True)
class Learned:
    """What was learned at one resolution.

    Attributes:
        weights: learned on all meters, of each candidate.
        now: those of params.yaml.
        left_out: by meter the weights learned on the other meters; empty where there are none.
        reached: VUS-PR of each meter by detector alone and by combination of them.
    """

    resolution: Resolution
    weights: Weights
    now: Weights
    left_out: Mapping[str, Weights]
    reached: Mapping[str, Mapping[str, float]]

    @property
    def line(self) -> str:
        """The weights as they would stand in `training.members` of params.yaml."""
        return f"{self.resolution}: {{{_words(self.weights)}}}"

    def rows(self, draws: int) -> Iterator[Row]:
        """A row per detector alone and per combination: mean over meters with its interval, and the paired differences."""
        for name, own in self.reached.items():
            alone = name in DETECTORS
            weighs = {LEARNED: self.weights.get(name), NOW: self.now.get(name, 0.0)} if alone else {LEARNED: None, NOW: None}
            figures = _named("vus_pr", bootstrap_mean(list(own.values()), draws))
            for other in (EQUAL, NOW):
                figures |= _named(f"above_{other}", paired_difference(list(own.values()), list(self.reached[other].values()), draws))
            yield {"resolution": str(self.resolution), "evidence": name, "series": len(own), **weighs, **figures}

    def series(self) -> Iterator[Row]:
        """A row per meter and detector or combination; that of the weights learned on the other meters says what they are."""
        for name, own in self.reached.items():
            for meter, vus_pr in own.items():
                taught_by = {"weights": _words(self.left_out[meter])} if name == LEFT_OUT else {}
                yield {"resolution": str(self.resolution), "series": meter, "evidence": name, "vus_pr": vus_pr, **taught_by}


def weigh(read: Sequence[Case], request: Request, settings: Settings, cache: Path, told: Told) -> list[Learned]:
    """Learn the weights of each resolution from series that are cut off where their test begins.

    On what is left the honest protocol runs. A series counts where anomalies are labelled in its last 40 % and others are not.

    Args:
        read: the series as they are; those without labels get faults after they are cut.

    Raises:
        ValueError: no series has anomalies to learn from, or a name is no detector of ours.
        RuntimeError: a piece of work failed; the rest is kept for the next try.
    """
    by_resolution: dict[Resolution, list[Case]] = {}
    for case in labelled([before_test(case, settings) for case in read], request):
        by_resolution.setdefault(Resolution.of(case.load.interval_s), []).append(case)
    found: list[Learned] = []
    for resolution, cases in sorted(by_resolution.items()):
        chosen = candidates(resolution, request.detectors, settings)
        plan = Plan([name for name in DETECTORS if name in {*chosen, *settings.training.members[resolution]}], jobs=request.jobs)
        told.start(f"scoring ({resolution})", len(plan.detectors) * len(cases))
        meters = _meters(cases, score(cases, plan, settings, cache, told.done), settings)
        if meters:
            told.start(f"learning ({resolution})", 1 + len(meters))
            found.append(_learned(resolution, meters, chosen, settings, told.done))
    if not found:
        raise ValueError("no series has labelled anomalies in the last 40 % of what lies before its test; give longer ones, or more")
    return found


def before_test(case: Case, settings: Settings) -> Case:
    """The case as it was when its test began.

    Raises:
        ValueError: the series is too short to be cut.
    """
    _, stop = folds.borders(case.load, settings)
    labels = None if case.labels is None else case.labels[:stop]
    subsets = {name: rows[:stop] for name, rows in case.subsets.items()}
    return replace(case, load=case.load.part(0, stop), labels=labels, subsets=subsets)


def candidates(resolution: Resolution, chosen: Sequence[str], settings: Settings) -> list[str]:
    """The detectors whose weights are learned: those chosen, else the members and all that are neither costly nor taught.

    Raises:
        ValueError: a name is no detector of ours.
    """
    if chosen:
        named = [name for name in names(settings, chosen) if name in DETECTORS]
        if not named:
            raise ValueError(f"{', '.join(chosen)}: name at least one of {', '.join(DETECTORS)}")
        return named
    return [name for name in DETECTORS if name in settings.training.members[resolution] or not (costly(name) or taught(name))]


def learn(meters: Meters, chosen: Sequence[str]) -> Weights:
    """Coordinate ascent over `VALUES` from equal weights: detector by detector the value with the best mean, if it is a gain."""
    weights = dict.fromkeys(chosen, 1.0)
    best = _mean(meters, weights)
    for _ in range(ROUNDS):
        before = weights
        for name in chosen:
            tried = {value: _mean(meters, {**weights, name: value}) for value in VALUES}
            value = max(tried, key=tried.__getitem__)
            if tried[value] > best + GAIN:
                weights, best = {**weights, name: value}, tried[value]
        if weights == before:
            break
    return weights


def _learned(resolution: Resolution, meters: Meters, chosen: Sequence[str], settings: Settings, done: Callable[[], None]) -> Learned:
    weights, now = learn(meters, chosen), settings.training.members[resolution]
    done()
    left_out: dict[str, Weights] = {}
    for meter in meters if len(meters) > 1 else ():
        left_out[meter] = learn({name: own for name, own in meters.items() if name != meter}, chosen)
        done()
    combinations: dict[str, Weights] = {name: {name: 1.0} for name in DETECTORS if name in {*chosen, *now}}
    combinations |= {EQUAL: dict.fromkeys(chosen, 1.0), LEARNED: weights, NOW: now}
    reached = {name: {meter: _mean({meter: own}, one) for meter, own in meters.items()} for name, one in combinations.items()}
    if left_out:
        reached[LEFT_OUT] = {meter: _mean({meter: meters[meter]}, one) for meter, one in left_out.items()}
    return Learned(resolution, weights, now, left_out, reached)


def _meters(cases: Sequence[Case], scored: Sequence[Sequence[tuple[Scoring, Result]]], settings: Settings) -> Meters:
    meters: dict[str, list[Backtest]] = {}
    for case, own in zip(cases, scored, strict=True):
        backtest = _backtest(case, own, settings)
        if backtest:
            meters.setdefault(f"{case.dataset} {case.load.meter_id}", []).append(backtest)
    return meters


def _backtest(case: Case, scored: Sequence[tuple[Scoring, Result]], settings: Settings) -> Backtest | None:
    """None where the series is too short, its judged span is all normal or all anomalous, or nobody has scores of it."""
    try:
        (fold,) = folds.folds(case.load, Protocol.FIXED, settings)
    except ValueError:
        return None
    assert case.labels is not None
    judged = case.labels[fold.test[0] :][case.subset(ALL)[fold.test[0] :]]
    p: dict[str, Any] = {}
    for scoring, result in scored:
        try:
            alone = {scoring.detector: scoring.scored(result)[0]}
            own = tails(case, fold, alone, "batch", calibrated(case, alone, settings))
            habits_of(case, fold, -np.log(own[scoring.detector]), settings)
        except ValueError:  # too few scores to calibrate on: the detector says nothing of this series
            continue
        p |= own
    return Backtest(case, fold, p, settings) if p and judged.any() and not judged.all() else None


def _mean(meters: Meters, weights: Weights) -> float:
    """Mean over the meters of VUS-PR, of each the mean over the seeds of its faults."""
    return fmean(fmean(backtest.reached(weights) for backtest in own) for own in meters.values())


def _words(weights: Weights) -> str:
    return ", ".join(f"{name}: {weight:g}" for name, weight in weights.items() if weight > 0)


def _named(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
