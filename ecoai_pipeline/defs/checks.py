"""What a run says about its data: results of the asset checks, one per run over all its partitions.

A check in a range run has one result for all months, so each names the months that failed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from ecoai_pipeline.domain import ANOMALIES, RAW_READINGS, VALIDATED_READINGS, Partition

if TYPE_CHECKING:
    from ecoai_pipeline.defs.layers import Done
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
    """A warning per partition with far more energy events per meter than the budget allows.

    Real events come on top of the budget, which is for false ones; three times the budget asks for a look.
    """
    import polars as pl

    budget = settings.detection.budget_per_meter_month
    over = {}
    for d in done:
        meters = lake.info(RAW_READINGS, d.partition).meters
        events = lake.scan(ANOMALIES, d.partition).filter(pl.col("category") == "energy").select(pl.len()).collect().item()
        if meters and events / meters > 3 * budget:
            over[str(d.partition)] = f"{events} energy events on {meters} meters, budget {budget:g} per meter-month"
    return _warning("alarm_budget", over)


def _warning(name: str, found: dict[str, str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=name, passed=not found, severity=dg.AssetCheckSeverity.WARN, metadata=_details(found))


def _details(found: dict[str, str]) -> dict[str, dg.MetadataValue]:
    return {"failed": dg.MetadataValue.int(len(found)), "details": dg.MetadataValue.json(dict(list(found.items())[:50]))}
