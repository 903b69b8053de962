"""What arrives by itself: files in the inbox are landed, and landed statements become readings."""

from collections.abc import Iterator

import dagster as dg

from ecoai_pipeline.defs.jobs import ingest_job, land_inbox
from ecoai_pipeline.defs.partitions import range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry


@dg.sensor(
    jobs=[land_inbox, ingest_job],
    minimum_interval_seconds=30,  # people drop files by hand; half a minute is no wait for them and no load for us
    description="Lands files that have come to rest in the inbox; then asks for the readings of what was landed.",
)
def inbox(lakehouse: Lakehouse) -> Iterator[dg.RunRequest]:
    from ecoai_pipeline.detection.staleness import unread_months
    from ecoai_pipeline.sources.inbox import files_at_rest

    lake, settings = lakehouse.lake(), lakehouse.settings()
    waiting = files_at_rest(lake, settings)
    if waiting.files:
        yield dg.RunRequest(run_key=f"land:{waiting.digest}", job_name=land_inbox.name)
    for industry in Industry:
        unread = unread_months(lake, settings, industry)
        if unread:
            tags = {**range_tags(industry, unread.span), "ecoai/industry": industry.value}
            yield dg.RunRequest(run_key=f"read:{industry}:{unread.digest}", job_name=ingest_job.name, tags=tags)
