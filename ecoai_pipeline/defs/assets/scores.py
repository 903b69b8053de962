"""Scores: how strange each interval is, by the champion as of the month."""

import dagster as dg

from ecoai_pipeline.defs.assets.features import features
from ecoai_pipeline.defs.assets.models import models
from ecoai_pipeline.defs.checks import hindsight
from ecoai_pipeline.defs.layers import result, table_asset, work_through
from ecoai_pipeline.defs.partitions import all_of_the_industry, with_month_before
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import SCORES


@dg.asset(
    group_name="detection",
    deps=[
        dg.AssetDep(features, partition_mapping=with_month_before),
        dg.AssetDep(models, partition_mapping=all_of_the_industry),
    ],
    check_specs=[dg.AssetCheckSpec("no_hindsight", asset="scores", description="The model was trained on data from before the month.")],
    **table_asset(),
)
def scores(context: dg.AssetExecutionContext, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Every interval of the month scored, with the tail probability of each detector and of all of them together."""
    from ecoai_pipeline.detection.scoring import materialize_scores
    from ecoai_pipeline.reporting.plots import scores_plot

    worked = work_through(context, lakehouse, SCORES, materialize_scores)
    return result(context, worked, lake=lakehouse.lake(), plot=scores_plot, checks=[hindsight(worked.done)])
