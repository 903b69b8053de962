"""What runs have made: of which tables and models the records of Dagster tell, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.jobs import ASSETS_OF, FOLLOW_UP_TAG
from ecoai_pipeline.defs.subjects import RANGE_END, RANGE_START
from ecoai_pipeline.domain import ANOMALIES, NIGHT_ASSETS, Industry, Month, Partition

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


@dataclass(frozen=True)
class Cause:
    """A run that made events: its own name or that of its backfill, and when it ended (seconds since 1970)."""

    name: str
    ended: float


def causes(instance: dg.DagsterInstance) -> dict[Partition, Cause]:
    """The last run that made events, by the last month that it was asked for; a follow-up names the run that it follows."""
    found: dict[Partition, Cause] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=_ENDED), limit=100):  # they reach back over the whole night
        run, ended = record.dagster_run, record.end_time or 0.0
        first, last = (run.tags.get(name, run.tags.get("dagster/partition", "")) for name in (RANGE_START, RANGE_END))
        if ANOMALIES.name not in _assets_of(run) or "|" not in first:
            continue
        start, end, order = Partition.parse(first), Partition.parse(last), list(Industry)
        name = run.tags.get(FOLLOW_UP_TAG) or run.tags.get("dagster/backfill") or run.run_id
        for industry in order[order.index(start.industry) : order.index(end.industry) + 1]:
            found.setdefault(Partition(industry, end.month), Cause(name, ended))
    return found


def _assets_of(run: dg.DagsterRun) -> set[str]:
    return {key.to_user_string() for key in run.asset_selection or ()} or set(ASSETS_OF.get(run.job_name, ()))


def made_by(run: dg.DagsterRun) -> str:
    """The recorded assets that a run was to make, and of what partitions; empty where it makes none of them."""
    selected = _assets_of(run)
    assets = [asset for asset in RECORDED if asset in selected]
    first, last = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
    where = f"{first} to {last}" if first else run.tags.get("dagster/partition", "all")
    return f"{', '.join(assets)} of {where}" if assets else ""
