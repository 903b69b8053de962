"""Distance of a window of the load to the nearest of some windows that are typical of the meter."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from ecoai_pipeline.detectors.by_meter.windows import ByWindow
from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.features.series import Series, WindowPlan


class KMeansAD(ByWindow):
    """Windows farther from all centres of k-means than the meter's windows used to be.

    Yairi, Kato and Hori, "Fault detection by mining association rules from house-keeping data" (i-SAIRAS 2001), as in TSB-AD.
    """

    name: ClassVar[str] = "kmeans_ad"
    floor: ClassVar[float] = 0.01

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        import sklearn.cluster  # noqa: F401  # only threads of a library that is loaded can be limited

        return super().fit(portfolio, plan, labels=labels)

    def model(self, windows: Floats) -> Floats:
        """Centres, (size, length); of fewer windows or equal ones some centres are the same."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        rows = np.resize(windows.T, (max(windows.shape[1], self.params.size), len(windows)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a flat load has one window
            return np.asarray(KMeans(self.params.size, n_init=1, random_state=self.seed).fit(rows).cluster_centers_)

    def errors(self, windows: Floats, model: Floats) -> Floats:
        """Distance of each window to its nearest centre, the same for all its readings."""
        squares = (model**2).sum(axis=1)[:, None] - 2 * model @ windows
        nearest = squares.min(axis=0) + (windows**2).sum(axis=0)
        return np.broadcast_to(np.sqrt(np.maximum(nearest, 0)), windows.shape)
