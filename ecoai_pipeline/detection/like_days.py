"""The same hours of the days before an event: whether they differ from it as much as the expected load says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.kinds.around import equal_runs
from ecoai_pipeline.detection.loads import Load
from ecoai_pipeline.features.calendar import Place, holidays_of

Floats = NDArray[np.float64]
WEEKS = 6
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_FRIDAY, _SUNDAY = 4, 6
_READ = 0.9  # share of the hours that must have been read for a day to count
_LEAST = 4  # days that were read, for them to tell what is usual
_FEW = 8  # fewer tell no spread: the event must be beyond each of them
_COARSE_S = 3600
_NORMAL = 1.4826  # standard deviation of a normal law by its median absolute deviation


@dataclass(frozen=True)
class LikeDays:
    """The same hours of the local clock on the like days of the last six weeks that were read, k of them.

    Days are alike if both are working days, Saturdays, or free ones (Sundays and public holidays); of hours over midnight, each day must
    be like its own. None is like an event of more than a week.

    Attributes:
        event, expected: (n,) kWh of the event's intervals, NaN where unknown.
        before: (k,) days that each lies before the event.
        around: (k, n + 2 slack) its readings, and as many more as there is slack before and after them, NaN where unknown.
        slack: intervals by which a day may come earlier or later. The reading of an hour in which work begins is any part of a full one,
            so hourly days have one interval of it; finer ones show when work begins, and have none.
    """

    event: Floats
    expected: Floats
    before: NDArray[np.int64]
    around: Floats
    slack: int

    @classmethod
    def of(cls, load: Load, start: datetime, end: datetime, place: Place) -> LikeDays:
        """Of an event in [start, end)."""
        rows = slice(load.at(_instant(start)), load.at(_instant(end)))
        length = rows.stop - rows.start
        slack = int((load.interval_s[rows] >= _COARSE_S).any())
        before, found = [], []
        for days, moment in _days_before(start, end, place):
            first = load.at(_instant(moment))
            kwh = load.kwh[max(0, first - slack) : first + length + slack]
            whole = len(kwh) == length + 2 * slack and load.times[first] == _instant(moment)
            if whole and np.isfinite(kwh[slack : slack + length]).mean() >= _READ:
                before.append(days)
                found.append(kwh)
        around = np.array(found).reshape(-1, length + 2 * slack)
        return cls(load.kwh[rows], load.expected[rows], np.array(before, dtype=np.int64), around, slack)

    @property
    def kwh(self) -> Floats:
        """(k, n)"""
        return self._moved(0)

    @property
    def weeks(self) -> Floats:
        """Energy of the same hours of the same days of the week, kWh, ascending."""
        return np.sort(np.nansum(self.kwh[self.before % 7 == 0], axis=1))

    def energy_differs(self, spreads: float) -> bool:
        """Whether the event's energy is off the median of these days, too, in the direction in which it is off the expected one.

        By `spreads` standard deviations of the days, or beyond each of a few: where the expected load is wrong by itself, every day looks
        strange beside it, and not beside the other days. True where too few were read to tell.
        """
        known = np.isfinite(self.event - self.expected)
        sign, energy = float(np.sign((self.event - self.expected)[known].sum())), float(self.event[known].sum())
        days = (sign * known.sum() * _means(self._moved(by)[:, known]) for by in range(-self.slack, self.slack + 1))
        return all(_stands_out(sign * energy, energies, spreads) for energies in days)

    def course_differs(self, spreads: float) -> bool:
        """Whether the event departs further from the median course of these days than they do: by `spreads` of their standard deviations,
        or than each of a few."""
        days = self.kwh[np.isfinite(self.kwh).all(axis=1)]
        if len(days) < _LEAST:
            return True
        departs = np.nansum(np.abs(np.vstack((self.event, days)) - np.median(days, axis=0)), axis=1)
        return _stands_out(departs[0], departs[1:], spreads)

    def days_held(self, share: float) -> int:
        """Days with a run of equal readings of at least `share` of the event's longest."""
        runs = [_longest(kwh) for kwh in self.kwh]
        return sum(run >= share * _longest(self.event) for run in runs)

    def _moved(self, by: int) -> Floats:
        return self.around[:, self.slack + by : self.slack + by + len(self.event)]


def _means(kwh: Floats) -> Floats:
    """Of the known readings of each day, (k,)."""
    count = np.isfinite(kwh).sum(axis=1)
    return np.asarray(np.nansum(kwh, axis=1) / np.maximum(count, 1))


def _stands_out(event: float, days: Floats, spreads: float) -> bool:
    if len(days) < _FEW:
        return len(days) < _LEAST or event > days.max()
    middle = float(np.median(days))
    return event - middle >= spreads * _NORMAL * float(np.median(np.abs(days - middle)))


def _days_before(start: datetime, end: datetime, place: Place) -> Iterator[tuple[int, datetime]]:
    """How many days before an event the same hours of each like day lie, and when they begin."""
    if end - start > _WEEK:
        return
    first, last = (edge.astimezone(ZoneInfo(place.zone)) for edge in (start, end - timedelta(microseconds=1)))
    own, dates = _kinds(first.date(), last.date(), place), (last.date() - first.date()).days
    for days in range(-(-(end - start) // _DAY), 7 * WEEKS + 1):
        day = first.date() - days * _DAY
        if _kinds(day, day + dates * _DAY, place) == own:
            yield days, (first - days * _DAY).astimezone(UTC)


def _kinds(first: date, last: date, place: Place) -> list[int]:
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    return [_SUNDAY if day in holidays_of(place, day.year) else max(_FRIDAY, day.weekday()) for day in days]


def _longest(kwh: Floats) -> int:
    starts, stops = equal_runs(kwh)
    return int((stops - starts).max()) if len(starts) else 0


def _instant(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None))
