"""Synthetic meters: hourly two-shift load with working days, noise, and what a test plants in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.detectors import load
from ecoai_pipeline.detectors.contract import Detector
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import Settings

HOUR = 3600
MakeMeter = Callable[..., Series]


@pytest.fixture
def plan() -> WindowPlan:
    return WindowPlan(HOUR, (24, 168))


@pytest.fixture
def make_meter() -> MakeMeter:
    return two_shift_meter


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """The project's parameters, with a training short enough for a test."""
    dense = {"max_windows": 1024, "epochs": 12, "batch": 64}
    recurrent = {"max_windows": 1024, "epochs": 10, "batch": 64, "max_window": 24, "learning_rate": 0.01}
    short = {
        "usad": dense,
        "lstm_ae": {**recurrent, "encoder": 24, "latent": 8, "decoder": 24, "max_windows": 2048, "epochs": 40},
        "encdec_ad": {**recurrent, "hidden": 24, "max_windows": 2048, "epochs": 40},
        "cnn_gru": {**recurrent, "channels": 8, "hidden": 16, "latent": 8, "max_scales": 2, "windows_per_length": 4},
    }
    detectors = settings.detectors.model_copy(
        update={name: getattr(settings.detectors, name).model_copy(update=update) for name, update in short.items()}
    )
    return settings.model_copy(update={"detectors": detectors})


def two_shift_meter(meter_id: str = "a", *, days: int = 56, size: float = 100.0, noise: float = 0.03, seed: int = 0) -> Series:
    """`days` from Monday 2022-01-03: `size` kWh an hour from 6 to 22 on working days, a fifth of it otherwise."""
    hours = np.arange(days * 24)
    weekday, hour = hours // 24 % 7, hours % 24
    busy = (weekday < 5) & (hour >= 6) & (hour < 22)
    kwh = size * np.where(busy, 1.0, 0.2) * (1 + noise * np.random.default_rng(seed).standard_normal(len(hours)))
    return Series(
        meter_id=meter_id,
        interval_s=HOUR,
        timestamps=np.datetime64("2022-01-03T00:00:00", "us") + hours * np.timedelta64(1, "h"),
        kwh=kwh,
        observed=np.ones(len(hours), dtype=bool),
        slot_of_day=hour.astype(np.int32),
        slot_of_week=(weekday * 24 + hour).astype(np.int32),
        weekend=weekday >= 5,
        holiday=np.zeros(len(hours), dtype=bool),
    )


def assert_forgets(detector: Detector, portfolio: Sequence[Series], folder: Path) -> None:
    """Forgotten, the first meter is scored as one never seen, the others as before to the bit, and no file names it."""
    first = portfolio[0].meter_id
    before = detector.score(portfolio)
    detector.forget(first)
    detector.forget("never seen")
    after = detector.score(portfolio)
    assert not np.array_equal(before[0], after[0])
    for one, other in zip(before[1:], after[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    detector.save(folder)
    np.testing.assert_array_equal(load(detector.name, folder).score(portfolio)[0], after[0])
    assert first not in (folder / "config.json").read_text()
