"""Labels of data sets as intervals: consecutive labelled readings of a meter become one row."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecoai_pipeline.domain import LABELS
from ecoai_pipeline.storage.schema import empty

NORMAL = ("", "0", "false", "no", "normal")
ANOMALOUS = ("1", "true", "yes", "anomaly", "anomalous")


def labelled(readings: pl.DataFrame) -> pl.DataFrame:
    """Labelled readings (meter, start, end, kind); a label that is neither a number nor yes or no is the kind."""
    readings = readings.filter(pl.col("label").is_not_null())
    word = pl.col("label").str.to_lowercase()
    number = pl.col("label").cast(pl.Float64, strict=False)
    plain = number.is_not_null() | word.is_in(ANOMALOUS)
    return readings.filter(~word.is_in(NORMAL) & (number != 0).fill_null(True)).select(
        "meter",
        start=pl.col("timestamp"),
        end=pl.col("timestamp") + pl.duration(seconds=pl.col("interval_s")),
        kind=pl.when(~plain).then("label"),
    )


def runs(parts: Sequence[pl.DataFrame], statement_id: str) -> pl.DataFrame:
    """LABELS: readings that touch end to start and have one kind, joined."""
    if not parts:
        return empty(LABELS)
    ordered = pl.concat(parts).sort("meter", "start")
    goes_on = pl.all_horizontal(
        pl.col("meter") == pl.col("meter").shift(1),
        pl.col("start") == pl.col("end").shift(1),
        pl.col("kind").eq_missing(pl.col("kind").shift(1)),
    )
    grouped = ordered.with_columns(run=(~goes_on.fill_null(False)).cum_sum()).group_by("run", maintain_order=True)
    joined = grouped.agg(pl.col("meter").first(), pl.col("start").first(), pl.col("end").last(), pl.col("kind").first())
    return joined.select(pl.col("meter").alias("meter_id"), "start", "end", "kind", statement_id=pl.lit(statement_id))
