"""How a series is cut in time: learned from, calibrated on, tested; each later than the one before, with a window between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from ecoai_pipeline.detection.spans import cut
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.features.spectrum import Load, spectra
from ecoai_pipeline.features.windows import choose_plan
from ecoai_pipeline.settings import Settings


class Protocol(StrEnum):
    """When models are trained: once before the test, or again at the start of each of its months, as the pipeline does."""

    FIXED = "fixed"
    ROLLING = "rolling"


@dataclass(frozen=True)
class Fold:
    """Intervals of a series by their place in it, from the first to before the second, and the windows chosen on `train`.

    The calibration span lies a gap away from the training span and, where the model is fixed, from the test, so that no window
    lies in two of them.
    """

    train: tuple[int, int]
    calibration: tuple[int, int]
    test: tuple[int, int]
    plan: WindowPlan


def folds(load: Series, protocol: Protocol, settings: Settings) -> list[Fold]:
    """One fold, or one per month of the test span; all of them test the same intervals.

    Raises:
        ValueError: the series is too short to be cut.
    """
    train_end, test = borders(load, settings)
    if protocol is Protocol.FIXED:
        return [_fixed(load, train_end, test, settings)]
    return [_rolling(load, start, stop, settings) for start, stop in _months(load, test)]


def borders(load: Series, settings: Settings) -> tuple[int, int]:
    """Where the training span ends and where the test begins, so that each holds its share of the readings that came.

    Raises:
        ValueError: a span would be empty.
    """
    observed, params = np.flatnonzero(load.observed), settings.evaluation
    shares = (1 - params.test_share - params.calibration_share, 1 - params.test_share)
    ranks = [int(share * len(observed) + 1e-9) for share in shares]
    if not 0 < ranks[0] < ranks[1] < len(observed):
        raise ValueError(f"meter {load.meter_id}: {len(observed)} readings cannot be cut at {shares[0]:.0%} and {shares[1]:.0%} of them")
    return int(observed[ranks[0]]), int(observed[ranks[1]])


def _fixed(load: Series, train_end: int, test: int, settings: Settings) -> Fold:
    plan = plan_of(load.part(0, train_end), settings)
    gap = max((scale for scale in plan.scales if 3 * scale <= test - train_end), default=0)
    if not gap:
        raise ValueError(
            f"meter {load.meter_id}: a calibration span of {test - train_end} intervals leaves no room for gaps of a window "
            f"({plan.scales[0]}) on both sides; give more months"
        )
    return Fold((0, train_end), (train_end + gap, test - gap), (test, len(load)), plan)


def _rolling(load: Series, start: int, stop: int, settings: Settings) -> Fold:
    past = load.part(0, start)
    plan = plan_of(past, settings)
    spans = cut([past], settings.training.calibration_share, plan.longest)
    train_end, calibration = np.searchsorted(past.timestamps, np.array([spans.train_end, spans.calibration]))
    if train_end < 2 * plan.scales[0]:
        raise ValueError(
            f"meter {load.meter_id}: {start} intervals before the test are too few to train and to calibrate; give more months"
        )
    return Fold((0, int(train_end)), (int(calibration), start), (start, stop), plan)


def _months(load: Series, test: int) -> Iterator[tuple[int, int]]:
    """The months of the test span, by the clock of UTC; the first begins where the test does."""
    month = load.timestamps.astype("datetime64[M]")
    starts = np.flatnonzero(month[1:] != month[:-1]) + 1
    edges = [test, *starts[starts > test].tolist(), len(load)]
    return pairwise(edges)


def plan_of(training: Series, settings: Settings) -> WindowPlan:
    """The windows that training on this span alone would choose."""
    load = Load(training.meter_id, training.interval_s, np.where(training.observed, training.kwh, np.nan))
    return choose_plan(spectra([load], settings.features), training.interval_s, settings.features)


def nights(load: Series, start: int, stop: int) -> list[tuple[int, int]]:
    """The local days of a span as intervals from the first to before the second; the first and last may be cut."""
    steps = np.diff(load.slot_of_day[start:stop])
    begins = np.flatnonzero((steps < 0) | (load.slots_per_day <= 1)) + 1 + start
    edges = [start, *begins.tolist(), stop]
    return list(pairwise(edges)) if stop > start else []
