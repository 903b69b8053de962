"""From scored intervals to events: where they start and end, and which name they bear. Pure functions of frames."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection.evidence import NO_CONSUMPTION, RULE_KINDS, ModelWeights, describe, marked_by, weighed
from ecoai_pipeline.detection.loads import READINGS, loads_of
from ecoai_pipeline.detection.segments.extents import FAR, Stretches
from ecoai_pipeline.domain import SEGMENT, Category, EventStatus, Quality, Resolution
from ecoai_pipeline.features.runs import Rows, rows_between, seeded_runs
from ecoai_pipeline.settings import EventParams

Mask = NDArray[np.bool_]
Weeks = Callable[[Sequence[str]], pl.DataFrame]
_HOUR_US = 3_600_000_000
_TIME = pl.Datetime("us", "UTC")
OPEN_SCHEMA = pl.Schema(
    [("event_id", pl.String()), ("meter_id", pl.String()), ("category", pl.String()), ("start", _TIME), ("end", _TIME)],
)


def event_id(meter_id: str, category: str, opened: datetime) -> str:
    """Name of an event by where its marked intervals begin: its edges are cut by what comes after, and its name shall stay."""
    return hashlib.sha256(f"{meter_id}|{category}|{opened.isoformat()}".encode()).hexdigest()[:16]


def find_events(
    scores: pl.DataFrame,
    tail: pl.DataFrame,
    open_before: pl.DataFrame,
    known: pl.DataFrame,
    params: EventParams,
    weights: ModelWeights | None = None,
    weeks: Weeks | None = None,
) -> pl.DataFrame:
    """The events that touch a month.

    Detectors and segments alarm by themselves: of an interval the smaller one of the detectors' p and `segment_looks` times that of
    segments counts. A stretch opens where p < q, goes on while p < hysteresis x q, and takes in its neighbours within the merge gap. An
    energy event is the segment that explains a stretch (`segments.extents`); readings that are no consumption, because a quality rule
    says so, neither open it nor count in its energy. A data quality event is a gap of `missing_h`, or a run that a quality rule marks. An
    event that reaches back into the month before, or goes on from an open one, keeps its true start and its name; all else is the month's
    part. An event that was known the night before keeps its name, too, wherever its first alarm lies by now; of two that became one the
    older name stays.

    Args:
        scores: SCORES rows of the month, in any order.
        tail: SCORES rows of the last days of the month before, of the same meters.
        open_before: events of the month before that were still open, columns of `OPEN_SCHEMA`.
        known: events of the month as they were found before, the same columns.
        weights: of the models that scored, for the detectors' shares in an event; all alike where not given.
        weeks: gives READINGS of some meters, in order of meter and time, with the weeks before the month; else those of `tail` and `scores`
            are looked at.

    Returns:
        Columns of ANOMALIES but for those that the meter registry, the files and the surroundings of an event know of, and `strange`:
        whether it mostly lies in strange days. Energy events have no kind yet.
    """
    frame = pl.concat([tail.with_columns(now=pl.lit(value=False)), scores.with_columns(now=pl.lit(value=True))])
    frame = weighed(frame.sort("meter_id", "timestamp"), weights or {})
    # Neither detectors nor segments can outvote the other.
    frame = frame.with_columns(p=pl.min_horizontal("p", pl.col(f"p_{SEGMENT}") * _looks(frame, params)))
    consumed = frame.filter(~marked_by(NO_CONSUMPTION))
    grid = _Grid.of(frame)
    faulty = _data_marks(frame, grid, params)
    first, last = _merged(grid, *seeded_runs(faulty, faulty, grid.broken), params.merge_gap_h)
    named = _Named(open_before, known, params)
    parts = [
        _energy_events(consumed, named, weeks),
        _described(frame, grid, Category.DATA_QUALITY, (first, last, first), faulty, named),
    ]
    found = pl.concat(parts).join(_data_ends(frame), on=["meter_id", "category"], maintain_order="left")
    still = pl.col("end") + pl.duration(hours=1) * params.merge_gap_h >= pl.col("data_end")
    status = pl.when(still).then(pl.lit(EventStatus.ONGOING.value)).otherwise(pl.lit(EventStatus.CLOSED.value))
    return found.with_columns(status=status).drop("data_end").sort("meter_id", "start", "category")


@dataclass(frozen=True)
class _Grid:
    """The sorted rows as arrays: whose they are, their start and end (us), and where one does not follow the one before."""

    meter: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    broken: Mask

    @classmethod
    def of(cls, frame: pl.DataFrame) -> _Grid:
        meter = frame["meter_id"].rle_id().cast(pl.Int64).to_numpy()
        start = frame["timestamp"].to_physical().to_numpy()
        end = start + frame["interval_s"].cast(pl.Int64).to_numpy() * 1_000_000
        broken = np.ones(len(start), dtype=bool)
        broken[1:] = (meter[1:] != meter[:-1]) | (start[1:] > end[:-1])
        return cls(meter, start, end, broken)


def _looks(frame: pl.DataFrame, params: EventParams) -> pl.Expr:
    """By how much the p of segments is multiplied, by the interval of a row."""
    intervals = frame["interval_s"].unique().to_list()
    looks = [params.segment_looks[Resolution.of(seconds)] for seconds in intervals]
    return pl.col("interval_s").replace_strict(intervals, looks, return_dtype=pl.Float64)


def _energy_marks(frame: pl.DataFrame, hysteresis: float) -> tuple[Mask, Mask]:
    """Rows that an open event runs on over, and rows that open one; an interval without p does neither."""
    marks = frame.select(warm=(pl.col("p") < pl.col("q") * hysteresis).fill_null(value=False), hot=_is_hot())
    return marks["warm"].to_numpy(), marks["hot"].to_numpy()


def _is_hot() -> pl.Expr:
    return (pl.col("p") < pl.col("q")).fill_null(value=False)


def _data_marks(frame: pl.DataFrame, grid: _Grid, params: EventParams) -> Mask:
    """Rows within a gap of `missing_h`, or marked by a rule that means a fault of the meter."""
    marks = frame.select(missing=pl.col("quality") == Quality.MISSING, marked=marked_by(RULE_KINDS))
    missing = marks["missing"].to_numpy()
    first, last = seeded_runs(missing, missing, grid.broken)
    long = grid.end[last] - grid.start[first] >= params.missing_h * _HOUR_US
    rows, _ = rows_between(first[long], last[long])
    faulty: Mask = marks["marked"].to_numpy().copy()
    faulty[rows] = True
    return faulty


def _energy_events(frame: pl.DataFrame, named: _Named, weeks: Weeks | None) -> pl.DataFrame:
    params = named.params
    grid, (warm, hot) = _Grid.of(frame), _energy_marks(frame, params.hysteresis)
    first, last = _merged(grid, *seeded_runs(warm, hot, grid.broken), params.merge_gap_h)
    opened = _first_marked(first, last, hot)
    if len(first):
        meters = frame["meter_id"].to_numpy()
        readings = weeks(sorted(set(meters[first].tolist()))) if weeks else frame.select(READINGS)
        stretches = Stretches(
            meters, grid.start, hot, _distance(frame), frame["strange_day"].to_numpy(), round(params.merge_gap_h * _HOUR_US)
        )
        first, last, stretch = stretches.cut(first, last, loads_of(readings))
        # The first event of a stretch is named by the first alarm of the stretch, which its own ends may leave out.
        opened = np.where(np.diff(stretch, prepend=-1) > 0, opened[stretch], _first_marked(first, last, hot))
    return _described(frame, grid, Category.ENERGY, (first, last, opened), hot, named)


def _described(
    frame: pl.DataFrame,
    grid: _Grid,
    category: Category,
    runs: tuple[Rows, Rows, Rows],
    seed: Mask,
    named: _Named,
) -> pl.DataFrame:
    """Events of one category from their first and last rows and those of their first alarm, as rows of `find_events` without status."""
    first, last, alarm = runs
    opened = grid.start[alarm]
    rows, event = rows_between(first, last)
    part = frame[rows].with_columns(
        event=pl.Series(event, dtype=pl.Int64),
        opened=pl.Series(opened[event], dtype=pl.Int64).cast(_TIME),
        hot=pl.Series(seed[rows], dtype=pl.Boolean),
        stop=pl.Series(grid.end[rows], dtype=pl.Int64).cast(_TIME),
    )
    described = describe(part.filter("now"), category)
    return named.of(part, category).join(described, on="event", validate="1:1", maintain_order="left").drop("event")


def _first_marked(first: Rows, last: Rows, seed: Mask) -> Rows:
    """The first row of each event that alarmed, or its first one where none did."""
    marked = np.flatnonzero(seed)
    if not len(marked):
        return first
    after = marked[np.minimum(np.searchsorted(marked, first), len(marked) - 1)]
    return np.where((after >= first) & (after <= last), after, first)


def _merged(grid: _Grid, first: Rows, last: Rows, merge_gap_h: float) -> tuple[Rows, Rows]:
    """Runs of a meter that are closer than the merge gap, or than one interval, become one."""
    if not len(first):
        return first, last
    allowed = np.maximum(merge_gap_h * _HOUR_US, grid.end[first] - grid.start[first])[1:]
    apart = np.ones(len(first), dtype=bool)
    apart[1:] = (grid.meter[first[1:]] != grid.meter[first[:-1]]) | (grid.start[first[1:]] - grid.end[last[:-1]] > allowed)
    opening = np.flatnonzero(apart)
    return first[opening], last[np.append(opening[1:], len(first)) - 1]


def _distance(frame: pl.DataFrame) -> NDArray[np.float64]:
    """How far each reading lies from what was expected, by the width of the band on its side, below 0 where it is less; 0 where nothing is
    known."""
    residual = pl.col("kwh") - pl.col("expected_kwh")
    side = pl.when(residual < 0).then(pl.col("expected_kwh") - pl.col("low_kwh")).otherwise(pl.col("high_kwh") - pl.col("expected_kwh"))
    far = pl.when(side > 0).then(residual / side).when(residual != 0).then(residual.sign() * FAR)
    return frame.select(far.fill_null(0.0).fill_nan(0.0).cast(pl.Float64).alias("far"))["far"].to_numpy()


@dataclass(frozen=True)
class _Named:
    """Gives events names and true starts: by what was open in the month before, what was known of the month, and their first alarm."""

    open_before: pl.DataFrame
    known: pl.DataFrame
    params: EventParams

    def of(self, part: pl.DataFrame, category: Category) -> pl.DataFrame:
        """Name and true start of the events that touch the month and are large enough, seen over both months."""
        params, residual = self.params, (pl.col("kwh") - pl.col("expected_kwh")).sum().abs()
        seen = part.group_by("event", maintain_order=True).agg(
            pl.col("meter_id", "opened").first(),
            pl.col("timestamp").first().alias("start"),
            pl.col("stop").last().alias("reach"),
            (pl.col("hot").sum() >= params.min_alarmed).alias("enough_alarmed"),
            (residual >= params.min_excess_kwh).alias("enough_energy"),
            pl.col("now").any(),
        )
        seen = seen.filter("now")
        ids = [event_id(meter, category, opened) for meter, opened in seen.select("meter_id", "opened").iter_rows()]
        seen = seen.with_columns(fresh=pl.Series(ids, dtype=pl.String))
        continued = _met(seen, self.open_before.filter(pl.col("category") == category), params.merge_gap_h)
        joined = seen.join(continued, on="event", how="left", maintain_order="left")
        large = pl.col("enough_alarmed") & pl.col("enough_energy") if category is Category.ENERGY else pl.lit(value=True)
        kept = joined.filter(pl.col("event_id").is_not_null() | large)
        kept = kept.join(self._known_names(kept, category), on="event", how="left", maintain_order="left")
        name, start = pl.coalesce("event_id", "known_id", "fresh"), pl.coalesce("open_start", "start")
        return kept.select("event", name.alias("event_id"), "meter_id", start.alias("start"))

    def _known_names(self, events: pl.DataFrame, category: Category) -> pl.DataFrame:
        """For events that no known one opened with, and that go on from none, the name of the earliest known one that they overlap."""
        known = self.known.filter(pl.col("category") == category)
        own = events.filter(pl.col("event_id").is_null() & ~pl.col("fresh").is_in(known["event_id"].implode()))
        taken = pl.concat([events["event_id"].drop_nulls(), events["fresh"]])
        met = _met(own, known.filter(~pl.col("event_id").is_in(taken.implode())), 0.0)
        return met.select("event", known_id="event_id")


def _met(seen: pl.DataFrame, others: pl.DataFrame, gap_h: float) -> pl.DataFrame:
    """The name and start of the event of others that each event touches within a gap; the earliest, and each of them once."""
    pairs = seen.select("event", "meter_id", "start", "reach").join(
        others.select("meter_id", "event_id", open_start="start", open_end="end"), on="meter_id"
    )
    touching = pairs.filter(pl.col("start") <= pl.col("open_end") + pl.duration(hours=1) * gap_h, pl.col("reach") > pl.col("open_start"))
    ordered = touching.sort("event", "open_start")
    once = ordered.unique("event_id", keep="first", maintain_order=True).unique("event", keep="first", maintain_order=True)
    return once.select("event", "event_id", "open_start")


def _data_ends(frame: pl.DataFrame) -> pl.DataFrame:
    """Where the data of a meter end: its last scored interval for energy, its last interval for data quality."""
    stop = pl.col("timestamp") + pl.duration(seconds=pl.col("interval_s"))
    ends = {Category.ENERGY: frame.filter(pl.col("p").is_not_null()), Category.DATA_QUALITY: frame}
    return pl.concat(
        rows.group_by("meter_id").agg(data_end=stop.max()).with_columns(category=pl.lit(category.value)) for category, rows in ends.items()
    )
