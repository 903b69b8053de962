"""The one plot beside each materialization: which rows of a partition are drawn, and in which figure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from ecoai_pipeline.domain import ANOMALIES, RAW_READINGS, SCORES, SPECTRA, Partition
from ecoai_pipeline.quality.validate import load_validation
from ecoai_pipeline.reporting.figures import completeness_figure, events_figure, load_figure, spectrum_figure, training_curve
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

_AROUND = timedelta(days=3, hours=12)


def raw_plot(lake: Lake, partition: Partition) -> bytes | None:
    """The month of the meter that used most."""
    readings = lake.scan(RAW_READINGS, partition)
    most = readings.group_by("meter_id").agg(pl.col("kwh").sum()).sort("kwh", "meter_id", descending=[True, False]).head(1).collect()
    if most.height == 0:
        return None
    meter = most["meter_id"][0]
    load = lake.read(RAW_READINGS, partition, [meter]).select("timestamp", "kwh")
    return load_figure(load, title=f"{partition}: {meter}, the largest", zone=MeterRegistry(lake).common_zone([meter]))


def completeness_plot(lake: Lake, partition: Partition) -> bytes | None:
    """Which share of the readings came, day by day."""
    validation = load_validation(lake, partition)
    if not validation:
        return None
    days = pl.DataFrame(validation["days"]).with_columns(pl.col("day").str.to_date())
    return completeness_figure(days, title=f"{partition}: readings that came")


def spectrum_plot(lake: Lake, partition: Partition) -> bytes | None:
    """Periods of all meters."""
    spectra = lake.read(SPECTRA, partition)
    return spectrum_figure(spectra, title=f"{partition}: periods") if spectra.height else None


def scores_plot(lake: Lake, partition: Partition) -> bytes | None:
    """The week around the strangest interval, with the expected band."""
    strangest = lake.scan(SCORES, partition).drop_nulls("p").sort("p", "timestamp", "meter_id").head(1).collect()
    if strangest.height == 0:
        return None
    meter, moment = strangest["meter_id"][0], strangest["timestamp"][0]
    near = pl.col("timestamp").is_between(moment - _AROUND, moment + _AROUND)
    load = lake.scan(SCORES, partition, [meter]).filter(near).collect()
    events = lake.read(ANOMALIES, partition, [meter]).select("start", "end")
    title = f"{partition}: {meter}, around its strangest interval"
    return load_figure(load, events, title=title, zone=MeterRegistry(lake).common_zone([meter]))


def events_plot(lake: Lake, partition: Partition) -> bytes | None:
    """When which meter behaved abnormally."""
    events = lake.read(ANOMALIES, partition)
    zone = MeterRegistry(lake).common_zone(events["meter_id"].unique())
    return events_figure(events, title=f"{partition}: events", zone=zone) if events.height else None


def training_plot(metrics: Mapping[str, Any]) -> bytes | None:
    """Losses by epoch of the detectors that learn in epochs."""
    curves = {
        f"{name} {curve}": values
        for name, facts in metrics.get("detectors", {}).items()
        for curve, values in facts.get("curve", {}).items()
    }
    return training_curve(curves, title="training") if curves else None
