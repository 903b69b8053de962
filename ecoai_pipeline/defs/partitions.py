"""How tables and models are partitioned and how partitions of one lead to those of another.

Only Dagster's view of the partitions belongs here; their meaning is in `domain`.
"""

from __future__ import annotations

import dagster as dg

from ecoai_pipeline.domain import EVALUATIONS, FIRST_MONTH, Industry, MonthRange, Partition, Resolution

TIME_ZONE = "Asia/Seoul"

months = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH.key, timezone=TIME_ZONE, end_offset=1)
industries = dg.StaticPartitionsDefinition([industry.value for industry in Industry])
resolutions = dg.StaticPartitionsDefinition([resolution.value for resolution in Resolution])

evaluations = dg.StaticPartitionsDefinition(list(EVALUATIONS))

industry_month = dg.MultiPartitionsDefinition({"industry": industries, "month": months})
industry_resolution = dg.MultiPartitionsDefinition({"industry": industries, "resolution": resolutions})

_same_industry = dg.DimensionPartitionMapping("industry", dg.IdentityPartitionMapping())

# A month looks into the month before it: runs, differences, windows and open events cross the edge.
with_month_before = dg.MultiPartitionMapping(
    {
        "industry": _same_industry,
        "month": dg.DimensionPartitionMapping(
            "month", dg.TimeWindowPartitionMapping(start_offset=-1, allow_nonexistent_upstream_partitions=True)
        ),
    }
)
# Months and resolutions share the industry alone. Left to itself Dagster infers an identity between the two,
# which passes in direct runs and fails in every backfill through the daemon.
all_of_the_industry = dg.MultiPartitionMapping({"industry": _same_industry})


def range_tags(first: Industry, span: MonthRange, last: Industry | None = None) -> dict[str, str]:
    """Tags that make a run cover all months of a span at once, for one industry or for all from `first` to `last`."""
    return _range(Partition(first, span.first).key, Partition(last or first, span.last).key)


def model_tags(industry: Industry, resolution: Resolution) -> dict[str, str]:
    """Tags that make a run cover the models of one industry and resolution."""
    key = f"{industry}|{resolution}"
    return _range(key, key)


def _range(first: str, last: str) -> dict[str, str]:
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
