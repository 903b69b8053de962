"""Runs of the same assets in this process, with the same records as runs that the daemon starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import RunFailureReason
from dagster._core.instance.ref import InstanceRef

from ecoai_pipeline.defs.build import build_definitions
from ecoai_pipeline.defs.event_log import in_batches, overrides
from ecoai_pipeline.defs.home import home_of
from ecoai_pipeline.defs.jobs import ASSETS_OF, DAY_TAG, FOLLOW_UP_TAG, INDUSTRY_TAG, KIND_TAG, TOLD_THE_NIGHT
from ecoai_pipeline.defs.partitions import model_tags, range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.defs.subjects import about, failed
from ecoai_pipeline.domain import Industry, MonthRange, Resolution
from ecoai_pipeline.settings import PROJECT


def prepare_home(root: Path) -> Path:
    """The home of a lake, made and configured if it is new."""
    home = home_of(root)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(PROJECT / "dagster_home" / "dagster.yaml", home / "dagster.yaml")
    return home


class RunFailedError(RuntimeError):
    """A run did not succeed; the message is what its failed steps said."""


@dataclass(frozen=True)
class Materialized:
    """What a run recorded of one partition of an asset."""

    asset: str
    partition: str
    metadata: dict[str, Any]
    run_id: str


class Runner:
    """Starts runs of the pipeline's assets on one lake."""

    def __init__(self, instance: dg.DagsterInstance, root: Path, kind: str) -> None:
        self._instance = instance
        self._kind = kind
        self._lakehouse = Lakehouse(root=str(root))
        self._lakehouse.lake()  # says before any run whether the lake holds months that have no partition
        self._definitions = build_definitions(self._lakehouse)

    def tables(
        self,
        assets: Sequence[str],
        todo: Mapping[Industry, MonthRange],
        *,
        day: str | None = None,
        choice: Mapping[str, Any] | None = None,
        follow_up_of: str | None = None,
    ) -> list[Materialized]:
        """Materialize tables of some industries, each over its own months.

        Neighbouring industries with the same months share a run, since starting one costs about a second. A run that fails
        is taken apart by industry and then by month: what was done is up to date, and a fault holds up nothing but its own
        month.

        Args:
            day: the night that is told of in the ledger of detections.
            choice: which model scores, as the asset `scores` is configured.
            follow_up_of: the run whose changes reach these months.

        Raises:
            RunFailedError: a step failed; all that could be done has been.
            ValueError: a month lies before the first partition.
        """
        for span in todo.values():
            self._lakehouse.settings().require_partitions_from(span.first, "months are asked for")
        ops = {**dict.fromkeys(TOLD_THE_NIGHT, {"day": day} if day else None), "scores": choice}
        config = {"ops": {name: {"config": dict(value)} for name, value in ops.items() if value and name in assets}}
        more = {**({DAY_TAG: day} if day else {}), **({FOLLOW_UP_TAG: follow_up_of} if follow_up_of else {})}
        done: list[Materialized] = []
        failures: list[str] = []
        waiting = groups(todo)
        while waiting:
            group, span = waiting.pop(0)
            try:
                tags = {**range_tags(group[0], span, group[-1]), INDUSTRY_TAG: ", ".join(group), **more}
                done += self.run(assets, tags, config)
            except RunFailedError as error:
                smaller = taken_apart(group, span)
                waiting = smaller + waiting
                failures += [] if smaller else [str(error)]
        if failures:
            raise RunFailedError("\n".join(failures))
        return done

    def models(self, industry: Industry, resolution: Resolution, months: str | None) -> Materialized:
        """Train one industry and resolution.

        Raises:
            RunFailedError: training failed.
        """
        return self.run(["models"], _of_model(industry, resolution), {"ops": {"models": {"config": {"months": months}}}})[0]

    def champions(self, industry: Industry, resolution: Resolution, **decision: Any) -> None:
        """Let the newest challenger be judged, or enter a person's decision; the registry tells what became of it.

        Raises:
            RunFailedError: a challenger was refused, or nothing could be decided.
        """
        self.run(["champions"], _of_model(industry, resolution), {"ops": {"champions": {"config": decision}}})

    def evaluation(self, name: str, request: Mapping[str, Any]) -> Materialized:
        """Judge detectors in one of the ways of `EVALUATIONS`.

        Raises:
            RunFailedError: there is nothing to judge on, or a piece of work failed.
        """
        config = {name: value for name, value in request.items() if value is not None}
        return self.run(["evaluation"], {"dagster/partition": name}, {"ops": {"evaluation": {"config": config}}})[0]

    def snapshot(self) -> Materialized:
        """Record tables and bundles in DVC; the root must be versioned.

        Raises:
            RunFailedError: the root could not be recorded; its tables are as they were.
        """
        return self.run(["snapshot"], {}, {})[0]

    def run(self, assets: Sequence[str], tags: Mapping[str, str], config: Mapping[str, Any]) -> list[Materialized]:
        """One run of some assets over the range of partitions in `tags`.

        Raises:
            RunFailedError: a step failed.
            KeyboardInterrupt: the user ended it, which Dagster records as a failure of the run and keeps to itself.
        """
        job = "nightly" if DAY_TAG in tags else next(name for name, all_of_it in ASSETS_OF.items() if set(assets) <= set(all_of_it))
        outcome = self._definitions.resolve_job_def(job).execute_in_process(
            # Everything is in the records; on the console only what needs a person.
            run_config={**config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            instance=self._instance,
            tags={KIND_TAG: self._kind, **tags},
            asset_selection=[dg.AssetKey(name) for name in assets],
            raise_on_error=False,
        )
        if not outcome.success:
            if _was_interrupted(outcome):
                raise KeyboardInterrupt
            raise RunFailedError("\n".join(_failures(outcome, about(tags))))
        return [_materialized(event, outcome.run_id) for event in outcome.get_asset_materialization_events()]


def _of_model(industry: Industry, resolution: Resolution) -> dict[str, str]:
    return {**model_tags(industry, resolution), INDUSTRY_TAG: industry.value}


def groups(todo: Mapping[Industry, MonthRange]) -> list[tuple[list[Industry], MonthRange]]:
    """Neighbouring industries with the same months, in the order of the partitions."""
    found: list[tuple[list[Industry], MonthRange]] = []
    order = list(Industry)
    for industry in (one for one in order if one in todo):
        if found and found[-1][1] == todo[industry] and order.index(found[-1][0][-1]) + 1 == order.index(industry):
            found[-1][0].append(industry)
        else:
            found.append(([industry], todo[industry]))
    return found


def taken_apart(group: Sequence[Industry], span: MonthRange) -> list[tuple[list[Industry], MonthRange]]:
    """The runs that a failed one is repeated as: its industries, else its months, else nothing."""
    if len(group) > 1:
        return [([one], span) for one in group]
    months = list(span)
    return [(list(group), MonthRange(month, month)) for month in months] if len(months) > 1 else []


def _was_interrupted(outcome: dg.ExecuteInProcessResult) -> bool:
    ends = [event.job_failure_data for event in outcome.all_events if event.event_type is dg.DagsterEventType.PIPELINE_FAILURE]
    return any(end.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION for end in ends)


def _failures(outcome: dg.ExecuteInProcessResult, subject: str) -> Iterator[str]:
    for event in outcome.all_events:
        if event.is_step_failure:
            stated, error = event.step_failure_data.user_failure_data, event.step_failure_data.error
            cause = (error.cause or error) if error else None
            line, frames = (cause.message, cause.stack) if cause else ("", ())
            described = (stated.description or "") if stated else ""
            yield failed(event.step_key or "run", subject, described, line, frames, outcome.run_id)


def _materialized(event: dg.DagsterEvent, run_id: str) -> Materialized:
    materialization = event.step_materialization_data.materialization
    metadata = {name: value.value for name, value in materialization.metadata.items()}
    return Materialized(materialization.asset_key.to_user_string(), str(materialization.partition), metadata, run_id)


@contextmanager
def runner(root: Path, kind: str = "ecoai") -> Iterator[Runner]:
    """A runner on the records of a lake, whose runs are tagged with `kind`; inside, DAGSTER_HOME names their home."""
    with instance_of(root) as instance:
        yield Runner(instance, root, kind)


@contextmanager
def instance_of(root: Path) -> Iterator[dg.DagsterInstance]:
    """The records of a lake; inside, DAGSTER_HOME names their home."""
    before = os.environ.get("DAGSTER_HOME")
    home = prepare_home(root).resolve()
    os.environ["DAGSTER_HOME"] = str(home)
    try:
        with in_batches(), dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=overrides(home))) as instance:
            yield instance
    finally:
        os.environ.pop("DAGSTER_HOME")
        if before is not None:
            os.environ["DAGSTER_HOME"] = before
