"""Putting faults on record into a load: the injector that simulations, tests and protocols of evaluation share."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.sources.simulation.changes import CHANGES, Floats, Place
from ecoai_pipeline.sources.simulation.load import Series
from ecoai_pipeline.sources.simulation.plan import FaultKind, FaultPlan, standard_plan

TRUTH = pl.Schema(
    {
        "meter_id": pl.String(),
        "kind": pl.String(),
        "start": pl.Datetime("us", "UTC"),
        "end": pl.Datetime("us", "UTC"),  # of the last interval, excluded
        "kwh": pl.Float64(),  # energy added, negative where taken
        "depth": pl.Float64(),  # mean |change| of a reading, in spreads
    }
)
TruthRow = tuple[str, str, datetime, datetime, float, float]
_PLACES = 20  # places tried before another kind is drawn
_KINDS = 30  # kinds tried before the load is left as it is
_MEASURED = 0.5  # share of a fault's intervals in which a reading came, at least
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Fault:
    """A fault in the intervals from `start` to before `stop`; `kwh` is the energy it added, negative where it took away.

    `depth` is its mean |change| of a reading in spreads: the mean inter-quartile range of its slots of the day.
    """

    kind: str
    start: int
    stop: int
    kwh: float
    depth: float


def inject(
    kwh: Floats,
    slot_of_day: NDArray[np.integer],
    interval_s: int,
    rng: np.random.Generator,
    plan: FaultPlan | None = None,
    decimals: int | None = None,
) -> tuple[Floats, list[Fault]]:
    """Put faults into the plan's share of the readings, on average over many series.

    Faults stand apart, each changes the load by at least the plan's least depth and to at most its most load, and energy
    goes below zero only where the series does so itself. A missing reading stays missing. The given array is left as it is.

    Args:
        kwh: (n,) kWh on a regular grid, NaN where no reading came.
        slot_of_day: (n,) from 0, of the local day.
        decimals: to which changed readings are rounded, as the meter's are.
    """
    plan = plan or standard_plan()
    faulty, faults = kwh.copy(), list[Fault]()
    series = Series(kwh, slot_of_day, interval_s, plan.least_spread)
    for _ in range(rng.poisson(plan.share * np.isfinite(kwh).sum() / _mean_length(plan, series))):
        drawn = (_drawn(series, faults, plan, rng, decimals) for _ in range(_KINDS))
        fault, changed = next(filter(None, drawn), (None, None))
        if fault is None:
            break
        faulty[fault.start : fault.stop] = changed
        faults.append(fault)
    return faulty, sorted(faults, key=lambda fault: fault.start)


def inject_readings(readings: pl.DataFrame, zone: str, *, seed: int, plan: FaultPlan | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put faults into readings as the lake holds them; a meter's faults depend on the seed and its own readings alone.

    Args:
        readings: `meter_id`, `timestamp` (UTC), `interval_s`, `kwh` and any others, a meter's gaps being absent rows or
            null; a meter's most frequent interval is taken for all.
        zone: of the local days.

    Returns:
        The same rows and columns with other `kwh`, and the record of the faults (TRUTH).

    Raises:
        ValueError: two readings of a meter stand in one interval.
    """
    numbered = readings.with_row_index("row")
    parts, rows_of_truth = [numbered.clear()], list[TruthRow]()
    for (meter_id,), rows in numbered.group_by("meter_id", maintain_order=True):
        rng = np.random.default_rng([seed, zlib.crc32(str(meter_id).encode())])
        part, faults, first, interval_s = _on_grid(str(meter_id), rows, zone, rng, plan)
        parts.append(part)
        rows_of_truth += truth_rows(str(meter_id), faults, first, interval_s)
    return pl.concat(parts).sort("row").drop("row"), truth(rows_of_truth)


def truth_rows(meter_id: str, faults: Sequence[Fault], first: datetime, interval_s: int) -> list[TruthRow]:
    """Faults in a series that starts at `first`, UTC, as rows of TRUTH."""
    step = timedelta(seconds=interval_s)
    return [(meter_id, f.kind, first + f.start * step, first + f.stop * step, round(f.kwh, 3), round(f.depth, 4)) for f in faults]


def truth(rows: Sequence[TruthRow]) -> pl.DataFrame:
    """The record of faults (TRUTH)."""
    return pl.DataFrame(rows, schema=TRUTH, orient="row")


def _mean_length(plan: FaultPlan, series: Series) -> float:
    """Of a fault of any kind, intervals."""
    return float(np.mean([max(1.0, series.per_hour * sum(kind.hours) / 2) for kind in plan.kinds.values()]))


def _drawn(
    series: Series, faults: Sequence[Fault], plan: FaultPlan, rng: np.random.Generator, decimals: int | None
) -> tuple[Fault, Floats] | None:
    """A fault of a kind drawn by chance and its readings; None where none of some places would do."""
    name = str(rng.choice(list(plan.kinds)))
    kind, depths = plan.kinds[name], np.log(plan.depths_of(name))
    length = max(1, series.intervals(rng.uniform(*kind.hours)))
    for _ in range(_PLACES):
        start = _free_start(series, kind, length, faults, plan, rng)
        if start is None:
            continue
        inside = slice(start, start + length)
        before, unit = series.kwh[inside], float(np.mean(series.spread[inside]))
        by = series.intervals(rng.uniform(*kind.by_hours)) * int(rng.choice([-1, 1])) if kind.by_hours else 0
        place = Place(series.kwh, start, start + length, unit * float(np.exp(rng.uniform(*depths))), by, series.per_hour, rng)
        after = _changed(series, place, kind, decimals)
        if after is None or unit <= 0 or np.nanmax(np.abs(after)) > plan.most_load * series.highest:
            continue
        depth = float(np.nanmean(np.abs(after - before))) / unit
        if depth >= plan.depth[0] * (1 - _ROUNDING):
            return Fault(name, start, start + length, float(np.nansum(after - before)), depth), after
    return None


def _free_start(
    series: Series, kind: FaultKind, length: int, faults: Sequence[Fault], plan: FaultPlan, rng: np.random.Generator
) -> int | None:
    """A start at which the fault fits, apart from the others, after a reading and with half of its readings there."""
    candidates = series.starts(kind.starts)
    if not len(candidates):
        return None
    start, apart = int(rng.choice(candidates)), max(1, series.intervals(plan.apart_hours))
    stop = start + length
    free = all(start >= fault.stop + apart or stop + apart <= fault.start for fault in faults)
    if not free or start == 0 or stop >= len(series.kwh):
        return None
    there = np.isfinite(series.kwh[start - 1 : stop])
    return start if there[0] and there[1:].mean() >= _MEASURED else None


def _changed(series: Series, place: Place, kind: FaultKind, decimals: int | None) -> Floats | None:
    """The readings as the fault leaves them; where the change knows no value the reading stays, where none came none comes."""
    after = CHANGES[kind.change](place)
    if after is None:
        return None
    after = np.maximum(after, series.floor)
    after = after if decimals is None else np.round(after, decimals)
    return np.where(np.isfinite(place.part), np.where(np.isfinite(after), after, place.part), np.nan)


def _on_grid(
    meter_id: str, rows: pl.DataFrame, zone: str, rng: np.random.Generator, plan: FaultPlan | None
) -> tuple[pl.DataFrame, list[Fault], datetime, int]:
    """One meter's rows with faults in them, the faults, and the grid they count on."""
    interval_s, first = int(rows["interval_s"].mode().sort()[0]), rows["timestamp"].min()
    assert isinstance(first, datetime)
    index = ((rows["timestamp"] - first).dt.total_seconds() / interval_s).round().cast(pl.Int64).to_numpy()
    if len(np.unique(index)) < len(index):
        raise ValueError(f"meter {meter_id}: two readings stand in one interval of {interval_s} s; give each of them once")
    kwh = np.full(int(index.max()) + 1, np.nan)
    kwh[index] = rows["kwh"].cast(pl.Float64).to_numpy()
    stamps = pl.select(pl.lit(first) + pl.duration(seconds=pl.int_range(len(kwh)) * interval_s)).to_series()
    local = stamps.dt.convert_time_zone(zone).dt
    seconds = local.hour().cast(pl.Int64) * 3600 + local.minute().cast(pl.Int64) * 60 + local.second()
    faulty, faults = inject(kwh, (seconds // interval_s).to_numpy(), interval_s, rng, plan)
    return rows.with_columns(kwh=pl.Series(faulty[index]).fill_nan(None)), faults, first, interval_s
