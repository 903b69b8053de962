"""A made-up portfolio as files of a provider, with a registry and the truth about the faults that were put in."""

from __future__ import annotations

import calendar
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.domain import Industry, Month, MonthRange, UsageType
from ecoai_pipeline.sources.kepco_writer import MeterDays, write_wide
from ecoai_pipeline.sources.shapes import Days, load_of
from ecoai_pipeline.sources.simulation.faults import Fault, inject, truth
from ecoai_pipeline.storage.atomic import replacing

ZONE = "Asia/Seoul"
USAGE = (UsageType.INDUSTRIAL, UsageType.INDUSTRIAL, UsageType.GENERAL, UsageType.INDUSTRIAL, UsageType.MIDNIGHT, UsageType.AGRICULTURAL)
MISSING = 0.002
_DAY_NOISE, _SLOT_NOISE = 0.02, 0.025


@dataclass(frozen=True)
class SimulatedMeter:
    """A meter of the portfolio; `level_kw` is its full load and `phase_h` when its processes run."""

    meter_id: str
    industry: Industry
    usage: UsageType
    level_kw: float
    phase_h: float

    @property
    def capacity_kw(self) -> float:
        return float(np.ceil(self.level_kw * 3))


@dataclass(frozen=True)
class Simulation:
    """Where everything lies: `files` to ingest, `last_day` the files held back, the registry and the faults."""

    files: tuple[Path, ...]
    registry: Path
    truth: Path
    last_day: tuple[Path, ...] = ()


def simulate(
    folder: Path,
    *,
    industries: Sequence[Industry],
    meters_per_industry: int,
    months: MonthRange,
    interval_s: int = 900,
    seed: int = 0,
    encoding: str = "utf-8",
    layout: str = "kepco",
    last_day_apart: Path | None = None,
) -> Simulation:
    """Write a file per industry and month, `meters.csv`, and `faults.csv` (the columns of TRUTH).

    A month of a meter depends on the seed, the meter and the month alone. With `last_day_apart` the last day of the
    last month goes into files of its own in that folder.

    Raises:
        ValueError: the interval does not divide the day into whole minutes, or encoding or layout is unknown.
    """
    _check(interval_s, encoding, layout)
    meters = [_meter(industry, number, seed) for industry in industries for number in range(1, meters_per_industry + 1)]
    files: list[Path] = []
    apart: list[Path] = []
    record: list[pl.DataFrame] = []
    for month in months:
        days = _days(month, interval_s, seed)
        for industry in industries:
            members = [meter for meter in meters if meter.industry == industry]
            kwh, faults = _month(members, month, days, interval_s, seed)
            record.append(faults)
            kept = kwh.shape[1] - (last_day_apart is not None and month == months.last)
            files.append(_write(folder / f"{industry}-{month}.csv", members, month, kwh[:, :kept], 0, encoding, layout))
            if last_day_apart is not None and kept < kwh.shape[1]:
                path = last_day_apart / f"{industry}-{month}-{kept + 1:02d}.csv"
                apart.append(_write(path, members, month, kwh[:, kept:], kept, encoding, layout))
    registry = _write_csv(folder / "meters.csv", _registry(meters, months.first))
    return Simulation(tuple(files), registry, _write_csv(folder / "faults.csv", pl.concat(record)), tuple(apart))


def _check(interval_s: int, encoding: str, layout: str) -> None:
    if interval_s <= 0 or 86_400 % interval_s or interval_s % 60:
        raise ValueError(f"an interval of {interval_s} s does not divide the day into whole minutes; take 900 or 3600")
    if encoding not in ("utf-8", "cp949"):
        raise ValueError(f"unknown encoding {encoding!r}; known are utf-8 and cp949")
    if layout not in ("kepco", "table"):
        raise ValueError(f"unknown layout {layout!r}; known are kepco and table")


def _rng(*parts: int | str) -> np.random.Generator:
    """A generator that depends on its parts alone."""
    return np.random.default_rng([zlib.crc32(part.encode()) if isinstance(part, str) else part for part in parts])


def _meter(industry: Industry, number: int, seed: int) -> SimulatedMeter:
    meter_id = f"{industry}-{number:03d}"
    rng = _rng(seed, meter_id)
    level = float(np.exp(rng.normal(np.log(400), 0.6)))
    return SimulatedMeter(meter_id, industry, USAGE[(number - 1) % len(USAGE)], level, float(rng.uniform(0, 2)))


def _days(month: Month, interval_s: int, seed: int) -> Days:
    """Calendar and weather of a month, the same for all its meters."""
    import holidays

    closed = holidays.country_holidays("KR", years=month.year)
    dates = [month.first_day + timedelta(days=d) for d in range(calendar.monthrange(month.year, month.month)[1])]
    hours = np.arange(0, 24, interval_s / 3600)[None, :]
    day_of_year = np.array([[float(day.timetuple().tm_yday)] for day in dates])
    spells = np.convolve(_rng(seed, str(month)).normal(0, 3, len(dates) + 4), np.ones(5) / 5**0.5, "valid")[:, None]
    season = 12 - 14 * np.cos(2 * np.pi * (day_of_year - 15) / 365)
    return Days(
        hours=hours,
        weekday=np.array([[day.weekday()] for day in dates]),
        holiday=np.array([[day in closed] for day in dates]),
        day_of_year=day_of_year,
        temperature=season + spells + 4 * np.sin(2 * np.pi * (hours - 9) / 24),
    )


def _month(
    meters: Sequence[SimulatedMeter], month: Month, days: Days, interval_s: int, seed: int
) -> tuple[NDArray[np.float64], pl.DataFrame]:
    """Energy (meters, days, slots) in kWh, NaN where a cell is missing, and the faults in it."""
    shape = (len(days.weekday), days.hours.shape[1])
    slots = np.tile(np.arange(shape[1]), shape[0])
    kwh = np.empty((len(meters), *shape))
    faults: list[pl.DataFrame] = []
    for row, meter in enumerate(meters):
        rng = _rng(seed, meter.meter_id, month.year, month.month)
        load = load_of(meter.industry, meter.usage, days, meter.phase_h) * meter.level_kw * interval_s / 3600
        noise = np.exp(rng.normal(0, _DAY_NOISE, (shape[0], 1)) + rng.normal(0, _SLOT_NOISE, shape))
        faulty, found = inject((load * noise).ravel(), slots, interval_s, rng)
        faulty[rng.random(faulty.size) < MISSING] = np.nan
        kwh[row] = np.round(faulty, 3).reshape(shape)
        faults.append(_truth(meter.meter_id, found, month, interval_s))
    return kwh, pl.concat(faults)


def _truth(meter_id: str, faults: Sequence[Fault], month: Month, interval_s: int) -> pl.DataFrame:
    midnight = datetime.combine(month.first_day, time(), ZoneInfo(ZONE)).astimezone(UTC)
    return truth(meter_id, faults, midnight, interval_s)


def _write(
    path: Path, meters: Sequence[SimulatedMeter], month: Month, kwh: NDArray[np.float64], first: int, encoding: str, layout: str
) -> Path:
    """Write (meters, days, slots), the days starting `first` days into the month."""
    dates = [month.first_day + timedelta(days=first + d) for d in range(kwh.shape[1])]
    if layout == "table":
        return _write_csv(path, _long(meters, dates, kwh), encoding)
    each = [(meter, day) for meter in meters for day in dates]
    days = MeterDays(
        meters=[meter.meter_id for meter, _ in each],
        industries=[meter.industry for meter, _ in each],
        usage_types=[meter.usage for meter, _ in each],
        days=[day for _, day in each],
        kwh=kwh.reshape(len(each), -1),
    )
    write_wide(path, days, _encoding(encoding))
    return path


def _encoding(name: str) -> Literal["utf-8", "cp949"]:
    return "cp949" if name == "cp949" else "utf-8"


def _long(meters: Sequence[SimulatedMeter], dates: Sequence[date], kwh: NDArray[np.float64]) -> pl.DataFrame:
    """A row per reading: meter_id, local start of the interval, kwh."""
    step = timedelta(days=1) / kwh.shape[2]
    first = datetime.combine(dates[0], time())
    times = pl.datetime_range(first, first + len(dates) * timedelta(days=1) - step, step, eager=True).dt.strftime("%Y-%m-%d %H:%M:%S")
    return pl.concat(
        pl.DataFrame({"meter_id": [meter.meter_id] * len(times), "timestamp": times, "kwh": kwh[row].ravel()}).fill_nan(None)
        for row, meter in enumerate(meters)
    )


def _registry(meters: Sequence[SimulatedMeter], first: Month) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "meter_id": [meter.meter_id for meter in meters],
            "industry": [meter.industry.value for meter in meters],
            "usage_type": [meter.usage.value for meter in meters],
            "time_zone": [ZONE] * len(meters),
            "valid_from": [first.first_day.isoformat()] * len(meters),
            "capacity_kw": [meter.capacity_kw for meter in meters],
        }
    )


def _write_csv(path: Path, frame: pl.DataFrame, encoding: str = "utf-8") -> Path:
    with replacing(path) as temporary:
        temporary.write_bytes(frame.write_csv().encode(encoding))
    return path
