"""What the tests of features may ask for: a plant in an empty lake, and the real steel plant."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from tests.features.plant import Plant


@pytest.fixture
def plant(lake: Lake, settings: Settings) -> Plant:
    return Plant(lake, settings)


@pytest.fixture(scope="session")
def steel(real_data: Path) -> pl.DataFrame:
    """The steel plant of 2018 as timestamp (UTC) and kwh; rows carry the end of the interval, midnight the day that ends."""
    frame = pl.read_csv(real_data / "steel" / "Steel_industry_data.csv", columns=["date", "Usage_kWh"])
    start = pl.datetime(2018, 1, 1) + pl.duration(minutes=15 * pl.int_range(pl.len()))
    return frame.select(start.dt.replace_time_zone("Asia/Seoul").dt.convert_time_zone("UTC").alias("timestamp"), kwh=pl.col("Usage_kWh"))
