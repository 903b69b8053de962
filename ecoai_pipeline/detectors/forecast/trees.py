"""The trees that correct a profile: boosted on the absolute error, all of one depth."""

from __future__ import annotations

from ecoai_pipeline.detectors.boosting import Trees
from ecoai_pipeline.detectors.robust import Floats


def grown(rows: Floats, target: Floats, *, trees: int, depth: int, learning_rate: float, min_leaf: int, threads: int) -> Trees:
    """Trees whose one output is the median of `target` (n,) by `rows` (n, columns), all finite.

    Method: gradient boosting of the absolute error (Friedman, "Greedy function approximation", Annals of Statistics 2001).
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    boosted = HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=trees,
        max_depth=depth,
        max_leaf_nodes=None,
        learning_rate=learning_rate,
        min_samples_leaf=min_leaf,
        early_stopping=False,
        random_state=0,
    )
    with threadpool_limits(threads):  # sums of more threads may come in another order
        return Trees.of_fitted(boosted.fit(rows, target))
