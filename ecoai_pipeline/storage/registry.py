"""The meter registry: what was known of a meter from which day on, appended to and never rewritten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from ecoai_pipeline.domain import Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.ledger import Ledger

_LAST = Month(9999, 12)


class MeterRow(BaseModel):
    """A row of the registry as it is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meter_id: str
    industry: Industry
    usage_type: UsageType
    time_zone: str
    signed: bool
    valid_from: date
    capacity_kw: float | None = None
    site: str | None = None
    region: str | None = None

    def meter(self) -> Meter:
        return Meter(**self.model_dump())


class RegistryEntry(BaseModel):
    """Meters that one file made known, or knew better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    registered_at: datetime
    meters: list[MeterRow]


class MeterRegistry:
    """The registry as of now: per meter its rows by `valid_from`, the newest entry winning for one day."""

    def __init__(self, lake: Lake) -> None:
        self._ledger = Ledger(lake.root / "ledgers" / "meters", RegistryEntry)
        self._rows: dict[str, dict[date, Meter]] = {}
        for _, entry in self._ledger.read():
            self._take(row.meter() for row in entry.meters)

    def _take(self, meters: Iterable[Meter]) -> None:
        for meter in meters:
            self._rows.setdefault(meter.meter_id, {})[meter.valid_from] = meter

    def register(self, meters: Iterable[Meter], *, origin: str, at: datetime) -> list[Meter]:
        """Append the rows that say something new and return them."""
        fresh = [meter for meter in meters if self._rows.get(meter.meter_id, {}).get(meter.valid_from) != meter]
        if fresh:
            rows = [MeterRow(**asdict(meter)) for meter in fresh]
            self._ledger.append(RegistryEntry(origin=origin, registered_at=at, meters=rows))
            self._take(fresh)
        return fresh

    def at(self, meter_id: str, month: Month) -> Meter | None:
        """What holds of a meter in a month: the row in force on its first day, else the earliest one.

        Its zone is that of the newest row in every month: by two zones the months of a meter would overlap or leave a gap.
        """
        rows = self._rows.get(meter_id)
        if not rows:
            return None
        in_force = [day for day in rows if day <= month.first_day]
        return replace(rows[max(in_force) if in_force else min(rows)], time_zone=rows[max(rows)].time_zone)

    def home_zone(self, meter_id: str) -> str | None:
        """The time zone that a meter's days and months are those of, as its newest row has it; none where it is unknown."""
        known = self.at(meter_id, _LAST)
        return known.time_zone if known else None

    def zones_of(self, before: Mapping[str, str]) -> dict[str, str]:
        """By which zones the months of some meters are to be cut now, where they were cut by those of `before`."""
        return {name: self.home_zone(name) or zone for name, zone in before.items()}

    def of(self, industry: Industry, month: Month) -> dict[str, Meter]:
        """Meters that belong to an industry in a month, by id."""
        found = {meter_id: self.at(meter_id, month) for meter_id in sorted(self._rows)}
        return {meter_id: meter for meter_id, meter in found.items() if meter and meter.industry == industry}

    def partitions_before(self, partition: Partition) -> list[Partition]:
        """Partitions of the month before that hold the meters of this one: its own industry's, and those that meters moved from."""
        before = partition.month.previous
        then = (self.at(meter_id, before) for meter_id in self.of(partition.industry, partition.month))
        industries = {partition.industry, *(meter.industry for meter in then if meter)}
        return [Partition(industry, before) for industry in sorted(industries)]

    def __contains__(self, meter_id: str) -> bool:
        return meter_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)
