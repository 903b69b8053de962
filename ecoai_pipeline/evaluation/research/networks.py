"""Networks that rebuild windows, as models of a protocol's windows: what they make of them, and the gradient of their own error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ecoai_pipeline.detectors.cnn_gru.detector import CnnGru
from ecoai_pipeline.detectors.windowed.detector import WindowDetector
from ecoai_pipeline.detectors.windowed.inputs import Norm
from ecoai_pipeline.detectors.windowed.inputs import Windows as Learned
from ecoai_pipeline.detectors.windowed.training import reproducible
from ecoai_pipeline.evaluation.research.curves import Floats
from ecoai_pipeline.evaluation.research.references import aggregated


class Network:
    """A window detector that learns a protocol's windows themselves, whatever their length, and not those of a series.

    The windows count as one meter's and every reading of them as known. Level and scale come from the windows learned from; the last of
    those are held out to stop training. Its error is its own score of a window, in the network's unit.
    """

    def __init__(self, detector: WindowDetector[Any]) -> None:
        self.detector = detector

    def fit(self, windows: Floats) -> Self:
        return self.fit_pairs(windows, windows)

    def fit_pairs(self, given: Floats, wanted: Floats) -> Self:
        length = wanted.shape[1]
        self.norm_ = Norm.of(wanted.ravel(), np.arange(wanted.size) % length, length)
        cut = round(len(wanted) * (1 - self.detector.params.validation_share))
        self.detector.learn(self._learned(wanted[:cut], given[:cut]), self._learned(wanted[cut:], wanted[cut:]))
        return self

    def reconstruct(self, windows: Floats) -> Floats:
        with reproducible(self.detector.seed, self.detector.threads), torch.no_grad():
            made = self.detector.rebuilt(self.detector.net_, self._units(windows).to(self.detector.device))
        return self.norm_.kwh(made.double().cpu().numpy())

    def loss_gradient(self, windows: Floats) -> Floats:
        with reproducible(self.detector.seed, self.detector.threads):
            values = self._units(windows).to(self.detector.device)
            slope = self.detector.loss_gradient(values, torch.ones_like(values, dtype=torch.bool))
        return np.asarray(slope.double().cpu().numpy() * self.norm_.slope(windows))

    def scores(self, windows: Floats) -> Mapping[str, Floats]:
        with reproducible(self.detector.seed, self.detector.threads), torch.no_grad():
            return aggregated(self.detector.errors(self._units(windows).to(self.detector.device)).double().cpu().numpy())

    def _learned(self, wanted: Floats, given: Floats) -> Learned:
        values = self._units(wanted)
        known, meter = torch.ones_like(values, dtype=torch.bool), torch.zeros(len(values), dtype=torch.int64)
        return Learned(values, known, meter, altered=self._units(given))

    def _units(self, windows: Floats) -> Tensor:
        return torch.from_numpy(self.norm_.units(windows).astype(np.float32))


def network(model: Any) -> Network | None:
    """The network of an unfitted detector; of one with several scales that of one scale; None where it has none."""
    if isinstance(model, CnnGru):
        return Network(model.scale())
    return Network(model) if isinstance(model, WindowDetector) else None
