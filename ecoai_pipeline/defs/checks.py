"""What a run says about its data: results of the asset checks, one per run over all its partitions.

A check in a range run has one result for all months, so each names the months that failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.domain import VALIDATED_READINGS, Month, Partition

if TYPE_CHECKING:
    from ecoai_pipeline.defs.layers import Done
    from ecoai_pipeline.detection.budget import BudgetUse
    from ecoai_pipeline.settings import Settings
    from ecoai_pipeline.storage.lake import Lake


def lateness(lake: Lake, settings: Settings, done: Sequence[Done]) -> dg.AssetCheckResult:
    """A warning per partition of an industry with meters that has no readings, or meters whose readings were due and are not there."""
    now = datetime.now(UTC)
    late = {str(d.partition): why for d in done if (why := _late(lake, settings, d.partition, now))}
    return _warning("lateness", late)


def _late(lake: Lake, settings: Settings, partition: Partition, now: datetime) -> str:
    from ecoai_pipeline.quality.lateness import arrival
    from ecoai_pipeline.storage.registry import MeterRegistry

    if not MeterRegistry(lake).of(partition.industry, partition.month):
        return ""
    if lake.info(VALIDATED_READINGS, partition).rows == 0:
        return "no readings at all; ask the provider, or ingest what lies elsewhere"
    found = arrival(lake, settings, partition, now)
    waiting = f"; {found.pending} more are pending, their day is not due" if found.pending else ""
    named = ", ".join(f"{one.meter_id} ({one.hours:.0f} h)" for one in found.late[:20])
    return f"{len(found.late)} meters lack readings that were due: {named}{waiting}" if found.late else ""


def expectations(lake: Lake, done: Sequence[Done]) -> list[dg.AssetCheckResult]:
    """Two results: the expectations that we must meet, and those that the provider must."""
    from ecoai_pipeline.quality.validate import failures

    ours, theirs = {}, {}
    for d in done:
        if d.written.info.rows:
            ours.update({f"{d.partition} {name}": why for name, why in failures(lake, d.partition, "error").items()})
            theirs.update({f"{d.partition} {name}": why for name, why in failures(lake, d.partition, "warning").items()})
    sound = dg.AssetCheckResult(check_name="readings_are_sound", passed=not ours, metadata=_details(ours))
    return [sound, _warning("data_is_complete", theirs)]


def hindsight(done: Sequence[Done]) -> dg.AssetCheckResult:
    """A warning per partition that was scored by a model which saw its future."""
    seen = {str(d.partition): "scored by a model trained on later data" for d in done if d.written.info.facts.get("hindsight")}
    return _warning("no_hindsight", seen)


def drift(done: Sequence[Done]) -> dg.AssetCheckResult:
    """A warning per partition where the portfolio is no longer what its model was trained on."""
    over = {str(d.partition): json.dumps(found) for d in done if (found := d.written.info.facts.get("drifted"))}
    return _warning("no_drift", over)


def alarm_budget(lake: Lake, settings: Settings, done: Sequence[Done]) -> dg.AssetCheckResult:
    """A warning where an industry has far more energy events than its budget; the numbers are stated in any case."""
    from ecoai_pipeline.detection.budget import budget_use, over_since

    uses = [use for d in done if (use := budget_use(lake, settings, d.partition))]
    since = {use.partition: over_since(lake, settings, use) for use in uses}
    over = {str(use.partition): f"more than {use.limit:.0f} events, since {since[use.partition]}" for use in uses if use.over}
    alarms, meter_months = sum(use.alarms for use in uses), sum(use.meter_months for use in uses)
    budget = settings.detection.budget_per_meter_month
    numbers = {
        "alarms": alarms,
        "meter_months": round(meter_months, 2),
        "budget_per_meter_month": budget,
        "expected_alarms": round(budget * meter_months, 1),
        "counted_from": min((use.first.isoformat() for use in uses), default="–"),
        "counted_to": max((use.last.isoformat() for use in uses), default="–"),
        "by_month": dg.MetadataValue.md("\n".join([*_BUDGET_HEAD, *(_budget_row(use, since[use.partition]) for use in uses[:50])])),
    }
    told = f"{alarms} energy events in {meter_months:.1f} meter-months; the budget expects {budget * meter_months:.1f}"
    return _warning("alarm_budget", over, told, numbers)


_BUDGET_HEAD = (
    "| industry and month | from | to | energy events | meter-months | expected by the budget | warning above | above since |",
    "|---|---|---|---|---|---|---|---|",
)


def _budget_row(use: BudgetUse, since: Month | None) -> str:
    cells = (
        use.partition,
        use.first,
        use.last,
        use.alarms,
        f"{use.meter_months:.2f}",
        f"{use.expected:.1f}",
        f"{use.limit:.0f}",
        since or "",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _warning(name: str, found: dict[str, str], told: str | None = None, numbers: Mapping[str, Any] = {}) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=told,
        metadata={**numbers, **_details(found)},
    )


def _details(found: dict[str, str]) -> dict[str, dg.MetadataValue]:
    return {"failed": dg.MetadataValue.int(len(found)), "details": dg.MetadataValue.json(dict(list(found.items())[:50]))}
