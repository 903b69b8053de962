"""Real readings that the tests of collection faults share."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest


@pytest.fixture
def cambridge(real_data: Path, make_readings: Callable[..., pl.DataFrame]) -> Callable[[str, datetime, datetime], tuple[pl.DataFrame, ...]]:
    """Gives a building's hourly readings between two days as the last month by London's clock and the month before it."""

    def read(name: str, first: datetime, stop: datetime) -> tuple[pl.DataFrame, ...]:
        source = pl.read_parquet(real_data / "cambridge" / "electricity_2017_2019.parquet").filter(
            pl.col("building") == name, pl.col("datetime").is_between(first, stop, closed="left")
        )
        stamps = source["datetime"].dt.replace_time_zone("UTC")
        building = make_readings(source["kwh"].cast(pl.Float64).to_list()).with_columns(timestamp=stamps)
        month = stamps.dt.convert_time_zone("Europe/London").dt.month()
        return building.filter(month == first.month + 1), building.filter(month == first.month)

    return read
