"""References that look at a reading, the one before it, or the run it stands in."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.evaluation.references.base import Floats, Reference, carried
from ecoai_pipeline.features.series import Series

_PER_SLOT = 20  # training readings below which the spread of a slot of the week is chance
_FLOOR = 0.1  # of the meter's deviation: a slot that was always equal does not make every change infinite


class Random(Reference):
    """Uniform noise: what a figure is worth that was made by nobody."""

    name: ClassVar[str] = "random"
    past_only: ClassVar[bool] = True

    def strangeness(self, series: Series, _state: Any) -> Floats:
        first = int(series.timestamps[0].astype(np.int64)) if len(series) else 0
        return np.random.default_rng([zlib.crc32(series.meter_id.encode()), first & 0x7FFFFFFF]).random(len(series))


class Change(Reference):
    """Absolute difference from the reading before."""

    name: ClassVar[str] = "change"
    past_only: ClassVar[bool] = True

    def strangeness(self, series: Series, _state: Any) -> Floats:
        values = carried(series)
        return np.abs(np.diff(values, prepend=values[:1]))


@dataclass(frozen=True)
class _Slots:
    of_week: bool
    mean: Floats
    deviation: Floats


class SlotZ(Reference):
    """Distance from the mean of the slot of the week in its standard deviations; of the slot of the day where weeks are few."""

    name: ClassVar[str] = "slot_z"
    past_only: ClassVar[bool] = True

    def learn(self, series: Series) -> _Slots:
        values = series.kwh[series.observed]
        of_week = len(values) >= _PER_SLOT * 7 * series.slots_per_day
        slot = _slot(series, of_week)[series.observed]
        count = np.bincount(slot, minlength=_number(series, of_week))
        mean = _divided(np.bincount(slot, values, len(count)), count, float(values.mean()))
        variance = _divided(np.bincount(slot, (values - mean[slot]) ** 2, len(count)), count, float(values.var()))
        return _Slots(of_week, mean, np.maximum(np.sqrt(variance), max(_FLOOR * float(values.std()), 1e-9)))

    def strangeness(self, series: Series, state: _Slots) -> Floats:
        slot = _slot(series, state.of_week)
        distance: Floats = np.abs(carried(series) - state.mean[slot]) / state.deviation[slot]
        return distance


class FlatRun(Reference):
    """Length of the run of equal readings that a reading stands in, intervals."""

    name: ClassVar[str] = "flat_run_plain"

    def strangeness(self, series: Series, _state: Any) -> Floats:
        values = np.where(series.observed, series.kwh, np.nan)
        begins = np.concatenate(([True], values[1:] != values[:-1]))  # a missing reading equals none, not even another one
        run = np.cumsum(begins) - 1
        length: Floats = np.bincount(run)[run].astype(np.float64)
        return length


def _slot(series: Series, of_week: bool) -> NDArray[np.int32]:
    """Slot of each interval; those that an hour more of a clock change adds take the last one."""
    return np.minimum(series.slot_of_week if of_week else series.slot_of_day, _number(series, of_week) - 1).astype(np.int32)


def _number(series: Series, of_week: bool) -> int:
    return (7 if of_week else 1) * max(1, series.slots_per_day)


def _divided(total: NDArray[Any], count: NDArray[Any], default: float) -> Floats:
    return np.where(count > 0, total / np.maximum(count, 1), default)
