"""What happens by itself: files in the inbox are landed, landed statements become readings, months that a run's changes reach are
made again, what runs made is recorded in DVC, and a model whose readings have drifted is trained again."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from ecoai_pipeline.defs.history import UNDER_WAY, causes, made_by
from ecoai_pipeline.defs.jobs import (
    FOLLOW_UP_TAG,
    INDUSTRY_TAG,
    KIND_TAG,
    backfill_job,
    ingest_job,
    land_inbox,
    record_job,
    training_job,
)
from ecoai_pipeline.defs.partitions import model_tags, range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import ANOMALIES, Industry, MonthRange, Partition


@dg.sensor(
    jobs=[land_inbox, ingest_job],
    minimum_interval_seconds=30,  # people drop files by hand; half a minute is no wait for them and no load for us
    description="Lands files that have come to rest in the inbox, all in one run; then asks for the readings of what was landed.",
)
def inbox(context: dg.SensorEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest | dg.SkipReason]:
    from ecoai_pipeline.detection.staleness import unread_months
    from ecoai_pipeline.sources.inbox import files_at_rest

    if context.instance.get_runs(dg.RunsFilter(job_name=land_inbox.name, statuses=UNDER_WAY), limit=1):
        yield dg.SkipReason("files are being landed; the readings of all of them are asked for together")
        return
    lake, settings, now = lakehouse.lake(), lakehouse.settings(), datetime.now(UTC)
    waiting = files_at_rest(lake, settings, now)
    if waiting.files:
        # The same files are asked for once an hour: what kept them there, a full disk or a lock, may have passed.
        yield dg.RunRequest(run_key=f"land:{waiting.digest}:{now:%Y-%m-%dT%H}", job_name=land_inbox.name, tags={KIND_TAG: "inbox"})
    for industry in Industry:
        unread = unread_months(lake, settings, industry)
        if unread:
            tags = {**range_tags(industry, unread.span), INDUSTRY_TAG: industry.value, KIND_TAG: "inbox"}
            yield dg.RunRequest(run_key=f"read:{industry}:{unread.digest}", job_name=ingest_job.name, tags=tags)


@dg.sensor(
    job=backfill_job,
    minimum_interval_seconds=30,  # a person who watches a backfill sees its follow-ups appear
    default_status=dg.DefaultSensorStatus.RUNNING,  # asks for nothing unless a person or a schedule has run something
    description="The month after one whose events were made again, if that changes it, in a run tagged `follow_up_of`.",
)
def follow_ups(context: dg.SensorEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest | dg.SkipReason]:
    from ecoai_pipeline.detection.staleness import stale_marks

    if context.instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY), limit=1):
        yield dg.SkipReason("runs are under way; what their changes reach is asked for together")
        return
    lake, settings = lakehouse.lake(), lakehouse.settings()
    ran = causes(context.instance)
    for industry in {partition.industry for partition in ran}:
        for month, mark in stale_marks(lake, settings, industry).items():
            cause = ran.get(Partition(industry, month.previous))
            if cause is None or lake.made_at(ANOMALIES, Partition(industry, month)) > cause.ended:
                continue  # other readings have come for it, which the next night reads
            tags = {INDUSTRY_TAG: industry.value, KIND_TAG: "follow-up", FOLLOW_UP_TAG: cause.name}
            # The key names what the month would be made from: a month that fails is asked for again only when that changes.
            key = f"follow:{industry}:{month}:{mark[:16]}"
            yield dg.RunRequest(run_key=key, tags={**range_tags(industry, MonthRange(month, month)), **tags})


@dg.sensor(
    job=record_job,
    minimum_interval_seconds=60,  # a night's runs start within seconds of each other; a minute later all of them are seen
    description="Asks for one snapshot after the runs of a night, a backfill or a training have all ended.",
)
def versions(context: dg.SensorEvaluationContext, lakehouse: Lakehouse) -> dg.RunRequest | dg.SkipReason:
    from ecoai_pipeline.versioning.repository import is_versioned

    root = lakehouse.lake().root
    if not is_versioned(root):
        return dg.SkipReason(f"{root} is not versioned; `ecoai --root {root} versions init` makes it a repository of its own")
    if context.instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY), limit=1):
        return dg.SkipReason("runs are under way; what they make is recorded together")
    # The last hundred runs reach back over the whole night: what ended before was seen by an earlier tick.
    ended = next((run.run_id for run in context.instance.get_runs(limit=100) if made_by(run)), None)
    return (
        dg.RunRequest(run_key=f"after:{ended}", tags={KIND_TAG: "snapshot"})
        if ended
        else dg.SkipReason("no run has made a table or a model yet")
    )


@dg.sensor(
    job=training_job,
    minimum_interval_seconds=3600,  # drift is of weeks
    description="Asks for one training of a model whose readings have drifted for weeks, once there are complete months it has not seen.",
)
def retraining(lakehouse: Lakehouse) -> Iterator[dg.RunRequest]:
    from ecoai_pipeline.detection.drift import retraining_wanted
    from ecoai_pipeline.storage.registry import MeterRegistry

    lake, now = lakehouse.lake(), datetime.now(UTC)
    registry = MeterRegistry(lake)
    for industry, month in [(one, registry.month_at(one, now)) for one in Industry]:
        for wanted in retraining_wanted(lake, industry, month) if month else ():
            yield dg.RunRequest(
                # Dagster asks once for a key: for this model and these months never again, whatever became of the run.
                run_key=f"drift:{industry}:{wanted.resolution}:{wanted.version}:{wanted.months.last}",
                tags={**model_tags(industry, wanted.resolution), INDUSTRY_TAG: industry.value, KIND_TAG: "drift"},
                run_config=dg.RunConfig(ops={"models": {"config": {"months": str(wanted.months)}}}),
            )
