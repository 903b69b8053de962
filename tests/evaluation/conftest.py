"""Made-up series to judge detectors on: hourly two-shift load with outages that are labelled."""

from __future__ import annotations

import numpy as np
import pytest

from ecoai_pipeline.evaluation.cases import ALL, Case
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings

HOUR = 3600


def two_shifts(meter_id: str = "a", *, days: int = 140, seed: int = 0, gap: tuple[int, int] = (0, 0)) -> Series:
    """`days` from Monday 2022-01-03: about 100 kWh an hour from 6 to 22 on working days, 20 otherwise; no reading in the gap."""
    hours = np.arange(days * 24)
    weekday, hour = hours // 24 % 7, hours % 24
    busy = (weekday < 5) & (hour >= 6) & (hour < 22)
    kwh = np.where(busy, 100.0, 20.0) * (1 + 0.03 * np.random.default_rng(seed).standard_normal(len(hours)))
    observed = (hours < gap[0]) | (hours >= gap[1])
    return Series(
        meter_id=meter_id,
        interval_s=HOUR,
        timestamps=np.datetime64("2022-01-03T00:00:00", "us") + hours * np.timedelta64(1, "h"),
        kwh=np.where(observed, kwh, np.nan),
        observed=observed,
        slot_of_day=hour.astype(np.int32),
        slot_of_week=(weekday * 24 + hour).astype(np.int32),
        weekend=weekday >= 5,
        holiday=np.zeros(len(hours), dtype=bool),
    )


def with_outages(load: Series, starts: tuple[int, ...], hours: int = 6) -> Case:
    """The load at a hundredth in some spans, which are labelled."""
    labels = np.zeros(len(load), dtype=bool)
    for start in starts:
        labels[start : start + hours] = True
    load.kwh[labels] *= 0.01
    return Case("made_up", load, labels & load.observed, {ALL: load.observed})


@pytest.fixture
def case() -> Case:
    """A series of 3,360 hours, whose test begins at 2,016, with four outages in it and one before; each from 8 in the morning on."""
    return with_outages(two_shifts(), tuple(day * 24 + 8 for day in (30, 92, 99, 114, 128)))


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """The project's parameters, with a training short enough for a test."""
    short = {"max_windows": 512, "epochs": 5, "batch": 64}
    names = ("usad", "lstm_ae", "encdec_ad", "cnn_gru")
    detectors = settings.detectors.model_copy(update={name: getattr(settings.detectors, name).model_copy(update=short) for name in names})
    return settings.model_copy(update={"detectors": detectors})
