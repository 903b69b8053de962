"""The network of EncDec-AD: an LSTM reads a window, another writes it down backwards from where the first one ended."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ecoai_pipeline.detectors.recurrent.layers import Lstm, linear


class EncDecNet(nn.Module):
    """Encoder and decoder of the same size; the decoder starts from the encoder's state. Windows are columns (channels, steps, windows)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.encoder = Lstm(channels, hidden)
        self.decoder = Lstm(channels, hidden)
        self.out = nn.Linear(hidden, channels)

    def taught(self, windows: Tensor) -> Tensor:
        """The windows rebuilt while each step is given the true reading after it, as in training."""
        state = self.encoder.last(windows)
        backwards = windows.flip(1)
        given = torch.cat((torch.zeros_like(backwards[:, :1]), backwards[:, :-1]), dim=1)
        return linear(self.out, self.decoder(given, state)[0]).flip(1)

    def forward(self, windows: Tensor) -> Tensor:
        """The windows rebuilt while each step is given what the step before made, as in use."""
        return self.decoder.fed_back(self.out, self.encoder.last(windows), windows.shape[1]).flip(1)
