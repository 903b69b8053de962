"""Protocol D: a Z-score per usage type in the metal industry, and the threshold of each that is best on the test span.

Scores are in spreads of their training span: the distance from its median in standard deviations estimated by the median absolute
deviation. A detector whose score is a Z already keeps it, and one that divides its Z by thresholds of its own is judged by the Z itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecoai_pipeline.detectors.usage_z.thresholds import PUBLISHED
from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.curves import Bools, Floats, counted, roc
from ecoai_pipeline.evaluation.research.participants import Thresholded, WindowModel, participant
from ecoai_pipeline.evaluation.research.unit import Piece, unit_key
from ecoai_pipeline.features.series import WindowPlan
from ecoai_pipeline.settings import Settings

Z_SCORES = ("profile",)
GRID = tuple(np.round(np.geomspace(0.5, 100, 200), 2).tolist())  # the published ones lie in it, and the heavy tails of a robust Z, too
TRAIN_SHARE = 0.6
_SEED = 0
_MAD_TO_DEVIATION = 1.4826
Learned = Callable[[UsageType | None], float] | None


@dataclass(frozen=True)
class UsageThresholds(Piece):
    """F1 over thresholds, per usage type, of one detector on a labelled portfolio, as a piece of work."""

    cases: tuple[Case, ...]
    detector: str
    settings: Settings

    @property
    def name(self) -> str:
        return f"D {self.cases[0].dataset}: {self.detector}"

    @property
    def key(self) -> str:
        return unit_key("D", self.cases, self.detector, self.settings)

    def _found(self) -> Mapping[str, Any]:
        """Nothing for a model of windows: its score is of no reading."""
        model = participant(self.detector, self.settings, _SEED)
        if isinstance(model, WindowModel):
            return {"rows": [], "curves": []}
        cuts = [int(TRAIN_SHARE * len(case.load)) for case in self.cases]
        loads = [case.load for case in self.cases]
        plan = WindowPlan(loads[0].interval_s, (loads[0].slots_per_day, 7 * loads[0].slots_per_day))
        model = model.fit([load.part(0, cut) for load, cut in zip(loads, cuts, strict=True)], plan)
        scores = [each.astype(np.float64) for each in model.score(loads)]
        learned: Learned = None
        if isinstance(model, Thresholded):
            scores = [each * model.threshold(load.usage_type) for each, load in zip(scores, loads, strict=True)]
            learned = model.learned_threshold
        elif self.detector not in Z_SCORES:
            scores = [standardised(each, cut) for each, cut in zip(scores, cuts, strict=True)]
        judged = list(self._judged(scores, cuts, learned))
        return {"rows": [row for row, _ in judged], "curves": [row | drawn for row, drawn in judged]}

    def _judged(self, scores: Sequence[Floats], cuts: Sequence[int], learned: Learned) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
        for usage in dict.fromkeys(case.load.usage_type for case in self.cases if case.load.usage_type):
            z, labels = self._test_readings(usage, scores, cuts)
            if labels.all() or not labels.any():
                continue
            f1 = [counted(z, labels, threshold).f1 for threshold in GRID]
            best, published, own = int(np.argmax(f1)), PUBLISHED[usage], learned(usage) if learned else None
            row = {
                "protocol": "D",
                "table": "usage_thresholds",
                "dataset": self.cases[0].dataset,
                "usage_type": usage.value,
                "detector": self.detector,
                "meters": sum(case.load.usage_type is usage for case in self.cases),
                "test_readings": len(z),
                "anomalous_readings": int(labels.sum()),
                "threshold_oracle": GRID[best],
                "f1_oracle": f1[best],
                "threshold_published": published,
                "f1_at_published": counted(z, labels, published).f1,
                "threshold_learned": own,
                "f1_at_learned": None if own is None else counted(z, labels, own).f1,
                "auc_roc": roc(z, labels).auc,
            }
            yield row, {"grid": list(GRID), "f1": f1}

    def _test_readings(self, usage: UsageType, scores: Sequence[Floats], cuts: Sequence[int]) -> tuple[Floats, Bools]:
        """Scores and labels of the scored test readings of all meters of a usage type."""
        z, labels = [], []
        for case, values, cut in zip(self.cases, scores, cuts, strict=True):
            if case.load.usage_type is usage and case.labels is not None:
                known = np.flatnonzero(np.isfinite(values[cut:])) + cut
                z.append(values[known])
                labels.append(case.labels[known])
        return np.concatenate([np.empty(0), *z]), np.concatenate([np.empty(0, dtype=np.bool_), *labels])


def standardised(scores: Floats, cut: int) -> Floats:
    """Scores (n,) in spreads of those before `cut`."""
    known = scores[:cut][np.isfinite(scores[:cut])]
    if not len(known):
        return np.full(len(scores), np.nan)
    centre = float(np.median(known))
    spread = _MAD_TO_DEVIATION * float(np.median(np.abs(known - centre)))
    return np.asarray((scores - centre) / (spread or 1.0))
