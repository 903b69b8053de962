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
    from ecoai_pipeline.sources.inbox import Fate
    from ecoai_pipeline.sources.inbox import land_inbox as land

    landed = land(lakehouse.lake(), lakehouse.settings())
    counts = {fate.value: sum(one.fate is fate for one in landed) for fate in Fate}
    context.add_output_metadata({**counts, "outcomes": dg.MetadataValue.json([one.summary() for one in landed])})
    left = [f"{one.file}: {one.reason['error']}" for one in landed if one.fate is Fate.LEFT]
    if left:
        raise dg.Failure(f"{len(left)} of {len(landed)} files could not be landed\n" + "\n".join(left), allow_retries=False)


@dg.job(description="Files of the inbox into landing; the inbox sensor asks for it.")
def land_inbox() -> Any:
    land_files()
