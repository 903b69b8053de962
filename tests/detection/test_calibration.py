"""A tail probability means the same for every meter, keeps the alarm budget, and survives anomalies in its own span."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import genpareto, poisson

from ecoai_pipeline.detection.calibration import POOLED, Calibration, Rule, alarm_threshold, calibrate, fit_shape
from ecoai_pipeline.settings import CalibrationParams

PARAMS = CalibrationParams()
Q = alarm_threshold(1, 900)
SCORES = st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=400)


def test_budget_of_one_event_is_one_reading_in_2880_at_15_minutes() -> None:
    assert alarm_threshold(1, 900) == pytest.approx(1 / 2880)
    assert alarm_threshold(2, 3600) == pytest.approx(2 / 720)
    assert alarm_threshold(1000, 86_400) == 0.5


@given(SCORES, st.lists(st.floats(-10, 2e6), min_size=2), st.sampled_from([1 / 5, 1 / 50, 1 / 2880]))
def test_p_lies_in_0_to_1_and_never_rises_with_the_score(calibration: list[float], scores: list[float], q: float) -> None:
    curve = calibrate("profile", {"m": np.array(calibration)}, q, PARAMS).curves["m"]
    p = curve.p(np.sort(np.array(scores)))
    assert ((p > 0) & (p <= 1)).all()
    assert (np.diff(p) <= 1e-12).all()


def test_conformal_p_is_the_rank_among_the_calibration_scores() -> None:
    scores = np.arange(1.0, 3001.0)
    calibration = calibrate("profile", {"m": scores}, Q, PARAMS)
    assert calibration.curves["m"].rule is Rule.CONFORMAL
    assert calibration.p("m", np.array([3000.0, 2999.0, 2991.0])) * 3001 == pytest.approx([2, 3, 11])
    assert calibration.p("m", np.array([3000.5]))[0] < 1 / 3001


def test_the_rule_follows_from_the_number_of_scores() -> None:
    rng = np.random.default_rng(1)
    scores = {"long": rng.exponential(size=2900), "short": rng.exponential(size=2000), "few": rng.exponential(size=100)}
    curves = calibrate("profile", scores, Q, PARAMS).curves
    assert {meter: curve.rule for meter, curve in curves.items() if meter != POOLED} == {
        "long": Rule.CONFORMAL,
        "short": Rule.PEAKS,
        "few": Rule.POOLED,
    }
    assert curves["few"].n == 100
    assert curves["few"].p(np.array([5.0])) == curves[POOLED].p(np.array([5.0]))


@pytest.mark.parametrize("contamination", [0.0, 0.01])
@pytest.mark.parametrize("n", [1000, 5760])
@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_false_alarms_keep_to_the_budget(draw: str, n: int, contamination: float) -> None:
    """With 1 % anomalies in the span an untrimmed threshold is about six times too quiet."""
    rng, meters = np.random.default_rng(5), 60

    def stationary(size: int) -> np.ndarray:
        return np.abs(rng.normal(size=size)) if draw == "normal" else rng.exponential(size=size)

    spans = {}
    for number in range(meters):
        spans[str(number)] = stationary(n)
        spans[str(number)][100 : 100 + int(n * contamination)] += 20
    calibration = calibrate("profile", spans, Q, PARAMS)
    alarms = sum(int((calibration.p(meter, stationary(2880)) < Q).sum()) for meter in spans)
    low, high = poisson.ppf([1e-6, 1 - 1e-6], meters)
    # Conformal p has steps of 1/(n + 1): with n = 5760 every second step is too coarse to be used up. A threshold from
    # 20 excesses is itself off by a third, which shows as a higher mean.
    assert low / 2 <= alarms <= high * 1.6


def test_a_target_that_conformal_could_never_reach_still_fires() -> None:
    tenth = alarm_threshold(0.1, 900)
    rng = np.random.default_rng(2)
    curve = calibrate("profile", {"m": rng.exponential(size=2880)}, tenth, PARAMS).curves["m"]
    assert curve.rule is Rule.PEAKS
    assert curve.p(np.array([30.0]))[0] < tenth < curve.p(np.array([6.0]))[0]


def test_a_meter_that_was_not_calibrated_takes_the_pooled_curve() -> None:
    rng = np.random.default_rng(3)
    calibration = calibrate("profile", {"a": rng.exponential(size=500), "b": rng.exponential(size=500)}, Q, PARAMS)
    scores = np.array([0.5, 3.0, 20.0])
    assert (calibration.p("never seen", scores) == calibration.curves[POOLED].p(scores)).all()


def test_a_constant_score_alarms_at_what_is_clearly_higher() -> None:
    curve = calibrate("profile", {"m": np.ones(3000)}, Q, PARAMS).curves["m"]
    assert curve.p(np.array([1.0]))[0] == 1
    assert curve.p(np.array([2.0]))[0] < Q


def test_nan_is_neither_learned_from_nor_judged() -> None:
    scores = np.random.default_rng(4).exponential(size=500)
    with_gaps = np.concatenate([scores, np.full(100, np.nan)])
    curve, gappy = (calibrate("profile", {"m": values}, Q, PARAMS).curves["m"] for values in (scores, with_gaps))
    assert gappy.n == curve.n
    assert np.isnan(gappy.p(np.array([np.nan]))).all()


def test_no_score_at_all_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="no score in the calibration span of 1 meters; train on more months"):
        calibrate("usad", {"m": np.full(10, np.nan)}, Q, PARAMS)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2, 0.4])
def test_shape_agrees_with_the_maximum_likelihood_of_scipy(shape: float) -> None:
    excesses = genpareto.rvs(shape, size=5000, random_state=1)
    assert fit_shape(excesses) == pytest.approx(genpareto.fit(excesses, floc=0)[0], abs=0.03)


def test_a_saved_calibration_is_the_same_to_the_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    calibration = calibrate("usad", {m: rng.gamma(3, size=1500) for m in "ab"}, Q, PARAMS)
    calibration.save(tmp_path / "one.parquet")
    loaded = Calibration.load(tmp_path / "one.parquet")
    loaded.save(tmp_path / "two.parquet")
    scores = rng.gamma(4, size=1000)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    for meter in ("a", "b", "unseen"):
        assert (loaded.p(meter, scores) == calibration.p(meter, scores)).all()
