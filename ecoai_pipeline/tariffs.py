"""What a kWh costs and how much CO2e it brings: the parameters of `impact`, checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ecoai_pipeline.domain import UsageType

Hours = tuple[Annotated[int, Field(ge=0, le=24)], Annotated[int, Field(ge=0, le=24)]]


class TariffSeason(StrEnum):
    """Seasons of a tariff, which are not those of the weather."""

    SUMMER = "summer"
    SPRING_AUTUMN = "spring_autumn"
    WINTER = "winter"


class Band(StrEnum):
    """Time bands of a tariff: off-peak, mid-peak, on-peak."""

    LIGHT = "light"
    MID = "mid"
    PEAK = "peak"


Price = float | dict[Band, float]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Discount(_Frozen):
    """A share taken off in some hours of Saturdays, Sundays and holidays."""

    usage_types: tuple[UsageType, ...]
    seasons: tuple[TariffSeason, ...]
    hours: Hours
    share: float = Field(gt=0, le=1)


class Tariff(_Frozen):
    """Energy charges from a day on. Hours are of the local day, from the first to before the last, over midnight where it is less.

    Saturdays have no peak, its hours are mid ones; Sundays and public holidays are light all day, as in Korea.
    """

    version: str = Field(min_length=1)
    source: str = Field(min_length=1, description="whose table, and where it stands")
    valid_from: date
    months: Mapping[TariffSeason, tuple[Annotated[int, Field(ge=1, le=12)], ...]]
    bands: Mapping[TariffSeason, Mapping[Band, tuple[Hours, ...]]]
    prices: Mapping[UsageType, Mapping[TariffSeason, Price]] = Field(description="of a kWh; one price, or one per band")
    weekend_discounts: tuple[Discount, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Tariff:
        seen = sorted(month for months in self.months.values() for month in months)
        if seen != list(range(1, 13)):
            raise ValueError(f"tariff {self.version}: each month belongs to one season; found {seen}")
        for season in TariffSeason:
            hours = [hour for spans in self.bands.get(season, {}).values() for span in spans for hour in hours_between(span)]
            wrong = [hour for hour in range(24) if hours.count(hour) != 1]
            if wrong:
                raise ValueError(f"tariff {self.version}, {season}: each hour belongs to one band; look at hours {wrong}")
        for usage, prices in self.prices.items():
            for season in TariffSeason:
                price = prices.get(season)
                if price is None or (isinstance(price, dict) and set(price) != set(Band)):
                    raise ValueError(f"tariff {self.version}, {usage}, {season}: give one price, or one each for {', '.join(Band)}")
        if UsageType.INDUSTRIAL not in self.prices:
            raise ValueError(f"tariff {self.version}: industrial prices are missing; they stand in for usage types without any")
        return self

    def season(self, month: int) -> TariffSeason:
        return next(season for season, months in self.months.items() if month in months)

    def price(self, usage: UsageType, month: int, hour: int, *, saturday: bool, free: bool) -> float:
        """Of a kWh used in an hour of a local day; usage types without prices of their own pay the industrial ones."""
        season = self.season(month)
        price = self.prices.get(usage, self.prices[UsageType.INDUSTRIAL])[season]
        if isinstance(price, dict):
            price = price[self._band(season, hour, saturday=saturday, free=free)]
        return price * (1 - self._discount(usage, season, hour) if saturday or free else 1)

    def _band(self, season: TariffSeason, hour: int, *, saturday: bool, free: bool) -> Band:
        if free:
            return Band.LIGHT
        band = next(band for band, spans in self.bands[season].items() if any(hour in hours_between(span) for span in spans))
        return Band.MID if saturday and band is Band.PEAK else band

    def _discount(self, usage: UsageType, season: TariffSeason, hour: int) -> float:
        found = (one for one in self.weekend_discounts if usage in one.usage_types and season in one.seasons)
        return max((one.share for one in found if hour in hours_between(one.hours)), default=0.0)


class EmissionFactor(_Frozen):
    """Emissions of a kWh used, from a day on."""

    version: str = Field(min_length=1)
    source: str = Field(min_length=1)
    valid_from: date
    kg_co2e_per_kwh: float = Field(ge=0)


class ImpactParams(_Frozen):
    """Tariffs and factors by the day they hold from; what lies before the first takes the first. Without any there is no cost."""

    currency: str = Field("KRW", min_length=1, description="of all prices")
    tariffs: tuple[Tariff, ...] = ()
    emission_factors: tuple[EmissionFactor, ...] = ()
    half_cost: float = Field(1_000_000, gt=0, description="cost at which an event counts half of full size, in the currency")

    @field_validator("tariffs", "emission_factors")
    @classmethod
    def _in_order(cls, values: Sequence[Tariff | EmissionFactor]) -> tuple[Tariff | EmissionFactor, ...]:
        days = [one.valid_from for one in values]
        if len(set(days)) < len(days):
            raise ValueError(f"two hold from the same day: {', '.join(map(str, sorted(days)))}")
        return tuple(sorted(values, key=lambda one: one.valid_from))


def hours_between(span: Hours) -> tuple[int, ...]:
    """Hours from the first to before the last, over midnight where it is less.

    >>> hours_between((22, 2)), hours_between((0, 0)) == tuple(range(24))
    ((22, 23, 0, 1), True)
    """
    first, last = span
    length = (last - first) % 24 or 24
    return tuple((first + k) % 24 for k in range(length))
