"""How tables and models are partitioned and how partitions of one lead to those of another.

Only Dagster's view of the partitions belongs here; their meaning is in `domain`.
"""

from __future__ import annotations

import dagster as dg

from ecoai_pipeline.defs.subjects import RANGE_END, RANGE_START
from ecoai_pipeline.domain import EVALUATIONS, Industry, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.settings import EARLIEST_MONTH

# A month exists as soon as it has begun anywhere, and Kiritimati is first. Which month a reading belongs to depends on its meter's zone.
_EARLIEST_ZONE = "Pacific/Kiritimati"

industries = dg.StaticPartitionsDefinition([industry.value for industry in Industry])
resolutions = dg.StaticPartitionsDefinition([resolution.value for resolution in Resolution])

evaluations = dg.StaticPartitionsDefinition(list(EVALUATIONS))


def industry_month(first: Month) -> dg.MultiPartitionsDefinition:
    """The partitions of all tables: each industry in each month from `first` to the current one."""
    months = dg.MonthlyPartitionsDefinition(start_date=first.key, timezone=_EARLIEST_ZONE, end_offset=1)
    return dg.MultiPartitionsDefinition({"industry": industries, "month": months})


# Tables depend on each other by Dagster's own identity mapping, although a month also looks into the month before it. A mapping that
# says so makes the daemon split a backfill into one run per table, and each table adds a month to the range. Later months that a
# change reaches have runs of their own: see the sensor `follow_ups`.
#
# Assets are declared over all months that there can be; `build_definitions` lets them start at the parameter `first_month`.
every_month = industry_month(EARLIEST_MONTH)
industry_resolution = dg.MultiPartitionsDefinition({"industry": industries, "resolution": resolutions})

_same_industry = dg.DimensionPartitionMapping("industry", dg.IdentityPartitionMapping())

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
    return {RANGE_START: first, RANGE_END: last}
