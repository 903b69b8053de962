"""A made-up portfolio as files of a provider, with a registry, and what is true of it: faults and planned stops."""

from __future__ import annotations

import calendar
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from ecoai_pipeline.domain import Industry, Month, MonthRange
from ecoai_pipeline.sources.simulation import FAULTS, MAINTENANCE, REGISTRY
from ecoai_pipeline.sources.simulation.chance import Floats
from ecoai_pipeline.sources.simulation.days import Days, Flags, days_of
from ecoai_pipeline.sources.simulation.faults import TRUTH, TruthRow, inject, truth, truth_rows
from ecoai_pipeline.sources.simulation.maintenance import STOPS, Stop, stops
from ecoai_pipeline.sources.simulation.plan import FaultPlan
from ecoai_pipeline.sources.simulation.portfolio import Members, energy, members
from ecoai_pipeline.sources.writers.block import Block
from ecoai_pipeline.sources.writers.catalog import WrittenFormat, written
from ecoai_pipeline.storage.atomic import replacing

ZONE = "Asia/Seoul"
_STEP_S = 900  # the load is computed in steps of at most this, and averaged over longer intervals
_BLOCK = 1_000_000  # readings that are computed at a time
_DECIMALS = 3


@dataclass(frozen=True)
class Simulation:
    """Where everything lies: `files` to ingest, `last_day` the files held back, the registry, the faults and the planned stops."""

    files: tuple[Path, ...]
    registry: Path
    truth: Path
    maintenance: Path
    last_day: tuple[Path, ...] = ()


def simulate(
    folder: Path,
    *,
    industries: Sequence[Industry],
    meters_per_industry: int,
    months: MonthRange,
    interval_s: int = 900,
    seed: int = 0,
    written_as: str = "kepco",
    plan: FaultPlan | None = None,
    last_day_apart: Path | None = None,
) -> Simulation:
    """Write a file per industry and month, `meters.csv`, `faults.csv` (TRUTH) and `maintenance.csv` (STOPS).

    A month of a meter depends on the seed, the meter and the month alone. With `last_day_apart` the last day of the
    last month goes into files of its own in that folder. Planned stops are no faults, and announced two weeks before.

    Args:
        interval_s: divides the day into whole minutes.
        written_as: a name of WRITTEN, the format of the files.
        plan: of the faults; else the standard one.

    Raises:
        ValueError: the interval does not divide the day into whole minutes, or the format is unknown.
    """
    if interval_s <= 0 or 86_400 % interval_s or interval_s % 60:
        raise ValueError(f"an interval of {interval_s} s does not divide the day into whole minutes; take 900 or 3600")
    form, made = written(written_as), _Made()
    portfolio = [members(industry, meters_per_industry, seed) for industry in industries]
    planned = {of.industry: stops(of.industry, of.chance, months.first.year - 1, months.last.year) for of in portfolio}
    for month in months:
        days = _days(month, interval_s, seed)
        for of in portfolio:
            blocks = _blocks(of, planned[of.industry], month, days, _Draw(interval_s, seed, plan), made.faults)
            apart = last_day_apart if month == months.last else None
            _write(made, form, folder, f"{of.industry}-{month}", blocks, apart)
    folder.mkdir(parents=True, exist_ok=True)
    return Simulation(
        files=tuple(made.files),
        registry=_write_csv(folder / REGISTRY, _registry(portfolio, months.first)),
        truth=_write_csv(folder / FAULTS, pl.concat([TRUTH.to_frame(), *made.faults])),
        maintenance=_write_csv(folder / MAINTENANCE, _announced(portfolio, planned, months)),
        last_day=tuple(made.last_day),
    )


def blocks(
    industry: Industry, *, meters: int, months: MonthRange, interval_s: int = 900, seed: int = 0, plan: FaultPlan | None = None
) -> Iterator[Block]:
    """The readings that `simulate` writes for an industry, month by month, some meters at a time; `plan` is of the faults in them."""
    of, draw = members(industry, meters, seed), _Draw(interval_s, seed, plan)
    planned = stops(industry, of.chance, months.first.year - 1, months.last.year)
    for month in months:
        yield from _blocks(of, planned, month, _days(month, interval_s, seed), draw, [])


@dataclass(frozen=True)
class _Draw:
    """What a month is drawn by, beside its meters."""

    interval_s: int
    seed: int
    plan: FaultPlan | None


@dataclass
class _Made:
    """What has been written so far, and the faults in it."""

    files: list[Path] = field(default_factory=list)
    last_day: list[Path] = field(default_factory=list)
    faults: list[pl.DataFrame] = field(default_factory=list)


def _days(month: Month, interval_s: int, seed: int) -> Days:
    """The month's days and the one before, in the steps that the load is computed in."""
    steps = 86_400 // interval_s * -(-interval_s // _STEP_S)
    count = calendar.monthrange(month.year, month.month)[1]
    return days_of(month.first_day - timedelta(days=1), count + 1, steps, seed)


def _blocks(of: Members, planned: Sequence[Stop], month: Month, days: Days, draw: _Draw, faults: list[pl.DataFrame]) -> Iterator[Block]:
    """The month's readings, some meters at a time; the faults in them are added to `faults`."""
    each = max(1, _BLOCK // (len(days.dates) * days.hours.shape[2]))
    for first in range(0, len(of.meters), each):
        some = of.some(first, first + each)
        theirs = [stop.of(stop.meter - first) for stop in planned if first <= stop.meter < first + each]
        kwh = energy(some, days, theirs, draw.interval_s)
        faulty, found = _faulty(some, kwh, month, draw)
        faults.append(found)
        industries = [of.industry] * len(some.meters)
        yield Block(some.meters, industries, some.usage_types, month.first_day, ZONE, kwh, faulty)


def _faulty(of: Members, kwh: Floats, month: Month, draw: _Draw) -> tuple[Flags, pl.DataFrame]:
    """Put faults into `kwh` (k, d, slots) itself; returns where they are, and their record."""
    slots = np.tile(np.arange(kwh.shape[2]), kwh.shape[1])
    midnight = datetime.combine(month.first_day, datetime.min.time(), ZoneInfo(ZONE)).astimezone(UTC)
    inside, rows = np.zeros(kwh.shape, dtype=bool), list[TruthRow]()
    for row, meter in enumerate(of.meters):
        rng = np.random.default_rng([draw.seed, zlib.crc32(meter.encode()), month.year, month.month])
        changed, faults = inject(kwh[row].ravel(), slots, draw.interval_s, rng, draw.plan, decimals=_DECIMALS)
        kwh[row] = changed.reshape(kwh.shape[1:])
        for fault in faults:
            inside[row].ravel()[fault.start : fault.stop] = True
        rows += truth_rows(meter, faults, midnight, draw.interval_s)
    return inside, truth(rows)


def _write(made: _Made, form: WrittenFormat, folder: Path, name: str, blocks: Iterable[Block], apart: Path | None) -> None:
    """Write a month, or all but its last day and that day apart."""
    if apart is None:
        made.files += form.files(folder, name, blocks)
        return
    kept = list(blocks)
    made.files += form.files(folder, name, [block.days(0, -1) for block in kept])
    last = len(kept[0].dates)
    made.last_day += form.files(apart, f"{name}-{last:02d}", [block.days(last - 1) for block in kept])


def _registry(portfolio: Sequence[Members], first: Month) -> pl.DataFrame:
    each = [(of, k) for of in portfolio for k in range(len(of.meters))]
    return pl.DataFrame(
        {
            "meter_id": [of.meters[k] for of, k in each],
            "industry": [of.industry.value for of, _ in each],
            "usage_type": [of.usage_types[k].value for of, k in each],
            "time_zone": [ZONE] * len(each),
            "valid_from": [first.first_day.isoformat()] * len(each),
            "capacity_kw": [of.capacity_kw[k] for of, k in each],
        }
    )


def _announced(portfolio: Sequence[Members], planned: dict[Industry, list[Stop]], months: MonthRange) -> pl.DataFrame:
    """The stops that touch the months, times in UTC."""
    zone, from_day, to_day = ZoneInfo(ZONE), months.first.first_day, months.last.next.first_day
    rows = [
        (of.meters[stop.meter], *(_utc(moment, zone) for moment in (stop.start, stop.end)), stop.announced, stop.work)
        for of in portfolio
        for stop in planned[of.industry]
        if stop.start.date() < to_day and stop.end.date() >= from_day
    ]
    return pl.DataFrame(rows, schema=STOPS, orient="row").sort("meter_id", "start")


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


def _write_csv(path: Path, frame: pl.DataFrame) -> Path:
    with replacing(path) as temporary:
        frame.write_csv(temporary)
    return path
