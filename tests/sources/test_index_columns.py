"""Columns that programs add: numbers of rows are left out, and an index without a name may hold the times."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.sources.reasons import IngestError
from tests.sources.given import put, put_sheets

TIMES = [datetime(2025, 3, 3) + timedelta(minutes=30 * at) for at in range(48)]
LEFT_OUT = "only numbers the rows and was left out"


def _left_out(result):
    return [warning for warning in result.statement.warnings if LEFT_OUT in warning]


@pytest.mark.parametrize("name", ["Unnamed: 0", "", "__index_level_0__", "level_0", "index", "id", "No.", "번호"])
def test_numbers_of_rows_are_left_out_with_one_line(ingest, raw, tmp_path, name):
    long = [f"{name},timestamp,kwh", *(f"{at},{time},{at}.5" for at, time in enumerate(TIMES))]
    columns = [f"{name},timestamp,M1,M2", *(f"{at},{time},{at}.5,7" for at, time in enumerate(TIMES))]
    for file, rows, meters in (("m1.csv", long, ["m1"]), ("m2.csv", columns, ["M1", "M2"])):
        result = ingest(put(tmp_path / file, "\n".join(rows)))
        assert (result.statement.meters, result.statement.accepted, len(_left_out(result))) == (meters, 48 * len(meters), 1)
    assert raw(result).filter(meter_id="M1")["kwh"].to_list() == [at + 0.5 for at in range(48)]


@pytest.mark.parametrize("name", ["Unnamed: 0", "", "index"])
@pytest.mark.parametrize("meters", [["kwh"], ["M1", "M2"]])
def test_an_index_without_a_name_may_hold_the_times(ingest, raw, tmp_path, name, meters):
    rows = [",".join([name, *meters]), *(",".join([str(time), *["1.5"] * len(meters)]) for time in TIMES)]
    result = ingest(put(tmp_path / "m.csv", "\n".join(rows)))
    assert (result.statement.accepted, _left_out(result)) == (48 * len(meters), [])
    assert raw(result)["timestamp"][0].isoformat() == "2025-03-02T15:00:00+00:00"


def test_indices_of_parquet_and_workbooks(ingest, tmp_path):
    times, numbers = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pl.DataFrame({"M1": [1.5] * 48, "M2": [2.5] * 48, "__index_level_0__": TIMES}).write_parquet(times)
    pl.DataFrame({"timestamp": TIMES, "M1": [1.5] * 48, "M2": [2.5] * 48, "__index_level_0__": range(48)}).write_parquet(numbers)
    book = put_sheets(
        tmp_path / "c.xlsx", {"s": [["", "timestamp", "M3", "M4"], *([float(n), str(t), 1.5, 2.5] for n, t in enumerate(TIMES))]}
    )
    assert [ingest(path).statement.meters for path in (times, numbers, book)] == [["M1", "M2"], ["M1", "M2"], ["M3", "M4"]]


def test_a_number_is_the_meter_where_times_repeat(ingest, tmp_path):
    rows = ["id,timestamp,kwh", *(f"{meter},{time},1.5" for meter in (1, 2) for time in TIMES)]
    assert ingest(put(tmp_path / "m.csv", "\n".join(rows))).statement.meters == ["1", "2"]


def test_readings_of_a_register_called_index_are_no_numbers_of_rows(ingest, tmp_path):
    rows = ["timestamp,index,kwh", *(f"{time},{1000 + 3 * at},1.5" for at, time in enumerate(TIMES))]
    result = ingest(put(tmp_path / "m.csv", "\n".join(rows)))
    assert (result.statement.accepted, _left_out(result)) == (48, [])


@pytest.mark.parametrize("point", ["MPAN", "NMI", "Zählpunkt", "PRM"])
def test_a_metering_point_is_the_meter_though_its_device_has_a_number(ingest, raw, tmp_path, point):
    """The device is exchanged, the point stays."""
    rows = [f"{point},Meter Serial Number,timestamp,kwh", *(f"1234567890123,E{at // 24},{time},1.5" for at, time in enumerate(TIMES))]
    result = ingest(put(tmp_path / "m.csv", "\n".join(rows)))
    assert (result.statement.meters, result.statement.accepted) == (["1234567890123"], 48)


def test_several_devices_of_one_metering_point_are_asked_for(ingest, tmp_path):
    rows = ["MPAN,Meter Serial,timestamp,kwh", *(f"1234567890123,{device},{time},1.5" for device in ("E1", "E2") for time in TIMES)]
    path = put(tmp_path / "m.csv", "\n".join(rows))
    with pytest.raises(IngestError, match="times of one 'MPAN' repeat with several 'Meter Serial'"):
        ingest(path)
    assert ingest(path, columns="meter=Meter Serial,timestamp=timestamp,kwh=kwh").statement.meters == ["E1", "E2"]
