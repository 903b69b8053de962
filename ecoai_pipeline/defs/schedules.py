"""When things run by themselves: every night after the day is complete, and once a month for training."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from ecoai_pipeline.defs.jobs import TOLD_THE_NIGHT, nightly_job, training_job
from ecoai_pipeline.defs.partitions import TIME_ZONE, model_tags, range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry, Month, MonthRange


@dg.schedule(
    job=nightly_job,
    cron_schedule="30 2 * * *",  # two and a half hours after midnight: providers deliver a day within two
    execution_timezone=TIME_ZONE,
    description="For yesterday: its month, and every earlier month whose inputs changed since it was last run.",
)
def nightly(context: dg.ScheduleEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest]:
    from ecoai_pipeline.detection.staleness import stale_months

    day = (context.scheduled_execution_time - timedelta(days=1)).date()
    lake, settings, month = lakehouse.lake(), lakehouse.settings(), Month.of(day)
    for industry in Industry:
        stale = [m for m in stale_months(lake, settings, industry) if m != month]
        if stale:
            # A run of its own, and first in the queue: an old month that fails must not hold up last night.
            yield _request(industry, MonthRange(stale[0], stale[-1]), f"{industry}:{day}:late", {})
        config = {"ops": {name: {"config": {"day": day.isoformat()}} for name in TOLD_THE_NIGHT}}
        yield _request(industry, MonthRange(month, month), f"{industry}:{day}", config)


def _request(industry: Industry, span: MonthRange, run_key: str, config: dict[str, Any]) -> dg.RunRequest:
    tags = {**range_tags(industry, span), "ecoai/industry": industry.value}
    return dg.RunRequest(run_key=run_key, tags=tags, run_config=config)


@dg.schedule(
    job=training_job,
    cron_schedule="0 4 1 * *",  # after the first night of the month, when the month before is complete
    execution_timezone=TIME_ZONE,
    description="On the first of each month: all industries and resolutions, on everything before this month.",
)
def monthly_training(context: dg.ScheduleEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest]:
    from ecoai_pipeline.detection.training import resolutions_present
    from ecoai_pipeline.domain import FEATURES

    this_month = Month.of(context.scheduled_execution_time.date())
    lake = lakehouse.lake()
    for industry in Industry:
        past = [month for month in lake.months(FEATURES, industry) if month < this_month]
        if not past:
            continue
        span = MonthRange(past[0], past[-1])
        for resolution in resolutions_present(lake, industry, span):
            yield dg.RunRequest(
                run_key=f"{industry}:{resolution}:{this_month}",
                tags={**model_tags(industry, resolution), "ecoai/industry": industry.value},
                run_config=dg.RunConfig(ops={"models": {"config": {"months": str(span)}}}),
            )
