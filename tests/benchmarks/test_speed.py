"""Speed of single stages on a simulated month of 40 meters at 15 minutes, of metrics and of warping.

`make bench` runs them, no test waits on them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecoai_pipeline.detectors.dtw import dtw
from ecoai_pipeline.domain import FEATURES, RAW_READINGS, VALIDATED_READINGS, Industry, Month, MonthRange, Partition, Table
from ecoai_pipeline.evaluation.alarms import Truth, judge
from ecoai_pipeline.evaluation.ranking import volumes
from ecoai_pipeline.features.build import materialize_features
from ecoai_pipeline.features.load import load_series
from ecoai_pipeline.quality.validate import materialize_validated
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.registry_file import register_file
from ecoai_pipeline.sources.simulation.simulator import simulate
from ecoai_pipeline.storage.lake import Lake

pytestmark = pytest.mark.benchmark
JANUARY = Partition(Industry.METAL, Month(2025, 1))
NOW = datetime(2025, 2, 1, tzinfo=UTC)
STAGES = [(RAW_READINGS, materialize_raw), (VALIDATED_READINGS, materialize_validated), (FEATURES, materialize_features)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("simulated")
    return simulate(folder, industries=[Industry.METAL], meters_per_industry=40, months=MonthRange(JANUARY.month, JANUARY.month))


def landed(root: Path, settings: Settings, files: Any) -> Lake:
    lake = Lake(root)
    register_file(lake, settings, files.registry, at=NOW)
    for path in files.files:
        ingest_file(lake, settings, path, IngestOptions(), received_at=NOW)
    return lake


def test_landing(benchmark: Any, tmp_path: Path, settings: Settings, files: Any) -> None:
    roots = iter(tmp_path / str(number) for number in range(100))
    benchmark.pedantic(lambda: landed(next(roots), settings, files), rounds=5)


@pytest.mark.parametrize("number", range(len(STAGES)), ids=[table.name for table, _ in STAGES])
def test_a_stage(benchmark: Any, tmp_path: Path, settings: Settings, files: Any, number: int) -> None:
    lake = landed(tmp_path / "root", settings, files)
    for _, stage in STAGES[: number + 1]:
        stage(lake, settings, JANUARY)
    table, stage = STAGES[number]
    benchmark.pedantic(lambda: stage(lake, settings, JANUARY), setup=lambda: forget(lake, table), rounds=5)


def forget(lake: Lake, table: Table) -> None:
    lake.path(table, JANUARY).unlink()


def test_series_of_the_month(benchmark: Any, tmp_path: Path, settings: Settings, files: Any) -> None:
    lake = landed(tmp_path / "root", settings, files)
    for _, stage in STAGES:
        stage(lake, settings, JANUARY)
    series = benchmark(load_series, lake, Industry.METAL, MonthRange(JANUARY.month, JANUARY.month))
    assert len(series) == 40


@pytest.mark.parametrize("readings", [20_000, 200_000])
def test_metrics(benchmark: Any, readings: int) -> None:
    labels = np.arange(readings) % 1000 < 20
    scores = np.random.default_rng(1).random(readings)
    benchmark(volumes, scores, labels, 60)


def test_alarms_of_a_curve_by_the_minute(benchmark: Any) -> None:
    """As long as the longest one of KPI, with an event every hundred readings."""
    n = 190_000
    always = np.ones(n, dtype=bool)
    truth = Truth(np.arange(n) % 1000 < 20, always, always, 60)
    first = np.arange(0, n, 100)
    assert benchmark(judge, first, first + 5, truth, np.ones(n)).events == 1900


@pytest.mark.parametrize("length", [96, 672])
def test_warping(benchmark: Any, length: int) -> None:
    """A thousand pairs of days and of weeks at 15 minutes, with the usual band of two steps."""
    a, b = np.random.default_rng(1).random((2, 1000, length))
    dtw(a, b, 2)
    assert np.isfinite(benchmark(dtw, a, b, 2)).all()
