"""Calendar and weather of a span of local days: what all plants of the country share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.sources.simulation.chance import Chance, Floats, Integers

Flags = NDArray[np.bool_]
_EPOCH = date(1970, 1, 1)
_BRIDGE_DAYS = 1  # plants stop for this many days on either side of Seollal and Chuseok


@dataclass(frozen=True)
class Days:
    """Days along axis 1 and steps of a day along axis 2; axis 0 is that of the meters.

    Attributes:
        day: days since 1970-01-01, (1, d, 1).
        hours: middle of each step, hours since midnight, (1, 1, s).
        weekday: Monday is 0, (1, d, 1).
        holiday: a public holiday, (1, d, 1).
        feast: Seollal, Chuseok and the days around them, when plants stop, (1, d, 1).
        before_feast: the ten days before those, when food is made ahead, (1, d, 1).
        temperature: outdoors, °C, (1, d, s).
        dry: no rain, (1, d, 1).
    """

    dates: tuple[date, ...]
    day: Integers
    hours: Floats
    weekday: Integers
    holiday: Flags
    feast: Flags
    before_feast: Flags
    temperature: Floats
    dry: Flags

    def without_first(self) -> Days:
        """The days but the first."""
        rest = {name: value[:, 1:] for name, value in vars(self).items() if name not in ("dates", "hours")}
        return Days(dates=self.dates[1:], hours=self.hours, **rest)

    @property
    def time(self) -> Floats:
        """Local hours since 1970, (1, d, s)."""
        return self.day * 24 + self.hours

    @property
    def of_year(self) -> Floats:
        """Day of the year, (1, d, 1)."""
        return _days([day.timetuple().tm_yday for day in self.dates]).astype(np.float64)

    @property
    def working(self) -> Flags:
        """Monday to Friday without holidays, (1, d, 1)."""
        return (self.weekday < 5) & ~self.holiday & ~self.feast


def days_of(first: date, count: int, steps: int, seed: int) -> Days:
    """`count` local days from `first`, each of `steps` steps, in Korea."""
    dates = tuple(first + timedelta(days=k) for k in range(count))
    day = _days([(each - _EPOCH).days for each in dates])
    hours = ((np.arange(steps) + 0.5) * 24 / steps)[None, None, :]
    weather = Chance.of(seed, ["weather"])
    holidays, feasts = _holidays(first.year - 1, dates[-1].year + 1)
    feast = [each in feasts for each in dates]
    ahead = [any(each + timedelta(days=k) in feasts for k in range(1, 11)) and each not in feasts for each in dates]
    return Days(
        dates=dates,
        day=day,
        hours=hours,
        weekday=_days([each.weekday() for each in dates]),
        holiday=_days([each in holidays for each in dates]).astype(bool),
        feast=_days(feast).astype(bool),
        before_feast=_days(ahead).astype(bool),
        temperature=_temperature(dates, day, hours, weather),
        dry=weather.uniform("rain", day) < 0.7,
    )


def _days(values: Sequence[int]) -> Integers:
    return np.array(values, dtype=np.int64)[None, :, None]


def _holidays(first_year: int, last_year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Public holidays of Korea, and the days around Seollal and Chuseok on which plants stop."""
    import holidays

    known = holidays.country_holidays("KR", years=range(first_year, last_year + 1), language="en_US")
    feasts = {
        day + timedelta(days=k)
        for day, name in known.items()
        if "Korean New Year" in name or "Chuseok" in name
        for k in range(-_BRIDGE_DAYS, _BRIDGE_DAYS + 1)
    }
    return frozenset(known), frozenset(feasts)


def _temperature(dates: Sequence[date], day: Integers, hours: Floats, weather: Chance) -> Floats:
    """Seoul: -2 °C in mid January, 26 °C in early August, warm and cold spells of days, warmest at three."""
    of_year = _days([each.timetuple().tm_yday for each in dates])
    season = 12 - 14 * np.cos(2 * np.pi * (of_year - 23) / 365.25)
    spells = 3 * weather.smooth("spell", day[:, :, 0], 5)[:, :, None]
    temperature: Floats = season + spells + 4 * np.cos(2 * np.pi * (hours - 15) / 24)
    return temperature
