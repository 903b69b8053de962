"""A model asks its costly members about strange days alone, and shows them what lies around."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.fusion import Fusion
from ecoai_pipeline.detection.habit import Habits, Law
from ecoai_pipeline.detection.model import Model
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import DetectionParams, HabitParams

DAY, DAYS, WINDOW = 24, 30, 6
START = np.datetime64("2022-01-01", "us")
STRANGE = (20, 25)  # days


class Spy:
    """Scores what it is given by the load, and keeps which stretches of the series that was."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        for series in portfolio:
            first = int((series.timestamps[0] - START) / np.timedelta64(3600, "s"))
            self.seen.append((first, first + len(series)))
        return [series.kwh.astype(np.float32) for series in portfolio]


def load() -> Series:
    """Falling from day to day, so that no day but the first and the strange ones exceeds those before it."""
    n = DAY * DAYS
    kwh = 1.0 - np.arange(n) // DAY / 100
    for day in STRANGE:
        kwh[day * DAY + 12] = 9.0
    slot, none = (np.arange(n) % DAY).astype(np.int32), np.zeros(n, bool)
    stamps = START + np.arange(n) * np.timedelta64(3600, "s")
    return Series("m", 3600, stamps, kwh, ~none, slot, slot, none, none)


def test_a_costly_member_sees_strange_days_with_a_day_on_both_sides() -> None:
    cheap, costly = Spy(), Spy()
    curve = SimpleNamespace(p=lambda _, scores: np.exp(-np.asarray(scores, dtype=np.float64)))
    model = Model(
        "v",
        WindowPlan(3600, (4, WINDOW)),
        {"usad": costly, "level": cheap},  # type: ignore[dict-item]
        {"usad": curve, "level": curve},  # type: ignore[dict-item]
        Fusion({"usad": 1.0, "level": 1.0}, DetectionParams()),
        Habits(HabitParams(), {"*": Law(1, 0.0, 1.0)}),
        None,
    )
    (scored,) = model.score([load()])
    days = [0, *STRANGE]
    assert costly.seen == [(max(0, day * DAY - DAY), (day + 1) * DAY + DAY) for day in days]
    assert np.flatnonzero(np.isfinite(scored.s["usad"]).reshape(DAYS, DAY).any(axis=1)).tolist() == days
    assert np.isfinite(scored.s["usad"]).reshape(DAYS, DAY)[days].all()
    assert cheap.seen == [(0, DAY * DAYS)]
