"""Where the month before of a partition's meters lies, since a meter may have changed its industry."""

from __future__ import annotations

from ecoai_pipeline.domain import Partition
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry


def partitions_before(lake: Lake, partition: Partition) -> list[Partition]:
    """Partitions of the month before that hold meters which belong to this partition, its own industry's among them."""
    registry, before = MeterRegistry(lake), partition.month.previous
    then = (registry.at(meter_id, before) for meter_id in registry.of(partition.industry, partition.month))
    industries = {partition.industry, *(meter.industry for meter in then if meter)}
    return [Partition(industry, before) for industry in sorted(industries)]
