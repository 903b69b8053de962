"""Days that are copies of earlier days: equal to them digit by digit."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from ecoai_pipeline.quality.collection.clocks import clock_changes, hours_of_day
from ecoai_pipeline.quality.collection.rows import DAY_US, HOUR_US, SHORTEST_DAY_H, Ints, Mask, Rows, runs
from ecoai_pipeline.settings import QualityParams

_LAGS = range(1, 8)  # days: the day before, the same weekday of the week before, and what lies between
_SAMPLES = 12  # readings of a day that are compared first
_ON_END = 8  # of them must be equal; the shortest run that is marked holds ten
_WEEK = 7


def copied_days(rows: Rows, params: QualityParams) -> pl.Series:
    """Which readings belong to days that repeat one of the seven days before them, digit by digit.

    A system that did not get a day may write an earlier one in its place. A run of readings, each equal to the one so many days before,
    is a copy as far as it covers whole days, of the local clock or of UTC, if

    - the days have at least `copied_values` different values;
    - it is no chance: let p be the share of readings that equal those so many days before, in the time before the run and where the value
      has just changed. It is at most `copied_share`; and with n changes in the days, p to the power of n is at most `copied_chance`. There
      must be a week to take p from.

    The first `day_edge_h` of a local day may be others: they may have come with the day before. A meter with coarse steps has few values,
    one of constant load few changes, and one that repeats itself by a program a high p. Of two equal days the later one is marked. The
    method is our own.

    Returns:
        A boolean for each row.
    """
    marked = np.zeros(len(rows.kwh), dtype=bool)
    for meter, days in _candidates(rows):
        for copy in _copies(rows, meter, days, params):
            marked[copy] = True
    return pl.Series("copied", marked)


def _candidates(rows: Rows) -> Iterator[tuple[int, int]]:
    """Meters and lags, days, of which readings on end, sampled over more than half a day, equal earlier ones."""
    firsts, stops, per_day = rows.edges[:-1], rows.edges[1:], rows.per_day
    sampled = [np.arange(a, b, n // _SAMPLES) for a, b, n in zip(firsts, stops, per_day, strict=True) if n >= _SAMPLES]
    sample = np.concatenate([np.empty(0, np.int64), *sampled])
    meter = rows.meter_of(sample)
    for days in _LAGS:
        begins, ends = runs(_pairs(rows, sample, firsts[meter], days * per_day[meter], days)[1])
        long = begins[ends - begins >= _ON_END]
        yield from ((int(one), days) for one in np.unique(meter[long]))


def _pairs(rows: Rows, at: Ints, opening: Ints | int, back: Ints | int, days: int) -> tuple[Mask, Mask]:
    """Which readings have one exactly so many days before them, a known number of rows back, and which of them equal it."""
    then = np.maximum(at - back, opening)
    paired = rows.start[at] - rows.start[then] == days * DAY_US
    return paired, paired & (rows.kwh[at] == rows.kwh[then])


def _copies(rows: Rows, meter: int, days: int, params: QualityParams) -> Iterator[slice]:
    """The rows of whole days of a meter that are copies of those so many days before."""
    opening, closing, per_day = int(rows.edges[meter]), int(rows.edges[meter + 1]), int(rows.per_day[meter])
    at = np.arange(opening, closing)
    paired, equal = _pairs(rows, at, opening, days * per_day, days)
    for change, _ in clock_changes(rows.zone[meter], int(rows.start[opening]), int(rows.stop[closing - 1])):
        over = (rows.start[at] >= change) & (rows.start[at] < change + days * DAY_US)
        paired, equal = paired & ~over, equal & ~over  # a local day before is not 24 hours before
    changed = np.append(True, np.diff(rows.kwh[at]) != 0)
    begins, ends = runs(equal)
    long = rows.stop[opening + ends - 1] - rows.start[opening + begins] >= (SHORTEST_DAY_H - params.day_edge_h) * HOUR_US
    for begin, end in zip(begins[long], ends[long], strict=True):
        copy = _whole_days(rows, meter, opening + int(begin), opening + int(end), params.day_edge_h)
        if paired[:begin].sum() < _WEEK * per_day or len(np.unique(rows.kwh[copy])) < params.copied_values:
            continue
        before = changed[:begin] & paired[:begin]
        p = (equal[:begin][before].sum() + 1) / (before.sum() + 2)
        changes = changed[copy.start - opening : copy.stop - opening].sum()
        if p <= params.copied_share and changes * math.log(p) <= math.log(params.copied_chance):
            yield copy


def _whole_days(rows: Rows, meter: int, begin: int, end: int, edge_h: float) -> slice:
    """The part of a run that covers whole days, of that clock by which it covers most; empty where it covers none."""
    edges = np.array([rows.start[begin], rows.stop[end - 1]])
    best = slice(begin, begin)
    for (opens_h, closes_h), slack_h in zip(hours_of_day(edges, rows.zone.gather([meter, meter])), (edge_h, edge_h, 0), strict=True):
        since = edges[0] if opens_h <= slack_h else edges[0] + round((24 - opens_h) * HOUR_US)
        until = edges[1] - round(closes_h * HOUR_US)
        if until - since >= (SHORTEST_DAY_H - slack_h) * HOUR_US:
            part = begin + np.searchsorted(rows.start[begin:end], (since, until))
            best = max(best, slice(int(part[0]), int(part[1])), key=lambda rows: rows.stop - rows.start)
    return best
