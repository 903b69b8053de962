"""References that compare windows of the load with those of the training span; errors are averaged where windows overlap."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.evaluation.references.base import Floats, Reference, carried, window_of
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.features.windows import strided
from ecoai_pipeline.settings import WindowReferenceParams

_MOST = 20_000  # windows learned from; more change nothing but the time
_BLOCK = 10_000  # windows scored at once
_TINY = 1e-9


@dataclass(frozen=True)
class _Model:
    """Level and deviation of the meter, the length of its windows, and what was fitted to them."""

    level: float
    deviation: float
    window: int
    fitted: Any


class _Windowed(Reference):
    """Windows of one length, stride 1."""

    def __init__(self, params: WindowReferenceParams) -> None:
        self.params = params

    def learn(self, series: Series) -> _Model:
        values = carried(series)
        window = min(self.params.window or window_of(series), len(values))
        meter = (float(values.mean()), float(values.std())) if self.params.normalise == "meter" else (0.0, 1.0)
        state = _Model(meter[0], max(meter[1], _TINY), window, None)
        windows = self._windows(values, state)
        drawn = np.sort(np.random.default_rng(0).choice(len(windows), min(_MOST, len(windows)), replace=False))
        return replace(state, fitted=self.fitted(self._normal(windows[drawn])))

    def strangeness(self, series: Series, state: _Model) -> Floats:
        n = len(series)
        total, count = np.zeros(n), np.zeros(n)
        windows = self._windows(carried(series), state)
        for start in range(0, len(windows), _BLOCK):
            errors = self.errors(self._normal(windows[start : start + _BLOCK]), state.fitted)
            for place in range(state.window) if self.params.average else [state.window - 1]:
                reached = slice(start + place, start + place + len(errors))
                total[reached] += errors[:, place]
                count[reached] += 1
        return total / np.maximum(count, 1)

    def _windows(self, values: Floats, state: _Model) -> NDArray[Any]:
        return strided((values - state.level) / state.deviation, state.window, 1)

    def _normal(self, windows: NDArray[Any]) -> NDArray[Any]:
        if self.params.normalise != "window":
            return np.ascontiguousarray(windows)
        deviation = windows.std(axis=1, keepdims=True)
        scaled: NDArray[Any] = (windows - windows.mean(axis=1, keepdims=True)) / np.where(deviation > _TINY, deviation, 1.0)
        return scaled

    @abstractmethod
    def fitted(self, windows: NDArray[Any]) -> Any:
        """A model of training windows (w, length)."""

    @abstractmethod
    def errors(self, windows: NDArray[Any], fitted: Any) -> Floats:
        """Error of each reading of each window, (w, length)."""


class SubPca(_Windowed):
    """Squared error of a reading when its window is rebuilt from its first principal components (Aggarwal 2017, section 3.3)."""

    name: ClassVar[str] = "sub_pca_plain"

    def fitted(self, windows: NDArray[Any]) -> Any:
        from sklearn.decomposition import PCA

        return PCA(min(self.params.size, *windows.shape), svd_solver="covariance_eigh").fit(windows)

    def errors(self, windows: NDArray[Any], fitted: Any) -> Floats:
        return np.asarray((windows - fitted.inverse_transform(fitted.transform(windows))) ** 2)


class KMeansAD(_Windowed):
    """Distance of a window to the nearest of some centres (Yairi, Kato and Hori 2001)."""

    name: ClassVar[str] = "kmeans_ad_plain"

    def fitted(self, windows: NDArray[Any]) -> Any:
        from sklearn.cluster import KMeans

        return KMeans(min(self.params.size, len(windows)), n_init=1, random_state=0).fit(windows)

    def errors(self, windows: NDArray[Any], fitted: Any) -> Floats:
        distance = fitted.transform(windows).min(axis=1)
        return np.asarray(np.broadcast_to(distance[:, None], windows.shape))
