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
    COUNTER_RESET = "counter_reset"
    ABOVE_HISTORY = "above_history"
    NEGATIVE = "negative"
    ABOVE_CAPACITY = "above_capacity"
    MIXED_INTERVAL = "mixed_interval"
    OFF_GRID = "off_grid"
    DRIFTING = "drifting"
    FILLED_DAYS = "filled_days"
    COPIED_DAYS = "copied_days"
    WRONG_FACTOR = "wrong_factor"
    SHIFTED_CLOCK = "shifted_clock"


COLLECTION = (Rule.FILLED_DAYS, Rule.COPIED_DAYS, Rule.WRONG_FACTOR, Rule.SHIFTED_CLOCK)
"""The rules on how whole days were collected."""


class DayRule(StrEnum):
    """What is suspicious of a meter's day, where there is no reading to mark or all of them are good."""

    MISSING_DAY = "missing_day"
    INTERVAL_CHANGED = "interval_changed"


MEANINGS: Mapping[Rule | DayRule, str] = {
    Rule.ZERO_RUN: "zeros run on for long; a counter that stands",
    Rule.FLAT_RUN: "equal readings run on for long; a counter or a line that is stuck",
    Rule.NULL_RUN: "nothing was read for long",
    Rule.COUNTER_RESET: "the counter stood or was not read, then gave its energy at once; the whole run",
    Rule.ABOVE_HISTORY: "far more than the meter's usual load; a register that jumped",
    Rule.NEGATIVE: "negative, but the meter is not signed",
    Rule.ABOVE_CAPACITY: "more than the capacity allows",
    Rule.MIXED_INTERVAL: "an interval of a length that is not the meter's",
    Rule.OFF_GRID: "the stamp lies beside the grid of the local day",
    Rule.DRIFTING: "the stamp moves against the grid; a clock that drifts",
    Rule.FILLED_DAYS: "whole days of zeros on a meter that is otherwise not at zero; they were not collected and were filled with zeros",
    Rule.COPIED_DAYS: "whole days repeat an earlier day digit by digit; they were not collected and were copied from it",
    Rule.WRONG_FACTOR: "from a midnight on all readings are a multiple of the usual ones, at night as well; a wrong unit or multiplier",
    Rule.SHIFTED_CLOCK: "from a clock change on the daily profile lies an hour beside the one before; the logger did not follow the change",
    DayRule.MISSING_DAY: "a whole local day has no value",
    DayRule.INTERVAL_CHANGED: "the meter's interval changes for good",
}


def meter_frame(meters: Mapping[str, Meter]) -> pl.DataFrame:
    """What the rules need of the registry: meter_id, zone, signed, capacity_kw (null where unknown)."""
    rows = [(m.meter_id, m.time_zone, m.signed, m.capacity_kw) for m in meters.values()]
    schema = {"meter_id": pl.String, "zone": pl.String, "signed": pl.Boolean, "capacity_kw": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def mark(examined: pl.DataFrame, params: QualityParams) -> pl.DataFrame:
    """Make readings that meet a rule suspect and name the rules; no row and no energy changes.

    A missing reading stays missing and is told to lie in a null run; what the source said of a reading stays, behind the rules
    it meets. A reading that meets no rule is left as it came.
    """
    found = conditions(params)
    meets = examined.select(pl.any_horizontal(found.values())).to_series()
    places = meets.arg_true()
    if places.is_empty():
        return examined
    told = _told(examined.filter(meets), found)
    return examined.with_columns(
        rule=examined["rule"].scatter(places, told["rule"]), quality=examined["quality"].scatter(places, told["quality"])
    )


def _told(suspicious: pl.DataFrame, found: Mapping[Rule, pl.Expr]) -> pl.DataFrame:
    """Rule and quality of readings that meet at least one rule."""
    met = [pl.when(condition).then(pl.lit(rule.value)) for rule, condition in found.items()]
    named = pl.concat_str(met, separator="+", ignore_nulls=True)
    said = pl.col("rule").str.split("+").list.set_difference([rule.value for rule in Rule]).list.join("+").replace("", None)
    suspect = pl.col("quality") != Quality.MISSING
    return suspicious.select(
        rule=pl.concat_str([named, said], separator="+", ignore_nulls=True),
        quality=pl.when(suspect).then(pl.lit(Quality.SUSPECT.value)).otherwise("quality"),
    )


def conditions(params: QualityParams) -> dict[Rule, pl.Expr]:
    """Each rule as a condition on an examined reading; never null."""
    kwh, clock_s, step_s = pl.col("kwh"), pl.col("clock_s"), pl.col("step_s")
    load_kw = kwh.abs() * 3600 / pl.col("interval_s").clip(1)
    grid_us = clock_s.clip(1, 86_400).cast(pl.Int64) * 1_000_000
    off_grid = pl.col("local").dt.epoch("us") % _DAY_US % grid_us != 0
    found = {
        Rule.ZERO_RUN: (kwh == 0) & (pl.col("run_h") > params.zero_run_h),
        Rule.FLAT_RUN: (kwh != 0) & (pl.col("run_h") > params.flat_run_h),
        Rule.NULL_RUN: kwh.is_null() & (pl.col("run_h") > params.null_run_h),
        Rule.COUNTER_RESET: pl.col("carried") & ~pl.col("signed"),
        Rule.ABOVE_HISTORY: ~pl.col("carried") & (load_kw > params.history_factor * pl.col("usual_kw")),
        Rule.NEGATIVE: (kwh < 0) & ~pl.col("signed"),
        Rule.ABOVE_CAPACITY: kwh > pl.col("limit_kwh"),
        Rule.MIXED_INTERVAL: (clock_s != pl.col("usual_s")) & (pl.col("block_h") <= params.interval_kept_h),
        Rule.OFF_GRID: off_grid,
        Rule.DRIFTING: off_grid & (step_s != clock_s) & ((step_s - clock_s).abs() <= params.drift_share * clock_s),
        Rule.FILLED_DAYS: pl.col("filled"),
        Rule.COPIED_DAYS: pl.col("copied"),
        Rule.WRONG_FACTOR: pl.col("multiplied"),
        Rule.SHIFTED_CLOCK: pl.col("shifted"),
    }
    return {rule: condition.fill_null(False) for rule, condition in found.items()}
