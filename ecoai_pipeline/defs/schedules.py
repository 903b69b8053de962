"""When things run by themselves: every night after the day is complete, and once a month for training."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.jobs import DAY_TAG, INDUSTRY_TAG, KIND_TAG, NIGHT_TAG, TOLD_THE_NIGHT, TRAINING_TAG, nightly_job, training_job
from ecoai_pipeline.defs.partitions import model_tags, range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry, Month, MonthRange
from ecoai_pipeline.settings import Settings

if TYPE_CHECKING:
    from ecoai_pipeline.detection.due import Night


def nightly(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of the nights: each time zone of the registry has one, `schedules.night_after_h` after its midnight."""

    @dg.schedule(
        name="nightly",
        job=nightly_job,
        cron_schedule=settings.schedules.nightly,
        execution_timezone="UTC",
        description="Per time zone, the day that ended there: its month, and every earlier month whose inputs changed since.",
    )
    def schedule(context: dg.ScheduleEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from ecoai_pipeline.detection.due import newest_nights, next_due
        from ecoai_pipeline.storage.registry import MeterRegistry

        moment, zones = context.scheduled_execution_time, MeterRegistry(lakehouse.lake()).zones()
        delay = timedelta(hours=lakehouse.settings().schedules.night_after_h)
        asked = [request for night in newest_nights(zones, moment, delay) for request in _night(context.instance, lakehouse, night)]
        yield from asked
        if not asked:
            due = next_due(zones, moment, delay)
            yield dg.SkipReason(f"the next night is due at {due:%Y-%m-%d %H:%M} UTC" if due else "there are no meters yet")

    return schedule


def _night(instance: dg.DagsterInstance, lakehouse: Lakehouse, night: "Night") -> Iterator[dg.RunRequest]:
    """Runs of the industries that have meters in the time zones of a night and have not been asked for it before."""
    from ecoai_pipeline.detection.staleness import late_months
    from ecoai_pipeline.storage.registry import MeterRegistry

    lake, month, tags = lakehouse.lake(), Month.of(night.day), {NIGHT_TAG: night.key, DAY_TAG: night.day.isoformat()}
    registry = MeterRegistry(lake)
    known = {run.tags.get(INDUSTRY_TAG) for run in instance.get_runs(dg.RunsFilter(tags={NIGHT_TAG: night.key}))}
    for industry in (one for one in Industry if one not in known):
        if not any(meter.time_zone in night.zones for meter in registry.of(industry, month).values()):
            continue
        for span in late_months(lake, lakehouse.settings(), industry, month):
            # Runs of their own, and first in the queue: an old month that fails must not hold up last night.
            yield _request(industry, span, f"{industry}:{night.key}:late:{span.first}", {})
        config = {"ops": {name: {"config": {"day": night.day.isoformat()}} for name in TOLD_THE_NIGHT}}
        yield _request(industry, MonthRange(month, month), f"{industry}:{night.key}", config, tags)


def _request(industry: Industry, span: MonthRange, key: str, config: dict[str, Any], tags: Mapping[str, str] = {}) -> dg.RunRequest:
    all_tags = {**range_tags(industry, span), INDUSTRY_TAG: industry.value, KIND_TAG: "nightly", **tags}
    return dg.RunRequest(run_key=key, tags=all_tags, run_config=config)


def monthly_training(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of the trainings: of each industry, `schedules.train_after_h` after a month has ended for all its meters."""

    @dg.schedule(
        name="monthly_training",
        job=training_job,
        cron_schedule=settings.schedules.training,
        execution_timezone="UTC",
        description="Per industry, once a month has ended in the time zones of all its meters: all resolutions, on everything before.",
    )
    def schedule(context: dg.ScheduleEvaluationContext, lakehouse: Lakehouse) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from ecoai_pipeline.storage.registry import MeterRegistry

        registry = MeterRegistry(lakehouse.lake())
        ended = context.scheduled_execution_time - timedelta(hours=lakehouse.settings().schedules.train_after_h)
        asked = [request for one in Industry for request in _trainings(context.instance, lakehouse, one, registry.month_at(one, ended))]
        yield from asked
        if not asked:
            yield dg.SkipReason("the months that have ended were asked for before, or there are none")

    return schedule


def _trainings(instance: dg.DagsterInstance, lakehouse: Lakehouse, industry: Industry, month: Month | None) -> Iterator[dg.RunRequest]:
    """Trainings of an industry on everything before a month, unless they were asked for before."""
    from ecoai_pipeline.detection.training import resolutions_present
    from ecoai_pipeline.domain import FEATURES

    lake = lakehouse.lake()
    past = [one for one in lake.months(FEATURES, industry) if month and one < month]
    if not past or instance.get_runs(dg.RunsFilter(tags={INDUSTRY_TAG: industry.value, TRAINING_TAG: str(month)}), limit=1):
        return
    span = MonthRange(past[0], past[-1])
    tags = {INDUSTRY_TAG: industry.value, KIND_TAG: "monthly training", TRAINING_TAG: str(month)}
    for resolution in resolutions_present(lake, industry, span):
        yield dg.RunRequest(
            run_key=f"{industry}:{resolution}:{month}",
            tags={**model_tags(industry, resolution), **tags},
            run_config=dg.RunConfig(ops={"models": {"config": {"months": str(span)}}}),
        )
