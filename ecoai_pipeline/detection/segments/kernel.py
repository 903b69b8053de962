"""The compiled part of the search for segments. All in one file, since numba's cache on disk looks at the outermost function's file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.compiled import compiled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Law = tuple[int, int, float, float, float, float, float]
"""Of blocks' maxima: days that are looked back at, blocks that a law needs, two quantiles, each as q and the distance from the location at
which a block's maximum has it, in scales, and the least scale."""
_STRONG = 4.0  # nats from which on a segment keeps weaker ones from speaking of its intervals
_READ = 0.5  # share of a segment, or of a block's segments, that must be known


@compiled
def search(
    distance: Floats,
    known: Bools,
    aside: Bools,
    lengths: Ints,
    flanks: Ints,
    block: Ints,
    a_day: int,
    law: Law,
) -> tuple[Floats, Ints, Ints]:
    """Evidence of each interval: that of the strangest segment it lies in, as far as no stranger one overlaps it, and where it begins and
    stops, (n,) each.

    A segment is measured by its mean distance, and by how much this differs from the mean of its flanks; both upwards and
    downwards. Each of the four is measured against the greatest that every block of the days before the segment's end brought of
    the same length.
    Evidence is NaN in days with fewer such blocks before them than the law needs.

    Args:
        distance: (n,) of a regular grid, 0 where not known.
        aside: intervals that do not tell what is normal; segments with any of them are not measured against.
        lengths, flanks: (k,) intervals of segments and of each flank; a flank of 0: no comparison with flanks.
        block: (n,) number of the block that an interval lies in, not falling; `a_day` of them make a day.
    """
    n, kinds = len(distance), len(lengths)
    total, read, apart = np.zeros(n + 1), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    for i in range(n):
        total[i + 1] = total[i] + distance[i]
        read[i + 1] = read[i] + known[i]
        apart[i + 1] = apart[i] + aside[i]
    level, beside, found = np.empty(n), np.empty(n), np.full((kinds, n), np.nan)
    sizes = np.bincount(block) if n else np.zeros(0, np.int64)
    for k in range(kinds):
        length, flank = lengths[k], flanks[k]
        if length >= n:
            continue
        _measure(total, read, length, flank, level, beside)
        _weigh(level, length, apart, block, sizes, a_day, law, found[k])
        if flank > 0:
            _weigh(beside, length, apart, block, sizes, a_day, law, found[k])
    evidence, first, stop = np.full(n, np.nan), np.zeros(n, np.int64), np.zeros(n, np.int64)
    _strongest(found, lengths, evidence, first, stop)
    return evidence, first, stop


@compiled
def _strongest(found: Floats, lengths: Ints, evidence: Floats, first: Ints, stop: Ints) -> None:
    """Give each interval the evidence of the strongest segment that holds it. Weaker segments that overlap a strong one count nothing.

    A long segment around a fault is nearly as strange as the fault; without this, all its hours would be.
    """
    n = found.shape[1]
    taken = np.zeros(n, np.bool_)
    rows, ends = np.nonzero(found > _STRONG)
    strength = np.empty(len(rows))
    for m in range(len(rows)):
        strength[m] = found[rows[m], ends[m]]
    for m in np.argsort(-strength):
        begin, end = ends[m] - lengths[rows[m]] + 1, ends[m] + 1
        if taken[begin] or taken[end - 1] or taken[begin:end].any():
            continue
        taken[begin:end] = True
        evidence[begin:end], first[begin:end], stop[begin:end] = strength[m], begin, end
    before = np.zeros(n + 1, np.int64)
    for i in range(n):
        before[i + 1] = before[i] + taken[i]
    for k in range(len(lengths)):
        for i in range(n):
            if before[i + 1] > before[max(i + 1 - lengths[k], 0)]:
                found[k, i] = np.nan
        _spread(found[k], lengths[k], evidence, first, stop)


@compiled
def _measure(total: Floats, read: Ints, length: int, flank: int, level: Floats, beside: Floats) -> None:
    """Mean distance of the segment that ends with each interval, and how much it exceeds that of its flanks; NaN if hardly known."""
    n = len(level)
    level[: length - 1] = np.nan
    beside[: length - 1] = np.nan
    for stop in range(length, n + 1):
        start = stop - length
        count = read[stop] - read[start]
        if count < _READ * length or count == 0:
            level[stop - 1] = beside[stop - 1] = np.nan
            continue
        mean = (total[stop] - total[start]) / count
        level[stop - 1] = mean
        before, after = max(start - flank, 0), min(stop + flank, n)
        around = read[start] - read[before] + read[after] - read[stop]
        sums = total[start] - total[before] + total[after] - total[stop]
        beside[stop - 1] = mean - sums / max(around, 1)


@compiled
def _weigh(values: Floats, length: int, apart: Ints, block: Ints, sizes: Ints, a_day: int, law: Law, found: Floats) -> None:
    """Raise `found` to the -log p of `values`, by the exponential laws of the blocks of the days before, one upwards and one downwards.

    Args:
        sizes: intervals of each block.
    """
    n, days = len(values), law[0]
    up, down = _maxima(values, length, apart, block, sizes, a_day)
    above, below = np.empty(days * a_day), np.empty(days * a_day)
    held, i = 0, 0
    for day in range(len(up) // a_day):
        if day > days:
            for b in range((day - days - 1) * a_day, (day - days) * a_day):
                _without(below, held, down[b])
                held = _without(above, held, up[b])
        if day > 0:
            for b in range((day - 1) * a_day, day * a_day):
                _with(below, held, down[b])
                held = _with(above, held, up[b])
        enough = held >= law[1]
        highest, per_above = _fitted(above, held, law) if enough else (0.0, 0.0)
        lowest, per_below = _fitted(below, held, law) if enough else (0.0, 0.0)
        while i < n and block[i] < (day + 1) * a_day:
            if enough and not np.isnan(values[i]):
                beyond = max((values[i] - highest) * per_above, (-values[i] - lowest) * per_below, 0.0)
                if not found[i] >= beyond:
                    found[i] = beyond
            i += 1


@compiled
def _maxima(values: Floats, length: int, apart: Ints, block: Ints, sizes: Ints, a_day: int) -> tuple[Floats, Floats]:
    """The greatest value of each block, and the greatest of the negative ones; NaN where too few segments tell."""
    blocks = -(-len(sizes) // a_day) * a_day
    up, down, counts = np.full(blocks, np.nan), np.full(blocks, np.nan), np.zeros(blocks, np.int64)
    for i in range(len(values)):
        value, b = values[i], block[i]
        if not np.isnan(value) and apart[i + 1] == apart[max(i + 1 - length, 0)]:
            counts[b] += 1
            if not up[b] >= value:
                up[b] = value
            if not down[b] >= -value:
                down[b] = -value
    for b in range(len(sizes)):
        if counts[b] < _READ * sizes[b]:
            up[b] = down[b] = np.nan
    return up, down


@compiled
def _fitted(ordered: Floats, held: int, law: Law) -> tuple[float, float]:
    """Location of the law of the first `held`, ascending, and the inverse of its scale."""
    _, _, low, near, high, far, least_scale = law
    lower, upper = _quantile(ordered, held, low), _quantile(ordered, held, high)
    scale = max((upper - lower) / (far - near), least_scale)
    return lower - scale * near, 1 / scale


@compiled
def _with(ordered: Floats, held: int, value: float) -> int:
    """Put a value into the first `held`, ascending; how many there are then."""
    if np.isnan(value):
        return held
    at = np.searchsorted(ordered[:held], value)
    for j in range(held, at, -1):
        ordered[j] = ordered[j - 1]
    ordered[at] = value
    return held + 1


@compiled
def _without(ordered: Floats, held: int, value: float) -> int:
    """Take a value that is there out of the first `held`; how many there are then."""
    if np.isnan(value):
        return held
    at = np.searchsorted(ordered[:held], value)
    for j in range(at, held - 1):
        ordered[j] = ordered[j + 1]
    return held - 1


@compiled
def _quantile(ordered: Floats, held: int, q: float) -> float:
    rank = q * (held - 1)
    below = int(rank)
    above = min(below + 1, held - 1)
    return float(ordered[below] + (rank - below) * (ordered[above] - ordered[below]))


@compiled
def _spread(found: Floats, length: int, evidence: Floats, first: Ints, stop: Ints) -> None:
    """Give each interval the greatest evidence of the segments that hold it, where it exceeds what the interval has."""
    n = len(found)
    queue, head, tail = np.empty(n, np.int64), 0, 0  # ends of segments that hold the interval, evidence falling
    for i in range(n - 1, -1, -1):
        if not np.isnan(found[i]):
            while tail > head and found[queue[tail - 1]] <= found[i]:
                tail -= 1
            queue[tail] = i
            tail += 1
        while tail > head and queue[head] > i + length - 1:
            head += 1
        if tail > head and not evidence[i] >= found[queue[head]]:
            evidence[i] = found[queue[head]]
            first[i], stop[i] = queue[head] - length + 1, queue[head] + 1
