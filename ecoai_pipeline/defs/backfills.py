"""Backfills as one run per industry, and runs of the UI under the limit of one run per industry.

`dagster.yaml` names the run coordinator of this file, so that the daemon imports it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagster import DagsterRun, MultiPartitionsDefinition, PartitionKeyRange, QueuedRunCoordinator, SubmitRunContext
from dagster._core.definitions.partitions.subset.default import DefaultPartitionsSubset

from ecoai_pipeline.defs.jobs import INDUSTRY_TAG, KIND_TAG
from ecoai_pipeline.defs.subjects import RANGE_END, RANGE_START

if TYPE_CHECKING:
    from dagster import PartitionsDefinition

_INDUSTRY = "industry"
_ranges = DefaultPartitionsSubset.get_partition_key_ranges


def _ranges_by_industry(subset: DefaultPartitionsSubset, partitions_def: PartitionsDefinition) -> Sequence[PartitionKeyRange]:
    """Ranges of consecutive months, each of one industry.

    Dagster groups by the dimension with fewer different keys. In a backfill of fewer months than industries these are the months:
    each run then covers several industries, two runs of one industry start at once, and a month may be made before the one that it
    looks into. No public setting chooses the dimension; the release of dagster is pinned exactly.
    """
    if not isinstance(partitions_def, MultiPartitionsDefinition) or _INDUSTRY not in partitions_def.partition_dimension_names:
        return _ranges(subset, partitions_def)
    industries = partitions_def.get_partitions_def_for_dimension(_INDUSTRY).get_partition_keys()
    wanted = {partitions_def.get_partition_key_from_str(key).keys_by_dimension[_INDUSTRY] for key in subset.subset}
    found: list[PartitionKeyRange] = []
    for industry in (one for one in industries if one in wanted):
        found.extend(subset.get_ranges_for_keys(partitions_def.get_multipartition_keys_with_dimension_value(_INDUSTRY, industry)))
    return found


DefaultPartitionsSubset.get_partition_key_ranges = _ranges_by_industry  # type: ignore[method-assign, assignment]


class IndustryRunCoordinator(QueuedRunCoordinator):
    """The queue of runs, which gives runs of the UI the tags that the queue's limits and the Runs page need."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        run = context.dagster_run
        missing = {name: value for name, value in tags_of(run).items() if name not in run.tags}
        if missing:
            self._instance.add_run_tags(run.run_id, missing)
        return super().submit_run(context)


def tags_of(run: DagsterRun) -> dict[str, str]:
    """What a run is, by the partitions and the backfill that Dagster's own tags name."""
    first, last = (run.tags.get(name, run.tags.get("dagster/partition", "")) for name in (RANGE_START, RANGE_END))
    industries = {key.split("|")[0] for key in (first, last) if "|" in key}
    kind = "backfill" if "dagster/backfill" in run.tags else "by hand"
    return {KIND_TAG: kind, **({INDUSTRY_TAG: industries.pop()} if len(industries) == 1 else {})}
