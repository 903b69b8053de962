"""Protocol A: who is in which part, what a detector may learn from, and the published split with its figures on the KPI curve."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.participants import fitted, participant, window_scores, windows_of
from ecoai_pipeline.evaluation.research.published import KPI_CURVE, PUBLISHED, beside
from ecoai_pipeline.evaluation.research.shuffled import SHUFFLE_SEED, ShuffledWindows, parts, shuffled, window_length
from ecoai_pipeline.sources.simulation.faults import Fault

from .made import doubled, quick, two_shifts


@given(st.lists(st.booleans(), min_size=5, max_size=400), st.integers(0, 10))
def test_the_parts_hold_each_window_once_and_anomalous_ones_come_last(labels, seed):
    anomalous = np.array(labels)
    train, validation, test = parts(anomalous, seed)
    together = np.concatenate([train, validation, test])
    assert sorted(together.tolist()) == list(range(len(anomalous)))
    assert (len(train), len(validation)) == (int(0.6 * len(anomalous)), int(0.2 * len(anomalous)))
    assert not np.any(np.diff(anomalous[together].astype(int)) < 0)


def test_normal_windows_are_shuffled_by_the_seed():
    anomalous = np.zeros(100, dtype=bool)
    first, again, other = (parts(anomalous, seed)[0].tolist() for seed in (42, 42, 43))
    assert first == again
    assert first != other
    assert first != sorted(first)


def test_a_window_is_anomalous_when_any_of_its_readings_is():
    split = shuffled(doubled(two_shifts(7), (300, 302)), 96)
    assert np.flatnonzero(split.anomalous).tolist() == list(range(300 - 95, 302))
    assert len(split.anomalous) == 7 * 96 - 95


def test_readings_on_both_sides_of_a_gap_are_neighbours():
    case = doubled(two_shifts(7), (300, 302))
    there = case.load.observed.copy()
    there[100:200] = False
    split = shuffled(replace(case, load=replace(case.load, observed=there)), 96)
    assert len(split.anomalous) == 7 * 96 - 100 - 95
    assert split.windows.rows[50].tolist() == [*range(50, 100), *range(200, 246)]


def test_windows_are_scaled_over_the_whole_series():
    split = shuffled(doubled(two_shifts(7), (300, 302)), 96)
    assert (split.windows.values.min(), split.windows.values.max()) == (0.0, 1.0)


def test_a_case_without_labels_or_with_too_few_readings_is_refused():
    load = two_shifts(2)
    with pytest.raises(ValueError, match="made plant: protocol A needs labels"):
        shuffled(Case("made", load, None), 96)
    with pytest.raises(ValueError, match="96 readings are too few"):
        shuffled(Case("made", load.part(0, 96), np.zeros(96, dtype=bool)), 96)


class Spy:
    """A detector of the contract that remembers what it was shown."""

    name = "spy"

    def fit(self, portfolio, plan, *, labels=None):
        self.shown, self.plan, self.labels = portfolio[0], plan, labels
        return self

    def score(self, portfolio):
        scores = np.arange(len(portfolio[0]), dtype=np.float32)
        scores[5] = np.nan
        return [scores]


def test_a_detector_learns_only_from_readings_that_occur_in_a_training_window():
    windows = windows_of(two_shifts(2), np.arange(192), 4)
    model = fitted(Spy(), windows.some(np.array([0, 10])))
    assert np.flatnonzero(model.shown.observed).tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    assert model.labels is None
    assert model.plan.scales == (4,)


def test_the_score_of_a_window_is_made_from_the_scores_of_its_readings_and_an_absent_one_counts_least():
    windows = windows_of(two_shifts(2), np.arange(192), 4)
    scores = window_scores(Spy(), windows.some(np.array([2, 10])))
    assert scores["max"].tolist() == [4.0, 13.0]
    assert scores["mean"].tolist() == [(2 + 3 + 4 + 0) / 4, 11.5]
    assert scores["p90"].tolist() == pytest.approx([3.7, 12.7])


@pytest.mark.parametrize("detector", ["difference", "pca", "knn", "profile", "usad"])
def test_every_detector_finds_a_load_that_doubled(detector, settings):
    case = doubled(two_shifts(), (1000, 1030), (3000, 3010))
    rows = ShuffledWindows(case, detector, quick(settings)).run()["rows"]
    assert max(row["auc_shuffled"] for row in rows) > 0.9
    assert {row["table"] for row in rows} == {"shuffled_windows"}
    assert all({"recall_oracle_shuffled", "precision_oracle_shuffled", "f1_oracle_shuffled"} <= set(row) for row in rows)


def test_a_run_says_the_same_twice_and_its_key_follows_the_data(settings):
    case = doubled(two_shifts(), (1000, 1030))
    unit = ShuffledWindows(case, "knn", settings)
    assert unit.run() == unit.run()
    other = ShuffledWindows(doubled(two_shifts(), (1000, 1031)), "knn", settings)
    assert unit.key == ShuffledWindows(case, "knn", settings).key
    assert len({unit.key, other.key, ShuffledWindows(case, "pca", settings).key}) == 3


def test_a_key_follows_the_depth_of_the_faults(settings):
    case = with_depths(1.0, 2.0)
    assert ShuffledWindows(case, "pca", settings).key != ShuffledWindows(with_depths(1.0, 3.0), "pca", settings).key


def test_each_run_trains_with_a_seed_of_its_own(settings):
    case = doubled(two_shifts(), (1000, 1030))
    seeds = [ShuffledWindows(case, "usad", settings, run)._seeded.training.seed for run in range(3)]
    assert seeds == [settings.training.seed + run for run in range(3)]
    first, other = (ShuffledWindows(case, "usad", quick(settings), run).run()["rows"] for run in (0, 1))
    assert [row["run"] for row in (*first, *other)] == [0] * 3 + [1] * 3
    assert [row["auc_shuffled"] for row in first] != [row["auc_shuffled"] for row in other]


def with_depths(*depths):
    """A case with a fault in every fourth day from the second week on, each deeper than the one before."""
    places = [(96 * (8 + 4 * number) + 30, 96 * (8 + 4 * number) + 40) for number in range(len(depths))]
    case = doubled(two_shifts(60), *places)
    faults = tuple(Fault("surge", *place, 1.0, depth) for place, depth in zip(places, depths, strict=True))
    return replace(case, faults=faults, seed=0)


def test_faults_are_judged_by_quarters_of_their_depth_against_the_normal_windows_alone(settings):
    case = with_depths(1.0, 2.0, 3.0, 4.0)
    rows = ShuffledWindows(case, "pca", settings).run()["rows"]
    whole = next(row for row in rows if row["table"] == "shuffled_windows" and row["aggregation"] == "max")
    quarters = [row for row in rows if row["table"] == "shuffled_depth"]
    split = shuffled(case, 96)
    test = split.windows.some(split.test)
    scores = window_scores(fitted(participant("pca", settings, SHUFFLE_SEED), split.windows.some(split.train)), test)["max"]
    normal = ~split.anomalous[split.test]
    for row, fault in zip(quarters, case.faults, strict=True):
        own = ((test.rows >= fault.start) & (test.rows < fault.stop)).any(axis=1)
        assert (row["quartile"], row["windows"]) == (fault.depth, own.sum())
        assert row["recall_oracle_shuffled"] == pytest.approx((scores[own] >= whole["threshold_oracle"]).mean())
        assert row["auc_shuffled"] == pytest.approx(roc_auc_score(own[own | normal], scores[own | normal]))
    assert len({row["recall_oracle_shuffled"] for row in quarters}) > 1


def test_where_no_test_window_is_normal_depths_are_left_out(settings):
    case = with_depths(1.0, 2.0)
    flooded = replace(case, labels=np.ones(len(case.load), dtype=bool), faults=(Fault("surge", 0, len(case.load), 1.0, 1.0),))
    assert {row["table"] for row in ShuffledWindows(flooded, "pca", settings).run()["rows"]} == {"shuffled_windows"}


def test_without_an_anomaly_in_the_test_part_nothing_is_judged(settings):
    rows = ShuffledWindows(Case("made", two_shifts(7), np.zeros(672, dtype=bool)), "pca", settings).run()["rows"]
    assert {row["auc_shuffled"] for row in rows} == {None}


def test_an_unknown_detector_is_named_with_those_that_are_there(settings):
    with pytest.raises(ValueError, match=r"no detector 'nobody'.*pca, knn, profile, usad"):
        ShuffledWindows(doubled(two_shifts(), (1000, 1030)), "nobody", settings).run()


@pytest.fixture(scope="module")
def kpi(real_data):
    """The curve of the research, its missing minutes being gaps; `value`, `label` and stamps are the file's."""
    file = real_data / "kpi" / f"{KPI_CURVE}.csv.gz"
    with gzip.open(file) as opened:
        frame = pl.read_csv(opened.read()).sort("timestamp")
    place = ((frame["timestamp"] - frame["timestamp"][0]) // 60).to_numpy()
    n = int(place[-1]) + 1
    kwh, there, labels = np.full(n, np.nan), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    kwh[place], there[place], labels[place] = frame["value"].to_numpy(), True, frame["label"].to_numpy() == 1
    minutes = two_shifts(-(-n // 1440), 60).part(0, n)
    return Case("kpi", replace(minutes, meter_id=KPI_CURVE, kwh=kwh, observed=there), labels)


def test_the_published_split_of_the_kpi_curve_is_reproduced(kpi):
    """The counts are the poster's; 5,663 readings of the file are labelled."""
    assert window_length(kpi) == 60
    split = shuffled(kpi, 60)
    assert (len(split.train), len(split.validation), len(split.test)) == (63849, 21283, 21284)
    assert not split.anomalous[np.concatenate([split.train, split.validation])].any()


@pytest.mark.parametrize(("detector", "aggregation", "auc", "f1"), [("pca", "max", 0.862, 0.813), ("knn", "kth", 0.960, 0.871)])
def test_the_references_reach_on_the_kpi_curve_what_an_independent_script_measured(kpi, settings, detector, aggregation, auc, f1):
    """PCA with 2 components by its largest error; the distance to the third of 20,000 training windows."""
    rows = ShuffledWindows(kpi, detector, settings).run()["rows"]
    (row,) = (row for row in rows if row["aggregation"] == aggregation)
    assert row["auc_shuffled"] == pytest.approx(auc, abs=0.01)
    assert row["f1_oracle_shuffled"] == pytest.approx(f1, abs=0.01)


def test_a_published_figure_stands_beside_ours_only_where_the_data_is_the_same():
    assert beside("A", "kpi", KPI_CURVE, "usad", "f1_oracle_shuffled") == 0.7685
    assert beside("A", "kpi", "another curve", "usad", "f1_oracle_shuffled") is None
    assert beside("A", "lead", "117", "lstm_ae", "auc_shuffled") == 0.6665
    assert beside("A", "industrial", "any", "usad", "auc_shuffled") is None
    assert len([one for one in PUBLISHED if one.protocol == "A"]) == 24
