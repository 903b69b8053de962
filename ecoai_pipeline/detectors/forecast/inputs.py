"""What a reading is forecast from: its place in the week and how far earlier days lay from the profile, never the reading before it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.detectors.day_types import Grid
from ecoai_pipeline.detectors.robust import Floats, grouped_quantile, stood_still, trailing_median
from ecoai_pipeline.features.series import Series

UPPER_SIDE = 10  # column of the upper side of the profile's band; the lower one is what is left of 2
_WEEK = 7  # days
# How many days before, the first of which that is known stands for yesterday, for a week ago, and for two weeks ago.
_DAYS, _WEEKS, _FORTNIGHTS = range(1, _WEEK + 1), (_WEEK, 2 * _WEEK, 3 * _WEEK), (2 * _WEEK, 3 * _WEEK, _WEEK)


def inputs(series: Series, grid: Grid, band: Expectation, reach: float) -> tuple[Floats, Floats]:
    """Rows (n, 11) without gaps, and how far each reading lies from the profile, (n,) in widths of its band, NaN where none came.

    Columns: time of day from 0 to 1; day type; distance at the same time a day and a week before, and the median of both and
    two weeks before; median distance of the day before, of the three and seven days before, and of the day a week before;
    expected energy and upper side, in widths. Where nothing is known of a day, or it was a holiday that may mean several things, or hardly
    anything came, the last day before it that tells stands for it, and where there is none, 0. A number for unknown days would tell trees
    that a holiday lies before: they would learn what the few days after holidays had, and expect it after each. Distances of other days
    count up to `reach`. So a fault of yesterday is no forecast of one today, and a plant that stood still for days is expected to run as
    before.
    """
    width = half_width(band)
    distance = (np.where(series.observed, series.kwh, np.nan) - band.expected) / width
    idle = stood_still(np.where(series.observed, series.kwh, np.nan), band.expected, grid.day)[grid.day]
    told = np.where(grid.open | idle, np.nan, np.clip(distance, -reach, reach))
    per_day = max(1, series.slots_per_day)
    day, week, fortnight = (_known(told, [days * per_day for days in before]) for before in (_DAYS, _WEEKS, _FORTNIGHTS))
    daily, _ = grouped_quantile(told, grid.day, int(grid.day[-1]) + 1 if len(series) else 0, 0.5)
    (of_three, known), (of_week, _) = trailing_median(daily, 3), trailing_median(daily, _WEEK)
    of_days = (_known(daily, _DAYS), np.where(known > 0, of_three, of_week), of_week, _known(daily, _WEEKS))
    columns = (
        grid.slot / max(1, per_day),
        grid.day_type,
        day,
        week,
        np.maximum(np.minimum(day, week), np.minimum(np.maximum(day, week), fortnight)),
        *(values[grid.day] for values in of_days),
        band.expected / width,
        (band.high - band.expected) / width,
    )
    return np.stack(columns, axis=1, dtype=np.float64), distance


def half_width(band: Expectation) -> Floats:
    """The unit of all distances: half the width of the profile's band, kWh, (n,)."""
    return np.asarray((band.high - band.low) / 2)


def _later(values: Floats, by: int) -> Floats:
    """What stood so many places before, (n,); NaN before the first."""
    return np.concatenate([np.full(min(by, len(values)), np.nan), values[: max(0, len(values) - by)]])


def _known(values: Floats, before: Iterable[int]) -> Floats:
    """The first finite one of the values so many places before, (n,); 0 where there is none."""
    found = np.full(len(values), np.nan)
    for by in before:
        found = np.where(np.isnan(found), _later(values, by), found)
        if not np.isnan(found).any():
            break
    return np.asarray(np.nan_to_num(found, nan=0.0))
