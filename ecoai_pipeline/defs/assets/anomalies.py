"""Anomalies: the nightly table of events, and the ledger of what each night saw."""

from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from ecoai_pipeline.defs.assets.scores import scores
from ecoai_pipeline.defs.checks import alarm_budget
from ecoai_pipeline.defs.layers import Done, result, table_asset, work_through
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import ANOMALIES


class Night(dg.Config):
    """The day that a nightly run is about; without it no detections are recorded."""

    day: str | None = None


@dg.asset(
    group_name="detection",
    deps=[scores],
    check_specs=[dg.AssetCheckSpec("alarm_budget", asset="anomalies", description="Energy events per meter-month stay near the budget.")],
    **table_asset(),
)
def anomalies(context: dg.AssetExecutionContext, config: Night, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Events with kind, start, end and energy; one that crosses a month's end has a row in each month."""
    from ecoai_pipeline.detection.anomalies import figures, materialize_anomalies
    from ecoai_pipeline.detection.revisions import revisions_since
    from ecoai_pipeline.reporting.plots import events_plot

    began = datetime.now(UTC)
    worked = work_through(context, lakehouse, ANOMALIES, materialize_anomalies)
    lake, budget = lakehouse.lake(), lakehouse.settings().detection.budget_per_meter_month
    for done in worked.done:
        found = figures(lake, done.partition)
        paid = {f"cost_{currency}": cost for currency, cost in found.cost.items()}
        told = {**vars(found), **paid, "meters": done.written.info.meters, "meters_scored": found.meters, "budget": budget * found.meters}
        del told["cost"]
        context.add_asset_metadata(told, partition_key=done.partition.key)
    extra = _record_night(context, lakehouse, config.day, worked.done) if config.day else {}
    extra["revised"] = dg.MetadataValue.json(revisions_since(lake, began))
    return result(context, worked, lake=lake, plot=events_plot, checks=[alarm_budget(lake, lakehouse.settings(), worked.done)], extra=extra)


def _record_night(context: dg.AssetExecutionContext, lakehouse: Lakehouse, day: str, done: list[Done]) -> dict[str, Any]:
    from ecoai_pipeline.detection.night import record_detections

    lake, top = lakehouse.lake(), lakehouse.settings().detection.top_per_site
    counts: dict[str, int] = {}
    held_back: dict[str, int] = {}
    for industry in sorted({d.partition.industry for d in done}):
        run = record_detections(lake, industry, date.fromisoformat(day), context.run.run_id, datetime.now(UTC), top_per_site=top)
        counts[industry.value] = len(run.detections)
        held_back[industry.value] = sum(not one.shown for one in run.detections)
    return {"day": day, "detections": dg.MetadataValue.json(counts), "held_back": dg.MetadataValue.json(held_back)}
