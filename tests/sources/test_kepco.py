"""The Korean wide format: what is written is what is read, in both encodings, to the month and the cell."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ecoai_pipeline.domain import RAW_READINGS, Industry, Month, UsageType
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.writers.block import Block
from ecoai_pipeline.sources.writers.kepco import write_wide
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import RECEIVED, day_line, put, wide_text

energies = st.one_of(st.just(np.nan), st.floats(-1e9, 1e9), st.floats(0, 1e-6))


@given(
    kwh=st.sampled_from([24, 48, 96]).flatmap(lambda cells: arrays(float, st.tuples(st.integers(1, 3), st.just(cells)), elements=energies)),
    first=st.dates(date(2010, 1, 2), date(2025, 12, 1)),
    industry=st.sampled_from(Industry),
    usage=st.sampled_from(UsageType),
    encoding=st.sampled_from(["utf-8", "cp949"]),
)
@hypothesis_settings(max_examples=20, deadline=None)
def test_what_is_written_is_what_is_read(kwh, first, industry, usage, encoding):
    block = Block(["가-1"], [industry], [usage], first, "Asia/Seoul", kwh[None], np.zeros((1, *kwh.shape), dtype=bool))
    with tempfile.TemporaryDirectory() as folder:
        lake, settings, path = Lake(Path(folder) / "lake"), load_settings(), Path(folder) / "k.csv"
        write_wide(path, [block], encoding)
        result = ingest_file(lake, settings, path, IngestOptions(), received_at=RECEIVED)
        assert (result.statement.readings_in, result.statement.added) == (kwh.size, kwh.size)
        for partition in result.partitions:
            assert partition.industry == industry
            materialize_raw(lake, settings, partition)
        readings = lake.read(RAW_READINGS, result.partitions).sort("timestamp")
        assert MeterRegistry(lake).at("가-1", result.partitions[0].month).usage_type == usage
    np.testing.assert_array_equal(readings["kwh"].fill_null(np.nan).to_numpy(), kwh.ravel())
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=9)
    step = timedelta(days=1) / kwh.shape[1]
    assert readings["timestamp"].to_list() == [start + n * step for n in range(kwh.size)]
    assert set(readings["interval_s"]) == {int(step.total_seconds())}


def test_a_column_is_the_quarter_hour_that_ends_at_its_time(ingest, wide, raw):
    readings = raw(ingest(wide(day_line("A", "금속", "20250331", list(range(96))))))
    local = readings.select(pl.col("timestamp").dt.convert_time_zone("Asia/Seoul").dt.strftime("%Y-%m-%d %H:%M"), "kwh")
    assert local.row(0) == ("2025-03-31 00:00", 0.0)
    assert local.row(95) == ("2025-03-31 23:45", 95.0)


def test_columns_in_any_order_and_other_columns_beside_them(ingest, tmp_path, raw):
    header, line = wide_text(day_line("A", "금속", "2025-03-31", list(range(96)))).splitlines()
    turned = "\n".join([",".join(["note", *reversed(header.split(","))]), ",".join(["x", *reversed(line.split(","))])])
    result = ingest(put(tmp_path / "k.csv", turned))
    assert raw(result)["kwh"].to_list() == [float(n) for n in range(96)]
    assert result.statement.unmapped == ["note"]


def test_an_empty_cell_is_a_missing_reading_and_a_dash_is_none(ingest, wide, raw, quarantine):
    result = ingest(wide(day_line("A", "금속", "20250301", ["", "-", *[1] * 94])))
    readings = raw(result)
    assert (result.statement.accepted, readings["quality"].value_counts().sort("count").rows()) == (95, [("missing", 1), ("measured", 94)])
    assert quarantine().select("row", "column", "text", "meter_id", "month").rows() == [(2, "elcp_use_0030", "-", "A", "2025-03")]


def test_an_unknown_industry_quarantines_the_day(ingest, wide, quarantine):
    result = ingest(wide(day_line("A", "금속", "20250301"), day_line("B", "광업", "20250301")))
    assert result.quarantined_by_reason == {Reason.UNKNOWN_INDUSTRY: 96}
    assert set(quarantine()["meter_id"]) == {"B"}


def test_an_unknown_usage_type_is_told_and_taken_as_industrial(ingest, wide, lake):
    def line(meter, usage, day="20250301"):
        return day_line(meter, "금속", day).replace("산업용", usage, 1)

    result = ingest(wide(*(line(meter, "가로등") for meter in "ABCD"), line("E", "일반용"), line("E", "?", "20250302"), line("F", "")))
    assert result.statement.warnings == [
        "usage type '가로등' of 4 meters (A, B, C, …) is unknown: taken as industrial; correct the file, or give --meters REGISTRY.csv",
        "usage type '?' of 1 meters (E) is unknown: taken as general; correct the file, or give --meters REGISTRY.csv",
    ]
    types = [MeterRegistry(lake).at(meter, Month(2025, 3)).usage_type for meter in "AEF"]
    assert types == [UsageType.INDUSTRIAL, UsageType.GENERAL, UsageType.INDUSTRIAL]
    assert ingest(wide(line("A", "가로등", "20250305"))).statement.warnings == []  # the registry knows A by now


def test_an_unreadable_date_quarantines_the_day(ingest, wide):
    result = ingest(wide(day_line("A", "금속", "20250301"), day_line("A", "금속", "20250231")))
    assert result.quarantined_by_reason == {Reason.BAD_STAMP: 96}


def test_columns_that_do_not_divide_the_day_are_refused(ingest, tmp_path):
    with pytest.raises(IngestError, match="do not divide the day"):
        ingest(put(tmp_path / "k.csv", "cust_no,meter_dd,elcp_use_0007\nA,20250301,1\n"))


def test_the_senders_industry_holds_against_one_that_is_unknown_and_one_that_disagrees(ingest, wide):
    result = ingest(wide(day_line("A", "우주항공", "20250301"), day_line("B", "식품", "20250301")), industry="metal")
    assert [str(partition) for partition in result.partitions] == ["metal 2025-03"]
    assert (result.statement.accepted, result.statement.quarantined) == (192, 0)
    assert result.statement.warnings == ["the file puts 1 meters (B) into another industry than --industry metal, which was taken"]
