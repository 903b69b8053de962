"""ROC, Youden's J and the best F1 against their definitions and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from ecoai_pipeline.evaluation.research.curves import counted, histogram, roc


@st.composite
def judged(draw):
    n = draw(st.integers(2, 60))
    scores = np.array(draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n)), dtype=float)
    labels = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    labels[0], labels[-1] = True, False
    return scores, labels


@given(judged())
def test_the_area_is_scikit_learns(case):
    scores, labels = case
    assert roc(scores, labels).auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@given(judged())
def test_no_threshold_beats_those_chosen(case):
    scores, labels = case
    curve = roc(scores, labels)
    every = [counted(scores, labels, threshold) for threshold in np.unique(scores)]
    assert curve.best_f1().f1 == pytest.approx(max(one.f1 for one in every))
    gained = [one.recall - one.false_alarms / (~labels).sum() for one in every]
    chosen = curve.youden()
    assert chosen.recall - chosen.false_alarms / (~labels).sum() == pytest.approx(max(gained))


@given(judged())
def test_what_a_threshold_does_is_counted_alike_on_the_curve_and_by_itself(case):
    scores, labels = case
    chosen = roc(scores, labels).best_f1()
    assert counted(scores, labels, chosen.threshold) == chosen
    assert chosen.f1 == pytest.approx(f1_score(labels, scores >= chosen.threshold))
    assert sum(chosen.counts.values()) == len(scores)


def test_without_an_alarm_precision_and_f1_are_zero():
    nothing = counted(np.array([1.0, 2.0]), np.array([True, False]), 3.0)
    assert (nothing.recall, nothing.precision, nothing.f1, nothing.misses) == (0.0, 0.0, 0.0, 1)


@given(judged())
def test_a_histogram_holds_every_score_and_reaches_the_threshold(case):
    scores, labels = case
    threshold = roc(scores, labels).youden().threshold
    drawn = histogram(scores, labels, threshold)
    assert (sum(drawn["normal"]), sum(drawn["anomalous"])) == ((~labels).sum(), labels.sum())
    assert drawn["edges"][0] <= threshold + 1e-12
    assert drawn["edges"][-1] >= threshold - 1e-12


def test_a_drawn_curve_keeps_both_ends_and_few_points():
    rng = np.random.default_rng(0)
    points = roc(rng.random(5000), rng.random(5000) < 0.1).points()
    assert (points["recall"][0], points["recall"][-1], points["false_rate"][-1]) == (0.0, 1.0, 1.0)
    assert len(points["recall"]) <= 201
