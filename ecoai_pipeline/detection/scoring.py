"""The layer `scores`: every interval of a month scored by the champion as of that month, chunk of meters by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ecoai_pipeline.detection import segments
from ecoai_pipeline.detection.calibration import alarm_threshold
from ecoai_pipeline.detection.model import Model, Scored, load_model
from ecoai_pipeline.domain import EVIDENCE, FEATURES, SCORES, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.features.calendar import month_bounds
from ecoai_pipeline.features.load import load_series, usage_types
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.bundles import Bundles
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.model_registry import Champion, ModelRecord, ModelRegistry
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import schema_of

_KEYS = ("meter_id", "timestamp")
_FROM_FEATURES = ("meter_id", "timestamp", "interval_s", "kwh", "quality", "rule", "restated")
_BANDS = {"expected_kwh": "expected", "low_kwh": "low", "high_kwh": "high"}
_CODE = ("scoring", "model", "calibration", "fusion", "habit", "holidays", "bands", "baseline", *segments.CODE)


CHAMPION = "champion"


class NoModelError(ValueError):
    """There is data to score and no model that may score it."""


def materialize_scores(lake: Lake, settings: Settings, partition: Partition, model: str | None = None) -> Written:
    """Write `scores` of a partition, by one model per resolution present.

    A month that was scored before keeps its models when it is made again, unless a newer champion was entered before it ended.
    Otherwise it is the champion as of the month. `model` asks for another one: `CHAMPION` for the champion as of the month, or a
    version, which the month keeps from then on.

    Series look back into the whole month before. Meters of a resolution, or an interval, that no model is for keep null scores;
    facts name them. A partition without features has no scores, which is no error.

    Raises:
        NoModelError: no resolution of the partition has a model, or strict mode refuses those there are or the one asked for.
        ValueError: there is no model of that version, or it is for no meter of the partition.
        BundleError: a bundle is not what was trained.
    """
    if lake.info(FEATURES, partition).rows == 0:
        return lake.write(SCORES, partition, [], fingerprint="")
    champions = _champions(lake, settings, partition, model)

    def make(facts: dict[str, Any]) -> Iterator[pl.DataFrame]:
        scorer = _Scorer.of(lake, settings, partition, champions)
        without_model: list[str] = []
        for chunk in lake.chunks(FEATURES, partition):
            frame = scorer.score(chunk)
            without_model += frame.filter(pl.col("q").is_null())["meter_id"].unique().sort().to_list()
            yield frame
        models = {resolution.value: c.record.version for resolution, c in champions.items()}
        facts["weights"] = {model.version: dict(model.fusion.weights) for model in scorer.models.values()}
        facts["looks_at_h"] = {model.version: model.looks_at_h for model in scorer.models.values()}
        facts.update(without_model=without_model, models=models, hindsight=any(c.hindsight for c in champions.values()))
        facts["asked_for"] = _asked_for(lake, partition, model, champions)

    return lake.refresh(SCORES, partition, scores_fingerprint(lake, settings, partition, model), make)


def scores_fingerprint(lake: Lake, settings: Settings, partition: Partition, model: str | None = None) -> str:
    """What `scores` of a partition would be made from now; raises as `materialize_scores` does."""
    champions = _champions(lake, settings, partition, model)
    inputs = {
        "features": lake.info(FEATURES, partition).content,
        "before": {part.key: lake.info(FEATURES, part).content for part in MeterRegistry(lake).partitions_before(partition)},
        "usage": usage_types(lake, partition.industry, [partition.month]),
        "champions": {resolution: [c.record.version, c.hindsight] for resolution, c in champions.items()},
        "asked_for": _asked_for(lake, partition, model, champions),
    }
    params = {"budget": settings.detection.budget_per_meter_month}
    code = code_digest("features/load.py", "detectors", *(f"detection/{name}.py" for name in _CODE))
    return fingerprint(inputs=inputs, params=params, code=code)


def _champions(lake: Lake, settings: Settings, partition: Partition, model: str | None) -> dict[Resolution, Champion]:
    intervals = lake.scan(FEATURES, partition).select(pl.col("interval_s").unique()).collect()["interval_s"]
    resolutions = sorted({Resolution.of(seconds) for seconds in intervals})
    found = {resolution: _model_for(lake, settings, partition, resolution, model) for resolution in resolutions}
    champions = {resolution: champion for resolution, champion in found.items() if champion}
    if model not in (None, CHAMPION) and all(champion.record.version != model for champion in champions.values()):
        ModelRegistry(lake).find(str(model))  # says where there is none
        raise ValueError(
            f"{partition} has no meters that model {model} is for; `ecoai models list` shows the industry and resolution of each"
        )
    if not champions:
        refused = " trained before its start, as strict mode asks" if settings.detection.strict else ""
        raise NoModelError(
            f"{partition} has meters of {', '.join(resolutions)} resolution and no model{refused}; "
            f"train first: ecoai train --industry {partition.industry}"
        )
    return champions


def _model_for(lake: Lake, settings: Settings, partition: Partition, resolution: Resolution, model: str | None) -> Champion | None:
    registry, strict = ModelRegistry(lake), settings.detection.strict
    champion = registry.champion(partition.industry, resolution, partition.month, strict=strict)
    known = {record.version: record for record in registry.models(partition.industry, resolution)}
    kept = None if model == CHAMPION else known.get(_models_of(lake, partition).get(resolution.value, ""))
    if model in known:
        wanted = _as_of(known[model], partition)
        if wanted.hindsight and strict:
            raise NoModelError(
                f"{partition}: model {model} was trained on data until {wanted.record.trained_until}, which strict mode refuses; "
                "name one trained before the month's start, or leave strict mode"
            )
        return wanted
    stays = kept and (kept.version in _asked_before(lake, partition) or _came_later((champion, kept), lake, partition))
    if not kept or not stays or (strict and _as_of(kept, partition).hindsight):
        return champion
    return _as_of(kept, partition)


def _as_of(record: ModelRecord, partition: Partition) -> Champion:
    return Champion(record, hindsight=Month.parse(record.trained_until) > partition.month)


def _models_of(lake: Lake, partition: Partition) -> dict[str, str]:
    """Versions by resolution that the partition stands scored by."""
    found: dict[str, str] = lake.info(SCORES, partition).facts.get("models", {})
    return found


def _asked_before(lake: Lake, partition: Partition) -> list[str]:
    """Versions that a person asked for when the partition was made."""
    found: list[str] = lake.info(SCORES, partition).facts.get("asked_for", [])
    return found


def _asked_for(lake: Lake, partition: Partition, model: str | None, champions: Mapping[Resolution, Champion]) -> list[str]:
    """Versions that the partition is to keep because a person asked for them: the one asked for now, and those of other resolutions."""
    if model == CHAMPION:
        return []
    return sorted({champion.record.version for champion in champions.values()} & {model, *_asked_before(lake, partition)})


def _came_later(between: tuple[Champion | None, ModelRecord], lake: Lake, partition: Partition) -> bool:
    """Whether what makes the champion another one than the model that was kept was entered after the month's end in all zones."""
    champion, kept = between
    zones = {meter.time_zone for meter in MeterRegistry(lake).of(partition.industry, partition.month).values()}
    end = max(month_bounds(partition.month, zone)[1] for zone in zones or {"UTC"})
    return max(kept.at, champion.record.at if champion else kept.at) >= end


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
        return joined.with_columns(pl.col("hindsight", "strange_day").fill_null(value=False)).select(SCORES.names)

    def _scored(self, resolution: Resolution, model: Model, portfolio: Sequence[Series], starts: Mapping[str, Any]) -> pl.DataFrame:
        own = [series for series in portfolio if series.interval_s == model.plan.interval_s]
        frames = [scored_frame(series, scored, starts[series.meter_id]) for series, scored in zip(own, model.score(own), strict=True)]
        return pl.concat([_bare(), *frames]).with_columns(
            pl.lit(alarm_threshold(self.budget, model.plan.interval_s), dtype=pl.Float32).alias("q"),
            pl.lit(self.champions[resolution].hindsight).alias("hindsight"),
            pl.lit(model.version).alias("model_version"),
        )


def scored_frame(series: Series, scored: Scored, start: Any) -> pl.DataFrame:
    """Scores of one series from `start` on, NaN as null."""
    cut = slice(int(np.searchsorted(series.timestamps, np.datetime64(start, "us"))), None)
    columns: dict[str, Any] = {"timestamp": series.timestamps[cut]}
    for column, part in _BANDS.items():
        columns[column] = getattr(scored.expectation, part)[cut] if scored.expectation else None
    for name in EVIDENCE:
        for kind, found in (("s", scored.s), ("p", scored.p)):
            columns[f"{kind}_{name}"] = found[name][cut] if name in found else None
    frame = pl.DataFrame({**columns, "p": scored.fused[cut], "strange_day": scored.strange[cut]}).with_columns(
        pl.col("timestamp").dt.replace_time_zone("UTC")
    )
    named = frame.with_columns(pl.lit(series.meter_id).alias("meter_id")).select(_bare().columns)
    return named.cast(_bare().schema).fill_nan(None)


def _bare() -> pl.DataFrame:
    schema = schema_of(SCORES)
    names = [*_KEYS, *_BANDS, *(f"{kind}_{name}" for name in EVIDENCE for kind in "sp"), "p", "strange_day"]
    return pl.DataFrame(schema={name: schema[name] for name in names})


def _empty() -> pl.DataFrame:
    schema = schema_of(SCORES)
    names = [*_bare().columns, "q", "hindsight", "model_version"]
    return pl.DataFrame(schema={name: schema[name] for name in names})
