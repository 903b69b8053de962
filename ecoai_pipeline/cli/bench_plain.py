"""The networks as one writes them first: torch's layers, a DataLoader, batches of 128. What `ecoai bench detect` compares with.

Each has the parameters of our network under the same names, its loss over a batch of windows, (batch, length), and the error of each
reading.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from ecoai_pipeline.settings import DetectorParams

BATCH = 128


class Plain(nn.Module, ABC):
    """A network, and how far it is from windows."""

    @abstractmethod
    def rebuilt(self, windows: Tensor) -> Tensor:
        """The windows as it rebuilds them, (batch, length)."""

    def loss(self, windows: Tensor) -> Tensor:
        return functional.mse_loss(self.rebuilt(windows), windows)

    def errors(self, windows: Tensor) -> Tensor:
        return (windows - self.rebuilt(windows)).square()


class PlainUsad(Plain):
    """The joint form, at the adversarial weight that training ends with."""

    def __init__(self, length: int, params: DetectorParams) -> None:
        super().__init__()
        latent, weight = max(2, round(length * params.usad.latent_share)), params.usad.max_adversarial
        self.weight = weight
        self.encoder = _dense(length, length // 2, length // 4, latent, nn.ReLU())
        self.decoder1 = _dense(latent, length // 4, length // 2, length)
        self.decoder2 = _dense(latent, length // 4, length // 2, length)

    def all_rebuilt(self, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        latent = self.encoder(windows)
        first = self.decoder1(latent)
        return first, self.decoder2(latent), self.decoder2(self.encoder(first))

    def rebuilt(self, windows: Tensor) -> Tensor:
        return self.all_rebuilt(windows)[1]

    def loss(self, windows: Tensor) -> Tensor:
        one, two, again = (functional.mse_loss(out, windows) for out in self.all_rebuilt(windows))
        return (1 - self.weight) * (one + two) + 2 * self.weight * again

    def errors(self, windows: Tensor) -> Tensor:
        first, _, again = self.all_rebuilt(windows)
        return 0.5 * (windows - first).square() + 0.5 * (windows - again).square()


class PlainLstmAe(Plain):
    def __init__(self, _length: int, params: DetectorParams) -> None:
        super().__init__()
        sizes = params.lstm_ae
        self.encoder = nn.LSTM(1, sizes.encoder, batch_first=True)
        self.narrow = nn.Linear(sizes.encoder, sizes.latent)
        self.decoder = nn.LSTM(sizes.latent, sizes.decoder, batch_first=True)
        self.out = nn.Linear(sizes.decoder, 1)

    def rebuilt(self, windows: Tensor) -> Tensor:
        _, (last, _) = self.encoder(windows.unsqueeze(2))
        repeated = self.narrow(last[0]).unsqueeze(1).expand(-1, windows.shape[1], -1)
        rebuilt: Tensor = self.out(self.decoder(repeated)[0]).squeeze(2)
        return rebuilt


class PlainEncDec(Plain):
    def __init__(self, _length: int, params: DetectorParams) -> None:
        super().__init__()
        self.encoder = nn.LSTM(2, params.encdec_ad.hidden, batch_first=True)
        self.decoder = nn.LSTM(2, params.encdec_ad.hidden, batch_first=True)
        self.out = nn.Linear(params.encdec_ad.hidden, 2)

    def rebuilt(self, windows: Tensor) -> Tensor:
        rebuilt: Tensor = self._written(self._channels(windows))[..., 0]
        return rebuilt

    def loss(self, windows: Tensor) -> Tensor:
        """Each step is given the true reading after it."""
        given = self._channels(windows)
        _, state = self.encoder(given)
        backwards = given.flip(1)
        taught = torch.cat((torch.zeros_like(backwards[:, :1]), backwards[:, :-1]), dim=1)
        rebuilt: Tensor = self.out(self.decoder(taught, state)[0]).flip(1)
        return (rebuilt - given).square().sum(dim=2).mean()

    def errors(self, windows: Tensor) -> Tensor:
        given = self._channels(windows)
        return (given - self._written(given)).square().sum(dim=2)

    def _written(self, given: Tensor) -> Tensor:
        _, state = self.encoder(given)
        made, written = torch.zeros_like(given[:, :1]), []
        for _ in range(given.shape[1]):
            hidden, state = self.decoder(made, state)
            made = self.out(hidden)
            written.append(made)
        return torch.cat(written, dim=1).flip(1)

    @staticmethod
    def _channels(windows: Tensor) -> Tensor:
        return torch.stack((windows, torch.diff(windows, dim=1, prepend=windows[:, :1])), dim=2)


class PlainCnnGru(Plain):
    def __init__(self, _length: int, params: DetectorParams) -> None:
        super().__init__()
        p = params.cnn_gru
        self.reading = nn.Conv1d(1, p.channels, p.kernel, padding=p.kernel // 2)
        self.dropout = nn.Dropout(p.dropout)
        self.encoder = nn.GRU(p.channels, p.hidden, batch_first=True)
        self.narrow = nn.Linear(p.hidden, p.latent)
        self.decoder = nn.GRU(p.latent, p.hidden, batch_first=True)
        self.writing = nn.Conv1d(p.hidden, p.channels, p.kernel, padding=p.kernel // 2)
        self.out = nn.Conv1d(p.channels, 1, p.kernel, padding=p.kernel // 2)

    def rebuilt(self, windows: Tensor) -> Tensor:
        read = self.dropout(functional.gelu(self.reading(windows.unsqueeze(1))))
        _, last = self.encoder(read.transpose(1, 2))
        repeated = self.narrow(last[0]).unsqueeze(1).expand(-1, windows.shape[1], -1)
        written = functional.gelu(self.writing(self.decoder(repeated)[0].transpose(1, 2)))
        rebuilt: Tensor = self.out(written).squeeze(1)
        return rebuilt

    def loss(self, windows: Tensor) -> Tensor:
        return super().loss(windows).sqrt()


PLAIN: dict[str, type[Plain]] = {"usad": PlainUsad, "lstm_ae": PlainLstmAe, "encdec_ad": PlainEncDec, "cnn_gru": PlainCnnGru}


def train_plainly(net: Plain, optimiser: torch.optim.Optimizer, windows: Tensor, clip_norm: float) -> None:
    """One epoch."""
    net.train()
    for (batch,) in DataLoader(TensorDataset(windows), batch_size=BATCH, shuffle=True):
        optimiser.zero_grad()
        torch.autograd.backward(net.loss(batch))
        nn.utils.clip_grad_norm_(net.parameters(), clip_norm)
        optimiser.step()


@torch.no_grad()
def score_plainly(net: Plain, windows: Tensor) -> Tensor:
    """Errors of all windows, (w, length)."""
    net.eval()
    return torch.cat([net.errors(batch) for (batch,) in DataLoader(TensorDataset(windows), batch_size=BATCH)])


def _dense(*layers: int | nn.Module) -> nn.Sequential:
    """Linear layers of these sizes with ReLU between, and a last function where one is given."""
    sizes = [layer for layer in layers if isinstance(layer, int)]
    made: list[nn.Module] = []
    for size, following in pairwise(sizes):
        made += [nn.Linear(size, following), nn.ReLU()]
    return nn.Sequential(*made[:-1], *(layer for layer in layers if isinstance(layer, nn.Module)))
