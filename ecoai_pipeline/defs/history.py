"""What runs have made: of which tables and models the records of Dagster tell, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.jobs import ASSETS_OF
from ecoai_pipeline.domain import NIGHT_ASSETS, Industry, Month, Partition

if TYPE_CHECKING:
    from ecoai_pipeline.reporting.night.contents import Ran

# What a snapshot records: assets, and the folder that each lies in.
RECORDED = {**{name: name for name in NIGHT_ASSETS}, "models": "models", "champions": "ledgers/models"}
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def runs_since(instance: dg.DagsterInstance, moment: datetime | None) -> dict[str, str]:
    """Ended runs of recorded assets since a moment, as `id: what it was to make`, oldest first."""
    found = instance.get_run_records(dg.RunsFilter(statuses=_ENDED, updated_after=moment), order_by="update_timestamp", ascending=True)
    return {one.dagster_run.run_id: made for one in found if (made := made_by(one.dagster_run))}


def last_ran(instance: dg.DagsterInstance, industries: Iterable[Industry], month: Month) -> list[Ran]:
    """What was last materialized of the tables of some industries in a month, and how long it took."""
    from ecoai_pipeline.reporting.night.contents import Ran

    def ran(asset: str, partition: Partition) -> Ran | None:
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[partition.key])
        for record in instance.fetch_materializations(wanted, limit=1).records:
            if record.asset_materialization:
                told: dict[str, Any] = {name: value.value for name, value in record.asset_materialization.metadata.items()}
                return Ran(asset, str(partition), str(told.get("outcome", "–")), float(told.get("seconds", 0)))
        return None

    partitions = [Partition(industry, month) for industry in industries]
    found = [ran(asset, partition) for partition in partitions for asset in NIGHT_ASSETS]
    return [one for one in found if one]


def made_by(run: dg.DagsterRun) -> str:
    """The recorded assets that a run was to make, and of what partitions; empty where it makes none of them."""
    selected = {key.to_user_string() for key in run.asset_selection or ()} or set(ASSETS_OF.get(run.job_name, ()))
    assets = [asset for asset in RECORDED if asset in selected]
    first, last = (run.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    where = f"{first} to {last}" if first else run.tags.get("dagster/partition", "all")
    return f"{', '.join(assets)} of {where}" if assets else ""
