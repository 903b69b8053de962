"""Boosted trees of plain arrays say what scikit-learn's say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ecoai_pipeline.detectors.boosting import Trees

PARAMS: dict[str, Any] = {"max_iter": 20, "learning_rate": 0.2, "min_samples_leaf": 10, "early_stopping": False, "random_state": 0}
GAPS = pytest.mark.parametrize("gaps", [0.0, 0.2], ids=["complete", "with gaps"])


def rows(number: int, seed: int, gaps: float) -> np.ndarray:
    """Rows of five columns, of which so large a share is not known."""
    rng = np.random.default_rng([number, seed])
    return np.where(rng.random((number, 5)) < gaps, np.nan, 2 * rng.standard_normal((number, 5)))


@GAPS
@pytest.mark.parametrize(("number", "depth"), [(3000, 4), (3000, 1), (600, 6)])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
def test_predictions_are_scikit_learns(number: int, depth: int, loss: str, gaps: float) -> None:
    given = rows(number, 0, gaps)
    target = np.nan_to_num(given[:, 0] * given[:, 1]) + np.isnan(given[:, 2])
    extra = {"quantile": 0.9} if loss == "quantile" else {}
    boosted = HistGradientBoostingRegressor(loss=loss, max_depth=depth, max_leaf_nodes=None, **extra, **PARAMS).fit(given, target)
    own, asked = Trees.of_fitted(boosted), rows(1000, 1, gaps)
    np.testing.assert_allclose(own.predict(asked)[:, 0], boosted.predict(asked), rtol=1e-12, atol=1e-12)


@GAPS
def test_where_a_row_lies_exactly_on_a_threshold_or_has_no_number_at_all_scikit_learn_is_followed(gaps: float) -> None:
    given = np.round(rows(3000, 0, gaps))
    boosted = HistGradientBoostingRegressor(max_depth=4, **PARAMS).fit(given, np.nansum(given, axis=1))
    own = Trees.of_fitted(boosted)
    edges = np.concatenate([np.tile(own.threshold[np.isfinite(own.threshold)][:, None], 5), np.full((1, 5), np.nan)])
    np.testing.assert_allclose(own.predict(edges)[:, 0], boosted.predict(edges), rtol=1e-12, atol=1e-12)
    assert np.isinf(own.threshold).any(), "leaves that lie higher than others are met, too"


@GAPS
@pytest.mark.parametrize("classes", [2, 3])
def test_classes_have_scikit_learns_log_odds_an_output_each(classes: int, gaps: float) -> None:
    given = rows(2000, 0, gaps)
    kind = np.digitize(np.nan_to_num(given[:, 0]) + np.nan_to_num(given[:, 1]), [0.0, 2.0][: classes - 1])
    boosted = HistGradientBoostingClassifier(max_depth=3, **PARAMS).fit(given, kind)
    own = Trees.of_fitted(boosted).predict(rows(700, 1, gaps))
    expected = boosted.decision_function(rows(700, 1, gaps)).reshape(700, -1)
    assert own.shape == expected.shape == (700, 1 if classes == 2 else 3)
    np.testing.assert_allclose(own, expected, rtol=1e-12, atol=1e-12)


def test_trees_come_back_from_their_arrays_to_the_bit() -> None:
    given = rows(500, 0, 0.1)
    trees = Trees.of_fitted(HistGradientBoostingRegressor(max_depth=3, **PARAMS).fit(given, np.nansum(given, axis=1)))
    again = Trees.of(trees.arrays("t."), "t.")
    np.testing.assert_array_equal(trees.predict(given), again.predict(given))
    assert all(array.dtype != object for array in trees.arrays("").values())
    assert trees.predict(given[:0]).shape == (0, 1)
