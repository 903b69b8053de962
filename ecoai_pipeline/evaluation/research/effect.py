"""The honest question beside protocol C: does adding adversarial days to the training data help to find real or injected faults?

Days follow each other in time: training, a day's gap, calibration, a day's gap, test; nothing made touches calibration's normal days or
the test. Three uses are tried, each with adversarial days and, as a control, with changes of the same size and random direction:

- `threshold`: the threshold that best tells calibration days from made ones, against the 95 % quantile of calibration;
- `classifier`: logistic regression of training days against made ones, against the model's own error;
- `pairs`: the model learns to make the original of a made day, against the model that learned the originals alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecoai_pipeline.augmentation.mi_fgsm import mi_fgsm
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.attack import EPSILONS, day_errors
from ecoai_pipeline.evaluation.research.curves import Bools, Floats, counted, roc
from ecoai_pipeline.evaluation.research.days import on_scale_of, whole_days
from ecoai_pipeline.evaluation.research.participants import Differentiable, LearnsPairs, Reconstructs, Windows, as_window_model, fitted
from ecoai_pipeline.evaluation.research.unit import Piece, unit_key
from ecoai_pipeline.settings import Settings

TRAIN_SHARE, CALIBRATION_SHARE = 0.5, 0.1
QUANTILE = 0.95
_FEWEST_DAYS = 60
_RESAMPLES = 2000


@dataclass(frozen=True)
class Spans:
    """Days on the training span's scale, by part; `low` and `high` are what the meter can read there."""

    learned: Windows
    calibration: Floats
    test: Floats
    anomalous: Bools
    low: float
    high: float


@dataclass(frozen=True)
class AugmentationEffect(Piece):
    """With and without made days, on one labelled series, as a piece of work."""

    case: Case
    detector: str
    settings: Settings
    seed: int

    @property
    def name(self) -> str:
        return f"C {self.case.dataset} {self.case.name}: {self.detector}, with and without"

    @property
    def key(self) -> str:
        return unit_key("C effect", (self.case,), self.detector, self.settings, seed=self.seed)

    def _found(self) -> Mapping[str, Any]:
        """Nothing where the participant has no gradient, or the test span not both kinds of days."""
        model, spans = as_window_model(self.detector, self.settings, self.seed), spans_of(self.case)
        able = isinstance(model, Differentiable) and isinstance(model, Reconstructs)
        if not able or spans is None:
            return {"rows": [], "curves": []}
        told = {"dataset": self.case.dataset, "series": self.case.load.meter_id, "fault_seed": self.case.seed, "detector": self.detector}
        plain = fitted(model, spans.learned)
        rows = [
            told | {"augmentation": augmentation, "epsilon": epsilon} | row
            for epsilon in EPSILONS
            for augmentation, days in made_days(plain, spans, epsilon, self.seed).items()
            for row in self._uses(plain, spans, days)
        ]
        return {"rows": rows, "curves": []}

    def _uses(self, plain: Any, spans: Spans, made: Floats) -> Iterable[dict[str, Any]]:
        yield _row("threshold", "f1_frozen", _frozen(plain, spans, None), _frozen(plain, spans, made))
        without = _auc_pr(spans, day_errors(plain, spans.test))
        yield _row("classifier", "auc_pr", without, _auc_pr(spans, _classified(plain, spans, made)))
        other = as_window_model(self.detector, self.settings, self.seed)
        if isinstance(other, LearnsPairs):
            clean = spans.learned.values
            other.fit_pairs(np.stack([clean, made], axis=1).reshape(-1, clean.shape[1]), clean.repeat(2, axis=0))
            yield _row("pairs", "auc_pr", without, _auc_pr(spans, day_errors(other, spans.test)))  # type: ignore[arg-type]


def spans_of(case: Case) -> Spans | None:
    """A labelled case's days in time order, a day left out at each seam; None where there is nothing to judge."""
    days = whole_days(case.load)
    count = len(days.values)
    if case.labels is None or count < _FEWEST_DAYS:
        return None
    first, second = int(TRAIN_SHARE * count), int((TRAIN_SHARE + CALIBRATION_SHARE) * count)
    order = np.arange(count)
    days, (low, high) = on_scale_of(days, order < first)
    anomalous = np.asarray(case.labels[days.rows].any(axis=1))[second + 1 :]
    if anomalous.all() or not anomalous.any():
        return None
    values = days.values
    return Spans(days.some(order < first), values[first + 1 : second], values[second + 1 :], anomalous, low, high)


def made_days(model: Differentiable, spans: Spans, epsilon: float, seed: int) -> Mapping[str, Floats]:
    """By augmentation a made day for each training day, (d, slots): adversarial, and changed as much in random directions."""
    clean = spans.learned.values
    adversarial = mi_fgsm(clean, model.loss_gradient, epsilon=epsilon, low=spans.low, high=spans.high).days
    sign = np.random.default_rng(seed).choice([-1.0, 1.0], clean.shape)
    return {"adversarial": adversarial, "noise": np.clip(clean + epsilon * sign, spans.low, spans.high)}


def effects(rows: Sequence[Mapping[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """Mean difference over all pairs of a data set, with a bootstrap interval of 95 %, by use, augmentation and epsilon."""
    by: defaultdict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    names = ("dataset", "detector", "use", "measure", "augmentation", "epsilon")
    for row in rows:
        by[tuple(row[name] for name in names)].append(row)
    return [{"protocol": "C", "table": "augmentation_effect", **dict(zip(names, key, strict=True)), **_mean(by[key], seed)} for key in by]


def _mean(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    difference = np.array([row["with"] - row["without"] for row in rows])
    drawn = np.random.default_rng(seed).integers(0, len(rows), (_RESAMPLES, len(rows)))
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
    return {
        "pairs": len(rows),
        "without": float(np.mean([row["without"] for row in rows])),
        "with": float(np.mean([row["with"] for row in rows])),
        "difference": float(difference.mean()),
        "low": float(low),
        "high": float(high),
    }


def _row(use: str, measure: str, without: float, with_made: float) -> dict[str, Any]:
    return {"use": use, "measure": measure, "without": without, "with": with_made}


def _frozen(model: Any, spans: Spans, made: Floats | None) -> float:
    """F1 on the test days at a threshold that calibration, and the made days as its anomalies, have chosen."""
    normal = day_errors(model, spans.calibration)
    threshold = float(np.quantile(normal, QUANTILE)) if made is None else _between(normal, day_errors(model, made))
    return counted(day_errors(model, spans.test), spans.anomalous, threshold).f1


def _between(normal: Floats, made: Floats) -> float:
    """Youden's threshold, which does not depend on how many days were made."""
    scores = np.concatenate([normal, made])
    return roc(scores, np.arange(len(scores)) >= len(normal)).youden().threshold


def _classified(model: Any, spans: Spans, made: Floats) -> Floats:
    """Score of the test days by a classifier that saw made days as its anomalies, (d,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seen = _by_size(model)
    clean = spans.learned.values
    labels = np.arange(2 * len(clean)) >= len(clean)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    classifier.fit(seen(np.concatenate([clean, made])), labels)
    return np.asarray(classifier.decision_function(seen(spans.test)))


def _by_size(model: Any) -> Callable[[Floats], Floats]:
    """A day's errors from the smallest to the largest: an anomaly may lie at any time of the day."""
    return lambda days: np.sort(np.abs(days - model.reconstruct(days)), axis=1)


def _auc_pr(spans: Spans, scores: Floats) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(spans.anomalous, scores))
