"""Several detectors as one: absent ones change nothing, weights count, costly ones are asked on the strangest days only."""

from __future__ import annotations

import numpy as np
import pytest

from ecoai_pipeline.detection.fusion import Fusion, fuse, strangeness
from ecoai_pipeline.settings import DetectionParams, FusionParams

HOUR = 3600
STAMPS = np.datetime64("2022-01-01", "us") + np.arange(40 * 24) * np.timedelta64(HOUR, "s")


def fusion(share: float, **weights: float) -> Fusion:
    return Fusion(weights, DetectionParams(fusion=FusionParams(costly_share=share)))


def calm(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=len(STAMPS))


def test_weights_count_and_an_absent_detector_does_not() -> None:
    p = {"a": np.exp([-1.0, -1.0]), "b": np.exp([-4.0, np.nan]), "c": np.exp([-100.0, -100.0])}
    assert fuse(p, {"a": 2, "b": 1, "c": 0}).tolist() == pytest.approx([2.0, 1.0])
    assert fuse({"a": p["a"]}, {"a": 2, "b": 1}).tolist() == pytest.approx([1.0, 1.0])


def test_a_fault_that_lasts_for_weeks_stays_above_a_normal_day_after_a_quiet_month() -> None:
    """p of the fault's last day is high because of its first ones, p of the normal day low because of the quiet month."""
    fault, normal = strangeness(np.array([12.0, 4.0]), np.array([0.5, 1e-6]))
    assert fault == pytest.approx(12 + np.log(1 + np.log(2)))
    assert normal == pytest.approx(4 + np.log(1 + 6 * np.log(10)))
    assert fault > normal


def test_of_equal_evidence_the_less_usual_one_is_stranger_and_nothing_known_stays_unknown() -> None:
    found = strangeness(np.array([3.0, 3.0, np.nan]), np.array([0.2, 0.01, np.nan]))
    assert found[1] > found[0] > 3.0
    assert np.isnan(found[2])


def test_costly_detectors_are_those_with_weight_beside_cheap_ones() -> None:
    assert fusion(0.2, profile=1, usad=1).costly == ("usad",)
    assert fusion(0.2, profile=1, usad=0).costly == ()
    assert fusion(0.2, usad=1, lstm_ae=1).costly == ()
    assert fusion(1, profile=1, usad=1).costly == ()


def test_a_fifth_of_the_days_is_looked_at_and_the_strange_one_is_among_them() -> None:
    p = {"profile": calm()}
    p["profile"][35 * 24 + 7] = 1e-9
    seen = fusion(0.2, profile=1, usad=1).suspicious(p, STAMPS, HOUR)
    by_day = seen.reshape(40, 24)
    assert (by_day.all(axis=1) == by_day.any(axis=1)).all()
    assert by_day[35].all()
    assert 0.15 < by_day[10:].all(axis=1).mean() < 0.4
    assert by_day[0].all(), "the first day has nothing before it"


def test_no_later_day_decides_whether_one_is_looked_at() -> None:
    p = calm(1)
    whole, part = (fusion(0.2, profile=1, usad=1).suspicious({"profile": p[:n]}, STAMPS[:n], HOUR) for n in (40 * 24, 30 * 24))
    assert np.array_equal(whole[: 30 * 24], part)


def test_what_a_costly_detector_says_of_other_days_is_left_out() -> None:
    together = fusion(0.2, profile=1, usad=1)
    p = {"profile": calm(2), "usad": np.full(len(STAMPS), 1e-6)}
    seen = together.suspicious(p, STAMPS, HOUR)
    evidence = together.evidence(p, STAMPS, HOUR)
    assert np.allclose(evidence[~seen], -np.log(p["profile"][~seen]))
    assert np.allclose(evidence[seen], (-np.log(p["profile"][seen]) - np.log(1e-6)) / 2)
    masked = {**p, "usad": np.where(seen, p["usad"], np.nan)}
    assert np.array_equal(together.evidence(masked, STAMPS, HOUR), evidence)


def test_a_series_of_no_interval_has_no_evidence() -> None:
    empty = {"profile": np.empty(0), "usad": np.empty(0)}
    assert len(fusion(0.2, profile=1, usad=1).evidence(empty, STAMPS[:0], HOUR)) == 0
