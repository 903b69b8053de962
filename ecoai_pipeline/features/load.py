"""Series from the layer `features`: per meter one even grid over several months, as the arrays detectors are given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import polars as pl

from ecoai_pipeline.domain import FEATURES, Industry, Month, MonthRange, Partition, Resolution, UsageType
from ecoai_pipeline.features.calendar import DAY_S, WEEK_S
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

_FLAGS = ("observed", "weekend", "holiday")
_SLOTS = ("slot_of_day", "slot_of_week")
_COLUMNS = ("meter_id", "interval_s", "timestamp", "kwh_imputed", *_FLAGS, *_SLOTS)
_ARRAYS = tuple(field.name for field in fields(Series) if field.name not in ("meter_id", "interval_s", "usage_type"))


def load_series(
    lake: Lake,
    industry: Industry,
    months: Sequence[Month] | MonthRange,
    *,
    resolution: Resolution | None = None,
    meters: Sequence[str] | None = None,
) -> list[Series]:
    """One series per meter over the months that have it, sorted by meter.

    Where a meter's interval changed, its last month decides and months of another interval are left out. Months that lack the
    meter in between become rows that are not observed, so that timestamps stay evenly spaced. A meter that came from another
    industry brings its earlier months along. Its contract class is that of the last month.

    Args:
        months: any number of months; those without features count as absent.
        resolution: only meters of this class.
        meters: only these, for work in chunks.
    """
    pieces: defaultdict[str, list[Series]] = defaultdict(list)
    for month in sorted(months):
        for partition, wanted in _places(lake, industry, month, max(months), meters):
            for piece in _pieces(lake, partition, wanted):
                pieces[piece.meter_id].append(piece)
    registry = MeterRegistry(lake)
    whole = (replace(_joined(pieces[meter_id]), usage_type=_usage_type(registry, meter_id, max(months))) for meter_id in sorted(pieces))
    return [series for series in whole if resolution is None or Resolution.of(series.interval_s) is resolution]


def usage_types(lake: Lake, industry: Industry, months: Sequence[Month] | MonthRange) -> dict[str, UsageType | None]:
    """Contract class of each meter with features, as `load_series` gives it: what series depend on beside the features."""
    features = lake.scan(FEATURES, [Partition(industry, month) for month in months])
    meters = features.select(pl.col("meter_id").unique().sort()).collect()["meter_id"]
    registry = MeterRegistry(lake)
    return {meter_id: _usage_type(registry, meter_id, max(months)) for meter_id in meters}


def _usage_type(registry: MeterRegistry, meter_id: str, month: Month) -> UsageType | None:
    known = registry.at(meter_id, month)
    return known.stated_usage if known else None


def _places(
    lake: Lake, industry: Industry, month: Month, last: Month, meters: Sequence[str] | None
) -> Iterator[tuple[Partition, Sequence[str] | None]]:
    """The industry's partition of a month, then those that hold meters which joined it since."""
    yield Partition(industry, month), meters
    registry = MeterRegistry(lake)
    moved: defaultdict[Industry, list[str]] = defaultdict(list)
    for meter_id in registry.of(industry, last) if month < last else ():
        then = registry.at(meter_id, month)
        if then and then.industry != industry and (meters is None or meter_id in meters):
            moved[then.industry].append(meter_id)
    yield from ((Partition(other, month), ids) for other, ids in sorted(moved.items()))


def _pieces(lake: Lake, partition: Partition, meters: Sequence[str] | None) -> Iterator[Series]:
    """A partition as one series per meter, views of common arrays."""
    frame = lake.scan(FEATURES, partition, meters).select(_COLUMNS).collect()
    runs = frame["meter_id"].rle().struct.unnest()
    ends = runs["len"].cum_sum().to_list()
    arrays: dict[str, Any] = {name: frame[name].to_numpy() for name in (*_FLAGS, *_SLOTS)}
    arrays["kwh"] = frame["kwh_imputed"].to_numpy()
    arrays["timestamps"] = frame["timestamp"].cast(pl.Int64).to_numpy().view("datetime64[us]")
    seconds = frame["interval_s"].to_numpy()
    for meter_id, length, end in zip(runs["value"], runs["len"], ends, strict=True):
        part = slice(end - length, end)
        yield Series(meter_id, int(seconds[end - 1]), **{name: array[part] for name, array in arrays.items()})


def _joined(pieces: Sequence[Series]) -> Series:
    """Lay pieces of one meter, in order, on the even grid that the last one continues."""
    last = pieces[-1]
    same = [piece for piece in pieces if piece.interval_s == last.interval_s]
    if len(same) == 1:
        return last
    step = np.timedelta64(last.interval_s, "s")
    places = [round((piece.timestamps[0] - last.timestamps[0]) / step) for piece in same]
    whole = _unread(last, places[0])
    for place, piece in zip(places, same, strict=True):
        begin = place - places[0]
        for name in _ARRAYS[1:]:
            getattr(whole, name)[begin : begin + len(piece)] = getattr(piece, name)
    return whole


def _unread(last: Series, begin: int) -> Series:
    """A series from `begin` (0 being the start of `last`, so negative) to the end of `last` without any reading.

    Its calendar counts back from `last` as if no clock were changed between; holidays are unknown.
    """
    number = np.arange(begin, len(last))
    since_monday = (last.slot_of_week[0] + number) * last.interval_s % WEEK_S
    return Series(
        last.meter_id,
        last.interval_s,
        timestamps=last.timestamps[0] + number * np.timedelta64(last.interval_s, "s"),
        kwh=np.full(len(number), np.nan),
        observed=np.zeros(len(number), dtype=bool),
        slot_of_day=(since_monday % DAY_S // last.interval_s).astype(np.int32),
        slot_of_week=(since_monday // last.interval_s).astype(np.int32),
        weekend=since_monday >= 5 * DAY_S,
        holiday=np.zeros(len(number), dtype=bool),
    )
