"""Workbooks: title rows, units, totals, and which of several sheets holds the readings."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError, Reason
from tests.sources.given import put_sheets

HEADER = ["meter_id", "timestamp", "kwh"]
ROWS = [["M1", f"2025-03-03 {hour:02d}:00", float(hour)] for hour in range(24)]
OTHER = [[*row[:2], 100.0] for row in ROWS]
NOTES = [["Dear all"], ["these are the readings", "of March"]]


def test_rows_of_titles_units_and_totals_are_no_readings(ingest, raw, tmp_path, quarantine):
    rows = [["Consumption report"], ["Meter M1", "Period 2025-03-01"], [], HEADER, ["", "", "kWh"], *ROWS, [], ["Total", "", 276.0]]
    result = ingest(put_sheets(tmp_path / "w.xlsx", {"Data": rows}))
    assert raw(result)["kwh"].to_list() == [float(hour) for hour in range(24)]
    assert quarantine().select("row", "reason").rows() == [(31, Reason.TOTAL_ROW.value)]


@pytest.mark.parametrize("order", [["Notes", "Data"], ["Data", "Notes"]])
def test_the_only_sheet_with_readings_is_read(ingest, raw, tmp_path, order):
    sheets = {"Notes": NOTES, "Data": [HEADER, *ROWS]}
    assert raw(ingest(put_sheets(tmp_path / "w.xlsx", {name: sheets[name] for name in order})))["kwh"].sum() == 276.0


def test_of_several_sheets_with_readings_the_sender_names_one(ingest, raw, tmp_path):
    path = put_sheets(tmp_path / "w.xlsx", {"March": [HEADER, *ROWS], "April": [HEADER, *OTHER], "Notes": NOTES})
    with pytest.raises(IngestError, match=r"its sheets 'March', 'April' all hold readings; name one, for example --sheet 'March'"):
        ingest(path)
    assert raw(ingest(path, sheet="April"))["kwh"].sum() == 2400.0
    with pytest.raises(IngestError, match=r"it has no sheet 'May'; it has 'March', 'April', 'Notes'; correct sheet="):
        ingest(path, sheet="May")


def test_a_hidden_sheet_is_read_only_if_it_is_named(ingest, raw, tmp_path):
    path = put_sheets(tmp_path / "w.xlsx", {"Raw": [HEADER, *OTHER], "Data": [HEADER, *ROWS]}, hidden=["Raw"])
    assert raw(ingest(path))["kwh"].sum() == 276.0
    assert raw(ingest(path, sheet="Raw"))["kwh"].sum() == 2400.0


def test_the_sender_may_name_the_row_of_the_header(ingest, raw, tmp_path):
    path = put_sheets(
        tmp_path / "w.xlsx", {"s": [["when", "much", "x"], ["a", "b", "c"], ["when", "what", "much"], *[[r[1], "n", r[2]] for r in ROWS]]}
    )
    assert raw(ingest(path, columns="timestamp=when,kwh=much,header_row=3"))["kwh"].sum() == 276.0


def test_a_sheet_without_a_header_names_its_columns_by_number(ingest, raw, tmp_path):
    path = put_sheets(tmp_path / "w.xlsx", {"s": ROWS})
    with pytest.raises(IngestError, match="no line names its columns"):
        ingest(path)
    assert raw(ingest(path, columns="header_row=0,meter=1,timestamp=2,kwh=3"))["kwh"].sum() == 276.0


def test_a_text_far_below_numbers_is_not_lost(ingest, tmp_path, quarantine):
    many = [["M1", f"2025-03-{1 + n // 48:02d} {n % 48 // 2:02d}:{n % 2 * 30:02d}", 1.0] for n in range(1_300)]
    result = ingest(put_sheets(tmp_path / "w.xlsx", {"s": [HEADER, *many, ["M1", "2025-03-30 00:00", "broken"]]}))
    assert (result.statement.accepted, quarantine()["reason"].to_list()) == (1_300, [Reason.NOT_A_NUMBER.value])


@pytest.mark.parametrize("empty", [1, 3])
def test_rows_are_those_of_the_sheet_below_empty_ones(ingest, tmp_path, quarantine, empty):
    rows = [["timestamp", "kwh"], *([f"2025-03-03 {hour:02d}:00", f"{hour}.5"] for hour in range(24)), ["2025-03-04 00:00", "x"]]
    statement = ingest(put_sheets(tmp_path / "t.xlsx", {"s": [*([] for _ in range(empty)), *rows]})).statement
    assert statement.accepted == 24
    assert quarantine()["row"].to_list() == [empty + 26]
