"""The best F1 of readings over all thresholds, plain and point-adjusted, against every threshold tried one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from ecoai_pipeline.evaluation.oracle import f1_oracle, f1_point_adjusted_oracle
from ecoai_pipeline.evaluation.ranking import anomalies

READINGS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, np.nan]), st.booleans()), min_size=1, max_size=30)


def split(readings: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = zip(*readings, strict=True)
    return np.array(scores), np.array(labels)


def adjusted(alarmed: np.ndarray, labels: np.ndarray) -> np.ndarray:
    whole = alarmed.copy()
    for first, last in zip(*anomalies(labels), strict=True):
        whole[first : last + 1] = alarmed[first : last + 1].any()
    return whole


@given(READINGS)
def test_both_are_the_best_of_all_thresholds(readings: list[tuple[float, bool]]) -> None:
    scores, labels = split(readings)
    if not labels.any():
        assert f1_oracle(scores, labels) is f1_point_adjusted_oracle(scores, labels) is None
        return
    alarms = [scores >= threshold for threshold in (*np.unique(scores[~np.isnan(scores)]), 2.0)]
    plain = max(f1_score(labels, alarmed, zero_division=0) for alarmed in alarms)
    point_adjusted = max(f1_score(labels, adjusted(alarmed, labels), zero_division=0) for alarmed in alarms)
    assert f1_oracle(scores, labels) == pytest.approx(plain)
    assert f1_point_adjusted_oracle(scores, labels) == pytest.approx(point_adjusted)


def test_one_alarmed_reading_counts_as_the_whole_anomaly_only_where_it_is_adjusted() -> None:
    labels = np.array([False, True, True, True, True, False])
    scores = np.array([0.1, 0.0, 0.9, 0.0, 0.0, 0.2])
    assert f1_point_adjusted_oracle(scores, labels) == 1
    assert f1_oracle(scores, labels) == pytest.approx(2 * 4 / (6 + 4))


def test_random_scores_look_good_when_adjusted_and_are_no_better_than_alarming_everything_when_not() -> None:
    """Facts: point-adjusted F1 of random scores is .6 to .7; here 5 % of 40,000 readings, in anomalies of 100."""
    labels = np.zeros(40_000, dtype=bool)
    for start in range(500, 40_000, 2000):
        labels[start : start + 100] = True
    scores = [np.random.default_rng(seed).random(40_000) for seed in range(10)]
    assert 0.6 < np.mean([f1_point_adjusted_oracle(one, labels) for one in scores]) < 0.8
    assert np.mean([f1_oracle(one, labels) for one in scores]) == pytest.approx(2 * 0.05 / 1.05, abs=0.01)


def test_a_reading_without_a_score_is_never_alarmed() -> None:
    labels = np.array([True, True, False])
    assert f1_oracle(np.array([np.nan, np.nan, np.nan]), labels) == 0
    assert f1_oracle(np.array([0.5, np.nan, np.nan]), labels) == pytest.approx(2 / 3)
    assert f1_point_adjusted_oracle(np.array([0.5, np.nan, np.nan]), labels) == 1
    assert f1_point_adjusted_oracle(np.array([np.nan, np.nan, 0.5]), labels) == 0


@given(READINGS)
def test_adjusting_never_lowers_it(readings: list[tuple[float, bool]]) -> None:
    scores, labels = split(readings)
    assert (f1_point_adjusted_oracle(scores, labels) or 0) >= (f1_oracle(scores, labels) or 0) - 1e-12
