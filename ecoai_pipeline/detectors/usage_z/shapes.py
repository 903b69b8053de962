"""From single meters to what their usage type has in common, and back: each level is drawn towards the next by how much it can know.

Three sources of difference, each measured: readings stray around their meter (`spread`), meters around the shape of their usage type
(`between meters`), usage types around the shape of them all (`between types`). What few readings say counts little against a type
whose meters are alike, and much against one whose meters differ. Method: empirical Bayes with normal levels (Efron and Morris, "Data
analysis using Stein's estimator and its generalizations", JASA 1975), on medians and quantiles of the readings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecoai_pipeline.detectors.robust import Floats
from ecoai_pipeline.detectors.usage_z.shares import Own
from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.settings import UsageZParams

_FLAT = 0.05  # of the level: a load that never varied is taken to vary by so much before the floor is applied
_NOTHING = 1e-12


@dataclass(frozen=True)
class Table:
    """What is expected of a reading, each (8, slots): its share of the level, and one sigma around it, doubt about the share included.

    `holiday` is what holidays mean, (7, 3).
    """

    share: Floats
    spread: Floats
    holiday: Floats


@dataclass(frozen=True)
class Tables:
    """Of each meter, of an unknown meter of each usage type (None: of meters whose type nobody has said), and of any meter."""

    meters: dict[str, Table]
    types: Mapping[UsageType | None, Table]
    all: Table

    def of(self, meter_id: str, usage_type: UsageType | None) -> Table:
        return self.meters.get(meter_id) or self.types.get(usage_type, self.all)


@dataclass(frozen=True)
class _Prior:
    """What is known of a meter before its own readings: expected share, spread of its readings, variance of its share around `share`.

    `holiday` is what holidays mean to the meters that it was made of, on average.
    """

    share: Floats
    spread: Floats
    variance: Floats
    holiday: Floats


def tables_of(portfolio: Sequence[Own], params: UsageZParams) -> Tables:
    """Expectations of meters, types and all, from at least one meter."""
    types = list(dict.fromkeys(own.usage_type for own in portfolio))
    members = {usage: [own for own in portfolio if own.usage_type is usage] for usage in types}
    together = summed(portfolio)
    shapes = {usage: summed(of_type) for usage, of_type in members.items()}
    strays = {usage: np.sum([_stray(own, shapes[usage]) for own in of_type], axis=0) for usage, of_type in members.items()}
    between_types = np.sum([(shape - together) ** 2 for shape in shapes.values()], axis=0) / max(1, len(types) - 1)
    between_meters = np.sum(list(strays.values()), axis=0) / max(1, len(portfolio) - len(types))
    spread = _typical_spread(portfolio)

    def prior(usage: UsageType | None) -> _Prior:
        """The type's own shape, drawn to that of all, and its own variance, to which that of all counts as one meter."""
        of_type = members[usage]
        variance = (strays[usage] + between_meters) / len(of_type)
        weight = _share_of(between_types, variance / _effective(of_type))
        share = together + weight * (shapes[usage] - together)
        return _Prior(share, _typical_spread(of_type), variance + between_types * (1 - weight), _meaning(of_type))

    priors = {usage: prior(usage) for usage in types}
    return Tables(
        {own.meter_id: _posterior(own, priors[own.usage_type], params) for own in portfolio},
        {usage: _unseen(one, params) for usage, one in priors.items()},
        _unseen(_Prior(together, spread, between_meters + between_types, _meaning(portfolio)), params),
    )


def summed(portfolio: Sequence[Own]) -> Floats:
    """The share of the meters' summed load, (8, slots): the mean of their shares, weighted by what they use."""
    return np.asarray(np.average([own.share for own in portfolio], axis=0, weights=[own.unit for own in portfolio]))


def _stray(own: Own, shape: Floats) -> Floats:
    """Squared distance of a meter's share from a shape, (8, slots), less what a median of so many weeks errs by."""
    chance = np.pi / 2 * own.spread**2 / max(1.0, own.weeks)
    return np.maximum((own.share - shape) ** 2 - chance, 0.0)


def _effective(portfolio: Sequence[Own]) -> float:
    """How many equal meters a weighted mean is as sure as (Kish, "Survey Sampling", 1965)."""
    weights = np.array([own.unit for own in portfolio])
    return float(weights.sum() ** 2 / (weights**2).sum())


def _typical_spread(portfolio: Sequence[Own]) -> Floats:
    """Median over meters: a reading strays by its meter, so each counts once, and a large one strays less for being a sum of many loads."""
    return np.asarray(np.median([own.spread for own in portfolio], axis=0))


def _meaning(portfolio: Sequence[Own]) -> Floats:
    return np.asarray(np.mean([own.holiday for own in portfolio], axis=0))


def _share_of(one: Floats, other: Floats) -> Floats:
    """one / (one + other), 0 where both are."""
    return np.asarray(one / np.maximum(one + other, _NOTHING))


def _posterior(own: Own, prior: _Prior, params: UsageZParams) -> Table:
    weight = own.weeks**2 / (own.weeks**2 + params.spread_prior_weeks**2)
    spread = np.sqrt(weight * own.spread**2 + (1 - weight) * prior.spread**2)
    told = _share_of(own.count * prior.variance, spread**2)
    share = prior.share + np.where(own.count > 0, told * (np.nan_to_num(own.cell) - prior.share), 0.0)
    return _table(replace(prior, share=share, spread=spread, variance=prior.variance * (1 - told), holiday=own.holiday), params)


def _unseen(prior: _Prior, params: UsageZParams) -> Table:
    return _table(prior, params)


def _table(known: _Prior, params: UsageZParams) -> Table:
    whole = np.sqrt(known.spread**2 + known.variance)
    floored = np.maximum(whole, params.spread_floor * max(float(np.median(whole)), _FLAT))
    return Table(_as_stored(known.share), _as_stored(floored), _as_stored(known.holiday))


def _as_stored(cells: Floats) -> Floats:
    """Rounded to the precision of the file, so that scores before saving and after loading are the same."""
    return cells.astype(np.float32).astype(np.float64)
