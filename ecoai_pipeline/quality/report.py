"""How good an industry's readings of a month are, in numbers: what validation found, what quarantine holds, who is late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from ecoai_pipeline.domain import QUARANTINE, RAW_READINGS, VALIDATED_READINGS, Industry, Month, Partition
from ecoai_pipeline.quality.lateness import Arrival, arrival
from ecoai_pipeline.quality.rules import DayRule
from ecoai_pipeline.quality.validate import load_validation
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry


@dataclass(frozen=True)
class PartitionQuality:
    """An industry's month.

    Attributes:
        summary: that of `validation.json`: rows, meters, completeness, quality_counts, suspect_by_rule, days_by_rule, restated,
            worst_meters; empty where nothing was validated.
        days: completeness by local day, and what it is made of.
        failed: expectations that failed, as `validation.json` has them.
        quarantined: rows that cannot be readings, by reason.
        silent: meters that the registry has for the month and that gave no reading in it.
    """

    partition: Partition
    summary: Mapping[str, Any]
    days: Sequence[Mapping[str, Any]]
    failed: Sequence[Mapping[str, Any]]
    quarantined: Mapping[str, int]
    silent: Sequence[str]
    arrival: Arrival

    def row(self) -> dict[str, Any]:
        """The figures of the month as one row."""
        qualities, days = self.summary.get("quality_counts", {}), self.summary.get("days_by_rule", {})
        return {
            "industry": self.partition.industry.value,
            "month": str(self.partition.month),
            "meters": self.summary.get("meters", 0),
            "readings": self.summary.get("rows", 0),
            "completeness": self.summary.get("completeness"),
            **{name: qualities.get(name, 0) for name in ("measured", "estimated", "missing", "suspect")},
            "restated": self.summary.get("restated", 0),
            "quarantined": sum(self.quarantined.values()),
            "missing_days": days.get(DayRule.MISSING_DAY, 0),
            "intervals_changed": days.get(DayRule.INTERVAL_CHANGED, 0),
            "silent_meters": len(self.silent),
            "late_meters": len(self.arrival.late),
            "pending_meters": self.arrival.pending,
        }

    def document(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        late = [{"meter_id": one.meter_id, "reached": one.reached, "due": one.due} for one in self.arrival.late]
        return {
            **self.row(),
            "suspect_by_rule": dict(self.summary.get("suspect_by_rule", {})),
            "quarantined_by_reason": dict(self.quarantined),
            "worst_meters": list(self.summary.get("worst_meters", [])),
            "late": late,
            "silent": list(self.silent),
            "failed": [{name: one[name] for name in ("expectation", "severity", "unexpected", "checked", "meters")} for one in self.failed],
            "days": list(self.days),
        }


@dataclass(frozen=True)
class QualityReport:
    """The months asked for, as of a time; `unassigned` are quarantined rows, by reason, that name no month or no meter we know."""

    partitions: Sequence[PartitionQuality]
    unassigned: Mapping[str, int]
    as_of: datetime


def quality_report(lake: Lake, settings: Settings, partitions: Iterable[Partition], now: datetime) -> QualityReport:
    """Gather the figures of some partitions; nothing is computed that is not written down already, but for who is late by `now`."""
    registry, reasons = MeterRegistry(lake), quarantined_by_reason(lake)
    rows = [_partition(lake, settings, registry, partition, reasons.get(partition, {}), now) for partition in partitions]
    return QualityReport(rows, reasons.get(None, {}), now)


def partitions_with_quality(lake: Lake) -> list[Partition]:
    """Partitions that have readings, or quarantined rows that would have been theirs."""
    return sorted({*lake.partitions(RAW_READINGS), *(partition for partition in quarantined_by_reason(lake) if partition)})


def quarantined_by_reason(lake: Lake) -> dict[Partition | None, dict[str, int]]:
    """Quarantined rows of the statements in force by partition and reason; under None those that name no month or unknown meters.

    Every row is counted once, so that all sums together are what the statements quarantined.
    """
    landing, registry = Landing(lake), MeterRegistry(lake)
    in_force = [statement.statement_id for statement in landing.in_force() if statement.quarantined]
    reason = pl.col("reason").str.split("; ").list.first()
    rows = landing.read_table(QUARANTINE).filter(pl.col("statement_id").is_in(in_force))
    counts = rows.group_by("meter_id", "month", reason=reason).len().sort("reason", "month", "meter_id")
    found: dict[Partition | None, dict[str, int]] = {}
    for meter_id, month, why, count in counts.select("meter_id", "month", "reason", "len").iter_rows():
        of_partition = found.setdefault(_partition_of(registry, meter_id, month), {})
        of_partition[why] = of_partition.get(why, 0) + count
    return found


def _partition_of(registry: MeterRegistry, meter_id: str | None, month: str | None) -> Partition | None:
    try:
        meant = Month.parse(month) if month else None
    except ValueError:  # a date before the first partition is one of the reasons for quarantine
        return None
    meter = registry.at(meter_id, meant) if meter_id and meant else None
    return Partition(meter.industry, meant) if meter and meant else None


def _partition(
    lake: Lake, settings: Settings, registry: MeterRegistry, partition: Partition, quarantined: Mapping[str, int], now: datetime
) -> PartitionQuality:
    found = load_validation(lake, partition) or {}
    return PartitionQuality(
        partition,
        summary=found.get("summary", {}),
        days=found.get("days", []),
        failed=[result for result in found.get("suites", []) if not result["success"]],
        quarantined=quarantined,
        silent=_silent(lake, registry, partition),
        arrival=arrival(lake, settings, partition, now),
    )


def _silent(lake: Lake, registry: MeterRegistry, partition: Partition) -> list[str]:
    spoke = lake.scan(VALIDATED_READINGS, partition).select(pl.col("meter_id").unique()).collect()["meter_id"].to_list()
    known = registry.of(partition.industry, partition.month)
    begun = {meter_id for meter_id, meter in known.items() if meter.valid_from < partition.month.next.first_day}
    return sorted(begun.difference(spoke))


def chosen_partitions(lake: Lake, industry: Industry | None, months: Iterable[Month] | None) -> list[Partition]:
    """The partitions of a report: of one industry or all, of some months or all."""
    wanted = None if months is None else set(months)
    present = partitions_with_quality(lake)
    return [p for p in present if (industry is None or p.industry == industry) and (wanted is None or p.month in wanted)]
