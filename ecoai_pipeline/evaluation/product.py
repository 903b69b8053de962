"""What users get: events compared with injected faults by ends, pieces, energy and names, and figures that need no injected fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from ecoai_pipeline.detection.kinds.judge import LESS, MORE, SHAPED
from ecoai_pipeline.domain import Category, Kind
from ecoai_pipeline.evaluation.injected import Judged, Portfolio, Round, utc_of
from ecoai_pipeline.evaluation.kinds import NAMED_AS, macro_f1
from ecoai_pipeline.evaluation.limit import findable
from ecoai_pipeline.evaluation.matching import depth_quartile, during
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.sources.simulation.faults import TRUTH
from ecoai_pipeline.sources.simulation.maintenance import STOPS
from ecoai_pipeline.sources.simulation.plan import FaultPlan

FOUND_SHARE = 0.1
"""A fault is found where events of the meter cover so much of its length."""
OUTAGE_DAYS, OUTAGE_SPAN = (0, 3, 7, 10, 14, 17), 21
"""The days of three weeks that a plant stands still all day, for the figure on repeated outages."""
LEFT_OF_THE_LOAD = 0.02
FAULTS = pl.Schema(
    {
        **TRUTH,
        "covered": pl.Float64(),
        "pieces": pl.Int64(),
        "iou": pl.Float64(),
        "excess_kwh": pl.Float64(),
        "named": pl.String(),
        "findable": pl.Boolean(),
    }
)
_MOVED = ("noisy", "shifted_schedule", "duty_cycle", "beating")
_NEAR_ZERO, _FAR_BELOW, _FAR_ABOVE, _HALF = 0.1, 0.75, 4 / 3, 0.5


@dataclass(frozen=True)
class Quiet:
    """Counts of what the pipeline reports where no fault was injected.

    Attributes:
        months: meter-months judged.
        alarms: energy events; `planned` of them overlap an announced stop.
        coverage: readings inside the band of those compared, `compared`.
        strange_days: meter-days with more than half of their readings outside the band and a daily energy off by a quarter or a third;
            `strange_touched` of them are touched by an event, `strange_held` lie at least half inside events.
        dead_days, dead_held: the same of days below a tenth of the expected load.
        inside_band: energy events whose energy lies inside their own band, without a reason in their shape.
        contradictions: energy events whose kind explains less than the next likeliest, or whose excess has the wrong sign for it.
    """

    months: float = 0.0
    alarms: int = 0
    planned: int = 0
    compared: int = 0
    covered: int = 0
    strange_days: int = 0
    strange_touched: int = 0
    strange_held: int = 0
    dead_days: int = 0
    dead_held: int = 0
    inside_band: int = 0
    contradictions: int = 0

    def __add__(self, other: Quiet) -> Quiet:
        theirs = asdict(other)
        return Quiet(**{name: value + theirs[name] for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Product:
    """Results of some portfolios: each injected fault (FAULTS), counts without faults, and the outages of whole days injected and found."""

    faults: pl.DataFrame
    quiet: Quiet
    outages: int = 0
    outages_found: int = 0

    def __add__(self, other: Product) -> Product:
        return Product(
            pl.concat([self.faults, other.faults]),
            self.quiet + other.quiet,
            self.outages + other.outages,
            self.outages_found + other.outages_found,
        )

    @property
    def figures(self) -> dict[str, Any]:
        """All figures, JSON-able; None where there is nothing to judge by."""
        found, quiet = self.faults.filter(_is_found()), self.quiet
        named = found.with_columns(pl.col("kind").replace(NAMED_AS)).filter(pl.col("kind").is_in(list(Kind)), pl.col("named").is_not_null())
        return {
            "faults": self.faults.height,
            "found": _share(found.height, self.faults.height),
            "findable": _share(int(self.faults["findable"].sum()), self.faults.height),
            "found_of_findable": _share(found.filter("findable").height, int(self.faults["findable"].sum())),
            "mean_iou": _number(found["iou"].mean()),
            "events_per_fault": _number(found["pieces"].mean()),
            "median_energy_error": _number(found.select(_energy_error().median()).item()),
            "macro_f1": macro_f1(named),
            "repeated_outages": self.outages,
            "repeated_outages_found": _share(self.outages_found, self.outages),
            "alarms_per_meter_month": _share(quiet.alarms, quiet.months),
            "alarms_outside_planned_stops": _share(quiet.alarms - quiet.planned, quiet.months),
            "band_coverage": _share(quiet.covered, quiet.compared),
            "strange_days": quiet.strange_days,
            "strange_days_touched": _share(quiet.strange_touched, quiet.strange_days),
            "strange_days_half_inside": _share(quiet.strange_held, quiet.strange_days),
            "dead_days": quiet.dead_days,
            "dead_days_half_inside": _share(quiet.dead_held, quiet.dead_days),
            "inside_own_band": quiet.inside_band,
            "contradictions": quiet.contradictions,
        }

    @property
    def by_kind(self) -> list[dict[str, Any]]:
        """Per kind of fault the faults put in, those found and findable, and how well they were told."""
        told = (pl.col("iou").filter(_is_found()).mean(), pl.col("pieces").filter(_is_found()).mean())
        counts = (pl.len().alias("faults"), _is_found().sum().alias("found"), pl.col("findable").sum())
        return self.faults.group_by("kind").agg(*counts, *told).sort("kind").to_dicts()

    @property
    def by_depth(self) -> list[dict[str, Any]]:
        """The same by quartile of depth, 1 being the shallowest."""
        counts = (pl.len().alias("faults"), _is_found().sum().alias("found"), pl.col("findable").sum())
        return self.faults.group_by(depth_quartile()).agg(pl.col("depth").min().alias("least"), *counts).sort("quartile").to_dicts()


NOTHING = Product(pl.DataFrame(schema=FAULTS), Quiet())


def judge(portfolio: Portfolio, rounds: int, seed: int, plan: FaultPlan | None = None, planned: pl.DataFrame | None = None) -> Product:
    """All figures of a portfolio: without faults, with faults in so many draws, and with outages of whole days.

    Args:
        plan: of the faults; else the standard one.
        planned: announced stops (STOPS).
    """
    stops = pl.DataFrame(schema=STOPS) if planned is None else planned
    drawn = [_judged_round(portfolio, one) for one in portfolio.rounds(rounds, seed, plan)]
    put, found = repeated_outages(portfolio)
    return Product(pl.concat([pl.DataFrame(schema=FAULTS), *drawn]), quiet(portfolio, stops), put, found)


def compared(faults: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Faults (TRUTH) with what the events of their meter tell of them, columns FAULTS but `findable`.

    `covered` is the share of the fault's length inside events of any category, `iou` intersection over union of the fault and the events
    that touch it, `pieces` the number of these, energy events before those about data, `named` the kind of the one with the longest
    overlap, `excess_kwh` what they tell in sum.
    """
    rows = []
    for fault in faults.to_dicts():
        start, end = fault["start"], fault["end"]
        touching = _touching(events, fault["meter_id"], start, end)
        energy = touching.filter(pl.col("category") == Category.ENERGY)
        told = energy if energy.height else touching
        shared = _shared_s(touching, start, end)
        whole = sum((stop - first).total_seconds() for first, stop in _union(touching)) + (end - start).total_seconds() - shared
        overlap = pl.min_horizontal("end", pl.lit(end)) - pl.max_horizontal("start", pl.lit(start))
        longest = told.sort(overlap, descending=True)
        rows.append(
            {
                **fault,
                "covered": shared / (end - start).total_seconds(),
                "pieces": told.height,
                "iou": shared / whole,
                "excess_kwh": told["excess_kwh"].fill_null(0).sum(),
                "named": longest["kind"][0] if told.height else None,
                "findable": None,
            }
        )
    return pl.DataFrame(rows, schema=FAULTS)


def quiet(portfolio: Portfolio, planned: pl.DataFrame) -> Quiet:
    """Counts of what the pipeline reports of a portfolio's own readings."""
    found = portfolio.plain
    energy = found.events.filter(pl.col("category") == Category.ENERGY)
    scores = found.scores.filter(pl.col("timestamp") >= portfolio.start)
    hours = scores.select(pl.col("interval_s").sum() / 3600).item()
    known = scores.drop_nulls(("kwh", "expected_kwh", "low_kwh", "high_kwh"))
    within = known.filter(pl.col("kwh") >= pl.col("low_kwh"), pl.col("kwh") <= pl.col("high_kwh")).height
    zones = {name: meter.time_zone for name, meter in portfolio.meters.items()}
    days = strange_days(known, found.events, zones)
    strange, dead = days.filter("strange"), days.filter("dead")
    return Quiet(
        months=hours / 720,
        alarms=energy.height,
        planned=during(energy, planned).height,
        compared=known.height,
        covered=within,
        strange_days=strange.height,
        strange_touched=strange.filter(pl.col("inside") > 0).height,
        strange_held=strange.filter(pl.col("inside") >= _HALF).height,
        dead_days=dead.height,
        dead_held=dead.filter(pl.col("inside") >= _HALF).height,
        inside_band=energy.filter(_inside_its_band()).height,
        contradictions=energy.filter(_contradicts()).height,
    )


def strange_days(known: pl.DataFrame, events: pl.DataFrame, zones: Mapping[str, str]) -> pl.DataFrame:
    """Per meter and day of its own clock: is it `strange` or `dead` (see `Quiet`), and the share of its readings `inside` events."""
    zone = pl.col("meter_id").replace_strict(list(zones), list(zones.values()), default="UTC", return_dtype=pl.String)
    clocks = [
        pl.when(zone == name).then(pl.col("timestamp").dt.convert_time_zone(name).dt.date()) for name in sorted({"UTC", *zones.values()})
    ]
    day = pl.coalesce(clocks).alias("day")
    spans = events.select("meter_id", "start", "end").sort("start")
    touched = known.select("meter_id", "timestamp").join(spans, on="meter_id")
    touched = touched.filter(pl.col("timestamp") >= pl.col("start"), pl.col("timestamp") < pl.col("end"))
    marked = known.join(
        touched.select("meter_id", "timestamp", inside=pl.lit(value=True)).unique(), on=["meter_id", "timestamp"], how="left"
    )
    outside = (pl.col("kwh") < pl.col("low_kwh")) | (pl.col("kwh") > pl.col("high_kwh"))
    kwh, expected = pl.col("kwh").sum(), pl.col("expected_kwh").sum()
    far = (kwh < _FAR_BELOW * expected) | (kwh > _FAR_ABOVE * expected)
    return marked.group_by("meter_id", day).agg(
        strange=(outside.mean() > _HALF) & far,
        dead=(kwh < _NEAR_ZERO * expected) & (expected > 0),
        inside=pl.col("inside").fill_null(value=False).mean(),
    )


def repeated_outages(portfolio: Portfolio) -> tuple[int, int]:
    """Put six outages of a day into three weeks of each meter; how many there are, and how many lie at least half inside events."""
    stopped, days = [], []
    for series in portfolio.series:
        first = portfolio.first(series)
        first += int(-series.slot_of_day[first] % series.slots_per_day) if first < len(series) else 0
        if len(series) - first < OUTAGE_SPAN * series.slots_per_day:
            continue
        kwh = series.kwh.copy()
        for number in OUTAGE_DAYS:
            rows = slice(first + number * series.slots_per_day, first + (number + 1) * series.slots_per_day)
            kwh[rows] *= LEFT_OF_THE_LOAD
            if float(np.nansum(series.kwh[rows])) > _HALF * _usual_day(series):
                days.append((series.meter_id, series.timestamps[rows][0], series.timestamps[rows][-1]))
        stopped.append(replace(series, kwh=kwh))
    return len(days), _held(portfolio.judged(stopped), days) if stopped else 0


def _usual_day(series: Series) -> float:
    """Median energy of a day, kWh: outages are counted on days on which the plant works."""
    whole = len(series) // series.slots_per_day * series.slots_per_day
    return float(np.nanmedian(np.nansum(series.kwh[:whole].reshape(-1, series.slots_per_day), axis=1)))


def _held(found: Judged, days: Sequence[tuple[str, np.datetime64, np.datetime64]]) -> int:
    count = 0
    for meter_id, first, last in days:
        start, end = utc_of(first), utc_of(last)
        inside = _shared_s(_touching(found.events, meter_id, start, end), start, end)
        count += inside >= _HALF * (end - start).total_seconds()
    return count


def _judged_round(portfolio: Portfolio, drawn: Round) -> pl.DataFrame:
    told = compared(drawn.faults, drawn.found.events)
    plain = {str(key[0]): part for key, part in portfolio.plain.scores.partition_by("meter_id", as_dict=True).items()}
    clean, faulty = ({one.meter_id: one for one in some} for some in (portfolio.series, drawn.series))
    budget = portfolio.settings.detection.budget_per_meter_month
    parts = [told.clear()]
    for (meter,), own in told.partition_by("meter_id", as_dict=True).items():
        known = list(findable(plain[str(meter)], clean[str(meter)], faulty[str(meter)], own, budget))
        parts.append(own.with_columns(findable=pl.Series(known, dtype=pl.Boolean)))
    return pl.concat(parts)


def _touching(events: pl.DataFrame, meter_id: str, start: datetime, end: datetime) -> pl.DataFrame:
    """The events of a meter that overlap a span."""
    return events.filter(pl.col("meter_id") == meter_id, pl.col("start") < end, pl.col("end") > start)


def _shared_s(touching: pl.DataFrame, start: datetime, end: datetime) -> float:
    """How much of a span lies inside some events that overlap it, seconds."""
    return sum((min(stop, end) - max(first, start)).total_seconds() for first, stop in _union(touching))


def _union(events: pl.DataFrame) -> list[tuple[datetime, datetime]]:
    """The spans of some events in order of time, those that overlap or meet put together."""
    joined: list[tuple[datetime, datetime]] = []
    for first, stop in sorted(events.select("start", "end").rows()):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((first, stop))
    return joined


def _is_found() -> pl.Expr:
    return pl.col("covered") >= FOUND_SHARE


def _energy_error() -> pl.Expr:
    """Of the excess energy told, by that of the fault; of faults that only move energy there is none."""
    own = pl.when(~pl.col("kind").is_in(_MOVED)).then(pl.col("kwh").abs())
    return (pl.col("excess_kwh") - pl.col("kwh")).abs() / own


def _inside_its_band() -> pl.Expr:
    inside = (pl.col("actual_kwh") >= pl.col("low_kwh")) & (pl.col("actual_kwh") <= pl.col("high_kwh"))
    return inside.fill_null(value=False) & ~pl.col("kind").is_in([kind.value for kind in SHAPED])


def _contradicts() -> pl.Expr:
    explains_less = (pl.col("next_fit") > pl.col("fit")).fill_null(value=False)
    more, less = (pl.col("kind").is_in([kind.value for kind in some]) for some in (MORE, LESS))
    excess = pl.col("excess_kwh").fill_null(0)
    return explains_less | (more & (excess < 0)) | (less & (excess > 0))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
