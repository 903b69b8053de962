"""A series as days: one row per local day, of at most 96 places, and where each reading lies in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecoai_pipeline.detectors.day_types import week_grid
from ecoai_pipeline.detectors.robust import Floats, Ints, energy
from ecoai_pipeline.features.series import Series, WindowPlan

_PLACES = 96  # a quarter of an hour each; finer ones show noise
_REST = 0.1  # of its mean size: the level of a load whose usual day is all but nothing
_SEEN = 0.8  # of a day's places that must be known where shapes are learned from it


@dataclass(frozen=True)
class Days:
    """Rows (days, places), mean energy per plan interval, NaN where no reading came; per interval (n,) its row, place and energy."""

    rows: Floats
    day: Ints
    place: Ints
    values: Floats

    @property
    def level(self) -> float:
        """Median over the days of their mean size; of a load that mostly rests a tenth of its mean size; never 0, NaN of nothing."""
        known = np.isfinite(self.rows)
        size = (
            np.bincount(np.nonzero(known)[0], np.abs(self.rows[known]), len(self.rows))[known.any(axis=1)]
            / known.sum(axis=1)[known.any(axis=1)]
        )
        return max(float(np.median(size)), _REST * float(np.minimum(size, np.quantile(size, 0.9)).mean()), 1e-9) if len(size) else np.nan

    @property
    def whole(self) -> Floats:
        """Rows of the days that were read for the most part, gaps filled along the day."""
        rows = self.rows[np.isfinite(self.rows).mean(axis=1) >= _SEEN]
        places = np.arange(rows.shape[1])
        return np.array([np.interp(places, places[np.isfinite(row)], row[np.isfinite(row)]) for row in rows]).reshape(rows.shape)


def days_of(series: Series, plan: WindowPlan) -> Days:
    """The days of a series by the plan's day, whatever its own interval."""
    places = min(_PLACES, plan.slots_per_day)
    grid, values = week_grid(series, places), energy(series, plan.interval_s)
    days, place = int(grid.day[-1]) + 1 if len(series) else 0, np.minimum(grid.slot, places - 1)
    known = np.isfinite(values)
    cell = (grid.day * places + place)[known]
    total, count = np.bincount(cell, values[known], days * places), np.bincount(cell, minlength=days * places)
    rows = np.divide(total, count, out=np.full(days * places, np.nan), where=count > 0)
    return Days(rows.reshape(days, places), grid.day, place, values)
