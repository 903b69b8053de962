"""Whether a stamp is the start or the end of its interval: the name of its column decides, stamps such as 00:14 only raise a doubt."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from tests.sources.given import put_sheets

FIRST = datetime(2025, 4, 1)


@pytest.fixture
def first_start(ingest, table, raw):
    """The local start of the first of 20 quarter hours whose stamps are ends, and the warnings."""

    def read(column, early_s=0, **options):
        times = [FIRST + timedelta(minutes=15 * (n + 1), seconds=-early_s) for n in range(20)]
        rows = [f"m,{time:%Y-%m-%d %H:%M:%S},{n % 7}" for n, time in enumerate(times)]
        result = ingest(table(*rows, header=f"meter,{column},kwh"), **options)
        start = raw(result)["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None)[0]
        return start, list(result.statement.warnings)

    return read


@pytest.mark.parametrize("column", ["interval_end", "EndTime", "To", "bis", "종료시각", "endTimestamp", "Zeitstempel Ende"])
@pytest.mark.parametrize("columns", [None, "meter=meter,timestamp={},kwh=kwh"], ids=["by name", "mapped"])
def test_a_column_called_an_end_holds_ends(first_start, column, columns):
    assert first_start(column, columns=columns and columns.format(column))[0] == FIRST


@pytest.mark.parametrize("column", ["interval_start", "from", "von", "시작시각", "timestamp"])
def test_other_columns_hold_starts(first_start, column):
    assert first_start(column)[0] == FIRST + timedelta(minutes=15)


def test_what_a_sender_says_of_the_stamp_wins_over_its_name(first_start):
    start, _ = first_start("interval_end", columns="meter=meter,timestamp=interval_end,kwh=kwh,stamp=start")
    assert start == FIRST + timedelta(minutes=15)


@pytest.mark.parametrize(("early_s", "unit"), [(60, "minute"), (1, "second")])
def test_stamps_at_the_last_minute_or_second_raise_a_doubt_whose_option_reads_them_as_ends(first_start, early_s, unit):
    start, warnings = first_start("timestamp", early_s)
    doubt = next(text for text in warnings if "lie at the last" in text)
    assert start == FIRST + timedelta(minutes=15)
    assert f"the last {unit} of an interval" in doubt
    start, warnings = first_start("timestamp", early_s, columns=doubt.split("--columns ")[1].strip("'"))
    assert start == FIRST
    assert not [text for text in warnings if "lie at the last" in text]


@pytest.mark.parametrize("header", ["meter_id,timestamp,kwh", "meter,time,usage"])
def test_a_column_with_24_00_holds_ends(ingest, table, raw, header):
    rows = [f"m,2025-04-01 {hour:02d}:00,{hour}" for hour in range(1, 25)]
    readings = raw(ingest(table(*rows, header=header)))
    assert readings["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%d %H:%M").to_list()[0] == "01 00:00"
    assert readings["kwh"].to_list() == [float(hour) for hour in range(1, 25)]


@pytest.mark.parametrize("header", ["meter_id,timestamp,kwh", "meter,time,usage"])
@pytest.mark.parametrize("container", ["csv", "parquet", "xlsx"])
def test_the_first_24_00_may_stand_far_below(ingest, raw, tmp_path, header, container):
    names = header.split(",")
    rows = [(f"m{meter}", f"2025-04-01 {hour:02d}:00", str(hour)) for hour in range(1, 25) for meter in range(20)]
    path, texts = tmp_path / f"t.{container}", pl.DataFrame(rows, names, orient="row")
    if container == "xlsx":
        put_sheets(path, {"readings": [names, *map(list, rows)]})
    else:
        getattr(texts, f"write_{container}")(path)
    readings = raw(ingest(path))
    assert readings["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%d %H:%M").min() == "01 00:00"
    assert readings["kwh"].sum() == 20 * sum(range(1, 25))


HOURS = [f"2025-03-03 {hour:02d}:00" for hour in range(1, 25)]


def _first(rows):
    return rows["timestamp"][0].isoformat()


@pytest.mark.parametrize("kwh", ["Wert", "Wert|Wert 2"])
@pytest.mark.parametrize("times", [HOURS, [f"{hour}:00" for hour in HOURS], [hour.replace("-", "/") for hour in HOURS]])
def test_24_00_shows_the_ends_of_intervals_also_where_the_columns_are_stated(ingest, raw, table, kwh, times):
    path = table(*(f"{time},1.5,2.5" for time in times), header="Zeit,Wert,Wert 2")
    result = ingest(path, columns=f"timestamp=Zeit,kwh={kwh}")
    assert _first(raw(result)) == "2025-03-02T15:00:00+00:00"
    assert result.statement.options["columns"]["stamp"] == "end"
    assert not any("24:00" in warning for warning in result.statement.warnings)


def test_stamps_that_are_said_to_be_starts_are_starts_with_a_warning(ingest, raw, table):
    result = ingest(table(*(f"{time},1.5" for time in HOURS), header="Zeit,Wert"), columns="timestamp=Zeit,kwh=Wert,stamp=start")
    assert _first(raw(result)) == "2025-03-02T16:00:00+00:00"
    assert any("have the time 24:00" in warning and "stamp=end" in warning for warning in result.statement.warnings)


@pytest.mark.parametrize("columns", ["", "timestamp=timestamp,kwh=kwh"])
def test_the_end_of_a_range_says_nothing_of_its_start(ingest, raw, table, columns):
    rows = [f"2025-03-03 {hour:02d}:00 - 2025-03-03 {hour + 1:02d}:00,1.5" for hour in range(24)]
    assert _first(raw(ingest(table(*rows, header="timestamp,kwh"), columns=columns))) == "2025-03-02T15:00:00+00:00"


@pytest.mark.parametrize("beside", ["register=true", "end=until"])
def test_registers_and_stamps_beside_their_ends_are_no_ends(ingest, raw, table, beside):
    rows = [f"2025-03-03 {hour:02d}:00,2025-03-03 {hour + 1:02d}:00,{hour}.5" for hour in range(24)] + [
        "2025-03-03 24:00,2025-03-04 01:00,24.5"
    ]
    result = ingest(table(*rows, header="since,until,kwh"), columns=f"timestamp=since,kwh=kwh,{beside}")
    assert result.statement.options["columns"]["stamp"] == "start"
