"""A small lake to run on: two hourly meters over three months, one of which stands still for a day."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ecoai_pipeline.defs.runs import Runner, runner
from ecoai_pipeline.domain import Industry, MonthRange, Resolution
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.storage.lake import Lake

RECEIVED = datetime.fromisoformat("2025-04-01T00:30:00+00:00")
MONTHS = MonthRange.parse("2025-01..2025-03")
COLUMNS = ColumnMapping.parse("meter=meter,timestamp=start,kwh=kwh")
OUTAGE = (datetime(2025, 3, 18, 6), datetime(2025, 3, 18, 18))
READINGS = ["raw_readings", "validated_readings"]
TABLES = [*READINGS, "features", "scores", "drift", "anomalies"]


def load(meter: str, start: datetime) -> float:
    """A day shift with noise; meter m1 stands still in OUTAGE."""
    if meter == "m1" and OUTAGE[0] <= start < OUTAGE[1]:
        return 0.0
    works = start.weekday() < 5 and 7 <= start.hour < 19
    noise = random.Random(f"{meter} {start}").gauss(0, 2)
    return round(20 + works * (60 + 15 * math.sin(start.hour / 3)) + noise, 3)


def write_readings(path: Path, first: datetime, last: datetime, *, meters: tuple[str, ...] = ("m1", "m2"), factor: float = 1) -> Path:
    """Hourly readings from `first` to before `last` as a long CSV."""
    hours = int((last - first).total_seconds() // 3600)
    starts = [first + timedelta(hours=hour) for hour in range(hours)]
    lines = [f"{meter},{start:%Y-%m-%d %H:%M},{load(meter, start) * factor}" for meter in meters for start in starts]
    path.write_text("meter,start,kwh\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def take_in(lake: Lake, path: Path, industry: Industry = Industry.METAL) -> None:
    options = IngestOptions(industry=industry, columns=COLUMNS)
    ingest_file(lake, load_settings(), path, options, received_at=RECEIVED)


@pytest.fixture
def run(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """Runs on the lake of the test, with records of their own."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    lake.root.mkdir(parents=True, exist_ok=True)
    with runner(lake.root) as ready:
        yield ready


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with readings of three months, a model of the first two, and the third scored; made once, to be copied."""
    root = tmp_path_factory.mktemp("finished") / "root"
    lake = Lake(root)
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("ECOAI_DETECTORS__USAD__EPOCHS", "3")
        take_in(lake, write_readings(root.parent / "readings.csv", datetime(2025, 1, 1), datetime(2025, 3, 31)))
        with runner(root) as ready:
            ready.tables([*READINGS, "features"], {Industry.METAL: MONTHS})
            ready.models(Industry.METAL, Resolution.LOW, "2025-01..2025-02")
            ready.tables(["scores", "drift", "anomalies"], {Industry.METAL: MonthRange.parse("2025-03")})
    return root


@pytest.fixture
def scored(lake: Lake, finished: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """Runs on a copy of the finished lake."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    shutil.copytree(finished, lake.root)
    with runner(lake.root) as ready:
        yield ready
