"""The network of EncDec-AD: an LSTM reads a window, another writes it down backwards from where the first one ended."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class EncDecNet(nn.Module):
    """Encoder and decoder of the same size; the decoder starts from the encoder's state. Windows are (batch, length, channels)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.LSTM(channels, hidden, batch_first=True)
        self.decoder = nn.LSTM(channels, hidden, batch_first=True)
        self.out = nn.Linear(hidden, channels)

    def taught(self, windows: Tensor) -> Tensor:
        """The windows rebuilt while each step is given the true reading after it, as in training."""
        _, state = self.encoder(windows)
        backwards = windows.flip(1)
        given = torch.cat((torch.zeros_like(backwards[:, :1]), backwards[:, :-1]), dim=1)
        rebuilt: Tensor = self.out(self.decoder(given, state)[0]).flip(1)
        return rebuilt

    def forward(self, windows: Tensor) -> Tensor:
        """The windows rebuilt while each step is given what the step before made, as in use."""
        _, state = self.encoder(windows)
        made, written = torch.zeros_like(windows[:, :1]), []
        for _ in range(windows.shape[1]):
            hidden, state = self.decoder(made, state)
            made = self.out(hidden)
            written.append(made)
        return torch.cat(written, dim=1).flip(1)
