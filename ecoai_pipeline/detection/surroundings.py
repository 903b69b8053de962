"""What the readings of an event and those around it tell: kind, levels beside it, the same hours of the weeks before, impact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from ecoai_pipeline.detection.impact import Impact, impact, severity
from ecoai_pipeline.detection.kinds.around import Around
from ecoai_pipeline.detection.kinds.judge import HELD, SHAPED, judge
from ecoai_pipeline.detection.like_days import LikeDays
from ecoai_pipeline.detection.loads import Load, loads_of
from ecoai_pipeline.detection.precedents import Precedents, share_of
from ecoai_pipeline.domain import Category, Kind, Meter
from ecoai_pipeline.features.calendar import Place
from ecoai_pipeline.settings import EventParams
from ecoai_pipeline.tariffs import ImpactParams

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
_WHOLE_H = 12.0  # an event of a strange day that is shorter is a part of it, and judged by itself
_BESIDE_H = (1.0, 24.0)  # looked at on either side: as long as the event, within these


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
    days = LikeDays.of(load, max(event["start"], since), event["end"], Place.of_meter(meter))
    edges = {"usual_low_kwh": days.weeks[0], "usual_high_kwh": days.weeks[-1]} if len(days.weeks) else {}
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
        "usual_weeks": len(days.weeks),
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
    habit = not ((event["strange"] and hours >= _WHOLE_H) or judged.kind is Kind.OUTAGE) and (
        _as_ever(days, judged.kind, params) or (judged.kind not in SHAPED and _of_days(precedents, load, rows, params))
    )
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


def _of_days(precedents: Precedents, load: Load, rows: slice, params: EventParams) -> bool:
    """Whether the meter did nearly as much on several of the days before."""
    share = share_of(load, rows)
    return share is not None and precedents.days_like(params.alike * share) > params.most_alike


def _as_ever(days: LikeDays, kind: Kind, params: EventParams) -> bool:
    """Whether the like days before did the same, so that only the expected load is wrong."""
    if kind in HELD and days.days_held(params.alike) > params.most_alike:
        return True
    if kind in SHAPED:
        return kind not in HELD and not days.course_differs(params.spreads)
    return not days.energy_differs(params.spreads)


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


def _instant(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.replace(tzinfo=None))
