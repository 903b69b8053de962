"""Evaluation: detectors judged on labelled or injected anomalies, apart from the tables of the lake."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.partitions import evaluations
from ecoai_pipeline.defs.resources import Lakehouse

if TYPE_CHECKING:
    from ecoai_pipeline.evaluation.request import Told


class EvaluationRequest(dg.Config):
    """What to judge on what, as the options of `ecoai evaluate`; without paths, public data in ECOAI_REAL_DATA."""

    paths: list[str] | None = None
    data: list[str] | None = None
    labels: str | None = None
    options: dict[str, Any] | None = None
    detectors: list[str] | None = None
    seeds: int | None = None
    knobs: list[str] | None = None
    protocols: list[str] | None = None
    lang: str | None = None
    jobs: int | None = None


class _Log:
    """Progress for the log of a run."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context

    def start(self, what: str, total: int) -> None:
        self._context.log.info(f"{what}: {total}")

    def done(self, what: str | None = None) -> None:
        self._context.log.debug(what or "done")


_listeners: "list[Told]" = []


@contextmanager
def telling(told: "Told") -> Iterator[None]:
    """Tell `told` of the progress of evaluations that this process runs."""
    _listeners.append(told)
    try:
        yield
    finally:
        _listeners.remove(told)


@dg.asset(group_name="evaluation", partitions_def=evaluations, kinds={"torch", "scikitlearn"})
def evaluation(context: dg.AssetExecutionContext, config: EvaluationRequest, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Every detector beside simple references on data with known anomalies: ranking, alarms at the budget, wins and losses."""
    from ecoai_pipeline.evaluation.request import Request
    from ecoai_pipeline.reporting.evaluation import make_report, write_report
    from ecoai_pipeline.reporting.figures import as_markdown

    request = Request.model_validate({name: value for name, value in config.model_dump().items() if value is not None})
    cache, folder = lakehouse.lake().evaluations
    report = make_report(context.partition_key, request, lakehouse.settings(), cache, _listeners[-1] if _listeners else _Log(context))
    files = write_report(folder, report)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(report.document["rows"]),
            "summary": dg.MetadataValue.md(report.summary),
            "files": dg.MetadataValue.json([str(file) for file in files]),
            **{title: dg.MetadataValue.md(as_markdown(png, title)) for title, png in report.pictures.items()},
        }
    )
