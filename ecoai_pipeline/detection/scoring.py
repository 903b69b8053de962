"""The layer `scores`: every interval of a month scored by the champion as of that month, chunk of meters by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ecoai_pipeline.detection.calibration import alarm_threshold
from ecoai_pipeline.detection.model import Model, Scored, load_model
from ecoai_pipeline.domain import DETECTORS, FEATURES, SCORES, MonthRange, Partition, Resolution
from ecoai_pipeline.features.load import load_series, usage_types
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.bundles import Bundles, Champion
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import schema_of

_KEYS = ("meter_id", "timestamp")
_FROM_FEATURES = ("meter_id", "timestamp", "interval_s", "kwh", "quality", "rule", "restated")
_BANDS = {"expected_kwh": "expected", "low_kwh": "low", "high_kwh": "high"}
_CODE = ("scoring", "model", "calibration", "fusion", "habit")


class NoModelError(ValueError):
    """There is data to score and no model that may score it."""


def materialize_scores(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write `scores` of a partition with the champion as of its month, one per resolution present.

    Series look back into the whole month before. Meters of a resolution, or an interval, that no model is for keep null scores;
    facts name them. A partition without features has no scores, which is no error.

    Raises:
        NoModelError: no resolution of the partition has a model, or strict mode refuses those there are.
        BundleError: a bundle is not what was trained.
    """
    if lake.info(FEATURES, partition).rows == 0:
        return lake.write(SCORES, partition, [], fingerprint="")
    champions = _champions(lake, settings, partition)

    def make(facts: dict[str, Any]) -> Iterator[pl.DataFrame]:
        scorer = _Scorer.of(lake, settings, partition, champions)
        without_model: list[str] = []
        for chunk in lake.chunks(FEATURES, partition):
            frame = scorer.score(chunk)
            without_model += frame.filter(pl.col("q").is_null())["meter_id"].unique().sort().to_list()
            yield frame
        models = {resolution.value: c.record.version for resolution, c in champions.items()}
        facts["weights"] = {model.version: dict(model.fusion.weights) for model in scorer.models.values()}
        facts.update(without_model=without_model, models=models, hindsight=any(c.hindsight for c in champions.values()))

    return lake.refresh(SCORES, partition, scores_fingerprint(lake, settings, partition), make)


def scores_fingerprint(lake: Lake, settings: Settings, partition: Partition) -> str:
    """What `scores` of a partition would be made from now; raises as `materialize_scores` does."""
    inputs = {
        "features": lake.info(FEATURES, partition).content,
        "before": {part.key: lake.info(FEATURES, part).content for part in MeterRegistry(lake).partitions_before(partition)},
        "usage": usage_types(lake, partition.industry, [partition.month]),
        "champions": {resolution: [c.record.version, c.hindsight] for resolution, c in _champions(lake, settings, partition).items()},
    }
    params = {"budget": settings.detection.budget_per_meter_month}
    code = code_digest("features/load.py", "detectors", *(f"detection/{name}.py" for name in _CODE))
    return fingerprint(inputs=inputs, params=params, code=code)


def _champions(lake: Lake, settings: Settings, partition: Partition) -> dict[Resolution, Champion]:
    bundles, strict = Bundles(lake), settings.detection.strict
    intervals = lake.scan(FEATURES, partition).select(pl.col("interval_s").unique()).collect()["interval_s"]
    resolutions = sorted({Resolution.of(seconds) for seconds in intervals})
    found = {r: bundles.champion(partition.industry, r, partition.month, strict=strict) for r in resolutions}
    champions = {resolution: champion for resolution, champion in found.items() if champion}
    if not champions:
        refused = " trained before its start, as strict mode asks" if strict else ""
        raise NoModelError(
            f"{partition} has meters of {', '.join(resolutions)} resolution and no model{refused}; "
            f"train first: ecoai train --industry {partition.industry}"
        )
    return champions


@dataclass(frozen=True)
class _Scorer:
    """Scores chunks of a partition's features with the champions' models, which are loaded once."""

    lake: Lake
    partition: Partition
    budget: float
    models: Mapping[Resolution, Model]
    champions: Mapping[Resolution, Champion]

    @classmethod
    def of(cls, lake: Lake, settings: Settings, partition: Partition, champions: Mapping[Resolution, Champion]) -> _Scorer:
        models = {resolution: load_model(Bundles(lake), champion.record) for resolution, champion in champions.items()}
        return cls(lake, partition, settings.detection.budget_per_meter_month, models, champions)

    def score(self, chunk: pl.DataFrame) -> pl.DataFrame:
        """SCORES rows of a chunk of whole meters of FEATURES, in its order."""
        meters = chunk["meter_id"].unique(maintain_order=True).to_list()
        months = MonthRange(self.partition.month.previous, self.partition.month)
        portfolio = load_series(self.lake, self.partition.industry, months, meters=meters)
        starts = dict(chunk.group_by("meter_id").agg(pl.col("timestamp").min().dt.replace_time_zone(None)).iter_rows())
        parts = [self._scored(resolution, model, portfolio, starts) for resolution, model in self.models.items()]
        scored = pl.concat([_empty(), *parts])
        joined = chunk.select(_FROM_FEATURES).join(scored, on=_KEYS, how="left", maintain_order="left", validate="1:1")
        return joined.with_columns(pl.col("hindsight").fill_null(value=False)).select(SCORES.names)

    def _scored(self, resolution: Resolution, model: Model, portfolio: Sequence[Series], starts: Mapping[str, Any]) -> pl.DataFrame:
        own = [series for series in portfolio if series.interval_s == model.plan.interval_s]
        frames = [_frame(series, scored, starts[series.meter_id]) for series, scored in zip(own, model.score(own), strict=True)]
        return pl.concat([_bare(), *frames]).with_columns(
            pl.lit(alarm_threshold(self.budget, model.plan.interval_s), dtype=pl.Float32).alias("q"),
            pl.lit(self.champions[resolution].hindsight).alias("hindsight"),
            pl.lit(model.version).alias("model_version"),
        )


def _frame(series: Series, scored: Scored, start: Any) -> pl.DataFrame:
    """Scores of one series from `start` on, NaN as null."""
    cut = slice(int(np.searchsorted(series.timestamps, np.datetime64(start, "us"))), None)
    columns: dict[str, Any] = {"timestamp": series.timestamps[cut]}
    for column, part in _BANDS.items():
        columns[column] = getattr(scored.expectation, part)[cut] if scored.expectation else None
    for name in DETECTORS:
        for kind, found in (("s", scored.s), ("p", scored.p)):
            columns[f"{kind}_{name}"] = found[name][cut] if name in found else None
    frame = pl.DataFrame({**columns, "p": scored.fused[cut]}).with_columns(pl.col("timestamp").dt.replace_time_zone("UTC"))
    named = frame.with_columns(pl.lit(series.meter_id).alias("meter_id")).select(_bare().columns)
    return named.cast(_bare().schema).fill_nan(None)


def _bare() -> pl.DataFrame:
    schema = schema_of(SCORES)
    names = [*_KEYS, *_BANDS, *(f"{kind}_{name}" for name in DETECTORS for kind in "sp"), "p"]
    return pl.DataFrame(schema={name: schema[name] for name in names})


def _empty() -> pl.DataFrame:
    schema = schema_of(SCORES)
    names = [*_bare().columns, "q", "hindsight", "model_version"]
    return pl.DataFrame(schema={name: schema[name] for name in names})
