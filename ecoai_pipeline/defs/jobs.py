"""Which assets run together: on arrival, every night, over past months, and once a month for training."""

from typing import Any

import dagster as dg

from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import ANOMALIES, ARRIVAL_ASSETS, NIGHT_ASSETS, REPORT

TOLD_THE_NIGHT = (ANOMALIES.name, REPORT)  # assets whose configuration names the day that a night is about
ASSETS_OF = {  # by job; a run of some assets from the command line belongs to the first job that has them all
    "ingest": ARRIVAL_ASSETS,
    "backfill": NIGHT_ASSETS,
    "nightly": (*NIGHT_ASSETS, REPORT),
    "training": ("models", "champions"),
    "record": ("snapshot",),
    "evaluate": ("evaluation",),
}
KIND_TAG = "ecoai/kind"  # what asked for a run: a command, a schedule, a sensor, a backfill of the UI, or a person in the UI
INDUSTRY_TAG = "ecoai/industry"  # of a run about one industry; the queue starts one such run at a time
DAY_TAG = "ecoai/day"  # the day that a night is about
NIGHT_TAG = "ecoai/night"  # the day and the instant at which its night was due; no industry is asked for it twice
TRAINING_TAG = "ecoai/trained_before"  # the month before which a monthly training learns; no industry is asked for it twice
FOLLOW_UP_TAG = "follow_up_of"  # the run or backfill after which a run makes the months that its changes reach


def _job(name: str, description: str) -> Any:
    return dg.define_asset_job(name, list(ASSETS_OF[name]), description=description)


ingest_job = _job("ingest", "Readings of landed statements.")
nightly_job = _job("nightly", "From readings to the table of events and the pages about it.")
backfill_job = _job("backfill", "The same tables over past months.")
training_job = _job("training", "Fit, calibrate and enter bundles; decide which are in use.")
evaluate_job = _job("evaluate", "Judge detectors on data with known anomalies.")
record_job = _job("record", "Tables and bundles into DVC; the sensor `versions` asks for it once runs have ended.")


@dg.op(description="Lands the files of the inbox and moves each to processed, rejected or passed_over; FILE.reason.json says why.")
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
