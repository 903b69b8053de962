"""raw_readings of a partition: a pure function of the statements that touch it and of who belongs to the industry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from ecoai_pipeline.domain import RAW_READINGS, Month, Partition
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.merge import merged
from ecoai_pipeline.sources.restore import ensure_pieces
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.landing import Landing, Statement
from ecoai_pipeline.storage.registry import MeterRegistry


def materialize_raw(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write the readings of an industry's meters in a month; the newest statement wins per meter and interval.

    Raises:
        IngestError: a statement's landed file is gone and so is what was read from it.
    """
    landing = Landing(lake)
    statements, zones = _sources(lake, partition)
    meters = sorted(zones)

    def make(facts: dict[str, Any]) -> Iterator[pl.DataFrame]:
        facts["statements"] = len(statements)
        ensure_pieces(lake, settings, statements, partition.month)
        size = _meters_per_chunk(landing, statements, partition.month, meters, lake.params.row_group_rows)
        for start in range(0, len(meters), size):
            yield merged(landing, statements, partition.month, meters[start : start + size])

    return lake.refresh(RAW_READINGS, partition, raw_fingerprint(lake, settings, partition), make)


def raw_fingerprint(lake: Lake, _settings: Settings, partition: Partition) -> str:
    """What `raw_readings` of a partition would be made from now."""
    statements, zones = _sources(lake, partition)
    inputs = {"statements": [statement.statement_id for statement in statements], "zones": zones}
    return fingerprint(inputs=inputs, params={}, code=code_digest("sources"))


def _sources(lake: Lake, partition: Partition) -> tuple[list[Statement], dict[str, str]]:
    """Statements that may have readings of the industry's meters in the month, in order of receipt, and those meters' zones.

    Where a zone has been corrected since a statement came, its readings may have moved to a neighbouring month.
    """
    registry, month = MeterRegistry(lake), partition.month
    members = registry.of(partition.industry, month)
    near = {str(one) for one in (month.previous, month, month.next)}

    def touches(statement: Statement) -> bool:
        if near.isdisjoint(statement.months) or members.keys().isdisjoint(statement.meters):
            return False
        return str(month) in statement.months or registry.zones_of(statement.zones) != statement.zones

    statements = [statement for statement in Landing(lake).in_force() if touches(statement)]
    names = members.keys() & {name for statement in statements for name in statement.meters}
    return statements, {name: registry.home_zone(name) or members[name].time_zone for name in sorted(names)}


def _meters_per_chunk(landing: Landing, statements: Sequence[Statement], month: Month, meters: Sequence[str], rows: int) -> int:
    """As many meters as hold about `rows` readings in all statements together."""
    total: int = sum(landing.scan_piece(s.statement_id, month).select(pl.len()).collect().item() for s in statements)
    named = max((len(s.meters) for s in statements), default=1)
    return max(1, rows * max(named, len(meters)) // max(total, 1))
