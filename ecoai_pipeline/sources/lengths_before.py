"""Intervals of meters as earlier files gave them: a file with one reading per meter does not show how long it lasts."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecoai_pipeline.domain import Month
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement


def lengths_of(landing: Landing, meters: Sequence[str]) -> dict[str, int]:
    """The usual interval of each meter in the last month of the newest statement about it, seconds; unknown meters are left out."""
    found: dict[str, int] = {}
    wanted = set(meters)
    for statement in reversed(landing.book.in_force() if wanted else []):
        if about := sorted(wanted.intersection(statement.meters)):
            lengths = _lengths_in(landing, statement, about)
            found |= lengths
            wanted -= lengths.keys()
    return found


def _lengths_in(landing: Landing, statement: Statement, meters: Sequence[str]) -> dict[str, int]:
    """The most frequent interval of some meters in the last month of a statement that has them."""
    found: dict[str, int] = {}
    for month in sorted(map(Month.parse, statement.months)):
        rows = landing.scan_piece(statement.statement_id, month, meters)
        found.update(rows.group_by("meter_id").agg(pl.col("interval_s").mode().min()).collect().iter_rows())
    return found
