"""Made-up plants that differ in what a public holiday means to them, run through training, scoring and the search for events.

They share no code with the simulator of the program. All are Korean, with real holidays; what they draw is their day's shape with
autocorrelated noise, so that a false event is one that the calendar caused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import holidays
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection.anomalies import materialize_anomalies
from ecoai_pipeline.detection.scoring import materialize_scores
from ecoai_pipeline.detection.training import train
from ecoai_pipeline.domain import ANOMALIES, FEATURES, Category, Industry, Meter, Month, MonthRange, Partition, Resolution, UsageType
from ecoai_pipeline.features.calendar import Place, month_bounds, with_calendar
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

ZONE = "Asia/Seoul"
Shape = NDArray[np.float64]

_HOURS = np.arange(24)
_REST: Shape = 18 + 1.5 * np.sin(2 * np.pi * (_HOURS - 8) / 24)
_SHIFT: Shape = _REST + np.where((_HOURS >= 8) & (_HOURS < 18), 30.0, 0.0)
_SHOP: Shape = 6 + np.where((_HOURS >= 10) & (_HOURS < 21), 22.0, 0.0)


def _opens(day: date, weekend: float, holiday: float) -> Shape:
    """A shop whose trade is so many times that of a weekday."""
    busy = holiday if public(day) else weekend if day.weekday() >= 5 else 1.0
    return 6 + busy * (_SHOP - 6)


def _works(day: date, weekdays: str, *, rests: Callable[[date], bool]) -> Shape:
    return _SHIFT if str(day.weekday()) in weekdays and not rests(day) else _REST


# The day's shape, kWh per hour (24,), by the date.
KINDS: Mapping[str, Callable[[date], Shape]] = {
    "five days, rests on holidays": lambda day: _works(day, "01234", rests=public),
    "five days, works on holidays": lambda day: _works(day, "01234", rests=never),
    "five days, rests at Seollal and Chuseok only": lambda day: _works(day, "01234", rests=feast),
    "six days, rests on holidays": lambda day: _works(day, "012345", rests=public),
    "six days, works on holidays": lambda day: _works(day, "012345", rests=never),
    "seven days, works on holidays": lambda day: _works(day, "0123456", rests=never),
    "seven days, rests on holidays": lambda day: _works(day, "0123456", rests=public),
    "Saturdays only, works on holidays": lambda day: _works(day, "5", rests=never),
    "Saturdays only, rests on holidays": lambda day: _works(day, "5", rests=public),
    "continuous": lambda _day: _REST + 25,
    "shop, holidays as weekends": lambda day: _opens(day, 1.35, 1.35),
    "shop, busiest on holidays": lambda day: _opens(day, 1.3, 1.6),
}


@dataclass(frozen=True)
class Span:
    """Months to train on and months to look for events in."""

    training: str
    months: tuple[str, ...]

    @property
    def range(self) -> MonthRange:
        first, _, last = self.training.partition("..")
        return MonthRange(Month.parse(first), Month.parse(last or first))


@dataclass(frozen=True)
class Fault:
    """Hours [first, stop) of a day on which the load is `shape` instead, kWh per hour (24,)."""

    day: date
    first: int
    stop: int
    shape: Shape


@dataclass(frozen=True)
class Found:
    """Energy events of a run: those that touch a holiday or a day beside one, and all others."""

    at_holidays: pl.DataFrame
    elsewhere: pl.DataFrame

    def large(self, kwh: float) -> list[tuple[str, date, int]]:
        """Meter, first day and excess of the events at holidays of more than so much energy."""
        rows = self.at_holidays.filter(pl.col("excess_kwh").abs() > kwh).select(
            "meter_id", "first_day", pl.col("excess_kwh").cast(pl.Int64)
        )
        return list(rows.iter_rows())

    def touches(self, meter_id: str, day: date) -> bool:
        own = self.at_holidays.filter(pl.col("meter_id") == meter_id)
        return any(first <= day <= last for first, last in own.select("first_day", "last_day").iter_rows())


def never(_day: date) -> bool:
    return False


@cache
def _calendar(year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays("KR", years=year, language="en_US"))


def public(day: date) -> bool:
    return day in _calendar(day.year)


def feast(day: date) -> bool:
    name = _calendar(day.year).get(day, "")
    return "Korean New Year" in name or "Chuseok" in name


def shift() -> Shape:
    return _SHIFT


def nothing() -> Shape:
    return 0.02 * _REST


def run(
    root: Path, kind: str, span: Span, *, meters: int = 3, interval_s: int = 3600, seed: int = 0, faults: Mapping[int, Fault] | None = None
) -> Found:
    """Train on plants of one kind and search the months of `span`; a fault is by the number of its meter."""
    lake, settings = Lake(root), _settings()
    names = [f"plant-{number}" for number in range(meters)]
    registered = [Meter(name, Industry.METAL, UsageType.INDUSTRIAL, ZONE, signed=False, valid_from=date(2000, 1, 1)) for name in names]
    MeterRegistry(lake).register(registered, origin="test", at=datetime(2020, 1, 1, tzinfo=UTC))
    scored = [Month.parse(month) for month in span.months]
    for month in sorted({*span.range, *scored, *(month.previous for month in scored)}):
        frames = [
            _features(name, KINDS[kind], month, interval_s, seed * 100 + number, (faults or {}).get(number))
            for number, name in enumerate(names)
        ]
        lake.write(FEATURES, Partition(Industry.METAL, month), frames, fingerprint=f"{month}")
    outcome = train(lake, settings, Industry.METAL, Resolution.of(interval_s), span.range, at=datetime(2020, 1, 1, tzinfo=UTC))
    assert outcome.trained, outcome.reason
    for month in scored:
        for make in (materialize_scores, materialize_anomalies):
            make(lake, settings, Partition(Industry.METAL, month))
    return _found(lake.read(ANOMALIES, [Partition(Industry.METAL, month) for month in scored]))


def _settings() -> Settings:
    """The defaults without the network that the members are compared with: it knows no calendar and takes most of the time."""
    settings = Settings()
    backtest = settings.training.backtest.model_copy(update={"meters": 1, "rounds": 1, "least_faults": 0})
    training = {"guideline": dict.fromkeys(Resolution, "flat_run"), "backtest": backtest}
    return settings.model_copy(update={"training": settings.training.model_copy(update=training)})


def _features(name: str, kind: Callable[[date], Shape], month: Month, interval_s: int, seed: int, fault: Fault | None) -> pl.DataFrame:
    start, end = month_bounds(month, ZONE)
    times = pl.datetime_range(start, end, timedelta(seconds=interval_s), closed="left", time_unit="us", eager=True)
    local = times.dt.convert_time_zone(ZONE)
    day, hour = local.dt.date().to_list(), local.dt.hour().to_numpy()
    shapes = {one: kind(one) for one in set(day)}
    kwh = np.array([shapes[one][at] for one, at in zip(day, hour, strict=True)])
    if fault:
        hit = np.array([one == fault.day for one in day]) & (hour >= fault.first) & (hour < fault.stop)
        kwh = np.where(hit, fault.shape[hour], kwh)
    kwh = kwh * _noise(np.random.default_rng([seed, month.year, month.month]), len(kwh)) * (1 + 0.1 * (seed % 5)) * interval_s / 3600
    frame = pl.DataFrame({"timestamp": times, "kwh": kwh}).with_columns(
        meter_id=pl.lit(name),
        interval_s=pl.lit(interval_s, pl.Int32),
        quality=pl.lit("measured"),
        rule=pl.lit(None, pl.String),
        restated=pl.lit(value=False),
        kwh_imputed=pl.col("kwh"),
        observed=pl.lit(value=True),
        diff_kwh=pl.col("kwh").diff(),
    )
    return with_calendar(frame, Place.of(ZONE)).select(FEATURES.names)


def _noise(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Around 1: 4 % that stays for hours."""
    white, noise = random.normal(size=n), np.empty(n)
    noise[0] = white[0]
    for k in range(1, n):
        noise[k] = 0.7 * noise[k - 1] + 0.714 * white[k]
    return 1 + 0.04 * np.clip(noise, -3.5, 3.5)


def _found(events: pl.DataFrame) -> Found:
    local = [pl.col(edge).dt.convert_time_zone(ZONE) - pl.duration(microseconds=back) for edge, back in (("start", 0), ("end", 1))]
    energy = events.filter(pl.col("category") == Category.ENERGY).with_columns(first_day=local[0].dt.date(), last_day=local[1].dt.date())
    near = [
        any(public(first + timedelta(days=k)) for k in range(-1, (last - first).days + 2))
        for first, last in energy.select("first_day", "last_day").iter_rows()
    ]
    marked = energy.with_columns(near=pl.Series(near, dtype=pl.Boolean))
    return Found(marked.filter("near"), marked.filter(~pl.col("near")))
