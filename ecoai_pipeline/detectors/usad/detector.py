"""USAD: what two autoencoders cannot reconstruct of a day is strange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.files import Arrays, read_state, write_state
from ecoai_pipeline.detectors.usad.inputs import (
    Norm,
    Stretch,
    draw_windows,
    known_readings,
    norm_of,
    split,
    stretch_of,
    window_length,
)
from ecoai_pipeline.detectors.usad.model import UsadNet
from ecoai_pipeline.detectors.usad.training import reproducible, train
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.features.windows import covering_starts, overlap_mean, strided
from ecoai_pipeline.settings import UsadParams

_HELD_OUT_WINDOWS = 4  # training windows per held-out one, at most


class Usad:
    """Reconstruction error of USAD per reading, averaged over the windows that hold it.

    Audibert, Michiardi, Guyard, Marti, Zuluaga: "USAD: UnSupervised Anomaly Detection on Multivariate Time Series", KDD 2020.
    What differs from the paper, and why, stands in the README beside this file.
    """

    name: ClassVar[str] = "usad"
    supervised: ClassVar[bool] = False

    def __init__(self, params: UsadParams, *, seed: int, threads: int) -> None:
        self.params = params
        self.seed = seed
        self.threads = threads

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn one network for the portfolio; labelled and unobserved intervals count neither in loss nor in stopping.

        Raises:
            ValueError: no meter has readings for a window to learn from and one to hold out.
        """
        self.plan_ = plan
        self.length_ = window_length(plan, self.params.max_window)
        self.norms_: dict[str, Norm] = {}
        stretches: list[Stretch] = []
        for series in portfolio:
            known = known_readings(series, labels)
            if known.sum() >= 2 * self.length_:
                self.norms_[series.meter_id] = norm = norm_of(series, known, self._slots)
                stretches.append(stretch_of(series, known, norm, self.length_))
        self._train(stretches, left_out=len(portfolio) - len(stretches))
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Weighted square error in scales of the meter, (n,) each; NaN where the interval is not observed.

        A meter that `fit` has not seen is brought to the network's scale by the level and spread of the series given.
        """
        with reproducible(self.seed, self.threads), torch.no_grad():
            return [self._score(series) for series in portfolio]

    def forget(self, meter_id: str) -> None:
        self.norms_.pop(meter_id, None)

    def save(self, folder: Path) -> None:
        meters = sorted(self.norms_)
        norms = [self.norms_[meter] for meter in meters]
        arrays: Arrays = {f"net.{name}": tensor.cpu().numpy() for name, tensor in self.net_.state_dict().items()}
        arrays |= {f"norm.{part}": np.array([getattr(norm, part) for norm in norms]) for part in ("level", "scale", "typical")}
        config = {
            "params": self.params.model_dump(mode="json"),
            "seed": self.seed,
            "threads": self.threads,
            "plan": {"interval_s": self.plan_.interval_s, "scales": list(self.plan_.scales)},
            "window": self.length_,
            "meters": meters,
            "facts": dict(self.facts),
        }
        write_state(folder, self.name, config, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(UsadParams.model_validate(config["params"]), seed=config["seed"], threads=config["threads"])
        self.plan_ = WindowPlan(config["plan"]["interval_s"], tuple(config["plan"]["scales"]))
        self.length_ = config["window"]
        norms = zip(arrays["norm.level"], arrays["norm.scale"], arrays["norm.typical"], strict=True)
        self.norms_ = {meter: Norm(float(a), float(b), c) for meter, (a, b, c) in zip(config["meters"], norms, strict=True)}
        with reproducible(self.seed, self.threads):
            self.net_ = self._network()
        weights = {name.removeprefix("net."): torch.from_numpy(array) for name, array in arrays.items() if name.startswith("net.")}
        self.net_.load_state_dict(weights)
        self._facts = config["facts"]
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    @property
    def _slots(self) -> int:
        return max(1, 86_400 // self.plan_.interval_s)

    def _network(self) -> UsadNet:
        net = UsadNet(self.length_, max(2, round(self.length_ * self.params.latent_share)))
        return net.to("cuda" if torch.cuda.is_available() else "cpu")

    def _train(self, stretches: Sequence[Stretch], left_out: int) -> None:
        generator, most = np.random.default_rng(self.seed), self.params.max_windows
        first, last = split(stretches, self.length_, self.params.validation_share)
        training = draw_windows(first, self.length_, most, generator)
        held_out = draw_windows(last, self.length_, max(1, most // _HELD_OUT_WINDOWS), generator)
        if not len(training) or not len(held_out):
            raise ValueError(
                f"USAD needs {2 * self.length_} readings of a meter in windows of {self.length_} at least half known; "
                f"none of {len(stretches) + left_out} meters has them; train on more months"
            )
        with reproducible(self.seed, self.threads):
            self.net_ = self._network()
            device = next(self.net_.parameters()).device
            course = train(self.net_, training.to(device), held_out.to(device), self.params)
        sizes = {"meters": len(stretches), "meters_left_out": left_out, "window": self.length_, "training_windows": len(training)}
        self._facts = {**sizes, "held_out_windows": len(held_out), "form": self.params.form, **course.facts}

    def _score(self, series: Series) -> NDArray[np.float32]:
        known = known_readings(series)
        if not known.any():
            return np.full(len(series), np.nan, dtype=np.float32)
        norm = self.norms_.get(series.meter_id) or norm_of(series, known, self._slots)
        stretch = stretch_of(series, known, norm, self.length_)
        stride = max(1, self.length_ // self.params.windows_per_length)
        starts = covering_starts(len(stretch.values), self.length_, stride)
        errors = self._errors(strided(stretch.values, self.length_, 1)[starts])
        score = overlap_mean(errors, starts, len(stretch.values))[: len(series)]
        return np.where(known, score, np.nan).astype(np.float32)

    def _errors(self, windows: NDArray[Any]) -> NDArray[np.float32]:
        """alpha |W - AE1(W)|^2 + (1 - alpha) |W - AE2(AE1(W))|^2 of each reading in each window, (w, length)."""
        inputs = torch.from_numpy(windows).to(next(self.net_.parameters()).device)
        first, _, again = self.net_(inputs)
        alpha = self.params.alpha
        return np.asarray((alpha * (inputs - first).square() + (1 - alpha) * (inputs - again).square()).cpu().numpy())
