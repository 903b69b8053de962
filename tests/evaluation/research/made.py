"""A labelled case of a quarter-hourly load, and the parameters of a quick training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings


def two_shifts(days: int = 42, interval_s: int = 900, seed: int = 0, meter_id: str = "plant") -> Series:
    """`days` from a Monday: 100 kWh an interval from 6 to 22 on working days, a fifth of it otherwise, with 3 % noise."""
    per_day = 86_400 // interval_s
    index = np.arange(days * per_day)
    slot, weekday = index % per_day, index // per_day % 7
    hour = slot * interval_s / 3600
    kwh = np.where((weekday < 5) & (hour >= 6) & (hour < 22), 100.0, 20.0)
    kwh *= 1 + 0.03 * np.random.default_rng(seed).standard_normal(len(index))
    return Series(
        meter_id=meter_id,
        interval_s=interval_s,
        timestamps=np.datetime64("2022-01-03T00:00:00", "us") + index * np.timedelta64(interval_s, "s"),
        kwh=kwh,
        observed=np.ones(len(index), dtype=bool),
        slot_of_day=slot.astype(np.int32),
        slot_of_week=(weekday * per_day + slot).astype(np.int32),
        weekend=weekday >= 5,
        holiday=np.zeros(len(index), dtype=bool),
    )


def doubled(load: Series, *spans: tuple[int, int], times: float = 2) -> Case:
    """A case whose load is doubled, or more, and labelled, from each start to before each stop."""
    kwh, labels = load.kwh.copy(), np.zeros(len(load), dtype=bool)
    for start, stop in spans:
        kwh[start:stop] *= times
        labels[start:stop] = True
    return Case("made", replace(load, kwh=kwh), labels)


def quick(settings: Settings) -> Settings:
    """Small networks, each trained for a second at most."""
    recurrent = {"max_windows": 512, "epochs": 6, "batch": 32, "learning_rate": 0.01}
    small = {
        "usad": {"max_windows": 512, "epochs": 4, "batch": 64},
        "lstm_ae": recurrent | {"encoder": 12, "latent": 6, "decoder": 12},
        "encdec_ad": recurrent | {"hidden": 12},
        "cnn_gru": recurrent | {"channels": 6, "hidden": 12, "latent": 6},
    }
    networks = {name: getattr(settings.detectors, name).model_copy(update=update) for name, update in small.items()}
    return settings.model_copy(update={"detectors": settings.detectors.model_copy(update=networks)})
