"""The network of USAD: one encoder, two decoders; nothing but tensors in and out."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class UsadNet(nn.Module):
    """Two autoencoders that share their encoder (Audibert et al., USAD, KDD 2020, section 3.3).

    Windows are (batch, length). Hidden layers of a half and a quarter of the length, ReLU; the output is linear, because
    inputs are in scales of the meter and not bounded to 0..1.
    """

    def __init__(self, length: int, latent: int) -> None:
        super().__init__()
        self.encoder = _layers(length, max(length // 2, 2), max(length // 4, 2), latent, last=nn.ReLU())
        self.decoder1 = _layers(latent, max(length // 4, 2), max(length // 2, 2), length)
        self.decoder2 = _layers(latent, max(length // 4, 2), max(length // 2, 2), length)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """AE1(W), AE2(W) and AE2(AE1(W)), each (batch, length)."""
        latent = self.encoder(windows)
        first = self.decoder1(latent)
        return first, self.decoder2(latent), self.decoder2(self.encoder(first))


def _layers(*sizes: int, last: nn.Module | None = None) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size, following in pairwise(sizes):
        layers += [nn.Linear(size, following), nn.ReLU()]
    return nn.Sequential(*layers[:-1], *([last] if last else []))
