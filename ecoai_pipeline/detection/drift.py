"""Whether what a model sees now is still what it was trained on: loads and scores of the last weeks against its reference.

The distance is Wasserstein's (scipy), in parts of what lay between the 5 % and the 95 % quantile of the reference, so that it has no
unit: at .25 readings have moved by a quarter of the meter's usual range on average. Loads are compared meter by meter with the meter's
own; of the portfolio the median counts. Scores (-log10 p) of all meters are compared together, since they share one scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection.calibration import POOLED
from ecoai_pipeline.domain import DRIFT, FEATURES, SCORES, Industry, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.settings import DriftParams, Settings
from ecoai_pipeline.storage.bundles import FUSED, Bundles
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.model_registry import ModelRegistry
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import empty

LOAD, SCORE = "load", "score"
REFERENCE = "reference.parquet"
Floats = NDArray[np.float64]
# Enough to keep a distribution to within half a percent of its range.
_GRID = (np.arange(201) + 0.5) / 201
_LEAST_P = 1e-12
_DAY = np.timedelta64(86_400_000_000, "us")


@dataclass(frozen=True)
class Distribution:
    """Quantiles of what was seen, (201,) at the middles of equal shares, and of how many values."""

    quantiles: Floats
    n: int

    @classmethod
    def of(cls, values: Floats) -> Distribution:
        """The distribution of (n,) finite values, n > 0."""
        return cls(np.quantile(values, _GRID), len(values))

    @property
    def spread(self) -> float:
        """From the 5 % to the 95 % quantile; of what never changed, its size, so that a change is not infinite."""
        low, high = np.quantile(self.quantiles, (0.05, 0.95))
        return float(high - low) or float(abs(self.quantiles).mean()) or 1.0

    def distance(self, values: Floats) -> float:
        """How far (n,) finite values lie from it, in parts of its spread."""
        from scipy.stats import wasserstein_distance

        return float(wasserstein_distance(values, self.quantiles)) / self.spread


@dataclass(frozen=True)
class Reference:
    """What a model was trained on: loads by meter, all scores of its calibration span, and from what distance on we speak of drift."""

    loads: Mapping[str, Distribution]
    scores: Distribution
    limits: Mapping[str, float]

    def without(self, meter_id: str) -> Reference:
        """The same without one meter; itself where it does not know it."""
        if meter_id not in self.loads:
            return self
        return Reference({name: own for name, own in self.loads.items() if name != meter_id}, self.scores, self.limits)

    def save(self, path: Path) -> None:
        rows = [(LOAD, meter, None, own) for meter, own in sorted(self.loads.items())]
        rows = [(LOAD, POOLED, self.limits[LOAD], None), (SCORE, POOLED, self.limits[SCORE], self.scores), *rows]  # type: ignore[list-item]
        frame = pl.DataFrame(
            {
                "what": [what for what, *_ in rows],
                "meter_id": [meter for _, meter, *_ in rows],
                "limit": [limit for *_, limit, _ in rows],
                "n": [own.n if own else None for *_, own in rows],
                "quantiles": [own.quantiles.tolist() if own else None for *_, own in rows],
            },
            {"what": pl.String, "meter_id": pl.String, "limit": pl.Float64, "n": pl.Int64, "quantiles": pl.List(pl.Float64)},
        )
        frame.write_parquet(path, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> Reference:
        rows = pl.read_parquet(path).to_dicts()
        known = {(row["what"], row["meter_id"]): Distribution(np.array(row["quantiles"]), row["n"]) for row in rows if row["n"]}
        return cls(
            loads={meter: own for (what, meter), own in known.items() if what == LOAD},
            scores=known[SCORE, POOLED],
            limits={row["what"]: row["limit"] for row in rows if row["limit"] is not None},
        )

    def facts(self) -> dict[str, Any]:
        """What a model card says of it: limits, and quantiles of the scores and of all loads in parts of each meter's own range."""
        ranges = [own.quantiles / own.spread for own in self.loads.values()]
        shown = {"5 %": 10, "50 %": 100, "95 %": 190}
        return {
            "limits": {what: round(limit, 4) for what, limit in self.limits.items()},
            "meters": len(self.loads),
            "scores": {name: round(float(self.scores.quantiles[place]), 4) for name, place in shown.items()},
            "loads": {name: round(float(np.median([own[place] for own in ranges])), 4) for name, place in shown.items()} if ranges else {},
        }


def reference_of(fused: Path) -> Reference | None:
    """The reference in the folder of a fused bundle; None of one that was trained before bundles had any."""
    path = fused / REFERENCE
    return Reference.load(path) if path.exists() else None


Values = tuple[NDArray[np.datetime64], Floats]


def learn(loads: Mapping[str, Values], p: Mapping[str, Values], params: DriftParams) -> Reference:
    """The reference of a model, from (timestamps, values) of (n,) each by meter; NaN are left out.

    A limit is `least` or, where that is more, `own` times the greatest distance of a block of the span from the whole of it: what came
    and went while the model was trained is no drift. Blocks are `days` long for loads, a week for scores.

    Args:
        loads: kWh of the whole span that was learned from.
        p: fused probabilities of the calibration span, as scoring makes them.
    """
    known = {meter: Distribution.of(values[1]) for meter, found in loads.items() if len((values := _finite(found))[1])}
    evidence = {meter: (stamps, _evidence(values)) for meter, (stamps, values) in map(_finite_of, p.items())}
    scores = Distribution.of(np.concatenate([values for _, values in evidence.values()]))
    own = {
        LOAD: _greatest([{meter: known[meter].distance(part) for meter, part in block.items()} for block in _blocks(loads, params.days)]),
        SCORE: max((scores.distance(np.concatenate(list(block.values()))) for block in _blocks(evidence, 7)), default=0.0),
    }
    return Reference(known, scores, {what: max(params.least, params.own * distance) for what, distance in own.items()})


def _greatest(blocks: Sequence[Mapping[str, float]]) -> float:
    return max((median(distances.values()) for distances in blocks), default=0.0)


def _blocks(values: Mapping[str, Values], days: int) -> Iterator[dict[str, Floats]]:
    """Values of each meter in blocks of days from the first one on, of meters that have half a block of them."""
    spans = [(stamps[0], stamps[-1]) for stamps, _ in values.values() if len(stamps)]
    if not spans:
        return
    first, last, length = min(start for start, _ in spans), max(end for _, end in spans), days * _DAY
    for start in np.arange(first, last + _DAY - length + 1, length):
        block = {meter: _finite(_between(found, start, start + length)) for meter, found in values.items()}
        full = {meter: part for meter, (stamps, part) in block.items() if _covers(stamps, days)}
        if full:
            yield full


def _between(found: Values, start: Any, stop: Any) -> Values:
    low, high = np.searchsorted(found[0], np.array([start, stop]))
    return found[0][low:high], found[1][low:high]


def _finite(found: Values) -> Values:
    known = np.isfinite(found[1])
    return found[0][known], found[1][known]


def _finite_of(item: tuple[str, Values]) -> tuple[str, Values]:
    return item[0], _finite(item[1])


def _evidence(p: Floats) -> Floats:
    return -np.log10(np.clip(p, _LEAST_P, 1))


def materialize_drift(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write `drift` of a partition: the last `days` with readings, up to its newest one, against the models that scored it.

    Raises:
        BundleError: a bundle is not what was trained.
    """
    params, info = settings.detection.drift, lake.info(SCORES, partition)
    if info.rows == 0:
        return lake.write(DRIFT, partition, [], fingerprint="")
    models: dict[str, str] = info.facts.get("models", {})
    before = MeterRegistry(lake).partitions_before(partition)
    inputs = {"scores": info.content, "models": models, "before": {part.key: lake.info(SCORES, part).content for part in before}}
    mark = fingerprint(inputs=inputs, params=params, code=code_digest("detection/drift.py"))

    def make(facts: dict[str, Any]) -> Iterator[pl.DataFrame]:
        until = lake.scan(SCORES, partition).filter(pl.col("kwh").is_not_null()).select(pl.col("timestamp").max()).collect().item()
        frames = [_judged(lake, partition, before, until, Resolution(name), version, params) for name, version in models.items() if until]
        found = pl.concat([_no_rows(), *frames])
        facts["drifted"] = _told(found, "drifted")
        facts["sustained"] = _told(found, "sustained")
        yield found

    return lake.refresh(DRIFT, partition, mark, make)


def _told(found: pl.DataFrame, column: str) -> dict[str, str]:
    """What is over the limit of the portfolio, by resolution and kind."""
    over = found.filter(pl.col("meter_id") == POOLED, pl.col(column)).iter_rows(named=True)
    return {f"{row['resolution']} {row['what']}": f"{row['distance']:.3f}, limit {row['limit']:.3f}" for row in over}


def _judged(
    lake: Lake,
    partition: Partition,
    before: Sequence[Partition],
    until: datetime,
    resolution: Resolution,
    version: str,
    params: DriftParams,
) -> pl.DataFrame:
    """Rows of one resolution: each meter's load, and the portfolio's load and scores; none where the model has no reference."""
    reference = reference_of(Bundles(lake).open(partition.industry, resolution, FUSED, version))
    if reference is None:
        return _no_rows()
    since = until - timedelta(days=params.days)
    middle = np.datetime64(since.replace(tzinfo=None), "us") + params.days * _DAY // 2
    rows: list[dict[str, Any]] = []
    scores: list[Values] = []
    for chunk in lake.chunks(SCORES, partition):
        meters = chunk["meter_id"].unique(maintain_order=True).to_list()
        earlier = lake.scan(SCORES, before, meters).filter(pl.col("timestamp") > since).collect()
        recent = pl.concat([earlier, chunk]).filter(pl.col("timestamp") > since, pl.col("model_version") == version)
        columns = recent.select("meter_id", pl.col("timestamp").dt.replace_time_zone(None), "kwh", "p").sort("meter_id", "timestamp")
        for (meter,), own in columns.group_by("meter_id", maintain_order=True):
            stamps = own["timestamp"].to_numpy()
            scores.append(_finite((stamps, own["p"].cast(pl.Float64).fill_null(float("nan")).to_numpy())))
            load = _finite((stamps, own["kwh"].fill_null(float("nan")).to_numpy()))
            if str(meter) in reference.loads and _covers(load[0], params.days):
                rows.append({"meter_id": str(meter), "what": LOAD, **_distances(reference.loads[str(meter)], [load], middle)})
    together = {"meter_id": POOLED, "readings": sum(row["readings"] for row in rows)}
    pooled = [{**together, "what": LOAD, **{name: median(row[name] for row in rows) for name in _PARTS}}] if rows else []
    evidence = [(stamps, _evidence(p)) for stamps, p in scores if _covers(stamps, params.days)]
    pooled += [{"meter_id": POOLED, "what": SCORE, **_distances(reference.scores, evidence, middle)}] if evidence else []
    common = {"resolution": resolution.value, "model_version": version, "since": since, "until": until}
    return _rows([{**row, **common} for row in (*pooled, *rows)], reference.limits)


_PARTS = ("distance", "first_half", "second_half")


def _covers(stamps: NDArray[np.datetime64], days: int) -> bool:
    """Whether there is enough to be compared: half of the days, in both halves of them."""
    return bool(len(stamps)) and stamps[-1] - stamps[0] >= days * _DAY / 2


def _distances(reference: Distribution, found: Sequence[Values], middle: np.datetime64) -> dict[str, Any]:
    """Distances of all values and of those in each half of the days; a half without any is as the whole."""
    whole = np.concatenate([values for _, values in found])
    halves = [np.concatenate([values[(stamps < middle) == first] for stamps, values in found]) for first in (True, False)]
    distance = reference.distance(whole)
    first, second = (reference.distance(half) if len(half) else distance for half in halves)
    return {"distance": distance, "first_half": first, "second_half": second, "readings": len(whole)}


def _rows(rows: Sequence[Mapping[str, Any]], limits: Mapping[str, float]) -> pl.DataFrame:
    with_limits = [{**row, "limit": limits[row["what"]]} for row in rows]
    if not with_limits:
        return _no_rows()
    over = pl.min_horizontal("first_half", "second_half")
    frame = pl.DataFrame(with_limits).with_columns(drifted=pl.col("distance") > pl.col("limit"), sustained=over > pl.col("limit"))
    return frame.select(DRIFT.names).cast(_no_rows().schema)


def _no_rows() -> pl.DataFrame:
    return empty(DRIFT)


@dataclass(frozen=True)
class Retraining:
    """A model that what is read now has left behind, and the months that a new one would learn from."""

    resolution: Resolution
    version: str
    months: MonthRange


def retraining_wanted(lake: Lake, industry: Industry, this_month: Month) -> list[Retraining]:
    """Champions whose portfolio drifted through both halves of the last days, where complete months have come since they were trained.

    A new champion has seen these months, and one that is refused leaves the question as it was, so nothing is wanted twice of the same
    data.
    """
    past = [month for month in lake.months(FEATURES, industry) if month < this_month]
    judged = lake.months(DRIFT, industry)
    if not past or not judged:
        return []
    rows = lake.scan(DRIFT, Partition(industry, judged[-1])).filter(pl.col("meter_id") == POOLED, pl.col("sustained")).collect()
    left = {Resolution(row["resolution"]): row["model_version"] for row in rows.iter_rows(named=True)}
    champions = {resolution: ModelRegistry(lake).newest(industry, resolution) for resolution in left}
    return [
        Retraining(resolution, champion.version, MonthRange(past[0], past[-1]))
        for resolution, champion in champions.items()
        if champion and champion.version == left[resolution] and Month.parse(champion.trained_until) <= past[-1]
    ]
