"""Models: one sealed bundle per detector, industry and resolution, and the champion that scores are made with."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.assets.features import features
from ecoai_pipeline.defs.partitions import all_of_the_industry, industry_resolution
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import FEATURES, Industry, Month, MonthRange, Resolution

if TYPE_CHECKING:
    from ecoai_pipeline.detection.training import TrainingOutcome


class TrainingSpan(dg.Config):
    """Months to train on; without them all features up to the start of the last month present."""

    months: str | None = None


@dg.asset(
    group_name="models",
    partitions_def=industry_resolution,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[dg.AssetDep(features, partition_mapping=all_of_the_industry)],
    kinds={"torch"},
)
def models(context: dg.AssetExecutionContext, config: TrainingSpan, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Detectors fitted and calibrated on a span of months; immutable, and entered into the registry."""
    from ecoai_pipeline.detection.model import card_of
    from ecoai_pipeline.detection.training import train
    from ecoai_pipeline.reporting.plots import training_plot
    from ecoai_pipeline.storage.bundles import Bundles

    lake, settings = lakehouse.lake(), lakehouse.settings()
    summaries: dict[str, Any] = {}
    figure = None
    for key in sorted(str(key) for key in context.partition_keys):
        industry, resolution = (Industry(key.split("|")[0]), Resolution(key.split("|")[1]))
        months = _span(config, lake.months(FEATURES, industry))
        if months is None:
            summaries[key] = {"meters": 0, "note": "no month of features lies before the last one present"}
            continue
        with lake.lock(industry):
            outcome = train(lake, settings, industry, resolution, months)
        summaries[key] = _summary(outcome, months)
        shown = {name: _shown(value) for name, value in summaries[key].items()}
        card = {"card": dg.MetadataValue.md(card_of(Bundles(lake), outcome.record))} if outcome.record else {}
        context.add_asset_metadata({**shown, **card}, partition_key=key)
        figure = training_plot(outcome.metrics) or figure
    if not summaries:
        raise dg.Failure("the run covers no partition: its range ends before it starts; swap the two ends")
    return dg.MaterializeResult(metadata={"bundles": dg.MetadataValue.json(summaries), **_plot(figure)})


def _summary(outcome: "TrainingOutcome", months: MonthRange) -> dict[str, Any]:
    record = outcome.record
    return {
        "outcome": outcome.reason,
        "months": str(months),
        "meters": record.meters if record else 0,
        "version": record.version if record else None,
        "members": record.members if record else {},
        "left_out": dict(outcome.left_out),
        **({"backtest": outcome.metrics["backtest"], "weights": outcome.metrics["weights"]} if record else {}),
        "metrics": dict(outcome.metrics),
    }


def _shown(value: Any) -> Any:
    return dg.MetadataValue.json(value) if isinstance(value, dict) else value


def _span(config: TrainingSpan, present: list[Month]) -> MonthRange | None:
    if config.months:
        return MonthRange.parse(config.months)
    return MonthRange(present[0], present[-2]) if len(present) > 1 else None


def _plot(figure: bytes | None) -> dict[str, Any]:
    from ecoai_pipeline.reporting.figures import as_markdown

    return {"plot": dg.MetadataValue.md(as_markdown(figure, "training curve"))} if figure else {}
