"""Which kind an event is: the shape that makes its readings likeliest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from ecoai_pipeline.detection.kinds import kernel
from ecoai_pipeline.detection.kinds.around import Around, Floats, equal_runs
from ecoai_pipeline.domain import Kind

Segments = tuple[kernel.Ints, kernel.Ints]

MORE = (Kind.SURGE, Kind.SPIKE, Kind.LEAK, Kind.RAMP, Kind.SAWTOOTH, Kind.LONGER_SHIFT)
LESS = (Kind.SAG, Kind.BROWNOUT, Kind.OUTAGE)
"""Kinds of more energy than expected, and of less."""
SHAPED = (Kind.NOISY, Kind.SHIFTED_SCHEDULE, Kind.FLAT, Kind.PLATEAU, Kind.SAWTOOTH, Kind.STUCK_COUNTER)
"""Kinds that say how the load moved, whatever its energy."""
HELD = (Kind.FLAT, Kind.PLATEAU, Kind.STUCK_COUNTER)
"""Those of equal readings."""
_MORE, _LESS = (0.0, np.inf), (-np.inf, 0.0)
_SHARE_TAKEN = (-0.9, 0.0)  # less than a tenth left is an outage
_LASTING_H = 12.0  # a constant excess from here on is a leak
_NEW_LEVEL_H = 96.0  # what differs for longer is a new level of the load, higher or lower
_LOW_VOLTAGE_H = 12.0  # a network clears low voltage within hours; a plant at a share of its load for days has stopped most of itself
_DAY_H = 24.0
_MOVED_H = np.r_[-4:-0.9:0.25, 1:4.1:0.25]  # a quarter of an hour finer than anyone acts on
_TEETH = (3, 4, 5, 6)
# Nats it must be ahead: a share of a steady load is a constant, too, and a part of a plant stands still more often.
_AHEAD = {Kind.BROWNOUT: 1.5, Kind.RAMP: 3.0, Kind.SAWTOOTH: 3.0}
_NOISY = (0.2, 0.15)  # signs change in a fifth of the steps, and 15 % lie on the rarer side
_ONE_SIDED = 0.7  # of what an event differs, from which on it is more, or less, and neither a scatter nor another time of day
_LEAST_DROP = 0.2  # of the load, by which it would have fallen at the end of a shift: a plant that never stops has none
_SURE = 6.0  # nats from which on a shape tells where an event begins and ends, beside the log of the places it could have stood in
_LEAST_EXPLAINED = 0.2  # of the event, by the shape that names it; .1 and .3 name as many rightly
_LEAST_OF_A_COURSE = 0.4  # by a rise or by teeth: work with a break in it has a little of both
_LEAST_INTERVALS = 0.5  # a shape that is over sooner cannot be told from any other by a meter of so long intervals
_SHARED, _READ = 0.5, 0.5  # shares of a segment, or of the event: that lies within the other one; that was read
_EACH_UP_TO, _LENGTHS, _STARTS = 48, 32, 24  # of segments tried: lengths, one by one and on a logarithmic scale, and starts within one
_STEPS = 6  # beside either end of a long segment, as far as the starts tried within it lie apart
_DOWN, _DOWN_INTERVALS = 0.1, 0.6  # an outage: at most so much of the expected load, in so many of the intervals on end ...
_BELOW_BASE, _NOTHING = 0.5, 0.05  # ... and of what the meter hardly ever falls below, or of the expected load where that is nothing
_HELD, _HELD_SHARE, _HELD_LONG = 4, 0.5, 8  # equal readings: so many that fill half of the event, or simply many
_LEVEL = 5e-4  # equal to the hour before, as far as rounding lets one see
_JUMP = 3.0  # units by which the first of equal readings may depart from the one before it, if it is the last true one


@dataclass(frozen=True)
class Judged:
    """The kind of an event, the share of its deviation that this explains, and the next best kind; None where there is none.

    `shift_h` says of a shifted schedule how many hours later than expected the load came, below 0 earlier. `segment` is where the shape
    begins, and the interval after its last, counted in the series that the event lies in; None where this is not sure.
    """

    kind: Kind
    fit: float | None
    next_kind: Kind | None = None
    next_fit: float | None = None
    shift_h: float | None = None
    segment: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Named:
    """A kind with its gain, nats, and the deviation, kWh, that it puts into the intervals from `start` on."""

    kind: Kind
    gain: float
    start: int
    added: Floats
    scale: float = 1.0
    shift_h: float | None = None


def judge(around: Around, *, whole: bool = False) -> Judged:
    """Name an event: by equal readings where it has a run of them, as an outage where hardly anything came, else by its shape.

    Of the shapes that explain some of the event the one with the greatest likelihood ratio is taken, less the log of the number of
    places it could have stood in. Its `fit` is the share of the event's surprise that this takes away, so the kind that is named fits
    best. No shape that gains anything: an unusual shape; nothing to compare with: the same, without a fit.

    Args:
        whole: the event is not searched for any more. A kind of more energy is then named only where there is more, one of less only where
            less, and a shape only if it and the event share half of the longer one: a quarter of an hour is no leak.
    """
    start, stop = around.event
    if not around.known[start:stop].any():
        return Judged(Kind.UNUSUAL_SHAPE, None)
    possible = (named for named in _shapes(around) if named.gain > 0 and _moves(around, named.kind, named.start, len(named.added)))
    shapes = sorted(possible, key=lambda named: -named.gain)
    held = _held(around)
    if held is None or held.kind is Kind.OUTAGE:
        held = _down(around) or held  # what is left of the first and the last hour of an outage is not nothing
    found = [named for named in shapes if not held or named.kind is not held.kind]
    kinds = [held, *found] if held else found
    if whole:
        kinds = [named for named in kinds if _agrees(around, named.kind) and _as_long(around, named)]
    if not kinds:
        return Judged(Kind.UNUSUAL_SHAPE, 0.0)
    best, other = kinds[0], kinds[1] if len(kinds) > 1 else None
    segment = (around.first + best.start, around.first + best.start + len(best.added)) if best.gain > _SURE else None
    fit = _fit(around, best)
    next_kind, next_fit = (other.kind, min(fit, _fit(around, other))) if other else (None, None)
    return Judged(best.kind, fit, next_kind, next_fit, best.shift_h, segment)


def _agrees(around: Around, kind: Kind) -> bool:
    """Whether the event has more energy than expected, or less, or now more and now less, as its kind says."""
    rows = slice(*around.event)
    excess = float((around.kwh - around.expected)[rows][around.known[rows]].sum())
    if not _moves(around, kind, rows.start, rows.stop - rows.start):
        return False
    if kind is Kind.LONGER_SHIFT:
        return excess > _LEAST_DROP * float(around.kwh[rows][around.known[rows]].sum())
    return not (kind in MORE and excess < 0) and not (kind in LESS and excess > 0)


def _moves(around: Around, kind: Kind, start: int, length: int) -> bool:
    """Whether some intervals have more energy than expected as well as less, if a kind takes from some what it gives to others."""
    if kind not in (Kind.NOISY, Kind.SHIFTED_SCHEDULE):
        return True
    rows = slice(start, start + length)
    off = (around.kwh - around.expected)[rows][around.known[rows]]
    return abs(float(off.sum())) <= _ONE_SIDED * float(np.abs(off).sum())


def _as_long(around: Around, named: _Named) -> bool:
    """Whether a shape and the event share half of the longer one, and a new level lasts. Equal readings, outages and `SHAPED` kinds may
    be of any length."""
    (start, stop), end = around.event, named.start + len(named.added)
    both = min(stop, end) - max(start, named.start)
    if named.kind is Kind.LEVEL_SHIFT and stop - start < around.intervals(_NEW_LEVEL_H):
        return False
    told = np.isinf(named.gain) or named.kind in SHAPED
    return bool(told or both >= _SHARED * max(stop - start, len(named.added)))


def _shapes(around: Around) -> list[_Named]:
    event_h = (around.event[1] - around.event[0]) / around.per_hour
    longest = {hours: min(max(hours, 1.1 * event_h), _NEW_LEVEL_H) for hours in (8.0, 12.0, 72.0)}
    new_level = (_NEW_LEVEL_H, 1.1 * event_h)
    usual = float(np.abs(around.expected[around.known]).max())  # a leak is less than what the plant itself uses
    constant = partial(_scaled, around, kernel.CONSTANT, 0)
    found = [
        constant(Kind.SPIKE, (0.25, 0.75), _MORE),
        constant(Kind.SURGE, (1.0, _LASTING_H), _MORE),
        constant(Kind.LEAK, (_LASTING_H, longest[72.0]), (0.0, usual)),
        constant(Kind.SURGE, (_LASTING_H, longest[72.0]), (usual, np.inf)),
        constant(Kind.SAG, (0.25, longest[8.0]), _LESS),
        constant(Kind.LEVEL_SHIFT, new_level, (-np.inf, np.inf)),
        _scaled(around, kernel.SHARE, 0, Kind.LEVEL_SHIFT, new_level, (_SHARE_TAKEN[0], np.inf)),
        _scaled(around, kernel.SHARE, 0, Kind.BROWNOUT, (0.5, _LOW_VOLTAGE_H), _SHARE_TAKEN),
        _scaled(around, kernel.RAMP, 0, Kind.RAMP, (3.0, longest[12.0]), _MORE),
        *(_scaled(around, kernel.TEETH, teeth, Kind.SAWTOOTH, (3.0, longest[12.0]), _MORE) for teeth in _TEETH),
        _noisy(around, (2.0, longest[8.0])),
        _moved(around),
        _extended(around),
    ]
    best: dict[Kind, _Named] = {}
    for named in (one for one in found if one is not None):
        if named.kind not in best or named.gain > best[named.kind].gain:
            best[named.kind] = named
    return list(best.values())


def _segments(around: Around, hours: tuple[float, float]) -> Segments:
    """Segments between two lengths that share half of themselves, or of the event, with the event, and of which half was read."""
    lengths = _lengths(around.intervals(hours[0]), min(around.intervals(hours[1]), len(around.kwh)))
    return kernel.segments(around.known, around.event, lengths, _STARTS, _SHARED, _READ)


def _beside(around: Around, start: int, stop: int) -> Segments:
    """Segments that begin and end up to a step of the tried lengths beside one."""
    step = np.arange(-_STEPS, _STEPS + 1) * max(1, (stop - start) // (_STEPS * _STARTS))
    first, last = (edges.ravel() for edges in np.meshgrid(start + step, stop + step, indexing="ij"))
    within = (first >= 0) & (last <= len(around.kwh)) & (first < last)
    return first[within], last[within]


@lru_cache(maxsize=1024)
def _lengths(low: int, high: int) -> kernel.Ints:
    """All lengths up to some, beyond them about every tenth."""
    if high < low:
        return np.empty(0, np.int64)
    long = np.geomspace(low, high, _LENGTHS).round().astype(np.int64)
    return np.unique(np.concatenate((np.arange(low, min(high, _EACH_UP_TO) + 1), long)))


def _arrays(around: Around) -> tuple[Floats, Floats, Floats, kernel.Bools, float, tuple[int, int]]:
    return around.kwh, around.expected, around.unit, around.known, around.phi, around.event


def _scaled(around: Around, shape: int, teeth: int, kind: Kind, hours: tuple[float, float], sizes: tuple[float, float]) -> _Named | None:
    if hours[1] * around.per_hour < _LEAST_INTERVALS:
        return None
    segments = _segments(around, hours)
    least = _LEAST_EXPLAINED if shape in (kernel.CONSTANT, kernel.SHARE) else _LEAST_OF_A_COURSE
    best = partial(kernel.scaled, *_arrays(around), around.sums)
    gain, start, stop, size = best(segments, (shape, teeth), sizes, least)
    if stop - start > _EACH_UP_TO and gain > 0:
        gain, start, stop, size = max((gain, start, stop, size), best(_beside(around, start, stop), (shape, teeth), sizes, least))
    added = np.empty(stop - start)
    kernel.write(shape, teeth, around.expected, start, added)
    places = len(segments[0]) * (len(_TEETH) if teeth else 1)
    return _Named(kind, gain - _log(places) - _AHEAD.get(kind, 0.0), start, size * added)


def _noisy(around: Around, hours: tuple[float, float]) -> _Named:
    segments = _segments(around, hours)
    gain, start, stop, scale = kernel.noisy(*_arrays(around), segments, _NOISY)
    return _Named(Kind.NOISY, gain - _log(len(segments[0])), start, np.zeros(stop - start), scale)


def _moved(around: Around) -> _Named:
    """A day at another time; it may begin at any hour, so that the clock of the meter need not be known."""
    day, step, (start, stop) = around.intervals(_DAY_H), around.intervals(1.0), around.event
    first = np.arange(max(0, start - day + step), min(stop, len(around.kwh) - day + 1), step)
    shared = np.minimum(first + day, stop) - np.maximum(first, start)
    first = first[shared >= 0.5 * min(stop - start, day)]
    by = np.unique(np.round(_MOVED_H * around.per_hour).astype(np.int64))
    by = by[by != 0]
    gain, begin, end, shift = kernel.moved(*_arrays(around), (first, first + day), by, _LEAST_EXPLAINED)
    source = np.arange(begin, end) - int(shift)
    added = around.expected[np.clip(source, 0, len(around.expected) - 1)] - around.expected[begin:end]
    return _Named(Kind.SHIFTED_SCHEDULE, gain - _log(len(first) * len(by)), begin, added, shift_h=shift / around.per_hour)


def _extended(around: Around) -> _Named:
    (start, stop), reach, hour = around.event, around.intervals(2.0), around.intervals(1.0)
    first, last = np.meshgrid(np.arange(start - reach, start + reach + 1), np.arange(stop - reach, stop + reach + 1), indexing="ij")
    length = last - first
    fits = (first >= hour) & (last <= len(around.kwh)) & (length >= around.intervals(0.75)) & (length <= around.intervals(6.0))
    segments = first[fits], last[fits]
    gain, begin, end, level = kernel.extended(*_arrays(around), segments, hour, _LEAST_EXPLAINED)
    return _Named(Kind.LONGER_SHIFT, gain - _log(len(segments[0])), begin, np.maximum(level - around.expected[begin:end], 0.0))


def _held(around: Around) -> _Named | None:
    """What an unusually long run of equal readings means: nothing used, the level of the hour before, the last true reading, or a limit."""
    (first, last), kwh = around.event, np.where(around.known, around.kwh, np.nan)
    starts, stops = equal_runs(kwh)
    touching = (starts < last) & (stops > first)
    lengths = np.where(touching, stops - starts, 0)
    run = int(np.argmax(lengths))
    length, start, stop = int(lengths[run]), int(starts[run]), int(stops[run])
    long = length >= _HELD_LONG or (length >= _HELD and length >= _HELD_SHARE * (last - first))
    if not long or length <= around.repeated:
        return None
    return _Named(_meaning(around, start, stop), np.inf, start, around.kwh[start:stop] - around.expected[start:stop])


def _meaning(around: Around, start: int, stop: int) -> Kind:
    """What equal readings mean by their level."""
    value = float(around.kwh[start])
    if abs(value) <= _DOWN * float(np.abs(around.expected[start:stop]).mean()):
        return Kind.OUTAGE
    if _goes_on(around, start, value):
        return Kind.LONGER_SHIFT
    if start and around.known[start - 1]:
        jump = value - around.kwh[start - 1] - (around.expected[start] - around.expected[start - 1])
        if abs(jump) < _JUMP * around.unit[start]:
            return Kind.FLAT
    return Kind.PLATEAU


def _goes_on(around: Around, start: int, value: float) -> bool:
    """Whether a level is the mean of an hour shortly before it."""
    hour = around.intervals(1.0)
    if hour < 2:
        return False
    hours = [around.kwh[at - hour : at] for at in range(max(hour, start - hour), start + 2) if around.known[at - hour : at].all()]
    return any(float(np.ptp(one)) > 0 and abs(float(one.mean()) - value) <= _LEVEL * abs(value) for one in hours)


def _down(around: Around) -> _Named | None:
    """An outage: for most of the event, and on end, hardly anything of what was expected came, and less than the meter ever falls to.

    It goes on beyond the event as far as that holds.
    """
    start, stop = around.event
    kwh, expected = np.abs(around.kwh), around.expected
    floor = max(_BELOW_BASE * around.base, _NOTHING * float(np.abs(expected[start:stop][around.known[start:stop]]).mean()))
    down = around.known & (kwh <= _DOWN * expected) & (kwh <= floor)
    starts, stops = equal_runs(down.astype(np.float64))
    lengths = np.where(down[starts] & (starts < stop) & (stops > start), stops - starts, 0)
    longest = int(np.argmax(lengths))
    if lengths[longest] < _DOWN_INTERVALS * around.known[start:stop].sum():
        return None
    first, last = int(starts[longest]), int(stops[longest])
    return _Named(Kind.OUTAGE, np.inf, first, -around.expected[first:last])


def _fit(around: Around, named: _Named) -> float:
    """Share of the surprise of the event's readings that a shape takes away; all of it where the shape is the readings themselves."""
    if np.isinf(named.gain):
        return 1.0
    surprise = kernel.surprise(around.kwh, around.expected, around.unit, around.known, around.phi, around.event)
    return float(np.clip(named.gain / surprise, 0.0, 1.0)) if surprise > 0 else 0.0


def _log(count: int) -> float:
    return float(np.log(max(count, 1)))
