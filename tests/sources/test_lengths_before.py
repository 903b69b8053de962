"""A file with one reading per meter: its interval is the one that earlier files gave the meter."""

from __future__ import annotations

import polars as pl
import pytest

from ecoai_pipeline.domain import Month
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.restore import ensure_pieces
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import CANONICAL, put

QUARTERS = [f"m,2025-03-03 {hour:02d}:{minute:02d},1" for hour in range(24) for minute in range(0, 60, 15)]
HOURS = [f"n,2025-03-03 {hour:02d}:00,1" for hour in range(24)]


def test_a_single_reading_has_the_interval_of_earlier_files(ingest, raw, table) -> None:
    ingest(table(*QUARTERS, *HOURS))
    result = ingest(table("m,2025-03-04 00:00,2.5", "n,2025-03-04 00:00,7.5", name="later.csv"))
    late = raw(result).filter(pl.col("kwh") > 1)
    assert late.select("meter_id", "interval_s").rows() == [("m", 900), ("n", 3600)]
    assert result.statement.lengths == {"m": 900, "n": 3600}


def test_a_single_stamp_at_the_end_starts_one_interval_before(ingest, raw, table) -> None:
    ingest(table(*HOURS))
    said = "meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end"
    late = raw(ingest(table("n,2025-03-04 01:00,7.5", name="later.csv"), columns=said)).filter(pl.col("kwh") > 1)
    assert late["timestamp"].dt.strftime("%F %H:%M").to_list() == ["2025-03-03 15:00"]


def test_a_meter_that_nobody_has_seen_needs_the_option(ingest, tmp_path) -> None:
    path = put(tmp_path / "new.csv", f"{CANONICAL}\nx,2025-03-04 00:00,2.5\n")
    with pytest.raises(IngestError) as refused:
        ingest(path)
    assert any("interval_s in --columns" in reason for reason in refused.value.reasons)


def test_what_an_earlier_file_gave_is_kept_when_that_file_is_withdrawn(ingest, table, withdraw, lake: Lake, settings: Settings) -> None:
    first = ingest(table(*QUARTERS))
    later = ingest(table("m,2025-03-04 00:00,2.5", name="later.csv")).statement
    withdraw(first.statement.statement_id)
    landing = Landing(lake)
    (month,) = map(Month.parse, later.months)
    landing.piece_path(later.statement_id, month).unlink()
    ensure_pieces(lake, settings, [later], month)
    assert landing.scan_piece(later.statement_id, month).collect()["interval_s"].to_list() == [900]
