"""Days multiplied by a factor: from one midnight on all readings are twice, half, ten times what they were."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.quality.collection.clocks import hours_of_day
from ecoai_pipeline.quality.collection.rows import DAY_US, HOUR_US, Floats, Ints, Rows
from ecoai_pipeline.settings import QualityParams

FACTORS = (2.0, 4.0, 10.0, 100.0, 1000.0, 0.5, 0.25, 0.1, 0.01, 0.001)
"""Two directions or two halves added, quarter hours taken for hours, a transformer ratio, a decimal point, Wh for kWh."""
_LOGS = np.log(FACTORS)
_WEEKS = 8  # compared with, as far as the readings go back
_BESIDE_H = 6  # on either side of a midnight that the jump is taken from
_LOG_10 = math.log(10)
_KNOWN = 0.8  # share of readings that must be comparable
_NEARLY_ALL = 0.9
_AS_CLOSE = 1.6  # times the usual spread of a day about the weeks before; three true cases had 1.0 to 1.3, three others 1.4, 3 and 6
_DAYS, _LEAST_DAYS = 14, 3  # whose midnights the jump is compared with
_LOOSER = 1.5  # over all days, in which the load itself may change, than over the first one
_EXACT, _FAR = 0.1, 4.0  # a jump may differ so much on any meter; it is so many usual ones large
_COARSEST_S = 7200
_SUSPECT = 0.35  # distance from a factor up to which a day is looked at, in logarithms


def wrong_factor(rows: Rows, params: QualityParams) -> pl.Series:
    """Which readings are multiplied by one of FACTORS, from a midnight on for whole days.

    A wrong unit, multiplier or transformer ratio changes all readings alike, and from the midnight on at which the new setting holds. A
    second shift does not: the base load of the night stays. Each reading is compared with the same time of up to eight weeks before the
    midnight: r is the logarithm of their ratio, with the median over the weeks. Readings from a midnight of the local clock or of UTC on
    are multiplied by f if

    - r jumps there: its median over the six hours after, less that over the six hours before, is log f; it may differ by three times the
      spread of such differences at the midnights before, or by .1, but by no more than `factor_tolerance` (more for factors above 10); and
      it is four times that spread;
    - r holds: nine in ten readings of the first day are nearer to f than to 1, and nine in ten of the day before nearer to 1;
    - r is as narrow as usual: between its 10 % and 90 % quantile lies at most 1.6 times what lies there on the days before;
    - r is constant: its median over the first day and that over all days are log f, with the same tolerance
      and one and a half times that;
    - it ends by such a jump back, or has not ended.

    The event ends with the day before the first of two days that are nearer to 1 than to f. A change that lasts is marked until the end
    of the month after that in which it began; then nothing before it is left to compare with. When such a change is taken back later, this
    looks like a new one. The method is our own; robust comparison with the same hours of the weeks before is common practice.

    Returns:
        A boolean for each row.
    """
    marked = np.zeros(len(rows.kwh), dtype=bool)
    for meter, midnights in _suspects(rows).items():
        load, tried = _Load.of(rows, meter), 0
        for midnight in midnights:
            beside = [one for one in midnights if 0 <= one - midnight < DAY_US]
            found = [days for one in beside if midnight > tried and (days := load.multiplied(one, params.factor_tolerance))]
            if found:
                days = min(found, key=lambda one: one.misfit)
                marked[rows.edges[meter] + days.first : rows.edges[meter] + days.stop] = True
                load.log[days.first : days.stop] -= days.factor
                tried = max(beside)
    return pl.Series("multiplied", marked)


def _suspects(rows: Rows) -> dict[int, list[int]]:
    """Midnights, microseconds, by meter, at which days begin that are about a multiple of those of the weeks before."""
    meters = np.flatnonzero((np.diff(rows.edges) > 10 * rows.per_day) & (rows.interval_s[rows.edges[1:] - 1] <= _COARSEST_S))
    found: dict[int, set[int]] = {}
    if len(meters):
        opening, zone = rows.start[rows.edges[meters]], rows.zone.gather(meters)
        opening_h = hours_of_day(opening, zone)
        for clock in (0, 2):  # local, UTC
            since = opening - (opening_h[clock] * HOUR_US).astype(np.int64)
            number, day = np.nonzero(_is_suspect(_quarter_days(rows, meters, since)))
            if not len(number):
                continue
            midnight = since[number] + day * DAY_US
            hours = hours_of_day(midnight, zone.gather(number))[clock]  # other than 0 after a clock change
            midnight -= (np.where(hours < 12, hours, hours - 24) * HOUR_US).astype(np.int64)
            for n, instant in zip(number, midnight, strict=True):
                found.setdefault(int(meters[n]), set()).add(int(instant))
    return {meter: sorted(midnights) for meter, midnights in sorted(found.items())}


def _quarter_days(rows: Rows, meters: Ints, since: Ints) -> Floats:
    """Mean energy of the readings of each quarter of a day of 24 hours, NaN where one is missing: (meters, 4 x days)."""
    count = 4 * (int((rows.start[rows.edges[meters + 1] - 1] - since).max() // DAY_US) + 1)
    means = np.full((len(meters), count), np.nan)
    for n, meter in enumerate(meters):
        own = slice(rows.edges[meter], rows.edges[meter + 1])
        quarters = np.searchsorted(rows.start[own], since[n] + np.arange(count + 1) * (DAY_US // 4))
        sizes = np.diff(quarters)
        full = np.flatnonzero(sizes)
        means[n, full] = np.add.reduceat(rows.kwh[own], quarters[:-1][full]) / sizes[full]
    return means


def _is_suspect(quarters: Floats) -> NDArray[np.bool_]:
    """Whether a day is about a multiple of those of the weeks before, from its first quarter on, and the day before is not."""
    weeks = [np.pad(quarters[:, :-n], ((0, 0), (n, 0)), constant_values=np.nan) for n in (28, 56, 84, 112) if n < quarters.shape[1]]
    if not weeks:
        return np.zeros((len(quarters), quarters.shape[1] // 4), dtype=bool)
    usual = (_log(quarters) - _log(_median(np.stack(weeks)))).reshape(len(quarters), -1, 4)
    before = np.pad(usual[:, :-1], ((0, 0), (1, 0), (0, 0)), constant_values=np.nan)
    step = usual[..., 0] - before[..., 3]
    factor = _LOGS[np.abs(np.nan_to_num(step)[..., None] - _LOGS).argmin(axis=-1)]
    near = np.maximum(np.abs(step - factor), np.abs(usual.mean(axis=2) - factor)) <= _SUSPECT * np.maximum(1, np.abs(factor) / _LOG_10)
    each = factor[..., None]
    turns = (np.abs(before) < np.abs(before - each)) & (np.abs(usual - each) < np.abs(usual))
    return np.asarray(near & turns.all(axis=2))


class _Days(NamedTuple):
    """Multiplied days by the first row and the end, with the logarithm of the factor."""

    first: int
    stop: int
    factor: float
    misfit: float


@dataclass(frozen=True)
class _Load:
    """The logarithms of a meter's readings, (n,), NaN where there is none; those found multiplied are corrected."""

    log: Floats
    start: Ints
    per_day: int

    @classmethod
    def of(cls, rows: Rows, meter: int) -> _Load:
        own = slice(int(rows.edges[meter]), int(rows.edges[meter + 1]))
        return cls(_log(rows.kwh[own]), rows.start[own], int(rows.per_day[meter]))

    def multiplied(self, instant: int, tolerance: float) -> _Days | None:
        """The days from an instant on that are multiplied, if there are any."""
        first = int(np.searchsorted(self.start, instant))
        if first + self.per_day > len(self.start) or first < self.per_day or self.start[first] != instant:
            return None
        beside = self._against_weeks_before(first, first - self._beside, first + self._beside)
        if _factor_near(self._step(beside, first), tolerance) is None:
            return None
        usual = self._against_weeks_before(first, max(0, first - (_DAYS + 1) * self.per_day), len(self.log))
        factor = self._jump(usual, first, tolerance)
        if factor is None or not self._holds(usual, first, factor):
            return None
        stop, allowed = self._end(usual, first, factor), _allowed(factor, tolerance)
        days = np.array([_middle(usual[n : n + self.per_day]) for n in range(first, stop, self.per_day)])
        holds = abs(days[0] - factor) <= allowed and abs(_middle(days) - factor) <= _LOOSER * allowed
        is_back = stop == len(usual) or abs(self._step(usual, stop) + factor) < abs(factor) / 2
        return _Days(first, stop, factor, self._misfit(usual, first, factor)) if holds and is_back else None

    def _misfit(self, usual: Floats, first: int, factor: float) -> float:
        """How badly the readings beside a row fit a jump right there."""
        beside = self._beside
        away = np.abs(np.concatenate([usual[first - beside : first], usual[first : first + beside] - factor]))
        return float(away[np.isfinite(away)].mean())

    def _against_weeks_before(self, first: int, since: int, until: int) -> Floats:
        """Readings from a row to another less the median of the same time in the weeks before, those before row `first` alone: (n,)."""
        rows, weeks = np.arange(since, until), []
        for back in range(7 * self.per_day, min(until, 7 * self.per_day * _WEEKS + 1), 7 * self.per_day):
            then = np.maximum(rows - back, 0)
            known = (then < first) & (self.start[rows] - self.start[then] == back // self.per_day * DAY_US)
            weeks.append(np.where(known, self.log[then], np.nan))
        usual = np.full(len(self.log), np.nan)
        if weeks:
            usual[since:until] = self.log[since:until] - _median(np.stack(weeks))
        return usual

    @property
    def _beside(self) -> int:
        """Readings on either side of a midnight."""
        return max(1, self.per_day * _BESIDE_H // 24)

    def _step(self, usual: Floats, row: int) -> float:
        """By how much readings are larger from a row on than before it."""
        return _middle(usual[row : row + self._beside]) - _middle(usual[max(0, row - self._beside) : row])

    def _jump(self, usual: Floats, first: int, tolerance: float) -> float | None:
        """The factor, as a logarithm, by which readings jump at a row as they never did at that time of the day."""
        midnights = range(first - self.per_day, self.per_day, -self.per_day)[:_DAYS]
        before, step = np.array([self._step(usual, row) for row in midnights]), self._step(usual, first)
        before = before[np.isfinite(before)]
        if len(before) < _LEAST_DAYS or not np.isfinite(step):
            return None
        spread = 1.4826 * float(np.median(np.abs(before)))
        factor = _factor_near(step, tolerance)
        return factor if factor and abs(step - factor) <= max(3 * spread, _EXACT) and abs(step) >= _FAR * spread else None

    def _holds(self, usual: Floats, first: int, factor: float) -> bool:
        """Whether nearly all readings of the day before are nearer to the usual, those of the first day to the multiple, and as close."""
        before, after = usual[first - self.per_day : first], usual[first : first + self.per_day]
        shares = [(np.abs(before) < np.abs(before - factor)).mean(), (np.abs(after - factor) < np.abs(after)).mean()]
        days = range(first - self.per_day, 0, -self.per_day)[:_DAYS]
        spreads = [_spread(usual[row : row + self.per_day]) for row in days]
        known = [spread for spread in spreads if math.isfinite(spread)]
        return min(shares) >= _NEARLY_ALL and bool(known) and _spread(after) <= _AS_CLOSE * max(float(np.median(known)), _EXACT)

    def _end(self, usual: Floats, first: int, factor: float) -> int:
        """The row before which the days end that are nearer to the multiple; one strange day between them does not count."""
        days = [(row, _middle(usual[row : row + self.per_day])) for row in range(first, len(usual), self.per_day)]
        again = [(row, abs(day) <= abs(day - factor)) for row, day in days if math.isfinite(day)]
        over = [row for n, (row, is_usual) in enumerate(again) if is_usual and all(later for _, later in again[n + 1 : n + 2])]
        return over[0] if over else len(usual)


def _spread(values: Floats) -> float:
    """Between the 10 % and the 90 % quantile of what is known, NaN where most is not."""
    known = values[np.isfinite(values)]
    return float(np.diff(np.quantile(known, (0.1, 0.9)))[0]) if len(known) and len(known) >= _KNOWN * len(values) else math.nan


def _factor_near(step: float, tolerance: float) -> float | None:
    """The logarithm of the factor that a step, one too, is of; None where it is of none."""
    factor = float(_LOGS[np.abs(_LOGS - step).argmin()])
    return factor if abs(step - factor) <= _allowed(factor, tolerance) else None


def _allowed(factor: float, tolerance: float) -> float:
    """The tolerance, wider for large factors, which no load comes near."""
    return tolerance * max(1.0, abs(factor) / _LOG_10)


def _log(values: Floats) -> Floats:
    """Logarithms, NaN where there is none."""
    logs = np.full(values.shape, np.nan)
    np.log(values, where=values > 0, out=logs)
    return logs


def _median(stack: Floats) -> Floats:
    """The median along the first axis of what is known, NaN where nothing is."""
    ordered, known = np.sort(stack, axis=0), np.isfinite(stack).sum(axis=0)
    middle = [np.take_along_axis(ordered, np.maximum(known + n, 0)[None] // 2, axis=0)[0] for n in (-1, 0)]
    found: Floats = np.where(known % 2 == 1, middle[0], (middle[0] + middle[1]) / 2)
    return found


def _middle(values: Floats) -> float:
    """Median of what is known, NaN where most is not; of so few values `np.median` takes eight times as long."""
    known = np.sort(values[np.isfinite(values)])
    middle = len(known) // 2
    return float(known[~middle] + known[middle]) / 2 if len(known) and len(known) >= _KNOWN * len(values) else math.nan
