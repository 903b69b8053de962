"""Long formats, a row per reading: the canonical table, and those of the public data sets LEAD, KPI and steel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from ecoai_pipeline.sources.writers.block import Block
from ecoai_pipeline.storage.atomic import replacing

LOCAL = "%Y-%m-%d %H:%M:%S"


def write_rows(path: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Write frames one after another as CSV under one header."""
    with replacing(path) as temporary, temporary.open("wb") as out:
        for number, frame in enumerate(frames):
            frame.write_csv(out, include_header=number == 0)


def write_parquet(path: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Write frames one after another as row groups."""
    with replacing(path) as temporary:
        writer: pq.ParquetWriter | None = None
        for frame in frames:
            table = frame.to_arrow()
            writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
            writer.write_table(table)
        if writer:
            writer.close()


def table(block: Block) -> pl.DataFrame:
    """meter_id, local start of the interval, kwh."""
    return block.readings().select("meter_id", _local(block).alias("timestamp"), "kwh")


def typed_table(block: Block) -> pl.DataFrame:
    """meter_id, start of the interval as an instant, kwh."""
    return block.readings().select("meter_id", "timestamp", "kwh")


def lead(block: Block) -> pl.DataFrame:
    """As LEAD 1.0: a missing reading is an empty field, and a reading within a fault is an anomaly."""
    return block.readings().select(building_id="meter_id", timestamp=_local(block), meter_reading="kwh", anomaly=pl.col("label"))


def kpi(block: Block) -> pl.DataFrame:
    """As the AIOps 2018 curves: epoch seconds, and no row where no value came."""
    rows = block.readings().drop_nulls("kwh")
    return rows.select(pl.col("timestamp").dt.epoch("s"), value="kwh", label="label").with_columns(rows["meter_id"].alias("KPI ID"))


def steel(block: Block) -> pl.DataFrame:
    """As the UCI file of a steel plant, for one meter: stamps at the end of the interval, the closing 0:00 under the date of its own day.

    Reactive power, power factor and CO2 are left out: energy alone does not tell them.
    """
    start = pl.col("timestamp").dt.convert_time_zone(block.zone).dt.replace_time_zone(None)
    end = start + pl.duration(seconds="interval_s")
    since_midnight = (start.dt.hour().cast(pl.Int32) * 3600 + start.dt.minute().cast(pl.Int32) * 60 + pl.col("interval_s")) % 86_400
    return block.readings().select(
        date=start.dt.strftime("%d/%m/%Y ") + end.dt.strftime("%H:%M"),
        Usage_kWh="kwh",
        NSM=since_midnight,
        WeekStatus=pl.when(start.dt.weekday() >= 6).then(pl.lit("Weekend")).otherwise(pl.lit("Weekday")),
        Day_of_week=start.dt.strftime("%A"),
    )


def _local(block: Block) -> pl.Expr:
    return pl.col("timestamp").dt.convert_time_zone(block.zone).dt.strftime(LOCAL)
