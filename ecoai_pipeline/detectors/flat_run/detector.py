"""For how long the load has stood on one number, against how long it used to."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ecoai_pipeline.detectors.by_meter.detector import ByMeter
from ecoai_pipeline.detectors.by_meter.load import Load
from ecoai_pipeline.detectors.files import Arrays
from ecoai_pipeline.detectors.robust import Floats, Ints
from ecoai_pipeline.settings import FlatRunParams

_HOUR_S = 3600


class FlatRun(ByMeter[FlatRunParams]):
    """Readings of the run of equal ones that a reading stands in, as far as the series shows it, in runs that are long for the meter.

    What is long is told by runs, not by their readings: a counter that stood for weeks is one run among many. A gap does not end a run and
    adds nothing to it.
    """

    name: ClassVar[str] = "flat_run"
    params_type: ClassVar[type[FlatRunParams]] = FlatRunParams

    def learn(self, load: Load) -> Arrays:
        """Length of a long run, hours, (1,)."""
        hours, _ = _runs(load)
        return {"habit": np.quantile(hours[hours > 0], [self.params.habit_quantile])}

    def strangeness(self, load: Load, arrays: Arrays) -> Floats:
        hours, run = _runs(load)
        return np.asarray(hours[run] / arrays["habit"][0])


def _runs(load: Load) -> tuple[Floats, Ints]:
    """Hours read of each run of equal readings, (runs,), and the run of each interval, (n,)."""
    run = np.cumsum(np.diff(load.kwh, prepend=load.kwh[:1]) != 0)
    return np.asarray(np.bincount(run, load.known) * (load.series.interval_s / _HOUR_S), dtype=np.float64), run
