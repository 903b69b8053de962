"""From a meter's energy to the network's input and its training windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.robust import grouped_quantile
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.features.windows import strided

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Bools = NDArray[np.bool_]

_SOFT_LIMIT = 3.0
_KNOWN_SHARE = 0.5  # of a window's readings, below which it teaches nothing


@dataclass(frozen=True)
class Norm:
    """Level and scale of a meter, kWh, and its typical input per slot of day (slots,), which stands in for what is unknown.

    The network's unit is the scale, counted from the level and logarithmic beyond three of them; 5 % and 95 % quantile of a meter that
    is not flat lie two units apart.
    """

    level: float
    scale: float
    typical: Floats32

    @classmethod
    def of(cls, kwh: Floats, slot: NDArray[np.intp], slots: int) -> Norm:
        """Median, half the distance of the 5 % and 95 % quantiles, and the median input of each slot, of readings and their slots, (n,).

        The scale is never below 1 % of the level, so that a flat meter's noise stays noise.
        """
        low, level, high = (float(q) for q in np.quantile(kwh, [0.05, 0.5, 0.95]))
        bare = cls(level, max((high - low) / 2, 1e-2 * abs(level), 1e-9), np.empty(0, dtype=np.float32))
        typical, _ = grouped_quantile(bare.units(kwh), slot, slots, 0.5)
        return replace(bare, typical=np.nan_to_num(typical).astype(np.float32))

    def units(self, kwh: Floats) -> Floats:
        """Energy in the network's unit: a counter fault of a million stays strange without deciding the loss."""
        x = (kwh - self.level) / self.scale
        return np.asarray(np.sign(x) * (np.minimum(np.abs(x), _SOFT_LIMIT) + np.log1p(_beyond(x))))

    def kwh(self, units: Floats) -> Floats:
        """The energy that `units` made of."""
        x = np.sign(units) * (np.minimum(np.abs(units), _SOFT_LIMIT) + np.expm1(_beyond(units)))
        return np.asarray(self.level + self.scale * x)

    def slope(self, kwh: Floats) -> Floats:
        """Units per kWh at some energy, which a gradient is multiplied by."""
        return np.asarray(1 / (self.scale * (1 + _beyond((kwh - self.level) / self.scale))))


@dataclass(frozen=True)
class Stretch:
    """A meter's input and which of it is known, both (n,)."""

    values: Floats32
    known: Bools


@dataclass(frozen=True)
class Windows:
    """Training windows: values with a fill where unknown, mask of the known ones (both (w, length)), and the meter of each (w,).

    Of denoising pairs `altered` (w, length) is what the network is given to make the values of.
    """

    values: Tensor
    known: Tensor
    meter: Tensor
    altered: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def given(self) -> Tensor:
        """What the network is given, (w, length)."""
        return self.values if self.altered is None else self.altered

    def take(self, which: Tensor | slice) -> Windows:
        return self._each(lambda tensor: tensor[which])

    def to(self, device: torch.device) -> Windows:
        return self._each(lambda tensor: tensor.to(device))

    def beside(self, altered: Tensor) -> Windows:
        """These windows, and again as pairs with what was made of each."""
        twice = self._each(lambda tensor: torch.cat((tensor, tensor)))
        return replace(twice, altered=torch.cat((self.given, altered)))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Windows:
        altered = None if self.altered is None else change(self.altered)
        return Windows(change(self.values), change(self.known), change(self.meter), altered)


def window_length(plan: WindowPlan, longest: int) -> int:
    """The longest scale of the plan that is not above `longest` intervals; `longest` where all are.

    >>> window_length(WindowPlan(900, (16, 96, 672)), 128), window_length(WindowPlan(3600, (24, 168)), 128)
    (96, 24)
    """
    return max((scale for scale in plan.scales if scale <= longest), default=longest)


def known_readings(series: Series, labels: Labels | None = None) -> Bools:
    """Observed and not labelled abnormal, (n,)."""
    known = series.observed & np.isfinite(series.kwh)
    if labels is not None and series.meter_id in labels:
        known = known & ~labels[series.meter_id]
    return known


def norm_of(series: Series, known: Bools, slots: int) -> Norm:
    """The norm of a meter's known readings, with `slots` a day."""
    return Norm.of(series.kwh[known], _slot(series, slots)[known], slots)


def stretch_of(series: Series, known: Bools, norm: Norm, at_least: int) -> Stretch:
    """The network's input, the typical value where a reading is unknown, padded as unknown to `at_least` intervals."""
    typical = norm.typical[_slot(series, len(norm.typical))]
    values = np.where(known, norm.units(np.where(known, series.kwh, norm.level)), typical)
    padding = (0, max(0, at_least - len(values)))
    return Stretch(np.pad(values.astype(np.float32), padding), np.pad(known, padding))


def split(stretches: Sequence[Stretch], length: int, held_out: float) -> tuple[list[Stretch], list[Stretch]]:
    """Each stretch in two by time, the last `held_out` share apart; both parts hold a window, and no reading is in both."""
    cuts = [min(round(len(s.values) * (1 - held_out)), len(s.values) - length) for s in stretches]
    first = [Stretch(s.values[:cut], s.known[:cut]) for s, cut in zip(stretches, cuts, strict=True)]
    last = [Stretch(s.values[cut:], s.known[cut:]) for s, cut in zip(stretches, cuts, strict=True)]
    return first, last


def draw_windows(stretches: Sequence[Stretch], length: int, most: int, generator: np.random.Generator) -> Windows:
    """At most `most` windows, drawn evenly from all that are at least half known; in the order of meter and time."""
    usable = [np.flatnonzero(strided(s.known, length, 1).mean(axis=1) >= _KNOWN_SHARE) for s in stretches]
    meter = np.repeat(np.arange(len(usable)), [len(starts) for starts in usable])
    start = np.concatenate([np.empty(0, dtype=np.intp), *usable])
    if len(start) > most:
        drawn = np.sort(generator.choice(len(start), most, replace=False))
        meter, start = meter[drawn], start[drawn]
    values = np.empty((len(start), length), dtype=np.float32)
    known = np.empty((len(start), length), dtype=np.bool_)
    for number, stretch in enumerate(stretches):
        own = meter == number
        values[own] = strided(stretch.values, length, 1)[start[own]]
        known[own] = strided(stretch.known, length, 1)[start[own]]
    return Windows(torch.from_numpy(values), torch.from_numpy(known), torch.from_numpy(meter))


def _beyond(x: Floats) -> Floats:
    """By how much a number lies beyond ±3, where the network's unit becomes logarithmic."""
    return np.asarray(np.maximum(np.abs(x) - _SOFT_LIMIT, 0))


def _slot(series: Series, slots: int) -> NDArray[np.intp]:
    return series.slot_of_day.astype(np.intp) * slots // max(1, series.slots_per_day)
