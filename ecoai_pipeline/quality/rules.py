"""The rules that make a reading suspicious: it is marked and kept, because it is what the detectors look for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import polars as pl

from ecoai_pipeline.domain import Meter, Quality
from ecoai_pipeline.settings import QualityParams

_DAY_US = 86_400_000_000


class Rule(StrEnum):
    """Why a reading is suspicious; in the column `rule` several are joined by `+`, in this order."""

    ZERO_RUN = "zero_run"
    FLAT_RUN = "flat_run"
    NULL_RUN = "null_run"
    NEGATIVE = "negative"
    ABOVE_CAPACITY = "above_capacity"
    MIXED_INTERVAL = "mixed_interval"
    OFF_GRID = "off_grid"


def meter_frame(meters: Mapping[str, Meter]) -> pl.DataFrame:
    """What the rules need of the registry: meter_id, zone, signed, capacity_kw (null where unknown)."""
    rows = [(m.meter_id, m.time_zone, m.signed, m.capacity_kw) for m in meters.values()]
    schema = {"meter_id": pl.String, "zone": pl.String, "signed": pl.Boolean, "capacity_kw": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def examine(
    readings: pl.DataFrame, meters: pl.DataFrame, params: QualityParams, *, default_zone: str, before: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Put beside each reading what the rules and the daily summary judge it by.

    Args:
        readings: whole meters of one month, with the columns of a reading.
        meters: as of `meter_frame`; a meter that is not in it is unsigned, of unknown capacity and in `default_zone`.
        before: the last readings of the same meters before the month, so that runs are seen over its edge.

    Returns:
        The readings, sorted by meter and time, with `zone`, `signed`, `limit_kwh` (energy that the capacity allows in the
        interval, with tolerance; null where unknown), `local` (naive local time), `usual_s` (the meter's modal interval in
        the month, seconds) and `run_h` (hours of readings, up to all of the run, that have the same value or none).
    """
    context = readings.clear() if before is None else before.select(readings.columns)
    both = pl.concat([context.with_columns(own=pl.lit(False)), readings.with_columns(own=pl.lit(True))])
    own = both.sort("meter_id", "timestamp").with_columns(_run_hours()).filter("own").drop("own")
    known = own.join(meters, on="meter_id", how="left", maintain_order="left").with_columns(
        pl.col("zone").fill_null(default_zone), pl.col("signed").fill_null(False)
    )
    limit_kwh = pl.col("capacity_kw") * pl.col("interval_s") / 3600 * params.capacity_factor
    usual = own.group_by("meter_id").agg(usual_s=pl.col("interval_s").mode().min())
    return (
        known.join(usual, on="meter_id", how="left", maintain_order="left")
        .with_columns(limit_kwh=limit_kwh, local=local_time(known["zone"].unique().to_list()))
        .drop("capacity_kw")
    )


def mark(examined: pl.DataFrame, params: QualityParams) -> pl.DataFrame:
    """Make readings that meet a rule suspect and name the rules; no row and no energy changes.

    A missing reading stays missing and is told to lie in a null run; a reading that meets no rule is left as it came.
    """
    names = pl.concat_str(
        [pl.when(condition).then(pl.lit(rule.value)) for rule, condition in conditions(params).items()], separator="+", ignore_nulls=True
    )
    met = names != ""
    suspect = met & (pl.col("quality") != Quality.MISSING)
    return examined.with_columns(
        rule=pl.when(met).then(names).otherwise("rule"),
        quality=pl.when(suspect).then(pl.lit(Quality.SUSPECT.value)).otherwise("quality"),
    )


def conditions(params: QualityParams) -> dict[Rule, pl.Expr]:
    """Each rule as a condition on an examined reading; never null."""
    kwh, interval_us = pl.col("kwh"), pl.col("interval_s").clip(1, 86_400).cast(pl.Int64) * 1_000_000
    found = {
        Rule.ZERO_RUN: (kwh == 0) & (pl.col("run_h") > params.zero_run_h),
        Rule.FLAT_RUN: (kwh != 0) & (pl.col("run_h") > params.flat_run_h),
        Rule.NULL_RUN: kwh.is_null() & (pl.col("run_h") > params.null_run_h),
        Rule.NEGATIVE: (kwh < 0) & ~pl.col("signed"),
        Rule.ABOVE_CAPACITY: kwh > pl.col("limit_kwh"),
        Rule.MIXED_INTERVAL: pl.col("interval_s") != pl.col("usual_s"),
        Rule.OFF_GRID: pl.col("local").dt.epoch("us") % _DAY_US % interval_us != 0,
    }
    return {rule: condition.fill_null(False) for rule, condition in found.items()}


def local_time(zones: list[str]) -> pl.Expr:
    """`timestamp` on the wall clock of the row's `zone`, one of `zones`, without a zone of its own."""
    clocks = {zone: pl.col("timestamp").dt.convert_time_zone(zone).dt.replace_time_zone(None) for zone in zones}
    if len(clocks) == 1:
        return next(iter(clocks.values()))
    none = pl.lit(None, pl.Datetime("us"))
    return pl.coalesce([none, *(pl.when(pl.col("zone") == zone).then(clock) for zone, clock in clocks.items())])


def _run_hours() -> pl.Expr:
    """Hours of consecutive readings of a meter that have one value; a timestamp that is absent does not end a run."""
    starts = (pl.col("meter_id") != pl.col("meter_id").shift()) | pl.col("kwh").ne_missing(pl.col("kwh").shift())
    return (pl.col("interval_s").sum().over(starts.fill_null(True).cum_sum()) / 3600).alias("run_h")
