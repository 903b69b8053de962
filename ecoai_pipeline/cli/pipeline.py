"""What several commands do: materialize readings, features, models and nights through Dagster, with one progress bar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ecoai_pipeline.cli.output import Steps
from ecoai_pipeline.domain import VALIDATED_READINGS, Industry, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.defs.runs import Runner
    from ecoai_pipeline.storage.lake import Lake

READINGS = ("raw_readings", "validated_readings")
TABLES = (*READINGS, "features", "scores", "anomalies")
Metadata = dict[str, dict[str, Any]]


def the_lake() -> Lake:
    from ecoai_pipeline.storage.lake import Lake

    settings = load_settings()
    return Lake(settings.root, settings.storage)


@contextmanager
def reporting_runner(steps: Steps) -> Iterator[Runner]:
    """A runner whose finished partitions move the bar."""
    from ecoai_pipeline.defs.layers import watching
    from ecoai_pipeline.defs.runs import runner

    with runner(load_settings().root) as ready, watching(lambda table, partition: steps.done(f"{table.name} {partition}")):
        yield ready


def spans(partitions: Iterable[Partition]) -> list[tuple[Industry, MonthRange]]:
    """Partitions as runs of consecutive months of one industry."""
    found: list[tuple[Industry, MonthRange]] = []
    for industry, group in groupby(sorted(partitions), key=lambda partition: partition.industry):
        for month in (partition.month for partition in group):
            if found and found[-1][0] == industry and found[-1][1].last.next == month:
                found[-1] = (industry, MonthRange(found[-1][1].first, month))
            else:
                found.append((industry, MonthRange(month, month)))
    return found


def materialize_readings(touched: Iterable[Partition], steps: Steps) -> dict[str, int]:
    """Raw and validated readings of some partitions; how many there were and how many were written."""
    todo = spans(touched)
    steps.start("readings", sum(len(list(span)) for _, span in todo) * len(READINGS))
    counts = {"partitions": 0, "written": 0}
    if todo:
        with reporting_runner(steps) as runner:
            for industry, span in todo:
                for asset in runner.tables(READINGS, industry, span).values():
                    counts["partitions"] += asset["run_partitions"]
                    counts["written"] += asset["run_changed"]
    return counts


def train_all(industry: Industry | None, resolution: Resolution | None, months: MonthRange | None, steps: Steps) -> list[dict[str, Any]]:
    """Features of the training span, then a bundle per industry and resolution that has meters in it.

    Raises:
        ValueError: nothing is there to train on.
    """
    from ecoai_pipeline.detection.training import resolutions_present

    lake = the_lake()
    todo = {one: span for one in ([industry] if industry else Industry) if (span := training_span(lake, one, months))}
    if not todo:
        raise ValueError(
            "there is nothing to train on: no industry has readings in "
            + (f"{months}" if months else "two months, of which the last is kept for scoring; ingest more, or name --months A..B")
        )
    trained = []
    with reporting_runner(steps) as runner:
        steps.start("features", sum(len(list(span)) for span in todo.values()))
        for one, span in todo.items():
            runner.tables(["features"], one, span)
        pairs = [(one, found, span) for one, span in todo.items() for found in resolutions_present(lake, one, span)]
        pairs = [pair for pair in pairs if resolution in (None, pair[1])]
        if not pairs:
            raise ValueError(f"no meter has {resolution} resolution in the months to train on; `ecoai status` shows what is there")
        steps.start("training", len(pairs))
        for one, found, span in pairs:
            steps.done(f"training {one} {found}")
            bundles = runner.models(one, found, str(span))["models"]["bundles"]
            trained.append({"industry": one.value, "resolution": found.value, **bundles[f"{one}|{found}"]})
    if not any(entry["version"] for entry in trained):
        raise ValueError("nothing was trained: " + "; ".join(entry["outcome"] for entry in trained))
    return trained


def training_span(lake: Lake, industry: Industry, months: MonthRange | None) -> MonthRange | None:
    """The months present within `months`; without it all up to the start of the last one present."""
    present = lake.months(VALIDATED_READINGS, industry)
    usable = [month for month in present if months.first <= month <= months.last] if months else present[:-1]
    return MonthRange(usable[0], usable[-1]) if usable else None


def run_night(day: date, steps: Steps, industries: Sequence[Industry] = tuple(Industry)) -> dict[Industry, Metadata]:
    """The night of a day: its month for each industry, and earlier months whose inputs changed since."""
    from ecoai_pipeline.detection.staleness import months_to_run

    lake, settings = the_lake(), load_settings()
    todo = {industry: months_to_run(lake, settings, industry, Month.of(day)) for industry in industries}
    steps.start("night", sum(len(list(span)) for span in todo.values()) * len(TABLES))
    with reporting_runner(steps) as runner:
        return {industry: runner.tables(TABLES, industry, span, day=day.isoformat()) for industry, span in todo.items()}


def run_backfill(span: MonthRange, industries: Sequence[Industry], steps: Steps) -> dict[Industry, Metadata]:
    """All tables of past months, and of the months after them as far as their inputs changed."""
    from ecoai_pipeline.detection.staleness import months_to_run

    lake, settings = the_lake(), load_settings()
    steps.start("backfill", len(list(span)) * len(industries) * len(TABLES))
    done: dict[Industry, Metadata] = {}
    with reporting_runner(steps) as runner:
        for industry in industries:
            done[industry] = runner.tables(TABLES, industry, span)
            after = months_to_run(lake, settings, industry, span.last)
            if after.last > span.last:
                runner.tables(TABLES, industry, MonthRange(span.last.next, after.last))
    return done
