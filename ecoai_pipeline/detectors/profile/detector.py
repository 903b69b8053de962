"""Robust slot-of-week residual: what a meter uses at this time of the week, and how far a reading lies from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Expectation, Labels
from ecoai_pipeline.detectors.day_types import BEFORE, Grid, grid_of, learn
from ecoai_pipeline.detectors.files import Arrays, read_state, write_state
from ecoai_pipeline.detectors.robust import (
    OWN_HOLIDAY,
    Z95,
    Floats,
    circular_mean,
    day_profile,
    deviations,
    energy,
    grouped_quantile,
    stood_still,
    trailing_median,
)
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import ProfileParams

_Z90 = 1.2815515655446004
_OWN_SHARE = 0.5  # of a day's slots, below which the day says nothing of the level
_PARTS = ("centre", "down", "up", "holiday")
_WIDER = 1.5  # times the usual band, from which on a holiday may mean several things
_DRIFT_PRIOR_DAYS = 3  # a level known from so many days moves the profile by half


@dataclass(frozen=True)
class _Table:
    """A load profile, each (8, slots): expected energy, and scale (one sigma) below and above it, kWh per plan interval.

    `holiday` is what holidays mean, (7, 3), as `day_types.learn` gives it.
    """

    centre: Floats
    down: Floats
    up: Floats
    holiday: Floats

    @property
    def edges(self) -> tuple[Floats, Floats]:
        """The 5 % and the 95 % edge of the band."""
        return self.centre - Z95 * self.down, self.centre + Z95 * self.up


class Profile:
    """Distance of a reading from the robust profile of its meter, in scales of its time of the week.

    Median by day type (Monday to Sunday, holidays of their own kind) and slot of day; scales below and above it from the residuals' 10 %
    and 90 % quantiles, so one training reading in ten may be abnormal on either side. The level follows the median
    residual of the days before, which lets season and growth pass. Method: the slot-wise robust Z-score of Chandola
    et al., "Anomaly Detection: A Survey" (2009, section 7), with median and quantiles for mean and deviation.
    """

    name: ClassVar[str] = "profile"
    supervised: ClassVar[bool] = False

    def __init__(self, params: ProfileParams) -> None:
        self.params = params

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn a profile per meter and a pooled one; labelled and unobserved intervals are left out.

        Raises:
            ValueError: no meter has `min_days` days of readings.
        """
        self.plan_ = plan
        self.tables_: dict[str, _Table] = {}
        shapes: list[_Table] = []
        for series in portfolio:
            values = energy(series, self.plan_.interval_s, labels)
            if np.isfinite(values).sum() < self.params.min_days * series.slots_per_day * _OWN_SHARE:
                continue
            table = self._learn(values, series)
            self.tables_[series.meter_id] = _as_stored(table)
            shapes.append(_scaled(table, -_level(values), 1 / _spread(values)))
        if not shapes:
            raise ValueError(
                f"no profile can be learned: none of {len(portfolio)} meters has readings of {self.params.min_days} days; "
                "train on more months"
            )
        self.pooled_ = _as_stored(_pooled(shapes))
        self._facts = {"meters": len(self.tables_), "meters_left_out": len(portfolio) - len(shapes)}
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Distance from the expected energy in scales, (n,) each; NaN where the interval is not observed.

        A meter that `fit` has not seen gets the pooled profile at the level and spread of the series given.
        """
        return self.score_and_expect(portfolio)[0]

    def expect(self, portfolio: Sequence[Series]) -> list[Expectation]:
        """Expected energy and its 5 % to 95 % band, kWh; also where no reading came, and never below 0 for a load that is not."""
        return self.score_and_expect(portfolio)[1]

    def score_and_expect(self, portfolio: Sequence[Series]) -> tuple[list[NDArray[np.float32]], list[Expectation]]:
        """What `score` and `expect` say, at the cost of one of them."""
        bands = [self.band(series) for series in portfolio]
        scores = [deviations(series, band) for series, band in zip(portfolio, bands, strict=True)]
        return scores, [band.physical(series) for series, band in zip(portfolio, bands, strict=True)]

    def band(self, series: Series) -> Expectation:
        """The same of one series, its sides never 0 wide; below 0 where that is what the profile says.

        Where it is not settled what a holiday means, the band holds all that it may be.
        """
        return self.bands(series)[1]

    def bands(self, series: Series) -> tuple[Expectation, Expectation]:
        """The band of what each day most likely is, and that of all it may be; they differ on holidays alone."""
        values = energy(series, self.plan_.interval_s)
        table = self._table(series.meter_id, values)
        if table is None:
            nothing = np.full(len(series), np.nan)
            return Expectation(nothing, nothing, nothing), Expectation(nothing, nothing, nothing)
        grid, unit = grid_of(series, self.plan_.slots_per_day, table.holiday), series.interval_s / self.plan_.interval_s
        drift = self._drift(values, table.centre, grid)
        low, high = table.edges
        expected = (grid.of(table.centre) + drift) * unit
        likely = Expectation(expected, (grid.of(low) + drift) * unit, (grid.of(high) + drift) * unit)
        return likely, Expectation(expected, (grid.lowest(low) + drift) * unit, (grid.highest(high) + drift) * unit)

    def grid(self, series: Series) -> Grid:
        """Where each interval lies, holidays as what they mean to the meter."""
        table = self._table(series.meter_id, energy(series, self.plan_.interval_s))
        return grid_of(series, self.plan_.slots_per_day, BEFORE if table is None else table.holiday)

    def unlike(self, series: Series) -> NDArray[np.bool_]:
        """Holidays that are of their own kind, or that may mean so much that the band is half as wide again, (n,)."""
        table = self._table(series.meter_id, energy(series, self.plan_.interval_s)) if series.holiday.any() else None
        if table is None or np.array_equal(table.holiday, BEFORE):
            return np.zeros(len(series), dtype=np.bool_)
        grid = grid_of(series, self.plan_.slots_per_day, table.holiday)
        low, high = table.edges
        usual, most = (np.bincount(grid.day, width) for width in (grid.of(high - low), grid.highest(high) - grid.lowest(low)))
        return np.asarray(series.holiday & ((grid.day_type == OWN_HOLIDAY) | (most > _WIDER * usual)[grid.day]))

    def forget(self, meter_id: str) -> None:
        self.tables_.pop(meter_id, None)

    def save(self, folder: Path) -> None:
        params = self.params.model_dump(mode="json")
        write_state(folder, self.name, {"params": params, **self.words, "facts": dict(self.facts)}, self.arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(ProfileParams.model_validate(config["params"])).restored(config, arrays)
        self._facts = config["facts"]
        return self

    @property
    def words(self) -> dict[str, Any]:
        """What of the learned state is no array: the plan, and the meters in the order of the arrays; JSON-able."""
        return {"plan": self.plan_.words, "meters": sorted(self.tables_)}

    @property
    def arrays(self) -> Arrays:
        """The learned profiles, of the meters (m, 8, slots) and the pooled one (8, slots), and what holidays mean, (m, 7, 3) and (7, 3)."""
        tables = [self.tables_[meter] for meter in sorted(self.tables_)]
        pooled = {part: getattr(self.pooled_, part).astype(np.float32) for part in _PARTS}
        own = {part: np.array([getattr(t, part) for t in tables], dtype=np.float32) for part in _PARTS}
        stacked = {f"meters.{part}": array.reshape(len(tables), *pooled[part].shape) for part, array in own.items()}
        return stacked | {f"pooled.{part}": array for part, array in pooled.items()}

    def restored(self, words: Mapping[str, Any], arrays: Arrays) -> Self:
        """This detector with the learned state that `words` and `arrays` are of; its facts are whoever's saved it."""
        self.plan_ = WindowPlan.of(words["plan"])
        before = {"pooled.holiday": BEFORE, "meters.holiday": np.broadcast_to(BEFORE, (len(words["meters"]), *BEFORE.shape))}
        parts = {name: array.astype(np.float64) for name, array in (before | dict(arrays)).items()}
        stacked = zip(*(parts[f"meters.{part}"] for part in _PARTS), strict=True)
        self.tables_ = {meter: _Table(*table) for meter, table in zip(words["meters"], stacked, strict=True)}
        self.pooled_ = _Table(*(parts[f"pooled.{part}"] for part in _PARTS))
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def _learn(self, values: Floats, series: Series) -> _Table:
        """Profile of one meter: centre, then level drift, then the centre and scales of what is left."""
        slots, p = self.plan_.slots_per_day, self.params
        meaning, grid = learn(values, series, slots)
        centre = day_profile(values, grid.day_type, grid.slot, slots, 0.5, p.prior_readings)
        drift = self._drift(values, centre, grid)
        centre = day_profile(values - drift, grid.day_type, grid.slot, slots, 0.5, p.prior_readings)
        residual = values - drift - grid.of(centre)
        return _Table(centre, self._scale(-residual, values, grid), self._scale(residual, values, grid), meaning)

    def _scale(self, residual: Floats, values: Floats, grid: Grid) -> Floats:
        """One sigma of the residual upwards, (8, slots), smoothed over the day and floored."""
        p = self.params
        cells = day_profile(residual, grid.day_type, grid.slot, self.plan_.slots_per_day, 0.9, p.scale_prior_readings)
        cells[OWN_HOLIDAY] *= grid.doubt
        reach = min(round(p.smooth_min * 60 / self.plan_.interval_s), self.plan_.slots_per_day // 2)
        overall = float(np.nanquantile(np.abs(residual), 0.8)) / _Z90
        floor = p.scale_floor * max(overall, 0.1 * _spread(values), 0.05 * abs(_level(values)))
        return np.maximum(circular_mean(np.maximum(cells, 0), reach) / _Z90, floor)

    def _drift(self, values: Floats, centre: Floats, grid: Grid) -> Floats:
        """By how much the level of the days before lies above the profile, kWh, (n,); of no later reading, nor of a day that is open or on
        which the plant stood still."""
        if len(values) == 0:
            return np.zeros(0)
        residual = np.where(grid.open, np.nan, values - grid.of(centre))
        days = int(grid.day[-1]) + 1
        daily, count = grouped_quantile(residual, grid.day, days, 0.5)
        size = np.bincount(grid.day, minlength=days)
        daily[(count < _OWN_SHARE * size) | stood_still(values, grid.of(centre), grid.day)] = np.nan
        level, known = trailing_median(daily, self.params.drift_days)
        return np.asarray((level * known / (known + _DRIFT_PRIOR_DAYS))[grid.day])

    def _table(self, meter_id: str, values: Floats) -> _Table | None:
        if meter_id in self.tables_:
            return self.tables_[meter_id]
        if not np.isfinite(values).any():
            return None
        spread = _spread(values)
        return _scaled(self.pooled_, _level(values) / spread, spread)


def _level(values: Floats) -> float:
    return float(np.nanmedian(values))


def _spread(values: Floats) -> float:
    """Half the distance of the 10 % and 90 % quantiles; of a flat meter a thousandth of its level, and never 0."""
    low, high = np.nanquantile(values, [0.1, 0.9])
    return max(float(high - low) / 2, 1e-3 * abs(_level(values)), 1e-9)


def _scaled(table: _Table, shift: float, factor: float) -> _Table:
    return _Table((table.centre + shift) * factor, table.down * factor, table.up * factor, table.holiday)


def _pooled(tables: Sequence[_Table]) -> _Table:
    centre, down, up = (np.median([getattr(t, part) for t in tables], axis=0) for part in ("centre", "down", "up"))
    return _Table(centre, down, up, np.mean([t.holiday for t in tables], axis=0))


def _as_stored(table: _Table) -> _Table:
    """Rounded to the precision of the file, so that scores before saving and after loading are the same."""
    return _Table(*(getattr(table, part).astype(np.float32).astype(np.float64) for part in _PARTS))
