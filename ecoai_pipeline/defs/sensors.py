"""What happens by itself: files in the inbox are landed, landed statements become readings, what runs made is recorded in DVC."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from ecoai_pipeline.defs.history import UNDER_WAY, made_by
from ecoai_pipeline.defs.jobs import ingest_job, land_inbox, record_job
from ecoai_pipeline.defs.partitions import range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry


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
        yield dg.RunRequest(run_key=f"land:{waiting.digest}:{now:%Y-%m-%dT%H}", job_name=land_inbox.name)
    for industry in Industry:
        unread = unread_months(lake, settings, industry)
        if unread:
            tags = {**range_tags(industry, unread.span), "ecoai/industry": industry.value}
            yield dg.RunRequest(run_key=f"read:{industry}:{unread.digest}", job_name=ingest_job.name, tags=tags)


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
    return dg.RunRequest(run_key=f"after:{ended}") if ended else dg.SkipReason("no run has made a table or a model yet")
