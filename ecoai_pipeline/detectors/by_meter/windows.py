"""Detectors of a meter by itself that compare windows of its load with those of its past, in the unit that makes more of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.by_meter.detector import ByMeter
from ecoai_pipeline.detectors.by_meter.load import Load
from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.files import Arrays
from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.features.windows import strided
from ecoai_pipeline.settings import ByWindowParams

_USUAL = 0.95  # share of the training readings that are less strange than the meter's habit


class ByWindow(ByMeter[ByWindowParams]):
    """Error of a reading in windows of one length, stride 1, averaged over the windows that hold it; windows are columns, (length, w).

    A model is made in linear and in logarithmic units. Each error counts in its own habit, which is what 95 % of the training readings
    stay below, and the larger of the two is the score: low readings differ by ratios, high ones by differences. Models are fitted, the
    windows farthest from them dropped, and fitted again, because training spans hold anomalies themselves.
    """

    params_type: ClassVar[type[ByWindowParams]] = ByWindowParams
    floor: ClassVar[float]  # least habit: the error of a hundredth of the range

    def __init__(self, params: ByWindowParams, *, seed: int, threads: int) -> None:
        super().__init__(params)
        self.seed = seed
        self.threads = threads

    @abstractmethod
    def model(self, windows: Floats) -> Floats:
        """What is learned of windows (length, w); the shape depends on the parameters alone."""

    @abstractmethod
    def errors(self, windows: Floats, model: Floats) -> Floats:
        """Error of each reading of each window, (length, w)."""

    @property
    def made_with(self) -> dict[str, Any]:
        return {"seed": self.seed, "threads": self.threads}

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(self.threads):
            return super().fit(portfolio, plan, labels=labels)

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(self.threads):  # products of eight by twenty numbers; on a busy machine threads wait for one another
            return super().score(portfolio)

    def learn(self, load: Load) -> Arrays:
        models = self._models(self._drawn(load, self.params.max_windows))
        return {"models": models, "habits": self._habits(load, models)}

    def pool(self, learned: Sequence[Series]) -> Arrays:
        """Models of windows of all meters, and the median of the habits that meters have by them."""
        share = max(1, self.params.max_windows // len(learned))
        models = self._models(np.concatenate([self._drawn(load, share) for _, load in self._measured(learned)], axis=-1))
        return {"models": models, "habits": np.median([self._habits(load, models) for _, load in self._measured(learned)], axis=0)}

    def strangeness(self, load: Load, arrays: Arrays) -> Floats:
        strange = self._strange(load, arrays["models"]) / arrays["habits"][:, None].astype(np.float64)
        return np.asarray(strange.max(axis=0))

    def _windows(self, load: Load) -> Floats:
        """All windows in both units, (2, length, w), at least one; a shorter load is continued backwards."""
        length = self.params.window
        units = np.pad(load.units, ((0, 0), (max(0, length - load.units.shape[1]), 0)), mode="edge")
        return np.ascontiguousarray([strided(row, length, 1).T for row in units])

    def _drawn(self, load: Load, most: int) -> Floats:
        """Windows to learn from in both units, (2, length, at most `most`), which end with a known reading, in order of time.

        Where all readings came within the first window, that one.
        """
        windows = self._windows(load)
        ends = np.flatnonzero(load.known[-windows.shape[-1] :])
        ends = ends if len(ends) else np.zeros(1, dtype=np.intp)
        if len(ends) > most:
            ends = np.sort(np.random.default_rng(self.seed).choice(ends, most, replace=False))
        return np.asarray(windows[:, :, ends])

    def _models(self, windows: Floats) -> Floats:
        """A model in each unit, (2, …), in the precision of the file."""
        return np.stack([self._trimmed(unit) for unit in windows]).astype(np.float32)

    def _trimmed(self, windows: Floats) -> Floats:
        model = self.model(windows)
        for _ in range(self.params.refits):
            worst = self.errors(windows, model).max(axis=0)
            model = self.model(windows[:, worst <= np.quantile(worst, 1 - self.params.trim)])
        return model

    def _habits(self, load: Load, models: Floats) -> Floats:
        """The habit in each unit, (2,)."""
        return np.maximum(np.quantile(self._strange(load, models)[:, load.known], _USUAL, axis=1), self.floor)

    def _strange(self, load: Load, models: Floats) -> Floats:
        """Error of each reading in each unit, (2, n)."""
        errors = (self.errors(*pair) for pair in zip(self._windows(load), models.astype(np.float64), strict=True))
        return np.stack([over_windows(error)[-len(load.known) :] for error in errors])


def over_windows(errors: Floats) -> Floats:
    """Mean of a reading's errors over the windows of stride 1 that hold it, (w + length - 1,), from (length, w).

    >>> over_windows(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [1.0, 2.5, 4.0]
    """
    length, w = errors.shape
    total, count = np.zeros(w + length - 1), np.zeros(w + length - 1)
    for place, error in enumerate(errors):
        total[place : place + w] += error
        count[place : place + w] += 1
    return total / count
