"""Everything that Dagster is told, assembled in one function so that a test can put in its own lake."""

from __future__ import annotations

import dagster as dg

import ecoai_pipeline.defs.backfills  # noqa: F401, one run per industry in every process that knows the definitions
from ecoai_pipeline.defs.assets.anomalies import anomalies
from ecoai_pipeline.defs.assets.champions import champions
from ecoai_pipeline.defs.assets.drift import drift
from ecoai_pipeline.defs.assets.evaluation import evaluation
from ecoai_pipeline.defs.assets.features import features
from ecoai_pipeline.defs.assets.models import models
from ecoai_pipeline.defs.assets.raw import raw_readings
from ecoai_pipeline.defs.assets.report import report
from ecoai_pipeline.defs.assets.scores import scores
from ecoai_pipeline.defs.assets.snapshot import snapshot
from ecoai_pipeline.defs.assets.validated import validated_readings
from ecoai_pipeline.defs.catalogue import described
from ecoai_pipeline.defs.jobs import backfill_job, evaluate_job, ingest_job, land_inbox, nightly_job, record_job, training_job
from ecoai_pipeline.defs.partitions import every_month, industry_month
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.defs.schedules import monthly_training, nightly
from ecoai_pipeline.defs.sensors import follow_ups, inbox, retraining, versions
from ecoai_pipeline.settings import Settings

ASSETS = [raw_readings, validated_readings, features, models, champions, scores, drift, anomalies, report, evaluation, snapshot]


def build_definitions(lakehouse: Lakehouse | None = None) -> dg.Definitions:
    """The definitions, on the lake of the environment unless another is given, by whose parameters tables start and schedules tick."""
    lakehouse = lakehouse or Lakehouse()
    settings = lakehouse.settings()
    return dg.Definitions(
        assets=_assets(settings),
        jobs=[ingest_job, nightly_job, backfill_job, training_job, record_job, evaluate_job, land_inbox],
        schedules=[nightly(settings), monthly_training(settings)],
        sensors=[inbox, follow_ups, versions, retraining],
        resources={"lakehouse": lakehouse},
        # Steps cost seconds to spawn; runs, not steps, are what goes on side by side.
        executor=dg.in_process_executor,
    )


def _assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets as the UI describes them; those by industry and month have partitions from the first month on."""
    tables = industry_month(settings.first_month)

    def told(spec: dg.AssetSpec) -> dg.AssetSpec:
        started = spec.replace_attributes(partitions_def=tables) if spec.partitions_def == every_month else spec
        return described(started, settings.catalogue.owners)

    return [asset.map_asset_specs(told) for asset in ASSETS]
