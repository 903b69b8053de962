"""What several statements say together: for each moment of a meter the newest statement wins."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecoai_pipeline.domain import RAW_READINGS, Month
from ecoai_pipeline.sources.overlap import without_overruled
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement

KEY = ("meter_id", "timestamp")
VALUES = ("kwh", "quality", "interval_s")


def merged(
    landing: Landing, statements: Sequence[Statement], month: Month, meters: Sequence[str], withdrawn: Sequence[Statement] = ()
) -> pl.DataFrame:
    """RAW_READINGS of some meters in a month, from statements in order of receipt.

    A reading that a newer statement merely repeats keeps the older statement's id, so that equal content stays equal.
    It is `restated` where what was ever said of it differs, by these statements or by withdrawn ones.
    """
    told = [
        landing.scan_piece(statement.statement_id, month, meters).with_columns(received=pl.lit(order, pl.Int32))
        for order, statement in enumerate([*withdrawn, *statements])
    ]
    if not told:
        return landing.no_readings().with_columns(restated=pl.lit(value=False))
    ordered = pl.concat(told).collect().sort(*KEY, "received", maintain_order=True)
    if len(told) == 1:
        return ordered.filter(pl.col("received") >= len(withdrawn)).select(pl.exclude("received"), restated=pl.lit(value=False))
    differing = ordered.filter(_same_key(1) & ~_same_values()).select(KEY).unique().with_columns(restated=pl.lit(value=True))
    in_force = ordered.filter(pl.col("received") >= len(withdrawn))
    news = in_force.filter(~(_same_key(1) & _same_values()).fill_null(value=False))
    last = news.filter(~_same_key(-1).fill_null(value=False)).drop("received")
    said = in_force.group_by(KEY).agg(said=pl.col("received").max())
    marked = last.join(said, on=KEY, how="left", maintain_order="left").join(differing, on=KEY, how="left", maintain_order="left")
    return without_overruled(marked.with_columns(pl.col("restated").fill_null(value=False))).select(RAW_READINGS.names)


def _same_key(offset: int) -> pl.Expr:
    """True where the row `offset` above is about the same meter and interval."""
    return pl.all_horizontal(pl.col(name) == pl.col(name).shift(offset) for name in KEY)


def _same_values() -> pl.Expr:
    """True where the row above says the same."""
    return pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in VALUES)
