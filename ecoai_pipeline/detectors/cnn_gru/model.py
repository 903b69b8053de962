"""The network of the convolutional recurrent autoencoder; nothing but tensors in and out."""

from __future__ import annotations

from torch import Tensor, nn


class CnnGruNet(nn.Module):
    """Convolution with GELU, a GRU into one vector, and the same way back. Windows are (batch, length)."""

    def __init__(self, channels: int, kernel: int, hidden: int, latent: int, dropout: float) -> None:
        super().__init__()
        padding = kernel // 2
        self.reading = nn.Sequential(nn.Conv1d(1, channels, kernel, padding=padding), nn.GELU(), nn.Dropout(dropout))
        self.encoder = nn.GRU(channels, hidden, batch_first=True)
        self.narrow = nn.Linear(hidden, latent)
        self.decoder = nn.GRU(latent, hidden, batch_first=True)
        self.writing = nn.Sequential(
            nn.Conv1d(hidden, channels, kernel, padding=padding), nn.GELU(), nn.Conv1d(channels, 1, kernel, padding=padding)
        )

    def forward(self, windows: Tensor) -> Tensor:
        """The windows rebuilt, (batch, length)."""
        _, last = self.encoder(self.reading(windows.unsqueeze(1)).transpose(1, 2))
        repeated = self.narrow(last[0]).unsqueeze(1).expand(-1, windows.shape[1], -1)
        rebuilt: Tensor = self.writing(self.decoder(repeated)[0].transpose(1, 2)).squeeze(1)
        return rebuilt
