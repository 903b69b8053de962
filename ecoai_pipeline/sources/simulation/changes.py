"""What each kind of fault does to a load, as pure functions; each is named in the file of faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TEETH = (3, 6)
_MOST_TAKEN = 0.9  # a brownout leaves at least a tenth of the load


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
}
