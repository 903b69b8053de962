"""Training USAD without its known traps: opposing parameters frozen, adversarial weight capped, stopped in time, checked for collapse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ecoai_pipeline.detectors.usad.model import UsadNet
from ecoai_pipeline.settings import UsadParams

_COLLAPSE_SHARE = 0.9
_DIVERGED = 2.0
_LossOf = Callable[[Tensor, Tensor, Tensor, float], Tensor]

# cuBLAS is deterministic only with a fixed workspace, which it reads when CUDA starts; without CUDA nothing reads it.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@dataclass(frozen=True)
class Windows:
    """Training windows: values with a fill where unknown, mask of the known ones (both (w, length)), and the meter of each (w,)."""

    values: Tensor
    known: Tensor
    meter: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, which: Tensor | slice) -> Windows:
        return Windows(self.values[which], self.known[which], self.meter[which])

    def to(self, device: torch.device) -> Windows:
        return Windows(self.values.to(device), self.known.to(device), self.meter.to(device))


@dataclass
class Course:
    """What happened in training; errors are mean squares over the held-out tail, its strangest windows left out."""

    baseline: float
    ae2_errors: list[float] = field(default_factory=list)
    dropped: int = 0

    @property
    def best(self) -> float:
        return min(self.ae2_errors)

    @property
    def since_best(self) -> int:
        """Epochs since the smallest error; the first of equal ones counts."""
        return len(self.ae2_errors) - 1 - self.ae2_errors.index(self.best)

    @property
    def collapsed(self) -> bool:
        """AE2 reconstructs hardly better than the mean window would."""
        return self.best > _COLLAPSE_SHARE * self.baseline

    @property
    def diverged(self) -> bool:
        """AE2 got worse than twice its best before training was stopped."""
        return self.ae2_errors[-1] > _DIVERGED * self.best

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "epochs": len(self.ae2_errors),
            "dropped_windows": self.dropped,
            "baseline_error": self.baseline,
            "ae2_error": self.best,
            "ae2_error_last": self.ae2_errors[-1],
            "curve": {"AE2 on the held-out tail": self.ae2_errors},
            "collapsed": self.collapsed,
            "diverged": self.diverged,
        }


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Deterministic kernels, a seeded generator and a fixed number of threads inside; all as before outside."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])


def train(net: UsadNet, training: Windows, held_out: Windows, params: UsadParams) -> Course:
    """Fit `net` in place and leave in it the weights with the smallest AE2 error on `held_out`.

    After the warm-up, the `trim` strangest share of the windows (against the median of their meter) is dropped.
    """
    course = Course(baseline=_mean_window_error(training, held_out, params.trim))
    steps = _steps(net, params)
    best = _weights(net)
    for epoch in range(1, params.epochs + 1):
        if epoch == params.warmup_epochs + 1:
            training, course.dropped = _without_strangest(net, training, params.trim)
        _epoch(net, training, steps, params, min(1 - 1 / epoch, params.max_adversarial))
        course.ae2_errors.append(ae2_error(net, held_out, params.trim))
        if course.since_best == 0:
            best = _weights(net)
        if course.since_best >= params.patience:
            break
    net.load_state_dict(best)
    return course


@torch.no_grad()
def ae2_error(net: UsadNet, windows: Windows, trim: float) -> float:
    """Mean square error of AE2 over known readings; the `trim` share of windows with the largest error left out."""
    return _trimmed_mean(_window_error(windows.values, net(windows.values)[1], windows.known), trim)


class _Step:
    """One optimiser step on its own parameters only: whatever else the loss depends on stays frozen."""

    def __init__(self, modules: Sequence[nn.Module], loss: _LossOf, params: UsadParams) -> None:
        self.loss = loss
        self.clip_norm = params.clip_norm
        self.parameters = [parameter for module in modules for parameter in module.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, lr=params.learning_rate, fused=True)

    def take(self, net: UsadNet, batch: Windows, weight: float) -> None:
        one, two, again = (_window_error(batch.values, out, batch.known).mean() for out in net(batch.values))
        gradients = torch.autograd.grad(self.loss(one, two, again, weight), self.parameters)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.optimiser.step()


def _steps(net: UsadNet, params: UsadParams) -> list[_Step]:
    """The steps of a batch. Losses are of the errors of AE1(W), AE2(W), AE2(AE1(W)) and the weight of the last one."""
    if params.form == "joint":
        return [_Step([net], lambda one, two, again, w: (1 - w) * (one + two) + 2 * w * again, params)]
    return [
        _Step([net.encoder, net.decoder1], lambda one, _, again, w: (1 - w) * one + w * again, params),
        _Step([net.encoder, net.decoder2], lambda _, two, again, w: (1 - w) * two - w * again, params),
    ]


def _epoch(net: UsadNet, training: Windows, steps: Sequence[_Step], params: UsadParams, weight: float) -> None:
    """As many windows as `max_windows`, however few there are: a small portfolio needs no fewer steps than a large one."""
    passes = -(-params.max_windows // len(training))
    order = torch.cat([torch.randperm(len(training)) for _ in range(passes)])[: params.max_windows]
    shuffled = training.take(order.to(training.values.device))
    for at in range(0, len(shuffled), params.batch):
        for step in steps:
            step.take(net, shuffled.take(slice(at, at + params.batch)), weight)


def _window_error(values: Tensor, out: Tensor, known: Tensor) -> Tensor:
    """Mean square error of each window over its known readings, (w,)."""
    return ((values - out).square() * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)


def _trimmed_mean(errors: Tensor, trim: float) -> float:
    kept = max(1, round(len(errors) * (1 - trim)))
    return float(errors.sort().values[:kept].mean())


def _mean_window_error(training: Windows, held_out: Windows, trim: float) -> float:
    """Error of a model that has learned nothing but the mean window."""
    mean = training.values.mean(dim=0).expand_as(held_out.values)
    return _trimmed_mean(_window_error(held_out.values, mean, held_out.known), trim)


@torch.no_grad()
def _without_strangest(net: UsadNet, windows: Windows, trim: float) -> tuple[Windows, int]:
    errors = _window_error(windows.values, net(windows.values)[0], windows.known)
    for meter in range(int(windows.meter.max()) + 1):
        own = windows.meter == meter
        if own.any():
            errors[own] /= errors[own].median().clamp(min=1e-12)
    kept = max(1, round(len(windows) * (1 - trim)))
    order = errors.argsort(stable=True)[:kept].sort().values
    return windows.take(order), len(windows) - kept


def _weights(net: UsadNet) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
