"""Whether events are named rightly: the simulator's faults put into scored months, found by the models in use, kind against kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from ecoai_pipeline.detection.backtest import with_faults
from ecoai_pipeline.detection.calibration import alarm_threshold
from ecoai_pipeline.detection.events import OPEN_SCHEMA, find_events
from ecoai_pipeline.detection.model import Model, load_model
from ecoai_pipeline.detection.scoring import scored_frame
from ecoai_pipeline.detection.surroundings import READINGS, surroundings
from ecoai_pipeline.domain import SCORES, Category, Industry, Kind, Meter, Month, MonthRange, Partition, Quality, Resolution
from ecoai_pipeline.evaluation.matching import match_events
from ecoai_pipeline.features.load import load_series
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.simulation.faults import truth, truth_rows
from ecoai_pipeline.storage.bundles import Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRegistry
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import schema_of
from ecoai_pipeline.tariffs import ImpactParams

# An interval counter that hangs for hours is a flat line to whoever reads its load; the kind stuck_counter is the quality rule's, of days.
NAMED_AS = {"stuck_counter": Kind.FLAT.value}
FOUND = pl.Schema({"industry": pl.String(), "meter_id": pl.String(), "kind": pl.String(), "named": pl.String(), "depth": pl.Float64()})


@dataclass(frozen=True)
class Named:
    """Faults that were found (FOUND), with the kind that was put in and the one that the event was named.

    Attributes:
        faults: put in; those beside an event that is there without them are left out.
    """

    found: pl.DataFrame
    faults: int

    @property
    def confusion(self) -> pl.DataFrame:
        """A row per kind put in, a column per name given, and F1."""
        counts = self.found.pivot("named", index="kind", values="meter_id", aggregate_function="len", sort_columns=True)
        scores = pl.DataFrame(list(f1_by_kind(self.found).items()), schema=["kind", "f1"], orient="row")
        return counts.fill_null(0).join(scores, on="kind").sort("kind")

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 over the kinds put in; None where nothing was found."""
        return macro_f1(self.found)

    @property
    def by_depth(self) -> pl.DataFrame:
        """The same by quartile of the depth of the faults found: `quartile, least, most, found, macro_f1`, 1 being the shallowest."""
        rank = (4 * (pl.col("depth").rank("ordinal") - 1) // pl.len() + 1).cast(pl.Int32)
        parts = self.found.with_columns(quartile=rank).partition_by("quartile", maintain_order=False, as_dict=True)
        rows = [(key[0], part["depth"].min(), part["depth"].max(), part.height, macro_f1(part)) for key, part in parts.items()]
        return pl.DataFrame(rows, schema=["quartile", "least", "most", "found", "macro_f1"], orient="row").sort("quartile")


def f1_by_kind(found: pl.DataFrame) -> dict[str, float]:
    """F1 of each kind that was put in (FOUND)."""
    put, named = found["kind"].to_list(), found["named"].to_list()
    right = {kind: sum(one == kind == other for one, other in zip(put, named, strict=True)) for kind in set(put)}
    return {kind: 2 * right[kind] / (put.count(kind) + named.count(kind)) for kind in sorted(right)}


def macro_f1(found: pl.DataFrame) -> float | None:
    """Mean over the kinds that were put in of their F1; None of no faults."""
    scores = f1_by_kind(found)
    return sum(scores.values()) / len(scores) if scores else None


def name_faults(lake: Lake, settings: Settings, months: MonthRange, rounds: int, seed: int = 0) -> Iterator[tuple[Industry, Named]]:
    """Per industry with a model, put faults into its readings of some months, round after round, and name what is found of them.

    Readings of the month before are looked back into and stay as they are. All months are scored by the newest champion.
    """
    for industry in Industry:
        parts = [part for model in _models(lake, industry) for part in _rounds(lake, settings, model, industry, months, rounds, seed)]
        if parts:
            yield industry, joined(parts)


def joined(parts: Sequence[Named]) -> Named:
    found = pl.concat([pl.DataFrame(schema=FOUND), *(part.found for part in parts)])
    return Named(found, sum(part.faults for part in parts))


def _models(lake: Lake, industry: Industry) -> list[Model]:
    champions = (ModelRegistry(lake).newest(industry, resolution) for resolution in Resolution)
    return [load_model(Bundles(lake), champion) for champion in champions if champion]


def _rounds(
    lake: Lake, settings: Settings, model: Model, industry: Industry, months: MonthRange, rounds: int, seed: int
) -> Iterator[Named]:
    span, start = MonthRange(months.first.previous, months.last), _start(lake, industry, months.first)
    portfolio = [one for one in load_series(lake, industry, span) if one.interval_s == model.plan.interval_s]
    if not portfolio or start is None:
        return
    meters = MeterRegistry(lake).of(industry, months.last)
    portfolio = [one for one in portfolio if one.meter_id in meters]
    without = _events(settings, model, portfolio, start, meters)
    for number in range(rounds):
        faulty, faults = _with_faults(portfolio, start, seed + number)
        put = _apart(faults, without)
        events = _events(settings, model, faulty, start, meters)
        named = match_events(events, put).found.join(events.select("event_id", named="kind"), on="event_id")
        kind = pl.col("kind").replace(NAMED_AS)
        yield Named(named.select(pl.lit(industry.value).alias("industry"), "meter_id", kind, "named", "depth"), put.height)


def _with_faults(portfolio: Sequence[Series], start: datetime, seed: int) -> tuple[list[Series], pl.DataFrame]:
    """The series with faults from `start` on, and their record (TRUTH)."""
    faulty, rows = [], []
    for series in portfolio:
        first = int(np.searchsorted(series.timestamps, np.datetime64(start.replace(tzinfo=None), "us")))
        if first < len(series):
            with_them, _, faults = with_faults(series, first, seed)
            faulty.append(with_them)
            rows += truth_rows(series.meter_id, faults, _utc(series.timestamps[first]), series.interval_s)
    return faulty, truth(rows)


def _events(settings: Settings, model: Model, portfolio: Sequence[Series], start: datetime, meters: Mapping[str, Meter]) -> pl.DataFrame:
    """Energy events from `start` on, as a night names them."""
    scores = _scores(model, portfolio, settings.detection.budget_per_meter_month)
    found = find_events(
        scores.filter(pl.col("timestamp") >= start), scores.clear(), pl.DataFrame(schema=OPEN_SCHEMA), settings.detection.events
    )
    energy = found.filter(pl.col("category") == Category.ENERGY)
    return surroundings(scores.select(READINGS), energy, dict.fromkeys(meters, start), meters, ImpactParams())


def _scores(model: Model, portfolio: Sequence[Series], budget: float) -> pl.DataFrame:
    """SCORES rows of whole series."""
    frames = [pl.DataFrame(schema=schema_of(SCORES))]
    for series, scored in zip(portfolio, model.score(portfolio), strict=True):
        frame = scored_frame(series, scored, series.timestamps[0])
        known = {"kwh": pl.Series(np.where(series.observed, series.kwh, np.nan)).fill_nan(None)}
        quality = pl.Series(np.where(series.observed, Quality.MEASURED.value, Quality.MISSING.value))
        facts = {"interval_s": series.interval_s, "restated": False, "hindsight": False, "model_version": model.version, "rule": None}
        threshold = pl.lit(alarm_threshold(budget, series.interval_s))
        row = frame.with_columns(**known, quality=quality, q=threshold, **{name: pl.lit(value) for name, value in facts.items()})
        frames.append(row.select(SCORES.names).cast(schema_of(SCORES)))
    return pl.concat(frames)


def _apart(faults: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Faults that lie beside no event that is there without them."""
    numbered = faults.with_row_index("fault")
    beside = numbered.join(events.select("meter_id", since="start", until="end"), on="meter_id")
    touched = beside.filter(pl.col("start") < pl.col("until"), pl.col("end") > pl.col("since"))["fault"]
    return numbered.filter(~pl.col("fault").is_in(touched.implode())).drop("fault")


def _start(lake: Lake, industry: Industry, month: Month) -> datetime | None:
    first = lake.scan(SCORES, Partition(industry, month)).select(pl.col("timestamp").min()).collect()
    value: datetime | None = first.item() if first.height else None
    return value


def _utc(moment: np.datetime64) -> datetime:
    found: datetime = moment.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)
