"""The public data sets, read as their publishers give them; figures counted in the files themselves."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import LABELS
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry


def test_lead(ingest, raw, real_data, lake):
    result = ingest(real_data / "lead" / "train.csv.gz", industry="other")
    assert result.statement.source == "lead"
    assert (result.statement.readings_in, result.statement.accepted) == (52_662, 52_662)
    assert result.statement.meters == ["117", "136", "623", "710", "879", "884"]
    readings = raw(result)
    assert (readings.height, set(readings["interval_s"])) == (52_662, {3600})
    labels = Landing(lake).read_table(LABELS)
    assert labels.select((pl.col("end") - pl.col("start")).sum()).item() == timedelta(hours=957)


def test_steel_days_end_at_their_own_midnight(ingest, raw, real_data):
    result = ingest(real_data / "steel" / "Steel_industry_data.csv", industry="metal")
    assert (result.statement.source, result.statement.meters) == ("steel", ["Steel_industry_data"])
    assert len(result.statement.unmapped) == 9
    assert result.statement.months == [f"2018-{month:02d}" for month in range(1, 13)]
    readings = raw(result)
    local = readings["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%Y-%m-%d %H:%M")
    assert (readings.height, local[0], local[-1]) == (35_040, "2018-01-01 00:00", "2018-12-31 23:45")
    assert readings["timestamp"].diff().drop_nulls().unique().to_list() == [timedelta(minutes=15)]
    # Rows 2 and 97 of the file: 1/1/2018 0:15 has 3.17 kWh, and 1/1/2018 0:00, the last row of the day, 3.42 kWh.
    assert (readings["kwh"][0], readings["kwh"][95]) == (3.17, 3.42)


def test_kpi(ingest, raw, real_data, lake):
    result = ingest(real_data / "kpi" / "a07ac296-de40-3a7c-8df3-91f642cc14d0.csv.gz", industry="energy")
    assert (result.statement.source, result.statement.accepted) == ("kpi", 106_475)
    assert result.statement.months == ["2017-05", "2017-06", "2017-07", "2017-08"]
    readings = raw(result)
    assert set(readings["interval_s"]) == {60}
    assert readings["timestamp"][0].timestamp() == 1495620660
    assert MeterRegistry(lake).at(result.statement.meters[0], result.partitions[0].month).signed


def test_kpi_curves_of_five_minutes_keep_negative_values(ingest, raw, real_data):
    readings = raw(ingest(real_data / "kpi" / "a8c06b47-cc41-3738-9110-12df0ee4c721.csv.gz", industry="energy"))
    assert set(readings["interval_s"]) == {300}
    assert (readings["kwh"] < 0).any()


@pytest.mark.full
def test_campus_tables_with_their_weather(ingest, real_data):
    mapping = "meter=@filename,timestamp=date,kwh=energy,weather.temperature=temperatures(C),weather.humidity=humidity(%)"
    for path in sorted((real_data / "cnu").glob("*.csv.gz")):
        result = ingest(path, columns=mapping, industry="other")
        assert (result.statement.accepted, result.statement.unmapped) == (11_209, ["Unnamed: 0", "pressure(hPa)"])
