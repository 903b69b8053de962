"""Protocol C, as the research did it: F1 over the size of adversarial changes, with the adversarial days in the test set.

An anomaly is what an Isolation Forest's quota makes one, 100 adversarial days join the test set as further anomalies, and the threshold
is the best on that set. The larger epsilon, the easier those days; F1 says how easy, not how well anything real is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecoai_pipeline.augmentation.mi_fgsm import mi_fgsm
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.curves import Bools, Floats, roc
from ecoai_pipeline.evaluation.research.days import on_scale_of, whole_days
from ecoai_pipeline.evaluation.research.participants import Differentiable, WindowModel, Windows, as_window_model, fitted
from ecoai_pipeline.evaluation.research.shuffled import SHUFFLE_SEED, parts
from ecoai_pipeline.evaluation.research.unit import Piece, unit_key
from ecoai_pipeline.settings import Settings

EPSILONS = (0.01, 0.05, 0.1, 0.25, 0.5)
ADVERSARIAL_DAYS = 100
QUOTA = 0.05  # contamination of the Isolation Forest that labels the days
_FEWEST_DAYS = 20
_BINS = 40


@dataclass(frozen=True)
class EpsilonCurve(Piece):
    """F1 over epsilon of one series and one model, as a piece of work."""

    case: Case
    detector: str
    settings: Settings

    @property
    def name(self) -> str:
        return f"C {self.case.dataset} {self.case.name}: {self.detector}"

    @property
    def key(self) -> str:
        return unit_key("C", (self.case,), self.detector, self.settings)

    def _found(self) -> Mapping[str, Any]:
        """Nothing where the participant has no gradient, or the series too few days."""
        model, days = as_window_model(self.detector, self.settings, SHUFFLE_SEED), whole_days(self.case.load)
        if not isinstance(model, Differentiable) or len(days.values) < _FEWEST_DAYS:
            return {"rows": [], "curves": []}
        told = {"protocol": "C", "dataset": self.case.dataset, "series": self.case.load.meter_id, "detector": self.detector}
        levels = _levels(model, days)
        rows = [told | {"table": "epsilon_curve"} | row for row, _ in levels]
        return {"rows": rows, "curves": [row | drawn for row, (_, drawn) in zip(rows, levels, strict=True)]}


def _levels(model: Any, days: Windows) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """A row, and what is drawn of it, for no adversarial day and for each epsilon."""
    days, (low, high) = on_scale_of(days, np.ones(len(days.values), dtype=np.bool_))
    anomalous = strange_days(days.values)
    train, _, test = parts(anomalous, SHUFFLE_SEED)
    model = fitted(model, days.some(train))
    normal = np.flatnonzero(~anomalous)
    chosen = np.sort(np.random.default_rng(SHUFFLE_SEED).choice(normal, min(ADVERSARIAL_DAYS, len(normal)), replace=False))
    errors = day_errors(model, days.values[test])
    levels = [_level(0.0, errors, anomalous[test], np.empty(0))]
    for epsilon in EPSILONS:
        made = mi_fgsm(days.values, model.loss_gradient, epsilon=epsilon, low=low, high=high, origins=chosen)
        levels.append(_level(epsilon, errors, anomalous[test], day_errors(model, made.days)))
    return levels


def strange_days(days: Floats, seed: int = SHUFFLE_SEED) -> Bools:
    """The share of days that an Isolation Forest finds strangest: a quota, whatever the days are like, (d,)."""
    from sklearn.ensemble import IsolationForest

    return np.asarray(IsolationForest(contamination=QUOTA, random_state=seed).fit_predict(days) == -1)


def day_errors(model: WindowModel, days: Floats) -> Floats:
    """The model's own error of each day, the mean over its readings, (d,): the loss that is ascended."""
    return model.scores(days)["mean"]


def _level(epsilon: float, errors: Floats, anomalous: Bools, adversarial: Floats) -> tuple[dict[str, Any], dict[str, Any]]:
    scores = np.concatenate([errors, adversarial])
    truth = np.concatenate([anomalous, np.ones(len(adversarial), dtype=np.bool_)])
    curve = roc(scores, truth)
    best = curve.best_f1()
    row = {
        "epsilon": epsilon,
        "adversarial_days": len(adversarial),
        "test_days": len(errors),
        "recall_oracle_shuffled": best.recall,
        "precision_oracle_shuffled": best.precision,
        "f1_oracle_shuffled": best.f1,
        "auc_shuffled": curve.auc,
        "threshold_oracle": best.threshold,
        "f1_of_alarm_always": float(2 * truth.sum() / (truth.sum() + len(truth))),
    }
    groups = {"normal": errors[~anomalous], "anomalous": errors[anomalous], "adversarial": adversarial}
    return row, {"errors": _distributions(groups, scores)}


def _distributions(groups: Mapping[str, Floats], scores: Floats) -> Mapping[str, list[float]]:
    """Numbers of days by error, over bins of equal ratio."""
    positive = scores[scores > 0]
    edges = np.geomspace(positive.min(), positive.max() * (1 + 1e-9), _BINS + 1)
    counts = {name: np.histogram(np.maximum(values, edges[0]), edges)[0].tolist() for name, values in groups.items()}
    return {"edges": edges.tolist(), **counts}
