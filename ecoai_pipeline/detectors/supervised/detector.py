"""Boosted trees on value changes: what people have called anomalies on other meters, found on this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.boosting import Trees
from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.files import read_state, write_state
from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.detectors.supervised.inputs import inputs
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import SupervisedParams

_TREES = "trees."

_Taught = tuple[Series, NDArray[np.bool_]]


class Supervised:
    """Log-odds that a reading is one that people would call anomalous, learned from readings that they have judged.

    Gradient-boosted trees (Friedman 2001, by histograms as in LightGBM, Ke et al. 2017) on value changes, as the winner of the LEAD1.0
    contest did it (Gulati and Arjunan, "LEAD1.0", e-Energy 2022), each in the meter's own units. Nothing is kept of a single meter: its
    units come from the series that is scored, so a meter that was never seen is scored like any other.
    """

    name: ClassVar[str] = "supervised"
    supervised: ClassVar[bool] = True

    def __init__(self, params: SupervisedParams, *, seed: int = 0, threads: int = 1) -> None:
        self.params, self.seed, self.threads = params, seed, threads

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn from the meters that `labels` names, (n,) each: true where anomalous, false where somebody looked and found nothing.

        Raises:
            ValueError: no named meter has `min_days` days of readings, or no reading is labelled anomalous.
        """
        self.plan_ = plan
        seen = [series for series in portfolio if series.observed.sum() >= self.params.min_days * series.slots_per_day]
        if not seen:
            raise ValueError(
                f"nothing can be learned from labels: none of {len(portfolio)} meters has readings of {self.params.min_days} days; "
                "train on more months"
            )
        known = labels or {}
        taught = [(series, known[series.meter_id]) for series in seen if series.meter_id in known]
        if not any((marks & series.observed).any() for series, marks in taught):
            raise ValueError(
                f"supervised learns from labelled anomalies, and none of {len(seen)} meters has any; give labels, or fit a detector without"
            )
        rows, marks = self._lesson(taught)
        self.trees_ = self._grown(rows, marks)
        self._facts = {
            "meters": len(taught),
            "meters_left_out": len(portfolio) - len(taught),
            "readings": len(rows),
            "anomalous": int(marks.sum()),
        }
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Log-odds of being anomalous, (n,) each, so 0 is even; NaN where the interval is not observed.

        The changes after a reading count as far as the series goes on; of the last one only those before it are known.
        """
        return [self._score(series) for series in portfolio]

    def forget(self, meter_id: str) -> None:
        """Nothing is kept of a meter."""

    def save(self, folder: Path) -> None:
        config = {"params": self.params.model_dump(mode="json"), "plan": self.plan_.words, "facts": dict(self.facts)}
        write_state(folder, self.name, config, self.trees_.arrays(_TREES))

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(SupervisedParams.model_validate(config["params"]))
        self.plan_ = WindowPlan.of(config["plan"])
        self.trees_ = Trees.of(arrays, _TREES)
        self._facts = config["facts"]
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def _score(self, series: Series) -> NDArray[np.float32]:
        odds = self.trees_.predict(self._inputs(series))[:, 0]
        return np.where(series.observed, odds, np.nan).astype(np.float32)

    def _inputs(self, series: Series) -> Floats:
        return inputs(series, self.params.lags_h)

    def _lesson(self, taught: Sequence[_Taught]) -> tuple[Floats, NDArray[np.bool_]]:
        """Inputs and marks of readings of all meters, as many of each at most."""
        rng, rows, marked = np.random.default_rng(self.seed), [], []
        for series, marks in taught:
            drawn = np.sort(rng.permutation(np.flatnonzero(series.observed))[: self.params.max_readings // len(taught)])
            rows.append(self._inputs(series)[drawn])
            marked.append(marks[drawn])
        return np.concatenate(rows), np.concatenate(marked)

    def _grown(self, rows: Floats, marks: NDArray[np.bool_]) -> Trees:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        p = self.params
        boosted = HistGradientBoostingClassifier(
            max_iter=p.trees,
            max_depth=p.depth,
            max_leaf_nodes=None,
            max_features=p.columns_share,
            learning_rate=p.learning_rate,
            l2_regularization=p.l2,
            min_samples_leaf=p.min_leaf_readings,
            early_stopping=False,
            random_state=self.seed,
        )
        with threadpool_limits(self.threads):  # sums of more threads may come in another order
            return Trees.of_fitted(boosted.fit(rows, marks))
