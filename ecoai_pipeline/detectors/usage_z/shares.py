"""A meter by itself: its load as a share of its own recent level, and what is usual of that share through the week."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ecoai_pipeline.detectors.day_types import Grid, learn
from ecoai_pipeline.detectors.robust import (
    DAY_TYPES,
    Floats,
    circular_mean,
    day_profile,
    grouped_quantile,
    trailing_median,
)
from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import UsageZParams

Z80 = 1.2815515655446004  # four normal deviations in five lie within
_OWN_SHARE = 0.5  # of a day's readings, below which the day says nothing of the level
_REST = 0.1  # of its mean size: the level of a load whose median week is all but nothing
_STOP = 0.3  # of the usual energy: a day that drew less was a stop, one that should draw less is none of work; neither tells the level


@dataclass(frozen=True)
class Own:
    """What one meter shows; the shapes are (8, slots) in shares of its level.

    Attributes:
        unit: its usual level, kWh per plan interval: the mean size of its median week.
        share: median share of each cell, a cell of few readings drawn to the coarser ones.
        cell, count: median share of the cell's readings alone, NaN where there are none, and their number.
        spread: one sigma of its readings around `share`.
        weeks: of readings.
        holiday: what holidays mean, (7, 3), as `day_types.learn` gives it.
    """

    meter_id: str
    usage_type: UsageType | None
    unit: float
    share: Floats
    cell: Floats
    count: Floats
    spread: Floats
    weeks: float
    holiday: Floats


def own_of(series: Series, values: Floats, slots: int, params: UsageZParams) -> Own:
    """Measure one meter by energy per plan interval, (n,), NaN where unknown; some of it must be known."""
    holiday, grid = learn(values, series, slots)
    centre = day_profile(values, grid.day_type, grid.slot, slots, 0.5, params.prior_readings)
    unit = _unit(values, grid.of(centre))
    shares = values / unit / level(values / unit, centre / unit, grid, params)
    share = day_profile(shares, grid.day_type, grid.slot, slots, 0.5, params.prior_readings)
    strays = np.abs(shares - grid.of(share))
    cell, count = grouped_quantile(shares, grid.day_type * slots + grid.slot, DAY_TYPES * slots, 0.5)
    spread = day_profile(strays, grid.day_type, grid.slot, slots, 0.8, params.spread_prior_readings) / Z80
    weeks = float(np.isfinite(values).sum()) / (7 * slots)
    cell, count = cell.reshape(DAY_TYPES, slots), count.reshape(DAY_TYPES, slots)
    spread = circular_mean(spread, _reach(slots, params))
    return Own(series.meter_id, series.usage_type, unit, share, cell, count, spread, weeks, holiday)


def level(values: Floats, share: Floats, grid: Grid, params: UsageZParams) -> Floats:
    """Level of the days before, (n,), of energy in units of the usual level; 1 where no day before says anything.

    The median over `level_days` of what a day drew against what its share of the week lets one expect.
    """
    if not len(values):
        return np.ones(0)
    daily = _daily_level(values, share, grid)
    recent, known = trailing_median(daily, params.level_days)
    weight = known**2 / (known**2 + params.level_prior_days**2)
    return np.asarray((weight * recent + (1 - weight))[grid.day])


def unit_of(values: Floats, share: Floats, grid: Grid) -> float:
    """The usual level of a meter that nothing is known of, from all days that are given and the shape it is taken to have.

    NaN where nothing is known at all.
    """
    if not np.isfinite(values).any():
        return math.nan
    size = max(_size(values), 1e-9)
    daily = _daily_level(values / size, share, grid)
    return size * float(np.nanmedian(daily)) if np.isfinite(daily).any() else size


def _daily_level(values: Floats, share: Floats, grid: Grid) -> Floats:
    """Energy of each day against the expected share of its observed intervals, (days,).

    NaN for stops, days hardly observed, and holidays that may be several things.
    """
    days = int(grid.day[-1]) + 1
    known = np.isfinite(values) & ~grid.open
    expected = np.where(known, np.abs(grid.of(share)), 0.0)
    drawn, wanted, count, size = (
        np.bincount(grid.day, weights, days) for weights in (np.where(known, np.abs(values), 0.0), expected, known, np.ones(len(values)))
    )
    telling = (count >= _OWN_SHARE * size) & (wanted > _STOP * count * np.abs(share).mean()) & (drawn > _STOP * wanted)
    return np.asarray(np.divide(drawn, wanted, out=np.full(days, np.nan), where=telling))


def _unit(values: Floats, expected: Floats) -> float:
    """Mean size of the median week over what was observed; of a load that mostly rests, a tenth of its mean size; never 0."""
    usual = float(np.abs(expected[np.isfinite(values)]).mean())
    return max(usual, _REST * _size(values), 1e-9)


def _size(values: Floats) -> float:
    """Mean size of the known readings, the largest fiftieth cut down to the next."""
    size = np.abs(values[np.isfinite(values)])
    return float(np.minimum(size, np.quantile(size, 0.98)).mean())


def _reach(slots: int, params: UsageZParams) -> int:
    return min(round(params.smooth_min * slots / (24 * 60)), slots // 2)
