"""What the readings of an event and those around it tell: kind, levels beside it, the same hours of the weeks before, impact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from ecoai_pipeline.detection.impact import Impact, impact, severity
from ecoai_pipeline.detection.kinds.around import Around
from ecoai_pipeline.detection.kinds.judge import SHAPED, judge
from ecoai_pipeline.detection.loads import Load, loads_of
from ecoai_pipeline.detection.precedents import Precedents, share_of
from ecoai_pipeline.domain import Category, Kind, Meter
from ecoai_pipeline.features.calendar import Place, holidays_of
from ecoai_pipeline.settings import EventParams
from ecoai_pipeline.tariffs import ImpactParams

WEEKS = 6
TOLD = pl.Schema(
    {
        "kind": pl.String(),
        "fit": pl.Float64(),
        "next_kind": pl.String(),
        "next_fit": pl.Float64(),
        "shift_min": pl.Float64(),
        "before_ratio": pl.Float64(),
        "after_ratio": pl.Float64(),
        "low_kwh": pl.Float64(),
        "high_kwh": pl.Float64(),
        "usual_low_kwh": pl.Float64(),
        "usual_high_kwh": pl.Float64(),
        "usual_weeks": pl.Int32(),
        "cost": pl.Float64(),
        "currency": pl.String(),
        "co2e_kg": pl.Float64(),
        "tariff_version": pl.String(),
        "severity": pl.Float64(),
    }
)
_WEEK = timedelta(days=7)
_BESIDE_H = (1.0, 24.0)  # looked at on either side: as long as the event, within these
_LEAST_WEEKS = 4  # that were read, for the same hours to tell what is usual
_READ = 0.9  # share of the hours that must have been read for a week to count


def surroundings(
    readings: pl.DataFrame,
    events: pl.DataFrame,
    since: Mapping[str, datetime],
    meters: Mapping[str, Meter],
    params: EventParams,
    prices: ImpactParams,
) -> pl.DataFrame:
    """The events with the columns TOLD; a data quality event keeps its kind, and has no cost: a counter's fault is no consumption.

    An energy event whose energy lies within its own band is left out, unless a shape (`SHAPED`) explains at least `shape_fit` of it: there
    is nothing to say. So is one whose like the meter did on more than `most_alike` of the 28 days before, or at the same hours of as many
    of the last six weeks.

    Args:
        readings: columns READINGS of the meters of the events with the weeks before them, in order of meter and time; kwh is null where
            a quality rule says that it is no consumption.
        events: as `find_events` gives them.
        since: start of the month of each meter, whose zone begins it: what the same hours usually used, and cost, are told of the event's
            part from there on, as its energy is.
        meters: from the registry; each meter of the events.
    """
    load_of = loads_of(readings)
    columns = ("meter_id", "start", "end", "category", "kind", "confidence", "actual_kwh", "excess_kwh", "low_kwh", "high_kwh", "strange")
    rows = [(row["meter_id"], row) for row in events.select(columns).to_dicts()]
    told = [_told(load_of[meter_id], row, since[meter_id], meters[meter_id], params, prices) for meter_id, row in rows]
    whole = events.drop("strange").with_columns(pl.DataFrame(told, schema=TOLD | {"habit": pl.Boolean()}).get_columns())
    inside = (pl.col("actual_kwh") >= pl.col("low_kwh")) & (pl.col("actual_kwh") <= pl.col("high_kwh"))
    energy = pl.col("category") == Category.ENERGY
    shaped = pl.col("kind").is_in([kind.value for kind in SHAPED]) & (pl.col("fit") >= params.shape_fit)
    nothing_new = (inside & energy & ~shaped).fill_null(value=False) | pl.col("habit")
    return whole.filter(~nothing_new).drop("habit")


def _told(load: Load, event: Mapping[str, Any], since: datetime, meter: Meter, params: EventParams, prices: ImpactParams) -> dict[str, Any]:
    start, part, end = (_instant(moment) for moment in (event["start"], max(event["start"], since), event["end"]))
    first, last = load.at(start), max(load.at(end), load.at(start) + 1)
    interval_s = int(load.interval_s[min(first, len(load.interval_s) - 1)])
    beside = max(1, round(np.clip((last - first) * interval_s / 3600, *_BESIDE_H) * 3600 / interval_s))
    levels = {
        "before_ratio": _ratio(load, max(0, first - beside), first),
        "after_ratio": _ratio(load, last, last + beside),
    }
    usual = sorted(_weeks_before(load, max(event["start"], since), event["end"], Place.of_meter(meter)))
    edges = {"usual_low_kwh": usual[0], "usual_high_kwh": usual[-1]} if usual else {}
    energy = event["category"] == Category.ENERGY
    rows, hours = slice(load.at(part), last), float((end - part) / np.timedelta64(1, "h"))
    worth = _impact(load, rows, interval_s, meter, prices) if energy else Impact()
    precedents = Precedents.of(load, first, rows.stop - rows.start)
    day_kwh = _day_kwh(load, rows, interval_s)
    told = {
        **dict.fromkeys(TOLD),
        "habit": False,
        "kind": event["kind"],
        **_edges(precedents, load, rows, event),
        **levels,
        **edges,
        "usual_weeks": len(usual),
        "cost": worth.cost,
        "currency": worth.currency,
        "co2e_kg": worth.co2e_kg,
        "tariff_version": worth.version,
        "severity": severity(worth, event["confidence"], event["excess_kwh"], day_kwh, hours),
    }
    if not energy:
        return told
    judged = judge(Around.of(load.kwh, load.expected, load.band, interval_s, (first, last)), whole=True)
    shift_min = None if judged.shift_h is None else 60 * judged.shift_h
    named = {name: getattr(judged, name) for name in ("kind", "fit", "next_kind", "next_fit")}
    habit = _may_be_habit(event, judged.kind) and (_of_days(precedents, load, rows, params) or _of_weeks(usual, event, params))
    return told | named | {"shift_min": shift_min, "habit": habit}


def _edges(precedents: Precedents, load: Load, rows: slice, event: Mapping[str, Any]) -> dict[str, float | None]:
    """The 5 % and 95 % quantile of the energy of so many intervals, by what such stretches of the weeks before the event differed.

    The sum of the readings' own bands would be far too wide: not all readings lie at an edge at once. It stays where the weeks have too few
    stretches to tell, and bounds what they tell.
    """
    expected, band, known = load.expected[rows], load.band[rows], load.comparable(rows)
    if precedents.edges is None or not known.any():
        return {edge: event[edge] for edge in ("low_kwh", "high_kwh")}
    (low, high), usual, width = precedents.edges, float(expected[known].sum()), float(band[known].sum())
    return {"low_kwh": max(usual + low * width, event["low_kwh"]), "high_kwh": min(usual + high * width, event["high_kwh"])}


def _may_be_habit(event: Mapping[str, Any], kind: str) -> bool:
    """Events of shape, outages and strange days are no habit."""
    return not (event["strange"] or kind in (*SHAPED, Kind.OUTAGE))


def _of_days(precedents: Precedents, load: Load, rows: slice, params: EventParams) -> bool:
    """Whether the meter did nearly as much on several of the days before."""
    share = share_of(load, rows)
    return share is not None and precedents.days_like(params.alike * share) > params.most_alike


def _of_weeks(usual: Sequence[float], event: Mapping[str, Any], params: EventParams) -> bool:
    """Whether the same hours used as much, or as little, in several of the weeks before."""
    if len(usual) < _LEAST_WEEKS or not event["excess_kwh"]:
        return False
    sign, actual = float(np.sign(event["excess_kwh"])), float(event["actual_kwh"])
    return sum(sign * week >= sign * actual for week in usual) >= params.most_alike


def _impact(load: Load, rows: slice, interval_s: int, meter: Meter, params: ImpactParams) -> Impact:
    return impact(params, meter, load.times[rows], interval_s, load.kwh[rows] - load.expected[rows])


def _day_kwh(load: Load, rows: slice, interval_s: int) -> float:
    """What a day of such hours would be expected to use."""
    expected = np.abs(load.expected[rows])
    return float(np.nanmean(expected)) * 86_400 / interval_s if np.isfinite(expected).any() else 0.0


def _ratio(load: Load, start: int, stop: int) -> float | None:
    """Energy by the expected one, of the intervals where both are known."""
    kwh, expected = load.kwh[start:stop], load.expected[start:stop]
    known = np.isfinite(kwh) & np.isfinite(expected)
    whole = float(expected[known].sum())
    return float(kwh[known].sum()) / whole if whole > 0 else None


def _weeks_before(load: Load, start: datetime, end: datetime, place: Place) -> Iterator[float]:
    """Energy of the same hours of the local clock in each of the weeks before that was read.

    A week counts only if its days were public holidays where the event's days are: a holiday compares with no ordinary day. None of an
    event of more than a week, whose own hours would be among them.
    """
    if end - start > _WEEK:
        return
    edges = [edge.astimezone(ZoneInfo(place.zone)) for edge in (start, end)]
    free = _free_days(place, *edges)
    for week in range(1, WEEKS + 1):
        local = [edge - week * _WEEK for edge in edges]
        if _free_days(place, *local) != free:
            continue
        first, last = (_instant(edge.astimezone(UTC)) for edge in local)
        rows = slice(load.at(first), load.at(last))
        read = np.isfinite(load.kwh[rows])
        if load.interval_s[rows][read].sum() >= _READ * ((last - first) / np.timedelta64(1, "s")):
            yield float(load.kwh[rows][read].sum())


def _free_days(place: Place, start: datetime, end: datetime) -> list[bool]:
    """Which of the local days of [start, end) are public holidays."""
    first, last = start.date(), (end - timedelta(microseconds=1)).date()
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    return [day in holidays_of(place, day.year) for day in days]


def _instant(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.replace(tzinfo=None))
