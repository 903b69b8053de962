"""The protocol that cannot flatter: thresholds frozen before the test, alarms from what each night knew, every reading once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection import habit
from ecoai_pipeline.detection.calibration import Calibration, alarm_threshold, calibrate
from ecoai_pipeline.detection.events import OPEN_SCHEMA, find_events
from ecoai_pipeline.detection.fusion import Fusion, Probabilities, strangeness
from ecoai_pipeline.detection.habit import Habits, Law
from ecoai_pipeline.detection.segments.search import probability
from ecoai_pipeline.detectors.robust import grouped_quantile
from ecoai_pipeline.domain import SCORES, SEGMENT, Category, Resolution
from ecoai_pipeline.evaluation import alarms, folds
from ecoai_pipeline.evaluation.alarms import Alarms, Truth
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.folds import Fold
from ecoai_pipeline.evaluation.oracle import f1_oracle, f1_point_adjusted_oracle
from ecoai_pipeline.evaluation.ranking import rank
from ecoai_pipeline.evaluation.scoring import Scored, Scoring
from ecoai_pipeline.evaluation.work import Result
from ecoai_pipeline.settings import Settings, Weights
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.schema import schema_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
_CODE = tuple(f"evaluation/{name}.py" for name in ("honest", "alarms", "cases", "folds", "oracle", "ranking"))


@dataclass(frozen=True)
class Judging:
    """A detector, or several fused, judged on a case whose scores are there already; a piece of work."""

    case: Case
    detector: str
    members: Sequence[tuple[Scoring, Result]]
    settings: Settings

    @property
    def name(self) -> str:
        return f"{self.case.dataset} {self.case.name}: figures of {self.detector}"

    @cached_property
    def key(self) -> str:
        labels = np.packbits(self.case.labels).tobytes().hex() if self.case.labels is not None else ""
        names = {"dataset": self.case.dataset, "series": self.case.name, "subsets": sorted(self.case.subsets)}
        inputs = {"scores": [scoring.key for scoring, _ in self.members], "labels": labels, "faults": self.case.faults, **names}
        detection = ("calibration", "events", "evidence", "fusion", "habit", "loads")
        rooms = ("detection/kinds", "detection/segments")
        code = code_digest(*_CODE, "detectors/robust.py", "features/runs.py", *rooms, *(f"detection/{name}.py" for name in detection))
        params = {"detector": self.detector, "weights": self.weights, **self.settings.detection.model_dump(mode="json")}
        return fingerprint(inputs=inputs, params=params, code=code)

    @property
    def weights(self) -> Weights:
        """Of the members; one alone has all the weight."""
        if len(self.members) == 1:
            return {self.members[0][0].detector: 1.0}
        return self.settings.training.members[Resolution.of(self.case.load.interval_s)]

    def run(self) -> Result:
        """`rows`, one per subset; `start` of the test; `events` as first and last interval; `faults` with whether they were found."""
        try:
            evidence = self._evidence()
        except ValueError as error:  # no score to calibrate on: the detector has no figure on this series, the others have theirs
            return {"rows": [self._head(name) | {"note": str(error)} for name in self.case.subsets], "start": 0, "events": [], "faults": []}
        found = alarm_events(self.case, evidence, self.settings)
        rows = [self._head(name) | figures(self.case, name, evidence, found, self.settings) for name in self.case.subsets]
        faults = faults_found(self.case, evidence.start, found)
        return {"rows": rows, "start": evidence.start, "events": np.stack(found, axis=1).tolist(), "faults": faults}

    def _head(self, subset: str) -> dict[str, Any]:
        times = {part: sum(result[part] for _, result in self.members) for part in ("fit_seconds", "score_seconds")}
        case = self.case
        head = {"dataset": case.dataset, "series": case.name, "meter": case.load.meter_id, "subset": subset, "detector": self.detector}
        return {**head, "protocol": str(self.members[0][0].protocol), **times}

    def _evidence(self) -> Evidence:
        cuts = folds.folds(self.case.load, self.members[0][0].protocol, self.settings)
        scores = {scoring.detector: scoring.scored(result) for scoring, result in self.members}
        fusion = Fusion(self.weights, self.settings.detection)
        judged = [
            _judged(self.case, cut, {name: own[number] for name, own in scores.items()}, fusion, self.settings)
            for number, cut in enumerate(cuts)
        ]
        return Evidence.of(cuts, judged)


@dataclass(frozen=True)
class _Judged:
    """A fold's test span: strangeness from all of it and from what each night knew, and the probabilities of both."""

    batch: Floats
    nightly: Floats
    p: Floats
    p_batch: Floats
    law: Law


@dataclass(frozen=True)
class Evidence:
    """What speaks for an anomaly in each interval of the test span, (t,), higher is stranger; `p` is that of the nights.

    Attributes:
        start: first interval of the test span in the series.
        training: intervals that the first model was fitted on.
        law: of the last calibration span, which holds until the test span is long enough to be measured against itself.
    """

    start: int
    training: tuple[int, int]
    batch: Floats
    nightly: Floats
    p: Floats
    law: Law

    @classmethod
    def of(cls, cuts: Sequence[Fold], judged: Sequence[_Judged]) -> Evidence:
        """Put the folds' test spans behind each other. Scores of several models have no common unit; their probabilities have."""
        start, training, law = cuts[0].test[0], cuts[0].train, judged[-1].law
        p = np.concatenate([one.p for one in judged])
        if len(judged) == 1:
            return cls(start, training, judged[0].batch, judged[0].nightly, p, law)
        batch = np.concatenate([one.p_batch for one in judged])
        return cls(start, training, -np.log(batch), -np.log(p), p, law)


def _judged(case: Case, fold: Fold, members: Mapping[str, Scored], fusion: Fusion, settings: Settings) -> _Judged:
    """Calibrate the members as training does, fuse what they say, and measure it against the weeks before, as scoring does.

    A detector alone is ranked by its score, several together by `strangeness`; alarms of both come from p.
    """
    if SEGMENT in members:
        (alone,) = members.values()
        p_batch, p = (_segments(case, fold, alone, part, settings) for part in ("batch", "nightly"))
        return _Judged(alone.batch.astype(np.float64), alone.nightly.astype(np.float64), p, p_batch, Law(0, np.nan, np.nan))
    own, stamps, interval_s = calibrated(case, members, settings), stamps_of(case, fold), case.load.interval_s
    batch, nightly = (fusion.evidence(tails(case, fold, members, part, own), stamps, interval_s) for part in ("batch", "nightly"))
    habits = habits_of(case, fold, batch, settings)
    p_batch, p = (measured(case, fold, habits, evidence) for evidence in (batch, nightly))
    law = habits.laws[case.load.meter_id]
    if len(members) > 1:
        first = fold.test[0] - fold.calibration[0]
        return _Judged(strangeness(batch[first:], p_batch), strangeness(nightly[first:], p), p, p_batch, law)
    (alone,) = members.values()
    return _Judged(alone.batch.astype(np.float64), alone.nightly.astype(np.float64), p, p_batch, law)


def _segments(case: Case, fold: Fold, scored: Scored, part: str, settings: Settings) -> Floats:
    """Probabilities of the evidence of segments in the test span, (t,)."""
    evidence, params = _laid(scored.calibration, getattr(scored, part), fold), settings.detection
    p = probability(stamps_of(case, fold), case.load.interval_s, evidence, None, params.segments, params.habit)
    return p[fold.test[0] - fold.calibration[0] :]


def stamps_of(case: Case, fold: Fold) -> NDArray[np.datetime64]:
    """Starts of the intervals from the first of the calibration span to the last of the test, (t,)."""
    return case.load.timestamps[fold.calibration[0] : fold.test[1]]


def calibrated(case: Case, members: Mapping[str, Scored], settings: Settings) -> dict[str, Calibration]:
    """Members calibrated on their scores of the calibration span, as training does.

    Raises:
        ValueError: a member has no score to calibrate on.
    """
    meter, q, params = case.load.meter_id, threshold(case, settings), settings.detection.calibration
    return {name: calibrate(name, {meter: scored.calibration}, q, params) for name, scored in members.items()}


def tails(case: Case, fold: Fold, members: Mapping[str, Scored], part: str, own: Mapping[str, Calibration]) -> Probabilities:
    """Tail probabilities that members give the calibration and the test span, (t,) each, NaN between, by their `own` calibrations.

    Args:
        part: of the test span's scores, `batch` or `nightly`.
    """
    meter = case.load.meter_id
    return {name: own[name].p(meter, _laid(scored.calibration, getattr(scored, part), fold)) for name, scored in members.items()}


def habits_of(case: Case, fold: Fold, evidence: Floats, settings: Settings) -> Habits:
    """The law that the calibration span gives of fused evidence (t,).

    Raises:
        ValueError: there is too little evidence in it.
    """
    length = fold.calibration[1] - fold.calibration[0]
    span = {case.load.meter_id: (stamps_of(case, fold)[:length], evidence[:length])}
    return habit.learn(span, case.load.interval_s, settings.detection.habit)


def measured(case: Case, fold: Fold, habits: Habits, evidence: Floats) -> Floats:
    """Probability of fused evidence (t,) in the test span, each day measured against the weeks before it."""
    p = habits.p(case.load.meter_id, stamps_of(case, fold), case.load.interval_s, evidence)
    return p[fold.test[0] - fold.calibration[0] :]


def _laid(calibration: NDArray[np.floating[Any]], test: NDArray[np.floating[Any]], fold: Fold) -> Floats:
    """Both spans at their places in time, NaN between them."""
    gap = np.full(fold.test[0] - fold.calibration[1], np.nan)
    return np.concatenate([calibration, gap, test]).astype(np.float64)


def threshold(case: Case, settings: Settings) -> float:
    """The p below which an alarm opens: the budget of false alarms, as in the pipeline."""
    return alarm_threshold(settings.detection.budget_per_meter_month, case.load.interval_s)


def alarm_events(case: Case, evidence: Evidence, settings: Settings) -> tuple[Rows, Rows]:
    """First and last interval, within the series, of each event that the pipeline would have made of the nights' probabilities.

    Hysteresis, merging and persistence are the pipeline's own; marks of quality rules are left out, so that all detectors
    are judged on all readings.
    """
    part = case.load.part(evidence.start, len(case.load))
    none = {name: pl.lit(None, dtype=dtype) for name, dtype in schema_of(SCORES).items()}
    known = {
        "timestamp": pl.Series(part.timestamps).dt.replace_time_zone("UTC"),
        "kwh": pl.Series(np.where(part.observed, part.kwh, np.nan)).fill_nan(None),
        "p": pl.Series(evidence.p).fill_nan(None),
    }
    frame = pl.DataFrame(known).with_columns(
        meter_id=pl.lit(part.meter_id),
        interval_s=pl.lit(part.interval_s),
        quality=pl.lit("measured"),
        restated=pl.lit(value=False),
        q=pl.lit(threshold(case, settings)),
        hindsight=pl.lit(value=False),
        strange_day=pl.lit(value=False),
        **{name: null for name, null in none.items() if name not in _FILLED},
    )
    scores = frame.select(SCORES.names).cast(schema_of(SCORES))
    unnamed = pl.DataFrame(schema=OPEN_SCHEMA)
    events = find_events(scores, scores.clear(), unnamed, unnamed, settings.detection.events)
    energy = events.filter(pl.col("category") == Category.ENERGY).sort("start")
    bounds = (energy[edge].dt.replace_time_zone(None).to_numpy() for edge in ("start", "end"))
    first, stop = (np.searchsorted(part.timestamps, edge).astype(np.int64) for edge in bounds)
    return first + evidence.start, stop - 1 + evidence.start


_FILLED = {"timestamp", "kwh", "p", "meter_id", "interval_s", "quality", "restated", "strange_day", "q", "hindsight"}


def figures(case: Case, subset: str, evidence: Evidence, events: tuple[Rows, Rows], settings: Settings) -> dict[str, Any]:
    """All figures of a detector on the test span of a case, over the readings of one subset."""
    start, load = evidence.start, case.load
    assert case.labels is not None
    counted = case.subset(subset)[start:]
    labels = case.labels[start:]
    batch, nightly = (
        rank(evidence.batch[counted], labels[counted], case.buffer),
        rank(evidence.nightly[counted], labels[counted], case.buffer),
    )
    truth = Truth(labels, load.observed[start:], counted, load.interval_s)
    judged = alarms.judge(events[0] - start, events[1] - start, truth, deviation(case, evidence.training)[start:])
    return {
        "readings": int(counted.sum()),
        "anomalous": int((labels & counted).sum()),
        "vus_pr": batch and batch.vus_pr,
        "vus_pr_nightly": nightly and nightly.vus_pr,
        "vus_roc": batch and batch.vus_roc,
        "auc_pr": batch and batch.auc_pr,
        "auc_roc": batch and batch.auc_roc,
        **_alarm_figures(judged),
        "budget_per_meter_month": settings.detection.budget_per_meter_month,
        "calibration_rule": habit.RULE,
        "calibration_n": evidence.law.n,
        "f1_oracle": f1_oracle(evidence.batch[counted], labels[counted]),
        "f1_point_adjusted_oracle": f1_point_adjusted_oracle(evidence.batch[counted], labels[counted]),
        "note": "",
    }


def _alarm_figures(judged: Alarms) -> dict[str, Any]:
    low, high = judged.false_interval or (None, None)
    return {
        "event_precision": judged.precision,
        "event_recall": judged.recall,
        "event_f1": judged.f1,
        "events": judged.events,
        "right_events": judged.right,
        "false_alarms": judged.false,
        "anomalies": judged.anomalies,
        "anomalies_found": judged.found,
        "meter_months": judged.meter_months,
        "false_alarms_per_meter_month": judged.false_per_meter_month,
        "false_alarms_low": low,
        "false_alarms_high": high,
        "delay_hours": judged.delay_hours,
        "energy_found": judged.energy_found,
    }


def deviation(case: Case, training: tuple[int, int]) -> Floats:
    """How far each reading lies from what it should have been, |kWh|, (n,).

    What an injected fault changed is known; else the median of the training span's slot of the day stands for normal load.
    """
    load = case.load
    if case.clean_kwh is not None:
        return np.abs(load.kwh - case.clean_kwh)
    span = slice(*training)
    known = np.where(load.observed[span], load.kwh[span], np.nan)
    slots = int(load.slot_of_day.max()) + 1
    usual, _ = grouped_quantile(known, load.slot_of_day[span].astype(np.intp), slots, 0.5)
    return np.abs(np.where(load.observed, load.kwh, np.nan) - usual[load.slot_of_day])


def faults_found(case: Case, start: int, events: tuple[Rows, Rows]) -> list[Mapping[str, Any]]:
    """The injected faults that begin in the test span, each with whether an event overlaps it."""
    inside = [fault for fault in case.faults if fault.start >= start]
    return [
        {"kind": fault.kind, "depth": fault.depth, "found": bool(((events[0] < fault.stop) & (events[1] >= fault.start)).any())}
        for fault in inside
    ]
