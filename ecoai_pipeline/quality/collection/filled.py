"""Days that were not collected and were filled with zeros: the zeros begin and end as the day turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from ecoai_pipeline.quality.collection.clocks import hours_of_day
from ecoai_pipeline.quality.collection.rows import DAY_US, HOUR_US, SHORTEST_DAY_H, Ints, Rows
from ecoai_pipeline.settings import QualityParams

_COARSEST_S = 7200  # longer intervals begin and end at midnight by themselves
_USUAL_LOW = 0.05  # quantile of a meter's readings
_WEEK_US = 7 * DAY_US
_PART, _OF_DAYS, _LEAST_DAYS = 0.75, 14, 5  # readings beside filled days at 14 buildings in Cambridge are half or all of the usual


def filled_days(rows: Rows, params: QualityParams) -> pl.Series:
    """Which zeros fill whole days of a meter that is otherwise not at zero.

    A plant seldom stops and starts exactly as the day turns. A system that collects by the day and gets nothing writes zeros until the
    day is over, by the local clock, by local standard time or by UTC; the first readings of the day may have come with the day before. A
    run of zeros is a filled day, or several of them, if

    - it begins at most `day_edge_h` after a midnight, or exactly at midnight by UTC, right after a reading above a
      quarter of the meter's usual low load (5 % quantile);
    - it ends at most as long after a midnight of the same clock, right before such a reading, or nothing has been read since;
    - the readings before it go back for a week, and at most `filled_zero_share` of them are zero, other such runs left out;
    - it is no day of rest: at most half of the same weekdays before it lie in such runs.

    A plant that rests on Sundays, a meter that is often idle and a solar plant fail the last two. An outage of unknown times meets the
    first two in one case of thirty. The method is our own.

    The reading right before or after a filled day is marked as well if it is part of an interval: less than three quarters of the median
    at the same time of the fourteen days before.

    Returns:
        A boolean for each row.
    """
    marked = np.zeros(len(rows.kwh), dtype=bool)
    earlier: list[_Run] = []
    for run in _whole_days(rows, params):
        earlier = [one for one in earlier if one.opening == run.opening]
        if _is_filled(run, earlier, rows, params.filled_zero_share):
            marked[run.first : run.last + 1] = True
            for beside in (run.first - 1, run.last + 1)[: 1 + run.is_over]:
                marked[beside] |= _is_part(rows, beside, run.opening)
        earlier.append(run)
    return pl.Series("filled", marked)


@dataclass(frozen=True)
class _Run:
    """Zeros by their rows, the first row of their meter, and whether a reading comes right after them."""

    first: int
    last: int
    opening: int
    is_over: bool


def _is_filled(run: _Run, earlier: list[_Run], rows: Rows, zero_share: float) -> bool:
    """Whether a meter with such a past neither comes to zero by itself nor rests on such a day."""
    others = np.ones(run.first - run.opening, dtype=bool)
    for one in earlier:
        others[one.first - run.opening : one.last + 1 - run.opening] = False
    past = rows.kwh[run.opening : run.first][others]
    past = past[np.isfinite(past)]
    if rows.start[run.first] - rows.start[run.opening] < _WEEK_US or not len(past) or (past == 0).mean() > zero_share:
        return False
    beside = rows.kwh[[run.first - 1, run.last + 1] if run.is_over else [run.first - 1]]
    return bool(beside.min() > np.quantile(past, _USUAL_LOW) / 4) and not _is_rest(run, earlier, rows.start)


def _is_part(rows: Rows, row: int, opening: int) -> bool:
    """Whether a reading is far below those at the same time of the days before, zeros and gaps left out."""
    time, interval_s = rows.start[row], int(rows.interval_s[row])
    before = np.arange(row, max(row - (_OF_DAYS + 1) * (86_400 // max(interval_s, 1)), opening), -1)
    same = (time - rows.start[before]) % DAY_US == 0
    usual = rows.kwh[before][same & (rows.interval_s[before] == interval_s)][1:]
    usual = usual[usual > 0]
    return len(usual) >= _LEAST_DAYS and bool(rows.kwh[row] < _PART * np.median(usual))


def _is_rest(run: _Run, earlier: list[_Run], time: Ints) -> bool:
    """Whether the meter was in such runs on more than half of the same weekdays before one of the days of the run."""
    start, stop, began = time[run.first], time[run.last], time[run.opening]
    for moment in range(start + DAY_US // 2, stop, DAY_US):
        weeks = range(moment - _WEEK_US, began, -_WEEK_US)
        rested = sum(time[one.first] <= week <= time[one.last] for week in weeks for one in earlier)
        if 2 * rested > len(weeks):
            return True
    return False


def _whole_days(rows: Rows, params: QualityParams) -> Iterator[_Run]:
    """Runs of zeros that begin soon after midnight and right after a reading, and end so or with the readings of the meter."""
    zero = (rows.kwh == 0) & (rows.interval_s <= _COARSEST_S)
    linked = zero & rows.follows
    linked[1:] &= zero[:-1]
    apart = np.append(np.flatnonzero(~linked), len(zero))
    first = np.flatnonzero(zero & ~linked)
    last = apart[np.searchsorted(apart, first, side="right")] - 1
    hours = (rows.stop[last] - rows.start[first]) / HOUR_US
    long = (hours >= SHORTEST_DAY_H - params.day_edge_h) & rows.follows[first]
    first, last, hours = first[long], last[long], hours[long]
    if not len(first):
        return
    meter = rows.meter_of(first)
    near_h = np.array([[params.day_edge_h], [params.day_edge_h], [0]])
    begins, ends = (hours_of_day(edges, rows.zone.gather(meter)) <= near_h for edges in (rows.start[first], rows.stop[last]))
    is_over = last + 1 < rows.edges[meter + 1]
    over = is_over & rows.follows[np.minimum(last + 1, len(zero) - 1)] & (begins & ends).any(axis=0)
    open_ = ~is_over & begins[:2].any(axis=0) & (hours <= params.zero_run_h)
    for n in np.flatnonzero(over | open_):
        yield _Run(int(first[n]), int(last[n]), int(rows.edges[meter[n]]), is_over=bool(is_over[n]))
