"""The forest of plain arrays is scikit-learn's forest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from ecoai_pipeline.detectors.forest import Forest


@pytest.mark.parametrize(("rows", "columns"), [(1000, 4), (300, 1), (50, 2), (2, 3)])
def test_scores_are_scikit_learns(rows: int, columns: int) -> None:
    values = np.random.default_rng(rows).standard_normal((rows, columns))
    asked = np.concatenate([values, 5 * np.random.default_rng(1).standard_normal((200, columns))])
    expected = -IsolationForest(n_estimators=50, random_state=3).fit(values.astype(np.float32)).score_samples(asked.astype(np.float32))
    np.testing.assert_allclose(Forest.fit(values, trees=50, seed=3).score(asked), expected, atol=1e-6)


def test_a_forest_comes_back_from_its_arrays_to_the_bit() -> None:
    values = np.random.default_rng(0).standard_normal((500, 2))
    forest = Forest.fit(values, trees=20, seed=0)
    again = Forest.of(forest.arrays("f."), "f.")
    np.testing.assert_array_equal(forest.score(values), again.score(values))
    assert all(array.dtype != object for array in forest.arrays("").values())


def test_what_lies_apart_is_isolated_sooner() -> None:
    values = np.random.default_rng(0).standard_normal((1000, 2))
    forest = Forest.fit(values, trees=100, seed=0)
    usual, apart = forest.score(np.array([[0.0, 0.0], [6.0, 6.0]]))
    assert usual < 0.5 < 0.65 < apart
