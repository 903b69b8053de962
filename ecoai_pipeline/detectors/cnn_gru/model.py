"""The network of the convolutional recurrent autoencoder; nothing but tensors in and out."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ecoai_pipeline.detectors.recurrent.layers import Gru, columns, linear, rows


class CnnGruNet(nn.Module):
    """Convolution with GELU, a GRU into one vector, and the same way back. Windows are (batch, length)."""

    def __init__(self, channels: int, kernel: int, hidden: int, latent: int, dropout: float) -> None:
        super().__init__()
        self.reading = nn.Conv1d(1, channels, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Gru(channels, hidden)
        self.narrow = nn.Linear(hidden, latent)
        self.decoder = Gru(latent, hidden)
        self.writing = nn.Conv1d(hidden, channels, kernel, padding=kernel // 2)
        self.out = nn.Conv1d(channels, 1, kernel, padding=kernel // 2)

    def forward(self, windows: Tensor) -> Tensor:
        """The windows rebuilt, (batch, length)."""
        read = self.dropout(functional.gelu(_convolved(self.reading, columns(windows))))
        states = self.decoder.repeated(linear(self.narrow, self.encoder.last(read)), windows.shape[1])
        written = functional.gelu(_convolved(self.writing, states))
        return rows(_convolved(self.out, written), len(windows))


def _convolved(layer: nn.Conv1d, columns: Tensor) -> Tensor:
    """A convolution over the steps of columns (channels, steps, windows).

    Of one channel, in or out, it is a product with a few rows, which libraries of convolutions take ten times as long for.
    """
    reach, weight = layer.kernel_size[0] // 2, layer.weight
    assert layer.bias is not None
    if layer.in_channels == 1:
        shifted = functional.pad(columns, (0, 0, reach, reach))[0].unfold(0, columns.shape[1], 1).permute(0, 2, 1)
        return (weight[:, 0] @ shifted.flatten(1) + layer.bias[:, None]).view(-1, *columns.shape[1:])
    if layer.out_channels == 1:
        taps = (weight[0].t() @ columns.flatten(1)).view(-1, *columns.shape[1:])
        padded = functional.pad(taps, (0, 0, reach, reach))
        return sum(padded[at, at : at + columns.shape[1]] for at in range(len(taps))).unsqueeze(0) + layer.bias  # type: ignore[union-attr]
    return functional.conv2d(columns.unsqueeze(0), weight.unsqueeze(3), layer.bias, padding=(reach, 0)).squeeze(0)
