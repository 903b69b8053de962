"""The engine that all sources share: numbers to kWh, local times to UTC, ends to starts, intervals, duplicates.

Two steps, so that memory is bounded by a block and a month: `sort_out` looks at each reading for itself, `place` and
`without_contradictions` at all readings of a month together. Each gives the good ones and the refused ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.domain import Quality
from ecoai_pipeline.sources.clock import by_wall_clock, parted, to_utc
from ecoai_pipeline.sources.layout import STATED, Traits
from ecoai_pipeline.sources.parts import added_up
from ecoai_pipeline.sources.placing import GridRules, grids, onto_grid, out_of_the_gap, usual_steps, without_place
from ecoai_pipeline.sources.reasons import Reason

REFUSED = pl.Schema(
    {"line": pl.Int64(), "cell": pl.Int32(), "text": pl.String(), "meter": pl.String(), "month": pl.Int32(), "reason": pl.String()}
)
_TOTALS = (
    "(?:grand|sub)[ -]?total|totals?|sum|average|mean|(?:zwischen|gesamt|end|monats|tages)?summe|gesamt|mittelwert|durchschnitt|mittel"
    "|sous-total|total|somme|moyenne|suma|subtotal|promedio|media|(?:sub)?totale|합계|총계|총합계|소계|누계|평균|계"
)
TOTAL = rf"(?i)(^|[,;|\t\"])\s*({_TOTALS})(?:[ :][^,;|\t\"]*)?\s*($|[,;|\t\"])"
"""A row of totals has a field that is one of these words or begins with it: `Summe`, `Total général`, `Summe 2025-03`."""
ROUNDED = re.compile(r"\d+\.\d+[eE]\+?\d{2,}")
"""An id that a program wrote as a rounded number: its last digits are lost."""
STATED_DOUBT = "stated"
"""The rule of a reading that its sender doubts without saying why."""
_SURE_STEPS = 3
_RANKS = {quality.value: rank for rank, quality in enumerate((Quality.MEASURED, Quality.ESTIMATED, Quality.SUSPECT, Quality.MISSING))}
_SAME = ("meter", "timestamp", "part")
_DAY_S = 86_400


@dataclass(frozen=True)
class Parts:
    """Readings that may go on, and those that are refused (REFUSED)."""

    good: pl.DataFrame
    refused: pl.DataFrame


class Zones(NamedTuple):
    """Time zones of a meter: the one its stamps are written in, and the one its days and months are those of."""

    stamps: str
    home: str


@dataclass(frozen=True)
class Usual:
    """What is known of meters from the whole file: lengths of their intervals and spacings of their grids, seconds."""

    rules: GridRules
    intervals: Mapping[str, int] = field(default_factory=dict)
    grids: Mapping[str, int] = field(default_factory=dict)

    def interval_of_meter(self) -> pl.Expr:
        if not self.intervals:
            return pl.lit(None, pl.Int64)
        return pl.col("meter").replace_strict(dict(self.intervals), default=None, return_dtype=pl.Int64)


def _looked_up(values: Mapping[str, str]) -> pl.Expr:
    return pl.col("meter").replace_strict(dict(values), default=None, return_dtype=pl.String) if values else pl.lit(None, pl.String)


def month_key(local: pl.Expr, *, ends: bool = False) -> pl.Expr:
    """Year and month of a local time as one number, 202203; the end of an interval belongs to the month before it."""
    inside = local.dt.offset_by("-1us") if ends else local
    return inside.dt.year().cast(pl.Int32) * 100 + inside.dt.month().cast(pl.Int32)


def sort_out(rough: pl.DataFrame, traits: Traits, zones_of: Callable[[str], Zones], first: int, latest: datetime) -> Parts:
    """Give each rough reading its local time, zones and month; refuse what cannot be read or dated.

    `rough` has its `number` and `number_reason`. `first` is the key of the first month that is accepted, `latest` the last
    instant that is believed.
    """
    zones = {meter: zones_of(meter) for meter in rough["meter"].unique().drop_nulls().to_list()}
    zone = _looked_up({meter: both.stamps for meter, both in zones.items()})
    home = _looked_up({meter: both.home for meter, both in zones.items()})
    parts = parted(with_stated(rough).with_columns(zone=zone, home=home), "zone")
    if "passed_s" in rough.columns:
        parts = [_passed(part, elapsed=traits.elapsed) for part in parts]
    if traits.counted_from:
        parts = [_counted(part, traits.counted_from) for part in parts]
    dated = pl.concat([_localised(part, latest) for part in parts]).with_columns(month=month_key(pl.col("local"), ends=traits.ends))
    rounded = [name for name in zones if ROUNDED.fullmatch(name)]
    told = pl.col("reason", "number_reason").is_not_null()
    doubts = {
        Reason.NO_METER: pl.col("meter").is_null() | (pl.col("meter") == ""),
        Reason.ROUNDED_METER: pl.col("meter").is_in(rounded) if rounded else pl.lit(value=False),
        Reason.BAD_STAMP: pl.col("local").is_null(),
        Reason.BEFORE_FIRST: pl.col("month") < first,
        Reason.FUTURE: pl.col("late"),
        Reason.NO_VALUE: pl.col("register").fill_null(value=False) & pl.col("number").is_null(),
    }
    if dated.select(pl.any_horizontal(told, *doubts.values()).any()).item():
        *first_doubts, last_doubt = (_when(doubt, reason) for reason, doubt in doubts.items())
        total = _when(_is_total(), Reason.TOTAL_ROW)
        dated = dated.with_columns(reason=pl.coalesce("reason", total, *first_doubts, "number_reason", last_doubt))
    return split(dated.drop("value", "number_reason", "late", strict=False))


def _is_total() -> pl.Expr:
    """Rows without a time that are called a total: a meter of that name has times."""
    return pl.when(pl.col("local").is_null()).then(pl.col("text")).str.contains(TOTAL)


def may_move_on(dated: pl.DataFrame, rules: GridRules) -> bool:
    """Whether a stamp is so near to the end of its month that the grid point it belongs to may be the next month's first."""
    later = month_key(pl.col("local") + pl.duration(microseconds=int(rules.most_s * 1_000_000)))
    return bool(dated.select((later != pl.col("month")).any()).item())


def with_stated(rough: pl.DataFrame) -> pl.DataFrame:
    """Put the columns of STATED last, in one order for all tables of a file; those that the layout does not give are null."""
    stated = [pl.col(name) if name in rough.columns else pl.lit(None, dtype).alias(name) for name, dtype in STATED.items()]
    return rough.select(pl.exclude(*STATED.names()), *stated)


def split(frame: pl.DataFrame) -> Parts:
    """Part a frame with the column `reason` into good and refused."""
    if frame["reason"].null_count() == frame.height:
        return Parts(frame.drop("reason"), REFUSED.to_frame())
    refused = frame.filter(pl.col("reason").is_not_null()).select(REFUSED.names()).cast(REFUSED)
    return Parts(frame.filter(pl.col("reason").is_null()).drop("reason"), refused)


def place(frame: pl.DataFrame, traits: Traits, usual: Usual) -> Parts:
    """Give the readings of a month their interval and its start in UTC, their kWh and quality.

    The column `month` is that of the start, at the meter's home, which may be a neighbour of that of the stamp. `placeless` marks
    readings whose interval an earlier stamp has taken.
    """
    stated = pl.col("interval_s").is_not_null() & ~pl.col("usual").fill_null(value=False)
    shown = frame if traits.fixed_interval else out_of_the_gap(frame, usual.grids, usual.rules)
    placed = split(to_utc(shown.with_columns(stated=stated), usual.grids, ends=traits.ends).with_columns(_placeholder()))
    regular = placed.good if traits.fixed_interval else onto_grid(placed.good, usual.grids, usual.rules, ends=traits.ends)
    timed = split(_with_interval(regular, traits, usual).with_columns(_placeholder()))
    lasting = by_wall_clock(without_place(timed.good), ends=traits.ends)
    moved = regular is not placed.good
    return Parts(_started(lasting, traits, moved=moved), pl.concat([placed.refused, timed.refused]))


def count_steps(frame: pl.DataFrame) -> pl.DataFrame:
    """How often which interval a meter shows, in seconds: the one that a reading states, else the step to the next: meter, step, times."""
    stated = pl.col("interval_s").is_between(1, _DAY_S)
    lengths = frame.filter(stated).group_by("meter", step=pl.col("interval_s").cast(pl.Int64)).len("times")
    frame = frame.filter(pl.col("interval_s").is_null())
    step = (pl.col("local").shift(-1) - pl.col("local")).dt.total_seconds()
    same_meter = pl.col("meter") == pl.col("meter").shift(-1)
    ordered = frame.select("meter", "local").sort("meter", "local", maintain_order=True).with_columns(step=step)
    steps = ordered.filter(same_meter, pl.col("step").is_between(1, _DAY_S)).group_by("meter", "step").len("times")
    return pl.concat([lengths, steps]) if lengths.height else steps


def usual_of(counts: pl.DataFrame, traits: Traits, rules: GridRules) -> Usual:
    """What the steps of the whole file say of its meters; a few steps do not outweigh what the source says."""
    steps = usual_steps(counts, rules, "meter").filter((pl.col("times") >= _SURE_STEPS) | pl.lit(traits.interval_s is None))
    return Usual(rules, dict(steps.select("meter", "step").iter_rows()), grids(counts, rules))


def relocated(frame: pl.DataFrame) -> pl.DataFrame:
    """Give instants that have moved their local time and month again."""
    parts = [
        part.with_columns(local=pl.col("utc").dt.convert_time_zone(part["zone"][0]).dt.replace_time_zone(None))
        for part in parted(frame, "zone")
    ]
    return pl.concat(parts).with_columns(month=month_key(pl.col("local"))) if parts else frame


def _counted(part: pl.DataFrame, first: datetime) -> pl.DataFrame:
    """Times that were counted on from a first local one as instants: hours pass evenly, also where clocks change."""
    zone = part["zone"][0] or "UTC"
    start = first if first.tzinfo else first.replace(tzinfo=ZoneInfo(zone))
    passed = pl.col("local") - pl.lit(first.replace(tzinfo=None))
    instants = pl.lit(start.astimezone(UTC)).cast(pl.Datetime("us", "UTC")) + passed
    return part.with_columns(utc=instants, local=pl.lit(None, pl.Datetime("us")))


def _passed(part: pl.DataFrame, *, elapsed: bool) -> pl.DataFrame:
    """Intervals that are numbered from midnight on (`passed_s`; `local` is the time of a day without a change) on days of 23 or 25 hours.

    Numbers count hours that pass where `elapsed`, and in a row that has values for the hour that is skipped and none at its end.
    Intervals behind the end of a day are dropped where they are empty: tables of 50 half hours have them on usual days.
    """
    zone, midnight = part["zone"][0] or "UTC", pl.col("local") - pl.duration(seconds="passed_s")
    dated = part.with_columns(day=midnight)
    starts = [
        day.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
        for day in (pl.col("day"), pl.col("day").dt.offset_by("1d"))
    ]
    days = dated.select(pl.col("day").unique()).with_columns(start=starts[0], length=(starts[1] - starts[0]).dt.total_seconds())
    if not elapsed and (days["length"].drop_nulls() == _DAY_S).all():
        return part.drop("passed_s")
    dated = dated.join(days, on="day", how="left", maintain_order="left").drop("day")
    beyond, filled = pl.col("passed_s") >= pl.col("length"), pl.col("number").is_not_null()
    skipped = pl.col("local").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").is_null()
    shifted = (pl.col("length") < _DAY_S) & ~(beyond & filled).any().over("line") & (skipped & filled).any().over("line")
    counted = dated.with_columns(counted=pl.lit(elapsed) | shifted.fill_null(value=False))
    empty = ~filled & pl.col("number_reason").is_null()
    return (
        counted.filter(~(pl.col("counted") & beyond & empty).fill_null(value=False))
        .with_columns(utc=pl.when(pl.col("counted") & ~beyond).then(pl.col("start") + pl.duration(seconds="passed_s")).otherwise("utc"))
        .with_columns(local=pl.when(~pl.col("counted")).then("local"))
        .drop("passed_s", "start", "length", "counted")
    )


def _localised(part: pl.DataFrame, latest: datetime) -> pl.DataFrame:
    """Fill `local` where the file gave instants, and mark times after `latest`; the part has one zone."""
    zone = part["zone"][0]
    if zone is None:
        return part.with_columns(late=pl.lit(False))
    limit = pl.lit(latest).dt.convert_time_zone(zone).dt.replace_time_zone(None)
    local = pl.coalesce("local", pl.col("utc").dt.convert_time_zone(zone).dt.replace_time_zone(None))
    return part.with_columns(local=local).with_columns(late=pl.col("local") > limit)


def _with_interval(frame: pl.DataFrame, traits: Traits, usual: Usual) -> pl.DataFrame:
    """Fill `interval_s` where the reading states none: the source's, where its columns fix it; else the most frequent step of the
    meter's local day, month or file."""
    if traits.fixed_interval or frame["interval_s"].null_count() == 0:
        return frame.with_columns(pl.coalesce("interval_s", pl.lit(traits.interval_s, pl.Int32))).with_columns(reason=_skips())
    step = pl.when(pl.col("meter") == pl.col("meter").shift(-1)).then((pl.col("utc").shift(-1) - pl.col("utc")).dt.total_seconds())
    ordered = frame.sort("meter", "utc", "line", maintain_order=True).with_columns(step=step)
    counts = ordered.filter(pl.col("step").is_between(1, _DAY_S)).group_by("meter", "step").len("times")
    even = counts.filter(pl.len().over("meter") == 1, pl.col("times") >= _SURE_STEPS)
    length = dict(even.select("meter", "step").iter_rows())
    usual_step = pl.col("meter").replace_strict(length, default=None, return_dtype=pl.Int64) if length else pl.lit(None, pl.Int64)
    told = ordered.with_columns(even=usual_step)
    if told["even"].null_count():
        uneven = pl.col("even").is_null()
        told = pl.concat([told.filter(~uneven), _with_modal_step(told.filter(uneven), traits, usual)])
    interval = pl.coalesce("interval_s", "even", usual.interval_of_meter(), pl.lit(traits.interval_s, pl.Int64)).cast(pl.Int32)
    return (
        told.with_columns(interval_s=interval)
        .with_columns(reason=pl.coalesce(_when(pl.col("interval_s").is_null(), Reason.NO_INTERVAL), _skips()))
        .drop("even", "step")
    )


def _with_modal_step(ordered: pl.DataFrame, traits: Traits, usual: Usual) -> pl.DataFrame:
    """Fill `even` with the most frequent step of the meter's local day, else month, where its steps differ; null where they are few."""
    day = pl.col("local").dt.offset_by("-1us" if traits.ends else "0us").dt.date()
    dated = ordered.with_columns(day=day)
    counts = dated.filter(pl.col("step").is_between(1, _DAY_S)).group_by("meter", "day", "step").len("times")
    sure = pl.col("times") >= _SURE_STEPS
    of_day = usual_steps(counts, usual.rules, "meter", "day").filter(sure).select("meter", "day", day_step="step")
    of_month = usual_steps(counts, usual.rules, "meter").filter(sure).select("meter", month_step="step")
    joined = dated.join(of_day, on=["meter", "day"], how="left").join(of_month, on="meter", how="left")
    return joined.with_columns(even=pl.coalesce("day_step", "month_step")).select(ordered.columns)


def _placeholder() -> pl.Expr:
    """Say of a reading at a skipped time that it has no energy: tables of 24 rows a day fill the skipped hour so."""
    empty = pl.col("number").fill_null(0) == 0
    detail = pl.lit(f"{Reason.NO_SUCH_TIME}; it has no energy, as a placeholder")
    return pl.when((pl.col("reason") == Reason.NO_SUCH_TIME.value) & empty).then(detail).otherwise("reason").alias("reason")


def _skips() -> pl.Expr:
    """An interval that clocks skip whole does not exist; a longer one begins with the change."""
    return _when((pl.col("skipped_s") > 0) & (pl.col("interval_s") <= pl.col("skipped_s")), Reason.NO_SUCH_TIME)


def _started(frame: pl.DataFrame, traits: Traits, *, moved: bool) -> pl.DataFrame:
    """Energy in kWh at the start of its interval, and the month of that start at the meter's home."""
    length = pl.duration(seconds=pl.col("interval_s")) if traits.ends else pl.duration(seconds=0)
    number = pl.col("number") * (pl.col("interval_s") / 3600) if traits.unit.is_power else pl.col("number")
    hours = pl.when("power").then(pl.col("interval_s") / 3600).otherwise(1.0)
    started = frame.with_columns(
        timestamp=pl.col("utc") - length if traits.ends else pl.col("utc"),
        kwh=pl.when(pl.col("per_kwh").is_null())
        .then(number if traits.unit.kwh == 1 else number * traits.unit.kwh)
        .otherwise(pl.col("number") * hours / pl.col("per_kwh")),
        quality=_quality(pl.col("number")),
    ).with_columns(
        rule=pl.when(pl.col("quality") == Quality.SUSPECT.value).then(pl.col("rule").fill_null(STATED_DOUBT)).otherwise("rule"),
    )
    if moved or traits.ends or not started["zone"].equals(started["home"]):
        started = pl.concat([started[:0], *(_home_month(part) for part in parted(started, "home"))])
    return started.drop("number", "utc", "local", "zone", "home", "stated", "usual", "skipped_s", "per_kwh", "power", "register")


def _quality(number: pl.Expr) -> pl.Expr:
    """Missing without a number, whatever is stated; else as stated; a number that is stated to be missing is doubtful."""
    doubtful = pl.col("quality") == Quality.MISSING
    return (
        pl.when(number.is_null())
        .then(pl.lit(Quality.MISSING.value))
        .when(doubtful)
        .then(pl.lit(Quality.SUSPECT.value))
        .otherwise(pl.col("quality").fill_null(Quality.MEASURED.value))
    )


def _home_month(part: pl.DataFrame) -> pl.DataFrame:
    return part.with_columns(month=month_key(pl.col("timestamp").dt.convert_time_zone(part["home"][0])))


def without_contradictions(frame: pl.DataFrame, *, last_wins: bool = False) -> Parts:
    """Sort by meter and time; mark equal repeats in the column `repeat`, refuse a row that contradicts another, add up parts.

    Of several rows about one interval the one of the best quality is kept, of equally good ones the first, or with `last_wins` the last.
    """
    rank = pl.col("quality").replace_strict(_RANKS, default=len(_RANKS), return_dtype=pl.Int8)
    age = -pl.col("line") if last_wins else pl.col("line")
    ordered = frame.with_columns(pl.col("part").fill_null(0), rank=rank).sort("meter", "timestamp", "part", "rank", age, "cell")
    again = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in _SAME)
    marked = ordered.with_columns(repeat=again.fill_null(False), reason=pl.lit(None, pl.String))
    if marked["repeat"].any():
        kwh, line, best = (pl.col(name).first().over(_SAME) for name in ("kwh", "line", "rank"))
        equally_good = Reason.REPLACED if last_wins else Reason.CONFLICT
        reason = pl.when(pl.col("rank") > best).then(pl.lit(Reason.SUPERSEDED.value)).otherwise(pl.lit(equally_good.value))
        detail = pl.format("{}; line {} was kept", reason, line)
        marked = marked.with_columns(reason=pl.when(pl.col("repeat") & pl.col("kwh").ne_missing(kwh)).then(detail))
    marked = marked.drop("rank")
    once = split(marked)
    if once.good.filter(pl.col("part") > 0).is_empty():
        return Parts(once.good.drop("part"), once.refused)
    whole = split(added_up(once.good))
    return Parts(whole.good.drop("part"), pl.concat([once.refused, whole.refused]))


def _when(condition: pl.Expr, reason: Reason) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason.value))
