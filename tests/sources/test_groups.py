"""A file is settled some meters at a time, so that its size does not show in memory; what comes of it is the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ecoai_pipeline.domain import QUARANTINE, Month
from ecoai_pipeline.settings import Settings, StorageParams
from ecoai_pipeline.sources.aside import Aside
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import RECEIVED, put

METERS = ("a", "b", "c", "d", "e")


def _file(folder: Path, stamp: str) -> Path:
    """Two months of hours of five meters in order of time, with a contradiction, a repeat and a line that is none."""
    rows = [f"{m},{RECEIVED.replace(month=1, year=2025, day=20, hour=0) + timedelta(hours=h):%Y-%m-%d %H:%M:%S},{h + ord(m)}"
            for h in range(24 * 30) for m in METERS]  # fmt: skip
    rows += [rows[7] + "1", rows[8], "c,yesterday,3", rows[3]]
    return put(folder / f"{stamp}.csv", "meter_id,timestamp,kwh\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize("stamp", ["start", "end"])
@pytest.mark.parametrize("piece_rows", [1, 600, 1500])
def test_a_file_settled_in_groups_is_the_file_settled_at_once(tmp_path, stamp, piece_rows):
    path, told, pieces, refused = _file(tmp_path, stamp), [], [], []
    for rows in (10**9, piece_rows):
        settings = Settings(root=tmp_path / str(rows), storage=StorageParams(piece_rows=rows))
        lake = Lake(settings.root, settings.storage)
        options = IngestOptions.of(columns=f"meter=meter_id,timestamp=timestamp,kwh=kwh,stamp={stamp}", zone="UTC")
        statement = ingest_file(lake, settings, path, options, received_at=RECEIVED).statement
        landing = Landing(lake)
        told.append(statement)
        pieces.append([landing.scan_piece(statement.statement_id, month).collect() for month in _months(statement.months)])
        refused.append(landing.read_table(QUARANTINE).sort("row"))
    assert told[0] == told[1]
    for whole, parts in zip(*pieces, strict=True):
        assert_frame_equal(whole, parts)
    assert_frame_equal(*refused)


def _months(names):
    return [Month.parse(name) for name in names]


def test_a_group_has_no_more_readings_in_any_month_than_asked_for_unless_one_meter_has(tmp_path):
    aside = Aside(tmp_path / "aside")
    months = {"a": (202201, 3), "b": (202202, 3), "c": (202201, 2), "d": (202201, 9), "e": (202201, 1)}
    aside.put(pl.DataFrame([(name, key, n) for name, (key, count) in months.items() for n in range(count)],
                           schema={"meter": pl.String, "month": pl.Int32, "n": pl.Int64}, orient="row"))  # fmt: skip
    assert list(aside.groups(100)) == [None]
    groups = list(aside.groups(6))
    assert groups == [["a", "b"], ["c"], ["d"], ["e"]]
    assert [aside.take(202201, group).height for group in groups] == [3, 2, 9, 1]
    assert aside.take(202202, ["c"]).height == 0
