"""Validated readings: every accepted reading, suspicious ones marked, with what the expectations found."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.assets.raw import raw_readings
from ecoai_pipeline.defs.checks import expectations, lateness
from ecoai_pipeline.defs.layers import Worked, partitions_of, result, table_asset, work_through
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import VALIDATED_READINGS

if TYPE_CHECKING:
    from ecoai_pipeline.settings import Settings
    from ecoai_pipeline.storage.lake import Lake


@dg.asset(
    group_name="readings",
    deps=[raw_readings],
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
    from ecoai_pipeline.quality.validate import Validating
    from ecoai_pipeline.reporting.plots import completeness_plot

    worked = work_through(context, lakehouse, VALIDATED_READINGS, Validating(partitions_of(context)))
    lake, settings = lakehouse.lake(), lakehouse.settings()
    pages = _pages(context, lake, settings, worked)
    checks = [*expectations(lake, worked.done), lateness(lake, settings, worked.done)]
    return result(context, worked, lake=lake, plot=completeness_plot, checks=checks, extra=pages)


def _pages(context: dg.AssetExecutionContext, lake: "Lake", settings: "Settings", worked: Worked) -> dict[str, Any]:
    """Write what people read of the run: a report per partition, and the Data Docs of what it validated.

    The tables stand without them, so what fails here is told and holds up nothing.
    """
    from ecoai_pipeline.quality.docs import build_docs
    from ecoai_pipeline.reporting.data_quality import write_reports

    fresh, now = [d.partition for d in worked.done if not d.written.skipped], datetime.now(UTC)
    try:
        for partition, place in write_reports(lake, settings, fresh, now).items():
            context.add_asset_metadata({"report": dg.MetadataValue.path(place)}, partition_key=partition.key)
        site = build_docs(lake, settings.quality, fresh, context.run.run_id, now)
    except Exception as error:
        context.log.exception("pages about the quality of readings")
        return {"run_docs": f"could not be built: {type(error).__name__}: {error}"}
    return {"run_docs": dg.MetadataValue.path(str(site))} if site else {}
