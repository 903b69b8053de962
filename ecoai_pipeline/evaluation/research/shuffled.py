"""Protocol A: windows of stride 1, shuffled, and the threshold chosen on the test set (posters of 2025, LSTM-AE against USAD).

Neighbouring windows share all but one reading, so a shuffled test window has near copies of itself in training; and the
threshold has seen the labels. Nothing here says how well a detector would do in a plant: it says whether we reproduce.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ecoai_pipeline.domain import Resolution
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.curves import Bools, Floats, Ints, histogram, roc
from ecoai_pipeline.evaluation.research.participants import Windows, fitted, participant, scaled, window_scores, windows_of
from ecoai_pipeline.evaluation.research.published import MEASURES, beside
from ecoai_pipeline.evaluation.research.unit import Piece, unit_key
from ecoai_pipeline.features.windows import strided
from ecoai_pipeline.settings import Settings

SHUFFLE_SEED = 42
TRAIN_SHARE, VALIDATION_SHARE = 0.6, 0.2
HIGH_WINDOW = 60  # readings, of curves by the minute; a day of all others


@dataclass(frozen=True)
class Shuffled:
    """Windows of a case in three parts; indices are of windows in time order.

    Attributes:
        windows: all of them, min-max scaled over the whole series.
        anomalous: (w,), true where a window holds an anomalous reading.
        train, validation, test: indices; all anomalous windows are in the last part where they fit into it.
    """

    windows: Windows
    anomalous: Bools
    train: Ints
    validation: Ints
    test: Ints


@dataclass(frozen=True)
class ShuffledWindows(Piece):
    """Protocol A of one series and one detector, as a piece of work."""

    case: Case
    detector: str
    settings: Settings
    run_number: int = 0

    @property
    def name(self) -> str:
        return f"A {self.case.dataset} {self.case.name}: {self.detector}" + (f", run {self.run_number}" if self.run_number else "")

    @property
    def key(self) -> str:
        return unit_key("A", (self.case,), self.detector, self.settings, run=self.run_number)

    def _found(self) -> Mapping[str, Any]:
        split = shuffled(self.case, window_length(self.case))
        model = fitted(participant(self.detector, self._seeded, SHUFFLE_SEED), split.windows.some(split.train))
        test = split.windows.some(split.test)
        scores = window_scores(model, test)
        judged = [_judged(aggregation, values, split.anomalous[split.test]) for aggregation, values in scores.items()]
        told = self._told(split)
        theirs = {f"{name}_published": beside("A", self.case.dataset, self.case.load.meter_id, self.detector, name) for name in MEASURES}
        rows = [told | row | theirs for row, _ in judged]
        return {"rows": [*rows, *self._by_depth(rows, test, scores)], "curves": [told | row | curve for row, curve in judged]}

    @property
    def _seeded(self) -> Settings:
        """A seed of training for each run."""
        training = self.settings.training
        return self.settings.model_copy(update={"training": training.model_copy(update={"seed": training.seed + self.run_number})})

    def _by_depth(self, rows: Sequence[Mapping[str, Any]], test: Windows, scores: Mapping[str, Floats]) -> Iterator[dict[str, Any]]:
        """Of injected faults, for each quarter of them in order of depth: how many of its windows the same threshold finds.

        A window's depth is that of its deepest fault. Nothing where the test has no normal window, and so no threshold.
        """
        depth = np.zeros(len(self.case.load))
        for fault in self.case.faults:
            depth[fault.start : fault.stop] = fault.depth
        deepest = depth[test.rows].max(axis=1)
        normal = deepest == 0
        edges = np.quantile([fault.depth for fault in self.case.faults], [0, 0.25, 0.5, 0.75, 1]) if self.case.faults else ()
        for row in headline(rows) if len(edges) and normal.any() else ():
            values = scores[row["aggregation"]]
            for quartile, (least, most) in enumerate(pairwise(edges), start=1):
                own = (deepest > (0 if quartile == 1 else least)) & (deepest <= most)
                if own.any():
                    told = {name: row[name] for name in ("protocol", "dataset", "series", "fault_seed", "run", "detector", "aggregation")}
                    depths = {"table": "shuffled_depth", "quartile": quartile, "least_depth": float(least), "most_depth": float(most)}
                    found = float((values[own] >= row["threshold_oracle"]).mean())
                    auc = roc(values[own | normal], own[own | normal]).auc
                    yield told | depths | {"windows": int(own.sum()), "recall_oracle_shuffled": found, "auc_shuffled": auc}

    def _told(self, split: Shuffled) -> dict[str, Any]:
        return {
            "protocol": "A",
            "table": "shuffled_windows",
            "dataset": self.case.dataset,
            "series": self.case.load.meter_id,
            "fault_seed": self.case.seed,
            "run": self.run_number,
            "resolution": Resolution.of(self.case.load.interval_s).value,
            "window": split.windows.length,
            "detector": self.detector,
            "train_windows": len(split.train),
            "validation_windows": len(split.validation),
            "test_windows": len(split.test),
            "anomalous_windows": int(split.anomalous.sum()),
        }


def window_length(case: Case) -> int:
    """Readings of a window: an hour by the minute at high resolution, else a day."""
    high = Resolution.of(case.load.interval_s) is Resolution.HIGH
    return HIGH_WINDOW if high else max(2, case.load.slots_per_day)


def headline(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of each series and detector the one row that summaries show, chosen by name and not by its figures: the largest error of a
    window, or of neighbours the farthest."""
    return [row for row in rows if row["aggregation"] in ("max", "kth")]


def shuffled(case: Case, length: int, seed: int = SHUFFLE_SEED) -> Shuffled:
    """Windows of a labelled case as the research split them.

    Readings count in the order of the file, so those on both sides of a gap are neighbours. Normal windows are shuffled and stand
    before the anomalous ones; then the list is cut at 60 % and 80 %, rounded down.

    Raises:
        ValueError: the case has no labels, or too few readings for three parts.
    """
    if case.labels is None:
        raise ValueError(f"{case.dataset} {case.name}: protocol A needs labels; name a file of them, or have faults injected")
    rows = np.flatnonzero(case.load.observed & np.isfinite(case.load.kwh))
    if len(rows) < length + 4:
        raise ValueError(f"{case.dataset} {case.name}: {len(rows)} readings are too few for three parts of windows of {length}")
    within = np.zeros(len(case.load), dtype=np.bool_)
    within[rows] = True
    windows = windows_of(scaled(case.load, within), rows, length)
    anomalous = np.asarray(strided(case.labels[rows], length, 1).any(axis=1))
    return Shuffled(windows, anomalous, *parts(anomalous, seed))


def parts(anomalous: Bools, seed: int) -> tuple[Ints, Ints, Ints]:
    """Indices of the training, validation and test windows, of those in time order, (w,)."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(~anomalous))
    order = np.concatenate([normal, np.flatnonzero(anomalous)])
    train, validation = int(TRAIN_SHARE * len(order)), int(VALIDATION_SHARE * len(order))
    return order[:train], order[train : train + validation], order[train + validation :]


def _judged(aggregation: str, scores: Floats, anomalous: Bools) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of the table, and what its figures are drawn from; without either class there is nothing to judge."""
    if anomalous.all() or not anomalous.any():
        nothing = dict.fromkeys(("recall_oracle_shuffled", "precision_oracle_shuffled", "f1_oracle_shuffled", "auc_shuffled"))
        return {"aggregation": aggregation, **nothing, "threshold_oracle": None}, {}
    curve = roc(scores, anomalous)
    chosen = curve.youden()
    row = {
        "aggregation": aggregation,
        "recall_oracle_shuffled": chosen.recall,
        "precision_oracle_shuffled": chosen.precision,
        "f1_oracle_shuffled": chosen.f1,
        "auc_shuffled": curve.auc,
        "threshold_oracle": chosen.threshold,
    }
    return row, {"roc": curve.points(), "histogram": histogram(scores, anomalous, chosen.threshold), "confusion": chosen.counts}
