"""The contract for networks that rebuild windows: fit one network for a portfolio, score readings by how badly they are rebuilt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.files import Arrays, read_state, write_state
from ecoai_pipeline.detectors.windowed.adversarial import Adversary, error_gradient, limits
from ecoai_pipeline.detectors.windowed.inputs import (
    Norm,
    Stretch,
    Windows,
    draw_windows,
    known_readings,
    norm_of,
    split,
    stretch_of,
    window_length,
)
from ecoai_pipeline.detectors.windowed.training import Course, Pairs, Step, reproducible, train
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.features.windows import covering_starts, overlap_mean, strided
from ecoai_pipeline.settings import NetworkParams

P = TypeVar("P", bound=NetworkParams)
_HELD_OUT_WINDOWS = 4  # training windows per held-out one, at most
BLOCK = 512  # windows rebuilt at once: what a network makes of them on its way stays in the processor's cache


class WindowDetector(ABC, Generic[P]):
    """Error per reading of a network that rebuilds windows, averaged over the windows that hold the reading.

    What is common: a meter's load in units of its own level and scale, windows of one length of the plan, unknown readings that count
    nowhere, training that is seeded, robust and stopped in time, scores from blocks of one meter's windows, so that they do not depend on
    who is scored beside it.
    """

    name: ClassVar[str]
    supervised: ClassVar[bool] = False
    params_type: ClassVar[type[NetworkParams]]

    def __init__(self, params: P, *, seed: int, threads: int) -> None:
        self.params = params
        self.seed = seed
        self.threads = threads

    @abstractmethod
    def network(self, length: int) -> nn.Module:
        """A network for windows of a length, its weights drawn from torch's generator."""

    @abstractmethod
    def steps(self, net: nn.Module) -> Sequence[Step]:
        """The optimiser steps that each batch takes."""

    @abstractmethod
    def rebuilt(self, net: nn.Module, values: Tensor) -> Tensor:
        """Windows (w, length) as the trained network rebuilds them."""

    def errors(self, values: Tensor) -> Tensor:
        """Error of each reading of windows in the meter's units, (w, length)."""
        return (values - self.rebuilt(self.net_, values)).square()

    def learn_errors(self, held_out: Windows) -> None:  # noqa: ARG002
        """Learn from the trained network's errors on the held-out tail; what `errors` needs of them is kept in `extra_`."""
        self.extra_: Arrays = {}

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn one network for the portfolio; labelled and unobserved intervals count neither in loss nor in stopping.

        Raises:
            ValueError: no meter has readings for a window to learn from and one to hold out.
        """
        self.plan_ = plan
        self.length_ = window_length(plan, self.params.max_window)
        self.norms_: dict[str, Norm] = {}
        learned: list[Series] = []
        stretches: list[Stretch] = []
        for series in portfolio:
            known = known_readings(series, labels)
            if known.sum() >= 2 * self.length_:
                self.norms_[series.meter_id] = norm = norm_of(series, known, self.plan_.slots_per_day)
                learned.append(series)
                stretches.append(stretch_of(series, known, norm, self.length_))
        self._train(learned, stretches, left_out=len(portfolio) - len(stretches))
        return self

    def learn(self, training: Windows, held_out: Windows, pairs: Pairs | None = None) -> Course:
        """Learn a network from windows in its own unit; what `fit` does once meters have become windows.

        Args:
            held_out: decide when to stop, and are not learned from.
            pairs: as `train` takes them.
        """
        with reproducible(self.seed, self.threads):
            self.net_ = self.untrained(training.values.shape[1])
            course = train(self.net_, training.to(self.device), held_out.to(self.device), self.params, self, pairs)
            self.learn_errors(held_out.to(self.device))
        return course

    def loss_gradient(self, values: Tensor, known: Tensor) -> Tensor:
        """Gradient of each window's own score with respect to its readings, (w, length), in the network's unit.

        The score is the mean of `errors` over the readings that are `known` (w, length).
        """
        return error_gradient(self.errors, values, known)

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Error in scales of the meter, (n,) each; NaN where the interval is not observed.

        A meter that `fit` has not seen is brought to the network's scale by the level and spread of the series given.
        """
        with reproducible(self.seed, self.threads), torch.no_grad():
            return [self._score(series) for series in portfolio]

    def forget(self, meter_id: str) -> None:
        self.norms_.pop(meter_id, None)

    def save(self, folder: Path) -> None:
        write_state(folder, self.name, *self.state())

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls.from_state(*read_state(folder, cls.name))

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """What is kept of a fit: JSON-able, and arrays."""
        meters = sorted(self.norms_)
        norms = [self.norms_[meter] for meter in meters]
        arrays: Arrays = {f"net.{name}": tensor.cpu().numpy() for name, tensor in self.net_.state_dict().items()}
        arrays |= {f"extra.{name}": array for name, array in self.extra_.items()}
        arrays |= {f"norm.{part}": np.array([getattr(norm, part) for norm in norms]) for part in ("level", "scale", "typical")}
        config = {
            "params": self.params.model_dump(mode="json"),
            "seed": self.seed,
            "threads": self.threads,
            "plan": self.plan_.words,
            "window": self.length_,
            "meters": meters,
            "facts": dict(self.facts),
        }
        return config, arrays

    @classmethod
    def from_state(cls, config: Mapping[str, Any], arrays: Arrays) -> Self:
        """The detector that `state` is of."""
        self = cls(cls.params_type.model_validate(config["params"]), seed=config["seed"], threads=config["threads"])  # type: ignore[arg-type]
        self.plan_ = WindowPlan.of(config["plan"])
        self.length_ = config["window"]
        norms = zip(arrays["norm.level"], arrays["norm.scale"], arrays["norm.typical"], strict=True)
        self.norms_ = {meter: Norm(float(a), float(b), c) for meter, (a, b, c) in zip(config["meters"], norms, strict=True)}
        with reproducible(self.seed, self.threads):
            self.net_ = self.untrained(self.length_)
        self.extra_ = {name.removeprefix("extra."): array for name, array in arrays.items() if name.startswith("extra.")}
        weights = {name.removeprefix("net."): torch.from_numpy(array) for name, array in arrays.items() if name.startswith("net.")}
        self.net_.load_state_dict(weights)
        self.net_.eval()
        self._facts = config["facts"]
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def untrained(self, length: int) -> nn.Module:
        """A network for windows of a length, on the GPU where there is one."""
        return self.network(length).to("cuda" if torch.cuda.is_available() else "cpu")

    def _train(self, learned: Sequence[Series], stretches: Sequence[Stretch], left_out: int) -> None:
        generator, most = np.random.default_rng(self.seed), self.params.max_windows
        first, last = split(stretches, self.length_, self.params.validation_share)
        training = draw_windows(first, self.length_, most, generator)
        held_out = draw_windows(last, self.length_, max(1, most // _HELD_OUT_WINDOWS), generator)
        if not len(training) or not len(held_out):
            raise ValueError(
                f"{self.name} needs {2 * self.length_} readings of a meter in windows of {self.length_} at least half known; "
                f"none of {len(stretches) + left_out} meters has them; train on more months"
            )
        epsilon = self.params.adversarial_epsilon
        adversary = Adversary(epsilon, limits(first, list(self.norms_.values())), self) if epsilon else None
        course = self.learn(training, held_out, adversary.pairs if adversary else None)
        sizes = {"meters": len(stretches), "meters_left_out": left_out, "window": self.length_, "training_windows": len(training)}
        self._facts = {**sizes, "held_out_windows": len(held_out), **course.facts}
        if adversary:
            self._facts["adversarial"] = adversary.facts | _span([s.part(0, len(f.values)) for s, f in zip(learned, first, strict=True)])

    def _score(self, series: Series) -> NDArray[np.float32]:
        laid = self.laid_out(series)
        if laid is None:
            return np.full(len(series), np.nan, dtype=np.float32)
        errors = np.concatenate([self.errors(block).cpu().numpy() for block in laid.blocks(self.device)])
        score = overlap_mean(errors, laid.starts, len(laid.stretch.values))[: len(series)]
        return np.where(laid.stretch.known[: len(series)], score, np.nan).astype(np.float32)

    def laid_out(self, series: Series) -> Laid | None:
        """A series as windows in the network's units; None where nothing of it is known."""
        known = known_readings(series)
        if not known.any():
            return None
        norm = self.norms_.get(series.meter_id) or norm_of(series, known, self.plan_.slots_per_day)
        stretch = stretch_of(series, known, norm, self.length_)
        starts = covering_starts(len(stretch.values), self.length_, max(1, self.length_ // self.params.windows_per_length))
        return Laid(stretch, starts, self.length_)

    @property
    def device(self) -> torch.device:
        return next(self.net_.parameters()).device


@dataclass(frozen=True)
class Laid:
    """A series as overlapping windows that begin at `starts`."""

    stretch: Stretch
    starts: NDArray[np.int64]
    length: int

    def blocks(self, device: torch.device) -> Iterator[Tensor]:
        """The windows, (w, length), some at a time."""
        windows = strided(self.stretch.values, self.length, 1)
        for at in range(0, len(self.starts), BLOCK):
            yield torch.from_numpy(windows[self.starts[at : at + BLOCK]]).to(device)


def _span(parts: Sequence[Series]) -> dict[str, str]:
    """From the first interval of some series to the end of the last, UTC."""
    ends = [part.timestamps[-1] + np.timedelta64(part.interval_s, "s") for part in parts]
    return {"from": str(min(part.timestamps[0] for part in parts)), "to": str(max(ends))}
