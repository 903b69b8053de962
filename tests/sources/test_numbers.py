"""Numbers as the world writes them: one format per column, decided by the whole column, or the file is refused."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import WEATHER, Month
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import CELLS, put, put_workbook

MAPPING = "timestamp=Zeit,kwh=Wert"


def _column(values: list[str], delimiter: str = ",", *, header: str = "Zeit,Wert") -> str:
    """A long table of quarter hours with these values; a value with the delimiter in it is quoted."""
    start = datetime(2025, 3, 3)
    stamps = [(start + timedelta(minutes=15 * n)).strftime("%Y-%m-%d %H:%M") for n in range(len(values))]
    quoted = [f'"{value}"' if delimiter in value else value for value in values]
    rows = [f"{stamp}{delimiter}{value}" for stamp, value in zip(stamps, quoted, strict=True)]
    return "\n".join([header.replace(",", delimiter), *rows]) + "\n"


@pytest.fixture
def kwh(ingest, raw, tmp_path):
    """The kWh of a column of texts, in order of time."""

    def read(values: list[str], delimiter: str = ",", **options: str) -> list[float | None]:
        path = put(tmp_path / "t.csv", _column(values, delimiter))
        return raw(ingest(path, **{"columns": MAPPING, "industry": "metal", **options}))["kwh"].to_list()

    return read


@pytest.mark.parametrize(
    ("delimiter", "values", "expected"),
    [
        (";", ["0,41", "1,35", "4,23"], [0.41, 1.35, 4.23]),
        (";", ["0,412", "1,350", "4,230"], [0.412, 1.35, 4.23]),
        (",", ["0,412", "1,350", "4,230"], [0.412, 1.35, 4.23]),
        ("\t", ["0,412", "1,350", "12,415"], [0.412, 1.35, 12.415]),
        ("|", ["1,5", "1,350", "2"], [1.5, 1.35, 2.0]),
        (";", ["1.234,5", "1.350", "0,5"], [1234.5, 1350.0, 0.5]),
        (";", ["1.234.567", "1.350", "850"], [1234567.0, 1350.0, 850.0]),
        (",", ["1,234.5", "1,350", "0.5"], [1234.5, 1350.0, 0.5]),
        (",", ["1,234,567", "1,350", "850"], [1234567.0, 1350.0, 850.0]),
        (",", ["412", "1,350", "4,230"], [412.0, 1350.0, 4230.0]),
        (";", ["1250", "1,350", "4,231"], [1250.0, 1.35, 4.231]),
        (";", ["1'234.5", "1'350", "850"], [1234.5, 1350.0, 850.0]),
        (";", ["1’234’567.25", "850"], [1234567.25, 850.0]),
        (";", ["1 234,5", "1 350", "850"], [1234.5, 1350.0, 850.0]),
        (";", ["1\u00a0234,5", "1\u202f350", "1\u20091350".replace("1350", "350")], [1234.5, 1350.0, 1350.0]),
        (";", ["12 345", "1,350"], [12345.0, 1.35]),
        (",", ["12,34,567.5", "1,23,456", "850.25"], [1234567.5, 123456.0, 850.25]),
        (";", ["-0,5", "+0,5", "(0,5)", "0,5-", "\u22120,5", "- 0,5"], [-0.5, 0.5, -0.5, -0.5, -0.5, -0.5]),
        (";", ["1,5E-3", "2,5e2", ",5", "5,"], [0.0015, 250.0, 0.5, 5.0]),
        (",", ["1.5E-3", "2.5e+2", ".5", "5."], [0.0015, 250.0, 0.5, 5.0]),
        (",", ["1.350", "4.230", "12.415"], [1.35, 4.23, 12.415]),
        (",", ["850", "1350", "7"], [850.0, 1350.0, 7.0]),
    ],
)
def test_a_column_is_read_by_its_one_format(kwh, delimiter, values, expected):
    assert kwh(values, delimiter) == expected


@pytest.mark.parametrize(
    ("delimiter", "values", "as_decimal", "as_thousands"),
    [
        (",", ["1,350", "4,230", "12,415"], "1.35", "1350"),
        ("\t", ["1,350", "4,230", "12,415"], "1.35", "1350"),
        (",", ["1,351", "850"], "1.351", "1351"),
        (";", ["1,350", "850"], "1.35", "1350"),
        (";", ["1,350", "4,230", "12,415"], "1.35", "1350"),
        (";", ["850", "1.350"], "1.35", "1350"),
        (",", ["1,350", "4.230"], "1.35", "1350"),
        (",", ["-1,350", "-4,230"], "-1.35", "-1350"),
    ],
)
def test_a_column_with_two_meanings_is_refused_with_both_and_read_with_the_option(kwh, delimiter, values, as_decimal, as_thousands):
    with pytest.raises(IngestError) as refused:
        kwh(values, delimiter)
    first = next(value for value in values if not value.isdigit())
    for part in ("t.csv", "'Wert'", repr(first), f"is {as_decimal} if", f"or {as_thousands} if", "--decimal ,", "--decimal ."):
        assert part in str(refused.value)
    sign = "," if "," in first else "."
    other = {",": ".", ".": ","}[sign]
    row = values.index(first)
    assert kwh(values, delimiter, decimal=sign)[row] == float(as_decimal)
    assert kwh(values, delimiter, columns=f"{MAPPING},decimal={other}")[row] == float(as_thousands)


@pytest.mark.parametrize("count", ["4", "2688"])
@pytest.mark.parametrize(("delimiter", "values"), [(",", ["272,505", "799,380", "747,269"]), (";", ["272.505", "799.384", "747.269"])])
def test_a_number_below_the_table_decides_nothing(ingest, tmp_path, delimiter, values, count):
    table = _column(values, delimiter) + f"Exported at{delimiter}Count\n2025-12-31 10:12{delimiter}{count}\n"
    with pytest.raises(IngestError, match="can be read in two ways"):
        ingest(put(tmp_path / "t.csv", table), columns=MAPPING, industry="metal")


@pytest.mark.parametrize("date", ["{}.03.2025 00:00", "0{}.03.2025", "{}. 3. 2025 00:00"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_dates_with_dots_decide_for_the_decimal_comma(ingest, raw, tmp_path, date, delimiter):
    """Nobody who writes 3.3.2025 parts thousands by commas."""
    rows = [f"{date.format(day)}{delimiter}{35 + day},250" for day in range(1, 5)]
    result = ingest(put(tmp_path / "t.csv", "\n".join([f"Zeit{delimiter}Wert", *rows])), columns=MAPPING, industry="metal")
    assert raw(result)["kwh"].to_list() == [36.25, 37.25, 38.25, 39.25]
    assert not any("decimal" in warning for warning in result.statement.warnings)


@pytest.mark.parametrize("date", ["2025.03.0{}", "0{}/03/2025", "2025-03-0{}"])
def test_other_dates_decide_nothing(ingest, tmp_path, date):
    rows = [f"{date.format(day)} {hour:02d}:00;35,{250 + hour}" for day in (1, 2, 3) for hour in range(24)]
    with pytest.raises(IngestError, match=r"'35,250' in row 2 is 35.25 if .* \(--decimal ,\), or 35250 if .* \(--decimal .\)"):
        ingest(put(tmp_path / "t.csv", "\n".join(["Zeit;Wert", *rows])), columns=MAPPING)


def test_a_file_with_semicolons_that_is_in_a_lake_already_is_read_as_it_was(ingest, raw, lake, tmp_path, monkeypatch):
    """Commas of such files were taken for decimal signs once."""
    from ecoai_pipeline.sources import reader

    real = reader._has_dotted_dates
    monkeypatch.setattr(reader, "_has_dotted_dates", lambda *_: True)
    result = ingest(put(tmp_path / "t.csv", _column(["35,250", "36,125"], ";")), columns=MAPPING)
    monkeypatch.setattr(reader, "_has_dotted_dates", real)
    shutil.rmtree(Landing(lake).piece_path(result.statement.statement_id, Month(2025, 3)).parent)
    assert raw(result)["kwh"].to_list() == [35.25, 36.125]


def test_the_sign_is_decided_by_rows_that_come_late(ingest, raw, tmp_path):
    """The first 5,000 values can be read in two ways; the last one says how."""
    values = ["1.350"] * 5_000
    plain, grouped = (raw(ingest(put(tmp_path / "t.csv", _column([*values, last], ";")), columns=MAPPING)) for last in ("0.5", "1.234,5"))
    assert (plain["kwh"][0], plain["kwh"][-1]) == (1.35, 0.5)
    assert (grouped["kwh"][0], grouped["kwh"][-1]) == (1350.0, 1234.5)


def test_a_separator_of_thousands_far_down_does_not_change_the_rows_above(ingest, raw, tmp_path):
    values = ["7.25"] * 10_000 + ["1,234.5"]
    readings = raw(ingest(put(tmp_path / "t.csv", _column(values)), columns=MAPPING))
    assert readings["kwh"].unique().sort().to_list() == [7.25, 1234.5]
    assert readings.height == 10_001


def test_small_blocks_decide_alike(ingest, raw, tmp_path, monkeypatch):
    from ecoai_pipeline.sources import reader

    real = reader.Reader.read
    monkeypatch.setattr(reader.Reader, "read", lambda self, _size, progress=None: real(self, 60, progress))
    path = put(tmp_path / "t.csv", _column(["1,350", "4,230", "0,412", "x", "2,5"], ";"))
    result = ingest(path, columns=MAPPING)
    assert raw(result)["kwh"].to_list() == [1.35, 4.23, 0.412, 2.5]
    assert result.quarantined_by_reason == {Reason.NOT_A_NUMBER: 1}


def test_a_few_texts_with_the_other_sign_are_refused_one_by_one(ingest, tmp_path, raw, quarantine):
    path = put(tmp_path / "t.csv", _column(["7.25"] * 40 + ["1,5", "1,350"]))
    readings = raw(ingest(path, columns=MAPPING))
    assert readings["kwh"].unique().to_list() == [7.25]
    assert quarantine().select("row", "reason").rows() == [(42, Reason.NOT_A_NUMBER), (43, Reason.AMBIGUOUS_NUMBER)]


def test_a_mixed_column_is_refused_with_a_row_of_each_kind(ingest, tmp_path):
    path = put(tmp_path / "t.csv", _column(["7.25", "1,5"] * 10))
    with pytest.raises(IngestError, match=r"mixes decimal points \('7\.25' in row 2\) and decimal commas \('1,5' in row 3\).*--decimal"):
        ingest(path, columns=MAPPING)


def test_a_stated_sign_refuses_texts_that_do_not_fit_it(ingest, tmp_path, raw, quarantine):
    path = put(tmp_path / "t.csv", _column(["7,25", "1.5", "1.350"], ";"))
    assert raw(ingest(path, columns=MAPPING, decimal=","))["kwh"].to_list() == [7.25, 1350.0]
    assert quarantine().select("row", "reason").rows() == [(3, Reason.NOT_A_NUMBER)]


def test_texts_of_a_workbook_and_of_parquet_are_a_column_too(ingest, tmp_path, raw):
    start = datetime(2025, 3, 3)
    rows = [[(start + timedelta(minutes=15 * n)).isoformat(sep=" "), "0,412"] for n in range(3)]
    book = put_workbook(tmp_path / "t.xlsx", [["Zeit", "Wert", "Nr"], *([*row, "1"] for row in rows)])
    assert raw(ingest(book, columns=MAPPING))["kwh"].to_list() == [0.412] * 3
    pl.DataFrame(rows, schema=["Zeit", "Wert"], orient="row").write_parquet(tmp_path / "p.parquet")
    texts = raw(ingest(tmp_path / "p.parquet", columns=MAPPING)).filter(pl.col("meter_id") == "p")
    assert texts["kwh"].to_list() == [0.412] * 3


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_numbers_that_are_stored_as_numbers_do_not_depend_on_a_stated_sign(ingest, tmp_path, raw, kind):
    start = datetime(2025, 3, 3)
    rows = [("m", start + timedelta(minutes=15 * n), 1.234) for n in range(3)]
    path = tmp_path / f"t.{kind}"
    if kind == "parquet":
        pl.DataFrame(rows, schema=["meter_id", "timestamp", "kwh"], orient="row").write_parquet(path)
    else:
        put_workbook(path, [["meter_id", "timestamp", "kwh"], *([m, t.isoformat(sep=" "), str(v)] for m, t, v in rows)])
    assert raw(ingest(path, decimal=","))["kwh"].to_list() == [1.234] * 3


@pytest.mark.parametrize(("options", "first"), [({}, 0.5), ({"decimal": ","}, 0.5)])
def test_the_korean_wide_format_with_semicolons_has_decimal_commas(ingest, tmp_path, raw, options, first):
    header = ";".join(["cust_no", "업종", "meter_dd", *CELLS])
    line = ";".join(["A1", "금속", "20250301", *["0,5", "1,25"] * 48])
    readings = raw(ingest(put(tmp_path / "k.csv", f"{header}\n{line}\n"), **options))
    assert readings["kwh"].to_list() == [first, 1.25] * 48


def test_an_ambiguous_wide_file_names_its_columns_and_is_read_with_the_option(ingest, tmp_path, raw):
    header = ",".join(["cust_no", "업종", "meter_dd", *CELLS])
    line = ",".join(["A1", "금속", "20250301", *['"1,350"'] * 96])
    path = put(tmp_path / "k.csv", f"{header}\n{line}\n")
    with pytest.raises(IngestError, match=r"'elcp_use_0015' … 'elcp_use_2400'.*'1,350' in row 2 is 1\.35 if.*or 1350 if"):
        ingest(path)
    assert raw(ingest(path, decimal="."))["kwh"].unique().to_list() == [1350.0]


@pytest.mark.parametrize("text", ["decimal=,", 'decimal=","', "decimal=comma", "decimal=,,stamp=start"])
def test_the_decimal_sign_is_part_of_a_mapping(text):
    assert ColumnMapping.parse(f"{MAPPING},{text}").decimal == ","
    assert ColumnMapping.parse(f"{text},{MAPPING}").decimal == ","


def test_words_for_a_missing_value_are_never_numbers(ingest, tmp_path, raw):
    words = ["n/a", "-", "NULL", "#N/A", "None", "5 %"]
    result = ingest(put(tmp_path / "t.csv", _column(["0,412", "", "1,350", *words, "NaN"], ";")), columns=MAPPING)
    assert raw(result)["kwh"].to_list() == [0.412, None, 1.35]
    assert result.quarantined_by_reason == {Reason.NOT_A_NUMBER: len(words) - 1, Reason.PERCENTAGE: 1, Reason.NOT_FINITE: 1}


def test_an_unknown_decimal_sign_is_refused_by_name():
    with pytest.raises(ValueError, match=r"decimal sign ';' is unknown; known are , and \."):
        ColumnMapping.parse(f"{MAPPING},decimal=;")


def test_a_plain_file_is_read_once(ingest, tmp_path, monkeypatch):
    """Only a file whose numbers are not plain costs a second reading."""
    from ecoai_pipeline.sources.text import DelimitedText

    reads: list[int] = []
    real = DelimitedText.blocks
    monkeypatch.setattr(DelimitedText, "blocks", lambda self, size: (reads.append(1), real(self, size))[1])
    ingest(put(tmp_path / "a.csv", _column(["7.25", "1350", "n/a", "x1"])), columns=MAPPING)
    assert len(reads) == 1
    ingest(put(tmp_path / "b.csv", _column(["7,25", "1350"], ";")), columns=MAPPING)
    assert len(reads) == 4


def test_weather_is_read_in_the_format_of_its_own_column(ingest, lake, tmp_path):
    """Pressure beside temperature: thousands in one column, decimal commas in the other, and energy with points."""
    rows = ["2025-03-03 00:00;0.5;21,5;1.013,2", "2025-03-03 01:00;1.25;-3;1.009", "2025-03-03 02:00;0.75;broken;"]
    path = put(tmp_path / "m.csv", "\n".join(["time;kwh;temp;hPa", *rows]) + "\n")
    statement = ingest(path, columns="timestamp=time,kwh=kwh,weather.temperature=temp,weather.pressure=hPa").statement
    found = pl.read_parquet(Landing(lake).table_path(WEATHER, statement.statement_id), hive_partitioning=False)
    values = {name: found.filter(quantity=name).sort("timestamp")["value"].to_list() for name in ("temperature", "pressure")}
    assert values == {"temperature": [21.5, -3.0, None], "pressure": [1013.2, 1009.0]}


def semicolons(path, values, *more, header="timestamp;kwh"):
    rows = [";".join([f"2025-03-03 {hour:02d}:00", value, *more]) for hour, value in enumerate(values)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


OPEN = [f"7.{334 - hour}" for hour in range(24)]


def test_points_before_three_digits_throughout_a_file_with_semicolons_are_asked_for(ingest, raw, tmp_path):
    path = semicolons(tmp_path / "m.csv", OPEN)
    with pytest.raises(IngestError, match=r"'7.334' in row 2 is 7.334 if .* \(--decimal .\), or 7334 if .* \(--decimal ,\)"):
        ingest(path, industry="metal")
    assert raw(ingest(path, industry="metal", decimal="."))["kwh"][0] == 7.334


@pytest.mark.parametrize(("sign", "first"), [(",", 7334.0), (".", 7.334)])
def test_the_sign_that_the_refusal_names_reads_the_file(ingest, raw, tmp_path, sign, first):
    assert raw(ingest(semicolons(tmp_path / "m.csv", OPEN), industry="metal", decimal=sign))["kwh"][0] == first


@pytest.mark.parametrize(("value", "first"), [("7.33", 7.334), ("0.334", 7.334), ("1234.334", 7.334), ("7.334,5", 7334.0)])
def test_one_value_of_another_form_decides_a_file_with_semicolons(ingest, raw, tmp_path, value, first):
    assert raw(ingest(semicolons(tmp_path / "m.csv", [*OPEN[:23], value]), industry="metal"))["kwh"][0] == first


@pytest.mark.parametrize(("temperature", "first"), [("3,4", 7334.0), ("3.4", 7.334)])
@pytest.mark.parametrize("columns", [None, "timestamp=timestamp,kwh=kwh,weather.temperature=temp"], ids=["unused", "mapped"])
def test_the_decimal_sign_of_other_columns_decides_an_open_one(ingest, raw, tmp_path, temperature, first, columns):
    path = semicolons(tmp_path / "m.csv", OPEN, temperature, header="timestamp;kwh;temp")
    assert raw(ingest(path, industry="metal", columns=columns))["kwh"][0] == first


def test_weather_is_read_in_one_format_throughout_a_file(ingest, lake, tmp_path):
    """The values of April alone are open; those of March show that commas are decimal signs."""
    rows = [f'2025-03-31 {hour:02d}:00,0.5,"3,{hour}"' for hour in range(24)]
    rows += [f'2025-04-01 {hour:02d}:00,0.5,"1,{350 + hour}"' for hour in range(24)]
    path = tmp_path / "m.csv"
    path.write_text("\n".join(["timestamp,kwh,temp", *rows]) + "\n")
    statement = ingest(path, columns="timestamp=timestamp,kwh=kwh,weather.temperature=temp").statement
    found = pl.read_parquet(Landing(lake).table_path(WEATHER, statement.statement_id), hive_partitioning=False).sort("timestamp")
    assert found["value"].to_list() == [*(float(f"3.{hour}") for hour in range(24)), *(float(f"1.{350 + hour}") for hour in range(24))]
