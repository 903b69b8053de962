"""Scores: how strange each interval is, by the champion as of the month."""

from typing import TYPE_CHECKING

import dagster as dg

from ecoai_pipeline.defs.assets.champions import champions
from ecoai_pipeline.defs.assets.features import features
from ecoai_pipeline.defs.checks import hindsight
from ecoai_pipeline.defs.layers import result, table_asset, work_through
from ecoai_pipeline.defs.partitions import all_of_the_industry
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import SCORES, Partition

if TYPE_CHECKING:
    from ecoai_pipeline.settings import Settings
    from ecoai_pipeline.storage.lake import Lake, Written


class Choice(dg.Config):
    """Which model scores, as for `ecoai backfill --model`: `champion`, or a version; without it a month keeps what it had.

    `strict` refuses models that saw data from after the month's start, whatever params.yaml says.
    """

    model: str | None = None
    strict: bool = False


@dg.asset(
    group_name="detection",
    deps=[
        features,
        dg.AssetDep(champions, partition_mapping=all_of_the_industry),
    ],
    check_specs=[dg.AssetCheckSpec("no_hindsight", asset="scores", description="The model was trained on data from before the month.")],
    **table_asset(),
)
def scores(context: dg.AssetExecutionContext, config: Choice, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Every interval of the month scored, with the tail probability of each detector and of all of them together."""
    from ecoai_pipeline.detection.scoring import materialize_scores
    from ecoai_pipeline.reporting.plots import scores_plot

    def stage(lake: "Lake", settings: "Settings", partition: Partition) -> "Written":
        return materialize_scores(lake, settings.strictly() if config.strict else settings, partition, config.model)

    worked = work_through(context, lakehouse, SCORES, stage)
    return result(context, worked, lake=lakehouse.lake(), plot=scores_plot, checks=[hindsight(worked.done)])
