"""A folder of a hundred files made up from seeds, taken in by one command."""

from __future__ import annotations

import polars as pl
import pytest

from ecoai_pipeline.domain import RAW_READINGS
from ecoai_pipeline.storage.lake import Lake
from tests.cli.conftest import Ecoai
from tests.sources.generated import made


@pytest.mark.parametrize("number", [30, pytest.param(100, marks=pytest.mark.full)])
def test_many_files_are_read_by_one_ingest(ecoai: Ecoai, number: int) -> None:
    folder = ecoai.root.parent / "files"
    folder.mkdir()
    files = []
    for seed in range(20_000, 20_200):
        one = made(folder, seed, own_meters=True)
        if one.needs or len(files) == number:
            one.path.unlink()
        else:
            files.append(one)
    ran = ecoai("ingest", str(folder), "--json")
    assert ran.code == 0, ran.err
    counts = ran.document
    assert counts["readings_in"] == counts["accepted"] + counts["quarantined"]
    lake = Lake(ecoai.root)
    raw = lake.read(RAW_READINGS, lake.partitions(RAW_READINGS))
    found = {meter: dict(part.select("timestamp", "kwh").iter_rows()) for (meter,), part in raw.group_by("meter_id")}
    truth = {meter: series for one in files for meter, series in one.readings.items()}
    assert (len(files), found.keys()) == (number, truth.keys())
    assert found == truth
    assert raw.filter(pl.col("kwh").is_not_null()).height == counts["accepted"] - sum(
        kwh is None for series in truth.values() for kwh in series.values()
    )
