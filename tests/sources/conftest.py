"""One call that takes a file in, one that reads what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.domain import RAW_READINGS
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.ingest import IngestOptions, IngestResult, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.withdraw import Withdrawn
from ecoai_pipeline.sources.withdraw import withdraw as take_back
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import CANONICAL, RECEIVED, put, wide_text


@pytest.fixture
def ingest(lake: Lake, settings: Settings) -> Callable[..., IngestResult]:
    """Take in a file with options as a person writes them; the balance is checked every time."""

    def run(path: Path, *, received_at: datetime = RECEIVED, dry_run: bool = False, **options: str) -> IngestResult:
        result = ingest_file(lake, settings, path, IngestOptions.of(**options), received_at=received_at, dry_run=dry_run)
        statement = result.statement
        assert statement.readings_in == statement.accepted + statement.quarantined
        assert statement.accepted == statement.added + statement.changed + statement.unchanged
        assert statement.quarantined == sum(result.quarantined_by_reason.values())
        return result

    return run


@pytest.fixture
def raw(lake: Lake, settings: Settings) -> Callable[[IngestResult], pl.DataFrame]:
    """The raw readings of the partitions that a result touches."""

    def read(result: IngestResult) -> pl.DataFrame:
        for partition in result.partitions:
            materialize_raw(lake, settings, partition)
        return lake.read(RAW_READINGS, result.partitions).sort("meter_id", "timestamp")

    return read


@pytest.fixture
def quarantine(lake: Lake) -> Callable[[], pl.DataFrame]:
    return lambda: Landing(lake).quarantine().sort("row", "column")


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """A long CSV with the canonical columns."""

    def write(*rows: str, header: str = CANONICAL, name: str = "t.csv", encoding: str = "utf-8") -> Path:
        return put(tmp_path / name, "\n".join([header, *rows]) + "\n", encoding)

    return write


@pytest.fixture
def wide(tmp_path: Path) -> Callable[..., Path]:
    """A file in the Korean wide format."""

    def write(*lines: str, name: str = "k.csv", encoding: str = "utf-8") -> Path:
        return put(tmp_path / name, wide_text(*lines), encoding)

    return write


@pytest.fixture
def withdraw(lake: Lake, settings: Settings) -> Callable[..., Withdrawn]:
    """Take a statement back."""

    def run(statement_id: str, *, at: datetime = RECEIVED) -> Withdrawn:
        return take_back(lake, settings, statement_id, reason="wrong month", at=at)

    return run
