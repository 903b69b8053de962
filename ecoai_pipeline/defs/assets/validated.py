"""Validated readings: every accepted reading, suspicious ones marked, with what the expectations found."""

import dagster as dg

from ecoai_pipeline.defs.assets.raw import raw_readings
from ecoai_pipeline.defs.checks import expectations, lateness
from ecoai_pipeline.defs.layers import result, table_asset, work_through
from ecoai_pipeline.defs.partitions import with_month_before
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import VALIDATED_READINGS


@dg.asset(
    group_name="readings",
    deps=[dg.AssetDep(raw_readings, partition_mapping=with_month_before)],
    check_specs=[
        dg.AssetCheckSpec(
            "readings_are_sound",
            asset="validated_readings",
            blocking=True,
            description="Expectations that only a fault of the pipeline or a damaged lake can fail: schema, uniqueness, closed lists.",
        ),
        dg.AssetCheckSpec(
            "data_is_complete",
            asset="validated_readings",
            description="Expectations that a provider's data can fail: completeness per day, runs, regularity, range.",
        ),
        dg.AssetCheckSpec(
            "lateness",
            asset="validated_readings",
            description="Every meter's readings of the days that were due by the industry's usual delay have come.",
        ),
    ],
    **table_asset(),
)
def validated_readings(context: dg.AssetExecutionContext, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """All raw readings, suspicious ones marked with their rules; the suites' results lie beside the partition."""
    from ecoai_pipeline.quality.validate import materialize_validated
    from ecoai_pipeline.reporting.plots import completeness_plot

    worked = work_through(context, lakehouse, VALIDATED_READINGS, materialize_validated)
    lake = lakehouse.lake()
    checks = [*expectations(lake, worked.done), lateness(lake, lakehouse.settings(), worked.done)]
    return result(context, worked, lake=lake, plot=completeness_plot, checks=checks)
