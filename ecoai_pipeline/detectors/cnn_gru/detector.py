"""CNN-GRU: windows of several lengths rebuilt, compared by squares and by time warping, and judged together by an isolation forest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ecoai_pipeline.detectors.cnn_gru.scales import Scale, coarse, fine, marked
from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.files import Arrays, read_state, write_state
from ecoai_pipeline.detectors.forest import Forest
from ecoai_pipeline.detectors.windowed.inputs import known_readings
from ecoai_pipeline.detectors.windowed.training import reproducible
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import CnnGruParams

Floats = NDArray[np.float64]
_MOST_ROWS = 20_000  # readings that the forest is drawn from
_MOST_READINGS = 500_000  # whose distances are measured for it: a year of fourteen meters at 15 minutes


class CnnGru:
    """Isolation of a reading among the distances of its windows from what autoencoders of several scales make of them.

    After HBNU ECO AI LAB (2025), "FFT windows, GELU CNN-GRU autoencoder, DTW and Isolation Forest". What differs, and why, stands in
    the README beside this file.
    """

    name: ClassVar[str] = "cnn_gru"
    supervised: ClassVar[bool] = False

    def __init__(self, params: CnnGruParams, *, seed: int, threads: int) -> None:
        self.params = params
        self.seed = seed
        self.threads = threads

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn an autoencoder per scale, then how their distances usually fall.

        Raises:
            ValueError: no meter has readings for a window of any scale.
        """
        self.plan_ = plan
        self.scales_: dict[int, Scale] = {}
        refused: Exception | None = None
        for length in plan.scales[: self.params.max_scales]:
            try:
                self.scales_[length] = self._fitted(length, portfolio, labels)
            except ValueError as error:  # too few readings for a window so long
                refused = error
        if not self.scales_:
            raise refused or ValueError(f"{self.name}: the plan has no scale")
        self._judge(portfolio, labels)
        scales = {str(length): dict(scale.facts) for length, scale in self.scales_.items()}
        curve = {f"window of {length}": facts["curve"]["held-out tail"] for length, facts in scales.items()}
        self._facts = {"scales": scales, "curve": curve, "collapsed": any(facts["collapsed"] for facts in scales.values())}
        return self

    def scale(self) -> Scale:
        """An unfitted autoencoder of one scale."""
        return Scale(self.params, seed=self.seed, threads=self.threads)

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Isolation in the forest, and beyond it by how much the distances exceed the usual ones, (n,) each; NaN where not observed."""
        with reproducible(self.seed, self.threads), torch.no_grad():
            return [self._score(series) for series in portfolio]

    def forget(self, meter_id: str) -> None:
        for scale in self.scales_.values():
            scale.forget(meter_id)

    def save(self, folder: Path) -> None:
        arrays: Arrays = {"centre": self.centre_, "spread": self.spread_, **self.forest_.arrays("forest.")}
        scales: dict[str, Any] = {}
        for length, scale in self.scales_.items():
            scales[str(length)], own = scale.state()
            arrays |= {f"{length}/{name}": array for name, array in own.items()}
        config = {
            "params": self.params.model_dump(mode="json"),
            "seed": self.seed,
            "threads": self.threads,
            "plan": self.plan_.words,
            "scales": scales,
            "facts": dict(self.facts),
        }
        write_state(folder, self.name, config, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(CnnGruParams.model_validate(config["params"]), seed=config["seed"], threads=config["threads"])
        self.plan_ = WindowPlan.of(config["plan"])
        self.scales_ = {}
        for length in sorted(map(int, config["scales"])):
            own = {name.removeprefix(f"{length}/"): array for name, array in arrays.items() if name.startswith(f"{length}/")}
            self.scales_[length] = Scale.from_state(config["scales"][str(length)], own)
        self.centre_, self.spread_ = arrays["centre"], arrays["spread"]
        self.forest_ = Forest.of(arrays, "forest.")
        self._facts = config["facts"]
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def _factor(self, length: int) -> int:
        """Intervals that become one, so that a window has `max_window` steps at most: the fewest that divide the day."""
        day = self.plan_.slots_per_day
        least = -(-length // self.params.max_window)
        return next((factor for factor in range(least, day + 1) if day % factor == 0), least)

    def _fitted(self, length: int, portfolio: Sequence[Series], labels: Labels | None) -> Scale:
        """The autoencoder of one scale, on loads that are coarse enough for a window to have `max_window` steps at most."""
        factor = self._factor(length)
        steps = -(-length // factor)
        own = {s.meter_id: marked(labels[s.meter_id], s, factor) for s in portfolio if labels and s.meter_id in labels}
        plan = WindowPlan(self.plan_.interval_s * factor, (steps,))
        return self.scale().fit([coarse(series, factor) for series in portfolio], plan, labels=own or None)

    def _judge(self, portfolio: Sequence[Series], labels: Labels | None) -> None:
        """Centre and spread of each distance, and the forest of what is left, from readings learned from."""
        seen = [replace(series, observed=known_readings(series, labels)) for series in portfolio]
        with reproducible(self.seed, self.threads), torch.no_grad():
            rows = np.concatenate([self._distances(series)[series.observed] for series in _some(seen, _MOST_READINGS)])
        low, self.centre_, high = np.nan_to_num(np.nanquantile(rows, [0.1, 0.5, 0.9], axis=0))
        self.spread_ = np.maximum(high - low, 1e-3) / 2
        drawn = np.random.default_rng(self.seed).permutation(len(rows))[:_MOST_ROWS]
        self.forest_ = Forest.fit(self._standard(rows[np.sort(drawn)]), trees=self.params.trees, seed=self.seed)

    def _distances(self, series: Series) -> Floats:
        """Both distances of each scale, (n, 2 scales); NaN where a scale has none."""
        parts = []
        for length, scale in self.scales_.items():
            factor = self._factor(length)
            parts.append(fine(scale.distances(coarse(series, factor)), series, factor))
        return np.concatenate(parts, axis=1)

    def _standard(self, distances: Floats) -> Floats:
        """Distances in their usual spreads, 0 where there is none."""
        standard: Floats = np.nan_to_num((distances - self.centre_) / self.spread_)
        return standard

    def _score(self, series: Series) -> NDArray[np.float32]:
        known = series.observed & np.isfinite(series.kwh)
        standard = self._standard(self._distances(series))
        # A tree cannot tell far from farther: beyond the last cut all are isolated alike. The mean excess does.
        excess = np.maximum(standard, 0).mean(axis=1)
        score = self.forest_.score(standard) + self.params.excess * excess
        return np.where(known, score, np.nan).astype(np.float32)


def _some(portfolio: Sequence[Series], most: int) -> Iterator[Series]:
    """Of each meter the newest known readings, as many of all as `most` or a few more: memory and time have a bound."""
    share = -(-most // max(1, len(portfolio)))
    for series in portfolio:
        known = np.flatnonzero(series.observed)
        if len(known):
            yield series.part(int(known[-share:][0]), len(series))
