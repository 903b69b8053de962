"""How the tables of a lake stand, in a few figures to compare between versions: alarms per meter, and what the backtests found."""

from __future__ import annotations

from typing import Any

import polars as pl

from ecoai_pipeline.detection.model import metrics_of
from ecoai_pipeline.domain import ANOMALIES, SCORES, Category, Industry, Resolution
from ecoai_pipeline.storage.bundles import Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRegistry, Standing


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

    A backtest's faults are put into the calibration span, which its detectors have not learned from.
    """
    counts = alarms(lake)
    by_industry = counts.group_by("industry").agg(pl.col("events").sum() / pl.col("meters").sum()).sort("industry")
    document: dict[str, Any] = {"alarms_per_meter_month": dict(by_industry.iter_rows()), "backtest": {}}
    bundles, registry = Bundles(lake), ModelRegistry(lake)
    for industry in Industry:
        for resolution in Resolution:
            champions = [one for one in registry.models(industry, resolution) if one.standing is Standing.CHAMPION]
            if champions:
                newest = max(champions, key=lambda one: one.trained_until)
                verdict = metrics_of(bundles, industry, resolution, newest.version)["backtest"]
                reached = {name: value for name, value in verdict["average_precision"].items() if value is not None}
                document["backtest"].setdefault(industry.value, {})[resolution.value] = reached
    return document
