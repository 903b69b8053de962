"""Training a network that rebuilds windows: seeded, stopped in time, the strangest windows left out, the best weights kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ecoai_pipeline.detectors.windowed.inputs import Windows
from ecoai_pipeline.settings import NetworkParams

_COLLAPSE_SHARE = 0.9
_DIVERGED = 2.0
_RENEWED = 4  # epochs that pairs are learned from before they are made anew, for the network as it then is

# cuBLAS is deterministic only with a fixed workspace, which it reads when CUDA starts; without CUDA nothing reads it.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


class Rebuilding(Protocol):
    """What differs between networks: how a batch moves the weights, and what the network makes of windows."""

    def steps(self, net: nn.Module) -> Sequence[Step]:
        """The optimiser steps that each batch takes."""
        ...

    def rebuilt(self, net: nn.Module, values: Tensor) -> Tensor:
        """Windows (w, length) as the trained network rebuilds them."""
        ...


@dataclass
class Course:
    """What happened in training; errors are mean squares over the held-out tail, its strangest windows left out."""

    baseline: float
    errors: list[float] = field(default_factory=list)
    dropped: int = 0

    @property
    def best(self) -> float:
        return min(self.errors)

    @property
    def since_best(self) -> int:
        """Epochs since the smallest error; the first of equal ones counts."""
        return len(self.errors) - 1 - self.errors.index(self.best)

    @property
    def collapsed(self) -> bool:
        """The network rebuilds hardly better than the mean window would."""
        return self.best > _COLLAPSE_SHARE * self.baseline

    @property
    def diverged(self) -> bool:
        """It got worse than twice its best before training was stopped."""
        return self.errors[-1] > _DIVERGED * self.best

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "epochs": len(self.errors),
            "dropped_windows": self.dropped,
            "baseline_error": self.baseline,
            "error": self.best,
            "error_last": self.errors[-1],
            "curve": {"held-out tail": self.errors},
            "collapsed": self.collapsed,
            "diverged": self.diverged,
        }


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Deterministic kernels, seeded generators and a fixed number of threads inside; all as before outside.

    New tensors are not filled first, which torch does by itself for those who read what they never wrote.
    """
    fills: Any = torch.utils.deterministic
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), fills.fill_uninitialized_memory
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        fills.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
            fills.fill_uninitialized_memory = before[2]


Loss = Callable[[nn.Module, Windows, int], Tensor]
Pairs = Callable[[nn.Module, Windows], Windows]


class Step:
    """One optimiser step on its own parameters only: whatever else the loss depends on stays frozen.

    The loss is of the network, a batch and the epoch, which counts from 1.
    """

    def __init__(self, modules: Sequence[nn.Module], loss: Loss, params: NetworkParams) -> None:
        self.loss = loss
        self.clip_norm = params.clip_norm
        self.parameters = [parameter for module in modules for parameter in module.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, lr=params.learning_rate, fused=True)

    def take(self, net: nn.Module, batch: Windows, epoch: int) -> None:
        gradients = torch.autograd.grad(self.loss(net, batch, epoch), self.parameters)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.optimiser.step()


def train(
    net: nn.Module, training: Windows, held_out: Windows, params: NetworkParams, kind: Rebuilding, pairs: Pairs | None = None
) -> Course:
    """Fit `net` in place and leave in it the weights with the smallest error on `held_out`.

    After the warm-up, the `trim` strangest share of the windows (against the median of their meter) is dropped.

    Args:
        pairs: makes what is learned from after the warm-up out of the network and the windows that are left, anew every few epochs.
    """
    course = Course(baseline=_mean_window_error(training, held_out, params.trim))
    steps = kind.steps(net)
    best, learned = _weights(net), training
    for epoch in range(1, params.epochs + 1):
        after = epoch - params.warmup_epochs - 1
        if after == 0:
            training, course.dropped = _without_strangest(net, training, params.trim, kind)
            learned = training
        if pairs and after >= 0 and after % _RENEWED == 0:
            learned = pairs(net, training)
        epoch_of(net, learned, steps, params, epoch)
        course.errors.append(held_out_error(net, held_out, params.trim, kind))
        if course.since_best == 0:
            best = _weights(net)
        if course.since_best >= params.patience:
            break
    net.load_state_dict(best)
    net.eval()
    return course


def held_out_error(net: nn.Module, windows: Windows, trim: float, kind: Rebuilding) -> float:
    """Mean square error over known readings; the `trim` share of windows with the largest error left out."""
    return _trimmed_mean(_errors(net, windows, kind), trim)


def window_error(values: Tensor, out: Tensor, known: Tensor) -> Tensor:
    """Mean square error of each window over its known readings, (w,)."""
    return known_mean((values - out).square(), known)


def known_mean(errors: Tensor, known: Tensor) -> Tensor:
    """Mean of each window's errors (w, length) over its known readings, (w,); 0 where it has none."""
    return (errors * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)


def rebuilding_error(net: nn.Module, batch: Windows, _epoch: int) -> Tensor:
    """The loss of a plain autoencoder: mean square error of a batch over known readings."""
    return window_error(batch.values, net(batch.given), batch.known).mean()


def epoch_of(net: nn.Module, training: Windows, steps: Sequence[Step], params: NetworkParams, epoch: int) -> None:
    """One epoch: as many windows as `max_windows`, however few there are: a small portfolio needs no fewer steps than a large one."""
    net.train()
    passes = -(-params.max_windows // len(training))
    order = torch.cat([torch.randperm(len(training)) for _ in range(passes)])[: params.max_windows]
    shuffled = training.take(order.to(training.values.device))
    for at in range(0, len(shuffled), params.batch):
        for step in steps:
            step.take(net, shuffled.take(slice(at, at + params.batch)), epoch)


@torch.no_grad()
def _errors(net: nn.Module, windows: Windows, kind: Rebuilding) -> Tensor:
    net.eval()
    return window_error(windows.values, kind.rebuilt(net, windows.values), windows.known)


def _trimmed_mean(errors: Tensor, trim: float) -> float:
    kept = max(1, round(len(errors) * (1 - trim)))
    return float(errors.sort().values[:kept].mean())


def _mean_window_error(training: Windows, held_out: Windows, trim: float) -> float:
    """Error of a model that has learned nothing but the mean window."""
    mean = training.values.mean(dim=0).expand_as(held_out.values)
    return _trimmed_mean(window_error(held_out.values, mean, held_out.known), trim)


def _without_strangest(net: nn.Module, windows: Windows, trim: float, kind: Rebuilding) -> tuple[Windows, int]:
    errors = _errors(net, windows, kind)
    for meter in range(int(windows.meter.max()) + 1):
        own = windows.meter == meter
        if own.any():
            errors[own] /= errors[own].median().clamp(min=1e-12)
    kept = max(1, round(len(windows) * (1 - trim)))
    order = errors.argsort(stable=True)[:kept].sort().values
    return windows.take(order), len(windows) - kept


def _weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
