"""What each kind of fault does to a load, as pure functions; each is named in the file of faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TEETH = (3, 6)
_MOST_TAKEN = 0.9  # a brownout leaves at least a tenth of the load
_SMOOTH_H, _SMOOTH_READINGS = 1.0, 3  # what a load does from hour to hour, without its noise
_CYCLE_H = (1.5, 4.0)  # a machine on for half of it and off for the other half
_FADED = 3.0  # time constants until a decay is over: a twentieth is left
_BEAT_H, _BEAT_APART = (3.0, 6.0), (1.1, 1.2)  # period of one machine, and that of the other as a multiple of it
_LEAST_PER_PERIOD = 2.5  # readings: with fewer a sinusoid looks like another one of a longer period
_WEEK, _AT_REST = 7, 0.8  # days; a day of rest has less than so much of the energy of a working day


@dataclass(frozen=True)
class Place:
    """Intervals `start` to before `stop` of a load (n,) in kWh; `size` is the depth asked for, kWh per interval; `by` is in intervals."""

    load: Floats
    start: int
    stop: int
    size: float
    by: int
    per_hour: float
    rng: np.random.Generator

    @property
    def part(self) -> Floats:
        return self.load[self.start : self.stop]

    @property
    def length(self) -> int:
        return self.stop - self.start


def add(place: Place) -> Floats:
    return place.part + place.size


def take(place: Place) -> Floats | None:
    """None where less than the depth is there to be taken, unless the load goes below zero by itself."""
    if np.nanmin(place.load) >= 0 and np.nanmin(place.part) < place.size:
        return None
    return place.part - place.size


def add_ramp(place: Place) -> Floats:
    rise: Floats = 2 * place.size * np.linspace(0, 1, place.length)
    return place.part + rise


def add_noise(place: Place) -> Floats:
    drawn: Floats = place.rng.normal(size=place.length)
    return place.part + drawn * (place.size / float(np.abs(drawn).mean()))


def add_teeth(place: Place) -> Floats | None:
    """None where a rise would have fewer than two readings."""
    teeth = min(int(place.rng.integers(_TEETH[0], _TEETH[1] + 1)), place.length // 2)
    if teeth < 2:
        return None
    each = place.length / teeth
    rise: Floats = np.floor(np.arange(place.length) % each)
    return place.part + rise * (place.size / float(rise.mean()))


def zero(place: Place) -> Floats:
    return np.zeros_like(place.part)


def hold(place: Place) -> Floats:
    return np.full_like(place.part, np.nanmean(place.part) + place.size)


def scale_down(place: Place) -> Floats | None:
    mean = float(np.nanmean(place.part))
    if mean <= 0 or place.size > _MOST_TAKEN * mean:
        return None
    return place.part * (1 - place.size / mean)


def move(place: Place) -> Floats | None:
    """The load of `by` intervals earlier; None where it is no interval or reaches beyond the series."""
    first, last = place.start - place.by, place.stop - place.by
    if place.by == 0 or first < 0 or last > len(place.load):
        return None
    return place.load[first:last].copy()


def extend(place: Place) -> Floats | None:
    """The mean of the hour before goes on, wherever the load is lower."""
    hour = place.load[max(0, place.start - max(1, round(place.per_hour))) : place.start]
    if not np.isfinite(hour).any():
        return None
    return np.maximum(place.part, np.nanmean(hour))


def repeat(place: Place) -> Floats:
    return np.full_like(place.part, place.load[place.start - 1])


def raise_low(place: Place) -> Floats | None:
    """The low hours rise to a floor and keep their noise; None where it would lie above the hour before."""
    usual = _smooth(place)
    raised = np.maximum(_floor(usual, place.size) - usual, 0.0)
    hour = place.load[max(0, place.start - max(1, round(place.per_hour))) : place.start]
    if not np.isfinite(hour).any() or np.nanmax(usual + raised) > max(np.nanmean(hour), np.nanmax(usual)):
        return None
    return place.part + raised


def work_on(place: Place) -> Floats | None:
    """Each hour is that of a working day of the week before, drawn by chance; a collector that copies a day would copy it digit by digit.

    None where the day is a working day itself, or where no week is before it.
    """
    first = place.start - _WEEK * place.length
    if first < 0 or not np.isfinite(place.part).any():
        return None
    week = place.load[first : place.start].reshape(_WEEK, place.length)
    energy = np.where(np.isfinite(week).all(axis=1), week.mean(axis=1), np.nan)
    if not np.isfinite(energy).any():
        return None
    at_work = np.flatnonzero(energy >= np.nanmedian(energy))
    if np.nanmean(place.part) > _AT_REST * np.nanmean(energy[at_work]):
        return None
    hours = np.arange(place.length) // max(1, round(place.per_hour))
    days = place.rng.choice(at_work, size=int(hours[-1]) + 1)
    after: Floats = week[days[hours], np.arange(place.length)]
    return after


def cycle(place: Place) -> Floats | None:
    """On and off by turns of equal length, twice at least; None where less than the depth is there to be taken."""
    half = round(place.rng.uniform(*_CYCLE_H) * place.per_hour / 2)
    if half < 1 or place.length < 4 * half:
        return None
    return _not_below_zero(place, place.part + np.where(np.arange(place.length) // half % 2, -place.size, place.size))


def add_decay(place: Place) -> Floats | None:
    """A step that fades; None where there are too few readings to see it fade."""
    if place.length < _SMOOTH_READINGS:
        return None
    left = np.exp(-_FADED * np.arange(place.length) / place.length)
    return place.part + left * (place.size / float(left.mean()))


def beat(place: Place) -> Floats | None:
    """Two sinusoids of nearly equal periods; None where the load would go below zero or has too few readings for such periods."""
    period = place.rng.uniform(*_BEAT_H) * place.per_hour
    periods = np.array([period, period * place.rng.uniform(*_BEAT_APART)])
    if period < _LEAST_PER_PERIOD:
        return None
    wave = np.sin(2 * np.pi * (np.arange(1, place.length + 1)[:, None] / periods + place.rng.uniform(size=2))).sum(axis=1)
    return _not_below_zero(place, place.part + wave * (place.size / float(np.abs(wave).mean())))


def fade(place: Place) -> Floats | None:
    """A share of the load that grows from nothing; None where hardly anything would be left in the end."""
    growing = np.linspace(0, 1, place.length)
    mean = float(np.nanmean(place.part * growing))
    if mean <= 0 or place.size > _MOST_TAKEN * mean:
        return None
    return place.part * (1 - growing * (place.size / mean))


def _not_below_zero(place: Place, after: Floats) -> Floats | None:
    """None where readings would be below zero, unless the load goes there by itself."""
    return None if np.nanmin(place.load) >= 0 > np.nanmin(after) else after


def _smooth(place: Place) -> Floats:
    """Mean of the readings within half an hour of each one of the place, or of it and its neighbours; NaN where there is none."""
    width = max(_SMOOTH_READINGS, round(_SMOOTH_H * place.per_hour)) // 2
    around = [place.load[max(0, at - width) : at + width + 1] for at in range(place.start, place.stop)]
    return np.array([np.nanmean(one) if np.isfinite(one).any() else np.nan for one in around])


def _floor(usual: Floats, size: float) -> float:
    """The level that values (n,) must be raised to for their mean to rise by a size."""
    low = np.sort(usual[np.isfinite(usual)])
    count = np.arange(1, len(low) + 1)
    levels = (np.cumsum(low) + size * len(low)) / count  # of the floor if the lowest so many lie below it
    return float(levels[np.flatnonzero(levels >= low)[-1]])


CHANGES: Mapping[str, Callable[[Place], Floats | None]] = {
    "add": add,
    "take": take,
    "add_ramp": add_ramp,
    "add_noise": add_noise,
    "add_teeth": add_teeth,
    "zero": zero,
    "hold": hold,
    "scale_down": scale_down,
    "move": move,
    "extend": extend,
    "repeat": repeat,
    "raise_low": raise_low,
    "work_on": work_on,
    "cycle": cycle,
    "add_decay": add_decay,
    "beat": beat,
    "fade": fade,
}
