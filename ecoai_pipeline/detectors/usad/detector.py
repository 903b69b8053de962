"""USAD: what two autoencoders cannot reconstruct of a day is strange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ecoai_pipeline.detectors.usad.model import UsadNet
from ecoai_pipeline.detectors.windowed.detector import WindowDetector
from ecoai_pipeline.detectors.windowed.inputs import Windows
from ecoai_pipeline.detectors.windowed.training import Step, window_error
from ecoai_pipeline.settings import UsadParams


class Usad(WindowDetector[UsadParams]):
    """Reconstruction error of USAD per reading, averaged over the windows that hold it.

    Audibert, Michiardi, Guyard, Marti, Zuluaga: "USAD: UnSupervised Anomaly Detection on Multivariate Time Series", KDD 2020.
    What differs from the paper, and why, stands in the README beside this file.
    """

    name: ClassVar[str] = "usad"
    params_type = UsadParams

    def network(self, length: int) -> UsadNet:
        return UsadNet(length, max(2, round(length * self.params.latent_share)))

    def steps(self, net: nn.Module) -> Sequence[Step]:
        return usad_steps(net, self.params)

    def rebuilt(self, net: nn.Module, values: Tensor) -> Tensor:
        """AE2(W): it is the autoencoder that the adversarial game spoils first."""
        again: Tensor = net(values)[1]
        return again

    def errors(self, values: Tensor) -> Tensor:
        """alpha |W - AE1(W)|^2 + (1 - alpha) |W - AE2(AE1(W))|^2 of each reading in each window, (w, length)."""
        first, _, again = self.net_(values)
        alpha = self.params.alpha
        error: Tensor = alpha * (values - first).square() + (1 - alpha) * (values - again).square()
        return error


def usad_steps(net: nn.Module, params: UsadParams) -> list[Step]:
    """The steps of a batch: of both autoencoders together, or one against the other.

    The weight of AE2(AE1(W)) grows with the epoch n as 1 - 1/n, up to its cap.
    """
    assert isinstance(net, UsadNet)

    def weighed(net: nn.Module, batch: Windows, epoch: int) -> tuple[Tensor, Tensor, Tensor, float]:
        one, two, again = (window_error(batch.values, out, batch.known).mean() for out in net(batch.given))
        return one, two, again, min(1 - 1 / epoch, params.max_adversarial)

    def joint(net: nn.Module, batch: Windows, epoch: int) -> Tensor:
        one, two, again, w = weighed(net, batch, epoch)
        return (1 - w) * (one + two) + 2 * w * again

    def first(net: nn.Module, batch: Windows, epoch: int) -> Tensor:
        one, _, again, w = weighed(net, batch, epoch)
        return (1 - w) * one + w * again

    def second(net: nn.Module, batch: Windows, epoch: int) -> Tensor:
        _, two, again, w = weighed(net, batch, epoch)
        return (1 - w) * two - w * again

    if params.form == "joint":
        return [Step([net], joint, params)]
    return [Step([net.encoder, net.decoder1], first, params), Step([net.encoder, net.decoder2], second, params)]
