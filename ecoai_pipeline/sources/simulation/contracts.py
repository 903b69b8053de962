"""What a contract class makes of a plant's load: the tariff decides what hangs behind the meter, and when it may run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.sources.simulation.chance import Floats
from ecoai_pipeline.sources.simulation.industries import Plants, window


def _industrial(load: Floats, plants: Plants) -> Floats:  # noqa: ARG001 - one signature for all classes
    return load


def _general(load: Floats, plants: Plants) -> Floats:
    """Offices and laboratories of the company beside a smaller part of its plant."""
    days = plants.days
    there = window(days.hours, 8 + plants.between("office", -0.5, 0.5), 19, edge=2) * (0.08 + 0.92 * plants.manned)
    degrees = np.clip(days.temperature - 22, 0, None) + np.clip(10 - days.temperature, 0, None)
    return 0.4 * load + 0.08 + there * (0.22 + 0.016 * degrees)


def _midnight(load: Floats, plants: Plants) -> Floats:  # noqa: ARG001
    """Storage heating and hot water: power comes from 23 to 9 only, and flows until the storage is full, longer in the cold."""
    days = plants.days
    cold = np.clip((14 - days.temperature.mean(axis=2, keepdims=True)) / 18, 0, 1)
    full_h = 1.5 + 7.5 * cold + 0.4 * plants.chance.normal("drawn off", days.day)
    since = (days.hours - 23) % 24
    charging = (since < 10) * np.clip((plants.begun(full_h, 23) - since) / 0.5, 0, 1)
    return 0.02 + plants.begun(0.3 + 0.65 * (cold > 0), 23) * charging


def _agricultural(load: Floats, plants: Plants) -> Floats:  # noqa: ARG001
    """Irrigation pumps on dry days from mid April to mid September, grain dryers in October, a little heating in winter nights."""
    days = plants.days
    season = (days.of_year > 104) & (days.of_year < 258)
    wanted = season * days.dry * (plants.chance.uniform("field", days.day) < 0.85)
    start = 5 + 2 * plants.chance.uniform("pumps", days.day)
    pumps = wanted * window(days.hours, start, start + 4 + 8 * plants.chance.uniform("irrigation", days.day), edge=0.25)
    drying = ((days.of_year > 273) & (days.of_year < 305)) * window(days.hours, 9, 2, edge=0.5)
    frost = 0.15 * np.clip(4 - days.temperature, 0, 10) / 10
    return 0.03 + 0.8 * pumps + 0.55 * drying * (plants.chance.uniform("dryer", days.day) < 0.7) + frost


CONTRACTS: Mapping[UsageType, Callable[[Floats, Plants], Floats]] = {
    UsageType.INDUSTRIAL: _industrial,
    UsageType.GENERAL: _general,
    UsageType.MIDNIGHT: _midnight,
    UsageType.AGRICULTURAL: _agricultural,
}
