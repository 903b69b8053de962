"""What arrives by itself: files in the inbox are landed, and landed statements become readings."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from ecoai_pipeline.defs.jobs import ingest_job, land_inbox
from ecoai_pipeline.defs.partitions import range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.sensor(
    jobs=[land_inbox, ingest_job],
    minimum_interval_seconds=30,  # people drop files by hand; half a minute is no wait for them and no load for us
    description="Lands files that have come to rest in the inbox, all in one run; then asks for the readings of what was landed.",
)
def inbox(context: dg.SensorEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest | dg.SkipReason]:
    from ecoai_pipeline.detection.staleness import unread_months
    from ecoai_pipeline.sources.inbox import files_at_rest

    if context.instance.get_runs(dg.RunsFilter(job_name=land_inbox.name, statuses=_UNDER_WAY), limit=1):
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
