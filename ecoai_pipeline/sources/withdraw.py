"""Taking back a statement that was wrong: an entry in the ledger, never a deletion."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from ecoai_pipeline.domain import Month, Partition
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.merge import KEY, VALUES, merged
from ecoai_pipeline.sources.restore import ensure_pieces, months_of, partitions_of
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement, Withdrawal


class UnknownStatementError(ValueError):
    """No statement has that id, several have ids that begin with it, or it is not in force."""


@dataclass(frozen=True)
class Withdrawn:
    """A statement that was withdrawn, and the partitions whose readings that may change."""

    statement: Statement
    withdrawal: Withdrawal
    partitions: list[Partition]


def withdraw(lake: Lake, settings: Settings, statement_id: str, *, reason: str, at: datetime) -> Withdrawn:
    """Take a statement out of force, named by its id or the beginning of it.

    Readings that it alone gave disappear; those that it changed fall back to what the newest statement left says; registry
    rows that came with it go, except where `Book` keeps them. The landed file stays, and taking it in again brings the
    statement back into force.

    Raises:
        UnknownStatementError: not exactly one statement in force is meant.
        IngestError: what it said, or what others said beside it, can no longer be read.
    """
    with lake.lock("landing"):
        landing = Landing(lake)
        statement = find(landing, statement_id)
        counts = Counter[str]()
        for month in months_of(lake, statement):
            counts.update(_lost(lake, settings, statement, month))
        before = partitions_of(lake, statement)
        withdrawal = Withdrawal(
            withdrawn=statement.statement_id,
            withdrawn_at=at.astimezone(UTC),
            reason=reason,
            readings=counts["readings"],
            fell_back=counts["fell_back"],
        )
        landing.enter(withdrawal)
        return Withdrawn(statement, withdrawal, sorted({*before, *partitions_of(lake, statement)}))


def find(landing: Landing, statement_id: str) -> Statement:
    """The statement in force whose id begins so.

    Raises:
        UnknownStatementError: there is not exactly one; the message says what there is instead.
    """
    ids = {statement.statement_id: statement for statement in landing.in_force()}
    fitting = [name for name in ids if statement_id and name.startswith(statement_id)]
    if len(fitting) == 1:
        return ids[fitting[0]]
    if fitting:
        raise UnknownStatementError(f"{len(fitting)} statements begin with {statement_id!r}: {', '.join(sorted(fitting)[:5])}; name one")
    for gone, withdrawal in landing.book.withdrawn():
        if statement_id and gone.statement_id.startswith(statement_id):
            when = f"{withdrawal.withdrawn_at:%Y-%m-%d %H:%M} UTC"
            raise UnknownStatementError(f"statement {gone.statement_id} ({gone.file}) was withdrawn already, on {when}")
    raise UnknownStatementError(f"there is no statement {statement_id!r}; `ecoai statements list` shows all")


def _lost(lake: Lake, settings: Settings, statement: Statement, month: Month) -> dict[str, int]:
    """How many readings of a month only the statement gave, and how many get another value without it."""
    landing = Landing(lake)
    near = landing.book.touching(month.previous, month, month.next)
    told = [one for one in near if not set(one.meters).isdisjoint(statement.meters) and month in months_of(lake, one)]
    ensure_pieces(lake, settings, told, month)
    own = merged(landing, told, month, statement.meters)
    rest = merged(landing, [one for one in told if one != statement], month, statement.meters)
    both = own.join(rest.with_columns(left=True), on=KEY, how="left", suffix="_after")
    gone = pl.col("left").is_null()
    other = ~pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_after")) for name in VALUES)
    return both.select(readings=gone.sum(), fell_back=(~gone & other).sum()).row(0, named=True)
