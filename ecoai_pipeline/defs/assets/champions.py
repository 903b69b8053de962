"""Champions: which of the trained models is in use, decided on faults that both find or miss."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.assets.models import models
from ecoai_pipeline.defs.partitions import industry_resolution
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry, Resolution

if TYPE_CHECKING:
    from ecoai_pipeline.settings import Settings
    from ecoai_pipeline.storage.lake import Lake
    from ecoai_pipeline.storage.model_registry import ModelRecord


class Decision(dg.Config):
    """A person's word instead of the comparison: a version to promote, or to take the newest champion out of use."""

    promote: str | None = None
    roll_back: bool = False
    reason: str = "no reason was given"


@dg.asset(
    group_name="models",
    partitions_def=industry_resolution,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[models],
    kinds={"json"},
    check_specs=[
        dg.AssetCheckSpec(
            "not_worse",
            asset="champions",
            blocking=True,
            description="A challenger finds as many faults as the champion, within the interval.",
        )
    ],
)
def champions(context: dg.AssetExecutionContext, config: Decision, lakehouse: Lakehouse) -> Iterator[dg.MaterializeResult]:
    """The model in use per industry and resolution; a challenger that is surely worse than the champion is refused."""
    from ecoai_pipeline.storage.model_registry import ModelRegistry, Standing

    lake, settings = lakehouse.lake(), lakehouse.settings()
    refused: dict[str, str] = {}
    for key in sorted(str(key) for key in context.partition_keys):
        industry, resolution = Industry(key.split("|")[0]), Resolution(key.split("|")[1])
        with lake.lock(industry):
            entries = _entries(lake, settings, industry, resolution, config)
        in_use = [one.version for one in ModelRegistry(lake).models(industry, resolution) if one.standing is Standing.CHAMPION]
        told: dict[str, Any] = {"entered": [entry.model_dump(mode="json") for entry in entries], "in_use": in_use}
        context.add_asset_metadata({name: dg.MetadataValue.json(value) for name, value in told.items()}, partition_key=key)
        refused |= {f"{key} {entry.version}": entry.reason for entry in entries if entry.standing is Standing.REFUSED}
    details = {"failed": dg.MetadataValue.int(len(refused)), "details": dg.MetadataValue.json(refused)}
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="not_worse", passed=not refused, metadata=details)])


def _entries(lake: "Lake", settings: "Settings", industry: Industry, resolution: Resolution, config: Decision) -> "list[ModelRecord]":
    from ecoai_pipeline.detection import promotion

    now = datetime.now(UTC)
    if config.roll_back:
        return [promotion.roll_back(lake, industry, resolution, config.reason, now)[0]]
    if config.promote:
        return [promotion.promote(lake, industry, resolution, config.promote, config.reason, now)]
    return promotion.decide(lake, settings.for_training(industry), industry, resolution, now)
