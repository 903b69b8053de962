"""Who is late: what an industry's meters had been expected to have read and sent by now, and what has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.domain import VALIDATED_READINGS, Month, Partition
from ecoai_pipeline.quality.summary import day_start
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry


@dataclass(frozen=True)
class Late:
    """A meter whose readings end at `reached` although they were due until `due` (UTC)."""

    meter_id: str
    reached: datetime
    due: datetime

    @property
    def hours(self) -> float:
        return (self.due - self.reached).total_seconds() / 3600


@dataclass(frozen=True)
class Arrival:
    """How far the readings of a partition have come: the meters that are late, the longest first, and those that are not due."""

    late: tuple[Late, ...]
    pending: int


def arrival(lake: Lake, settings: Settings, partition: Partition, now: datetime) -> Arrival:
    """Compare what has come of a month with what was due by `now`.

    Due are the meter's local days that ended longer ago than the industry's readings usually take. Looked at are meters of
    the industry with readings in the month or the month before; what fell silent earlier is no longer waited for. A meter
    whose last day is not due yet is pending.
    """
    delay = timedelta(hours=settings.quality.late_after(partition.industry))
    meters = MeterRegistry(lake).of(partition.industry, partition.month)
    reached = _reached(lake, partition, meters)
    late: list[Late] = []
    pending = 0
    for meter_id, meter in meters.items():
        if meter_id not in reached:
            continue
        due, over = day_start(_due_day(meter.time_zone, partition.month, now - delay), meter.time_zone), reached[meter_id]
        if over < due:
            late.append(Late(meter_id, over, due))
        pending += over >= due and over < day_start(_due_day(meter.time_zone, partition.month, now), meter.time_zone)
    return Arrival(tuple(sorted(late, key=lambda one: (one.reached - one.due, one.meter_id))), pending)


def _due_day(zone: str, month: Month, until: datetime) -> date:
    """The local day at whose start all readings of the days before are due."""
    return min(until.astimezone(ZoneInfo(zone)).date(), month.next.first_day)


def _reached(lake: Lake, partition: Partition, meters: Iterable[str]) -> dict[str, datetime]:
    """End of the last reading of each meter in the month, UTC; of meters without one, that in the month before."""
    reached = _ends(lake.scan(VALIDATED_READINGS, partition))
    if silent := [meter_id for meter_id in meters if meter_id not in reached]:
        reached |= _ends(lake.scan(VALIDATED_READINGS, Partition(partition.industry, partition.month.previous), silent))
    return reached


def _ends(readings: pl.LazyFrame) -> dict[str, datetime]:
    end = pl.col("timestamp") + pl.duration(seconds=pl.col("interval_s"))
    last = readings.filter(pl.col("kwh").is_not_null()).group_by("meter_id").agg(end.max()).collect()
    return dict(last.iter_rows())
