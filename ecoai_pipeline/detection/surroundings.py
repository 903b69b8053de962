"""What the readings around an event tell of it: its kind, the level on either side, and what the same hours used in the weeks before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection.kinds.around import Around
from ecoai_pipeline.detection.kinds.judge import judge
from ecoai_pipeline.domain import Category

WEEKS = 6
READINGS = ("meter_id", "timestamp", "interval_s", "kwh", "expected_kwh", "low_kwh", "high_kwh")
TOLD = pl.Schema(
    {
        "kind": pl.String(),
        "fit": pl.Float64(),
        "next_kind": pl.String(),
        "next_fit": pl.Float64(),
        "shift_min": pl.Float64(),
        "before_ratio": pl.Float64(),
        "after_ratio": pl.Float64(),
        "usual_low_kwh": pl.Float64(),
        "usual_high_kwh": pl.Float64(),
        "usual_weeks": pl.Int32(),
    }
)
_WEEK = np.timedelta64(7, "D")
_BESIDE_H = (1.0, 24.0)  # looked at on either side: as long as the event, within these
_READ = 0.9  # share of the hours that must have been read for a week to count
Floats = NDArray[np.float64]


def surroundings(readings: pl.DataFrame, events: pl.DataFrame, since: datetime) -> pl.DataFrame:
    """The events with the columns TOLD; a data quality event keeps its kind.

    Args:
        readings: columns READINGS of the meters of the events with the weeks before them, in order of meter and time; kwh is null where
            a quality rule says that it is no consumption.
        events: as `find_events` gives them.
        since: start of the month: what the same hours usually used is told of the event's part from there on, as its energy is.
    """
    load_of = {str(key[0]): _Load.of(frame) for key, frame in readings.partition_by("meter_id", as_dict=True).items()}
    columns = ("meter_id", "start", "end", "category", "kind")
    told = [_told(load_of[row["meter_id"]], row, since) for row in events.select(columns).iter_rows(named=True)]
    return events.with_columns(pl.DataFrame(told, schema=TOLD).get_columns())


@dataclass(frozen=True)
class _Load:
    """One meter's readings, (n,) each, NaN where unknown."""

    times: NDArray[np.datetime64]
    interval_s: NDArray[np.int64]
    kwh: Floats
    expected: Floats
    band: Floats

    @classmethod
    def of(cls, readings: pl.DataFrame) -> _Load:
        kwh, expected, low, high = (readings[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in READINGS[3:])
        times = readings["timestamp"].dt.replace_time_zone(None).to_numpy()
        return cls(times, readings["interval_s"].cast(pl.Int64).to_numpy(), kwh, expected, high - low)

    def at(self, moment: Any) -> int:
        return int(np.searchsorted(self.times, moment))


def _told(load: _Load, event: Mapping[str, Any], since: datetime) -> dict[str, Any]:
    start, part, end = (np.datetime64(moment.replace(tzinfo=None)) for moment in (event["start"], max(event["start"], since), event["end"]))
    first, last = load.at(start), max(load.at(end), load.at(start) + 1)
    interval_s = int(load.interval_s[min(first, len(load.interval_s) - 1)])
    beside = max(1, round(np.clip((last - first) * interval_s / 3600, *_BESIDE_H) * 3600 / interval_s))
    levels = {
        "before_ratio": _ratio(load, max(0, first - beside), first),
        "after_ratio": _ratio(load, last, last + beside),
    }
    usual = sorted(_weeks_before(load, part, end))
    edges = {"usual_low_kwh": usual[0], "usual_high_kwh": usual[-1]} if usual else {}
    told = {**dict.fromkeys(TOLD), "kind": event["kind"], **levels, **edges, "usual_weeks": len(usual)}
    if event["category"] != Category.ENERGY:
        return told
    judged = judge(Around.of(load.kwh, load.expected, load.band, interval_s, (first, last)))
    shift_min = None if judged.shift_h is None else 60 * judged.shift_h
    return told | {name: getattr(judged, name) for name in ("kind", "fit", "next_kind", "next_fit")} | {"shift_min": shift_min}


def _ratio(load: _Load, start: int, stop: int) -> float | None:
    """Energy by the expected one, of the intervals where both are known."""
    kwh, expected = load.kwh[start:stop], load.expected[start:stop]
    known = np.isfinite(kwh) & np.isfinite(expected)
    whole = float(expected[known].sum())
    return float(kwh[known].sum()) / whole if whole > 0 else None


def _weeks_before(load: _Load, start: Any, end: Any) -> Iterator[float]:
    """Energy of the same hours in each of the weeks before that was read; none of more than a week, whose own hours would be among them."""
    if end - start > _WEEK:
        return
    seconds = (end - start) / np.timedelta64(1, "s")
    for week in range(1, WEEKS + 1):
        rows = slice(load.at(start - week * _WEEK), load.at(end - week * _WEEK))
        read = np.isfinite(load.kwh[rows])
        if load.interval_s[rows][read].sum() >= _READ * seconds:
            yield float(load.kwh[rows][read].sum())
