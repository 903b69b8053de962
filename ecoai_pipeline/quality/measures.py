"""What the rules and the daily summary judge a reading by: its runs, its counter, its clock, each seen over the month's edge."""

from __future__ import annotations

import polars as pl

from ecoai_pipeline.quality.collection.copied import copied_days
from ecoai_pipeline.quality.collection.factor import wrong_factor
from ecoai_pipeline.quality.collection.filled import filled_days
from ecoai_pipeline.quality.collection.rows import Rows
from ecoai_pipeline.quality.collection.shifted import shifted_clock
from ecoai_pipeline.settings import QualityParams

CONTEXT = ("meter_id", "timestamp", "interval_s", "kwh")
"""The columns of the month before that `examine` needs."""
_END = pl.col("timestamp") + pl.duration(seconds=pl.col("interval_s"))
_ENERGY = (pl.col("kwh") != 0).fill_null(False)
_FIRST = (pl.col("meter_id") != pl.col("meter_id").shift()).fill_null(True)
_LAST = (pl.col("meter_id") != pl.col("meter_id").shift(-1)).fill_null(True)


def examine(
    readings: pl.DataFrame, meters: pl.DataFrame, params: QualityParams, *, default_zone: str, before: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Put beside each reading what the rules and the daily summary judge it by.

    Args:
        readings: whole meters of one month, with the columns of a reading.
        meters: as of `meter_frame`; a meter that is not in it is unsigned, of unknown capacity and in `default_zone`.
        before: readings of the same meters in the month before, with the columns CONTEXT at least.

    Returns:
        The readings, sorted by meter and time, with `zone`, `signed`, `limit_kwh` (energy that the capacity allows in the
        interval, with tolerance; null where unknown), `local` (naive local time), and

        - `run_h`: hours of the run of equal or empty readings that it lies in; 0 for values in runs of too few readings;
        - `usual_kw`: the load that the two months call usual, kW; null where they hold too little of it. It is the larger of
          the 90 % quantile of each energy spread over the time since the one before, so that what a counter delivered late
          counts as the load it was, and of the median energy, so that a pump that runs an hour a week is not such a counter;
        - `carried`: a reading after zeros or nothing that holds far more than its interval can, or one of those zeros;
        - `usual_s`: the meter's modal interval in the month, seconds; `clock_s`: the interval that is meant: the usual one on
          days of 23 or 25 hours and in an hour that comes twice, and where a drifting clock stretches it;
        - `step_s`: from the start of the reading before to this one's, seconds;
        - `filled`: a zero that stands for a day that was not collected, or a reading beside it that was collected in part;
        - `copied`: a reading of a day that repeats an earlier one;
        - `multiplied`: a reading of days that are multiplied by a factor;
        - `shifted`: a reading after a clock change that its stamp did not follow;
        - `block_h`: hours of readings on end with one `clock_s`; `changed`: the first of a new length that lasts.
    """
    context = (readings.clear() if before is None else before).select(CONTEXT)
    both = pl.concat([context.with_columns(own=pl.lit(False)), readings.with_columns(own=pl.lit(True))], how="diagonal")
    known = (
        both.select(*readings.columns, "own")
        .sort("meter_id", "timestamp", maintain_order=True)  # a stable sort is quick where rows are sorted already
        .join(meters, on="meter_id", how="left", maintain_order="left")
        .with_columns(pl.col("zone").fill_null(default_zone), pl.col("signed").fill_null(False))
    )
    runs = known.with_columns(_run_hours(params))
    rows = Rows.of(runs)
    faults = (filled_days, copied_days, wrong_factor, shifted_clock)
    collected = runs.with_columns(fault(rows, params) for fault in faults)
    measured = _clock(_counter(collected, params), params)
    limit_kwh = pl.col("capacity_kw") * pl.col("interval_s") / 3600 * params.capacity_factor
    local = local_time(measured["zone"].unique().sort().to_list())
    return measured.filter("own").with_columns(local=local, limit_kwh=limit_kwh).drop("own", "capacity_kw")


def local_time(zones: list[str], instant: pl.Expr | None = None) -> pl.Expr:
    """`timestamp`, or another instant, on the wall clock of the row's `zone`, one of `zones`, without a zone of its own."""
    moment = pl.col("timestamp") if instant is None else instant
    clocks = {zone: moment.dt.convert_time_zone(zone).dt.replace_time_zone(None) for zone in zones}
    if len(clocks) == 1:
        return next(iter(clocks.values()))
    none = pl.lit(None, pl.Datetime("us"))
    return pl.coalesce([none, *(pl.when(pl.col("zone") == zone).then(clock) for zone, clock in clocks.items())])


def _run_hours(params: QualityParams) -> pl.Expr:
    """Hours of consecutive readings of a meter that have one value; a timestamp that is absent does not end a run."""
    opens = _FIRST | pl.col("kwh").ne_missing(pl.col("kwh").shift())
    is_run = pl.col("kwh").is_null() | (_over_run(pl.lit(1), opens) >= params.run_readings)
    return pl.when(is_run).then(_hours_of(opens)).otherwise(0.0).alias("run_h")


def _hours_of(opens: pl.Expr) -> pl.Expr:
    """Hours of the run that a reading lies in; `opens` is true where a run begins."""
    return _over_run(pl.col("interval_s"), opens) / 3600


def _over_run(whole: pl.Expr, opens: pl.Expr) -> pl.Expr:
    """The sum of whole numbers over the run that a row lies in, by running sums: most runs are a row, too small to group by."""
    until = pl.when(opens.is_not_null()).then(whole.cast(pl.Int64)).cum_sum()
    before = pl.when(opens).then(until - whole).forward_fill()
    closes = opens.shift(-1).fill_null(value=True)
    return pl.when(closes).then(until).backward_fill() - before


def _counter(frame: pl.DataFrame, params: QualityParams) -> pl.DataFrame:
    """Add `usual_kw` and `carried`."""
    delivered = pl.when(_FIRST).then("timestamp").when(_ENERGY.shift()).then(_END.shift()).forward_fill()
    since_s = (_END - delivered).dt.total_seconds()
    seen = frame.with_columns(since_s=pl.max_horizontal(since_s, "interval_s"))
    spread_kw, load_kw = _kw("since_s"), _kw("interval_s")
    usual = (
        seen.filter(_ENERGY, pl.col("interval_s") > 0, ~pl.col("multiplied"))
        .group_by("meter_id")
        .agg(usual_kw=pl.max_horizontal(spread_kw.quantile(0.9), load_kw.median()), known=pl.len())
        .filter(pl.col("known") >= params.history_readings)
        .drop("known")
    )
    silent = pl.col("since_s") - pl.col("interval_s") >= params.reset_silence_h * 3600
    late = silent & (load_kw > params.reset_factor * pl.col("usual_kw"))
    carried = pl.when(_ENERGY).then(late.fill_null(False)).when(_LAST).then(False).backward_fill()
    return seen.join(usual, on="meter_id", how="left", maintain_order="left").with_columns(carried=carried).drop("since_s")


def _kw(seconds: str) -> pl.Expr:
    return pl.col("kwh").abs() * 3600 / pl.col(seconds)


def _clock(frame: pl.DataFrame, params: QualityParams) -> pl.DataFrame:
    """Add `usual_s`, `clock_s`, `step_s`, `block_h` and `changed`."""
    meant = {length: params.meant_interval_s(length) for length in frame["interval_s"].unique()}
    timed = frame.with_columns(clock_s=pl.col("interval_s").replace(meant))
    usual = timed.filter("own").group_by("meter_id").agg(usual_s=pl.col("clock_s").mode().min())
    known = _usual_by_the_wall(timed.join(usual, on="meter_id", how="left", maintain_order="left")).with_columns(
        step_s=pl.when(~_FIRST).then((pl.col("timestamp") - pl.col("timestamp").shift()).dt.total_seconds()),
    )
    opens = _FIRST | (pl.col("clock_s") != pl.col("clock_s").shift())
    blocks = known.with_columns(block_h=_hours_of(opens))
    lasts = pl.col("block_h") > params.interval_kept_h
    kept_before = pl.when(_FIRST).then(0).when(lasts.shift()).then(pl.col("clock_s").shift()).forward_fill()
    return blocks.with_columns(changed=opens & lasts & (kept_before != 0) & (kept_before != pl.col("clock_s")))


def _usual_by_the_wall(frame: pl.DataFrame) -> pl.DataFrame:
    """Take the usual interval for `clock_s` where another one is as long as that on the wall clock, as a day of 23 hours is."""
    if not frame.select((pl.col("clock_s") != pl.col("usual_s")).any()).item():
        return frame
    zones = frame["zone"].unique().sort().to_list()
    return frame.with_columns(clock_s=pl.when(_on_the_wall(zones) == pl.col("usual_s")).then("usual_s").otherwise("clock_s"))


def _on_the_wall(zones: list[str]) -> pl.Expr:
    """Seconds from start to end of the interval on the wall clock; one that ends as the clocks change ends before they do."""
    closes = local_time(zones, _END - pl.duration(microseconds=1)) + pl.duration(microseconds=1)
    return (closes - local_time(zones)).dt.total_seconds()
