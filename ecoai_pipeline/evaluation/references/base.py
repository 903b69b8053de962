"""What references have in common: a state per meter, readings without gaps in, scores of observed readings out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.features.series import Series, WindowPlan

Floats = NDArray[np.float64]


class Reference(ABC):
    """A detector of each meter by itself, learned from that meter alone; labels are never looked at."""

    name: ClassVar[str]
    past_only: ClassVar[bool] = False  # true where no later reading changes the score of a reading

    def fit(self, portfolio: Sequence[Series], _plan: WindowPlan, *, labels: Labels | None = None) -> Self:  # noqa: ARG002
        self.states_ = {series.meter_id: self.learn(series) for series in portfolio}
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """One array per series, (n,), higher is stranger, NaN where the interval is not observed."""
        scores = ((series, self.strangeness(series, self.states_[series.meter_id])) for series in portfolio)
        return [np.where(series.observed, score, np.nan).astype(np.float32) for series, score in scores]

    def learn(self, _series: Series) -> Any:
        """What is kept of a meter's training span; nothing by default."""
        return None

    @abstractmethod
    def strangeness(self, series: Series, state: Any) -> NDArray[np.floating]:
        """Score of each interval, (n,), of any finite value where it is not observed."""


def carried(series: Series) -> Floats:
    """Energy of each interval, (n,) kWh, the last reading standing where none came; 0 before the first."""
    last = np.maximum.accumulate(np.where(series.observed, np.arange(len(series)), -1))
    return np.where(last >= 0, series.kwh[np.maximum(last, 0)], 0.0)


def window_of(series: Series) -> int:
    """An hour of a curve by the minute, else 24 readings: a day of an hourly meter."""
    return 60 if series.interval_s <= 60 else 24
