"""Readings as the sources room would hand them over, small enough to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import RAW_READINGS, Industry, Meter, UsageType
from ecoai_pipeline.storage.schema import schema_of

SEOUL_JANUARY = datetime(2021, 12, 31, 15, tzinfo=UTC)  # 2022-01-01 00:00 in Seoul


def _readings(kwh: Sequence[float | None], *, meter: str = "m1", start: datetime = SEOUL_JANUARY, interval_s: int = 3600) -> pl.DataFrame:
    """Consecutive readings of one meter; None is a missing one."""
    rows = len(kwh)
    return pl.DataFrame(
        {
            "meter_id": [meter] * rows,
            "timestamp": [start + timedelta(seconds=interval_s * n) for n in range(rows)],
            "interval_s": [interval_s] * rows,
            "kwh": list(kwh),
            "quality": ["missing" if value is None else "measured" for value in kwh],
            "rule": [None] * rows,
            "statement_id": ["s1"] * rows,
            "restated": [False] * rows,
        },
        schema=schema_of(RAW_READINGS),
    )


def _meter(meter_id: str = "m1", *, zone: str = "Asia/Seoul", signed: bool = False, capacity_kw: float | None = None) -> Meter:
    return Meter(meter_id, Industry.METAL, UsageType.INDUSTRIAL, zone, signed, date(2020, 1, 1), capacity_kw)


def _working(hours: int) -> list[float]:
    """A load that repeats daily and never itself."""
    return [10.0 + (n % 24) + n % 2 / 10 for n in range(hours)]


@pytest.fixture(scope="session")
def make_readings() -> Callable[..., pl.DataFrame]:
    return _readings


@pytest.fixture(scope="session")
def make_meter() -> Callable[..., Meter]:
    return _meter


@pytest.fixture(scope="session")
def working() -> Callable[[int], list[float]]:
    return _working
