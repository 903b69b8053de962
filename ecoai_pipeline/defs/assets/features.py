"""Features: the regular grid with gaps filled, differences, calendar, and the periods of each meter."""

import dagster as dg

from ecoai_pipeline.defs.assets.validated import validated_readings
from ecoai_pipeline.defs.layers import result, table_asset, work_through
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import FEATURES


@dg.asset(
    group_name="features",
    deps=[validated_readings],
    **table_asset(),
)
def features(context: dg.AssetExecutionContext, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Each meter's regular grid: imputed energy, mask, first difference, calendar; spectra lie beside it."""
    from ecoai_pipeline.features.build import materialize_features
    from ecoai_pipeline.reporting.plots import spectrum_plot

    worked = work_through(context, lakehouse, FEATURES, materialize_features)
    return result(context, worked, lake=lakehouse.lake(), plot=spectrum_plot)
