"""How a training span is cut: training, a gap of one window, calibration, each later than the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecoai_pipeline.features.series import Series

_DAY = np.timedelta64(86_400_000_000, "us")


@dataclass(frozen=True)
class Spans:
    """Training runs from `first` to before `train_end`, calibration from `calibration` to before `last`; UTC."""

    first: np.datetime64
    train_end: np.datetime64
    calibration: np.datetime64
    last: np.datetime64

    def facts(self) -> dict[str, str]:
        return {
            "train_from": str(self.first),
            "train_to": str(self.train_end),
            "calibration_from": str(self.calibration),
            "calibration_to": str(self.last),
        }


def cut(portfolio: Sequence[Series], calibration_share: float, gap_intervals: int) -> Spans:
    """Cut the span that the series cover together: whole days of calibration, at least one, after a gap.

    The same instants hold for all meters, so that nothing of a day that calibrates one meter was learned from on another.
    """
    interval = np.timedelta64(portfolio[0].interval_s * 1_000_000, "us")
    first = min(series.timestamps[0] for series in portfolio)
    last = max(series.timestamps[-1] for series in portfolio) + interval
    days = max(1, round(float((last - first) / _DAY) * calibration_share))
    calibration = last - days * _DAY
    return Spans(first, calibration - gap_intervals * interval, calibration, last)


def within(series: Series, start: np.datetime64, stop: np.datetime64) -> Series:
    """The part of a series from `start` to before `stop`; empty where it has none."""
    first, end = np.searchsorted(series.timestamps, np.array([start, stop]))
    return series.part(int(first), max(int(first), int(end)))
