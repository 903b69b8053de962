"""The network of the LSTM autoencoder with a repeated latent vector; nothing but tensors in and out."""

from __future__ import annotations

from torch import Tensor, nn

from ecoai_pipeline.detectors.recurrent.layers import Lstm, columns, linear, rows


class LstmAeNet(nn.Module):
    """An LSTM reads a window into one vector, which a second LSTM is given at every step to rebuild the window from.

    Windows are (batch, length).
    """

    def __init__(self, encoder: int, latent: int, decoder: int) -> None:
        super().__init__()
        self.encoder = Lstm(1, encoder)
        self.narrow = nn.Linear(encoder, latent)
        self.decoder = Lstm(latent, decoder)
        self.out = nn.Linear(decoder, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """The windows rebuilt, (batch, length)."""
        last, _ = self.encoder.last(columns(windows))
        states = self.decoder.repeated(linear(self.narrow, last), windows.shape[1])
        return rows(linear(self.out, states), len(windows))
