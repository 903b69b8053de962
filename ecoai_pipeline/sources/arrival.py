"""Order as received: which readings start before the one above them. Told before anything is sorted, as nothing tells it later.

Only neighbours are compared: of two swapped rows one is behind, of a file of n rows in reverse all but the first.
"""

from __future__ import annotations

import polars as pl


def with_month_above(rows: pl.DataFrame, last: dict[str, int]) -> pl.DataFrame:
    """Add `month_above`, the month of the reading of the same meter above; null where there is none.

    Args:
        rows: dated readings of a block, per meter in the order of the file (meter, month).
        last: per meter the month of its last reading in the blocks before; this block's are entered into it.
    """
    carried = pl.col("meter").replace_strict(dict(last), default=None, return_dtype=pl.Int32) if last else pl.lit(None, pl.Int32)
    above = pl.coalesce(pl.col("month").shift(1).over("meter"), carried)
    last.update(rows.group_by("meter").agg(pl.col("month").last()).iter_rows())
    return rows.with_columns(month_above=above)


def with_behind(placed: pl.DataFrame, key: int) -> pl.DataFrame:
    """Turn `month_above` into `behind`: whether a reading starts before the one of its meter above it in the file.

    Args:
        placed: all readings of a file whose stamp lies in one month, in any order (line, cell, meter, timestamp, month_above).
        key: that month.
    """
    ordered = placed.sort("line", "cell")
    earlier = pl.col("timestamp") < pl.col("timestamp").shift(1).over("meter")
    behind = (pl.col("month_above") > key) | (pl.col("month_above") == key) & earlier
    return ordered.with_columns(behind=behind.fill_null(False)).drop("month_above")
