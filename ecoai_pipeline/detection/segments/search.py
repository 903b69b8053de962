"""Segments of a load that lie far from what was expected, and the probability that normal operation brings them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.calibration import POOLED
from ecoai_pipeline.detection.habit import Habits, Law, Numbers, places
from ecoai_pipeline.detection.kinds.around import noise
from ecoai_pipeline.detection.segments import kernel
from ecoai_pipeline.detection.segments.days import strange_days
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import HabitParams, SegmentParams

Floats = NDArray[np.float64]
_NOISE_DAYS = 28
_UNKNOWN: Mapping[str, Law] = {POOLED: Law(0, np.nan, np.nan)}


@dataclass(frozen=True)
class Found:
    """Of each interval, (n,): the evidence of the strangest segment that it lies in, nats, NaN where there is none; where this segment
    begins and stops; whether it lies in a day that no band explains; and the probability that normal operation brings such evidence, NaN
    where there is no past to tell by."""

    evidence: Floats
    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    strange: NDArray[np.bool_]
    p: Floats

    def with_rows(self, rows: NDArray[np.bool_], other: Found) -> Found:
        """The same with some intervals (n,) as another search found them."""
        return Found(*(np.where(rows, getattr(other, one.name), getattr(self, one.name)) for one in fields(self)))

    def without(self, rows: NDArray[np.bool_]) -> Found:
        """The same where some intervals (n,) are not judged."""
        return replace(self, p=np.where(rows, np.nan, self.p), strange=self.strange & ~rows) if rows.any() else self


def search(series: Series, learned: Expectation, shown: Expectation, params: SegmentParams, habit: HabitParams) -> Found:
    """Search the segments of all lengths up to `longest_h` for those that differ from the expected load as no earlier ones did.

    A scan statistic (Glaz, Naus and Wallenstein 2001) of matched filters. The mean distance from the expected load over a segment, in
    units of the band, finds a lasting difference; the mean less that of the flanks finds one in a load that wanders. How large both
    become in normal operation depends on how the load wanders, and no simple model of noise tells it. So each length is measured
    against the meter's own last weeks, as evidence is (`habit`), and the greatest of all lengths once more, since it was searched for.

    Args:
        learned: the expected load, and the band as training learned it: a unit that moved with the weeks would make them differ.
        shown: the same with the band that days are judged by.
    """
    observed = np.where(series.observed, series.kwh, np.nan)
    day = np.cumsum(np.diff(series.slot_of_day.astype(np.int64), prepend=0) < 0, dtype=np.int64)
    return searched(observed, learned, shown, series.timestamps, day, series.interval_s, params, habit)


def searched(
    kwh: Floats,
    learned: Expectation,
    shown: Expectation,
    timestamps: NDArray[np.datetime64],
    day: NDArray[np.int64],
    interval_s: int,
    params: SegmentParams,
    habit: HabitParams,
) -> Found:
    """The same of arrays (n,) of a regular grid; kwh is NaN where nothing was read, `day` the number of the local day, from 0."""
    a_day = round(86_400 / interval_s)
    known, unit, _ = noise(kwh, learned.expected, learned.high - learned.low, slice(0, _NOISE_DAYS * a_day))
    distance = np.clip(np.where(known, (kwh - learned.expected) / unit, 0.0), -params.farthest, params.farthest)
    lengths, flanks = _lengths(params, interval_s)
    strange = strange_days(kwh, shown, day, interval_s, params.strange_day)
    blocks = Numbers.of(timestamps, interval_s, habit.block_h)
    near, far = places(habit, blocks.length)
    evidence, first, stop = kernel.search(
        distance,
        known,
        strange,
        lengths,
        flanks,
        blocks.block,
        blocks.a_day,
        (habit.days, round(params.min_days * blocks.a_day), habit.low, near, habit.high, far, params.least_scale),
    )
    p = probability(timestamps, interval_s, evidence, strange, params, habit)
    return Found(evidence, first, stop, strange, np.where(strange, np.fmin(p, params.strange_day.p), p))


def probability(
    timestamps: NDArray[np.datetime64],
    interval_s: int,
    evidence: Floats,
    strange: NDArray[np.bool_] | None,
    params: SegmentParams,
    habit: HabitParams,
) -> Floats:
    """The probability that normal operation brings such evidence (n,), by the meter's own weeks before; NaN before it has `min_days`."""
    own = Habits(habit.model_copy(update={"min_days": params.min_days}), _UNKNOWN)
    return own.p(POOLED, timestamps, interval_s, evidence, strange)


@lru_cache(maxsize=64)
def _lengths(params: SegmentParams, interval_s: int) -> tuple[kernel.Ints, kernel.Ints]:
    """Lengths of segments and of their flanks, intervals."""
    per_hour = 3600 / interval_s
    hours = np.geomspace(max(params.shortest_h, 1 / per_hour), params.longest_h, params.lengths)
    lengths = np.unique(np.maximum(1, np.round(hours * per_hour)).astype(np.int64))
    flanks = np.maximum(max(1, round(params.least_flank_h * per_hour)), (params.flank * lengths).astype(np.int64))
    return lengths, np.where(lengths <= params.flanked_h * per_hour, flanks, 0)
