"""Which assets run together: on arrival, every night, over past months, and once a month for training."""

from typing import Any

import dagster as dg

from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import ARRIVAL_ASSETS, NIGHT_ASSETS

ingest_job = dg.define_asset_job("ingest", ARRIVAL_ASSETS, description="Readings of landed statements.")
nightly_job = dg.define_asset_job("nightly", NIGHT_ASSETS, description="From readings to the table of events.")
backfill_job = dg.define_asset_job("backfill", NIGHT_ASSETS, description="The same tables over past months.")
training_job = dg.define_asset_job("training", ["models"], description="Fit, calibrate and enter bundles.")


@dg.op(description="Lands the files of the inbox and moves each to processed or rejected, with the reason beside it.")
def land_files(context: dg.OpExecutionContext, lakehouse: Lakehouse) -> None:
    from ecoai_pipeline.sources.inbox import land_inbox as land

    landed = land(lakehouse.lake(), lakehouse.settings())
    context.add_output_metadata({"files": len(landed), "outcomes": dg.MetadataValue.json([entry.summary() for entry in landed])})


@dg.job(description="Files of the inbox into landing; the inbox sensor asks for it.")
def land_inbox() -> Any:
    land_files()
