"""When things run by themselves: every night after the day is complete, and once a month for training."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from ecoai_pipeline.defs.jobs import DAY_TAG, INDUSTRY_TAG, KIND_TAG, TOLD_THE_NIGHT, nightly_job, training_job
from ecoai_pipeline.defs.partitions import model_tags, range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry, Month, MonthRange
from ecoai_pipeline.settings import Settings


def nightly(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of the nights, at the times of `schedules.nightly`."""

    @dg.schedule(
        name="nightly",
        job=nightly_job,
        cron_schedule=settings.schedules.nightly,
        execution_timezone=settings.time_zone,
        description="For yesterday: its month, and every earlier month whose inputs changed since it was last run.",
    )
    def schedule(context: dg.ScheduleEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest]:
        from ecoai_pipeline.detection.staleness import late_months

        day = (context.scheduled_execution_time - timedelta(days=1)).date()
        month = Month.of(day)
        for industry in Industry:
            for span in late_months(lakehouse.lake(), lakehouse.settings(), industry, month):
                # Runs of their own, and first in the queue: an old month that fails must not hold up last night.
                yield _night(industry, span, f"{industry}:{day}:late:{span.first}", {})
            config = {"ops": {name: {"config": {"day": day.isoformat()}} for name in TOLD_THE_NIGHT}}
            yield _night(industry, MonthRange(month, month), f"{industry}:{day}", config, {DAY_TAG: day.isoformat()})

    return schedule


def _night(industry: Industry, span: MonthRange, key: str, config: dict[str, Any], tags: Mapping[str, str] = {}) -> dg.RunRequest:
    all_tags = {**range_tags(industry, span), INDUSTRY_TAG: industry.value, KIND_TAG: "nightly", **tags}
    return dg.RunRequest(run_key=key, tags=all_tags, run_config=config)


def monthly_training(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of the trainings, at the times of `schedules.training`."""

    @dg.schedule(
        name="monthly_training",
        job=training_job,
        cron_schedule=settings.schedules.training,
        execution_timezone=settings.time_zone,
        description="All industries and resolutions, on everything before this month.",
    )
    def schedule(context: dg.ScheduleEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest]:
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
                    tags={**model_tags(industry, resolution), INDUSTRY_TAG: industry.value, KIND_TAG: "monthly training"},
                    run_config=dg.RunConfig(ops={"models": {"config": {"months": str(span)}}}),
                )

    return schedule
