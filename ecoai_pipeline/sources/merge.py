"""What several statements say together: per meter and interval the newest statement wins."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecoai_pipeline.domain import RAW_READINGS, Month
from ecoai_pipeline.storage.landing import Landing, Statement
from ecoai_pipeline.storage.schema import empty

_VALUES = ("kwh", "quality", "interval_s")


def merged(landing: Landing, statements: Sequence[Statement], month: Month, meters: Sequence[str]) -> pl.DataFrame:
    """RAW_READINGS of some meters in a month, from statements in order of receipt.

    A reading that a newer statement merely repeats keeps the older statement's id, so that equal content stays equal.
    """
    frames = [
        landing.scan_piece(statement.statement_id, month, meters).with_columns(received=pl.lit(order, pl.Int32))
        for order, statement in enumerate(statements)
    ]
    if not frames:
        return empty(RAW_READINGS)
    if len(frames) == 1:
        return frames[0].drop("received").sort("meter_id", "timestamp").collect()
    ordered = pl.concat(frames).collect().sort("meter_id", "timestamp", "received")
    said_before = _same_key(1) & pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in _VALUES)
    news = ordered.filter(~said_before.fill_null(False))
    return news.filter(~_same_key(-1).fill_null(False)).drop("received")


def _same_key(offset: int) -> pl.Expr:
    """True where the row `offset` above is about the same meter and interval."""
    return pl.all_horizontal(pl.col(name) == pl.col(name).shift(offset) for name in ("meter_id", "timestamp"))
