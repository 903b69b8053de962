"""Typed columns of Parquet files and workbooks as text fields, so that every type of file takes the same way."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs


def as_text(frame: pl.DataFrame, first_line: int) -> pl.DataFrame:
    """Typed columns as text fields, so that every type of file takes the same way; null and NaN become empty fields."""
    frame = frame.with_columns(_decoded(column) for column in frame.select(cs.binary()))
    texts = frame.select(_text(name, dtype).fill_null("") for name, dtype in frame.schema.items())
    return texts.select(
        line=pl.int_range(first_line, first_line + frame.height, dtype=pl.Int64, eager=True),
        text=pl.concat_str(pl.all(), separator=","),
        fields=pl.concat_arr(pl.all()).arr.to_list(),  # `concat_list` of texts takes seven times as long
    )


def _decoded(column: pl.Series) -> pl.Series:
    """Bytes as the text that old writers of Parquet mean by them, or as digits where they are none."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.ComputeError:
        return column.bin.encode("hex")


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M:%S%.6f+0000")
        return column.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
    if dtype.is_nested() or isinstance(dtype, pl.Duration):
        return pl.when(column.is_not_null()).then(pl.lit(f"({dtype})"))  # no reading, but it may stand beside one
    return _whole(column, dtype) if dtype.is_float() else column.cast(pl.String)


def _whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Floats as texts: whole ones without `.0`, as they may be ids; those too large to be exact with an exponent."""
    limit, column = 2.0**24 if dtype == pl.Float32 else 2.0**53, column.fill_nan(None)
    text = column.cast(pl.String)
    lost = (column.abs() >= limit) & column.is_finite()
    digits = column.cast(pl.Int64, strict=False).cast(pl.String)
    whole = pl.when((column.abs() < limit) & (column == column.round())).then(digits).otherwise(text)
    return pl.when(lost & ~text.str.contains("e", literal=True)).then(text + "e+00").otherwise(whole)
