"""Settled readings as the tables that a statement keeps: its readings, arrivals, weather and quarantine."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ecoai_pipeline.domain import ARRIVALS, STATED_READINGS, WEATHER
from ecoai_pipeline.storage.schema import empty


def readings(single: pl.DataFrame, statement_id: str) -> pl.DataFrame:
    """STATED_READINGS from settled readings without repeats."""
    rows = single.rename({"meter": "meter_id"}).with_columns(statement_id=pl.lit(statement_id))
    return rows.select(STATED_READINGS.names)


def arrivals(good: pl.DataFrame, statement_id: str) -> pl.DataFrame:
    """ARRIVALS from settled readings; a repeat that stands behind counts, too."""
    rows = good.filter("behind").rename({"meter": "meter_id"}).with_columns(statement_id=pl.lit(statement_id))
    return rows.select(ARRIVALS.names)


def weather(single: pl.DataFrame, quantities: Sequence[str], statement_id: str) -> pl.DataFrame:
    """WEATHER from the texts that came along; a text that is no number gives null."""
    if not quantities:
        return empty(WEATHER)
    wide = single.select("meter", "timestamp", *(pl.col(f"weather:{name}").alias(name) for name in quantities))
    long = wide.unpivot(index=["meter", "timestamp"], variable_name="quantity", value_name="text").filter(pl.col("text") != "")
    return long.select(
        pl.col("meter").alias("meter_id"),
        "timestamp",
        "quantity",
        value=pl.col("text").cast(pl.Float64, strict=False),
        statement_id=pl.lit(statement_id),
    )


def quarantined(refused: pl.DataFrame, cells: Sequence[str], file: str, statement_id: str) -> pl.DataFrame:
    """QUARANTINE from refused readings; `cells` are the layout's."""
    names = dict(enumerate(cells))
    month = pl.format("{}-{}", pl.col("month") // 100, (pl.col("month") % 100).cast(pl.String).str.zfill(2))
    return refused.select(
        statement_id=pl.lit(statement_id),
        file=pl.lit(file),
        row="line",
        meter_id="meter",
        month=pl.when(pl.col("month").is_not_null()).then(month),
        column=pl.col("cell").replace_strict(names, default=None, return_dtype=pl.String),
        text=pl.col("text"),
        reason="reason",
    )
