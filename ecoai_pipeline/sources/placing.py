"""Stamps slightly off the grid: the interval that is meant by uneven steps, and the grid point that a stamp belongs to.

Workbooks round stamps, loggers write them some seconds late, and some systems name an interval by its last minute or second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

_HOUR_S = 3600
_LAST_MINUTE_US = -60_000_000
_SEVERAL = 3
"""Equal steps that are no chance: of two or three daily readings with some seconds of jitter each step is another one."""
_FEW = 0.05
"""Share of a meter's steps below which a step is a slip, and no interval of the meter."""


@dataclass(frozen=True)
class GridRules:
    """How far a stamp may lie from its grid point.

    Attributes:
        lengths: usual lengths of an interval, seconds.
        share: of the interval that a stamp may be off.
        most_s: seconds that it may be off at most.
    """

    lengths: tuple[int, ...]
    share: float
    most_s: float

    def tolerance_s(self, interval_s: pl.Expr) -> pl.Expr:
        return pl.min_horizontal(interval_s * self.share, pl.lit(self.most_s))

    def meant(self, step_s: int) -> int:
        """The usual length nearest to a step between two stamps, which may both be off; the step itself if none is near.

        >>> rules = GridRules((300, 900, 3600), 0.1, 60)
        >>> [rules.meant(step) for step in (900, 903, 880, 1000, 420)]
        [900, 900, 900, 900, 420]
        """
        near = [length for length in self.lengths if abs(step_s - length) <= 2 * min(self.share * length, self.most_s)]
        return min(near, key=lambda length: abs(step_s - length), default=step_s)


def usual_steps(counts: pl.DataFrame, rules: GridRules, *keys: str) -> pl.DataFrame:
    """The interval that the steps between stamps mean, per key: `keys`, step, times.

    Steps that mean the same length are counted together. The most frequent of them is taken as it is where it makes up half of
    them and comes several times, as of a clock that drifts evenly; else the length that is meant. The shorter of two that are
    equally frequent wins.

    Args:
        counts: `keys`, step (seconds), times.
    """
    meant = {step: rules.meant(step) for step in counts["step"].unique().to_list()}
    summed = counts.group_by(*keys, "step").agg(pl.col("times").sum()).with_columns(meant=pl.col("step").replace(meant))
    order = [False] * len(keys)
    ranked = summed.sort(*keys, "times", "step", descending=[*order, True, False])
    groups = ranked.group_by(*keys, "meant", maintain_order=True).agg(
        pl.col("times").sum(), most=pl.col("times").first(), modal=pl.col("step").first()
    )
    evenly = (pl.col("most") >= _SEVERAL) & (pl.col("most") * 2 >= pl.col("times"))
    step = pl.when(evenly).then("modal").otherwise("meant")
    ordered = groups.sort(*keys, "times", "modal", descending=[*order, True, False])
    return ordered.unique(list(keys), keep="first", maintain_order=True).select(*keys, "times", step=step)


def grids(counts: pl.DataFrame, rules: GridRules) -> dict[str, int]:
    """Per meter the spacing of its grid, seconds, an hour at most: the most frequent length, or a shorter one that divides it.

    Args:
        counts: meter, step (seconds), times.
    """
    meant = {step: rules.meant(step) for step in counts["step"].unique().to_list()}
    summed = counts.with_columns(meant=pl.col("step").replace(meant)).group_by("meter", "meant").agg(pl.col("times").sum())
    usual = summed.filter(pl.col("meant").is_in(list(rules.lengths)))
    most = pl.col("meant").sort_by("times", "meant", descending=[True, False]).first().over("meter")
    regular = usual.filter(most % pl.col("meant") == 0, pl.col("times") >= _FEW * pl.col("times").sum().over("meter"))
    return dict(regular.group_by("meter").agg(pl.col("meant").min().clip(upper_bound=_HOUR_S)).iter_rows())


def _measured(frame: pl.DataFrame, spacing: Mapping[str, int]) -> pl.DataFrame:
    """Add `spacing` (seconds) and `off`, how far a stamp lies behind its nearest grid point, microseconds."""
    return frame.with_columns(spacing=spacing_of_meter(spacing)).with_columns(off=_off(pl.col("local").dt.epoch("us")).fill_null(0))


def spacing_of_meter(spacing: Mapping[str, int]) -> pl.Expr:
    """The spacing of the grid of a reading's meter, seconds; null where it is not known."""
    return pl.col("meter").replace_strict(dict(spacing), default=None, return_dtype=pl.Int64) if spacing else pl.lit(None, pl.Int64)


def _off(micros: pl.Expr) -> pl.Expr:
    """How far a time lies behind the nearest multiple of `spacing`, microseconds."""
    length = pl.col("spacing") * 1_000_000
    return (micros + length // 2) % length - length // 2


def out_of_the_gap(frame: pl.DataFrame, spacing: Mapping[str, int], rules: GridRules) -> pl.DataFrame:
    """Move local stamps that the clocks skip, but that lie nearly on a grid point that exists: 2:59:58 for 3:00.

    Args:
        frame: readings of a month (meter, zone, local, utc).
        spacing: of the grid by meter, seconds.
    """
    measured = _measured(frame, spacing)
    if not measured.select((pl.col("off") != 0).any()).item():
        return frame
    point = pl.col("local") - pl.duration(microseconds=pl.col("off"))
    near = pl.col("utc").is_null() & (pl.col("off").abs() <= rules.tolerance_s(pl.col("spacing")) * 1_000_000)
    parts = []
    for part in measured.partition_by("zone"):
        zone = part["zone"][0]
        lost = near & ~_exists(pl.col("local"), zone) & _exists(point, zone)
        parts.append(part.with_columns(local=pl.when(lost.fill_null(value=False)).then(point).otherwise("local")))
    return pl.concat(parts).select(frame.columns)


def _exists(local: pl.Expr, zone: str) -> pl.Expr:
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").is_not_null()


def onto_grid(frame: pl.DataFrame, spacing: Mapping[str, int], rules: GridRules, *, ends: bool) -> pl.DataFrame:
    """Move stamps that are nearly on the grid of the local day onto it; of two that would share a point the nearer one.

    A meter most of whose stamps in the frame lie elsewhere has another grid, or a clock that drifts, and keeps its stamps. An end at
    the last minute of an interval (00:14, 00:59) means the next full minute. A length that comes of two stamps (`usual`) lasts from
    grid point to grid point.

    Args:
        frame: readings of a month (meter, local, utc, interval_s, usual).
        spacing: of the grid by meter, seconds.
    """
    measured = _measured(frame, spacing)
    tolerance = rules.tolerance_s(pl.col("spacing")) * 1_000_000
    late = _off(pl.col("off") + pl.col("interval_s").cast(pl.Int64) * 1_000_000)  # how far the end lies behind its grid point
    measured = measured.with_columns(late=pl.when("usual").then(late).fill_null(0))
    if not measured.select(((pl.col("off") != 0) | (pl.col("late") != 0)).any()).item():
        return frame
    near = pl.col("off").abs() <= tolerance
    if ends:
        near |= pl.col("interval_s").is_null() & (pl.col("off") == _LAST_MINUTE_US)
    mostly = near.mean().over("meter") > 0.5
    distance = pl.col("off").abs() * 2 + (pl.col("off") > 0)
    point = measured.with_columns(near=(near & mostly).fill_null(value=False), distance=distance).with_columns(
        point=pl.col("utc") - pl.duration(microseconds=pl.col("off"))
    )
    nearest = pl.col("distance") == pl.col("distance").filter(pl.col("near")).min().over("meter", "point")
    moves = (pl.col("near") & nearest).fill_null(value=False)
    moved = pl.when(moves).then(pl.duration(microseconds=pl.col("off"))).otherwise(pl.duration(microseconds=0))
    between_points = pl.col("interval_s") + ((pl.col("off") - pl.col("late")) // 1_000_000)
    both = (moves & pl.col("usual") & (pl.col("late").abs() <= tolerance)).fill_null(value=False)
    # From 1:59:59 to 1:00:02 where clocks go back lasts no 3 s: such a length is unknown.
    lasts = pl.when(both).then(pl.when(between_points > 0).then(between_points)).otherwise("interval_s").cast(pl.Int32)
    return point.with_columns(pl.col("utc") - moved, pl.col("local") - moved, interval_s=lasts).select(frame.columns)


def without_place(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `placeless`: whether the stamp of a reading (meter, local, utc, interval_s) falls into an interval that an earlier one of
    the meter has taken.

    Intervals of more than an hour follow the days of the wall clock and are not judged.
    """
    length = pl.col("interval_s").cast(pl.Int64) * 1_000_000
    behind, is_short = pl.col("local").dt.epoch("us") % length, pl.col("interval_s") <= _HOUR_S
    if not frame.select((is_short & (behind != 0)).any()).item():
        return frame.with_columns(placeless=pl.lit(value=False))
    point = pl.col("utc") - pl.duration(microseconds=behind)
    taken = pl.col("utc") > pl.col("utc").min().over("meter", "interval_s", point)
    return frame.with_columns(placeless=(is_short & taken).fill_null(value=False))
