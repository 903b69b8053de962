"""What a kWh costs and how much CO2e it brings: the parameters of `impact`, checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

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


class DayKind(StrEnum):
    """What a tariff may have rules for: days of the week, and public holidays where the meter is."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    HOLIDAY = "holiday"

    @classmethod
    def of(cls, day: date, *, holiday: bool) -> frozenset[DayKind]:
        """What a local day is; a holiday is a day of the week as well."""
        weekday = list(cls)[day.weekday()]
        return frozenset((weekday, cls.HOLIDAY)) if holiday else frozenset((weekday,))


_WEEKEND = (DayKind.SATURDAY, DayKind.SUNDAY, DayKind.HOLIDAY)
_KOREAN_DAYS = {"light_days": (DayKind.SUNDAY, DayKind.HOLIDAY), "no_peak_days": (DayKind.SATURDAY,)}
Price = float | dict[Band, float]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Discount(_Frozen):
    """A share taken off in some hours of some days."""

    usage_types: tuple[UsageType, ...]
    seasons: tuple[TariffSeason, ...]
    hours: Hours
    share: float = Field(gt=0, le=1)
    days: tuple[DayKind, ...] = _WEEKEND


class Tariff(_Frozen):
    """Energy charges from a day on. Hours are of the local day, from the first to before the last, over midnight where it is less.

    Days that the tariff names are light all day, or have mid hours in place of peak hours; all others have the bands as they are.
    """

    version: str = Field(min_length=1)
    source: str = Field(min_length=1, description="whose table, and where it stands")
    valid_from: date
    months: Mapping[TariffSeason, tuple[Annotated[int, Field(ge=1, le=12)], ...]]
    bands: Mapping[TariffSeason, Mapping[Band, tuple[Hours, ...]]]
    prices: Mapping[UsageType, Mapping[TariffSeason, Price]] = Field(description="of a kWh; one price, or one per band")
    light_days: tuple[DayKind, ...] = Field((), description="light all day")
    no_peak_days: tuple[DayKind, ...] = Field((), description="days whose peak hours are mid hours")
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

    def price(self, usage: UsageType, month: int, hour: int, days: frozenset[DayKind]) -> float:
        """Of a kWh used in an hour of a local day that is all of `days`; usage types without own prices pay the industrial ones."""
        season = self.season(month)
        price = self.prices.get(usage, self.prices[UsageType.INDUSTRIAL])[season]
        if isinstance(price, dict):
            price = price[self._band(season, hour, days)]
        return price * (1 - self._discount(usage, season, hour, days))

    def _band(self, season: TariffSeason, hour: int, days: frozenset[DayKind]) -> Band:
        if days.intersection(self.light_days):
            return Band.LIGHT
        band = next(band for band, spans in self.bands[season].items() if any(hour in hours_between(span) for span in spans))
        return Band.MID if days.intersection(self.no_peak_days) and band is Band.PEAK else band

    def _discount(self, usage: UsageType, season: TariffSeason, hour: int, days: frozenset[DayKind]) -> float:
        asked = (one for one in self.weekend_discounts if days.intersection(one.days))
        found = (one for one in asked if usage in one.usage_types and season in one.seasons)
        return max((one.share for one in found if hour in hours_between(one.hours)), default=0.0)


class EmissionFactor(_Frozen):
    """Emissions of a kWh used, from a day on."""

    version: str = Field(min_length=1)
    source: str = Field(min_length=1)
    valid_from: date
    kg_co2e_per_kwh: float = Field(ge=0)


Dated = TypeVar("Dated", Tariff, EmissionFactor)


def _in_order(values: tuple[Dated, ...]) -> tuple[Dated, ...]:
    days = [one.valid_from for one in values]
    if len(set(days)) < len(days):
        raise ValueError(f"two hold from the same day: {', '.join(map(str, sorted(days)))}")
    return tuple(sorted(values, key=lambda one: one.valid_from))


class TariffTable(_Frozen):
    """A named tariff: its country, its currency, and its prices by the day they hold from. What lies before the first takes the first."""

    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217, of all prices and of half_cost")
    default: bool = Field(False, description="holds for meters of the country that name no tariff")
    half_cost: float = Field(gt=0, description="cost at which an event counts half of full size")
    versions: Annotated[tuple[Tariff, ...], Field(min_length=1), AfterValidator(_in_order)]

    @model_validator(mode="before")
    @classmethod
    def _days_of_korea(cls, given: Any) -> Any:
        """Korean tables from before tariffs named their days have the days of KEPCO."""
        if not isinstance(given, Mapping) or given.get("country") != "KR":
            return given
        return {**given, "versions": [{**_KOREAN_DAYS, **one} if isinstance(one, Mapping) else one for one in given.get("versions", ())]}


Factors = Annotated[tuple[EmissionFactor, ...], AfterValidator(_in_order)]


class ImpactParams(_Frozen):
    """Tariffs by name and emission factors by country. A meter for which there is none has no cost, or no CO2e."""

    tariffs: Mapping[str, TariffTable] = {}
    emission_factors: Mapping[str, Factors] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_one_country(cls, given: Any) -> Any:
        """Parameters from before tariffs had names: one list of Korean prices and factors. Other currencies need their country."""
        if not isinstance(given, Mapping) or not ({"currency", "half_cost"} & set(given) or isinstance(given.get("tariffs"), list)):
            return given
        if given.get("currency", "KRW") != "KRW":
            layout = "{country: …, currency: …, default: true, half_cost: …, versions: [the list]}"
            places = f"`impact.tariffs.NAME: {layout}` and `impact.emission_factors.COUNTRY: [the list]`"
            raise ValueError(f"tariffs have names, and factors a country: write {places}")
        kepco = {"country": "KR", "currency": "KRW", "default": True, "half_cost": given.get("half_cost", 1_000_000)}
        tariffs = {"kepco": {**kepco, "versions": given["tariffs"]}} if given.get("tariffs") else {}
        return {"tariffs": tariffs, "emission_factors": {"KR": given.get("emission_factors", [])}}

    @model_validator(mode="after")
    def _one_default_per_country(self) -> ImpactParams:
        defaults = [table.country for table in self.tariffs.values() if table.default]
        twice = sorted({country for country in defaults if defaults.count(country) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} has several default tariffs; keep `default: true` in one")
        return self

    def tariff(self, name: str | None, country: str | None) -> TariffTable | None:
        """The tariff of a meter: the one that it names, else the default of its country."""
        if name is not None:
            return self.tariffs.get(name)
        return next((table for table in self.tariffs.values() if table.default and table.country == country), None)

    def factors(self, country: str | None) -> tuple[EmissionFactor, ...]:
        """Emission factors of a country by the day they hold from; none where it is not known."""
        return self.emission_factors.get(country or "", ())


def hours_between(span: Hours) -> tuple[int, ...]:
    """Hours from the first to before the last, over midnight where it is less.

    >>> hours_between((22, 2)), hours_between((0, 0)) == tuple(range(24))
    ((22, 23, 0, 1), True)
    """
    first, last = span
    length = (last - first) % 24 or 24
    return tuple((first + k) % 24 for k in range(length))
