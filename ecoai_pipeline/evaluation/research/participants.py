"""Who takes part in a protocol: models of windows, detectors of our contract, and what else some of them can do.

A participant is a `WindowModel` or a `Detector`. A detector sees a series in which only the readings of the training windows
are observed, on the scale of the protocol's windows; a window's score is then made from the scores of its readings (protocols A and D).
Models of windows may offer more: `Reconstructs` (protocol B), `Differentiable` and `LearnsPairs` (protocol C); there a detector that has a
network learns the windows themselves (`as_window_model`). One that offers nothing of it is absent. In D a detector that is
`Thresholded` stands beside its own thresholds too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.backtest import HYBRID
from ecoai_pipeline.detection.calibration import alarm_threshold, calibrate
from ecoai_pipeline.detection.fusion import fuse
from ecoai_pipeline.detectors.catalogue import make, taught
from ecoai_pipeline.detectors.contract import Detector, Labels
from ecoai_pipeline.domain import DETECTORS, Resolution, UsageType
from ecoai_pipeline.evaluation.research.curves import Bools, Floats, Ints
from ecoai_pipeline.evaluation.research.references import REFERENCES, aggregated
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.features.windows import strided
from ecoai_pipeline.settings import Settings

NAMES = (*REFERENCES, *(name for name in DETECTORS if not taught(name)), HYBRID)
"""The protocols show nobody a label before the test, so those that learn from labels have no part in them."""


@runtime_checkable
class WindowModel(Protocol):
    """A model of windows that knows nothing of where they lie; arrays are (w, length)."""

    def fit(self, windows: Floats) -> Self: ...

    def scores(self, windows: Floats) -> Mapping[str, Floats]:
        """By name of the aggregation the score of each window, (w,), higher is stranger."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    def reconstruct(self, windows: Floats) -> Floats:
        """What the fitted model makes of windows, (w, length), in their own unit."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    def loss_gradient(self, windows: Floats) -> Floats:
        """Gradient of each window's own loss with respect to its readings, (w, length)."""
        ...


@runtime_checkable
class LearnsPairs(Protocol):
    def fit_pairs(self, given: Floats, wanted: Floats) -> Self:
        """Learn to make `wanted` of `given`, both (w, length), in the order of time."""
        ...


@runtime_checkable
class Thresholded(Protocol):
    """A detector whose score is a Z over a threshold of the usage type."""

    def threshold(self, usage_type: UsageType | None) -> float:
        """The Z that a score of 1 stands for."""
        ...

    def learned_threshold(self, usage_type: UsageType | None) -> float:
        """The one that was learned without labels."""
        ...


class Hybrid:
    """The members of the pipeline as one detector: tail probabilities by the scores of the span that was learned from, fused with their
    weights. Nothing is measured against the weeks before, since the windows of a protocol have no order in time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        self.weights_ = self.settings.training.members[Resolution.of(plan.interval_s)]
        q = alarm_threshold(self.settings.detection.budget_per_meter_month, plan.interval_s)
        self.members_ = {name: make(name, self.settings).fit(portfolio, plan, labels=labels) for name in self.weights_}
        self.calibrations_ = {
            name: calibrate(name, _by_meter(portfolio, member.score(portfolio)), q, self.settings.detection.calibration)
            for name, member in self.members_.items()
        }
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        scores = {name: member.score(portfolio) for name, member in self.members_.items()}
        return [
            fuse({n: self.calibrations_[n].p(series.meter_id, own[i]) for n, own in scores.items()}, self.weights_).astype(np.float32)
            for i, series in enumerate(portfolio)
        ]


def _by_meter(portfolio: Sequence[Series], scores: Sequence[NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    return {series.meter_id: own for series, own in zip(portfolio, scores, strict=True)}


@dataclass(frozen=True)
class Windows:
    """Windows of one series as views, and where they lie.

    Attributes:
        load: the series they come from, on the windows' scale.
        values: (w, length).
        rows: (w, length), the interval of `load` that each reading is; increasing along a window.
    """

    load: Series
    values: Floats
    rows: Ints

    @property
    def length(self) -> int:
        return int(self.values.shape[1])

    def some(self, chosen: Ints | Bools) -> Windows:
        return Windows(self.load, self.values[chosen], self.rows[chosen])


def windows_of(load: Series, rows: Ints, length: int, stride: int = 1) -> Windows:
    """Windows over some intervals of a series, which count as neighbours whatever lies between them."""
    values, places = (strided(x, length, stride) for x in (load.kwh[rows], rows))
    return Windows(load, values, places)  # type: ignore[arg-type]


def scaled(load: Series, within: Bools) -> Series:
    """The load on a scale where its lowest and highest reading `within` are 0 and 1; a flat one is 0."""
    low, high = float(load.kwh[within].min()), float(load.kwh[within].max())
    return replace(load, kwh=(load.kwh - low) / (high - low if high > low else 1.0))


def standard(settings: Settings) -> tuple[str, ...]:
    """Who takes part where nobody is named: the references, the pipeline's members, each and together, and the guideline's detector but
    for the one of high resolution: recurrent networks take ten times the time."""
    known = {*settings.training.detectors, *(own for of, own in settings.training.guideline.items() if of is not Resolution.HIGH)}
    return (*REFERENCES, *(name for name in DETECTORS if name in known), HYBRID)


def participant(name: str, settings: Settings, seed: int) -> Any:
    """An unfitted participant.

    Raises:
        ValueError: there is none of that name.
    """
    if name in REFERENCES:
        return REFERENCES[name](seed)
    if name == HYBRID:
        return Hybrid(settings)
    if name in NAMES:
        return make(name, settings)
    raise ValueError(f"there is no detector {name!r} in the protocols of the research; known are {', '.join(NAMES)}")


def as_window_model(name: str, settings: Settings, seed: int) -> Any:
    """An unfitted participant, as a model of windows where it can be one.

    Raises:
        ValueError: there is none of that name.
    """
    model = participant(name, settings, seed)
    if name not in DETECTORS:
        return model
    from ecoai_pipeline.evaluation.research.networks import network  # torch takes seconds to load

    return network(model) or model


def fitted(model: Any, windows: Windows) -> Any:
    """The participant after learning from windows; a detector learns from the readings that occur in them."""
    if isinstance(model, WindowModel):
        return model.fit(windows.values)
    detector: Detector | Hybrid = model
    load = replace(windows.load, observed=_occur(windows))
    return detector.fit([load], WindowPlan(load.interval_s, (windows.length,)))


def window_scores(model: Any, windows: Windows) -> Mapping[str, Floats]:
    """Scores of windows by a fitted participant, by name of the aggregation."""
    if isinstance(model, WindowModel):
        return model.scores(windows.values)
    detector: Detector | Hybrid = model
    scores = detector.score([windows.load])[0].astype(np.float64)
    known = scores[np.isfinite(scores)]
    # A reading without a score cannot raise an alarm, so it counts as the least strange.
    return aggregated(np.where(np.isfinite(scores), scores, known.min(initial=0.0))[windows.rows])


def _occur(windows: Windows) -> Bools:
    there = np.zeros(len(windows.load), dtype=np.bool_)
    there[windows.rows.ravel()] = True
    return there
