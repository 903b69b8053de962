"""Protocol C: the curve F1 over epsilon as the research drew it, and the paired comparison beside it that nothing flatters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.attack import EPSILONS, EpsilonCurve, strange_days
from ecoai_pipeline.evaluation.research.days import on_scale_of, whole_days
from ecoai_pipeline.evaluation.research.effect import AugmentationEffect, effects, made_days, spans_of
from ecoai_pipeline.evaluation.research.references import Pca

from .made import doubled, two_shifts


def raw(days=120):
    return Case("made", two_shifts(days), None)


def test_days_are_local_whole_and_at_least_half_observed():
    load = two_shifts(6)
    kwh, there = load.kwh.copy(), load.observed.copy()
    kwh[100] = np.nan  # in the second day: it has no value there
    there[200:260] = False  # 60 of the third day's 96
    shifted = replace(load, kwh=kwh, observed=there).part(10, 6 * 96)
    days = whole_days(shifted)
    assert days.values.shape == (3, 96)
    assert days.rows[:, 0].tolist() == [3 * 96 - 10, 4 * 96 - 10, 5 * 96 - 10]


def test_a_day_of_a_clock_change_is_left_out():
    load = two_shifts(4)
    slot = np.concatenate([np.arange(96), np.arange(4, 96), np.arange(96), np.arange(96), np.arange(4)]).astype(np.int32)
    assert len(whole_days(replace(load, slot_of_day=slot)).values) == 3


def test_the_scale_and_what_a_meter_can_read_come_from_the_chosen_days_alone():
    days = whole_days(doubled(two_shifts(20), (15 * 96 + 40, 15 * 96 + 50)).load)
    chosen = np.arange(20) < 10
    scaled, (low, high) = on_scale_of(days, chosen)
    assert (scaled.values[:10].min(), scaled.values[:10].max()) == (0.0, 1.0)
    assert scaled.values[15].max() > 1.5
    lowest, highest = days.values[:10].min(), days.values[:10].max()
    assert low == pytest.approx(-lowest / (highest - lowest))  # nothing, 0 kWh
    assert high >= 1.0


def test_the_forest_calls_its_quota_strange():
    assert strange_days(whole_days(two_shifts(120)).values).sum() == 6  # 5 % of 120


def test_the_curve_has_a_row_per_epsilon_and_one_without_and_rises(settings):
    rows = EpsilonCurve(raw(), "pca", settings).run()["rows"]
    assert [row["epsilon"] for row in rows] == [0.0, *EPSILONS]
    assert [row["adversarial_days"] for row in rows] == [0, 100, 100, 100, 100, 100]
    f1 = [row["f1_oracle_shuffled"] for row in rows[1:]]
    assert f1 == sorted(f1)
    assert f1[-1] > 0.95
    # 24 test days, 6 of them strange, and 100 adversarial: whoever always alarms is right 106 times in 124.
    assert rows[-1]["f1_of_alarm_always"] == pytest.approx(2 * 106 / (106 + 124))
    assert all(row["f1_oracle_shuffled"] >= row["f1_of_alarm_always"] - 1e-12 for row in rows)


@pytest.mark.parametrize("detector", ["knn", "random", "profile"])
def test_who_has_no_gradient_is_absent(detector, settings):
    assert EpsilonCurve(raw(), detector, settings).run() == {"rows": [], "curves": []}
    case = doubled(two_shifts(120), (100 * 96, 100 * 96 + 8))
    assert AugmentationEffect(case, detector, settings, 0).run() == {"rows": [], "curves": []}


def test_the_gradient_of_pca_is_that_of_its_loss():
    rng = np.random.default_rng(0)
    windows = rng.random((50, 6))
    for model in (Pca(0).fit(windows), Pca(0).fit_pairs(windows + 0.1 * rng.random((50, 6)), windows)):
        day, step = windows[:1], 1e-6

        def loss(days, model=model):
            return ((days - model.reconstruct(days)) ** 2).mean(axis=1)[0]

        numeric = [(loss(day + step * one) - loss(day - step * one)) / (2 * step) for one in np.eye(6)]
        assert model.loss_gradient(day)[0] == pytest.approx(numeric, abs=1e-6)


def test_pca_of_equal_pairs_is_pca_and_of_noisy_ones_it_leads_back():
    rng = np.random.default_rng(1)
    clean = rng.random((200, 2)) @ rng.random((2, 8))
    from sklearn.decomposition import PCA

    theirs = PCA(2).fit(clean)
    assert Pca(0).fit(clean).reconstruct(clean) == pytest.approx(theirs.inverse_transform(theirs.transform(clean)))
    noisy = clean + 0.3 * rng.standard_normal(clean.shape)
    trained = Pca(0).fit_pairs(noisy, clean)
    assert ((trained.reconstruct(noisy) - clean) ** 2).mean() < ((Pca(0).fit(noisy).reconstruct(noisy) - clean) ** 2).mean()


def test_training_calibration_and_test_follow_each_other_with_a_day_between():
    case = doubled(two_shifts(100), (90 * 96, 90 * 96 + 8), (10 * 96, 10 * 96 + 8))
    spans = spans_of(case)
    assert spans.learned.rows[:, 0].tolist() == [day * 96 for day in range(50)]
    days = whole_days(spans.learned.load).values
    assert np.array_equal(spans.calibration, days[51:60])
    assert np.array_equal(spans.test, days[61:])
    assert np.flatnonzero(spans.anomalous).tolist() == [90 - 61]


def test_a_test_span_of_one_kind_of_days_judges_nothing():
    assert spans_of(doubled(two_shifts(100), (10 * 96, 10 * 96 + 8))) is None
    assert spans_of(raw(100)) is None
    assert spans_of(doubled(two_shifts(50), (45 * 96, 45 * 96 + 8))) is None


def test_made_days_come_from_training_days_only_and_are_physical():
    spans = spans_of(doubled(two_shifts(100), (90 * 96, 90 * 96 + 8)))
    model = Pca(0).fit(spans.learned.values)
    for made in made_days(model, spans, 0.25, seed=0).values():
        assert made.shape == spans.learned.values.shape
        assert np.abs(made - spans.learned.values).max() <= 0.25 + 1e-12
        assert made.min() >= spans.low
        assert made.max() <= spans.high


def test_each_use_is_compared_with_the_same_model_without_made_days(settings):
    rows = AugmentationEffect(doubled(two_shifts(100), (90 * 96, 90 * 96 + 8)), "pca", settings, 0).run()["rows"]
    assert len(rows) == len(EPSILONS) * 2 * 3
    assert {(row["use"], row["measure"]) for row in rows} == {("threshold", "f1_frozen"), ("classifier", "auc_pr"), ("pairs", "auc_pr")}
    for use in ("threshold", "classifier", "pairs"):
        assert len({row["without"] for row in rows if row["use"] == use}) == 1
    assert len({row["without"] for row in rows if row["measure"] == "auc_pr"}) == 1


def pair(without, with_made):
    return {
        "dataset": "made",
        "detector": "pca",
        "use": "pairs",
        "measure": "auc_pr",
        "augmentation": "noise",
        "epsilon": 0.1,
        "without": without,
        "with": with_made,
    }


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_the_interval_lies_around_the_mean_difference_and_within_the_single_ones(figures):
    (row,) = effects([pair(*each) for each in figures])
    single = [after - before for before, after in figures]
    assert row["pairs"] == len(figures)
    assert row["difference"] == pytest.approx(np.mean(single))
    assert min(single) - 1e-9 <= row["low"] <= row["high"] <= max(single) + 1e-9


def test_an_effect_that_is_always_there_has_an_interval_above_zero():
    (row,) = effects([pair(0.5, 0.6 + 0.001 * k) for k in range(20)])
    assert row["low"] > 0.1
    (row,) = effects([pair(0.5, 0.5 + (-1) ** k * 0.1) for k in range(20)])
    assert row["low"] < 0 < row["high"]
