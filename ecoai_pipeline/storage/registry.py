"""The meter registry: what holds of a meter from which day on, as registry files and statements have said it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from ecoai_pipeline.domain import Decimal, Industry, Meter, Month, Partition
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.receipts import Book, MeterRow, Receipt, RegistryEntry, book_of, receipts, zoned

_LAST = Month(9999, 12)


class MeterRegistry:
    """The registry as of now: per meter its rows by `valid_from`, the row received last winning for one day."""

    def __init__(self, lake: Lake) -> None:
        self._root = lake.root
        self.book: Book = book_of(lake.root)

    def register(self, meters: Iterable[Meter], *, origin: str, at: datetime) -> list[Meter]:
        """Append the rows that say something new and return them."""
        fresh = [meter for meter in meters if meter not in self._meters.get(meter.meter_id, ())]
        if fresh:
            entry = RegistryEntry(origin=origin, registered_at=at, meters=[MeterRow.of(meter) for meter in fresh])
            receipts(self._root).append(Receipt(entry))
            self.book = book_of(self._root)
        return fresh

    @property
    def _meters(self) -> Mapping[str, tuple[Meter, ...]]:
        return self.book.meters

    def rows(self, meter_id: str) -> list[Meter]:
        """All rows of a meter by `valid_from`, in the zone of the newest."""
        return zoned(self._meters.get(meter_id, ()))

    def at(self, meter_id: str, month: Month) -> Meter | None:
        """What holds of a meter in a month: the row in force on its first day, else the earliest one.

        Its zone is that of the newest row in every month: by two zones the months of a meter would overlap or leave a gap.
        """
        rows = self.rows(meter_id)
        in_force = [meter for meter in rows if meter.valid_from <= month.first_day]
        return in_force[-1] if in_force else rows[0] if rows else None

    def home_zone(self, meter_id: str) -> str | None:
        """The time zone that a meter's days and months are those of; none where it is unknown."""
        known = self.at(meter_id, _LAST)
        return known.time_zone if known else None

    def decimals_of(self, meters: Iterable[str]) -> dict[str, Decimal]:
        """The decimal signs that the newest rows of some meters state; meters without a stated sign are left out."""
        rows = {meter_id: self.at(meter_id, _LAST) for meter_id in meters}
        return {meter_id: row.decimal for meter_id, row in rows.items() if row and row.decimal}

    def zones_of(self, before: Mapping[str, str]) -> dict[str, str]:
        """By which zones the months of some meters are to be cut now, where they were cut by those of `before`."""
        return {name: self.home_zone(name) or zone for name, zone in before.items()}

    def of(self, industry: Industry, month: Month) -> dict[str, Meter]:
        """Meters that belong to an industry in a month, by id."""
        found = {meter_id: self.at(meter_id, month) for meter_id in sorted(self._meters)}
        return {meter_id: meter for meter_id, meter in found.items() if meter and meter.industry == industry}

    def month_at(self, industry: Industry, moment: datetime) -> Month | None:
        """The month that it is for the meters of an industry; where some are in a later zone, theirs. None without meters."""
        zones = {row.time_zone for meter_id in self._meters if (row := self.at(meter_id, _LAST)) and row.industry is industry}
        return min((Month.of(moment.astimezone(ZoneInfo(zone)).date()) for zone in zones), default=None)

    def zones(self) -> set[str]:
        """Time zones of all meters."""
        return {zone for meter_id in self._meters if (zone := self.home_zone(meter_id))}

    def common_zone(self, meters: Iterable[str]) -> str:
        """The time zone of some meters; UTC where they have several, or none."""
        zones = {self.home_zone(meter_id) for meter_id in meters}
        return (zones.pop() if len(zones) == 1 else None) or "UTC"

    def partitions_before(self, partition: Partition) -> list[Partition]:
        """Partitions of the month before that hold the meters of this one: its own industry's, and those that meters moved from."""
        before = partition.month.previous
        then = (self.at(meter_id, before) for meter_id in self.of(partition.industry, partition.month))
        industries = {partition.industry, *(meter.industry for meter in then if meter)}
        return [Partition(industry, before) for industry in sorted(industries)]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._meters))

    def __contains__(self, meter_id: str) -> bool:
        return meter_id in self._meters

    def __len__(self) -> int:
        return len(self._meters)
