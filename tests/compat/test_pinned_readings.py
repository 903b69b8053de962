"""Raw and validated readings of one made-up file are the same in every version, down to the last bit of each value."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ecoai_pipeline.domain import QUARANTINE, RAW_READINGS, VALIDATED_READINGS, Table
from ecoai_pipeline.quality.validate import Validating, load_validation
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.ingest import IngestOptions, IngestResult, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing

# From November 2026, before blocks of months were worked on together. A new column is a reason to change these, speed is none.
RAW = "e89a1fe5aacf0b19"
VALIDATED = "a091a9b49519021b"
QUARANTINED = "a34c587906c1ff2a"
RESULTS = "17120704b47ac464"
ADDED = ("days_collected",)  # expectations since then


def _rows() -> Iterator[str]:
    """Two hourly meters of a zone with clock changes, from 2023-09 to 2024-04; some rows that cannot be readings, some doubtful."""
    start = datetime(2023, 9, 1)
    for hour in range(24 * 230):
        at = start + timedelta(hours=hour)
        yield f"a,{at:%Y-%m-%d %H:%M},{10 + 5 * math.sin(hour / 24 * math.tau):.3f}"
        if not 2000 <= hour < 2100:  # four days without rows
            stuck = 3000 <= hour < 3300
            yield f"b,{at:%Y-%m-%d %H:%M},{'7.25' if stuck else 2 + hour % 11}"
        if hour % 700 == 5:
            yield f"a,{at:%Y-%m-%d %H:%M},broken"
        if hour % 900 == 7:
            yield f"b,{at:%Y-%m-%d %H:%M},{90 + hour % 13}"  # contradicts the row above it
        if hour % 1100 == 9:
            yield f"a,{at:%Y-%m-%d %H:%M},{10 + 5 * math.sin(hour / 24 * math.tau):.3f}"  # repeats an earlier row
    yield from ("a,1987-05-01 00:00,1", "b,1987-05-01 01:00,2", "a,2999-01-01 00:00,3", ",2024-01-01 00:00,4", "b,when,5")


@pytest.fixture
def taken(tmp_path: Path, lake: Lake, settings: Settings) -> IngestResult:
    path = tmp_path / "history.csv"
    path.write_text("meter_id,timestamp,kwh\n" + "\n".join(_rows()) + "\n", encoding="utf-8")
    options = IngestOptions.of(industry="metal", zone="Europe/Berlin")
    result = ingest_file(lake, settings, path, options, received_at=datetime(2026, 11, 1, tzinfo=UTC))
    for partition in result.partitions:
        materialize_raw(lake, settings, partition)
    validating = Validating(result.partitions)
    for partition in result.partitions:
        validating(lake, settings, partition)
    return result


def _digest(frame: pl.DataFrame) -> str:
    """A digest of the values; the id of the statement names the options, which may become more."""
    frame = frame.drop("statement_id")
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()[:16]


def test_readings_are_those_of_earlier_versions(lake: Lake, taken: IngestResult) -> None:
    def rows(table: Table) -> str:
        return _digest(pl.concat(lake.read(table, partition) for partition in taken.partitions))

    assert (len(taken.partitions), taken.statement.accepted, taken.statement.quarantined) == (8, 10944, 22)
    assert rows(RAW_READINGS) == RAW
    assert rows(VALIDATED_READINGS) == VALIDATED


def test_quarantined_rows_are_those_of_earlier_versions(lake: Lake, taken: IngestResult) -> None:
    rows = Landing(lake).read_table(QUARANTINE).sort("row", "column")
    assert rows.height == taken.statement.quarantined
    assert _digest(rows) == QUARANTINED


def test_validation_results_are_those_of_earlier_versions(lake: Lake, taken: IngestResult) -> None:
    found = [load_validation(lake, partition) or {} for partition in taken.partitions]
    counts = [[_counts(suite) for suite in one["suites"] if suite["expectation"] not in ADDED] for one in found]
    text = repr([counts, [(one["partition"], one["summary"], one["days"]) for one in found]])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == RESULTS


def _counts(suite: dict[str, Any]) -> tuple[Any, ...]:
    return suite["expectation"], suite["checked"], suite["unexpected"], suite["meters"]
