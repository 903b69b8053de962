"""LSTM-AE: what an autoencoder that remembers the order of a day cannot rebuild of it is strange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ecoai_pipeline.detectors.lstm_ae.model import LstmAeNet
from ecoai_pipeline.detectors.windowed.detector import WindowDetector
from ecoai_pipeline.detectors.windowed.training import Step, rebuilding_error
from ecoai_pipeline.settings import LstmAeParams


class LstmAe(WindowDetector[LstmAeParams]):
    """Square error per reading of an LSTM autoencoder whose decoder is given the latent vector at every step.

    The model of the original research. Srivastava, Mansimov, Salakhutdinov: "Unsupervised Learning of Video Representations
    using LSTMs", ICML 2015, section 2.1, but for the repeated vector. It is not EncDec-AD, which decodes backwards.
    """

    name: ClassVar[str] = "lstm_ae"
    params_type = LstmAeParams

    def network(self, length: int) -> LstmAeNet:  # noqa: ARG002
        return LstmAeNet(self.params.encoder, self.params.latent, self.params.decoder)

    def steps(self, net: nn.Module) -> Sequence[Step]:
        return [Step([net], rebuilding_error, self.params)]

    def rebuilt(self, net: nn.Module, values: Tensor) -> Tensor:
        rebuilt: Tensor = net(values)
        return rebuilt
