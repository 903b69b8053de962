"""Load shapes of the eight industries, made up but recognisable: the share of full load that a plant draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ecoai_pipeline.domain import Industry
from ecoai_pipeline.sources.simulation.chance import Chance, Floats
from ecoai_pipeline.sources.simulation.days import Days


@dataclass(frozen=True)
class Plants:
    """Some plants of one industry over some days; what is drawn for a plant depends on its key and on absolute time."""

    chance: Chance
    days: Days

    def between(self, what: str, low: float, high: float) -> Floats:
        return self.chance.between(what, low, high)

    def having(self, what: str, share: float) -> Floats:
        """1 for a share of the plants, else 0, (k, 1, 1)."""
        having: Floats = (self.between(what, 0, 1) < share).astype(np.float64)
        return having

    @property
    def vacation(self) -> Floats:
        """1 in the week that the plant takes off between late July and mid August, (k, d, 1)."""
        since = self.days.of_year - np.floor(self.between("vacation", 0, 3)) * 7 - 207
        vacation: Floats = ((since >= 0) & (since < 9)).astype(np.float64)
        return vacation

    @property
    def manned(self) -> Floats:
        """Share of a full day's work: Saturdays are worked half, fully or not at all, depending on the plant, (k, d, 1)."""
        saturday = np.floor(self.between("saturday", 0, 3)) / 2
        open_days = np.where(self.days.weekday == 5, saturday * ~(self.days.holiday | self.days.feast), self.days.working * 1.0)
        return open_days * (1 - self.vacation)

    @property
    def staying_open(self) -> Floats:
        """1 but on feasts and in the vacation, for plants that run on Sundays as well, (k, d, 1)."""
        return (1 - self.days.feast) * (1 - self.vacation)

    def wander(self, what: str, bin_h: float, width: int) -> Floats:
        """A slow random walk around 0, deviation 1: a value for each `bin_h` hours, correlated over `width` of them, (k, d, s)."""
        bins = np.floor(self.days.time[0] / bin_h).astype(np.int64)
        drawn = self.chance.smooth(what, np.arange(bins.min(), bins.max() + 1)[None, :], width)
        return drawn[:, bins - bins.min()]

    def spells(self, what: str, per_day: Floats | float, least_h: float, most_h: float) -> Floats:
        """1 during short spells that come at random, so many per day on average, (k, d, s).

        One may start in each hour of absolute time, and lasts at most an hour.
        """
        now = np.floor(self.days.time).astype(np.int64)
        into = self.days.time - now
        ends = []
        for hour in (now, now - 1):
            starts = self.chance.uniform(f"{what}, start", hour)
            lasts = least_h + (most_h - least_h) * self.chance.uniform(f"{what}, length", hour)
            came = self.chance.uniform(what, hour) < per_day / 24
            since = into + (now - hour) - starts
            ends.append(came & (since >= 0) & (since < lasts))
        return (ends[0] | ends[1]).astype(np.float64)

    def begun(self, values: Floats, start: Floats | float) -> Floats:
        """Values (k, d, 1) of the day on which what starts at `start` o'clock began: before that hour, of yesterday, (k, d, s).

        The first day takes its own for yesterday's.
        """
        values = np.broadcast_to(values, (*values.shape[:1], *self.days.day.shape[1:]))
        yesterday = np.concatenate([values[:, :1], values[:, :-1]], axis=1)
        return np.where(self.days.hours >= start, values, yesterday)


def window(hours: Floats, start: Floats | float, stop: Floats | float, edge: float = 0.5) -> Floats:
    """1 from `start` to `stop` o'clock, across midnight where start is later, with edges of some hours."""
    length = (stop - start) % 24
    since = (hours - start) % 24
    to_edge: Floats = np.clip(np.minimum(since, length - since) / edge + 0.5, 0, 1) * (since < length)
    return to_edge


def _steady(chance: Chance, what: str, time: Floats, length: Floats, turn: float = 12) -> Floats:
    """A level from 0 to 1 that holds for `length` hours and turns to the next over `turn` hours, (k, d, s)."""
    at = time / length + chance.between(f"{what}, offset", 0, 1)
    number = np.floor(at).astype(np.int64)
    turned = np.clip((at - number) * length / turn, 0, 1)
    return chance.uniform(what, number - 1) * (1 - turned) + chance.uniform(what, number) * turned


def _metal(plants: Plants) -> Floats:
    """Foundry: heats of an induction furnace one after another, each melting, holding and tapping, in two shifts.

    A third of the plants melt at night, when power is cheap. A holding furnace keeps metal warm between the shifts.
    """
    days = plants.days
    start = np.where(plants.having("melts at night", 0.33) > 0, 21.0, 6.0) + plants.between("start", 0, 1)
    late = np.abs(0.25 * plants.chance.normal("late start", days.day))
    since = (days.hours - start) % 24 - plants.begun(late, start)
    heat_h = plants.between("heat", 1.5, 3)
    heat = np.floor(since / heat_h).astype(np.int64)
    into = since / heat_h - heat
    power = 0.9 + 0.1 * plants.chance.uniform("charge", np.floor(days.time / 24).astype(np.int64) * 32 + heat)
    furnace = np.select([into < 0.62, into < 0.85], [power, 0.4 * power], 0.08)
    manned = plants.begun(plants.manned, start)
    shift = (since >= 0) & (since < 16 * manned)
    return 0.06 + 0.05 * manned + shift * (0.14 + 0.7 * furnace)


def _food(plants: Plants) -> Floats:
    """Baking at night, packing by day, and cold stores whose compressors cycle, work harder in the heat, and defrost."""
    days = plants.days
    sunday = np.where(days.weekday == 6, 0.6, 1.0)
    made = sunday * (1 - 0.75 * days.feast) * (1 + 0.2 * days.before_feast)
    oven_h = plants.between("oven", 0.7, 1.2)
    batch = 0.85 + 0.15 * (((days.time / oven_h) % 1) < 0.75)
    baking = window(days.hours, 23 + plants.between("baking", 0, 1.5), 6.5, edge=1) * batch * made
    packing = window(days.hours, 8, 17) * plants.manned
    cycle_h = plants.between("compressor", 0.6, 1.4)
    warm = np.clip((days.temperature + 5) / 35, 0.1, 1.1)
    running = ((days.time / cycle_h + plants.between("compressor, offset", 0, 1)) % 1) < 0.35 + 0.45 * warm
    defrost = window(days.hours % 6, plants.between("defrost", 0.5, 5), plants.between("defrost", 0.5, 5) + 0.4, edge=0.1)
    cold = 0.1 + 0.12 * warm + 0.07 * running + 0.05 * defrost
    share: Floats = cold + 0.42 * baking + 0.12 * packing
    return share


def _chemical(plants: Plants) -> Floats:
    """Continuous operation in campaigns of weeks, each at a rate of its own; cooling follows the weather."""
    days = plants.days
    rate = _steady(plants.chance, "campaign", days.time, 24 * plants.between("campaign length", 15, 60), turn=18)
    cooling = np.clip(days.temperature, 0, 35) / 35
    return 0.68 + 0.2 * rate + 0.012 * plants.wander("wander", 1, 24) + 0.07 * cooling


def _ceramics(plants: Plants) -> Floats:
    """Two shuttle kilns, each heating up for half a day, soaking, cooling with fans, and reloaded; presses by day.

    A firing takes one and a half to three days, so its peaks walk through the day. Kilns idle over feasts and the vacation.
    """
    days = plants.days
    fired = np.zeros((1, 1, 1))
    for kiln in ("kiln 1", "kiln 2"):
        cycle_h = plants.between(f"{kiln}, cycle", 36, 72)
        into = days.time + plants.between(f"{kiln}, offset", 0, 72)
        hour = into % cycle_h
        heating, soaking = 0.33 * cycle_h, 0.5 * cycle_h
        cooling = 0.78 * cycle_h
        shares = [0.3 + 0.7 * hour / heating, np.ones_like(hour), 0.35 * np.exp(-(hour - soaking) / 12) + 0.1]
        fired = fired + np.select([hour < heating, hour < soaking, hour < cooling], shares, 0.03)
    pressing = window(days.hours, 8 + plants.between("pressing", 0, 1), 18, edge=1) * plants.manned
    return 0.08 + 0.33 * fired * (0.15 + 0.85 * plants.staying_open) + 0.2 * pressing


def _paper_wood(plants: Plants) -> Floats:
    """Paper machine in three shifts, seven days: grades change every day or two, a web break takes the drives off for a while."""
    days = plants.days
    grade = _steady(plants.chance, "grade", days.time, plants.between("grade length", 18, 60), turn=0.75)
    to_change = np.abs((days.hours - 6 + 4) % 8 - 4)
    dip = 0.04 * np.exp(-((to_change / 0.3) ** 2))
    broken = plants.spells("web break", plants.between("web breaks", 0.4, 1.2), 0.25, 1.0)
    stops = 1 - 0.75 * days.feast * plants.having("stops for feasts", 0.5)
    return (0.8 + 0.12 * grade - dip) * (1 - 0.32 * broken) * stops


def _energy_supplier(plants: Plants) -> Floats:
    """The load of a district: a morning rise, a noon dip where there is sun on the roofs, an evening peak, heating and cooling."""
    days = plants.days
    resting = np.where(days.working, 0.0, 1.0)
    awake = window(days.hours, 6, 23.5, edge=4)
    night = np.exp(-(((days.hours - 4) / 3) ** 2))
    morning = np.exp(-(((days.hours - 9.5 - 1.5 * resting - plants.between("morning", 0, 0.5)) / 2.2) ** 2))
    evening = np.exp(-(((days.hours - 19.5 - plants.between("evening", 0, 0.7)) / 2.8) ** 2))
    noon = np.exp(-(((days.hours - 12.5) / 2.2) ** 2)) * np.where(days.dry, 1.0, 0.3)
    degrees = np.clip(days.temperature - 22, 0, None) + 0.8 * np.clip(8 - days.temperature, 0, None)
    base = 0.4 - 0.05 * night + 0.14 * awake + 0.09 * morning + 0.15 * evening - plants.between("sun", 0.02, 0.1) * noon
    share: Floats = base - 0.09 * resting * awake + 0.018 * degrees * (0.55 + 0.45 * awake)
    return share


def _energy(plants: Plants) -> Floats:
    """Pumps that fill a storage in the cheap night hours, one after another, and stop when it is full; a booster at noon."""
    days = plants.days
    warm = np.clip(days.temperature.mean(axis=2, keepdims=True) - 15, 0, None)
    demand = np.clip(0.5 + 0.15 * plants.wander("demand", 24, 4)[:, :, :1] + 0.01 * warm, 0.1, 1)
    pumps = np.floor(plants.between("pumps", 2, 5))
    start = 22 + plants.between("start", 0, 1)
    since = (days.hours - start) % 24
    full_h = plants.begun(np.clip(3 + 6 * demand, 2, 9.5), start)
    on = [(since > 0.25 * k) & (since < full_h - 0.4 * k) & (k < pumps) for k in range(4)]
    running = np.sum(on, axis=0) / pumps
    booster = window(days.hours, 11.5, 11.5 + np.clip(4 * demand, 0.5, 4), edge=0.25) * plants.having("booster", 0.6)
    share: Floats = 0.07 + 0.78 * running + 0.18 * booster
    return share


def _other(plants: Plants) -> Floats:
    """Workshops: eight to six with a lunch break, machines that come and go, heating and cooling while people are there."""
    days = plants.days
    start = 8 + plants.between("start", -0.5, 1)
    there = window(days.hours, start, start + 10, edge=1.2) * plants.manned
    lunch = 1 - 0.3 * window(days.hours, 12, 13, edge=0.3)
    machines = 1 + 0.08 * plants.wander("machines", 0.5, 4)
    degrees = np.clip(days.temperature - 23, 0, None) + np.clip(8 - days.temperature, 0, None)
    return 0.1 + there * (0.5 * lunch * machines + 0.015 * degrees)


SHAPES: Mapping[Industry, Callable[[Plants], Floats]] = {
    Industry.ENERGY_SUPPLIER: _energy_supplier,
    Industry.METAL: _metal,
    Industry.FOOD: _food,
    Industry.ENERGY: _energy,
    Industry.CERAMICS: _ceramics,
    Industry.PAPER_WOOD: _paper_wood,
    Industry.CHEMICAL: _chemical,
    Industry.OTHER: _other,
}
