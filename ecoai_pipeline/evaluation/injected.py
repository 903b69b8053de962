"""Faults put into readings of a lake, and the events that the models in use find with and without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import polars as pl

from ecoai_pipeline.detection.backtest import with_faults
from ecoai_pipeline.detection.calibration import alarm_threshold
from ecoai_pipeline.detection.events import OPEN_SCHEMA, find_events
from ecoai_pipeline.detection.evidence import consumed
from ecoai_pipeline.detection.loads import READINGS
from ecoai_pipeline.detection.model import Model, load_model
from ecoai_pipeline.detection.scoring import scored_frame
from ecoai_pipeline.detection.surroundings import surroundings
from ecoai_pipeline.domain import FEATURES, SCORES, Industry, Meter, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.evaluation.marking import marked
from ecoai_pipeline.features.load import load_series
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.simulation.faults import truth, truth_rows
from ecoai_pipeline.sources.simulation.plan import FaultPlan
from ecoai_pipeline.storage.bundles import Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRegistry
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import schema_of
from ecoai_pipeline.tariffs import ImpactParams


@dataclass(frozen=True)
class Judged:
    """What a model finds in some series.

    Attributes:
        scores: SCORES rows of the whole series, the months before included.
        events: of both categories from `start` on, as a night names them.
    """

    scores: pl.DataFrame
    events: pl.DataFrame


@dataclass(frozen=True)
class Round:
    """One draw of faults: the series with them, their record (TRUTH) without those beside an event that is there anyway, and the events."""

    series: Sequence[Series]
    faults: pl.DataFrame
    found: Judged


@dataclass(frozen=True)
class Portfolio:
    """The series of an industry that a model is for, with the month before those that are judged, which begin at `start`."""

    industry: Industry
    settings: Settings
    model: Model
    series: Sequence[Series]
    meters: Mapping[str, Meter]
    start: datetime

    @cached_property
    def plain(self) -> Judged:
        """What is found in the readings as they are."""
        return self.judged(self.series)

    def rounds(self, number: int, seed: int, plan: FaultPlan | None = None) -> Iterator[Round]:
        """Draw faults anew, so many times; equal seeds give equal faults."""
        for draw in range(seed, seed + number):
            faulty, faults = self._with_faults(draw, plan)
            yield Round(faulty, apart(faults, self.plain.events), self.judged(faulty))

    def judged(self, series: Sequence[Series]) -> Judged:
        """Mark the readings of whole series by the quality rules, score them and name the events in them, as a night does."""
        scores = self._scores(series)
        judged = scores.filter(pl.col("timestamp") >= self.start)
        none, readings = pl.DataFrame(schema=OPEN_SCHEMA), scores.with_columns(consumed()).select(READINGS)
        params = self.settings.detection.events
        found = find_events(judged, scores.clear(), none, none, params, weeks=lambda _meters: readings)
        since = dict.fromkeys(self.meters, self.start)
        return Judged(scores, surroundings(readings, found, since, self.meters, params, ImpactParams()))

    def first(self, series: Series) -> int:
        """The interval of a series that `start` lies in."""
        return place_of(series, self.start)

    def _with_faults(self, seed: int, plan: FaultPlan | None) -> tuple[list[Series], pl.DataFrame]:
        faulty, rows = [], []
        for series in self.series:
            first = self.first(series)
            if first < len(series):
                with_them, _, faults = with_faults(series, first, seed, plan)
                faulty.append(with_them)
                rows += truth_rows(series.meter_id, faults, utc_of(series.timestamps[first]), series.interval_s)
        return faulty, truth(rows)

    def _scores(self, portfolio: Sequence[Series]) -> pl.DataFrame:
        frames = [pl.DataFrame(schema=schema_of(SCORES))]
        budget, marks = self.settings.detection.budget_per_meter_month, marked(portfolio, self.meters, self.settings)
        for series, scored in zip(portfolio, self.model.score(portfolio), strict=True):
            frame = scored_frame(series, scored, series.timestamps[0])
            facts = {
                "interval_s": series.interval_s,
                "restated": False,
                "hindsight": False,
                "model_version": self.model.version,
                "q": alarm_threshold(budget, series.interval_s),
            }
            row = frame.join(marks, on=["meter_id", "timestamp"], how="left", maintain_order="left", validate="1:1")
            row = row.with_columns(**{name: pl.lit(value) for name, value in facts.items()})
            frames.append(row.select(SCORES.names).cast(schema_of(SCORES)))
        return pl.concat(frames)


def portfolios(lake: Lake, settings: Settings, months: MonthRange) -> Iterator[Portfolio]:
    """Per industry and resolution with a model, the meters that have readings in some months; they are judged by the newest champion."""
    for industry in Industry:
        start = _start(lake, industry, months.first)
        for model in _models(lake, industry) if start else ():
            span, meters = MonthRange(months.first.previous, months.last), MeterRegistry(lake).of(industry, months.last)
            series = [
                one for one in load_series(lake, industry, span) if one.interval_s == model.plan.interval_s and one.meter_id in meters
            ]
            if series and start:
                yield Portfolio(industry, settings, model, series, meters, start)


def place_of(series: Series, moment: datetime) -> int:
    """The number of the first interval of a series that starts at a moment (UTC) or later."""
    return int(np.searchsorted(series.timestamps, np.datetime64(moment.replace(tzinfo=None), "us")))


def apart(faults: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Faults that lie beside no event that is there without them."""
    numbered = faults.with_row_index("fault")
    beside = numbered.join(events.select("meter_id", since="start", until="end"), on="meter_id")
    touched = beside.filter(pl.col("start") < pl.col("until"), pl.col("end") > pl.col("since"))["fault"]
    return numbered.filter(~pl.col("fault").is_in(touched.implode())).drop("fault")


def _models(lake: Lake, industry: Industry) -> list[Model]:
    champions = (ModelRegistry(lake).newest(industry, resolution) for resolution in Resolution)
    return [load_model(Bundles(lake), champion) for champion in champions if champion]


def _start(lake: Lake, industry: Industry, month: Month) -> datetime | None:
    first = lake.scan(FEATURES, Partition(industry, month)).select(pl.col("timestamp").min()).collect()
    value: datetime | None = first.item() if first.height else None
    return value


def utc_of(moment: np.datetime64) -> datetime:
    """The time that a stamp of a series means."""
    found: datetime = moment.astype("datetime64[us]").item()
    return found.replace(tzinfo=UTC)
