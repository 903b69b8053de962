"""Drift: what the last weeks have become beside what the models were trained on."""

import dagster as dg

from ecoai_pipeline.defs.assets.scores import scores
from ecoai_pipeline.defs.checks import drift as drift_check
from ecoai_pipeline.defs.layers import result, table_asset, work_through
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import DRIFT


@dg.asset(
    group_name="detection",
    deps=[scores],
    check_specs=[dg.AssetCheckSpec("no_drift", asset="drift", description="Loads and scores are still what the models were trained on.")],
    **table_asset(),
)
def drift(context: dg.AssetExecutionContext, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Distance of the last four weeks' loads and scores from the reference in the bundle, per meter and for all of them."""
    from ecoai_pipeline.detection.drift import materialize_drift

    worked = work_through(context, lakehouse, DRIFT, materialize_drift)
    return result(context, worked, lake=lakehouse.lake(), checks=[drift_check(worked.done)])
