"""Planned stops: announced days before, and no anomaly; they depend on the plant and its calendar alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from ecoai_pipeline.domain import Industry
from ecoai_pipeline.sources.simulation.chance import Chance, Floats
from ecoai_pipeline.sources.simulation.days import Days

ANNOUNCED_DAYS = 14
LEFT = 0.07  # share of the load that stays on during a stop: light, cranes, heating of the halls
STOPS = pl.Schema(
    {
        "meter_id": pl.String(),
        "start": pl.Datetime("us", "UTC"),
        "end": pl.Datetime("us", "UTC"),
        "announced": pl.Date(),
        "work": pl.String(),
    }
)


@dataclass(frozen=True)
class Habit:
    """How an industry stops for work on its plant: times a year, hours, when it starts, and what is done."""

    per_year: int
    hours: tuple[float, float]
    starts: int
    work: str


HABITS: Mapping[Industry, Habit] = {
    Industry.ENERGY_SUPPLIER: Habit(1, (3, 6), 9, "switching at the substation"),
    Industry.METAL: Habit(2, (24, 72), 6, "new furnace lining"),
    Industry.FOOD: Habit(3, (6, 10), 9, "cleaning and calibration"),
    Industry.ENERGY: Habit(2, (12, 48), 8, "inspection of the pumps"),
    Industry.CERAMICS: Habit(1, (48, 120), 7, "repair of kiln cars and burners"),
    Industry.PAPER_WOOD: Habit(11, (8, 14), 6, "wash-up and change of clothing"),
    Industry.CHEMICAL: Habit(1, (120, 240), 6, "turnaround"),
    Industry.OTHER: Habit(1, (8, 24), 8, "inspection of the switchgear"),
}


@dataclass(frozen=True)
class Stop:
    """A planned stop of a meter, local times."""

    meter: int
    start: datetime
    end: datetime
    work: str

    def of(self, meter: int) -> Stop:
        """The same stop of a meter that stands elsewhere."""
        return replace(self, meter=meter)

    @property
    def announced(self) -> date:
        return self.start.date() - timedelta(days=ANNOUNCED_DAYS)


def stops(industry: Industry, chance: Chance, first_year: int, last_year: int) -> list[Stop]:
    """The stops that start in some years, of meters by their place in `chance`."""
    return [stop for year in range(first_year, last_year + 1) for stop in _of_year(HABITS[industry], chance, year)]


def running(stops_of: Sequence[Stop], members: int, days: Days) -> Floats:
    """Share of the load that stays, 1 where no stop is, (members, d, s)."""
    left = np.ones((members, len(days.dates), days.hours.shape[2]))
    midnight = datetime.combine(days.dates[0], time())
    hours = (days.time - days.time[0, 0, 0] + days.hours[0, 0, 0])[0]
    for stop in stops_of:
        start, end = ((moment - midnight) / timedelta(hours=1) for moment in (stop.start, stop.end))
        if start < hours[-1, -1] and end > 0:
            left[stop.meter][(hours >= start) & (hours < end)] = LEFT
    return left


def _of_year(habit: Habit, chance: Chance, year: int) -> Iterator[Stop]:
    """One stop somewhere in each of equal parts of the year, with room between them."""
    index = np.array([[year * 100 + k for k in range(habit.per_year)]], dtype=np.int64)
    places = (np.arange(habit.per_year) + 0.8 * chance.uniform("stop", index)) * 365 / habit.per_year
    lasts = habit.hours[0] + (habit.hours[1] - habit.hours[0]) * chance.uniform("stop, length", index)
    for meter, of_meter in enumerate(np.floor(places)):
        for day, length in zip(of_meter, lasts[meter], strict=True):
            start = datetime(year, 1, 1) + timedelta(days=int(day), hours=habit.starts)
            yield Stop(meter, start, start + timedelta(hours=round(float(length))), habit.work)
