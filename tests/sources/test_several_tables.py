"""Several tables one below the other in a file: joined exports, and blocks of a meter each."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError, Reason
from tests.sources.given import put

STAMPS = [f"2025-03-03 {hour:02d}:00" for hour in range(24)]
KWH = [1.5 + hour % 5 for hour in range(24)]
ROWS = [f"{stamp},{kwh}" for stamp, kwh in zip(STAMPS, KWH, strict=True)]
NEXT = [row.replace("-03 ", "-04 ") for row in ROWS]
IN_MWH = [f"{row.partition(',')[0]},{kwh / 1000}" for row, kwh in zip(NEXT, KWH, strict=True)]
SWAPPED = [",".join(reversed(row.split(","))) for row in NEXT]
HEADER = "timestamp,kwh"


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [
        (HEADER, HEADER, NEXT),
        (HEADER, "timestamp,mwh", IN_MWH),
        ("Time,Energy (kWh)", "Time,Energy (MWh)", IN_MWH),
        ("Time,Energy (kWh)", "Unit,MWh\nTime,Energy", IN_MWH),
        ("Time,Energy", "Time,Energy\n,MWh", IN_MWH),
        (HEADER, "kwh,timestamp", SWAPPED),
        ("Zeitpunkt,Verbrauch", "Energie,Zeit", SWAPPED),
        (HEADER, "timestamp,temperature,kwh", [row.replace(",", ",21.5,") for row in NEXT]),
        (HEADER, "Datum,Uhrzeit,kWh", [row.replace(" ", ",") for row in NEXT]),
    ],
    ids=["equal", "mwh", "unit-in-brackets", "unit-above", "unit-below", "swapped", "other-names", "more-columns", "two-columns"],
)
def test_a_second_header_begins_a_table_of_its_own(ingest, raw, tmp_path, first, second, rows):
    result = ingest(put(tmp_path / "t.csv", "\n".join([first, *ROWS, "", second, *rows])))
    assert raw(result)["kwh"].to_list() == pytest.approx([*KWH, *KWH])
    assert (result.statement.meters, result.statement.quarantined) == (["t"], 0)


def test_skipped_headers_and_further_tables_are_named_with_their_lines(ingest, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join([HEADER, *ROWS[:12], HEADER, *ROWS[12:], "Time,MWh", *IN_MWH]))
    warnings = " ".join(ingest(path).statement.warnings)
    assert "the header stands again in 1 lines, which were skipped: 14" in warnings
    assert "the file holds 2 tables, one below the other; the others begin at line 27 (Time, MWh; unit MWh)" in warnings


@pytest.mark.parametrize("header", [[HEADER], []], ids=["with-headers", "without"])
@pytest.mark.parametrize("line", ["Meter,B", "Zähler: B", "Meter ID;B"])
def test_a_line_above_a_block_names_its_meter(ingest, raw, tmp_path, header, line):
    path = put(tmp_path / "t.csv", "\n".join(["Meter,A", HEADER, *ROWS, "", line.replace(";", ","), *header, *ROWS[:20]]))
    result = ingest(path)
    assert result.statement.meters == ["A", "B"]
    assert raw(result)["kwh"].to_list() == [*KWH, *KWH[:20]]


@pytest.mark.parametrize("meters", [60, pytest.param(300, marks=pytest.mark.full)])
def test_many_blocks_of_a_meter_each_are_read_in_one_pass(ingest, tmp_path, meters):
    blocks = [line for meter in range(meters) for line in (f"Meter,M{meter}", HEADER, *ROWS)]
    statement = ingest(put(tmp_path / "t.csv", "\n".join(blocks))).statement
    assert (len(statement.meters), statement.accepted, statement.quarantined) == (meters, 24 * meters, 0)


@pytest.mark.parametrize("above", [["Meter,M1", "Unit,MWh"], ["Meter,Unit", "M1,MWh"], ["Meter: M1", "Unit: MWh", ""]])
@pytest.mark.parametrize("columns", [None, "timestamp=Time,kwh=Value"])
def test_lines_above_the_table_name_meter_and_unit(ingest, raw, tmp_path, above, columns):
    said = {"columns": columns} if columns else {}
    result = ingest(put(tmp_path / "t.csv", "\n".join([*above, "Time,Value", *ROWS])), **said)
    assert raw(result)["meter_id"].unique().to_list() == ["M1"]
    assert raw(result)["kwh"].to_list() == [1000 * kwh for kwh in KWH]


def test_a_meter_that_the_sender_names_wins_over_the_line_above(ingest, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["Meter,A", "Time,Value", *ROWS]))
    assert ingest(path, columns="meter==plant,timestamp=Time,kwh=Value").statement.meters == ["plant"]


def test_stated_columns_that_a_further_table_lacks_are_refused_with_its_line(ingest, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["Time,kWh", *ROWS, "Time,MWh", *IN_MWH]))
    with pytest.raises(IngestError, match=r"line 26 begins another table, with 2 columns: Time, MWh: .*divide the file there"):
        ingest(path, columns="timestamp=Time,kwh=kWh")


def test_a_further_table_of_unknown_unit_is_refused(ingest, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["Time,Energy (MWh)", *ROWS, "Time,Value", *NEXT]))
    with pytest.raises(IngestError, match=r"line 26 begins another table.*no unit of 'Value' is named"):
        ingest(path)


def test_a_unit_that_the_sender_states_holds_for_all_tables(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["Time,Value", *ROWS, "Time,Energy", *NEXT]))
    assert raw(ingest(path, unit="MWh"))["kwh"].to_list() == [1000 * kwh for kwh in [*KWH, *KWH]]


@pytest.mark.parametrize(
    "footer", [["2025-03-06 10:12,1"], ["Exported at,Count", "2025-03-06 10:15,24"], ["", "Report,from", "2025-03-06 10:12,1"]]
)
def test_the_time_of_the_export_below_a_table_is_no_reading(ingest, raw, tmp_path, quarantine, footer):
    result = ingest(put(tmp_path / "t.csv", "\n".join([HEADER, *ROWS, *footer])))
    assert raw(result)["kwh"].to_list() == KWH
    assert quarantine()["reason"].to_list()[-1] == Reason.FOOTER.value


@pytest.mark.parametrize("last", ["2025-03-04 00:00,2", "2025-03-06 10:00,2", "2025-03-03 23:12,2"])
def test_a_last_reading_on_the_grid_or_next_to_it_stays(ingest, tmp_path, last):
    assert ingest(put(tmp_path / "t.csv", "\n".join([HEADER, *ROWS, last]))).statement.accepted == 25


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=["ymd", "dmy", "mdy"])
def test_joined_tables_with_years_months_and_days_in_columns_keep_all_rows(ingest, raw, tmp_path, order):
    """A value such as 38154 looks like the serial number of a day, which once hid the first of two tables."""
    names, rows = ["Year", "Month", "Day"], [["2025", "3", str(day)] for day in (1, 2)]
    date, days = [names[at] for at in order], [[row[at] for at in order] for row in rows]
    first = [",".join(["A", *days[0], str(hour), f"38.1{hour:02d}"]) for hour in range(24)]
    second = [",".join(["B", *days[1], str(hour), f"381{hour:02d}"]) for hour in range(24)]
    tables = [[",".join(["meter", *date, "Hour", f"Value [{unit}]"]), *lines] for unit, lines in (("kWh", first), ("Wh", second))]
    result = ingest(put(tmp_path / "m.csv", "\n".join(line for table in tables for line in table)))
    assert (result.statement.meters, result.statement.accepted) == (["A", "B"], 48)
    assert raw(result)["kwh"].to_list() == [pytest.approx(38.1 + hour / 1000) for hour in range(24)] * 2
