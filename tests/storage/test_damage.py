"""Torn Parquet files: the error names the file, what it holds and the command that makes it again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecoai_pipeline.domain import RAW_READINGS, SCORES, SPECTRA, Industry, Month, Partition, Table
from ecoai_pipeline.faults import explained
from ecoai_pipeline.storage.damage import DamagedTableError, readable
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.schema import empty

WHERE = Partition(Industry.METAL, Month(2025, 3))


def _torn(lake: Lake, table: Table, size: int) -> Path:
    path = lake.path(table, WHERE)
    path.parent.mkdir(parents=True)
    empty(table).write_parquet(path)
    path.write_bytes(path.read_bytes()[:size])
    return path


@pytest.mark.parametrize("size", [0, 3, 100])
@pytest.mark.parametrize(
    "read", [Lake.info, Lake.scan, Lake.read, lambda *at: list(Lake.chunks(*at))], ids=["info", "scan", "read", "chunks"]
)
@pytest.mark.parametrize(
    ("table", "layer"), [(RAW_READINGS, "raw_readings"), (SCORES, "scores"), (SPECTRA, "features")], ids=["raw", "scores", "spectra"]
)
def test_a_torn_table_is_named_with_what_makes_it_again(tmp_path, size, read, table, layer):
    lake = Lake(tmp_path)
    path = _torn(lake, table, size)
    expected = f"{path} is damaged: it holds {table.name} of metal in 2025-03 and cannot be read"
    with pytest.raises(DamagedTableError, match=re.escape(expected)) as raised:
        read(lake, table, WHERE)
    assert f"delete it and run `ecoai materialize {layer}`" in str(raised.value)
    assert explained(raised.value) == str(raised.value)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError), readable(tmp_path / "x", "nothing", "do nothing"):
        (tmp_path / "x").read_bytes()
