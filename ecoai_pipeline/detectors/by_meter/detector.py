"""The contract for detectors that learn each meter by itself: they only say what they learn, and how strange a load is by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.by_meter.load import Load, Scale
from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.files import Arrays, read_state, write_state
from ecoai_pipeline.detectors.robust import Floats, energy
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import ByMeterParams

P = TypeVar("P", bound=ByMeterParams)
_OWN_SHARE = 0.5  # of the readings of `min_days` days


@dataclass(frozen=True)
class _State:
    scale: Scale
    arrays: Arrays


class ByMeter(ABC, Generic[P]):
    """Strangeness of a load by named arrays that were learned from the same meter, in the meter's units.

    Meters that `fit` has not seen are judged by pooled arrays, in units of the series that is given.
    """

    name: ClassVar[str]
    supervised: ClassVar[bool] = False
    params_type: ClassVar[type[ByMeterParams]]

    def __init__(self, params: P) -> None:
        self.params = params

    @abstractmethod
    def learn(self, load: Load) -> Arrays:
        """What is kept of a meter; names and shapes are the same for all meters of a plan."""

    @abstractmethod
    def strangeness(self, load: Load, arrays: Arrays) -> Floats:
        """Score of each interval, (n,), of any value where none was read."""

    def pool(self, learned: Sequence[Series]) -> Arrays:  # noqa: ARG002
        """What the meters that were `learned` have in common: the median of each number, where a detector says nothing else."""
        states = [state.arrays for state in self.meters_.values()]
        return {name: np.median([arrays[name] for arrays in states], axis=0) for name in states[0]}

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn each meter, and what they have in common; labelled and unobserved intervals are not learned from.

        Raises:
            ValueError: no meter has readings of half of `min_days` days.
        """
        self.plan_ = plan
        known = (replace(series, observed=np.isfinite(energy(series, plan.interval_s, labels))) for series in portfolio)
        least = self.params.min_days * _OWN_SHARE
        learned = [series for series in known if series.observed.sum() >= max(1, least * series.slots_per_day)]
        if not learned:
            raise ValueError(
                f"{self.name} cannot learn: none of {len(portfolio)} meters has readings of {least:g} days; train on more months"
            )
        self.meters_ = {load.series.meter_id: _State(scale, _as_stored(self.learn(load))) for scale, load in self._measured(learned)}
        self.pooled_ = _as_stored(self.pool(learned))
        self._facts = {"meters": len(self.meters_), "meters_left_out": len(portfolio) - len(learned)}
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Strangeness of each interval, (n,) each; NaN where it is not observed."""
        return [self._score(series) for series in portfolio]

    def forget(self, meter_id: str) -> None:
        self.meters_.pop(meter_id, None)

    def save(self, folder: Path) -> None:
        meters = sorted(self.meters_)
        states = [self.meters_[meter] for meter in meters]
        arrays: Arrays = {"meters.scale": np.array([astuple(state.scale) for state in states], dtype=np.float64)}
        for name, pooled in self.pooled_.items():
            arrays[f"pooled.{name}"] = pooled
            arrays[f"meters.{name}"] = np.array([state.arrays[name] for state in states], dtype=pooled.dtype)
        config = {"params": self.params.model_dump(mode="json"), "plan": self.plan_.words, "meters": meters, "facts": dict(self.facts)}
        write_state(folder, self.name, config | {"made_with": self.made_with}, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(cls.params_type.model_validate(config["params"]), **config["made_with"])  # type: ignore[arg-type]
        self.plan_ = WindowPlan.of(config["plan"])
        self.pooled_ = {name.removeprefix("pooled."): array for name, array in arrays.items() if name.startswith("pooled.")}
        self.meters_ = {
            meter: _State(Scale(float(median), float(span), bool(signed)), {name: arrays[f"meters.{name}"][row] for name in self.pooled_})
            for row, (meter, (median, span, signed)) in enumerate(zip(config["meters"], arrays["meters.scale"], strict=True))
        }
        self._facts = config["facts"]
        return self

    @property
    def made_with(self) -> dict[str, Any]:
        """Arguments of the constructor beside the parameters, JSON-able."""
        return {}

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def _measured(self, portfolio: Sequence[Series]) -> Iterator[tuple[Scale, Load]]:
        """Series that hold a reading in their own units, one after the other, for a portfolio in units takes much memory."""
        for series in portfolio:
            values = energy(series, self.plan_.interval_s)
            scale = Scale.of(values)
            yield scale, Load.of(series, values, scale)

    def _score(self, series: Series) -> NDArray[np.float32]:
        values = energy(series, self.plan_.interval_s)
        if not np.isfinite(values).any():
            return np.full(len(series), np.nan, dtype=np.float32)
        state = self.meters_.get(series.meter_id) or _State(Scale.of(values), self.pooled_)
        strange = self.strangeness(Load.of(series, values, state.scale), state.arrays)
        return np.where(series.observed, strange, np.nan).astype(np.float32)


def _as_stored(arrays: Arrays) -> Arrays:
    """Rounded to the precision of the file, so that scores before saving and after loading are the same."""
    return {name: array.astype(np.float32) for name, array in arrays.items()}
