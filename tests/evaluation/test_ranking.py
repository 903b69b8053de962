"""Volumes under the surface equal those of TSB-AD, and rank as their definition says: by order, not by size, with grace near anomalies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ecoai_pipeline.evaluation.ranking import THRESHOLDS, anomalies, rank, ranked_last, volumes

from .given import SHAPES, Scored, draw, drawn, real
from .make_tsb_ad import KEPT, of_tsb_ad

FIGURES = json.loads(KEPT.read_text(encoding="utf-8"))
SEEDS = st.integers(0, 10_000)
BUFFERS = st.integers(0, 30)


def areas(scores: np.ndarray, labels: np.ndarray, buffer: int) -> list[float]:
    ranking = rank(scores, labels, buffer)
    assert ranking is not None
    return [ranking.vus_pr, ranking.vus_roc, ranking.auc_pr, ranking.auc_roc]


def some(seed: int, buffer: int = 0) -> Scored:
    """Between 300 and 900 readings, some anomalies, scores that know a little."""
    return draw(seed, SHAPES[seed % len(SHAPES)], buffer, least=300, most=900)


def spaced(n: int, length: int, every: int) -> np.ndarray:
    """Anomalies of one length, the same distance apart, none at an end."""
    labels = np.zeros(n, dtype=bool)
    for start in range(every // 2, n - length - every // 4, every):
        labels[start : start + length] = True
    return labels


@pytest.mark.parametrize("shape", SHAPES)
def test_drawn_series_rank_as_with_tsb_ad(shape: str) -> None:
    """Figures of TSB-AD 1.5, kept by `make_tsb_ad.py`; the digest tells other random numbers from a wrong figure."""
    series = [one for one in drawn() if shape in one.name]
    assert len(series) >= 36
    for one in series:
        kept = FIGURES["drawn"][one.name]
        assert kept["digest"] == one.digest, f"{one.name}: numpy draws other numbers now; run make_tsb_ad.py again"
        assert volumes(one.scores, one.labels, one.buffer) == pytest.approx((kept["vus_pr"], kept["vus_roc"]), abs=1e-9), one.name


def test_real_series_rank_as_with_tsb_ad(real_data: Path, settings) -> None:
    """Two simple scores of the six buildings of LEAD and of a curve of KPI at 300 s."""
    checked = 0
    for one in real(real_data, settings):
        kept = FIGURES["real"][one.name]
        assert volumes(one.scores, one.labels, one.buffer) == pytest.approx((kept["vus_pr"], kept["vus_roc"]), abs=1e-6), one.name
        checked += 1
    assert checked == len(FIGURES["real"]) == 14


def test_the_kept_figures_are_those_of_the_tsb_ad_that_is_installed() -> None:
    pytest.importorskip("TSB_AD")
    for one in list(drawn())[::10]:
        assert {"digest": one.digest, **of_tsb_ad(one)} == pytest.approx(FIGURES["drawn"][one.name], abs=1e-9)


@given(SEEDS, BUFFERS)
def test_a_score_that_is_the_label_gives_1_whatever_the_buffer(seed: int, buffer: int) -> None:
    labels = some(seed).labels
    assert areas(labels.astype(float), labels, buffer) == pytest.approx([1, 1, 1, 1])


@given(SEEDS, st.integers(10, THRESHOLDS))
def test_without_a_buffer_any_perfect_order_of_as_many_readings_as_thresholds_gives_1(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.2
    assume(labels.any() and not labels.all())
    assert areas(labels + rng.random(n) * 0.9, labels, 0) == pytest.approx([1, 1, 1, 1])


@given(SEEDS)
def test_of_more_readings_a_perfect_order_loses_what_lies_between_two_thresholds(seed: int) -> None:
    """250 thresholds pass over every step-th reading only, so the last few anomalous ones may come with normal ones."""
    labels = spaced(4000, length=10, every=200)
    scores = labels + np.random.default_rng(seed).random(4000) * 0.9
    step, anomalous = -(-4000 // (THRESHOLDS - 1)), labels.sum()
    vus_pr, _ = volumes(scores, labels, 0)
    assert 1 - step**2 / (anomalous * (anomalous + step)) <= vus_pr < 1
    assert areas(scores, labels, 0)[2:] == [1, 1]


def test_weights_of_the_buffer_as_score_give_1_and_its_mere_extent_the_mean_weight() -> None:
    """One anomaly of 10 readings; of 2 d more that are alarmed each counts sqrt(1 - k / w) within half of a window w."""
    labels = spaced(1000, length=10, every=1000)
    away = np.abs(np.arange(1000) - 504.5) - 4.5
    for buffer in (1, 8, 25):
        reach = buffer // 2
        graded = np.where(away <= reach, np.sqrt(1 - np.clip(away, 0, reach) / max(buffer, 1)), 0.0)
        assert volumes(graded, labels, buffer) == pytest.approx((1, 1))
        caught = [10 + 2 * sum(np.sqrt(1 - k / window) for k in range(1, window // 2 + 1)) for window in range(buffer + 1)]
        alarms = 10 + 2 * reach
        assert volumes((away <= reach).astype(float), labels, buffer)[0] == pytest.approx(np.mean(caught) / alarms)


@given(SEEDS, BUFFERS)
def test_only_the_order_of_scores_counts(seed: int, buffer: int) -> None:
    series = some(seed)
    _, level = np.unique(series.scores, return_inverse=True)
    assert areas(level.astype(float) ** 3 - 5, series.labels, buffer) == areas(series.scores, series.labels, buffer)


@given(SEEDS, BUFFERS)
def test_equal_scores_rank_equal_in_whatever_order_they_come(seed: int, buffer: int) -> None:
    series = some(seed)
    coarse = np.round(series.scores, 1)
    turned = areas(coarse[::-1], series.labels[::-1], buffer)
    assert turned == pytest.approx(areas(coarse, series.labels, buffer))
    order = np.lexsort((np.random.default_rng(seed).random(len(coarse)), coarse))
    assert areas(coarse[order], series.labels[order], 0)[2:] == pytest.approx(turned[2:])


@given(SEEDS)
def test_scores_that_tell_nothing_give_the_share_of_anomalies_and_one_half(seed: int) -> None:
    labels = some(seed).labels
    share = labels.mean()
    assert areas(np.zeros(len(labels)), labels, 0) == pytest.approx([share, 0.5, share, 0.5])


def test_an_infinite_score_ranks_first_and_an_absent_one_last() -> None:
    labels = np.array([True, False, False, False])
    first, last = (areas(np.array([score, 1.0, 2.0, 3.0]), labels, 0) for score in (np.inf, np.nan))
    assert (first[2], last[2]) == (1.0, 0.25)


def of_random_scores(labels: np.ndarray, buffer: int) -> list[float]:
    return np.mean([areas(np.random.default_rng(seed).random(len(labels)), labels, buffer) for seed in range(10)], axis=0).tolist()


def test_random_scores_lie_near_the_share_of_anomalies_where_these_are_long() -> None:
    """4 % of 20,000 readings, 40 at a time. A buffer of 24 adds at most as many again, at about half weight."""
    labels = spaced(20_000, length=40, every=1000)
    assert of_random_scores(labels, 0) == pytest.approx([0.04, 0.5, 0.04, 0.5], abs=0.01)
    assert of_random_scores(labels, 24)[:2] == pytest.approx([0.050, 0.571], abs=0.01)


def test_random_scores_are_raised_by_the_buffer_where_anomalies_are_single_readings() -> None:
    """.1 % of the readings: a volume is read beside that of random scores, VUS-ROC above all; TSB-AD's code has the same figures."""
    labels = spaced(20_000, length=1, every=1000)
    assert of_random_scores(labels, 24)[:2] == pytest.approx([0.012, 0.829], abs=0.01)


@given(st.integers(1, 10))
def test_a_shift_inside_the_buffer_costs_half_of_what_it_costs_the_area_without_one(shift: int) -> None:
    """Anomalies of 10 readings, all of them alarmed `shift` readings late."""
    labels = spaced(5000, length=10, every=250)
    vus_pr, vus_roc, auc_pr, auc_roc = areas(np.roll(labels, shift).astype(float), labels, 60)
    assert 1 - vus_pr < 0.55 * (1 - auc_pr)
    assert 1 - vus_roc < 0.55 * (1 - auc_roc)


def test_an_alarm_that_comes_when_the_anomaly_is_over_is_still_worth_half_beside_it() -> None:
    labels = spaced(5000, length=10, every=250)
    vus_pr, _, auc_pr, _ = areas(np.roll(labels, 10).astype(float), labels, 60)
    assert (vus_pr, auc_pr) == pytest.approx((0.5, labels.mean()), abs=0.005)


@given(SEEDS, BUFFERS)
def test_a_reading_without_a_score_ranks_last(seed: int, buffer: int) -> None:
    series = some(seed)
    missing = np.random.default_rng(seed).random(len(series.scores)) < 0.2
    lost, least = (np.where(missing, value, series.scores) for value in (np.nan, -1e6))
    assert areas(lost, series.labels, buffer) == areas(least, series.labels, buffer)
    assert ranked_last(np.full(3, np.nan)).tolist() == [-1, -1, -1]


@given(SEEDS, BUFFERS)
def test_areas_lie_between_0_and_1(seed: int, buffer: int) -> None:
    series = some(seed)
    worst = areas(-series.scores, series.labels, buffer)
    assert all(-1e-9 <= area <= 1 + 1e-9 for area in worst + areas(series.scores, series.labels, buffer))


def test_the_plain_areas_of_four_readings() -> None:
    """Ranked 1, 0, 1, 0: precision 1 at half of the anomalies and 2/3 at all; of four pairs three are in order."""
    assert areas(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]), 0)[2:] == pytest.approx([5 / 6, 3 / 4])


@pytest.mark.parametrize("label", [True, False])
def test_of_one_class_alone_nothing_can_be_ranked(label: bool) -> None:
    assert rank(np.arange(5.0), np.full(5, label), 2) is None


@given(st.lists(st.booleans()))
def test_anomalies_are_the_runs_of_labels(labels: list[bool]) -> None:
    first, last = anomalies(np.array(labels, dtype=bool))
    inside = {row for start, stop in zip(first, last, strict=True) for row in range(start, stop + 1)}
    assert inside == {row for row, label in enumerate(labels) if label}
    assert (first[1:] > last[:-1] + 1).all()
