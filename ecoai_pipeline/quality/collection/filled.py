"""Days that were not collected and were filled with zeros: the zeros begin and end as the day turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.quality.collection.clocks import hours_of_day
from ecoai_pipeline.settings import QualityParams

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
_SHORTEST_DAY_H = 23  # that on which the clock goes forward
_COARSEST_S = 7200  # longer intervals begin and end at midnight by themselves
_USUAL_LOW = 0.05  # quantile of a meter's readings
_HOUR_US = 3_600_000_000
_DAY = 24 * _HOUR_US
_WEEK = 7 * _DAY


def filled_days(frame: pl.DataFrame, params: QualityParams) -> pl.Series:
    """Which zeros fill whole days of a meter that is otherwise not at zero.

    A plant seldom stops and starts exactly as the day turns. A system that collects by the day and gets nothing writes zeros until the
    day is over, by the local clock, by local standard time or by UTC; the first readings of the day may have come with the day before. A
    run of zeros is a filled day, or several of them, if

    - it begins at most `filled_edge_h` after a midnight, or exactly at midnight by UTC, right after a reading above a
      quarter of the meter's usual low load (5 % quantile);
    - it ends at most as long after a midnight of the same clock, right before such a reading, or nothing has been read since;
    - the readings before it go back for a week, and at most `filled_zero_share` of them are zero, other such runs left out;
    - it is no day of rest: at most half of the same weekdays before it lie in such runs.

    A plant that rests on Sundays, a meter that is often idle and a solar plant fail the last two. An outage of unknown times meets the
    first two in one case of thirty. The method is our own.

    Args:
        frame: readings sorted by meter and time, with `zone` and `run_h`.

    Returns:
        A boolean for each row.
    """
    kwh, time = frame["kwh"].to_numpy(), frame["timestamp"].to_physical().to_numpy()
    marked = np.zeros(frame.height, dtype=bool)
    earlier: list[_Run] = []
    for run in _whole_days(frame, params.filled_edge_h, params.zero_run_h):
        earlier = [one for one in earlier if one.opening == run.opening]
        marked[run.first : run.last + 1] = _is_filled(run, earlier, kwh, time, params.filled_zero_share)
        earlier.append(run)
    return pl.Series("filled", marked)


@dataclass(frozen=True)
class _Run:
    """Zeros by their rows, the first row of their meter, and whether a reading comes right after them."""

    first: int
    last: int
    opening: int
    is_over: bool


def _is_filled(run: _Run, earlier: list[_Run], kwh: Floats, time: Rows, zero_share: float) -> bool:
    """Whether a meter with such a past neither comes to zero by itself nor rests on such a day."""
    others = np.ones(run.first - run.opening, dtype=bool)
    for one in earlier:
        others[one.first - run.opening : one.last + 1 - run.opening] = False
    past = kwh[run.opening : run.first][others]
    past = past[np.isfinite(past)]
    if time[run.first] - time[run.opening] < _WEEK or not len(past) or (past == 0).mean() > zero_share:
        return False
    beside = kwh[[run.first - 1, run.last + 1] if run.is_over else [run.first - 1]]
    return bool(beside.min() > np.quantile(past, _USUAL_LOW) / 4) and not _is_rest(run, earlier, time)


def _is_rest(run: _Run, earlier: list[_Run], time: Rows) -> bool:
    """Whether the meter was in such runs on more than half of the same weekdays before one of the days of the run."""
    start, stop, began = time[run.first], time[run.last], time[run.opening]
    for moment in range(start + _DAY // 2, stop, _DAY):
        weeks = range(moment - _WEEK, began, -_WEEK)
        rested = sum(time[one.first] <= week <= time[one.last] for week in weeks for one in earlier)
        if 2 * rested > len(weeks):
            return True
    return False


def _whole_days(frame: pl.DataFrame, edge_h: float, open_h: float) -> Iterator[_Run]:
    """Runs of zeros that begin soon after midnight and right after a reading, and end so or with the readings of the meter."""
    least_h = _SHORTEST_DAY_H - edge_h
    long = (pl.col("kwh") == 0) & (pl.col("run_h") >= least_h) & (pl.col("interval_s") <= _COARSEST_S)
    rows = frame.select(long.fill_null(value=False).arg_true()).to_series().to_numpy().astype(np.int64)
    if not len(rows):
        return
    meter, start = frame["meter_id"].rle_id().to_numpy(), frame["timestamp"].to_physical().to_numpy()
    stop = start + frame["interval_s"].cast(pl.Int64).to_numpy() * 1_000_000
    follows = np.append(False, (meter[1:] == meter[:-1]) & (start[1:] == stop[:-1]))
    first, last = _ends(rows, follows)
    opening, closing = (np.searchsorted(meter, meter[first], side=side) for side in ("left", "right"))
    near_h = np.array([[edge_h], [edge_h], [0]])
    begins, ends = (hours_of_day(edges, frame["zone"].gather(first)) <= near_h for edges in (start[first], stop[last]))
    hours = (stop[last] - start[first]) / _HOUR_US
    is_over = last + 1 < closing
    over = is_over & follows[np.minimum(last + 1, len(meter) - 1)] & (begins & ends).any(axis=0)
    open_ = ~is_over & begins[:2].any(axis=0) & (hours <= open_h)
    for n in np.flatnonzero(follows[first] & (hours >= least_h) & (over | open_)):
        yield _Run(int(first[n]), int(last[n]), int(opening[n]), is_over=bool(is_over[n]))


def _ends(rows: Rows, follows: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """First and last of rows that follow each other in time."""
    opens = np.ones(len(rows), dtype=bool)
    opens[1:] = (np.diff(rows) > 1) | ~follows[rows[1:]]
    starts = np.flatnonzero(opens)
    return rows[starts], rows[np.append(starts[1:], len(rows)) - 1]
