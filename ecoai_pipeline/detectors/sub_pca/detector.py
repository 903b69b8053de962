"""Error of a reading when the window it stands in is rebuilt from the meter's principal components."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecoai_pipeline.detectors.by_meter.windows import ByWindow
from ecoai_pipeline.detectors.robust import Floats


class SubPca(ByWindow):
    """Squared distance of a reading from what the first principal components of its window make of it.

    Aggarwal, "Outlier Analysis" (2nd edition, 2017), section 3.3.
    """

    name: ClassVar[str] = "sub_pca"
    floor: ClassVar[float] = 1e-4

    def model(self, windows: Floats) -> Floats:
        """Mean window, and below it the components, (1 + size, length)."""
        mean = windows.mean(axis=1)
        centred = windows - mean[:, None]
        components = np.linalg.eigh(centred @ centred.T)[1][:, -self.params.size :]
        return np.vstack([mean, components.T])

    def errors(self, windows: Floats, model: Floats) -> Floats:
        centred = windows - model[0][:, None]
        return np.asarray((centred - model[1:].T @ (model[1:] @ centred)) ** 2)
