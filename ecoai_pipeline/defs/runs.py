"""Runs of the same assets in this process, with the same records as runs that the daemon starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from ecoai_pipeline.defs.build import build_definitions
from ecoai_pipeline.defs.partitions import model_tags, range_tags
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import Industry, MonthRange, Resolution
from ecoai_pipeline.settings import PROJECT


def home_of(root: Path) -> Path:
    """Where Dagster keeps the records of a lake: DAGSTER_HOME if set, the project's own home for the project's lake,
    else a home inside the root, so that two lakes never share their records."""
    if os.environ.get("DAGSTER_HOME"):
        return Path(os.environ["DAGSTER_HOME"])
    return PROJECT / "dagster_home" if root.resolve() == PROJECT / "data" else root.resolve() / "dagster_home"


def prepare_home(root: Path) -> Path:
    """The home of a lake, made and configured if it is new."""
    home = home_of(root)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(PROJECT / "dagster_home" / "dagster.yaml", home / "dagster.yaml")
    return home


class RunFailedError(RuntimeError):
    """A run did not succeed; the message is what its failed steps said."""


class Runner:
    """Starts runs of the pipeline's assets on one lake."""

    def __init__(self, instance: dg.DagsterInstance, root: Path) -> None:
        self._instance = instance
        self._job = build_definitions(Lakehouse(root=str(root))).resolve_implicit_global_asset_job_def()

    def tables(self, assets: Sequence[str], industry: Industry, span: MonthRange, *, day: str | None = None) -> dict[str, dict[str, Any]]:
        """Materialize tables of an industry over months; returns the metadata of each asset.

        Raises:
            RunFailedError: a step failed.
        """
        config = {"ops": {"anomalies": {"config": {"day": day}}}} if "anomalies" in assets and day else {}
        return self._run(assets, range_tags(industry, span), config)

    def models(self, industry: Industry, resolution: Resolution, months: str | None) -> dict[str, dict[str, Any]]:
        """Train one industry and resolution; returns the metadata of the asset.

        Raises:
            RunFailedError: training failed.
        """
        return self._run(["models"], model_tags(industry, resolution), {"ops": {"models": {"config": {"months": months}}}})

    def _run(self, assets: Sequence[str], tags: dict[str, str], config: dict[str, Any]) -> dict[str, dict[str, Any]]:
        outcome = self._job.execute_in_process(
            # Everything is in the records; on the console only what needs a person.
            run_config={**config, "loggers": {"console": {"config": {"log_level": "WARNING"}}}},
            instance=self._instance,
            tags=tags,
            asset_selection=[dg.AssetKey(name) for name in assets],
            raise_on_error=False,
        )
        if not outcome.success:
            raise RunFailedError("\n".join(_failures(outcome)))
        events = outcome.get_asset_materialization_events()
        return {event.asset_key.to_user_string(): _plain(event) for event in events if event.asset_key}


def _failures(outcome: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in outcome.all_events:
        if event.is_step_failure:
            told, error = event.step_failure_data.user_failure_data, event.step_failure_data.error
            cause = (error.cause or error).message.strip() if error else "failed"
            yield f"{event.step_key}: {told.description if told else cause}"


def _plain(event: dg.DagsterEvent) -> dict[str, Any]:
    return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}


@contextmanager
def runner(root: Path) -> Iterator[Runner]:
    """A runner on the records of a lake."""
    os.environ["DAGSTER_HOME"] = str(prepare_home(root))
    with dg.DagsterInstance.get() as instance:
        yield Runner(instance, root)
