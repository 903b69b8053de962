"""Settled readings as the tables that a statement keeps: its readings, arrivals, weather and quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import polars as pl

from ecoai_pipeline.domain import ARRIVALS, STATED_READINGS, WEATHER
from ecoai_pipeline.sources.numbers import PLAIN, Evidence, NumberFormat, UndecidedError, decide, other_than_plain
from ecoai_pipeline.storage.schema import empty


def readings(single: pl.DataFrame, statement_id: str) -> pl.DataFrame:
    """STATED_READINGS from settled readings without repeats."""
    rows = single.rename({"meter": "meter_id"}).with_columns(statement_id=pl.lit(statement_id))
    return rows.select(STATED_READINGS.names)


def arrivals(good: pl.DataFrame, statement_id: str) -> pl.DataFrame:
    """ARRIVALS from settled readings; a repeat that stands behind counts, too."""
    rows = good.filter("behind").rename({"meter": "meter_id"}).with_columns(statement_id=pl.lit(statement_id))
    return rows.select(ARRIVALS.names)


def weather_texts(single: pl.DataFrame, quantities: Sequence[str]) -> pl.DataFrame:
    """The texts that came along with readings (meter, timestamp, line, quantity, text); a quantity without a text has no row."""
    wide = single.select("meter", "timestamp", "line", *(pl.col(f"weather:{name}").alias(name) for name in quantities))
    long = wide.unpivot(index=["meter", "timestamp", "line"], variable_name="quantity", value_name="text")
    return long.filter(pl.col("text") != "").with_columns(pl.col("text").str.strip_chars())


def weather(texts: Sequence[pl.DataFrame], statement_id: str, delimiter: str) -> pl.DataFrame:
    """WEATHER from all `weather_texts` of a file; a text that is no number, or has two meanings, gives null.

    `delimiter` is that of the file's fields.
    """
    if not texts:
        return empty(WEATHER)
    formats = {rows["quantity"][0]: _format_of(rows, delimiter) for rows in pl.concat(texts).partition_by("quantity")}
    columns = [rows for part in texts for rows in part.partition_by("quantity", maintain_order=True)]
    values = [rows.with_columns(value=formats[rows["quantity"][0]].read(rows["text"]).number) for rows in columns]
    return pl.concat([texts[0].clear().with_columns(value=pl.lit(None, pl.Float64)), *values]).select(
        pl.col("meter").alias("meter_id"),
        "timestamp",
        "quantity",
        "value",
        statement_id=pl.lit(statement_id),
    )


def _format_of(rows: pl.DataFrame, delimiter: str) -> NumberFormat:
    """The format that the texts of one quantity show throughout the file: `21,5` beside energy with points."""
    if other_than_plain(rows["text"], PLAIN.read(rows["text"])):
        with suppress(UndecidedError):
            return decide(Evidence.of(rows["line"], rows["text"]), delimiter)
    return PLAIN


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
