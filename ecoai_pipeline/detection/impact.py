"""What an event cost: its excess energy at the tariff of each interval, CO2e at the factor, and how severe that makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.features.calendar import Place, holidays_of
from ecoai_pipeline.tariffs import EmissionFactor, ImpactParams, Tariff

Floats = NDArray[np.float64]
InForce = TypeVar("InForce", Tariff, EmissionFactor)
_STEP = "datetime64[15m]"  # zones may lie a quarter of an hour apart
_STEP_S, _HOUR_S = 900, 3600
_DAY_SHARE = 0.25  # excess of this share of a day's energy is half of full size
_LONG_H = 24.0  # a duration of this is half of full length
_SATURDAY, _SUNDAY = 5, 6


@dataclass(frozen=True)
class Impact:
    """Cost in the currency of the parameters and CO2e, kg, signed as the excess is; None where nothing says what a kWh is worth."""

    cost: float | None
    co2e_kg: float | None
    version: str | None


def impact(params: ImpactParams, usage: UsageType, zone: str, times: NDArray[np.datetime64], interval_s: int, excess_kwh: Floats) -> Impact:
    """Of the excess (n,) kWh in intervals that start at `times` (n,), UTC; NaN where nothing could be compared.

    An interval is priced by the hour it starts in, a longer one by the mean of its hours. Energy charge only: what a peak adds to the
    demand charge, taxes and levies are not in it.
    """
    known = np.isfinite(excess_kwh)
    if not known.any() or not len(times):
        return Impact(None, None, None)
    prices = _worth(params.tariffs, usage, zone, times[known], interval_s)
    factors = _emissions(params.emission_factors, zone, times[known], interval_s)
    day = _utc(times[-1]).astimezone(ZoneInfo(zone)).date()
    in_force = [one.version for one in (_at(params.tariffs, day), _at(params.emission_factors, day)) if one]
    return Impact(
        cost=None if prices is None else float((prices * excess_kwh[known]).sum()),
        co2e_kg=None if factors is None else float((factors * excess_kwh[known]).sum()),
        version="+".join(in_force) or None,
    )


def severity(params: ImpactParams, confidence: float, excess_kwh: float | None, day_kwh: float, cost: float | None, hours: float) -> float:
    """From 0 to 1: the mean of how sure we are, how large it is and how long it lasts.

    Size is e/(e + a quarter of the meter's usual day), or c/(c + half_cost) where the cost c is the larger of the two: a leak that is
    little to a large plant may cost more than the outage of a small one. Length is h/(h + 24).
    """
    excess, worth = abs(excess_kwh or 0.0), abs(cost or 0.0)
    relative = excess / (excess + _DAY_SHARE * day_kwh) if excess > 0 else 0.0
    size = max(relative, worth / (worth + params.half_cost))
    return float(np.mean([confidence, size, hours / (hours + _LONG_H)]))


def _worth(tariffs: tuple[Tariff, ...], usage: UsageType, zone: str, times: NDArray[np.datetime64], interval_s: int) -> Floats | None:
    def price(hour: datetime) -> float:
        day = hour.date()
        tariff = _at(tariffs, day)
        assert tariff is not None
        free = day.weekday() == _SUNDAY or day in holidays_of(Place.of(zone), day.year)
        return tariff.price(usage, day.month, hour.hour, saturday=day.weekday() == _SATURDAY, free=free)

    return _hourly(price, zone, times, interval_s) if tariffs else None


def _emissions(factors: tuple[EmissionFactor, ...], zone: str, times: NDArray[np.datetime64], interval_s: int) -> Floats | None:
    def factor(hour: datetime) -> float:
        found = _at(factors, hour.date())
        assert found is not None
        return found.kg_co2e_per_kwh

    return _hourly(factor, zone, times, interval_s) if factors else None


def _hourly(value: Callable[[datetime], float], zone: str, times: NDArray[np.datetime64], interval_s: int) -> Floats:
    """A value of the local hour that each interval starts in, or the mean over the hours of a longer one, (n,)."""
    steps, local = times.astype(_STEP), ZoneInfo(zone)
    first, count = steps.min(), max(1, interval_s // _STEP_S) if interval_s > _HOUR_S else 1
    place = (steps - first).astype(int)
    moments = [_utc(first) + timedelta(seconds=_STEP_S * k) for k in range(int(place.max()) + count)]
    whole = np.concatenate(([0.0], np.cumsum([value(moment.astimezone(local)) for moment in moments])))
    mean: Floats = (whole[place + count] - whole[place]) / count
    return mean


def _at(values: tuple[InForce, ...], day: date) -> InForce | None:
    """The one in force on a day, the first for what lies before it."""
    before = [one for one in values if one.valid_from <= day] or values[:1]
    return before[-1] if before else None


def _utc(moment: np.datetime64) -> datetime:
    found: datetime = moment.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)
