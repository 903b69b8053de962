"""Who is in the made-up portfolio, and what its meters would read in a month without faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecoai_pipeline.domain import Industry, UsageType
from ecoai_pipeline.sources.simulation.chance import Chance, Floats
from ecoai_pipeline.sources.simulation.contracts import CONTRACTS
from ecoai_pipeline.sources.simulation.days import Days, Flags
from ecoai_pipeline.sources.simulation.industries import SHAPES, Plants
from ecoai_pipeline.sources.simulation.maintenance import Stop, running

USAGE = (UsageType.INDUSTRIAL, UsageType.INDUSTRIAL, UsageType.GENERAL, UsageType.INDUSTRIAL, UsageType.MIDNIGHT, UsageType.AGRICULTURAL)
CAPACITY = 3.0  # contracted power in full loads: no fault exceeds it, being at most twice the highest reading
_LEVEL_KW, _LEVEL_SPREAD = 400.0, 0.6  # median and log deviation of full load
_GROWTH, _GROWTH_SPREAD = 0.01, 0.02  # per year
_GROWTH_FROM = 18_262  # days since 1970 on 2020-01-01
_REBUILT_H, _REBUILT_BY = 24 * 500, 0.2  # a plant's base changes about every 500 days, by up to a tenth either way
_DAY_NOISE, _SLOT_NOISE, _SMOOTH_NOISE = 0.02, 0.02, 0.01  # log deviations: of days, correlated over three; of readings; of districts'
_CELLS, _HOURS, _WHOLE_DAYS = 0.0005, 0.5, 0.02  # missing: share of single readings; gaps of hours and of days, per meter and month
_DECIMALS = 3


@dataclass(frozen=True)
class Members:
    """The simulated meters of one industry, `level_kw` (k,) being their full load."""

    industry: Industry
    meters: tuple[str, ...]
    usage_types: tuple[UsageType, ...]
    level_kw: Floats
    chance: Chance

    @property
    def capacity_kw(self) -> list[float]:
        return [float(np.ceil(level * CAPACITY)) for level in self.level_kw]

    def some(self, start: int, stop: int) -> Members:
        part = slice(start, stop)
        chance = Chance(self.chance.keys[part])
        return Members(self.industry, self.meters[part], self.usage_types[part], self.level_kw[part], chance)


def members(industry: Industry, count: int, seed: int) -> Members:
    """The first `count` meters of an industry; a meter is the same in a portfolio of any size."""
    names = tuple(f"{industry}-{number:03d}" for number in range(1, count + 1))
    chance = Chance.of(seed, names)
    level = np.exp(np.log(_LEVEL_KW) + _LEVEL_SPREAD * chance.normal("level", np.zeros((1, 1), dtype=np.int64)))[:, 0]
    return Members(industry, names, tuple(USAGE[k % len(USAGE)] for k in range(count)), level, chance)


def energy(of: Members, days: Days, stops: Sequence[Stop], interval_s: int) -> Floats:
    """Energy (k, d - 1, intervals of a day), kWh with three decimals, NaN where a reading is missing.

    `days` has one or more steps in each interval, over which the power is averaged. The first of the days is left out:
    it is there for the night that begins on it.
    """
    load = (_load(of, days) * running(stops, len(of.meters), days) * _level(of, days))[:, 1:]
    days = days.without_first()
    per_interval = load.shape[2] * interval_s // 86_400
    mean = load.reshape(*load.shape[:2], -1, per_interval).mean(axis=3)
    step = days.day * mean.shape[2] + np.arange(mean.shape[2])
    noise = _SMOOTH_NOISE if of.industry is Industry.ENERGY_SUPPLIER else _SLOT_NOISE
    power = of.level_kw[:, None, None] * mean * np.exp(noise * of.chance.normal("noise", step))
    kwh: Floats = np.round(power * interval_s / 3600, _DECIMALS)
    kwh[_missing(of.chance, days, mean.shape[2])] = np.nan
    return kwh


def _load(of: Members, days: Days) -> Floats:
    """Share of full load (k, d, s), each meter by its industry and its contract class."""
    load = SHAPES[of.industry](Plants(of.chance, days))
    load = np.broadcast_to(load, (len(of.meters), *load.shape[1:])).copy()
    for usage in set(of.usage_types):
        rows = [row for row, each in enumerate(of.usage_types) if each is usage]
        load[rows] = CONTRACTS[usage](load[rows], Plants(Chance(of.chance.keys[rows]), days))
    return load


def _level(of: Members, days: Days) -> Floats:
    """What moves the whole load slowly: growth, rebuilding, good and bad days, (k, d, 1)."""
    chance = of.chance
    growth = chance.normal("growth", np.zeros((1, 1, 1), dtype=np.int64)) * _GROWTH_SPREAD + _GROWTH
    built = np.floor(days.day * 24 / _REBUILT_H + chance.between("rebuilt", 0, 1)).astype(np.int64)
    base = 1 + _REBUILT_BY * (chance.uniform("base", built) - 0.5)
    day = np.exp(_DAY_NOISE * chance.smooth("day", days.day[:, :, 0], 3)[:, :, None])
    level: Floats = np.exp(growth * (days.day - _GROWTH_FROM) / 365.25) * base * day
    return level


def _missing(chance: Chance, days: Days, slots: int) -> Flags:
    """Single readings, one to twelve hours, and whole days that never arrived, (k, d, slots)."""
    slot = np.arange(slots)
    lost = chance.uniform("lost", days.day * slots + slot) < _CELLS
    starts = np.floor(slots * chance.uniform("gap, start", days.day))
    lasts = np.floor(slots / 24 * np.exp(2.5 * chance.uniform("gap, length", days.day)))
    gap = (chance.uniform("gap", days.day) < _HOURS / 30) & (slot >= starts) & (slot < starts + lasts)
    return lost | gap | (chance.uniform("gap of a day", days.day) < _WHOLE_DAYS / 30)
