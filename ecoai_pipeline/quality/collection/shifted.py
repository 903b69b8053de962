"""Profiles shifted by an hour over a clock change: the logger did not follow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl

from ecoai_pipeline.quality.collection.clocks import clock_changes, offset_us
from ecoai_pipeline.quality.collection.rows import DAY_US, HOUR_US, Floats, Ints, Mask, Rows
from ecoai_pipeline.settings import QualityParams

_COARSEST_S = 3600
_DAYS = 35  # compared on either side of a change
_KNOWN = 0.9  # share of a day that must have readings
_NEARLY_ALL = 0.8  # of the workdays of a side
_BESIDE = 3  # workdays next to the change, on either side
_BETTER = 3.0  # times larger is the square error without the shift; a shift by half an hour gives 1
_STRANGE = 4.0  # times the usual misfit, above which a day has not the profile of workdays
_LEAST_STRANGE = 0.02  # a load without noise has other days as well
_WIDEST_H = 3  # shifts that are compared
_FINEST_US = HOUR_US // 4
_REST = 0.3  # of the variance within a workday; the mean square by which a weekend differs from it
_THURSDAY, _SATURDAY, _SUNDAY = 3, 5, 6  # 1970 began on a Thursday


def shifted_clock(rows: Rows, params: QualityParams) -> pl.Series:
    """Which readings come after a clock change that their stamps did not follow.

    A plant keeps its hours by the local clock. If the logger keeps the old time, or is moved twice, the daily profile lies earlier or later
    by the length of the change. The workdays, Monday to Friday, are compared with the median profile of those before the change. The
    misfit of a day is 1 - r², r the correlation. Readings from the change on are marked if

    - there are `clock_days` workdays on either side that fit the profile, shifted or not. Others, such as holidays, do not count;
    - four in five of those before the change fit better without the shift, and the last three do. Four in five of those after it fit better
      with the shift, and the first three do: a plant that changes its hours on another date is no such case;
    - the median profile after the change fits best with exactly this shift, as far as the interval tells. Its misfit is at most
      `clock_misfit`. Where the load rises as well as where it falls, the square error is at most a third of that without the shift: a
      plant that starts an hour earlier and stops as before has not moved;
    - the weekends differ from the workdays if the profile is still the same by UTC. Lamps, pumps and animals follow the sun and keep such a
      profile by themselves, but have no weekend.

    The marks end at the next clock change, or before the first three workdays on end that fit better without the shift; Good Friday and
    Easter Monday are two. A shift that lasts is marked until the end of the month after that of the change; then nothing before it is left
    to compare with. A logger that never follows the clock is right again after the next change, which looks like not following that one.
    The method is our own.

    Returns:
        A boolean for each row.
    """
    marked = np.zeros(len(rows.kwh), dtype=bool)
    for meter, own in rows.meters():
        if 0 < rows.interval_s[own.stop - 1] <= _COARSEST_S:
            for change in _changes(rows, own, rows.zone[meter]):
                first, stop = _Days.of(rows, own, change).shifted(params)
                marked[own] |= (rows.start[own] >= first) & (rows.start[own] < stop)
    return pl.Series("shifted", marked)


class _Change(NamedTuple):
    """A clock change by its instant, and those beside it; the offset from UTC before it, and by how much it grows. Microseconds."""

    instant: int
    since: int
    until: int
    offset: int
    forward: int


def _changes(rows: Rows, own: slice, zone: str) -> Iterator[_Change]:
    """The clock changes within a meter's readings."""
    since, until = int(rows.start[own.start]), int(rows.stop[own.stop - 1])
    changes = clock_changes(zone, since - since % DAY_US, until + -until % DAY_US)
    instants = [since, *(instant for instant, _ in changes), until]
    for n, (instant, forward_s) in enumerate(changes):
        yield _Change(instant, instants[n], instants[n + 2], offset_us(zone, instant - 1), forward_s * 1_000_000)


@dataclass(frozen=True)
class _Days:
    """Local days beside a clock change, five weeks before and five after the day of the change itself.

    Attributes:
        change: the clock change.
        interval_us: length of a slot, microseconds.
        kwh: (days, slots), NaN where missing.
        number: (days,), days since 1970 by the local clock.
    """

    change: _Change
    interval_us: int
    kwh: Floats
    number: Ints

    @classmethod
    def of(cls, rows: Rows, own: slice, change: _Change) -> _Days:
        """The days of a meter, as far as its readings and the changes beside this one allow."""
        interval_us = int(rows.interval_s[own.stop - 1]) * 1_000_000
        turns = (change.instant + change.offset) // DAY_US
        number = turns + np.delete(np.arange(-_DAYS, _DAYS + 1), _DAYS)
        first, stop = np.searchsorted(rows.start[own], (change.since, change.until)) + own.start
        start = rows.start[first:stop]
        slot = (start + change.offset + np.where(start < change.instant, 0, change.forward) - (turns - _DAYS) * DAY_US) // interval_us
        kwh = np.full((2 * _DAYS + 1, DAY_US // interval_us), np.nan)
        used = (rows.interval_s[first:stop] * 1_000_000 == interval_us) & (slot >= 0) & (slot < kwh.size)
        kwh.flat[slot[used]] = rows.kwh[first:stop][used]
        return cls(change, interval_us, np.delete(kwh, _DAYS, axis=0), number)

    @cached_property
    def is_after(self) -> Mask:
        return np.arange(len(self.kwh)) >= _DAYS

    @cached_property
    def shapes(self) -> Floats:
        """(days, slots), of mean 0 and variance 1; 0 where a reading is missing, and all over a day that misses too many."""
        return np.where(np.isfinite(self.kwh).mean(axis=1, keepdims=True) >= _KNOWN, _shape(self.kwh), 0.0)

    @cached_property
    def weekday(self) -> Ints:
        """0 is Monday."""
        return (self.number + _THURSDAY) % 7

    @cached_property
    def is_work(self) -> Mask:
        """Monday to Friday, with enough readings that are not all equal."""
        return (self.weekday < _SATURDAY) & self.shapes.any(axis=1)

    @cached_property
    def profile(self) -> Floats:
        """Median shape of the workdays before the change, (slots,)."""
        return _shape(np.median(self.shapes[self.is_work & ~self.is_after], axis=0))

    def shifted(self, params: QualityParams) -> tuple[int, int]:
        """From which instant to which the profile is shifted; both 0 if it is not."""
        steps, part = divmod(self.change.forward, self.interval_us)
        sides = [int((self.is_work & side).sum()) for side in (self.is_after, ~self.is_after)]
        if not part and min(sides) >= params.clock_days and self.profile.any():
            for shift in (steps, -steps):
                stop = self._shifted_until(shift, params)
                if stop and (shift == steps or self._rests()):
                    return self.change.instant, stop
        return 0, 0

    def _shifted_until(self, shift: int, params: QualityParams) -> int:
        """The instant up to which profiles are so many slots early, 0 if they are not."""
        without, shifted = _misfits(self.shapes, self.profile, np.array([0, shift]))
        strange = max(_STRANGE * float(np.median(without[self.is_work & ~self.is_after])), _LEAST_STRANGE)
        like = self.is_work & (np.minimum(without, shifted) <= strange)
        fits, after = shifted < without, np.flatnonzero(like & self.is_after)
        undone = np.flatnonzero(~fits[after][:-2] & ~fits[after][1:-1] & ~fits[after][2:])
        stop = self._midnight(int(after[undone[0]])) if len(undone) else self.change.until
        after = after[: undone[0]] if len(undone) else after
        is_break = _agree(~fits[like & ~self.is_after][::-1], params.clock_days) and _agree(fits[after], params.clock_days)
        return stop if is_break and self._is_exact(after, shift, params.clock_misfit) else 0

    def _is_exact(self, days: Ints, shift: int, largest: float) -> bool:
        """Whether the median shape of some days is the profile, so many slots early and no more or less."""
        widest = _WIDEST_H * HOUR_US // self.interval_us
        shape = _shape(np.median(self.shapes[days], axis=0))
        misfit = _misfits(shape[None], self.profile, np.arange(-widest, widest + 1))[:, 0]
        away_us = abs(int(misfit.argmin()) - widest - shift) * self.interval_us
        return bool(away_us <= _FINEST_US and misfit[widest + shift] <= largest) and _moves_whole(shape, self.profile, shift)

    def _rests(self) -> bool:
        """Whether Saturdays or Sundays before the change differ from the workdays."""
        usual = np.nanmedian(self.kwh[self.is_work & ~self.is_after], axis=0)
        apart = (self.kwh - usual) ** 2 / np.nanvar(usual)
        weekends = [apart[~self.is_after & (self.weekday == day)] for day in (_SATURDAY, _SUNDAY)]
        return any(np.nanmedian(weekend) >= _REST for weekend in weekends if np.isfinite(weekend).any())

    def _midnight(self, day: int) -> int:
        return int(self.number[day]) * DAY_US - self.change.offset - self.change.forward


def _agree(days: Mask, least: int) -> bool:
    """Whether there are enough days, in order from the change on, nearly all are true, and those right beside the change are."""
    return bool(len(days) >= least and days.mean() >= _NEARLY_ALL and days[:_BESIDE].all())


def _moves_whole(shape: Floats, profile: Floats, shift: int) -> bool:
    """Whether both the rising and the falling slopes of a shape fit those of the profile much better so many slots early."""
    early = np.roll(profile, -shift)
    without, shifted = (shape - profile) ** 2, (shape - early) ** 2
    return all(without[slope].sum() >= _BETTER * shifted[slope].sum() for slope in (early > profile, early < profile))


def _shape(kwh: Floats) -> Floats:
    """Each row with mean 0 and variance 1, 0 where missing; all 0 if it does not vary."""
    known = np.isfinite(kwh)
    count = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    centred = np.where(known, kwh - np.where(known, kwh, 0).sum(axis=-1, keepdims=True) / count, 0)
    scale = np.sqrt((centred**2).sum(axis=-1, keepdims=True) / count)
    return centred / np.where(scale > 0, scale, 1)


def _misfits(shapes: Floats, profile: Floats, shifts: Ints) -> Floats:
    """One less the squared correlation of each shape with the profile so many slots early, (shifts, shapes)."""
    early = np.stack([np.roll(profile, -shift) for shift in shifts])
    correlation = early @ shapes.T / np.maximum(np.sqrt((early**2).sum(axis=1)[:, None] * (shapes**2).sum(axis=1)), 1e-12)
    misfits: Floats = 1 - np.maximum(correlation, 0) ** 2
    return misfits
