"""Detectors side by side on many cases: score once, judge, and sum up with how sure the sums are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from ecoai_pipeline.detection.backtest import HYBRID
from ecoai_pipeline.detectors.catalogue import taught
from ecoai_pipeline.domain import Resolution
from ecoai_pipeline.evaluation.alarms import poisson_interval
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.folds import Protocol
from ecoai_pipeline.evaluation.honest import Judging
from ecoai_pipeline.evaluation.intervals import bootstrap_mean, paired_difference, wins
from ecoai_pipeline.evaluation.references import REFERENCES
from ecoai_pipeline.evaluation.scoring import Scoring
from ecoai_pipeline.evaluation.work import Done, Result, run_all
from ecoai_pipeline.settings import EvaluationParams, Settings

Row = Mapping[str, Any]
MEANT = ("vus_pr", "vus_pr_nightly", "vus_roc", "auc_pr", "auc_roc", "event_precision", "event_recall", "event_f1", "energy_found")
_QUARTERS = 4


@dataclass(frozen=True)
class Benchmark:
    """What came of it.

    Attributes:
        rows: a row per case, subset and detector.
        judgements: by (dataset, series, detector) the rows, events and faults of a judgement.
    """

    rows: list[Row]
    judgements: Mapping[tuple[str, str, str], Result]

    def summary(self, params: EvaluationParams) -> list[Row]:
        return list(summaries(self.rows, params))

    def by_depth(self) -> list[Row]:
        return _found(self.judgements, "quarter", _quarters)

    def by_kind(self) -> list[Row]:
        return _found(self.judgements, "kind", lambda faults: [fault["kind"] for fault in faults])


@dataclass(frozen=True)
class Plan:
    """What is to be judged, and how."""

    detectors: Sequence[str]
    protocol: Protocol = Protocol.FIXED
    jobs: int = 1

    def pieces(self, cases: Sequence[Case], settings: Settings) -> int:
        """Pieces of work on some cases, for a progress bar."""
        return sum(2 * len(self.detectors) + (len(self.fused(case, settings)) > 1) for case in cases)

    def fused(self, case: Case, settings: Settings) -> tuple[str, ...]:
        """What the pipeline fuses at the resolution of a case, if all of it is among the detectors."""
        members = tuple(settings.training.members[Resolution.of(case.load.interval_s)])
        return members if set(members) <= set(self.detectors) else ()


def run(cases: Sequence[Case], plan: Plan, settings: Settings, cache: Path, done: Done | None = None) -> Benchmark:
    """Judge detectors on cases; what `cache` holds of an earlier run is not made again.

    Raises:
        RuntimeError: a piece of work failed; the message names it, and the others are kept.
    """
    scored = score(cases, plan, settings, cache, done)
    judgings = [judging for case, own in zip(cases, scored, strict=True) for judging in _judgings(case, plan, own, settings)]
    judged = run_all(judgings, cache, jobs=plan.jobs, done=done)
    named = ((one.case.dataset, one.case.name, one.detector) for one in judgings)
    return Benchmark([row for result in judged for row in result["rows"]], dict(zip(named, judged, strict=True)))


def score(
    cases: Sequence[Case], plan: Plan, settings: Settings, cache: Path, done: Done | None = None
) -> list[list[tuple[Scoring, Result]]]:
    """What the detectors of a plan say of cases: a list per case, in the order of the plan.

    Raises:
        RuntimeError: a piece of work failed; the message names it, and the others are kept.
    """
    scorings = [
        Scoring(case, name, plan.protocol, settings, cache, _others(case, cases) if taught(name) else ())
        for case in cases
        for name in plan.detectors
    ]
    scored = list(zip(scorings, run_all(scorings, cache, jobs=plan.jobs, done=done), strict=True))
    width = len(plan.detectors)
    return [scored[number * width : (number + 1) * width] for number in range(len(cases))]


def _others(case: Case, cases: Sequence[Case]) -> tuple[Case, ...]:
    return tuple(other for other in cases if other.dataset == case.dataset and other.load.meter_id != case.load.meter_id)


def _judgings(case: Case, plan: Plan, scored: Sequence[tuple[Scoring, Result]], settings: Settings) -> Iterator[Judging]:
    """Each detector by itself, then those that the pipeline fuses together."""
    for scoring, result in scored:
        yield Judging(case, scoring.detector, [(scoring, result)], settings)
    by_name = {scoring.detector: (scoring, result) for scoring, result in scored}
    members = plan.fused(case, settings)
    if len(members) > 1:
        yield Judging(case, HYBRID, [by_name[name] for name in members], settings)


def summaries(rows: Sequence[Row], params: EvaluationParams) -> Iterator[Row]:
    """A row per data set, subset and detector, over its series.

    Means come with their bootstrap interval over series; faults of several seeds in one meter are no further meters, so they are
    averaged first. False alarms are pooled, with the Poisson interval of their rate. Wins, ties and losses are counted on series
    with enough anomalous readings, against the reference with the best mean VUS-PR. On a series that a detector cannot judge it
    gets what chance gets; `judged` counts the others.
    """
    for (dataset, subset), group in _grouped(rows, "dataset", "subset").items():
        filled = _filled(group)
        by_detector = {name: _series(own) for (name,), own in _grouped(filled, "detector").items()}
        best = max(
            (name for name in by_detector if name in REFERENCES), key=lambda name: np.nan_to_num(_mean(by_detector[name])), default=None
        )
        for name, own in by_detector.items():
            estimates = {metric: bootstrap_mean([row.get(metric) for row in own], params.draws) for metric in MEANT}
            yield {
                "dataset": dataset,
                "subset": subset,
                "detector": name,
                "series": len(own),
                **{metric: estimate.mean for metric, estimate in estimates.items()},
                **{f"{metric}_low": estimate.low for metric, estimate in estimates.items()},
                **{f"{metric}_high": estimate.high for metric, estimate in estimates.items()},
                "judged": sum("note" not in row or not row["note"] for row in group if row["detector"] == name),
                **_pooled([row for row in group if row["detector"] == name]),
                **(_against(own, by_detector[best], best, params) if best else {}),
            }


def _filled(rows: Sequence[Row]) -> list[Row]:
    """Rows in which a detector that has no figure on a series, though random scores have, has theirs and finds nothing."""
    chance = {row["series"]: row for row in rows if row["detector"] == "random" and row.get("vus_pr") is not None}

    def filled(row: Row) -> Row:
        if not row.get("note") or row["series"] not in chance:
            return row
        random = chance[row["series"]]
        nothing = {metric: 0.0 for metric in MEANT if metric.startswith("event_") or metric == "energy_found"}
        return {**row, **{metric: random.get(metric) for metric in (*MEANT, "anomalous")}, **nothing}

    return [filled(row) for row in rows]


def _series(rows: Sequence[Row]) -> list[Row]:
    """Rows of one detector, a meter each: the mean over the seeds of its faults."""
    return [
        {"series": meter, "anomalous": fmean(row.get("anomalous") or 0 for row in own), **{metric: _mean(own, metric) for metric in MEANT}}
        for (meter,), own in _grouped(rows, "meter").items()
    ]


def _mean(rows: Sequence[Row], metric: str = "vus_pr") -> float:
    known = [row[metric] for row in rows if row.get(metric) is not None]
    return fmean(known) if known else math.nan


def _pooled(rows: Sequence[Row]) -> dict[str, Any]:
    """Counts of all series together, of a meter the mean over its seeds, and the rate of false alarms per meter and month."""
    names = ("anomalies", "anomalies_found", "events", "right_events", "false_alarms", "meter_months")
    meters = [[row for row in own if row.get("meter_months")] for own in _grouped(rows, "meter").values()]
    sums = {name: sum(fmean(row[name] for row in own) for own in meters if own) for name in names}
    months = sums["meter_months"]
    low, high = poisson_interval(sums["false_alarms"], months) if months else (None, None)
    rate = sums["false_alarms"] / months if months else None
    return {**sums, "false_alarms_per_meter_month": rate, "false_alarms_low": low, "false_alarms_high": high}


def _against(own: Sequence[Row], best: Sequence[Row], name: str, params: EvaluationParams) -> dict[str, Any]:
    theirs = {row["series"]: row for row in best}
    counted = [row for row in own if (row.get("anomalous") or 0) >= params.min_anomalous]
    pairs = [(row.get("vus_pr"), theirs[row["series"]].get("vus_pr")) for row in counted]
    ours, others = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    score, difference = wins(ours, others, params.tie), paired_difference(ours, others, params.draws)
    events = paired_difference([row.get("event_f1") for row in own], [theirs[row["series"]].get("event_f1") for row in own], params.draws)
    return {
        "against": name,
        **score._asdict(),
        **{f"difference{part}": value for part, value in zip(("", "_low", "_high"), difference[:3], strict=True)},
        **{f"f1_difference{part}": value for part, value in zip(("", "_low", "_high"), events[:3], strict=True)},
    }


def _grouped(rows: Sequence[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by the values of some columns, in the order in which these come first."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def _found(judgements: Mapping[tuple[str, str, str], Result], what: str, classed: Callable[[Sequence[Row]], list[Any]]) -> list[Row]:
    """Injected faults found, by data set, detector and a class of theirs."""
    faults: dict[tuple[str, str], list[Row]] = {}
    for (dataset, _, detector), result in judgements.items():
        faults.setdefault((dataset, detector), []).extend(result["faults"])
    rows: list[Row] = []
    for (dataset, detector), some in faults.items():
        classes = classed(some)
        for value in sorted(set(classes)):
            own = [fault for fault, one in zip(some, classes, strict=True) if one == value]
            depths = [fault["depth"] for fault in own]
            found = sum(fault["found"] for fault in own)
            shown = {"dataset": dataset, "detector": detector, what: value, "faults": len(own), "found": found}
            rows.append({**shown, "least_depth": min(depths), "most_depth": max(depths)})
    return rows


def _quarters(faults: Sequence[Row]) -> list[int]:
    """Quarter of each fault in the order of depth, 1 being the shallowest."""
    order = sorted(range(len(faults)), key=lambda number: faults[number]["depth"])
    quarter = dict(zip(order, (1 + _QUARTERS * rank // len(faults) for rank in range(len(faults))), strict=True))
    return [quarter[number] for number in range(len(faults))]
