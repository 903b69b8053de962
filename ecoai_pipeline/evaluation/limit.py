"""What could be found at all: a detector that knows a fault's readings, place and size, and is wrong as seldom as the budget allows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection.kinds import kernel
from ecoai_pipeline.detection.kinds.around import noise
from ecoai_pipeline.evaluation.injected import place_of
from ecoai_pipeline.features.series import Series

Floats = NDArray[np.float64]
_PER_LENGTH = 8  # places per length of the fault at which it is looked for where it is not
_MONTH_H = 720.0
_KNOWN = 0.5  # share of a place that must have been read


def findable(scores: pl.DataFrame, clean: Series, faulty: Series, faults: pl.DataFrame, budget: float) -> Iterator[bool]:
    """Whether a clairvoyant finds each fault (TRUTH) of a meter.

    He knows by how much the fault changes each reading. His statistic is the log likelihood ratio of this change, with the noise by
    which events are named (`detection.kinds`; Neyman and Pearson 1933). He looks for the same change at all other places of the series
    without faults, and takes the threshold that is passed there `budget` times in 30 days, places one length apart counting as
    independent. With this noise and this expected load nobody finds more at as few false alarms, unless by what the likelihood does not
    see, such as readings that are equal to the last digit.

    Args:
        scores: SCORES rows of the meter without faults.
        clean, faulty: the same stretch, without and with faults.
    """
    expected, low, high = (scores[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("expected_kwh", "low_kwh", "high_kwh"))
    kwh = np.where(clean.observed, clean.kwh, np.nan)
    known, unit, phi = noise(kwh, expected, high - low, slice(None))
    plain, expected = np.where(known, kwh, 0.0), np.where(known, expected, 0.0)
    for start, end in faults.select("start", "end").iter_rows():
        first, stop = place_of(clean, start), place_of(clean, end)
        change, length = np.where(known[first:stop], faulty.kwh[first:stop] - clean.kwh[first:stop], 0.0), stop - first
        elsewhere = [at for at in range(1, len(kwh) - length, max(1, length // _PER_LENGTH)) if at + length <= first or at >= stop]
        elsewhere = [at for at in elsewhere if known[at : at + length].mean() > _KNOWN]
        without = [kernel.gain_of(plain, expected, unit, known, phi, at, change, 1.0) for at in elsewhere]
        fault = plain.copy()
        fault[first:stop] += change
        places = _MONTH_H * 3600 / clean.interval_s / length
        reached = kernel.gain_of(fault, expected, unit, known, phi, first, change, 1.0)
        yield bool(without) and bool(reached > max(0.0, float(np.quantile(without, max(0.0, 1 - budget / places)))))
