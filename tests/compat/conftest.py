"""A small lake as the program of November 2026 wrote it: every later version must read it, and make the same readings of it.

`lake-2026-11.tar.xz` holds two hourly meters and one half-hourly one of four months, a labelled file with rows in quarantine, weather,
a restated day, a withdrawn statement, an erased meter, models, and a night before and after the restatement. Pages, records of Dagster
and GX's documents are left out: they are made again.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.domain import Partition, Table
from ecoai_pipeline.storage.lake import Lake

ARCHIVE = Path(__file__).with_name("lake-2026-11.tar.xz")


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake as it was; tests only read it."""
    return unpacked(tmp_path_factory.mktemp("old"))


def unpacked(root: Path) -> Lake:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    return Lake(root)


def stored(lake: Lake, table: Table, partition: Partition) -> pl.DataFrame:
    """The rows of a partition with the columns that they were written with."""
    return pl.read_parquet(lake.path(table, partition), hive_partitioning=False)
