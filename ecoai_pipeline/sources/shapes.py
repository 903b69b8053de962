"""Load profiles of the eight industries, made up but recognisable: what a simulated meter uses on a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.domain import Industry, UsageType

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Days:
    """The days of a month as columns (d, 1), beside hours of the day (1, s) and temperature (d, s) in °C."""

    hours: Floats
    weekday: NDArray[np.integer]
    holiday: NDArray[np.bool_]
    day_of_year: Floats
    temperature: Floats

    @property
    def working(self) -> Floats:
        """1 on working days, 0 on Saturdays, Sundays and holidays."""
        return np.where((self.weekday >= 5) | self.holiday, 0.0, 1.0)


@dataclass(frozen=True)
class Shape:
    """Share of full load by day and hour, given the meter's own phase in hours, and the share that follows the weather."""

    load: Callable[[Days, float], Floats]
    weather: float


def load_of(industry: Industry, usage: UsageType, days: Days, phase: float) -> Floats:
    """Expected share of full load (d, s), about 0 to 1.3."""
    shape = SHAPES[industry]
    heat = np.clip(days.temperature - 22, 0, None) + np.clip(5 - days.temperature, 0, None)
    load = shape.load(days, phase) * (1 + shape.weather * heat / 20)
    if usage is UsageType.MIDNIGHT:
        night = _window(days.hours, 23, 9)
        load = load * (0.35 + 0.65 * night)
    if usage is UsageType.AGRICULTURAL:
        load = load * (1 + 0.3 * np.sin(2 * np.pi * (days.day_of_year - 80) / 365))
    return load


def _window(hours: Floats, start: float, stop: float, edge: float = 0.5) -> Floats:
    """1 from `start` to `stop` o'clock, across midnight where start is later, with edges of some hours."""
    length = (stop - start) % 24
    since = (hours - start) % 24
    return np.clip(np.minimum(since, length - since) / edge + 0.5, 0, 1) * (since < length)


def _metal(days: Days, phase: float) -> Floats:
    """Two shifts; induction furnaces melt a batch every two and a half hours."""
    shifts = _window(days.hours, 6, 22) * (0.15 + 0.85 * days.working)
    batch = (((days.hours + phase) % 2.5) < 1.7).astype(float)
    return 0.12 + shifts * (0.28 + 0.5 * batch)


def _food(days: Days, phase: float) -> Floats:
    """Baking before dawn, cold stores all day whose compressors cycle."""
    baking = _window(days.hours, 1 + phase / 4, 8) * (0.6 + 0.4 * days.working)
    cold = 0.3 + 0.06 * (((days.hours * 60 + 40 * phase) % 80) < 40)
    return cold + 0.45 * baking + 0.12 * _window(days.hours, 9, 17) * days.working


def _chemical(days: Days, phase: float) -> Floats:
    """Continuous operation with a slight daily ripple."""
    ripple = 0.03 * np.cos(2 * np.pi * (days.hours - 14 - phase) / 24)
    return 0.85 + ripple + 0.02 * days.working


def _ceramics(days: Days, phase: float) -> Floats:
    """Kilns heat up in the morning, hold, and cool slowly into the night; every day but Sunday."""
    since = (days.hours - 5 - phase / 2) % 24
    firing = np.clip(since / 5, 0, 1) * np.where(since < 14, 1.0, np.exp(-(since - 14) / 3))
    return 0.15 + 0.75 * firing * np.where((days.weekday == 6) | days.holiday, 0.2, 1.0)


def _paper_wood(days: Days, phase: float) -> Floats:
    """Three shifts with a dip at each change; Sunday is for maintenance."""
    to_change = np.abs((days.hours - 6 + 4) % 8 - 4)
    dip = 0.25 * np.exp(-((to_change / 0.4) ** 2))
    running = np.where((days.weekday == 6) | days.holiday, 0.35, 1.0)
    return (0.9 - dip + 0.02 * np.sin(days.hours + phase)) * running


def _energy_supplier(days: Days, phase: float) -> Floats:
    """The load of a district: a morning rise, a noon dip, an evening peak, calmer at the weekend."""
    morning = np.exp(-(((days.hours - 10 - phase / 4) / 2.5) ** 2))
    evening = np.exp(-(((days.hours - 19 - phase / 4) / 3) ** 2))
    return (0.45 + 0.3 * morning + 0.4 * evening) * (0.85 + 0.15 * days.working)


def _energy(days: Days, phase: float) -> Floats:
    """Pumps and storage that fill in the cheap night hours."""
    return 0.25 + 0.6 * _window(days.hours, 22 + phase / 4, 7, edge=1) + 0.1 * _window(days.hours, 12, 14)


def _other(days: Days, phase: float) -> Floats:
    """Workshops and offices: eight to six on working days."""
    return 0.15 + 0.65 * _window(days.hours, 8 + phase / 4, 18 + phase / 4, edge=1.5) * (0.15 + 0.85 * days.working)


SHAPES: Mapping[Industry, Shape] = {
    Industry.ENERGY_SUPPLIER: Shape(_energy_supplier, 0.5),
    Industry.METAL: Shape(_metal, 0.05),
    Industry.FOOD: Shape(_food, 0.3),
    Industry.ENERGY: Shape(_energy, 0.4),
    Industry.CERAMICS: Shape(_ceramics, 0.1),
    Industry.PAPER_WOOD: Shape(_paper_wood, 0.1),
    Industry.CHEMICAL: Shape(_chemical, 0.1),
    Industry.OTHER: Shape(_other, 0.4),
}
