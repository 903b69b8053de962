"""Why an event was found and what it is like: shares of its evidence that sum up to 1, the load around it, similar events before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection.evidence import ModelWeights, weighed
from ecoai_pipeline.domain import EVIDENCE, SCORES, SEGMENT, Category, Industry, Month, MonthRange, Partition
from ecoai_pipeline.storage.lake import Lake

LOAD = ("timestamp", "interval_s", "kwh", "expected_kwh", "low_kwh", "high_kwh")
_WEEK = timedelta(days=7)
_BESIDE = timedelta(days=1)
_YEAR = timedelta(days=366)
_SHORT = timedelta(hours=12)  # up to which the share of each interval is told, else of each hour
_LEAST_SIZE = 0.01  # of a usual day; below it sizes are alike
_DAY = timedelta(days=1)
_CLOCK = slice(3, 5)  # of the traits: sine and cosine of the hour
_HOURS_ALIKE = 0.5  # cosine of four hours on the circle of a day
_P = tuple(f"p_{name}" for name in EVIDENCE)


@dataclass(frozen=True)
class Similar:
    """An earlier event, and how far it is from the one asked about: standard deviations, summed over what is compared."""

    event_id: str
    meter_id: str
    start: datetime
    end: datetime
    kind: str
    excess_kwh: float | None
    distance: float


@dataclass(frozen=True)
class Explanation:
    """Of one event. An event about data is found by rule: no detector has a share in it.

    Attributes:
        by_detector: share of each detector in the evidence, those that have any, largest first.
        by_scale: the same by how many hours a detector looks at; one that looks at several lengths is split evenly over them.
        by_hour: the same by hour of the local clock, or by interval of an event of up to twelve hours; keys are starts in UTC.
        load: LOAD from a week before it to a day after.
        similar: nearest events before it, of its meter.
        similar_peers: the same of other meters of its industry and usage type.
    """

    by_detector: Mapping[str, float]
    by_scale: Mapping[float, float]
    by_hour: Mapping[datetime, float]
    load: pl.DataFrame
    similar: Sequence[Similar] = ()
    similar_peers: Sequence[Similar] = ()


def explanations(
    lake: Lake, events: pl.DataFrame, before: pl.DataFrame | None = None, *, count: int = 3, zones: Mapping[str, str] | None = None
) -> dict[str, Explanation]:
    """Explain events (columns of ANOMALIES, one row each); each month is read once, and of it only the meters asked for.

    Args:
        before: all events to look for similar ones in; without it there are none.
        count: similar events of the meter, and of its peers.
        zones: of the meters, whose clocks tell hours and weekends; UTC where none is given.
    """
    found: dict[str, Explanation] = {}
    alike = similar(events, before, count, zones) if before is not None else {}
    for (industry,), own in events.group_by("industry", maintain_order=True):
        scores, facts = _scores(lake, Industry(str(industry)), own)
        frames = {str(key[0]): frame for key, frame in scores.partition_by("meter_id", as_dict=True).items()}
        for event in own.iter_rows(named=True):
            of_meter, of_peers = alike.get(event["event_id"], ((), ()))
            frame = frames.get(event["meter_id"], scores.clear())
            zone = (zones or {}).get(event["meter_id"], "UTC")
            found[event["event_id"]] = _explained(event, frame, facts, zone, of_meter, of_peers)
    return found


def window(event: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """The stretch to look at an event in: the week before it, which has the same hours, and a day after it."""
    return event["start"] - _WEEK, event["end"] + _BESIDE


def similar(
    events: pl.DataFrame, before: pl.DataFrame, count: int, zones: Mapping[str, str] | None = None
) -> dict[str, tuple[list[Similar], list[Similar]]]:
    """The nearest events that ended before each one began, within a year: of its own meter, and of peers.

    They are of its kind and category, more than expected where it is more, and began within four hours of its time of day, unless it lasts
    a day. Compared are how long and how large by the meter's usual day (logarithms), the share of the expected energy that came, the hour
    of the day on its circle, and whether it began at a weekend, by the clock of its meter; each in its standard deviations over `before`.
    Peers share industry and usage type.
    """
    pool = before.sort("start", "event_id")
    if not pool.height or not events.height:
        return {}
    both = _traits(pl.concat([pool.select(events.columns), events]), zones or {})
    deviation = both[: pool.height].std(axis=0)
    spread = np.where(deviation > 1e-6, deviation, 1.0)
    theirs, ours = both[: pool.height] / spread, both[pool.height :] / spread
    columns = {name: pool[name].to_numpy() for name in ("meter_id", "industry", "usage_type", "category", "kind")}
    side, clock = (pool["excess_kwh"].fill_null(0) < 0).to_numpy(), both[: pool.height, _CLOCK]
    starts, ends = (pool[edge].dt.replace_time_zone(None).to_numpy() for edge in ("start", "end"))
    found = {}
    for row, traits, hour in zip(events.iter_rows(named=True), ours, both[pool.height :, _CLOCK], strict=True):
        begin = np.datetime64(row["start"].replace(tzinfo=None))
        earlier = (ends <= begin) & (starts >= begin - np.timedelta64(_YEAR))
        same = (columns["category"] == row["category"]) & (columns["kind"] == row["kind"]) & (side == ((row["excess_kwh"] or 0) < 0))
        lasting = row["end"] - row["start"] >= _DAY
        earlier &= same & (lasting | (clock @ hour >= _HOURS_ALIKE))
        own = earlier & (columns["meter_id"] == row["meter_id"])
        peers = earlier & ~own & (columns["industry"] == row["industry"]) & (columns["usage_type"] == row["usage_type"])
        apart = np.abs(theirs - traits).sum(axis=1)
        found[row["event_id"]] = (_nearest(pool, own, apart, count), _nearest(pool, peers, apart, count))
    return found


def _traits(events: pl.DataFrame, zones: Mapping[str, str]) -> NDArray[np.float64]:
    """What events are compared by, (n, 6)."""
    hours = (pl.col("end") - pl.col("start")).dt.total_seconds() / 3600
    local = _local_start(sorted(set(zones.values()) | {"UTC"}), zones)
    angle = 2 * np.pi * (local.dt.hour() + local.dt.minute() / 60) / 24
    share = (pl.col("actual_kwh") / pl.col("expected_kwh")).fill_nan(1.0).fill_null(1.0).clip(-1, 5)
    traits = (hours.clip(0.01).log(), _size(hours), share, angle.sin(), angle.cos(), local.dt.weekday() > 5)
    return events.select(trait.cast(pl.Float64).alias(str(n)) for n, trait in enumerate(traits)).to_numpy()


def _local_start(names: Sequence[str], zones: Mapping[str, str]) -> pl.Expr:
    """Start on the clock of the event's meter, naive."""
    zone = pl.col("meter_id").replace_strict(list(zones), list(zones.values()), default="UTC", return_dtype=pl.String)
    clocks = {name: pl.col("start").dt.convert_time_zone(name).dt.replace_time_zone(None) for name in names}
    return pl.coalesce(pl.when(zone == name).then(clock) for name, clock in clocks.items())


def _size(hours: pl.Expr) -> pl.Expr:
    """Logarithm of the excess by the energy that a day of the meter is expected to have, as its events tell it."""
    expected = pl.col("expected_kwh").abs()
    day = 24 * expected.sum().over("meter_id") / hours.filter(expected.is_not_null()).sum().over("meter_id")
    size = pl.when(day > 0).then(pl.col("excess_kwh").abs() / day).fill_null(0.0)
    return size.clip(_LEAST_SIZE).log()


def _nearest(pool: pl.DataFrame, among: NDArray[np.bool_], apart: NDArray[np.float64], count: int) -> list[Similar]:
    rows = np.flatnonzero(among)
    best = rows[np.argsort(apart[rows], kind="stable")[:count]]
    names = ("event_id", "meter_id", "start", "end", "kind", "excess_kwh")
    return [Similar(**row, distance=float(apart[n])) for n, row in zip(best, pool[best].select(names).iter_rows(named=True), strict=True)]


@dataclass(frozen=True)
class _Facts:
    """What the models that scored some months were made of."""

    weights: ModelWeights
    looks_at_h: Mapping[str, Mapping[str, Sequence[float]]]


def _scores(lake: Lake, industry: Industry, events: pl.DataFrame) -> tuple[pl.DataFrame, _Facts]:
    """Scores around the events, `weighed`, and what is known of the models."""
    spans = [window(row) for row in events.select("start", "end").iter_rows(named=True)]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    # A month more on either side than UTC says, because meters of other zones begin theirs earlier or later.
    months = MonthRange(Month.of((first - _BESIDE).date()), Month.of((last + _BESIDE).date()))
    partitions = [Partition(industry, month) for month in months if lake.info(SCORES, Partition(industry, month)).rows]
    infos = [lake.info(SCORES, partition).facts for partition in partitions]
    weights, looks = ({k: v for facts in infos for k, v in facts.get(name, {}).items()} for name in ("weights", "looks_at_h"))
    wanted = lake.scan(SCORES, partitions, events["meter_id"].unique().to_list()).filter(pl.col("timestamp").is_between(first, last))
    frame = wanted.select("meter_id", *LOAD, *_P, "model_version").collect()
    return weighed(frame.sort("meter_id", "timestamp"), weights), _Facts(weights, looks)


def _explained(
    event: Mapping[str, Any], scores: pl.DataFrame, facts: _Facts, zone: str, of_meter: Sequence[Similar], of_peers: Sequence[Similar]
) -> Explanation:
    since, until = window(event)
    load = scores.filter(pl.col("timestamp") >= since, pl.col("timestamp") < until)
    if event["category"] == Category.DATA_QUALITY:
        return Explanation({}, {}, {}, load.select(LOAD), of_meter, of_peers)
    inside = load.filter(pl.col("timestamp") >= event["start"], pl.col("timestamp") < event["end"])
    shares = {name: event[f"share_{name}"] for name in EVIDENCE if event[f"share_{name}"]}
    by_detector = dict(sorted(shares.items(), key=lambda item: -item[1]))
    own: dict[str, Sequence[float]] = {SEGMENT: [(event["end"] - event["start"]) / timedelta(hours=1)]}
    by_scale = _by_scale(by_detector, {**facts.looks_at_h.get(event["model_version"] or "", {}), **own})
    step = None if event["end"] - event["start"] <= _SHORT else "1h"
    return Explanation(by_detector, by_scale, _by_time(inside, step, zone), load.select(LOAD), of_meter, of_peers)


def _by_scale(by_detector: Mapping[str, float], looks: Mapping[str, Sequence[float]]) -> dict[float, float]:
    found: dict[float, float] = {}
    for name, share in by_detector.items():
        hours = looks.get(name, ())
        for one in hours:
            found[one] = found.get(one, 0.0) + share / len(hours)
    return dict(sorted(found.items()))


def _by_time(inside: pl.DataFrame, step: str | None, zone: str) -> dict[datetime, float]:
    """Share of the evidence of each interval, or of each `step` of the clock of a zone."""
    start = pl.col("timestamp")
    of = start.dt.convert_time_zone(zone).dt.truncate(step).dt.convert_time_zone("UTC") if step else start
    evidence = pl.sum_horizontal(f"share_{name}" for name in EVIDENCE)
    parts = inside.group_by(of.alias("start")).agg(evidence.sum().alias("share")).sort("start")
    whole = float(parts["share"].sum())
    return dict(parts.with_columns(pl.col("share") / whole).iter_rows()) if whole > 0 else {}
