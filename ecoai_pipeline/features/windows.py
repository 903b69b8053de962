"""Window lengths from validated periods and the calendar, windows as views, and back from windows to readings."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.domain import Resolution
from ecoai_pipeline.features.calendar import DAY_S, WEEK_S
from ecoai_pipeline.features.series import WindowPlan
from ecoai_pipeline.settings import FeatureParams

Floats = NDArray[np.float64]
SHORTEST = 4
_ALIKE = 1.1


def choose_plan(spectra: pl.DataFrame, interval_s: int, params: FeatureParams) -> WindowPlan:
    """Window lengths for meters of one interval: hour (high resolution), day and week, then the periods most meters share.

    Args:
        spectra: rows of the table `spectra`, of any number of meters and months; other intervals are passed over.
        interval_s: seconds.

    A period counts where the autocorrelation validated it; meters whose periods lie within 10 % of each other share one,
    which is their median. Lengths run from four intervals to a week.
    """
    week = WEEK_S // interval_s
    calendar = [3600, DAY_S, WEEK_S] if Resolution.of(interval_s) is Resolution.HIGH else [DAY_S, WEEK_S]
    scales: list[int] = []
    for length in [*(seconds // interval_s for seconds in calendar), *_shared_periods(spectra, interval_s, params.min_support)]:
        if SHORTEST <= length <= week and not any(_alike(length, other) for other in scales):
            scales.append(length)
    return WindowPlan(interval_s, tuple(sorted(scales[: params.max_scales])) or (SHORTEST,))


def _alike(one: float, other: float) -> bool:
    return max(one, other) <= _ALIKE * min(one, other)


def _shared_periods(spectra: pl.DataFrame, interval_s: int, min_support: float) -> list[int]:
    """Validated periods that enough meters share, in intervals, the most shared first."""
    own = spectra.filter((pl.col("period_s") / pl.col("samples")).round().cast(pl.Int32) == interval_s)
    periods = own.filter("validated").select("meter_id", "samples").unique().sort("samples", "meter_id")
    apart = (pl.col("samples") > _ALIKE * pl.col("samples").shift(1)).fill_null(value=False)
    shared = (
        periods.group_by(apart.cum_sum().alias("group"))
        .agg(pl.col("samples").median(), pl.col("meter_id").n_unique().alias("meters"))
        .filter(pl.col("meters") >= min_support * own["meter_id"].n_unique())
        .sort("meters", "samples", descending=[True, False])
    )
    return [round(samples) for samples in shared["samples"]]


def strided(x: NDArray[np.generic], length: int, stride: int) -> NDArray[np.generic]:
    """Windows over the first axis as a read-only view, (w, length, …); w is 0 where `x` is shorter than a window."""
    if len(x) < length:
        return np.empty((0, length, *x.shape[1:]), dtype=x.dtype)
    view = np.lib.stride_tricks.sliding_window_view(x, length, axis=0)
    return np.moveaxis(view, -1, 1)[::stride]


def covering_starts(n: int, length: int, stride: int) -> NDArray[np.int64]:
    """Starts of windows, `stride` apart, the last one moved back so that it ends with the n-th reading.

    >>> covering_starts(10, 4, 4).tolist(), covering_starts(3, 4, 4).tolist()
    ([0, 4, 6], [])
    """
    last = n - length
    if last < 0:
        return np.empty(0, dtype=np.int64)
    starts = np.arange(0, last + 1, stride, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


def overlap_mean(errors: NDArray[np.floating], starts: NDArray[np.int64], n: int) -> Floats:
    """Per reading the mean over all windows that hold it, (n,); NaN entries do not count, NaN where no window counts.

    Args:
        errors: (w, length), the error of each reading in each window.
        starts: (w,), position of each window's first reading.
        n: readings of the series.
    """
    places = (starts[:, None] + np.arange(errors.shape[1])).ravel()
    values = errors.astype(np.float64).ravel()
    known = ~np.isnan(values)
    count = np.bincount(places[known], minlength=n)
    total = np.bincount(places[known], weights=values[known], minlength=n)
    mean: Floats = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    return mean
