"""The compiled part of judging kinds: how much likelier a shape makes the readings than what was expected of them.

A reading's distance from the expected load, in units of its usual noise, follows an autoregression of first order; what it leaves is
Student's t. A shape adds a deviation to some intervals. Its gain is the difference of the log likelihoods with and without it,
in nats. All arrays are float64 (n,) of a regular grid: `kwh`, `expected`, `unit` (noise, kWh), and bool `known`.
Everything is in this one file since numba's cache on disk looks at the file of the outermost function only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.compiled import compiled

CONSTANT, SHARE, RAMP, TEETH = range(4)
_NU = 4.0  # degrees of freedom; 2 and 8 name as many faults rightly, to a hundredth
_KEPT = 6  # of the segments that fit best by least squares, looked at again by likelihood
_LEAST_LEFT = 0.15  # a share falls to this at least, as far as its noise shrinks with it
_SCALES = (0.5, 0.7, 0.9, 1.1)
_ROUGHER = (3.0, 10.0, 30.0)  # times the usual noise within a shape: a real fault is seldom as smooth as the load of a steady machine
_ROUGHER_COSTS = 2.0  # nats; without, .004 to .008 more of macro-F1 on simulated faults, whose shapes are exact
_HOPELESS = 50.0  # nats behind, from where no quieter reading brings a moved load back
_BOUND = -1e9

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Found = tuple[float, int, int, float]


@compiled
def _cost(z: float) -> float:
    """Negative log density of Student's t, less that at 0."""
    return float(0.5 * (_NU + 1) * np.log1p(z * z / _NU))


@compiled
def _cost_of(deviation: Floats, known: Bools, phi: float, start: int, stop: int, scale: float) -> float:
    """Negative log likelihood of the distances in intervals from `start` to before `stop`, whose noise is `scale` times the usual."""
    total = 0.0
    for i in range(start, stop):
        if known[i] and (i == 0 or known[i - 1]):
            before = deviation[i - 1] if i else 0.0
            total += _cost((deviation[i] - phi * before) / scale) + np.log(scale)
    return total


@compiled
def write(shape: int, teeth: int, expected: Floats, start: int, out: Floats) -> None:
    """A shape of size 1, kWh, over the intervals from `start` on that `out` is long."""
    length = len(out)
    each = length / max(teeth, 1)
    for i in range(length):
        if shape == CONSTANT:
            out[i] = 1.0
        elif shape == SHARE:
            out[i] = expected[start + i]
        elif shape == RAMP:
            out[i] = i / max(length - 1, 1)
        else:
            out[i] = np.floor(i % each)


@compiled
def gain_of(kwh: Floats, expected: Floats, unit: Floats, known: Bools, phi: float, start: int, added: Floats, scale: float) -> float:
    """Gain of the deviation `added` (m,), kWh, in the intervals from `start` on, and of noise that is `scale` times the usual in them."""
    stop = start + len(added)
    end = min(stop + 1, len(kwh))
    first = max(start - 1, 0)
    plain, left = np.zeros(end - first), np.zeros(end - first)
    for i in range(first, end):
        if known[i]:
            plain[i - first] = (kwh[i] - expected[i]) / unit[i]
            shape = added[i - start] if start <= i < stop else 0.0
            left[i - first] = plain[i - first] - shape / unit[i]
    there, offset = known[first:end], start - first
    inner, outer = offset + len(added), end - first
    before = _cost_of(plain, there, phi, offset, outer, 1.0)
    return before - _cost_of(left, there, phi, offset, inner, scale) - _cost_of(left, there, phi, inner, outer, 1.0)


@compiled
def surprise(kwh: Floats, expected: Floats, unit: Floats, known: Bools, phi: float, event: tuple[int, int]) -> float:
    """Negative log likelihood of the event's readings and the one after it, nats, less that of readings as expected."""
    end = min(event[1] + 1, len(kwh))
    deviation = np.where(known, (kwh - expected) / unit, 0.0)
    return _cost_of(deviation, known, phi, event[0], end, 1.0)


@compiled
def explained(kwh: Floats, expected: Floats, unit: Floats, known: Bools, event: tuple[int, int], start: int, added: Floats) -> float:
    """Share of the event's deviation (by log density, reading by reading) that `added` explains; below 0 where it adds to it."""
    before, after = 0.0, 0.0
    for i in range(event[0], event[1]):
        if known[i]:
            shape = added[i - start] if start <= i < start + len(added) else 0.0
            before += _cost((kwh[i] - expected[i]) / unit[i])
            after += _cost((kwh[i] - expected[i] - shape) / unit[i])
    return 1 - after / before if before > 0 else 0.0


@compiled
def _least_squares(inverse: Floats, left: Floats, phi: float, start: int, shape: Floats) -> tuple[float, float]:
    """Size of a shape (m,) by least squares, and by how much it lowers half the sum of squares.

    `inverse` (n,) is 1 / unit, `left` (n,) what the autoregression leaves of the distances; NaN where that is not known.
    """
    stop = start + len(shape)
    along, square, before = 0.0, 0.0, 0.0
    for i in range(start, min(stop + 1, len(left))):
        here = shape[i - start] * inverse[i] if i < stop else 0.0
        if not np.isnan(left[i]):
            u = here - phi * before
            along += u * left[i]
            square += u * u
        before = here
    if square <= 0:
        return 0.0, 0.0
    return along / square, along * along / square / 2


@compiled
def _left(kwh: Floats, expected: Floats, unit: Floats, known: Bools, phi: float) -> Floats:
    """What the autoregression leaves of the distances, (n,); NaN where a reading or the one before it is not known."""
    out = np.full(len(kwh), np.nan)
    for i in range(len(kwh)):
        if known[i] and (i == 0 or known[i - 1]):
            before = (kwh[i - 1] - expected[i - 1]) / unit[i - 1] if i else 0.0
            out[i] = (kwh[i] - expected[i]) / unit[i] - phi * before
    return out


@compiled
def segments(known: Bools, event: tuple[int, int], lengths: Ints, starts: int, shared: float, read: float) -> tuple[Ints, Ints]:
    """First interval and the one after the last of the segments of some lengths that could belong to an event.

    Each length is tried at about `starts` places per length; a segment and the event share at least `shared` of the shorter one, and
    `read` of the segment is known.
    """
    n, (start, stop) = len(known), event
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(known)))
    count = 0
    for length in lengths:
        count += max(0, (min(stop, n - length + 1) - max(0, start - length + 1)) // max(1, length // starts) + 1)
    first, last, found = np.empty(count, np.int64), np.empty(count, np.int64), 0
    for length in lengths:
        for at in range(max(0, start - length + 1), min(stop, n - length + 1), max(1, length // starts)):
            both = min(at + length, stop) - max(at, start)
            if both >= shared * min(stop - start, length) and before[at + length] - before[at] >= read * length:
                first[found], last[found] = at, at + length
                found += 1
    return first[:found], last[:found]


@compiled
def scaled(
    kwh: Floats,
    expected: Floats,
    unit: Floats,
    known: Bools,
    phi: float,
    event: tuple[int, int],
    segments: tuple[Ints, Ints],
    shape: tuple[int, int],
    sizes: tuple[float, float],
    least: float,
) -> Found:
    """Best segment (gain, start, stop, size) of a shape with a free size within `sizes` that explains `least` of the event."""
    kind, teeth = shape
    count = len(segments[0])
    reached, size_of = np.full(count, _BOUND), np.zeros(count)
    inverse, left, room = 1 / unit, _left(kwh, expected, unit, known, phi), np.empty(len(kwh))
    for k in range(count):
        start, stop = segments[0][k], segments[1][k]
        added = room[: stop - start]
        write(kind, teeth, expected, start, added)
        size, gain = _least_squares(inverse, left, phi, start, added)
        if sizes[0] < size < sizes[1]:
            reached[k], size_of[k] = gain, size
    best = (_BOUND, event[0], event[1], 0.0)
    for k in np.argsort(-reached)[:_KEPT]:
        if reached[k] <= 0:
            break
        start, stop, size = segments[0][k], segments[1][k], size_of[k]
        added = np.empty(stop - start)
        write(kind, teeth, expected, start, added)
        added *= size
        least_scale = max(1 + size, _LEAST_LEFT) if kind == SHARE else 1.0
        gain = gain_of(kwh, expected, unit, known, phi, start, added, least_scale)
        for scale in _ROUGHER:
            gain = max(gain, gain_of(kwh, expected, unit, known, phi, start, added, scale) - _ROUGHER_COSTS)
        if gain > best[0] and explained(kwh, expected, unit, known, event, start, added) > least:
            best = (gain, start, stop, size)
    return best


@compiled
def noisy(
    kwh: Floats,
    expected: Floats,
    unit: Floats,
    known: Bools,
    phi: float,
    event: tuple[int, int],
    segments: tuple[Ints, Ints],
    least: tuple[float, float],
) -> Found:
    """Best segment (gain, start, stop, scale) in which the noise is `scale` times the usual.

    The residual must change its sign in `least[0]` of the steps, and lie on either side for `least[1]` of the intervals.
    """
    deviation = np.where(known, (kwh - expected) / unit, 0.0)
    best = (_BOUND, event[0], event[1], 1.0)
    for k in range(len(segments[0])):
        start, stop = segments[0][k], segments[1][k]
        crossings, above, count, square = 0, 0, 0, 0.0
        for i in range(max(start, 1), stop):
            if known[i] and known[i - 1]:
                crossings += (deviation[i] > 0) != (deviation[i - 1] > 0)
                above += deviation[i] > 0
                square += min((deviation[i] - phi * deviation[i - 1]) ** 2, 400.0)
                count += 1
        if count < 2 or crossings < least[0] * count or min(above, count - above) < least[1] * count:
            continue
        plain = _cost_of(deviation, known, phi, start, stop, 1.0)
        for part in _SCALES:
            scale = max(np.sqrt(square / count) * part, 1.01)
            gain = plain - _cost_of(deviation, known, phi, start, stop, scale) - 1
            if gain > best[0]:
                best = (gain, start, stop, scale)
    return best


@compiled
def moved(
    kwh: Floats,
    expected: Floats,
    unit: Floats,
    known: Bools,
    phi: float,
    event: tuple[int, int],
    segments: tuple[Ints, Ints],
    by: Ints,
    least: float,
) -> Found:
    """Best segment (gain, start, stop, intervals) in which the expected load comes so many intervals later (below 0: earlier).

    The noise moves with it: where the load usually jumps, the moved one may jump, too.
    """
    n = len(kwh)
    deviation = np.where(known, (kwh - expected) / unit, 0.0)
    best = (_BOUND, event[0], event[1], 0.0)
    for k in range(len(segments[0])):
        start, stop = segments[0][k], segments[1][k]
        plain = _cost_of(deviation, known, phi, start, stop, 1.0)
        for shift in by:
            if start - shift < 0 or stop - shift > n:
                continue
            gain, last, there = plain, 0.0, False
            for i in range(start, stop):
                if not (known[i] and known[i - shift]):
                    there = False
                    continue
                noise = max(unit[i - shift], unit[i] / 2)
                own = (kwh[i] - expected[i - shift]) / noise
                if there or i == start:
                    gain -= _cost(own - phi * last) + np.log(noise / unit[i])
                last, there = own, True
                if gain < best[0] - _HOPELESS:
                    break
            if gain > best[0]:
                added = expected[start - shift : stop - shift] - expected[start:stop]
                if explained(kwh, expected, unit, known, event, start, added) > least:
                    best = (gain, start, stop, float(shift))
    return best


@compiled
def extended(
    kwh: Floats,
    expected: Floats,
    unit: Floats,
    known: Bools,
    phi: float,
    event: tuple[int, int],
    segments: tuple[Ints, Ints],
    hour: int,
    least: float,
) -> Found:
    """Best segment (gain, start, stop, level) in which the mean of the hour before goes on, wherever less is expected."""
    best = (_BOUND, event[0], event[1], 0.0)
    for k in range(len(segments[0])):
        start, stop = segments[0][k], segments[1][k]
        if start < hour or not known[start - hour : start].all():
            continue
        level = kwh[start - hour : start].mean()
        added = np.maximum(level - expected[start:stop], 0.0)
        gain = gain_of(kwh, expected, unit, known, phi, start, added, 1.0)
        if gain > best[0] and explained(kwh, expected, unit, known, event, start, added) > least:
            best = (gain, start, stop, level)
    return best
