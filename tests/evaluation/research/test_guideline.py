"""The posters' advice against what a table of runs says of it."""

from __future__ import annotations

import numpy as np
import pytest

from ecoai_pipeline.evaluation.research.guideline import guideline


def runs(
    detector: str, resolution: str, figures: dict[str, list[float]], aggregation: str = "max", faults: bool = False
) -> list[dict[str, object]]:
    """Rows of a model: figures of its runs by series, which with faults are one for each seed of these."""
    told = {"dataset": "made", "detector": detector, "resolution": resolution, "aggregation": aggregation, "auc_shuffled": None}
    return [
        told | {"series": series, "fault_seed": number if faults else None, "f1_oracle_shuffled": f1}
        for series, values in figures.items()
        for number, f1 in enumerate(values)
    ]


def four(*values: float) -> dict[str, list[float]]:
    """The same runs, a little higher from series to series."""
    return {name: [value + 0.01 * number for value in values] for number, name in enumerate("abcd")}


def test_the_better_model_is_named_where_the_interval_excludes_none_and_compared_with_the_posters() -> None:
    table = [
        *runs("lstm_ae", "high", four(0.80, 0.82, 0.81)),
        *runs("usad", "high", four(0.70, 0.72, 0.71)),
        *runs("pca", "high", four(0.95)),
        *runs("lstm_ae", "low", four(0.60, 0.61)),
        *runs("usad", "low", four(0.50, 0.51)),
    ]
    high, low = guideline(table)
    assert high["difference"] == pytest.approx(0.10)
    assert (high["ours"], high["published"], high["agrees"], high["series"], high["runs"]) == ("lstm_ae", "lstm_ae", True, 4, 12)
    assert (high["best"], high["best_value"]) == ("pca", pytest.approx(0.965))
    assert 0 < high["low"] < high["difference"] < high["high"]
    assert (low["ours"], low["published"], low["agrees"]) == ("lstm_ae", "usad", False)


def test_what_differs_from_series_to_series_is_undecided_however_many_runs_there_are() -> None:
    table = [
        *runs("lstm_ae", "mid", {"a": [0.9] * 50, "b": [0.5] * 50, "c": [0.9] * 50, "d": [0.5] * 50}),
        *runs("usad", "mid", {"a": [0.5] * 50, "b": [0.8] * 50, "c": [0.5] * 50, "d": [0.8] * 50}),
    ]
    (row,) = guideline(table)
    assert (row["ours"], row["agrees"]) == ("undecided", None)
    assert row["low"] < 0 < row["high"]


def test_of_few_series_nothing_is_decided_however_sure_their_runs_are() -> None:
    (row,) = guideline([*runs("lstm_ae", "mid", {"a": [0.9] * 5}), *runs("usad", "mid", {"a": [0.5] * 5})])
    assert (row["low"], row["ours"], row["agrees"]) == (pytest.approx(0.4), "undecided", None)


def test_what_the_faults_of_a_seed_have_in_common_cancels_out() -> None:
    hard = np.random.default_rng(0).normal(0, 0.3, 5)
    paired = [*runs("lstm_ae", "mid", four(*(0.6 + hard)), faults=True), *runs("usad", "mid", four(*(0.5 + hard)), faults=True)]
    (row,) = guideline(paired)
    assert (row["low"], row["high"]) == (pytest.approx(0.1), pytest.approx(0.1))
    (apart,) = guideline([*runs("lstm_ae", "mid", four(*(0.6 + hard))), *runs("usad", "mid", four(*(0.5 + hard)))])
    assert apart["high"] - apart["low"] > 0.1


def test_neighbours_stand_with_the_farthest_where_they_know_no_such_aggregation_and_are_not_mixed() -> None:
    models = [*runs("lstm_ae", "low", four(0.6)), *runs("usad", "low", four(0.5))]
    means = [*runs("lstm_ae", "low", four(0.6), "mean"), *runs("usad", "low", four(0.5), "mean")]
    knn = [*runs("knn", "low", four(0.9), "kth"), *runs("knn", "low", four(0.1), "mean")]
    largest, mean = guideline([*models, *means, *knn])
    assert (largest["best"], largest["best_value"]) == ("knn", pytest.approx(0.915))
    assert mean["best"] == "lstm_ae"


def test_only_series_that_both_models_were_judged_on_count() -> None:
    one = runs("lstm_ae", "low", {**four(0.6), "e": [0.1]})
    (row,) = guideline([*one, *runs("usad", "low", four(0.5))])
    assert (row["series"], row["lstm_ae"], row["difference"]) == (4, pytest.approx(0.615), pytest.approx(0.1))


def test_without_both_models_there_is_no_advice() -> None:
    assert guideline(runs("lstm_ae", "high", four(0.9))) == []
    assert guideline([*runs("lstm_ae", "high", {"a": [0.9]}), *runs("usad", "high", {"b": [0.9]})]) == []
    assert guideline([]) == []
