"""What an event cost: its excess energy at the tariff of each interval, CO2e at the factor, and how severe that makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.domain import Meter, UsageType
from ecoai_pipeline.features.calendar import Place, holidays_of
from ecoai_pipeline.tariffs import DayKind, EmissionFactor, ImpactParams, Tariff

Floats = NDArray[np.float64]
InForce = TypeVar("InForce", Tariff, EmissionFactor)
_STEP = "datetime64[15m]"  # zones may lie a quarter of an hour apart
_STEP_S, _HOUR_S = 900, 3600
_DAY_SHARE = 0.25  # excess of this share of a day's energy is half of full size
_LONG_H = 24.0  # a duration of this is half of full length


@dataclass(frozen=True)
class Impact:
    """Cost and CO2e, kg, signed as the excess is; None where nothing says what a kWh is worth.

    Attributes:
        currency: of `cost` and of `half_cost`, the cost at which an event counts half of full size.
        version: tariff and factor in force at the end.
    """

    cost: float | None = None
    currency: str | None = None
    co2e_kg: float | None = None
    version: str | None = None
    half_cost: float | None = None


def impact(params: ImpactParams, meter: Meter, times: NDArray[np.datetime64], interval_s: int, excess_kwh: Floats) -> Impact:
    """Of the excess (n,) kWh in intervals that start at `times` (n,), UTC; NaN where nothing could be compared.

    Prices are those of the meter's tariff, else of the default one of its country; factors those of its country. An interval is priced
    by the hour it starts in, a longer one by the mean of its hours. Energy charge only: what a peak adds to the demand charge, taxes
    and levies are not in it.
    """
    known = np.isfinite(excess_kwh)
    if not known.any() or not len(times):
        return Impact()
    place = Place.of_meter(meter)
    table, factors = params.tariff(meter.tariff, place.country), params.factors(place.country)
    prices = _worth(table.versions, meter.usage_type, place, times[known], interval_s) if table else None
    emitted = _emissions(factors, place, times[known], interval_s) if factors else None
    day = _utc(times[-1]).astimezone(ZoneInfo(place.zone)).date()
    in_force = [*([_at(table.versions, day).version] if table else []), *([_at(factors, day).version] if factors else [])]
    return Impact(
        cost=None if prices is None else float((prices * excess_kwh[known]).sum()),
        currency=table.currency if table else None,
        co2e_kg=None if emitted is None else float((emitted * excess_kwh[known]).sum()),
        version="+".join(in_force) or None,
        half_cost=table.half_cost if table else None,
    )


def severity(worth: Impact, confidence: float, excess_kwh: float | None, day_kwh: float, hours: float) -> float:
    """From 0 to 1: the mean of how sure we are, how large it is and how long it lasts.

    Size is e/(e + a quarter of the meter's usual day), or c/(c + half_cost) where the cost c is the larger of the two: a leak that is
    little to a large plant may cost more than the outage of a small one. Without a cost it is the energy's. Length is h/(h + 24).
    """
    excess = abs(excess_kwh or 0.0)
    size = excess / (excess + _DAY_SHARE * day_kwh) if excess > 0 else 0.0
    if worth.cost is not None and worth.half_cost is not None:
        size = max(size, abs(worth.cost) / (abs(worth.cost) + worth.half_cost))
    return float(np.mean([confidence, size, hours / (hours + _LONG_H)]))


def _worth(tariffs: tuple[Tariff, ...], usage: UsageType, place: Place, times: NDArray[np.datetime64], interval_s: int) -> Floats:
    def price(hour: datetime) -> float:
        day = hour.date()
        days = DayKind.of(day, holiday=day in holidays_of(place, day.year))
        return _at(tariffs, day).price(usage, day.month, hour.hour, days)

    return _hourly(price, place.zone, times, interval_s)


def _emissions(factors: tuple[EmissionFactor, ...], place: Place, times: NDArray[np.datetime64], interval_s: int) -> Floats:
    return _hourly(lambda hour: _at(factors, hour.date()).kg_co2e_per_kwh, place.zone, times, interval_s)


def _hourly(value: Callable[[datetime], float], zone: str, times: NDArray[np.datetime64], interval_s: int) -> Floats:
    """A value of the local hour that each interval starts in, or the mean over the hours of a longer one, (n,)."""
    steps, local = times.astype(_STEP), ZoneInfo(zone)
    first, count = steps.min(), max(1, interval_s // _STEP_S) if interval_s > _HOUR_S else 1
    place = (steps - first).astype(int)
    moments = [_utc(first) + timedelta(seconds=_STEP_S * k) for k in range(int(place.max()) + count)]
    whole = np.concatenate(([0.0], np.cumsum([value(moment.astimezone(local)) for moment in moments])))
    mean: Floats = (whole[place + count] - whole[place]) / count
    return mean


def _at(values: tuple[InForce, ...], day: date) -> InForce:
    """The one in force on a day, the first for what lies before it."""
    return ([one for one in values if one.valid_from <= day] or values[:1])[-1]


def _utc(moment: np.datetime64) -> datetime:
    found: datetime = moment.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)
