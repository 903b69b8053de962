"""A load as a table of whole local days, as the research on augmentation read it."""

from __future__ import annotations

import numpy as np

from ecoai_pipeline.evaluation.research.curves import Bools
from ecoai_pipeline.evaluation.research.participants import Windows, scaled
from ecoai_pipeline.features.series import Series

_OBSERVED = 0.5  # of a day's intervals; what is filled of the others is known to `features`
_CAPACITY_QUANTILE, _CAPACITY_MARGIN = 0.98, 1.25  # a capacity that nobody stated, as `sources` infers it


def whole_days(load: Series) -> Windows:
    """Local days with a value in every interval, half of them readings; days of 23 and 25 hours are left out."""
    slots = load.slots_per_day
    starts = np.flatnonzero(load.slot_of_day == 0)
    rows = starts[starts + slots <= len(load)][:, None] + np.arange(slots)
    whole = (load.slot_of_day[rows] == np.arange(slots)).all(axis=1) & np.isfinite(load.kwh[rows]).all(axis=1)
    rows = rows[whole & (load.observed[rows].mean(axis=1) >= _OBSERVED)]
    return Windows(load, load.kwh[rows], rows)


def on_scale_of(days: Windows, chosen: Bools) -> tuple[Windows, tuple[float, float]]:
    """Days on a scale where the chosen ones read from 0 to 1, and there the least and most that the meter can read.

    That is nothing (less only for a load that goes below zero itself), and a capacity inferred from the chosen days, but not less than
    their highest reading.
    """
    within = np.zeros(len(days.load), dtype=np.bool_)
    within[days.rows[chosen].ravel()] = True
    kwh = days.load.kwh[within]
    capacity = _CAPACITY_MARGIN * float(np.quantile(kwh, _CAPACITY_QUANTILE))
    limits = np.array([min(0.0, float(kwh.min())), max(capacity, float(kwh.max()))])
    load = scaled(days.load, within)
    unit = float(kwh.max() - kwh.min()) or 1.0
    low, high = ((limits - kwh.min()) / unit).tolist()
    return Windows(load, load.kwh[days.rows], days.rows), (low, high)
