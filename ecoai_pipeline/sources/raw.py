"""raw_readings of a partition: a pure function of the statements that touch it and of who belongs to the industry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from ecoai_pipeline.domain import RAW_READINGS, Month, Partition
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.merge import merged
from ecoai_pipeline.sources.restore import ensure_pieces
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement
from ecoai_pipeline.storage.registry import MeterRegistry


def materialize_raw(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write the readings of an industry's meters in a month; the newest statement wins per meter and interval.

    Raises:
        IngestError: a statement's landed file is gone and so is what was read from it.
    """
    landing, sources = Landing(lake), _Sources.of(lake, partition)
    told, meters = [*sources.withdrawn, *sources.statements], sorted(sources.zones)

    def make(facts: dict[str, Any]) -> Iterator[pl.DataFrame]:
        restated = 0
        ensure_pieces(lake, settings, told, partition.month)
        size = _meters_per_chunk(landing, told, partition.month, meters, lake.params.row_group_rows)
        for start in range(0, len(meters), size):
            frame = merged(landing, sources.statements, partition.month, meters[start : start + size], sources.withdrawn)
            restated += int(frame["restated"].sum())
            yield frame
        facts.update(statements=len(sources.statements), withdrawn=len(sources.withdrawn), restated=restated, receipts=sources.receipts)

    return lake.refresh(RAW_READINGS, partition, sources.fingerprint, make)


def raw_fingerprint(lake: Lake, _settings: Settings, partition: Partition) -> str:
    """What `raw_readings` of a partition would be made from now."""
    return _Sources.of(lake, partition).fingerprint


@dataclass(frozen=True)
class _Sources:
    """What has to do with an industry's meters in a month: statements in force and withdrawn ones, each in order of receipt.

    Where a meter's zone has been corrected since a statement came, its readings may have moved to a neighbouring month.

    Attributes:
        zones: of the meters that have readings.
        receipts: number of the last receipt that was taken into account.
    """

    statements: list[Statement]
    withdrawn: list[Statement]
    zones: dict[str, str]
    receipts: int

    @classmethod
    def of(cls, lake: Lake, partition: Partition) -> Self:
        registry, book, month = MeterRegistry(lake), Landing(lake).book, partition.month
        members = registry.of(partition.industry, month)
        near = (month.previous, month, month.next)

        def touches(statement: Statement) -> bool:
            if members.keys().isdisjoint(statement.meters) or {str(one) for one in near}.isdisjoint(statement.months):
                return False
            return str(month) in statement.months or registry.zones_of(statement.zones) != statement.zones

        statements = [statement for statement in book.touching(*near) if touches(statement)]
        withdrawn = [statement for statement, _ in book.withdrawn() if touches(statement)]
        names = members.keys() & {name for statement in statements for name in statement.meters}
        zones = {name: registry.home_zone(name) or members[name].time_zone for name in sorted(names)}
        return cls(statements, withdrawn, zones, book.last)

    @property
    def fingerprint(self) -> str:
        said = {"statements": [s.statement_id for s in self.statements], "withdrawn": [s.statement_id for s in self.withdrawn]}
        return fingerprint(inputs={**said, "zones": self.zones}, params={}, code=code_digest("sources"))


def _meters_per_chunk(landing: Landing, statements: Sequence[Statement], month: Month, meters: Sequence[str], rows: int) -> int:
    """As many meters as hold about `rows` readings in all statements together."""
    total = sum(landing.piece_rows(s.statement_id, month) for s in statements)
    named = max((len(s.meters) for s in statements), default=1)
    return max(1, rows * max(named, len(meters)) // max(total, 1))
