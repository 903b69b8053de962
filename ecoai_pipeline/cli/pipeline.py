"""What several commands do: materialize readings, features, models and nights through Dagster, with one progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ecoai_pipeline.cli.output import Steps
from ecoai_pipeline.domain import (
    ARRIVAL_ASSETS,
    NIGHT_ASSETS,
    REPORT,
    VALIDATED_READINGS,
    Industry,
    Month,
    MonthRange,
    Partition,
    Resolution,
)
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.defs.runs import Materialized, Runner
    from ecoai_pipeline.storage.lake import Lake


# The command that this process runs, as the runs that it makes are tagged.
COMMAND: ContextVar[str] = ContextVar("command", default="ecoai")


class NothingToTrainError(ValueError):
    """There are no readings to train on, or too few of them."""


class NoRootError(ValueError):
    """There is no folder where the lake was looked for."""


def the_lake() -> Lake:
    """The lake of the root, for a command that reads it.

    Raises:
        NoRootError: the folder does not exist; nothing is made of a name that may be misspelt.
    """
    root = load_settings().root
    if not root.is_dir():
        raise NoRootError(
            f"there is no folder {root}: name another one with --root or ECOAI_ROOT, "
            "or take in readings with `ecoai ingest FILE` or `ecoai try FILE`"
        )
    return new_lake()


def new_lake() -> Lake:
    """The lake of the root, for a command that may be the first to write to it."""
    from ecoai_pipeline.storage.lake import Lake

    settings = load_settings()
    return Lake(settings.root, settings.storage)


def zone_of_meter(lake: Lake) -> Callable[[Mapping[str, Any]], str]:
    """A function from a row with a `meter_id` to the zone of that meter; where no registry names one, the default zone."""
    from ecoai_pipeline.storage.registry import MeterRegistry

    registry, default = MeterRegistry(lake), load_settings().time_zone
    zone = cache(lambda meter_id: registry.home_zone(meter_id) or default)
    return lambda row: zone(row["meter_id"])


def zone_of_root(lake: Lake) -> str:
    """The zone in which people read times that belong to no meter, as those of files and runs.

    It is that of the meters; UTC where they have several, and the default zone where there are none.
    """
    from ecoai_pipeline.storage.registry import MeterRegistry

    registry = MeterRegistry(lake)
    return registry.common_zone(registry) if registry.zones() else load_settings().time_zone


def yesterday(lake: Lake) -> date:
    """The newest day that is over wherever a meter is."""
    from ecoai_pipeline.detection.due import last_day
    from ecoai_pipeline.storage.registry import MeterRegistry

    return min(last_day(zone, datetime.now(UTC)) for zone in MeterRegistry(lake).zones() or {load_settings().time_zone})


def newest_days(lake: Lake, partitions: Iterable[Partition]) -> dict[str, date]:
    """By time zone, the newest local day with a reading in some partitions of validated readings; a day belongs to its meters' zone."""
    import polars as pl

    last = lake.scan(VALIDATED_READINGS, partitions).group_by("meter_id").agg(pl.col("timestamp").max()).collect()
    zone, found = zone_of_meter(lake), dict[str, date]()
    for row in last.iter_rows(named=True):
        own = zone(row)
        day = row["timestamp"].astimezone(ZoneInfo(own)).date()
        found[own] = max(day, found.get(own, day))
    return found


@contextmanager
def reporting_runner(steps: Steps) -> Iterator[Runner]:
    """A runner whose finished partitions move the bar."""
    from ecoai_pipeline.defs.layers import watching
    from ecoai_pipeline.defs.runs import runner

    with runner(load_settings().root, COMMAND.get()) as ready, watching(lambda table, partition: steps.done(f"{table.name} {partition}")):
        yield ready


def spans(partitions: Iterable[Partition]) -> list[dict[Industry, MonthRange]]:
    """Partitions as runs of consecutive months per industry; the first ones of each industry together, then the second ones.

    >>> jan, feb, may = (Month(2025, month) for month in (1, 2, 5))
    >>> found = spans([Partition(Industry.METAL, jan), Partition(Industry.METAL, feb), Partition(Industry.METAL, may)])
    >>> [{industry.value: str(span) for industry, span in one.items()} for one in found]
    [{'metal': '2025-01..2025-02'}, {'metal': '2025-05..2025-05'}]
    """
    months: dict[Industry, list[Month]] = {}
    for partition in sorted(partitions):
        months.setdefault(partition.industry, []).append(partition.month)
    return side_by_side({industry: MonthRange.consecutive(found) for industry, found in months.items()})


def side_by_side(runs: Mapping[Industry, Sequence[MonthRange]]) -> list[dict[Industry, MonthRange]]:
    """The first run of each industry together, then the second ones, and so on."""
    most = max((len(found) for found in runs.values()), default=0)
    return [{industry: found[i] for industry, found in runs.items() if len(found) > i} for i in range(most)]


def partitions_in(todo: Mapping[Industry, MonthRange]) -> int:
    return sum(len(list(span)) for span in todo.values())


def materialize_readings(touched: Iterable[Partition], steps: Steps) -> dict[str, int]:
    """Raw and validated readings of some partitions; how many there were and how many were written."""
    todo = spans(touched)
    steps.start("readings", sum(partitions_in(one) for one in todo) * len(ARRIVAL_ASSETS))
    if not todo:
        return {"partitions": 0, "written": 0}
    with reporting_runner(steps) as runner:
        done = [made for one in todo for made in runner.tables(ARRIVAL_ASSETS, one)]
    return {"partitions": len(done), "written": sum(made.metadata["outcome"] == "written" for made in done)}


def materialize(assets: Sequence[str], steps: Steps, choice: Mapping[str, Any]) -> list[Materialized]:
    """Some tables for all months that there are readings of; what is up to date stays. `choice` is that of `Runner.tables`."""
    from ecoai_pipeline.detection.staleness import known_months

    lake = the_lake()
    todo = spans(Partition(industry, month) for industry in Industry for month in known_months(lake, industry))
    steps.start("layers", sum(partitions_in(one) for one in todo) * len(assets))
    with reporting_runner(steps) as runner:
        return [made for one in todo for made in runner.tables(assets, one, choice=choice)]


def train_all(industry: Industry | None, resolution: Resolution | None, months: MonthRange | None, steps: Steps) -> list[dict[str, Any]]:
    """Features of the training span, then a bundle per industry and resolution that has meters in it.

    Raises:
        NothingToTrainError: there are no readings to train on, or too few of them.
    """
    from ecoai_pipeline.detection.training import resolutions_present

    lake = the_lake()
    todo = {one: span for one in ([industry] if industry else Industry) if (span := training_span(lake, one, months))}
    if not todo:
        raise NothingToTrainError(
            "there is nothing to train on: no industry has readings in "
            + (f"{months}" if months else "two months, of which the last is kept for scoring; ingest more, or name --months A..B")
        )
    trained = []
    with reporting_runner(steps) as runner:
        steps.start("features", partitions_in(todo))
        runner.tables(["features"], todo)
        pairs = [(one, found, span) for one, span in todo.items() for found in resolutions_present(lake, one, span)]
        pairs = [pair for pair in pairs if resolution in (None, pair[1])]
        if not pairs:
            raise NothingToTrainError(f"no meter has {resolution} resolution in the months to train on; `ecoai status` shows what is there")
        steps.start("training", len(pairs))
        for one, found, span in pairs:
            steps.done(f"training {one} {found}")
            bundle = runner.models(one, found, str(span)).metadata["bundles"][f"{one}|{found}"]
            standing = _judged(runner, lake, one, found, bundle["version"]) if bundle["version"] else {}
            trained.append({"industry": one.value, "resolution": found.value, **bundle, **standing})
    if not any(entry["version"] for entry in trained):
        raise NothingToTrainError("nothing was trained: " + "; ".join(entry["outcome"] for entry in trained))
    return trained


def _judged(runner: Runner, lake: Lake, industry: Industry, resolution: Resolution, version: str) -> dict[str, str]:
    """Let challengers be judged; what became of the model. That one is refused is an answer and no fault."""
    from ecoai_pipeline.defs.runs import RunFailedError
    from ecoai_pipeline.storage.model_registry import ModelRegistry, Standing

    registry = ModelRegistry(lake)
    waiting = [one.version for one in registry.models(industry, resolution) if one.standing is Standing.CHALLENGER]
    try:
        runner.champions(industry, resolution)
    except RunFailedError:
        now = {registry.find(one).standing for one in waiting}
        if Standing.REFUSED not in now or Standing.CHALLENGER in now:
            raise
    found = registry.find(version)
    return {"standing": found.standing.value, "because": found.reason}


def decide(industry: Industry, resolution: Resolution, steps: Steps, **decision: Any) -> None:
    """Enter a person's decision about models, as the asset `champions` is configured."""
    steps.start("deciding", 1)
    with reporting_runner(steps) as runner:
        runner.champions(industry, resolution, **decision)


def training_span(lake: Lake, industry: Industry, months: MonthRange | None) -> MonthRange | None:
    """The months present within `months`; without it all up to the start of the last one present."""
    present = lake.months(VALIDATED_READINGS, industry)
    usable = [month for month in present if months.first <= month <= months.last] if months else present[:-1]
    return MonthRange(usable[0], usable[-1]) if usable else None


def record(steps: Steps) -> list[str]:
    """Record the root in DVC, if it is versioned; a line that says under which name."""
    from ecoai_pipeline.versioning.repository import is_versioned

    root = load_settings().root
    if not is_versioned(root):
        return []
    steps.start("recording", 1)
    with reporting_runner(steps) as runner:
        made = runner.snapshot().metadata
    return [f"recorded in DVC as {made['snapshot']}" + ("" if made["outcome"] == "recorded" else ", as nothing has changed since")]


def run_evaluation(name: str, request: Mapping[str, Any], steps: Steps) -> list[str]:
    """Judge detectors as a request says; the files that hold the results, rows as JSON first."""
    from ecoai_pipeline.defs.assets.evaluation import telling
    from ecoai_pipeline.defs.runs import runner

    with runner(load_settings().root, COMMAND.get()) as ready, telling(steps):
        files: list[str] = ready.evaluation(name, request).metadata["files"]
    return files


def run_night(day: date, steps: Steps) -> list[Materialized]:
    """The night of a day: its month for each industry, and every month whose inputs changed since."""
    from ecoai_pipeline.detection.staleness import late_months

    lake, settings, month = the_lake(), load_settings(), Month.of(day)
    late = side_by_side({industry: late_months(lake, settings, industry, month) for industry in Industry})
    night = dict.fromkeys(Industry, MonthRange(month, month))
    steps.start("night", sum(partitions_in(one) for one in [*late, night]) * len(NIGHT_ASSETS))
    with reporting_runner(steps) as runner:
        done = [made for one in late for made in runner.tables(NIGHT_ASSETS, one)]
        done += runner.tables(NIGHT_ASSETS, night, day=day.isoformat())
        done += _follow(runner, list(Industry), settings.first_month, done, steps)
        steps.start("report", 1)
        return done + runner.tables([REPORT], night, day=day.isoformat())


def run_backfill(
    span: MonthRange, industries: Sequence[Industry], steps: Steps, choice: Mapping[str, Any] | None = None
) -> list[Materialized]:
    """All tables of past months, and of the months after them as far as their inputs changed; `choice` is that of `Runner.tables`."""
    steps.start("backfill", len(list(span)) * len(industries) * len(NIGHT_ASSETS))
    with reporting_runner(steps) as runner:
        done = runner.tables(NIGHT_ASSETS, dict.fromkeys(industries, span), choice=choice)
        return done + _follow(runner, industries, span.last.next, done, steps)


def walk_forward(span: MonthRange, industries: Sequence[Industry], steps: Steps) -> list[Materialized]:
    """Month after month: train on what lies before it, then score it, so that no model has seen what it judges.

    A month that nothing lies before, or too little to learn from, is left out.
    """
    lake = the_lake()
    done: list[Materialized] = []
    for month in span:
        for industry in industries:
            present = lake.months(VALIDATED_READINGS, industry)
            before = [one for one in present if one < month]
            if not before or month not in present:
                continue
            try:
                train_all(industry, None, MonthRange(before[0], before[-1]), steps)
            except NothingToTrainError:
                continue
            steps.start(f"{industry} {month}", len(NIGHT_ASSETS))
            with reporting_runner(steps) as runner:
                done += runner.tables(NIGHT_ASSETS, {industry: MonthRange(month, month)}, choice={"model": "champion", "strict": True})
    return done


def _follow(
    runner: Runner, industries: Sequence[Industry], first: Month, cause: Sequence[Materialized], steps: Steps
) -> list[Materialized]:
    """Run the months from `first` on that became stale by the runs of `cause`, until none is: a change can travel month by month."""
    from ecoai_pipeline.detection.staleness import stale_months

    lake, settings = the_lake(), load_settings()
    ran = {made.partition.split("|")[0]: made.run_id for made in cause}
    done: list[Materialized] = []
    before: list[dict[Industry, MonthRange]] = []
    while True:
        todo = spans(Partition(one, month) for one in industries for month in stale_months(lake, settings, one) if month >= first)
        if not todo or todo == before:
            return done
        steps.start("months that follow", sum(partitions_in(one) for one in todo) * len(NIGHT_ASSETS))
        for one in todo:
            done += runner.tables(NIGHT_ASSETS, one, follow_up_of=ran.get(min(one)))
        before = todo
