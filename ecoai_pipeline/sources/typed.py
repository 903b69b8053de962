"""Typed columns of Parquet files and workbooks: as text fields, as every reader takes them, or as they are, which is quicker."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs


def as_text(frame: pl.DataFrame, first_line: int) -> pl.DataFrame:
    """Typed columns as text fields, so that every type of file takes the same way; null and NaN become empty fields."""
    frame = frame.with_columns(_decoded(column) for column in frame.select(cs.binary()))
    texts = frame.select(text_of(name, dtype) for name, dtype in frame.schema.items())
    return texts.select(
        line=pl.int_range(first_line, first_line + frame.height, dtype=pl.Int64, eager=True),
        text=pl.concat_str(pl.all(), separator=","),
        fields=pl.concat_arr(pl.all()).arr.to_list(),  # `concat_list` of texts takes seven times as long
    )


TYPED = "typed:"
"""Stands before the name of a column that keeps its type, lest it be taken for one of ours."""


def as_columns(frame: pl.DataFrame, first_line: int) -> pl.DataFrame:
    """Typed columns as they are, each named `typed:` and its name, and the `line` of each row."""
    frame = frame.with_columns(_decoded(column) for column in frame.select(cs.binary()))
    line = pl.int_range(first_line, first_line + frame.height, dtype=pl.Int64)
    return frame.select(line.alias("line"), pl.all().name.prefix(TYPED))


def row_texts(columns: pl.DataFrame) -> pl.Series:
    """The rows of `as_columns` as `as_text` writes them."""
    names = [name for name in columns.columns if name.startswith(TYPED)]
    return columns.select(pl.concat_str([text_of(name, columns.schema[name]) for name in names], separator=",")).to_series()


def local_and_utc(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Typed times as local times (datetime[us]) and as instants (datetime[us, UTC]); one of both is null, as the type says."""
    zoned = getattr(column.dtype, "time_zone", None) is not None
    local, utc = pl.Datetime("us"), pl.Datetime("us", "UTC")
    times = (column.dt.convert_time_zone("UTC") if zoned else column).dt.cast_time_unit("us")
    known = times.zip_with(times.dt.year().is_between(*_YEARS), pl.Series([None], dtype=times.dtype))
    other = pl.repeat(None, len(column), dtype=local if zoned else utc, eager=True)
    return (other, known) if zoned else (known, other)


_YEARS = (0, 9999)
"""Years that a text of four digits can have."""


def number_of(name: str, dtype: pl.DataType) -> pl.Expr:
    """A typed column of numbers as f64; NaN becomes null. A short float means the decimal number that is written of it."""
    column = pl.col(name)
    whole = column.cast(pl.String).cast(pl.Float64) if dtype == pl.Float32 else column.cast(pl.Float64)
    return pl.when(whole == 0).then(0.0).otherwise(whole.fill_nan(None))  # there is no -0


def _decoded(column: pl.Series) -> pl.Series:
    """Bytes as the text that old writers of Parquet mean by them, or as digits where they are none."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.ComputeError:
        return column.bin.encode("hex")


def text_of(name: str, dtype: pl.DataType) -> pl.Expr:
    """A typed column as text; null and NaN are empty."""
    return _text(name, dtype).fill_null("")


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
