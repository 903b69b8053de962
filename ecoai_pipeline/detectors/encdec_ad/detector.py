"""EncDec-AD: a window written down backwards from memory, its errors judged by how they usually fall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ecoai_pipeline.detectors.encdec_ad.model import EncDecNet
from ecoai_pipeline.detectors.recurrent.layers import columns, rows
from ecoai_pipeline.detectors.windowed.detector import WindowDetector
from ecoai_pipeline.detectors.windowed.inputs import Windows
from ecoai_pipeline.detectors.windowed.training import Step, known_mean
from ecoai_pipeline.settings import EncDecParams

_CHANNELS = 2
_RIDGE = 1e-6


class EncDecAd(WindowDetector[EncDecParams]):
    """Mahalanobis distance of a reading's errors, in load and in its first difference, from those of the held-out tail.

    Malhotra, Ramakrishnan, Anand, Vig, Agarwal, Shroff: "LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection",
    ICML workshop 2016. What differs from the paper, and why, stands in the README beside this file.
    """

    name: ClassVar[str] = "encdec_ad"
    params_type = EncDecParams

    def network(self, length: int) -> EncDecNet:  # noqa: ARG002
        return EncDecNet(_CHANNELS, self.params.hidden)

    def steps(self, net: nn.Module) -> Sequence[Step]:
        return [Step([net], _taught_error, self.params)]

    def rebuilt(self, net: nn.Module, values: Tensor) -> Tensor:
        return rows(net(_channels(values))[:1], len(values))

    @torch.no_grad()
    def learn_errors(self, held_out: Windows) -> None:
        """Mean and covariance of the errors of the held-out tail, of its windows without the strangest `trim` share."""
        errors = self._both_errors(held_out.values).permute(2, 1, 0)[: len(held_out)]
        size = known_mean(errors[..., 0].square(), held_out.known)
        kept = size.argsort(stable=True)[: max(1, round(len(size) * (1 - self.params.trim)))]
        usual = errors[kept][held_out.known[kept]].double().cpu().numpy()
        mean = usual.mean(axis=0)
        covariance = (usual - mean).T @ (usual - mean) / max(1, len(usual) - 1)
        ridge = _RIDGE + _RIDGE * np.trace(covariance)
        self.extra_ = {"error_mean": mean, "error_precision": np.linalg.inv(covariance + ridge * np.eye(_CHANNELS))}

    def errors(self, values: Tensor) -> Tensor:
        """Mahalanobis distance of each reading's two errors, (w, length)."""
        mean, precision = (torch.from_numpy(self.extra_[name]).to(values) for name in ("error_mean", "error_precision"))
        off = self._both_errors(values) - mean[:, None, None]
        weighed = (precision @ off.flatten(1)).view_as(off)
        return rows((off * weighed).sum(dim=0, keepdim=True), len(values)).clamp(min=0)

    def _both_errors(self, values: Tensor) -> Tensor:
        """Errors of load and of its difference as columns, (2, length, windows)."""
        given = _channels(values)
        error: Tensor = given - self.net_(given)
        return error


def _channels(values: Tensor) -> Tensor:
    """Windows (w, length) as columns of the load and its first difference, that of the first reading being 0."""
    load = columns(values)
    return torch.cat((load, torch.diff(load, dim=1, prepend=load[:, :1])))


def _taught_error(net: nn.Module, batch: Windows, _epoch: int) -> Tensor:
    """Mean square error over known readings while each step is given the true reading after it, of a pair the altered one."""
    assert isinstance(net, EncDecNet)
    wanted, given = _channels(batch.values), _channels(batch.given)
    squares = (wanted - net.taught(given)).square().sum(dim=0).t()[: len(batch)]
    return known_mean(squares, batch.known).mean()
