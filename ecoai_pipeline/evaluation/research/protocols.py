"""Which protocol works on which data, as pieces of work, and their results put together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ecoai_pipeline.detectors.catalogue import draws
from ecoai_pipeline.domain import Industry, Resolution
from ecoai_pipeline.evaluation.cases import Case, with_faults
from ecoai_pipeline.evaluation.request import REAL_DATA, Request, read_series
from ecoai_pipeline.evaluation.research.attack import EpsilonCurve
from ecoai_pipeline.evaluation.research.effect import AugmentationEffect, effects
from ecoai_pipeline.evaluation.research.guideline import guideline
from ecoai_pipeline.evaluation.research.participants import NAMES
from ecoai_pipeline.evaluation.research.periods import Periods
from ecoai_pipeline.evaluation.research.reconstruction import Reconstruction
from ecoai_pipeline.evaluation.research.shuffled import ShuffledWindows
from ecoai_pipeline.evaluation.research.simulated import simulated
from ecoai_pipeline.evaluation.research.usage import UsageThresholds
from ecoai_pipeline.evaluation.work import Result, Unit
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.simulation.plan import standard_plan

PROTOCOLS = ("A", "B", "C", "D")
SIMULATED = {"chemical": Industry.CHEMICAL, "metal": Industry.METAL}
RUNS = (0, 1, 2)
_PAIRS = 20  # of a data set with injected faults that the effect of augmentation is averaged over, about
_SLOW, _FEW_PAIRS = ("lstm_ae", "encdec_ad", "cnn_gru"), 8  # a pair is eleven trainings, of recurrent networks a minute or more


@dataclass(frozen=True)
class Material:
    """What the protocols work on: real series, or a user's, and simulated ones where nobody may publish any."""

    cases: tuple[Case, ...] = ()
    chemical: tuple[Case, ...] = ()
    metal: tuple[Case, ...] = ()


@dataclass(frozen=True)
class Findings:
    """Rows of all tables, and rows with what figures are drawn from."""

    rows: Sequence[Mapping[str, Any]]
    curves: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def table(self, name: str) -> list[Mapping[str, Any]]:
        return [row for row in self.rows if row["table"] == name]

    def drawn(self, name: str) -> list[Mapping[str, Any]]:
        return [curve for curve in self.curves if curve["table"] == name]

    @property
    def tables(self) -> list[str]:
        return list(dict.fromkeys(row["table"] for row in self.rows))


PUBLIC = ("kpi", "lead", "steel")


def material_of(request: Request, settings: Settings, told: Callable[[str], None]) -> Material:
    """What a request names: files, or public data sets and simulated ones by name; without names all that the posters ask for.

    Raises:
        ValueError: a name is unknown, or nobody has said where the public data is.
    """
    if request.paths:
        return Material(tuple(read_series(request, settings, told)))
    there = PUBLIC if os.environ.get(REAL_DATA) else ()
    names = request.data or (*there, *SIMULATED)
    public = tuple(name for name in names if name not in SIMULATED)
    asked = request.model_copy(update={"data": public})
    return with_simulated(read_series(asked, settings, told) if public or request.labels else [], names, settings, told)


def with_simulated(cases: Sequence[Case], names: Sequence[str], settings: Settings, told: Callable[[str], None]) -> Material:
    """Real cases, and the simulated portfolios that are named beside them."""
    made: dict[str, tuple[Case, ...]] = {}
    for name in names:
        if name in SIMULATED:
            told(f"simulating {name}")
            made[name] = simulated(SIMULATED[name], settings)
    return Material(tuple(cases), made.get("chemical", ()), made.get("metal", ()))


def pieces(material: Material, protocols: Sequence[str], detectors: Sequence[str], settings: Settings) -> list[Unit]:
    """All work of some protocols with some participants.

    Raises:
        ValueError: a protocol or a detector is unknown.
    """
    for given, known, what in ((protocols, PROTOCOLS, "protocol"), (detectors, NAMES, "detector")):
        unknown = [name for name in given if name not in known]
        if unknown:
            raise ValueError(f"there is no {what} {unknown[0]!r} of the research; known are {', '.join(known)}")
    return [unit for protocol in PROTOCOLS if protocol in protocols for unit in _PIECES[protocol](material, detectors, settings)]


def put_together(results: Sequence[Result]) -> Findings:
    """Results of `run_all` as tables; pairs with and without augmentation become their mean difference."""
    rows = [row for result in results for row in result["rows"]]
    pairs = [row for row in rows if "table" not in row]
    tables = [row for row in rows if "table" in row]
    advice = guideline([row for row in tables if row["table"] == "shuffled_windows"])
    return Findings([*tables, *effects(pairs), *advice], [curve for result in results for curve in result["curves"]])


def _shuffled(material: Material, detectors: Sequence[str], settings: Settings) -> Iterator[Unit]:
    """What depends on a seed is trained three times on labelled series, and once, each time with another seed, on those with faults."""
    for case in _spanned(material.cases or material.chemical):
        for labelled in _labelled(case, standard_plan().seeds):
            runs = {name: RUNS if labelled.seed is None and draws(name) else (labelled.seed or 0,) for name in detectors}
            yield from (ShuffledWindows(labelled, name, settings, run) for name in detectors for run in runs[name])


def _fft_and_dtw(material: Material, detectors: Sequence[str], settings: Settings) -> Iterator[Unit]:
    for case in _spanned(material.cases or material.chemical):
        yield Periods(case, settings)
        for labelled in _labelled(case, standard_plan().seeds[:1]):
            yield from (Reconstruction(labelled, name, settings) for name in detectors)


def _augmentation(material: Material, detectors: Sequence[str], settings: Settings) -> Iterator[Unit]:
    """The curve at 15 to 60 minutes less one, where the research had it; the effect also by the hour, where real labels are."""
    cases = [case for case in _spanned((*material.cases, *material.chemical)) if Resolution.of(case.load.interval_s) is not Resolution.HIGH]
    series = Counter(case.dataset for case in cases)
    for case in cases:
        if Resolution.of(case.load.interval_s) is Resolution.MID:
            yield from (EpsilonCurve(case, name, settings) for name in detectors)
        many, few = max(5, _PAIRS // series[case.dataset]), max(1, _FEW_PAIRS // series[case.dataset])
        for labelled in _labelled(case, range(many)):
            able = [name for name in detectors if name not in _SLOW or (labelled.seed or 0) < few]
            yield from (AugmentationEffect(labelled, name, settings, labelled.seed or 0) for name in able)


def _usage(material: Material, detectors: Sequence[str], settings: Settings) -> Iterator[Unit]:
    if material.metal:
        faulty = tuple(with_faults(case, standard_plan().seeds[0]) for case in _spanned(material.metal))
        yield from (UsageThresholds(faulty, name, settings) for name in detectors)


def _spanned(cases: Sequence[Case]) -> list[Case]:
    """Cases from their first reading to their last: the grid of several meters goes on to the last of them all."""
    return [_cut(case, int(there[0]), int(there[-1]) + 1) for case in cases if len(there := np.flatnonzero(case.load.observed))]


def _cut(case: Case, start: int, stop: int) -> Case:
    part = slice(start, stop)
    labels = None if case.labels is None else case.labels[part]
    return replace(case, load=case.load.part(start, stop), labels=labels, subsets={name: rows[part] for name, rows in case.subsets.items()})


def _labelled(case: Case, seeds: Sequence[int]) -> list[Case]:
    """The case itself where somebody has labelled it, else with faults of each seed."""
    return [case] if case.labels is not None else [with_faults(case, seed) for seed in seeds]


_PIECES: Mapping[str, Callable[[Material, Sequence[str], Settings], Iterator[Unit]]] = {
    "A": _shuffled,
    "B": _fft_and_dtw,
    "C": _augmentation,
    "D": _usage,
}
