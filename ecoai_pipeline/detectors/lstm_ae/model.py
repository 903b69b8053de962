"""The network of the LSTM autoencoder with a repeated latent vector; nothing but tensors in and out."""

from __future__ import annotations

from torch import Tensor, nn


class LstmAeNet(nn.Module):
    """An LSTM reads a window into one vector, which a second LSTM is given at every step to rebuild the window from.

    Windows are (batch, length).
    """

    def __init__(self, encoder: int, latent: int, decoder: int) -> None:
        super().__init__()
        self.encoder = nn.LSTM(1, encoder, batch_first=True)
        self.narrow = nn.Linear(encoder, latent)
        self.decoder = nn.LSTM(latent, decoder, batch_first=True)
        self.out = nn.Linear(decoder, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """The windows rebuilt, (batch, length)."""
        _, (last, _) = self.encoder(windows.unsqueeze(2))
        repeated = self.narrow(last[0]).unsqueeze(1).expand(-1, windows.shape[1], -1)
        rebuilt: Tensor = self.out(self.decoder(repeated)[0]).squeeze(2)
        return rebuilt
