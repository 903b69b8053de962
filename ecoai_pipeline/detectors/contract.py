"""The one contract of all detectors: fit on series, score series, save to and load from plain files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.features.series import Series, WindowPlan

Labels = Mapping[str, NDArray[np.bool_]]


@runtime_checkable
class Detector(Protocol):
    """Learns normal load of a portfolio and scores how strange each interval is.

    A constructor only stores parameters; learned state ends in `_`. The same series, parameters and seed
    give the same scores. Detectors never see labels but through the argument of `fit`.
    """

    name: ClassVar[str]
    supervised: ClassVar[bool]  # true where it learns from labelled anomalies, and is judged on meters it was given none of

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn from series of one resolution; intervals that are not observed are not learned from."""
        ...

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """One array per series, (n,), higher is stranger, NaN where an interval cannot be scored.

        Meters that `fit` has not seen are scored too, from what the portfolio has in common.
        """
        ...

    def forget(self, meter_id: str) -> None:
        """Drop what was kept of one meter; what all meters have in common stays, and scores of the others are the same to the bit."""
        ...

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `config.json`; equal state gives equal bytes. Never a pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; scores are the same to the bit."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """What an operator would ask of the fit: sizes, losses, collapse test; JSON-able."""
        ...


@dataclass(frozen=True)
class Expectation:
    """Expected energy and its 5 % to 95 % band, kWh, each (n,) float64; NaN where unknown."""

    expected: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def physical(self, series: Series) -> Expectation:
        """The same without energy below 0, where the series has no such reading."""
        if bool((series.kwh[series.observed] < 0).any()):
            return self
        return Expectation(np.maximum(self.expected, 0), np.maximum(self.low, 0), np.maximum(self.high, 0))

    def with_rows(self, rows: NDArray[np.bool_], other: Expectation) -> Expectation:
        """The same with some intervals (n,) as another says."""
        parts = ((self.expected, other.expected), (self.low, other.low), (self.high, other.high))
        return Expectation(*(np.where(rows, new, old) for old, new in parts))


@runtime_checkable
class Predictive(Protocol):
    """A detector that also says what it expected."""

    def expect(self, portfolio: Sequence[Series]) -> list[Expectation]: ...

    def score_and_expect(self, portfolio: Sequence[Series]) -> tuple[list[NDArray[np.float32]], list[Expectation]]:
        """What `score` and `expect` say, at the cost of one of them."""
        ...


@runtime_checkable
class KnowsHolidays(Protocol):
    """A detector that knows which holidays are like no ordinary day of the meter, or may be."""

    def unlike(self, series: Series) -> NDArray[np.bool_]:
        """True in intervals of such holidays, (n,)."""
        ...
