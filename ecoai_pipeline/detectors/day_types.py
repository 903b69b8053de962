"""Which days of a meter are alike: its days of the week, and what a public holiday means to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.robust import DAY_TYPES, OWN_HOLIDAY, SUNDAY, Floats, Ints, day_profile
from ecoai_pipeline.features.series import Series

Bools = NDArray[np.bool_]

# Columns of `meaning`: how likely a holiday is an ordinary day of its weekday, a Sunday, or a day of the meter's own kind.
ORDINARY, AS_SUNDAY, OWN = range(3)
_DAYS = 7
_SATURDAY = 5

# What is believed before a holiday was seen, in holidays. Two holidays that were alike settle a weekday: more are rare in a quarter.
_PRIOR, _PRIOR_WEEKEND = 0.5, 1.0
_REST, _SATURDAY_REST = 2 / 3, 0.2  # most plants rest on a holiday; on a Saturday a plant does what it does on Saturdays
_UNSEEN = 0.12  # a holiday nobody has seen may be busier than any day; one that was seen rules this out
_PLAUSIBLE = 0.1  # a meaning less likely than this is not expected
_NEAR = 3.0  # times the usual distance of an ordinary day, within which a holiday is like other days
_NEAR_SHARE = 0.25  # of the way from a working day to a Sunday: a holiday with some maintenance is still a day of rest
_PRIOR_READINGS = 2.0  # as in detectors.profile
_SEEN = 0.5  # of a day's readings, below which it says nothing


@dataclass(frozen=True)
class Grid:
    """Where each interval of a series lies, each (n,): day type, slot of the day, running local day.

    Attributes:
        day_type: 0 to 6 for Monday to Sunday, 7 for a holiday that is like no other day; of a holiday what it most likely is.
        also: (k, n), day types that it may be as well; on ordinary days and settled holidays the same as `day_type`.
    """

    day_type: Ints
    slot: Ints
    day: Ints
    also: Ints

    @property
    def open(self) -> Bools:
        """Where it is not settled what the day is, (n,): a reading there tells little about the level of the meter."""
        return np.asarray((self.also != self.day_type).any(axis=0))

    def of(self, table: Floats) -> Floats:
        """Cells of a table (8, slots) for what each interval most likely is, (n,)."""
        return np.asarray(table[self.day_type, self.slot])

    def lowest(self, table: Floats) -> Floats:
        """The least cell of what each interval may be, (n,).

        A holiday that may be a day of rest may be as quiet as the quietest hour of a Sunday: a plant that works on Sundays has shown no
        other day of rest.
        """
        least = np.where(self.also == SUNDAY, table[SUNDAY].min(), table[self.also, self.slot]).min(axis=0)
        return np.where(self.open, np.minimum(self.of(table), least), self.of(table))

    def highest(self, table: Floats) -> Floats:
        """The greatest cell of what each interval may be, (n,)."""
        return np.asarray(np.maximum(self.of(table), table[self.also, self.slot].max(axis=0)))

    @property
    def doubt(self) -> float:
        """By how much the spread around a holiday profile of so few days is larger: it comes from their median, which errs itself."""
        days = len(np.unique(self.day[self.day_type == OWN_HOLIDAY]))
        return float(np.sqrt(1 + np.pi / 2 / days)) if days else 1.0


def week_grid(series: Series, slots: int) -> Grid:
    """The grid of a series by a day of so many slots, whatever its own interval; holidays are ordinary days here."""
    per_day = max(1, series.slots_per_day)
    weekday = series.slot_of_week.astype(np.intp) // per_day
    slot = series.slot_of_day.astype(np.intp) * slots // per_day
    return Grid(weekday, slot, np.cumsum(np.diff(weekday, prepend=weekday[:1]) != 0), weekday[None])


def grid_of(series: Series, slots: int, meaning: Floats) -> Grid:
    """The same with holidays as what they mean to the meter.

    A holiday is what it most likely is, and `also` what it may be with a probability of at least a tenth.

    Args:
        meaning: (7, 3), from `learn`, or `BEFORE`.
    """
    week = week_grid(series, slots)
    types = np.stack([np.arange(_DAYS), np.full(_DAYS, SUNDAY), np.full(_DAYS, OWN_HOLIDAY)], axis=1)
    likely = np.take_along_axis(types, meaning.argmax(axis=1)[:, None], axis=1)[:, 0]
    also = np.where(meaning >= _PLAUSIBLE, types, likely[:, None])
    day_type = np.where(series.holiday, likely[week.day_type], week.day_type)
    return replace(week, day_type=day_type, also=np.where(series.holiday, also[week.day_type].T, day_type))


def learn(values: Floats, series: Series, slots: int) -> tuple[Floats, Grid]:
    """What holidays mean to a meter, (7, 3) by their weekday, and the grid to learn its profile on.

    Each holiday that was seen is a vote for what it was like: an ordinary day of its weekday, a Sunday, or neither. Few votes are drawn
    to what holds for most meters. In the grid each of them is a day of the type that it was like, so that it is learned from as one.

    Args:
        values: energy per interval of the grid, (n,), NaN where unknown.
    """
    week = week_grid(series, slots)
    if not bool((series.holiday & np.isfinite(values)).any()):
        return _believed(np.zeros(3), 0), week
    profile = day_profile(np.where(series.holiday, np.nan, values), week.day_type, week.slot, slots, 0.5, _PRIOR_READINGS)
    apart = _distances(values, profile, week)  # (days, 2): from the day of the week, from Sunday
    first = np.flatnonzero(np.diff(week.day, prepend=-1))
    weekday, holiday = week.day_type[first], series.holiday[first]
    usual = apart[~holiday, ORDINARY]
    near = _NEAR * float(np.nanmedian(usual)) if np.isfinite(usual).any() else 0.0
    between = np.abs(profile[weekday] - profile[SUNDAY]).mean(axis=1)
    vote = np.where(apart[:, AS_SUNDAY] < apart[:, ORDINARY], AS_SUNDAY, ORDINARY)
    vote = np.where(apart.min(axis=1) > np.maximum(near, _NEAR_SHARE * between), OWN, vote)
    seen = holiday & np.isfinite(apart[:, ORDINARY])
    telling = seen & ((between > near) | (vote == OWN))
    votes = np.bincount(vote[telling], minlength=3).astype(np.float64)
    types = np.where(vote == OWN, OWN_HOLIDAY, np.where(vote == AS_SUNDAY, SUNDAY, weekday))
    day_type = np.where(series.holiday, types[week.day], week.day_type)
    return _believed(votes, int((seen & ~telling).sum())), replace(week, day_type=day_type, also=day_type[None])


def _believed(votes: Floats, alike: int) -> Floats:
    """Probability of each meaning by the weekday of a holiday, (7, 3); `alike` holidays were like both a weekday and a Sunday."""
    known, own = votes[:OWN].sum(), votes[OWN]
    believed = np.empty((_DAYS, 3))
    for weekday in range(_DAYS):
        weekend = weekday >= _SATURDAY
        prior = _PRIOR_WEEKEND if weekend else _PRIOR
        rest = _SATURDAY_REST if weekend else _REST
        as_own = (own + prior * _UNSEEN) / (known + own + alike + prior)
        as_sunday = 0.0 if weekday == SUNDAY else (votes[AS_SUNDAY] + prior * rest) / (known + prior)
        believed[weekday] = ((1 - as_own) * (1 - as_sunday), (1 - as_own) * as_sunday, as_own)
    return believed


def _distances(values: Floats, profile: Floats, week: Grid) -> Floats:
    """Mean distance of each day from the profile of its weekday and from that of Sunday, (days, 2); NaN of a day hardly read."""
    days = int(week.day[-1]) + 1
    known = np.isfinite(values)
    size, count = np.bincount(week.day, minlength=days), np.bincount(week.day, known, days)
    rows = (week.day_type, np.full_like(week.day_type, SUNDAY))
    sums = [np.bincount(week.day, np.where(known, np.abs(values - profile[row, week.slot]), 0.0), days) for row in rows]
    return np.where((count >= _SEEN * size)[:, None], np.stack(sums, axis=1) / np.maximum(count, 1)[:, None], np.nan)


def _before() -> Floats:
    """As models were trained before this was learned: one profile for all holidays, which the weekend keeps its own from."""
    meaning = np.zeros((_DAYS, 3))
    meaning[:_SATURDAY, OWN] = meaning[_SATURDAY:, ORDINARY] = 1.0
    return meaning


BEFORE: Floats = _before()
assert DAY_TYPES == _DAYS + 1
