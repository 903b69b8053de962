"""Readings that a file gives in parts: registers to energy between readings, and parts of one interval to their sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from ecoai_pipeline.domain import Quality
from ecoai_pipeline.sources.layout import SECOND_PART, ZERO_LENGTH
from ecoai_pipeline.sources.reasons import Reason

ADDED = "zero_length"
"""Rule of a reading to which the energy of one was added that lasted no time."""
FIRST_REGISTER, FELL = "first_register", "register_fell"
"""Rules of a missing reading: no register before it, or one that was higher (the counter was reset or replaced)."""
_KEY = ("meter", "timestamp")


class Register(NamedTuple):
    """What a meter's register showed last: when (UTC), and how much, in the unit of the file."""

    at: object
    number: float


def differenced(frame: pl.DataFrame, last: Mapping[str, Register]) -> tuple[pl.DataFrame, dict[str, Register]]:
    """Energy between register readings.

    A register stands at the end of its interval; its energy is what was used since the one before it, and its interval starts
    there, so that a gap becomes one long reading and nothing is lost. The first of a meter and one that fell have no energy;
    the first, where it has no length of its own, is taken to have lasted as long as the one after it.
    Several readings of one moment: the later ones become what the first of them becomes where they are equal, else they are
    refused.

    Args:
        frame: dated register readings of a month (line, meter, utc, interval_s, number), none of them null but interval_s.
        last: the last register of each meter before them.
    Returns:
        The frame with new `utc`, `interval_s`, `number`, `rule` and a column `reason`; and the last registers.
    """
    end = pl.col("utc") + pl.duration(seconds=pl.col("interval_s").fill_null(0))
    ordered = frame.with_columns(end=end).sort("meter", "end", "line")
    single = ordered.unique(["meter", "end"], keep="first", maintain_order=True).select("meter", "end", "utc", "number", "interval_s")
    before = _before("end", {name: register.at for name, register in last.items()}, pl.Datetime("us", "UTC"))
    number_before = _before("number", {name: register.number for name, register in last.items()}, pl.Float64())
    after = pl.col("end").shift(-1).over("meter") - pl.col("end")
    start = pl.coalesce("before", pl.when(pl.col("interval_s") > 0).then("utc"), pl.col("end") - after)
    solved = single.with_columns(before=before, number_before=number_before).select(
        "meter",
        "end",
        register_number="number",
        start=start.fill_null(pl.col("end")),
        length=(pl.col("end") - start).dt.total_seconds().cast(pl.Int32),
        used=pl.col("number") - pl.col("number_before"),
    )
    joined = ordered.join(solved, on=["meter", "end"], how="left", maintain_order="left")
    fell = pl.col("used") < 0
    rule = pl.when(pl.col("used").is_null()).then(pl.lit(FIRST_REGISTER)).when(fell).then(pl.lit(FELL)).otherwise("rule")
    energy = joined.with_columns(
        utc="start",
        interval_s="length",
        rule=rule,
        reason=pl.when(pl.col("number") != pl.col("register_number")).then(pl.lit(Reason.CONFLICT.value)),
        number=pl.when(~fell).then("used"),
    )
    latest = single.group_by("meter").agg(pl.col("end").last(), pl.col("number").last())
    return energy.select(*frame.columns, "reason"), {**last, **{name: Register(at, number) for name, at, number in latest.iter_rows()}}


def _before(column: str, last: Mapping[str, object], dtype: pl.DataType) -> pl.Expr:
    carried = pl.col("meter").replace_strict(dict(last), default=None, return_dtype=dtype) if last else pl.lit(None, dtype)
    return pl.coalesce(pl.col(column).shift(1).over("meter"), carried)


def added_up(settled: pl.DataFrame) -> pl.DataFrame:
    """Add up the parts of each reading in the first of them; the others become repeats of it. With the column `reason`.

    A part that lasts no time needs a reading that starts with it, and makes it suspect where it brings energy. Two directions
    need equal intervals; without one of the two, the other is all there is.

    Args:
        settled: readings sorted by meter, timestamp and part (kwh, interval_s, quality, rule, part, repeat).
    """
    in_parts = settled.filter(pl.col("part") > 0).select(_KEY).unique()
    whole = settled.join(in_parts, on=_KEY, how="anti", maintain_order="left").with_columns(reason=pl.lit(None, pl.String))
    lasting = pl.col("part") != ZERO_LENGTH
    length = pl.col("interval_s").filter(lasting).first().over(_KEY)
    reason = (
        pl.when(~lasting & length.is_null())
        .then(pl.lit(Reason.NO_LENGTH.value))
        .when((pl.col("part") == SECOND_PART) & (pl.col("interval_s") != length))
        .then(pl.lit(Reason.UNEQUAL.value))
    )
    pieces = settled.join(in_parts, on=_KEY, how="semi", maintain_order="left").with_columns(reason=reason)
    used = pieces.filter(pl.col("reason").is_null(), ~pl.col("repeat"))
    leads = used.unique(_KEY, keep="first", maintain_order=True).select("line", *_KEY, lead=pl.lit(value=True))
    sums = pieces.drop("kwh", "interval_s", "quality", "rule", "repeat").join(_sums(used), on=_KEY, how="left", maintain_order="left")
    told = sums.join(leads, on=["line", *_KEY], how="left", maintain_order="left").with_columns(repeat=pl.col("lead").is_null())
    return pl.concat([whole, told.select(whole.columns)]).sort(*_KEY, "line")


def _sums(used: pl.DataFrame) -> pl.DataFrame:
    """Of each reading in parts its energy, unknown where one of them is, and the most doubtful of their qualities."""
    lasting, quality = pl.col("part") != ZERO_LENGTH, pl.col("quality")
    summed = used.group_by(_KEY).agg(
        pl.col("kwh").sum(),
        pl.col("interval_s").filter(lasting).first(),
        unknown=(lasting & pl.col("kwh").is_null()).any(),
        added=(~lasting & (pl.col("kwh") != 0)).any(),
        suspect=(quality == Quality.SUSPECT.value).any(),
        estimated=(quality == Quality.ESTIMATED.value).any(),
        told=pl.col("rule").drop_nulls().unique(maintain_order=True),
    )
    word = (
        pl.when("unknown")
        .then(pl.lit(Quality.MISSING.value))
        .when(pl.col("suspect") | pl.col("added"))
        .then(pl.lit(Quality.SUSPECT.value))
        .when("estimated")
        .then(pl.lit(Quality.ESTIMATED.value))
        .otherwise(pl.lit(Quality.MEASURED.value))
    )
    rules = pl.concat_list("told", pl.when("added").then(pl.lit([ADDED])).otherwise(pl.lit([], pl.List(pl.String)))).list.join("+")
    return summed.select(
        *_KEY,
        "interval_s",
        kwh=pl.when(~pl.col("unknown")).then("kwh"),
        quality=word,
        rule=pl.when(rules != "").then(rules),
    )
