"""Isolation Forest on a reading and what lies before it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ecoai_pipeline.evaluation.references.base import Floats, Reference, carried, window_of
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.features.windows import strided

_MOST = 20_000  # readings that trees draw from
_BLOCK = 50_000


class IsolationForestOnContext(Reference):
    """Isolation depth (Liu, Ting and Zhou 2008) of the reading, its change, its distance from the mean of the window before it and
    from the reading a day before, and the deviation of that window; 100 trees of 256 readings."""

    name: ClassVar[str] = "isolation_forest"
    past_only: ClassVar[bool] = True

    def learn(self, series: Series) -> Any:
        from sklearn.ensemble import IsolationForest

        context = _context(series)[series.observed]
        drawn = np.random.default_rng(0).choice(len(context), min(_MOST, len(context)), replace=False)
        return IsolationForest(n_estimators=100, random_state=0).fit(context[np.sort(drawn)])

    def strangeness(self, series: Series, state: Any) -> Floats:
        context = _context(series)
        blocks = [-state.score_samples(context[start : start + _BLOCK]) for start in range(0, len(context), _BLOCK)]
        return np.concatenate([np.empty(0), *blocks])


def _context(series: Series) -> Floats:
    """Features of each interval, (n, 5), of no later reading."""
    values, window, day = carried(series), window_of(series), max(1, series.slots_per_day)
    before = strided(np.concatenate((np.full(window, values[0]), values[:-1])), window, 1)
    yesterday = np.concatenate((values[:day], values[:-day]))[: len(values)]
    change = np.diff(values, prepend=values[:1])
    return np.stack([values, change, values - before.mean(axis=1), before.std(axis=1), values - yesterday], axis=1)
