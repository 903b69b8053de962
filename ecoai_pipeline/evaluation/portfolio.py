"""How the tables of a lake stand, in a few figures to compare between versions: alarms per meter, and what the backtests found."""

from __future__ import annotations

from typing import Any

import polars as pl

from ecoai_pipeline.detection.model import metrics_of
from ecoai_pipeline.domain import ANOMALIES, SCORES, Category, Industry, Resolution
from ecoai_pipeline.storage.bundles import BundleError, Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRegistry


def alarms(lake: Lake) -> pl.DataFrame:
    """Energy events per meter by industry and month, columns `industry, month, meters, events, alarms_per_meter`."""
    rows = []
    for partition in lake.partitions(ANOMALIES):
        meters = lake.info(SCORES, partition).meters
        energy = lake.scan(ANOMALIES, partition).filter(pl.col("category") == Category.ENERGY)
        events = energy.select(pl.len()).collect().item()
        rows.append((partition.industry.value, str(partition.month), meters, events, round(events / meters, 6) if meters else None))
    schema = {"industry": pl.String, "month": pl.String, "meters": pl.Int64, "events": pl.Int64, "alarms_per_meter": pl.Float64}
    return pl.DataFrame(rows, schema, orient="row")


def summary(lake: Lake) -> dict[str, Any]:
    """Alarms per meter-month by industry, and of each newest champion the average precision of both candidates on injected faults.

    A backtest's faults are put into the calibration span, which its detectors have not learned from. A bundle that cannot be opened
    has no figures.
    """
    counts = alarms(lake)
    by_industry = counts.group_by("industry").agg(pl.col("events").sum() / pl.col("meters").sum()).sort("industry")
    reached = {f"{industry}.{resolution}": _reached(lake, industry, resolution) for industry in Industry for resolution in Resolution}
    return {
        "alarms_per_meter_month": dict(by_industry.iter_rows()),
        "backtest": {name: figures for name, figures in reached.items() if figures},
    }


def _reached(lake: Lake, industry: Industry, resolution: Resolution) -> dict[str, float]:
    champion = ModelRegistry(lake).newest(industry, resolution)
    if champion is None:
        return {}
    try:
        verdict = metrics_of(Bundles(lake), industry, resolution, champion.version)["backtest"]
    except BundleError:
        return {}
    return {name: value for name, value in verdict["average_precision"].items() if value is not None}
