"""What stands on a page, gathered from the lake: figures, events and series; how it looks is told elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.detection.anomalies import costs, merged_events
from ecoai_pipeline.detection.explanation import Explanation, explanations
from ecoai_pipeline.detection.night import judged, ranked, touching
from ecoai_pipeline.domain import DRIFT, EVIDENCE, SCORES, Category, EventStatus, Industry, Meter, Month, Partition
from ecoai_pipeline.features.calendar import Place
from ecoai_pipeline.quality.report import PartitionQuality, quality_report
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

_MONTH_DAYS = 30  # the budget's
_SEASONS = {0: "winter", 1: "spring", 2: "summer", 3: "autumn"}


@dataclass(frozen=True)
class Ran:
    """A partition of an asset that was materialized, as whoever ran it knows."""

    asset: str
    partition: str
    outcome: str
    seconds: float


@dataclass(frozen=True)
class About:
    """What a page is about: a night of the portfolio or of an industry, or a month of an industry."""

    month: Month
    day: date | None
    industry: Industry | None

    @property
    def until(self) -> date:
        """The last day that is counted."""
        return self.day or self.month.next.first_day - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.until - self.month.first_day).days + 1


@dataclass(frozen=True)
class Alarms:
    """Energy events beside the budget.

    Attributes:
        shown: that the page is about; `ongoing` of them go on.
        in_month: that began in the month up to the day.
        per_night, budget: what the budget lets the meters have in a night, and in the month so far.
    """

    shown: int
    ongoing: int
    in_month: int
    per_night: float
    budget: float


@dataclass(frozen=True)
class Stake:
    """Sums over the energy events of the page; what was used too much and too little stand apart, and so do currencies."""

    excess_kwh: float
    missing_kwh: float
    cost_more: Mapping[str, float]
    cost_less: Mapping[str, float]
    co2e_kg: float | None


@dataclass(frozen=True)
class Card:
    """An event that is shown whole: its row (ANOMALIES, `site`, `rank`), where its meter is, and why it was found."""

    event: Mapping[str, Any]
    place: Place
    explanation: Explanation

    @property
    def zone(self) -> str:
        return self.place.zone


@dataclass(frozen=True)
class Calendar:
    """A meter's days: energy by what was expected, None where nothing is known, and the days that events touch."""

    meter_id: str
    ratio: Mapping[date, float | None]
    events: frozenset[date]


@dataclass(frozen=True)
class Scored:
    """Which models scored an industry's month."""

    industry: Industry
    models: Mapping[str, str]
    hindsight: bool
    without_model: int


@dataclass(frozen=True)
class Contents:
    """All of a page.

    Attributes:
        meters: with scores in the month.
        rest: energy events beyond those that are shown whole, most severe first; columns of ANOMALIES, `site`, `rank`.
        data_events: what whoever runs the meters must look at.
        pivot: by `industry, usage_type, season, weekend`: `kwh, alarms, missing_kwh, excess_kwh`, of the month up to the day.
        by_hour: alarms of the month so far by local weekday (0 is Monday) and hour of their start.
        by_detector: shares of the evidence of the month's energy events.
        drift: rows of DRIFT with `industry`, of all meters together, and of single ones that drifted.
        places: where meters are, one of each country and subdivision; the page names their public holidays.
        zone: of the page's own clock: that of its meters, UTC where they have several.
        zones: of the meters.
        unpriced: how many meters have no tariff, by the one that they name and their country.
        without_factor: how many have no emission factor, by country.
        pending: how many meters of each zone wait for the end of the day there.
    """

    about: About
    made_at: datetime
    zone: str
    zones: Mapping[str, str]
    places: Sequence[Place]
    pending: Mapping[str, int]
    unpriced: Mapping[tuple[str | None, str | None], int]
    without_factor: Mapping[str | None, int]
    meters: int
    industries: Sequence[Industry]
    alarms: Alarms
    stake: Stake
    cards: Sequence[Card]
    rest: pl.DataFrame
    data_events: pl.DataFrame
    calendars: Sequence[Calendar]
    pivot: pl.DataFrame
    by_hour: Mapping[tuple[int, int], int]
    by_detector: Mapping[str, float]
    quality: Sequence[PartitionQuality]
    drift: pl.DataFrame
    scored: Sequence[Scored]
    ran: Sequence[Ran]

    def zone_note(self, meter_id: str) -> str:
        """The zone of a meter where the page has meters of several; the clock of the page says it otherwise."""
        return self.zones.get(meter_id, "") if len(set(self.zones.values())) > 1 else ""


def gather(lake: Lake, settings: Settings, about: About, now: datetime, ran: Sequence[Ran] = ()) -> Contents:
    """Collect what a page says; each month is read once, and of the weeks around events only their meters."""
    asked = [about.industry] if about.industry else list(Industry)
    industries = [one for one in asked if lake.info(SCORES, Partition(one, about.month)).rows]
    members = {one: MeterRegistry(lake).of(one, about.month) for one in industries}
    meters = {meter_id: meter for own in members.values() for meter_id, meter in own.items()}
    past = merged_events(lake, industries, until=about.month)
    over = judged(meters, about.day, now) if about.day else meters
    touched = _touched(past, over, about)
    events = ranked(touched, meters)
    energy = events.filter(pl.col("category") == Category.ENERGY)
    shown, rest = _shown(energy, settings)
    homes = {meter_id: Place.of_meter(meter) for meter_id, meter in meters.items()}
    tariffs = [(meters[meter_id].tariff, place.country) for meter_id, place in homes.items()]
    zones = {meter_id: meter.time_zone for meter_id, meter in meters.items()}
    why = explanations(lake, shown.select(past.columns), past, zones=zones)
    daily = pl.concat([_daily(lake, Partition(one, about.month), members[one], about.until) for one in industries] or [_no_days()])
    scored = daily["meter_id"].n_unique()
    month_events = _begun(past, meters, about)
    return Contents(
        about=about,
        made_at=now,
        zone=MeterRegistry(lake).common_zone(zones),
        unpriced=Counter(of for of in tariffs if settings.impact.tariff(*of) is None),
        without_factor=Counter(place.country for place in homes.values() if not settings.impact.factors(place.country)),
        meters=scored,
        industries=industries,
        alarms=_alarms(energy, month_events, scored, about, settings.detection.budget_per_meter_month),
        stake=_stake(energy),
        cards=[Card(row, Place.of_meter(meters[row["meter_id"]]), why[row["event_id"]]) for row in shown.to_dicts()],
        zones=zones,
        places=_places(meters),
        pending=Counter(meter.time_zone for meter_id, meter in meters.items() if meter_id not in over),
        rest=rest,
        data_events=events.filter(pl.col("category") == Category.DATA_QUALITY).sort("meter_id", "start"),
        calendars=_calendars(lake, settings, about, energy, past, members),
        pivot=_pivot(daily, month_events, meters),
        by_hour=_by_hour(month_events),
        by_detector=_by_detector(month_events),
        quality=quality_report(lake, settings, [Partition(one, about.month) for one in industries], now).partitions,
        drift=_drift(lake, about, industries),
        scored=[_scored(lake, one, about.month) for one in industries],
        ran=ran,
    )


def _places(meters: Mapping[str, Meter]) -> list[Place]:
    found = {(place.country, place.subdivision): place for place in map(Place.of_meter, meters.values()) if place.country}
    return [found[key] for key in sorted(found, key=str)]


def _shown(energy: pl.DataFrame, settings: Settings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events that are shown whole, of each site as many as a night asks people to act on, and the others."""
    top, rank = settings.detection.top_per_site, pl.col("rank")
    asked = energy.filter(rank <= top) if top else energy
    shown = asked.head(settings.report.events_shown)
    return shown, energy.filter(~pl.col("event_id").is_in(shown["event_id"].implode()))


def _touched(events: pl.DataFrame, meters: Mapping[str, Meter], about: About) -> pl.DataFrame:
    """Events that touch the night, or the month."""
    if about.day:
        return touching(events, meters, about.day)
    local = _local(events.filter(pl.col("meter_id").is_in(list(meters))), meters)
    first, after = about.month.first_day, about.month.next.first_day
    return local.filter(pl.col("first_day") < after, pl.col("last_day") >= first).select(events.columns)


def _begun(events: pl.DataFrame, meters: Mapping[str, Meter], about: About) -> pl.DataFrame:
    """Energy events that began in the month up to the day, with `first_day`, `hour` and `weekend` on the clock of their meter."""
    energy = events.filter(pl.col("category") == Category.ENERGY, pl.col("meter_id").is_in(list(meters)))
    return _local(energy, meters).filter(pl.col("first_day").is_between(about.month.first_day, about.until))


def _local(events: pl.DataFrame, meters: Mapping[str, Meter]) -> pl.DataFrame:
    zones = sorted({meters[meter_id].time_zone for meter_id in events["meter_id"].unique()})
    parts = []
    for zone in zones:
        own = events.filter(pl.col("meter_id").is_in([meter_id for meter_id, meter in meters.items() if meter.time_zone == zone]))
        start, end = (pl.col(edge).dt.convert_time_zone(zone) for edge in ("start", "end"))
        last = (end - pl.duration(microseconds=1)).dt.date()
        parts.append(own.with_columns(first_day=start.dt.date(), last_day=last, hour=start.dt.hour(), weekday=start.dt.weekday() - 1))
    none = {"first_day": pl.Date(), "last_day": pl.Date(), "hour": pl.Int8(), "weekday": pl.Int8()}
    return pl.concat(parts) if parts else events.clear().with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in none.items())


def _alarms(energy: pl.DataFrame, begun: pl.DataFrame, meters: int, about: About, per_meter: float) -> Alarms:
    ongoing = energy.filter(pl.col("status") == EventStatus.ONGOING).height
    per_night = per_meter * meters / _MONTH_DAYS
    return Alarms(energy.height, ongoing, begun.height, per_night, per_night * about.days)


def _stake(energy: pl.DataFrame) -> Stake:
    def total(*, above: bool) -> float:
        excess = pl.col("excess_kwh")
        return abs(float(energy.select((excess.clip(0, None) if above else excess.clip(None, 0)).sum()).item() or 0.0))

    more, less = (costs(energy.filter(pl.col("cost") > 0)), costs(energy.filter(pl.col("cost") < 0)))
    net = energy["co2e_kg"].drop_nulls()
    return Stake(
        excess_kwh=total(above=True),
        missing_kwh=total(above=False),
        cost_more=more,
        cost_less={currency: -cost for currency, cost in less.items()},
        co2e_kg=float(net.sum()) if len(net) else None,
    )


def _no_days() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"meter_id": pl.String(), "day": pl.Date(), "kwh": pl.Float64(), "expected": pl.Float64(), "compared": pl.Float64()}
    )


def _daily(
    lake: Lake, partition: Partition, members: Mapping[str, Meter], until: date, wanted: Iterable[str] | None = None
) -> pl.DataFrame:
    """Energy of each meter's local days up to `until`; `compared` is what came where something was `expected`."""
    parts = [_no_days()]
    for zone in sorted({meter.time_zone for meter in members.values()}):
        own = [meter_id for meter_id, meter in members.items() if meter.time_zone == zone and (wanted is None or meter_id in wanted)]
        day = pl.col("timestamp").dt.convert_time_zone(zone).dt.date().alias("day")
        both = pl.col("kwh").is_not_null() & pl.col("expected_kwh").is_not_null()
        sums = (
            pl.col("kwh").sum(),
            pl.col("expected_kwh").filter(both).sum().alias("expected"),
            pl.col("kwh").filter(both).sum().alias("compared"),
        )
        found = lake.scan(SCORES, partition, own).group_by("meter_id", day).agg(*sums).filter(pl.col("day") <= until)
        parts.append(found.select(_no_days().columns).collect())
    return pl.concat(parts)


def _calendars(
    lake: Lake,
    settings: Settings,
    about: About,
    energy: pl.DataFrame,
    past: pl.DataFrame,
    members: Mapping[Industry, Mapping[str, Meter]],
) -> list[Calendar]:
    """Of the meters with the most severe events: the last weeks of a night, or the month."""
    chosen = energy["meter_id"].unique(maintain_order=True).to_list()[: settings.report.calendar_meters]
    first = about.until - timedelta(weeks=settings.report.calendar_weeks) + timedelta(days=1) if about.day else about.month.first_day
    frames = [
        _daily(lake, Partition(industry, month), own, about.until, chosen)
        for industry, own in members.items()
        for month in _months(first, about.month)
        if set(own).intersection(chosen)
    ]
    daily = pl.concat([_no_days(), *frames]).filter(pl.col("day") >= first)
    ratio = pl.when(pl.col("expected") > 0).then(pl.col("compared") / pl.col("expected"))
    known = {key[0]: dict(own.select("day", ratio).iter_rows()) for key, own in daily.partition_by("meter_id", as_dict=True).items()}
    meters = {meter_id: meter for own in members.values() for meter_id, meter in own.items()}
    local = _local(past.filter(pl.col("meter_id").is_in(chosen), pl.col("category") == Category.ENERGY), meters)
    days = [first + timedelta(days=n) for n in range((about.until - first).days + 1)]
    return [Calendar(name, {day: known.get(name, {}).get(day) for day in days}, _days_of(local, name)) for name in chosen]


def _days_of(local: pl.DataFrame, meter_id: str) -> frozenset[date]:
    spans = local.filter(pl.col("meter_id") == meter_id).select("first_day", "last_day").iter_rows()
    return frozenset(first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1))


def _months(first: date, last: Month) -> list[Month]:
    months = [last]
    while months[0] > Month.of(first):
        months.insert(0, months[0].previous)
    return months


def _pivot(daily: pl.DataFrame, begun: pl.DataFrame, meters: Mapping[str, Meter]) -> pl.DataFrame:
    keys = ("industry", "usage_type", "season", "weekend")
    kwh = _classed(daily, "day", meters).group_by(keys).agg(pl.col("kwh").sum())
    excess = pl.col("excess_kwh")
    events = (
        _classed(begun.select("meter_id", "first_day", "excess_kwh"), "first_day", meters)
        .group_by(keys)
        .agg(
            pl.len().alias("alarms"), excess.clip(None, 0).sum().abs().alias("missing_kwh"), excess.clip(0, None).sum().alias("excess_kwh")
        )
    )
    return kwh.join(events, on=keys, how="left").fill_null(0).sort(keys)


def _classed(rows: pl.DataFrame, day: str, meters: Mapping[str, Meter]) -> pl.DataFrame:
    known = pl.DataFrame(
        [(one.meter_id, one.industry.value, one.usage_type.value) for one in meters.values()],
        schema={"meter_id": pl.String(), "industry": pl.String(), "usage_type": pl.String()},
        orient="row",
    )
    season = (pl.col(day).dt.month().cast(pl.Int32) % 12 // 3).replace_strict(_SEASONS, return_dtype=pl.String)
    return rows.join(known, on="meter_id").with_columns(season=season, weekend=pl.col(day).dt.weekday() > 5)


def _by_hour(begun: pl.DataFrame) -> dict[tuple[int, int], int]:
    counts = begun.group_by("weekday", "hour").len()
    return {(weekday, hour): count for weekday, hour, count in counts.iter_rows()}


def _by_detector(begun: pl.DataFrame) -> dict[str, float]:
    sums = {name: float(begun[f"share_{name}"].sum() or 0.0) for name in EVIDENCE}
    whole = sum(sums.values())
    return {name: value / whole for name, value in sorted(sums.items(), key=lambda item: -item[1]) if value > 0} if whole else {}


def _drift(lake: Lake, about: About, industries: Sequence[Industry]) -> pl.DataFrame:
    rows = [lake.read(DRIFT, Partition(one, about.month)).with_columns(industry=pl.lit(one.value)) for one in industries]
    if not rows:
        return pl.DataFrame()
    return pl.concat(rows).filter((pl.col("meter_id") == "*") | pl.col("drifted")).sort("industry", "resolution", "what", "meter_id")


def _scored(lake: Lake, industry: Industry, month: Month) -> Scored:
    facts = lake.info(SCORES, Partition(industry, month)).facts
    return Scored(industry, facts.get("models", {}), bool(facts.get("hindsight")), len(facts.get("without_model", [])))


def clock(moment: datetime, zone: str) -> str:
    """A moment on the clock of a zone, to the minute."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
