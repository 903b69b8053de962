"""A series to be judged on: its load as detectors are given it, and beside it what they are not shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection import backtest
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.sources.simulation.faults import Fault

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

ALL = "all"
MINUTE_BUFFER, BUFFER = 60, 24  # readings: an hour of a curve by the minute, a day of an hourly meter


@dataclass(frozen=True)
class Case:
    """One series of a data set with its truth.

    Attributes:
        dataset: name of the data set.
        load: the whole series; labels are no part of it.
        labels: (n,) true where anomalous; None where nobody has said.
        subsets: by name the readings (n,) that figures are made from, `all` among them.
        faults: the faults put into it, where labels come from them.
        seed: of these faults.
        clean_kwh: (n,) the energy before they were put in.
    """

    dataset: str
    load: Series
    labels: Bools | None
    subsets: Mapping[str, Bools] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    seed: int | None = None
    clean_kwh: Floats | None = None

    @property
    def name(self) -> str:
        """The meter, and the seed of its faults where they were injected."""
        return self.load.meter_id if self.seed is None else f"{self.load.meter_id} #{self.seed}"

    @property
    def buffer(self) -> int:
        """Readings around an anomaly in which an alarm half counts: of VUS, fixed by the length of an interval."""
        return MINUTE_BUFFER if self.load.interval_s <= 60 else BUFFER

    def subset(self, name: str) -> Bools:
        """The readings of a subset that came, (n,)."""
        return self.load.observed if name == ALL else self.load.observed & self.subsets[name]


def with_faults(case: Case, seed: int) -> Case:
    """The same load with the simulator's standard faults in it, which become its labels.

    A fault lies anywhere in the series, the training span included, as in real life.
    """
    faulty, labels, faults = backtest.with_faults(case.load, 0, seed)
    return replace(case, load=faulty, labels=labels, faults=tuple(faults), seed=seed, clean_kwh=case.load.kwh)
