"""Whose expectation is taken: the one that misses least of most meters, by its middle and both edges of its band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from ecoai_pipeline.detection.expectation import missed
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.features.series import Series

DAY = 24


def series(meter_id: str, kwh: np.ndarray) -> Series:
    n = len(kwh)
    stamps = np.datetime64("2022-01-01", "us") + np.arange(n) * np.timedelta64(3600, "s")
    slot, none = (np.arange(n) % DAY).astype(np.int32), np.zeros(n, bool)
    return Series(meter_id, 3600, stamps, kwh, np.isfinite(kwh), slot, slot, none, none)


def saying(portfolio: ModuleType, expected: float, low: float, high: float):  # type: ignore[no-untyped-def]
    """A detector that expects the same of all readings."""

    class Sayer(portfolio.Distance):  # type: ignore[misc, name-defined]
        def expect(self, given: Sequence[Series]) -> list[Expectation]:
            return [Expectation(*(np.full(len(one), value) for value in (expected, low, high))) for one in given]

    return Sayer()


def loads(*levels: float) -> list[tuple[Series, int]]:
    """A meter per level, whose readings before the span that counts are far off."""
    return [(series(f"m{level}", np.concatenate([np.full(DAY, 1e6), np.full(DAY, level)])), DAY) for level in levels]


def test_the_loss_is_that_of_the_three_quantiles_by_the_load(portfolio: ModuleType) -> None:
    """Of 10 kWh an expectation of 9 misses 1 at a half, an edge at 7 3 at a twentieth, one at 14 4 at a twentieth: .5, .15 and .2."""
    found = missed({"a": saying(portfolio, 9, 7, 14)}, loads(10))
    assert found == {"a": pytest.approx((0.5 + 0.15 + 0.2) / 3 / 10)}


def test_one_meter_with_a_fault_does_not_decide(portfolio: ModuleType) -> None:
    """The third meter nearly stopped: by its own small load both miss by far, the one that is right of the others by more."""
    right, hedged = saying(portfolio, 10, 9, 11), saying(portfolio, 5, 4, 6)
    found = missed({"right": right, "hedged": hedged}, loads(10, 10, 0.01))
    assert found["right"] < found["hedged"]


def test_a_plant_that_stands_still_is_judged_too_and_one_that_nobody_read_is_not(portfolio: ModuleType) -> None:
    near, far = saying(portfolio, 0, 0, 0.1), saying(portfolio, 5, 4, 6)
    found = missed({"near": near, "far": far}, loads(0))
    assert found["near"] < found["far"]
    (one, start), *_ = loads(10)
    assert missed({"near": near}, [(replace(one, observed=np.zeros(len(one), bool)), start)]) == {}


def test_who_expects_nothing_is_not_asked() -> None:
    assert missed({"scorer": object()}, loads(10)) == {}  # type: ignore[dict-item]
