"""What surrounds a table: lines above the header, units below it, totals, delimiters at the end, rows longer or shorter than the header."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ecoai_pipeline.sources.header import Opening
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.text import open_text
from tests.sources.given import CANONICAL, hours, put

ROWS = [f"2025-03-03 {hour:02d}:00,{1 + hour / 4}" for hour in range(24)]
KWH = [1 + hour / 4 for hour in range(24)]


@pytest.mark.parametrize(
    "above",
    [
        ["sep=,"],
        ["Meter,Unit", "M1,kWh"],
        ["# exported 2025-04-01", "# by the portal"],
        ["Name,A Plant,,", "Address,1 Test Road,,", "Account Number,20250301,,", ""],
        ["Report for March; all meters", "Period;2025-03-01;2025-03-31", ""],
        ["", "", "Start date,2025-03-01", "End date,2025-03-31"],
        ['"Address', '12 Long Road"', ""],
    ],
    ids=["sep", "metadata", "comments", "padded", "other-delimiter", "dates", "quoted-break"],
)
@pytest.mark.parametrize("columns", [None, "timestamp=Time,kwh=Value"], ids=["by-name", "mapped"])
def test_the_header_is_found_below_other_lines(ingest, raw, tmp_path, above, columns):
    path = put(tmp_path / "t.csv", "\n".join([*above, "Time,Value", *ROWS]) + "\n")
    result = ingest(path, **({"columns": columns} if columns else {}))
    assert raw(result)["kwh"].to_list() == KWH


def test_lines_above_are_counted_as_lines(ingest, tmp_path, quarantine):
    path = put(tmp_path / "t.csv", "\n".join(["Report", "", "Time,Value", ",kWh", *ROWS, "2025-03-04 00:00,x"]))
    assert ingest(path).statement.accepted == 24
    assert quarantine()["row"].to_list() == [29]


@pytest.mark.parametrize("units", [",kWh", "[UTC],[kWh]", "dd.mm.yyyy hh:mm,(kWh)", ",\nyyyy-mm-dd HH:MM,kWh"])
def test_lines_of_units_below_the_header_are_no_rows(ingest, raw, tmp_path, units):
    result = ingest(put(tmp_path / "t.csv", "\n".join(["Time,Value", units, *ROWS])))
    assert (raw(result)["kwh"].to_list(), result.statement.quarantined) == (KWH, 0)


def test_a_first_row_that_is_no_reading_is_not_the_header(ingest, table, quarantine):
    result = ingest(table("m,never,none", *hours()))
    assert (result.statement.accepted, result.statement.meters) == (24, ["m"])
    assert quarantine()["text"].to_list() == ["m,never,none"]


@pytest.mark.parametrize(
    "word",
    ["Total", "SUM", "Summe", "합계", "총계", "Grand Total:", "Zwischensumme", "누계", "평균", "Totale", "Total général", "Summe 2025"],
)
def test_a_row_of_totals_is_no_reading(ingest, table, quarantine, word):
    result = ingest(table(*hours(), f"{word},,396", f",{word},396"))
    assert result.statement.accepted == 24
    assert quarantine()["reason"].to_list() == [Reason.TOTAL_ROW.value] * 2


def test_a_meter_may_be_called_total(ingest, table):
    assert ingest(table(*hours(meter="Total"))).statement.meters == ["Total"]


@pytest.mark.parametrize(("header", "end"), [("Time;Value", ";"), ("Time;Value;", ";"), ("Time;Value;", ""), ("Time;Value;;", ";;;")])
def test_delimiters_at_the_end_of_lines_make_no_fields(ingest, raw, tmp_path, header, end):
    lines = [header, *(row.replace(",", ";") + end for row in ROWS)]
    assert raw(ingest(put(tmp_path / "t.csv", "\n".join(lines))))["kwh"].to_list() == KWH


def test_blanks_before_quotes_belong_to_no_field(ingest, raw, tmp_path):
    lines = ['"Time", "Value"', *('"{}", "{}"'.format(*row.split(",")) for row in ROWS)]
    assert raw(ingest(put(tmp_path / "t.csv", "\n".join(lines))))["kwh"].to_list() == KWH


def test_rows_may_end_after_the_columns_that_are_used(ingest, raw, tmp_path):
    lines = ["Time,Value,Note,Extra", ROWS[0] + ",estimated,x", *ROWS[1:22], ROWS[22] + ",a,b,c", ROWS[23] + ",note"]
    assert raw(ingest(put(tmp_path / "t.csv", "\n".join(lines))))["kwh"].to_list() == KWH


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Time,Value", "2025-03-04 00:00,0,41"),
        ("Time,Value", "2025-03-04 00:00,0,41,"),
        ("Time,Value,", "2025-03-04 00:00,0,41,"),
        ("Time,Value,Note", "2025-03-04 00:00,0,41,estimated"),
        ("Time,Value,Note", "2025-03-04 00:00,0,41,"),
        ("Time,Note,Value", "2025-03-04 00:00,a,b,5"),
        ("Time,Note,Value", "2025-03-04 00:00,5"),
    ],
)
def test_a_row_whose_fields_may_have_moved_is_refused(ingest, tmp_path, quarantine, header, row):
    filled = [line if header.count("Note") == 0 else line.replace(",", ",n,") if header.startswith("Time,Note") else line for line in ROWS]
    result = ingest(put(tmp_path / "t.csv", "\n".join([header, *filled, row])), columns="timestamp=Time,kwh=Value")
    assert result.statement.accepted == 24
    assert quarantine()["reason"].str.starts_with(Reason.FIELDS).to_list() == [True]


@pytest.mark.parametrize("header", ["Time,Value,Status", "Time,Value,Meter", "Meter,Time,Value"])
def test_values_that_a_decimal_comma_has_parted_are_never_read_as_whole_numbers(ingest, tmp_path, header):
    told = {"Time,Value,Status": "{0},1,{1},", "Time,Value,Meter": "{0},1,{1},M", "Meter,Time,Value": "M,{0},1,{1},"}[header]
    rows = [told.format(line.split(",")[0], 100 + at) for at, line in enumerate(ROWS)]
    meter = "meter=Meter," if "Meter" in header else ""
    with pytest.raises(IngestError) as refused:
        ingest(put(tmp_path / "t.csv", "\n".join([header, *rows])), columns=f"{meter}timestamp=Time,kwh=Value")
    assert [reason.partition(";")[0] for reason in refused.value.reasons] == [Reason.FIELDS.value]


def test_whole_numbers_before_a_number_and_a_delimiter_at_the_end_are_read(ingest, raw, tmp_path):
    rows = [f"{line.split(',')[0]},{at}.5,192," for at, line in enumerate(ROWS)]
    assert raw(ingest(put(tmp_path / "t.csv", "\n".join(["Time,Value,Status", *rows]))))["kwh"].to_list() == [at + 0.5 for at in range(24)]


def test_the_sender_may_name_the_line_of_the_header(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["when,much", "1,2", "when,much", *ROWS]))
    for said in ({"skip_rows": 2}, {"header_row": 3}):
        assert raw(ingest(path, columns="timestamp=when,kwh=much", **said))["kwh"].to_list() == KWH
    assert raw(ingest(path, columns="timestamp=when,kwh=much,header_row=3"))["kwh"].to_list() == KWH


def test_a_file_without_a_header_names_its_columns_by_number(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(ROWS))
    with pytest.raises(IngestError, match=r"no line names its columns.*--columns header_row=0,timestamp=1,kwh=2"):
        ingest(path)
    assert raw(ingest(path, columns="header_row=0,timestamp=1,kwh=2"))["kwh"].to_list() == KWH


def test_more_lines_to_skip_than_there_are_is_refused(ingest, table):
    with pytest.raises(IngestError, match=r"has 25 lines, but 900 are to be skipped; correct skip_rows"):
        ingest(table(*hours()), skip_rows=900)


def test_the_lines_above_stay_known(tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["Account Number;77", "", CANONICAL, *hours()]))
    assert open_text(path, "t.csv", Opening()).above == (("Account Number", "77"),)


def test_a_meter_whose_name_begins_like_a_comment_loses_no_row(ingest, table):
    result = ingest(table(*hours(meter="#1"), *hours(meter="2")))
    assert (result.statement.meters, result.statement.accepted) == (["#1", "2"], 48)


def test_the_names_of_the_columns_may_be_a_comment(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["# made by a logger", "# Time,Value", *ROWS]))
    assert raw(ingest(path))["kwh"].to_list() == KWH


def test_the_header_that_the_sender_names_may_have_units_below(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["when,much", "when,much", ",kWh", *ROWS]))
    assert raw(ingest(path, columns="timestamp=when,kwh=much,header_row=2"))["kwh"].to_list() == KWH


def test_the_line_of_the_header_is_known(tmp_path):
    opened = open_text(put(tmp_path / "t.csv", "\n".join(["Report", "", "Time,Value", ",kWh", *ROWS])), "t.csv")
    assert (opened.header_line, opened.header_lines) == (3, 4)


@pytest.mark.parametrize(("unit", "step", "kwh"), [("W", "30", 0.25), ("Wh", "", 0.5)])
def test_facts_in_rows_above_the_names_are_followed(ingest, raw, tmp_path, unit, step, kwh):
    """As in the load curves of Enedis: a row of names and a row of facts, one of them a date, above the table. A Horodate is an end."""
    names = "Identifiant PRM;Type de données;Date de début;Date de fin;Grandeur physique;Unité;Pas en minutes"
    facts = f"12345678901234;Courbe de charge;01/01/2025;08/01/2025;Energie active;{unit};{step}"
    ends = [datetime(2025, 1, 1, 0, 30) + timedelta(minutes=30) * k for k in range(48)]
    rows = [f"{end.isoformat()}+01:00;{500 + k % 2}" for k, end in enumerate(ends)]
    result = ingest(put(tmp_path / "c.csv", "\n".join(["\ufeff" + names, facts, "Horodate;Valeur", *rows])))
    assert (result.statement.meters, result.statement.accepted) == (["12345678901234"], 48)
    first = raw(result).row(0, named=True)
    assert (first["timestamp"].isoformat(), first["kwh"], first["interval_s"]) == ("2024-12-31T23:00:00+00:00", kwh, 1800)
