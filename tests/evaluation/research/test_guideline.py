"""The posters' advice against what a table of runs says of it."""

from __future__ import annotations

import numpy as np
import pytest

from ecoai_pipeline.evaluation.research.guideline import guideline


def runs(detector: str, resolution: str, figures: dict[str, list[float]], aggregation: str = "max") -> list[dict[str, object]]:
    return [
        {"detector": detector, "resolution": resolution, "series": series, "aggregation": aggregation, "f1_oracle_shuffled": f1}
        | {"auc_shuffled": None}
        for series, values in figures.items()
        for f1 in values
    ]


def test_the_better_model_is_named_where_the_interval_excludes_none_and_compared_with_the_posters() -> None:
    table = [
        *runs("lstm_ae", "high", {"a": [0.90, 0.91, 0.92], "b": [0.80, 0.82, 0.81]}),
        *runs("usad", "high", {"a": [0.80, 0.79, 0.81], "b": [0.70, 0.72, 0.71]}),
        *runs("pca", "high", {"a": [0.99], "b": [0.95]}),
        *runs("lstm_ae", "low", {"c": [0.70, 0.71], "d": [0.60, 0.61]}),
        *runs("usad", "low", {"c": [0.60, 0.61], "d": [0.50, 0.51]}),
    ]
    high, low = guideline(table)
    assert high["difference"] == pytest.approx((0.11 + 0.10) / 2)
    assert (high["ours"], high["published"], high["agrees"], high["series"], high["runs"]) == ("lstm_ae", "lstm_ae", True, 2, 6)
    assert (high["best"], high["best_value"]) == ("pca", pytest.approx(0.97))
    assert 0 < high["low"] < high["difference"] < high["high"]
    assert (low["ours"], low["published"], low["agrees"]) == ("lstm_ae", "usad", False)


def test_what_differs_from_series_to_series_is_undecided_however_many_runs_there_are() -> None:
    table = [
        *runs("lstm_ae", "mid", {"a": [0.9] * 50, "b": [0.5] * 50}),
        *runs("usad", "mid", {"a": [0.5] * 50, "b": [0.8] * 50}),
    ]
    (row,) = guideline(table)
    assert (row["ours"], row["agrees"]) == ("undecided", None)
    assert (row["low"], row["high"]) == (pytest.approx(-0.3), pytest.approx(0.4))


def test_runs_of_one_series_give_the_interval_where_there_is_no_other() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, 5)
    (row,) = guideline([*runs("lstm_ae", "mid", {"a": list(0.7 + noise)}), *runs("usad", "mid", {"a": [0.7] * 5})])
    assert row["low"] < row["difference"] < row["high"]
    assert row["high"] - row["low"] < 0.08


def test_without_both_models_there_is_no_advice() -> None:
    assert guideline(runs("lstm_ae", "high", {"a": [0.9]})) == []
    assert guideline([]) == []
