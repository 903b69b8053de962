"""Typical days: how far a day lies from the nearest typical day of its industry, and where in the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.files import Arrays, read_state, write_state
from ecoai_pipeline.detectors.load_shape.days import Days, days_of
from ecoai_pipeline.detectors.load_shape.shapes import typical_days
from ecoai_pipeline.detectors.robust import Floats, Ints, energy, trailing_median
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import LoadShapeParams

_Z80 = 1.2815515655446004  # normal deviations that four in five lie within
_LEAST = 0.02  # of the level: a load that never varied is taken to vary by so much
_STOP = 0.3  # of the usual energy: a day that drew less was a stop and does not tell the level


@dataclass(frozen=True)
class _Habit:
    """A meter's own version of the typical days: its level, kWh per plan interval; shapes (k, places) and spread (places,) in levels."""

    level: float
    shapes: Floats
    spread: Floats


@dataclass(frozen=True)
class DayShapes:
    """Which typical day each day of a series is nearest to.

    Attributes:
        starts: (days,) first interval of each local day, UTC.
        shape: (days,) number of the nearest typical day, 0 being the most frequent; -1 where nothing is known of the day.
        distance: (days,) how far from it, in usual deviations of the meter.
        shapes: (k, places) the typical days at the meter's level, kWh per interval of the series.
    """

    starts: NDArray[np.datetime64]
    shape: Ints
    distance: Floats
    shapes: Floats


class LoadShape:
    """Geometric mean of a day's distance to the nearest typical day and of the reading's own deviation from it.

    Daily load profiles of all meters, each in units of its level, are clustered (Chicco, "Overview and performance assessment of the
    clustering methods for electrical load pattern grouping", Energy 42, 2012); a meter has its own version of each typical day.
    """

    name: ClassVar[str] = "load_shape"
    supervised: ClassVar[bool] = False

    def __init__(self, params: LoadShapeParams, *, seed: int = 0, threads: int = 1) -> None:
        self.params, self.seed, self.threads = params, seed, threads

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn typical days of all meters, then each meter's version of them.

        Raises:
            ValueError: no meter has `min_days` days that were read for the most part.
        """
        self.plan_ = plan
        days = {series.meter_id: days_of(replace(series, observed=_taught(series, labels)), plan) for series in portfolio}
        seen = {meter: own for meter, own in days.items() if len(own.whole) >= self.params.min_days}
        if not seen:
            raise ValueError(
                f"no typical day can be learned: none of {len(portfolio)} meters has readings of {self.params.min_days} days; "
                "train on more months"
            )
        rows = np.concatenate([own.whole / own.level for own in seen.values()])
        drawn = np.sort(np.random.default_rng(self.seed).permutation(len(rows))[: self.params.max_days])
        self.shapes_ = _as_stored(typical_days(rows[drawn], self.params, self.seed))
        self.habits_ = {meter: self._habit(own) for meter, own in seen.items()}
        self.spread_ = _as_stored(np.median([habit.spread for habit in self.habits_.values()], axis=0))
        self._facts = {"meters": len(seen), "meters_left_out": len(days) - len(seen), "days": len(rows), "shapes": len(self.shapes_)}
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Root of a day's distance times the reading's own, in usual deviations, (n,) each; NaN where the interval is not observed.

        A meter that `fit` has not seen is compared with what all meters have in common at the level of the series given.
        """
        return [self._score(days_of(series, self.plan_), series.meter_id) for series in portfolio]

    def explain(self, series: Series) -> DayShapes:
        """The nearest typical day of each day, and the typical days to be drawn."""
        days = days_of(series, self.plan_)
        habit = self._of(series.meter_id, days)
        nearest, distance, _ = self._compared(days, habit)
        known = np.isfinite(distance)
        starts = series.timestamps[np.searchsorted(days.day, np.arange(len(days.rows)))]
        shapes = habit.shapes * habit.level * (series.interval_s / self.plan_.interval_s)
        return DayShapes(starts, np.where(known, nearest, -1), distance, shapes)

    def forget(self, meter_id: str) -> None:
        self.habits_.pop(meter_id, None)

    def save(self, folder: Path) -> None:
        meters = sorted(self.habits_)
        habits, shape = [self.habits_[meter] for meter in meters], self.shapes_.shape
        arrays: Arrays = {
            "shapes": self.shapes_.astype(np.float32),
            "spread": self.spread_.astype(np.float32),
            "meters.level": np.array([habit.level for habit in habits], dtype=np.float64),
            "meters.shapes": np.array([habit.shapes for habit in habits], dtype=np.float32).reshape(-1, *shape),
            "meters.spread": np.array([habit.spread for habit in habits], dtype=np.float32).reshape(-1, shape[1]),
        }
        config = {"params": self.params.model_dump(mode="json"), "plan": self.plan_.words, "meters": meters, "facts": dict(self.facts)}
        write_state(folder, self.name, config, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(LoadShapeParams.model_validate(config["params"]))
        self.plan_ = WindowPlan.of(config["plan"])
        parts = {name: array.astype(np.float64) for name, array in arrays.items()}
        self.shapes_, self.spread_ = parts["shapes"], parts["spread"]
        own = zip(parts["meters.level"].tolist(), parts["meters.shapes"], parts["meters.spread"], strict=True)
        self.habits_ = {meter: _Habit(*habit) for meter, habit in zip(config["meters"], own, strict=True)}
        self._facts = config["facts"]
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def _habit(self, days: Days) -> _Habit:
        """The median of the meter's days of each shape, drawn to the shape where they are few, and how its days usually stray from it."""
        level, rows = days.level, days.whole / days.level
        of = ((rows[:, None, :] - self.shapes_[None]) ** 2).sum(axis=2).argmin(axis=1)
        shapes = np.array([self._own(rows[of == number], shape) for number, shape in enumerate(self.shapes_)])
        stray = np.abs(rows[:, None, :] - shapes[None])
        nearest = (stray**2).sum(axis=2).argmin(axis=1)
        spread = np.quantile(stray[np.arange(len(rows)), nearest], 0.8, axis=0) / _Z80
        floor = max(_LEAST, self.params.spread_floor * float(np.median(spread)))
        return _Habit(level, _as_stored(shapes), _as_stored(np.maximum(spread, floor)))

    def _own(self, rows: Floats, shape: Floats) -> Floats:
        if not len(rows):
            return shape
        weight = len(rows) ** 2 / (len(rows) ** 2 + self.params.prior_days**2)
        return np.asarray(weight * np.median(rows, axis=0) + (1 - weight) * shape)

    def _of(self, meter_id: str, days: Days) -> _Habit:
        return self.habits_.get(meter_id) or _Habit(days.level, self.shapes_, self.spread_)

    def _score(self, days: Days, meter_id: str) -> NDArray[np.float32]:
        habit = self._of(meter_id, days)
        nearest, distance, level = self._compared(days, habit)
        usual = habit.shapes[nearest[days.day], days.place]
        own = np.abs(days.values / level[days.day] - usual) / habit.spread[days.place]
        return np.sqrt(own * distance[days.day]).astype(np.float32)

    def _compared(self, days: Days, habit: _Habit) -> tuple[Ints, Floats, Floats]:
        """Nearest shape of each day, its distance in usual deviations, and the level that the day is measured by, each (days,).

        Where less than `known_h` hours of a day are known, the day before stands for the rest of it.
        """
        rows = self._filled(days.rows)
        nearest, _ = _nearest(rows / habit.level, habit)
        level = habit.level * self._recent(rows / habit.level, habit.shapes[nearest])
        return *_nearest(rows / level[:, None], habit), level

    def _filled(self, rows: Floats) -> Floats:
        known = np.isfinite(rows)
        short = known.mean(axis=1) < self.params.known_h / 24
        before = np.concatenate([np.full_like(rows[:1], np.nan), rows[:-1]])
        return np.where(~known & short[:, None], before, rows)

    def _recent(self, rows: Floats, usual: Floats) -> Floats:
        """Median of what the days before drew against their shapes, (days,); 1 where they do not tell."""
        known = np.isfinite(rows)
        drawn, wanted = (np.where(known, np.abs(part), 0.0).sum(axis=1) for part in (rows, usual))
        ratio = np.divide(drawn, wanted, out=np.full(len(rows), np.nan), where=(wanted > 0) & (drawn > _STOP * wanted))
        recent, count = trailing_median(ratio, self.params.level_days)
        weight = count**2 / (count**2 + self.params.level_prior_days**2)
        return np.asarray(weight * recent + (1 - weight))


def _nearest(rows: Floats, habit: _Habit) -> tuple[Ints, Floats]:
    """Number of the nearest shape and the root mean square deviation from it over the known places, both (days,)."""
    stray = ((rows[:, None, :] - habit.shapes[None]) / habit.spread) ** 2
    count = np.isfinite(rows).sum(axis=1)
    squared = np.where(np.isfinite(stray), stray, 0.0).sum(axis=2)
    nearest = squared.argmin(axis=1)
    mean = np.divide(squared.min(axis=1), count, out=np.full(len(rows), np.nan), where=count > 0)
    return nearest, np.sqrt(mean)


def _taught(series: Series, labels: Labels | None) -> NDArray[np.bool_]:
    return np.isfinite(energy(series, series.interval_s, labels))


def _as_stored(cells: Floats) -> Floats:
    """Rounded to the precision of the file, so that scores before saving and after loading are the same."""
    return cells.astype(np.float32).astype(np.float64)
