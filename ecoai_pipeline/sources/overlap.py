"""Statements that cut a meter's time differently: a newer word stands for all of its interval, not for its start alone."""

from __future__ import annotations

import polars as pl

_END = pl.col("timestamp") + pl.duration(seconds=pl.col("interval_s"))


def without_overruled(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out readings whose time a newer statement gives in other intervals; what stands in their place is `restated`.

    A provider that sends hours for a month of quarter hours restates all four of each: kept beside it, three would count
    twice. Readings of one statement that overlap each other all stay, for the rules of quality to tell.

    Args:
        rows: one row per meter and start, sorted (meter_id, timestamp, interval_s, said, restated); `said` is the order of
            receipt of the last statement that said it.
    """
    before = _END.cum_max().shift(1).over("meter_id")
    meters = rows.filter(pl.col("timestamp") < before)["meter_id"].unique().implode()
    touched, others = rows.filter(pl.col("meter_id").is_in(meters)), rows.filter(~pl.col("meter_id").is_in(meters))
    if touched.height == 0:
        return rows
    kept, dropped = touched.clear(), touched.clear()
    for said in touched["said"].unique().sort(descending=True):
        level = touched.filter(pl.col("said") == said)
        over = _overlaps(level, kept)
        kept, dropped = pl.concat([kept, level.filter(~over)]), pl.concat([dropped, level.filter(over)])
    marked = kept.with_columns(restated=pl.col("restated") | _overlaps(kept, dropped))
    return pl.concat([others, marked]).sort("meter_id", "timestamp")


def _overlaps(rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """Which rows share time with any of the others of their meter; in the order of the rows."""
    reach = others.sort("meter_id", "timestamp").select("meter_id", start="timestamp", reach=_END.cum_max().over("meter_id"))
    asked = rows.with_row_index("row").select("row", "meter_id", "timestamp", last=_END - pl.duration(microseconds=1))
    found = asked.sort("last").join_asof(
        reach.sort("start"), left_on="last", right_on="start", by="meter_id", strategy="backward", check_sortedness=False
    )
    return found.sort("row").select((pl.col("reach") > pl.col("timestamp")).fill_null(value=False)).to_series()
