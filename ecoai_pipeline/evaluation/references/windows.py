"""References that compare windows of the load with those of the training span; errors are averaged where windows overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.evaluation.references.base import Floats, Reference, carried, window_of
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.features.windows import strided

_MOST = 20_000  # windows learned from; more change nothing but the time
_BLOCK = 10_000  # windows scored at once


@dataclass(frozen=True)
class _Model:
    """Level and deviation of the meter, and what was fitted to its windows in these units."""

    level: float
    deviation: float
    window: int
    fitted: Any


class _Windowed(Reference):
    """Windows of one length in units of the meter's deviation, stride 1."""

    def learn(self, series: Series) -> _Model:
        values = carried(series)
        level, deviation = float(values.mean()), max(float(values.std()), 1e-9)
        window = min(self.window(series), len(values))
        windows = strided((values - level) / deviation, window, 1)
        drawn = np.sort(np.random.default_rng(0).choice(len(windows), min(_MOST, len(windows)), replace=False))
        return _Model(level, deviation, window, self.fitted(windows[drawn]))

    def strangeness(self, series: Series, state: _Model) -> Floats:
        values = (carried(series) - state.level) / state.deviation
        total, count = np.zeros(len(values)), np.zeros(len(values))
        for start, errors in self._errors(values, state):
            for place in range(state.window):
                reached = slice(start + place, start + place + len(errors))
                total[reached] += errors[:, place]
                count[reached] += 1
        return total / np.maximum(count, 1)

    def _errors(self, values: Floats, state: _Model) -> Iterator[tuple[int, Floats]]:
        windows = strided(values, state.window, 1)
        for start in range(0, len(windows), _BLOCK):
            yield start, self.errors(np.ascontiguousarray(windows[start : start + _BLOCK]), state.fitted)

    def window(self, series: Series) -> int:
        return window_of(series)

    def fitted(self, windows: NDArray[Any]) -> Any:
        """A model of training windows (w, length)."""
        raise NotImplementedError

    def errors(self, windows: NDArray[Any], fitted: Any) -> Floats:
        """Error of each reading of each window, (w, length)."""
        raise NotImplementedError


class SubPca(_Windowed):
    """Squared error of a reading when its window is rebuilt from the first ten principal components (Aggarwal 2017, section 3.3)."""

    name: ClassVar[str] = "sub_pca"

    def fitted(self, windows: NDArray[Any]) -> Any:
        from sklearn.decomposition import PCA

        return PCA(min(10, *windows.shape), svd_solver="covariance_eigh").fit(windows)

    def errors(self, windows: NDArray[Any], fitted: Any) -> Floats:
        return np.asarray((windows - fitted.inverse_transform(fitted.transform(windows))) ** 2)


class KMeansAD(_Windowed):
    """Distance of a window to the nearest of 20 centres of windows of 20 readings (Yairi, Kato and Hori 2001; sizes as in TSB-AD)."""

    name: ClassVar[str] = "kmeans_ad"

    def window(self, _series: Series) -> int:
        return 20

    def fitted(self, windows: NDArray[Any]) -> Any:
        from sklearn.cluster import KMeans

        return KMeans(min(20, len(windows)), n_init=1, random_state=0).fit(windows)

    def errors(self, windows: NDArray[Any], fitted: Any) -> Floats:
        distance = fitted.transform(windows).min(axis=1)
        return np.asarray(np.broadcast_to(distance[:, None], windows.shape))
