"""Raw readings: what the newest statements say, by industry and month."""

import dagster as dg

from ecoai_pipeline.defs.layers import result, table_asset, work_through
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import RAW_READINGS


@dg.asset(group_name="readings", **table_asset())
def raw_readings(context: dg.AssetExecutionContext, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Readings as the newest of all landed statements give them; a pure function of landing and the meter registry."""
    from ecoai_pipeline.reporting.plots import raw_plot
    from ecoai_pipeline.sources.raw import materialize_raw

    worked = work_through(context, lakehouse, RAW_READINGS, materialize_raw)
    return result(context, worked, lake=lakehouse.lake(), plot=raw_plot)
