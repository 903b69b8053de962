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
_LEAST_READINGS = 50  # of neighbours, to tell how a load wanders
_UNKNOWN_PHI, _MOST_PHI = 0.5, 0.95
_FAR = 4.0  # distances count up to this when noise is measured
_LARGE = 1e150  # a product up to here may be multiplied once more

# Rows of `sums_of`.
_G, _Q, _C, _SHARE_G, _SHARE_Q, _SHARE_C, _RISE_G, _RISE_Q, _RISE_QQ, _RISE_C, _RISE_CC, _ROWS = range(12)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Found = tuple[float, int, int, float]


@compiled
def _cost(z: float) -> float:
    """Negative log density of Student's t, less that at 0."""
    return float(0.5 * (_NU + 1) * np.log1p(z * z / _NU))


@compiled
def _cost_of_all(distance: Floats, scale: float) -> float:
    """Sum of the costs of distances (n,) by a law of that scale. Logarithms take long: products are taken first, as far as they fit."""
    total, product, by = 0.0, 1.0, 1 / (_NU * scale * scale)
    for z in distance:
        product *= 1 + z * z * by
        if product > _LARGE:
            total += np.log(product)
            product = 1.0
    return float(0.5 * (_NU + 1) * (total + np.log(product)) + len(distance) * np.log(scale))


@compiled
def _left(deviation: Floats, known: Bools, phi: float, start: int, stop: int) -> Floats:
    """What the autoregression leaves of the distances in the intervals from `start` to before `stop`, those of which it is known."""
    out, count = np.empty(max(stop - start, 0)), 0
    for i in range(start, stop):
        if known[i] and (i == 0 or known[i - 1]):
            out[count] = deviation[i] - phi * (deviation[i - 1] if i else 0.0)
            count += 1
    return out[:count]


@compiled
def _cost_of(deviation: Floats, known: Bools, phi: float, start: int, stop: int, scale: float) -> float:
    """Negative log likelihood of the distances in intervals from `start` to before `stop`, whose noise is `scale` times the usual."""
    return _cost_of_all(_left(deviation, known, phi, start, stop), scale)


@compiled
def _tooth(number: int, teeth: int, length: int) -> int:
    """First interval of a tooth."""
    return (number * length + teeth - 1) // teeth


@compiled
def write(shape: int, teeth: int, expected: Floats, start: int, out: Floats) -> None:
    """A shape of size 1, kWh, over the intervals from `start` on that `out` is long."""
    length = len(out)
    for i in range(length):
        if shape == CONSTANT:
            out[i] = 1.0
        elif shape == SHARE:
            out[i] = expected[start + i]
        elif shape == RAMP:
            out[i] = i / max(length - 1, 1)
        else:
            out[i] = i - _tooth(i * teeth // length, teeth, length)


@compiled
def gain_of(kwh: Floats, expected: Floats, unit: Floats, known: Bools, phi: float, start: int, added: Floats, scale: float) -> float:
    """Gain of the deviation `added` (m,), kWh, in the intervals from `start` on, and of noise that is `scale` times the usual in them."""
    stop = start + len(added)
    end, first = min(stop + 1, len(kwh)), max(start - 1, 0)
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
def wandering(kwh: Floats, expected: Floats, unit: Floats, known: Bools) -> tuple[float, float]:
    """Autocorrelation of neighbouring distances (n,), and the robust spread of what it leaves, in units."""
    n = len(kwh)
    distance, along, square, count = np.zeros(n), 0.0, 0.0, 0
    for i in range(n):
        if known[i]:
            distance[i] = (kwh[i] - expected[i]) / unit[i]
            if i and known[i - 1]:
                near, before = min(max(distance[i], -_FAR), _FAR), min(max(distance[i - 1], -_FAR), _FAR)
                along, square, count = along + near * before, square + before * before, count + 1
    if count < _LEAST_READINGS:
        return _UNKNOWN_PHI, 1.0
    phi = min(max(along / square, 0.0), _MOST_PHI) if square > 0 else _UNKNOWN_PHI
    left, count = np.empty(count), 0
    for i in range(1, n):
        if known[i] and known[i - 1]:
            left[count] = abs(distance[i] - phi * distance[i - 1])
            count += 1
    return phi, max(1.4826 * float(np.median(left)), 0.05)


@compiled
def explained(kwh: Floats, expected: Floats, unit: Floats, known: Bools, event: tuple[int, int], start: int, added: Floats) -> float:
    """Share of the event's deviation (by log density, reading by reading) that `added` explains; below 0 where it adds to it."""
    plain, left, count = np.empty(event[1] - event[0]), np.empty(event[1] - event[0]), 0
    for i in range(event[0], event[1]):
        if known[i]:
            shape = added[i - start] if start <= i < start + len(added) else 0.0
            plain[count], left[count] = (kwh[i] - expected[i]) / unit[i], (kwh[i] - expected[i] - shape) / unit[i]
            count += 1
    before = _cost_of_all(plain[:count], 1.0)
    return 1 - _cost_of_all(left[:count], 1.0) / before if before > 0 else 0.0


@compiled
def sums_of(kwh: Floats, expected: Floats, unit: Floats, known: Bools, phi: float) -> Floats:
    """Sums over all intervals before each, (rows, n + 1), from which a shape is fitted to any segment in a few steps.

    A shape s of size 1 lowers what the autoregression leaves of reading i by s[i] u[i] - phi s[i-1] u[i-1], with u = 1 / unit. So least
    squares need the sums of s[i] g[i], s[i]^2 q[i] and s[i] s[i-1] c[i] with the g, q and c below: as they are for a constant, times the
    expected load for a share of it, and times i and i^2 for a rise.
    """
    n = len(kwh)
    told, left, sums = np.zeros(n + 1), np.zeros(n + 1), np.zeros((_ROWS, n + 1))
    for i in range(n):
        if known[i] and (i == 0 or known[i - 1]):
            before = (kwh[i - 1] - expected[i - 1]) / unit[i - 1] if i else 0.0
            told[i], left[i] = 1.0, (kwh[i] - expected[i]) / unit[i] - phi * before
    for i in range(n):
        u, e = 1 / unit[i], expected[i]
        g, q = u * (left[i] - phi * left[i + 1]), u * u * (told[i] + phi * phi * told[i + 1])
        c, before = (told[i] * u / unit[i - 1], expected[i - 1]) if i else (0.0, 0.0)
        each = (g, q, c, e * g, e * e * q, e * before * c, i * g, i * q, i * i * q, (2 * i - 1) * c, i * (i - 1) * c)
        for row in range(_ROWS):
            sums[row, i + 1] = sums[row, i] + each[row]
    return sums


@compiled
def _sum(sums: Floats, row: int, start: int, stop: int) -> float:
    return float(sums[row, stop] - sums[row, start])


@compiled
def _constant(sums: Floats, phi: float, row: int, start: int, stop: int) -> tuple[float, float]:
    """Sums of s g, and of the square of what s takes away, for a constant (`row` _G) or a share of the load (`row` _SHARE_G)."""
    square = _sum(sums, row + 1, start, stop) - 2 * phi * _sum(sums, row + 2, start + 1, stop)
    return _sum(sums, row, start, stop), square


@compiled
def _rise(sums: Floats, phi: float, start: int, stop: int) -> tuple[float, float]:
    """The same sums for 0, 1, 2, ... in the intervals from `start` on."""
    along = _sum(sums, _RISE_G, start, stop) - start * _sum(sums, _G, start, stop)
    alone = _sum(sums, _RISE_QQ, start, stop) - 2 * start * _sum(sums, _RISE_Q, start, stop) + start * start * _sum(sums, _Q, start, stop)
    second = start + 1
    pairs = _sum(sums, _RISE_CC, second, stop) - start * _sum(sums, _RISE_C, second, stop) + start * start * _sum(sums, _C, second, stop)
    return along, alone - 2 * phi * pairs


@compiled
def fitted(sums: Floats, phi: float, shape: int, teeth: int, start: int, stop: int) -> tuple[float, float]:
    """Size of a shape in [start, stop) by least squares, and by how much it lowers half the sum of squares."""
    along, square, height = 0.0, 0.0, 1.0
    if shape == CONSTANT:
        along, square = _constant(sums, phi, _G, start, stop)
    elif shape == SHARE:
        along, square = _constant(sums, phi, _SHARE_G, start, stop)
    elif shape == RAMP:
        along, square = _rise(sums, phi, start, stop)
        height = float(max(stop - start - 1, 1))
    else:
        for number in range(teeth):
            first = start + _tooth(number, teeth, stop - start)
            more = _rise(sums, phi, first, start + _tooth(number + 1, teeth, stop - start))
            along, square = along + more[0], square + more[1]
    if square <= 0:
        return 0.0, 0.0
    return along / square * height, along * along / square / 2


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
    sums: Floats,
    segments: tuple[Ints, Ints],
    shape: tuple[int, int],
    sizes: tuple[float, float],
    least: float,
) -> Found:
    """Best segment (gain, start, stop, size) of a shape with a free size within `sizes` that explains `least` of the event.

    `sums` is `sums_of` the same readings.
    """
    kind, teeth = shape
    reached, size_of, kept = np.zeros(_KEPT), np.zeros(_KEPT), np.zeros(_KEPT, np.int64)
    for k in range(len(segments[0])):
        size, lowered = fitted(sums, phi, kind, teeth, segments[0][k], segments[1][k])
        if lowered > reached[-1] and sizes[0] < size < sizes[1]:
            at = _KEPT - 1
            while at > 0 and lowered > reached[at - 1]:
                reached[at], size_of[at], kept[at] = reached[at - 1], size_of[at - 1], kept[at - 1]
                at -= 1
            reached[at], size_of[at], kept[at] = lowered, size, k
    best = (_BOUND, event[0], event[1], 0.0)
    for k in range(_KEPT):
        if reached[k] <= 0:
            break
        start, stop, size = segments[0][kept[k]], segments[1][kept[k]], size_of[k]
        added = np.empty(stop - start)
        write(kind, teeth, expected, start, added)
        added *= size
        gain = _roughest(kwh, expected, unit, known, phi, start, added, max(1 + size, _LEAST_LEFT) if kind == SHARE else 1.0)
        if gain > best[0] and explained(kwh, expected, unit, known, event, start, added) > least:
            best = (gain, start, stop, size)
    return best


@compiled
def _roughest(kwh: Floats, expected: Floats, unit: Floats, known: Bools, phi: float, start: int, added: Floats, scale: float) -> float:
    """The greatest gain of a deviation with noise of that scale, or of a rougher one, which costs."""
    stop = start + len(added)
    end, first = min(stop + 1, len(kwh)), max(start - 1, 0)
    there, deviation = known[first:end], np.zeros(end - first)
    for i in range(first, end):
        if known[i]:
            deviation[i - first] = (kwh[i] - expected[i]) / unit[i]
    inner, outer = stop - first, end - first
    before = _cost_of(deviation, there, phi, start - first, outer, 1.0)
    for i in range(start, stop):
        if known[i]:
            deviation[i - first] -= added[i - start] / unit[i]
    left = _left(deviation, there, phi, start - first, inner)
    least = _cost_of_all(left, scale)
    for rougher in _ROUGHER:
        least = min(least, _cost_of_all(left, rougher) + _ROUGHER_COSTS)
    return before - least - _cost_of(deviation, there, phi, inner, outer, 1.0)


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
