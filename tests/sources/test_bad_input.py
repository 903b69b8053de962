"""Bad input: a clear error or a quarantined row each; nothing is filled in, cut off or dropped in silence."""

from __future__ import annotations

import gzip
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ecoai_pipeline.domain import QUARANTINE, Month
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.storage.damage import DamagedTableError
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import CANONICAL, CELLS, RECEIVED, day_line, hours, put, wide_text


def reason_of(frame, line):
    return frame.filter(frame["row"] == line)["reason"].to_list()


@pytest.mark.parametrize(
    ("name", "data"), [("e.csv", b""), ("e.csv", b"\n"), ("e.csv", b"\xef\xbb\xbf"), ("e.csv.gz", gzip.compress(b"", mtime=0))]
)
def test_an_empty_file_is_refused(ingest, tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(IngestError, match=r"e\.csv.*empty"):
        ingest(tmp_path / name)


def test_a_header_without_rows_is_refused(ingest, table):
    with pytest.raises(IngestError, match="no rows"):
        ingest(table())


def test_a_truncated_gzip_is_refused_and_leaves_nothing(ingest, tmp_path, lake):
    whole = gzip.compress("\n".join([CANONICAL, *(row for d in range(1, 29) for row in hours(day=f"2025-02-{d:02d}"))]).encode())
    path = tmp_path / "t.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IngestError, match="torn or damaged"):
        ingest(path)
    assert not Landing(lake).in_force()
    assert not list(lake.root.rglob("*.parquet"))


def test_a_wrong_encoding_is_refused_with_its_place(ingest, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(f"{CANONICAL}\n".encode() + b"\xff\xfe\xe9,2025-03-01 00:00:00,1\n")
    with pytest.raises(IngestError, match=r"not UTF-8 \(byte 0xff.*line 2.*--encoding"):
        ingest(path)


def test_binary_is_refused(ingest, tmp_path):
    (tmp_path / "t.csv").write_bytes(b"ab\0cd" * 10)
    with pytest.raises(IngestError, match="zero bytes"):
        ingest(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("magic", "advice"),
    [(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"\.xls.*save it as \.xlsx"), (b"<?xml version='1.0'?>", "XML"), (b"%PDF-1.7", "PDF")],
)
def test_other_types_are_refused_by_name(ingest, tmp_path, magic, advice):
    (tmp_path / "t.xls").write_bytes(magic + b" " * 100)
    with pytest.raises(IngestError, match=advice):
        ingest(tmp_path / "t.xls")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_encodings_with_and_without_a_byte_order_mark(ingest, table, encoding, name):
    result = ingest(table(*hours(meter="공장"), name=name, encoding=encoding))
    assert result.statement.accepted == 24
    assert result.statement.meters == ["공장"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_and_windows_line_ends(ingest, tmp_path, delimiter):
    text = "\r\n".join([CANONICAL, *hours()]).replace(",", delimiter)
    assert ingest(put(tmp_path / "t.csv", text)).statement.accepted == 24


def test_rows_with_too_few_or_too_many_fields_are_quarantined_with_their_text(ingest, table, quarantine):
    result = ingest(table(*hours(), "m,2025-03-02 00:00:00", "m,2025-03-02 01:00:00,1,2"))
    assert result.statement.quarantined == 2
    assert quarantine()["row"].to_list() == [26, 27]
    assert quarantine()["text"].to_list() == ["m,2025-03-02 00:00:00", "m,2025-03-02 01:00:00,1,2"]
    assert quarantine()["reason"].to_list() == [f"{Reason.FIELDS}; {n} instead of 3" for n in (2, 4)]


def test_blank_lines_are_counted_as_lines_but_are_no_readings(ingest, table, quarantine):
    result = ingest(table(*hours(), "", "m,2025-03-02 00:00:00,x"))
    assert result.statement.readings_in == 25
    assert quarantine()["row"].to_list() == [27]


def test_a_missing_column_is_named_with_what_was_found(ingest, table):
    with pytest.raises(IngestError, match=r"'Usage' is missing; found 3 columns: meter_id, timestamp, kwh; .*--columns"):
        ingest(table(*hours()), columns="meter=meter_id,timestamp=timestamp,kwh=Usage")


def test_a_missing_interval_column_of_the_wide_format_is_named(ingest, tmp_path):
    text = wide_text(day_line("A", "금속", "20250301")).replace("elcp_use_1200,", "").replace("20250301,1.5", "20250301")
    with pytest.raises(IngestError, match="'elcp_use_1200' is missing"):
        ingest(put(tmp_path / "k.csv", text))


def test_an_unknown_header_lists_the_known_sources(ingest, tmp_path):
    with pytest.raises(IngestError, match=r"no known source.*2 columns: when, much.*--columns(.|\n)*kepco(.|\n)*lead(.|\n)*steel"):
        ingest(put(tmp_path / "t.csv", "when,much\n1,2\n"))


@pytest.mark.parametrize(
    ("text", "kwh", "reason"),
    [
        ("12.5", 12.5, None),
        (" 12.5 ", 12.5, None),
        ("1e2", 100.0, None),
        ('"1,234.5"', 1234.5, None),
        ('"1,234"', 1234.0, None),
        ('"-1,234,567.25"', -1234567.25, None),
        ("-3", -3.0, None),
        ("", None, None),
        ("-", None, Reason.NOT_A_NUMBER),
        ("n/a", None, Reason.NOT_A_NUMBER),
        ('"1,5"', None, Reason.NOT_A_NUMBER),
        ("0x10", None, Reason.NOT_A_NUMBER),
        ("nan", None, Reason.NOT_FINITE),
        ("-inf", None, Reason.NOT_FINITE),
        ("1e999", None, Reason.NOT_FINITE),
    ],
)
def test_numbers(ingest, table, raw, quarantine, text, kwh, reason):
    result = ingest(table(*hours(23), f"m,2025-03-01 23:00:00,{text}"))
    if reason:
        assert quarantine().select("row", "column", "reason").rows() == [(25, "kwh", reason.value)]
        assert quarantine()["month"].to_list() == ["2025-03"]
        return
    last = raw(result).tail(1)
    assert last.select("kwh", "quality").rows() == [(kwh, "missing" if kwh is None else "measured")]


def test_a_lone_comma_is_ambiguous_where_the_delimiter_is_another(ingest, tmp_path, quarantine):
    rows = [row.replace(",", ";") for row in [CANONICAL, *hours(23)]]
    ingest(put(tmp_path / "t.csv", "\n".join([*rows, "m;2025-03-01 23:00:00;1,234"])))
    assert quarantine()["reason"].to_list() == [Reason.AMBIGUOUS_NUMBER]


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [
        ("1999-12-31 23:00:00", Reason.BEFORE_FIRST),
        ("2026-01-11 13:00:00", Reason.FUTURE),
        ("9999-01-01 00:00:00", Reason.FUTURE),
        ("2025-02-30 00:00:00", Reason.BAD_STAMP),
        ("yesterday", Reason.BAD_STAMP),
        ("", Reason.BAD_STAMP),
    ],
)
def test_dates_that_cannot_be(ingest, table, quarantine, stamp, reason):
    result = ingest(table(*hours(), f"m,{stamp},1"))
    assert result.quarantined_by_reason == {reason: 1}
    assert quarantine()["text"].to_list() == [f"m,{stamp},1"]


def test_a_reading_within_the_tolerance_is_kept(ingest, table):
    stamp = (RECEIVED + timedelta(hours=9 + 23)).strftime("%Y-%m-%d %H:%M:%S")
    assert ingest(table(*hours(), f"m,{stamp},1")).statement.quarantined == 0


def test_a_reading_without_a_meter_is_quarantined(ingest, table):
    assert ingest(table(*hours(), ",2025-03-02 00:00:00,1")).quarantined_by_reason == {Reason.NO_METER: 1}


def test_equal_repeats_are_unchanged_and_contradictions_quarantined(ingest, table, raw, quarantine):
    result = ingest(table(*hours(), "m,2025-03-01 03:00:00,8.0", "m,2025-03-01 04:00:00,99"))
    assert (result.statement.accepted, result.statement.added, result.statement.unchanged) == (25, 24, 1)
    assert quarantine().select("row", "meter_id", "reason").rows() == [(27, "m", f"{Reason.CONFLICT}; line 6 was kept")]
    assert raw(result)["kwh"].to_list() == [5.0 + hour for hour in range(24)]


def test_a_duplicate_day_of_the_wide_format_contradicts_cell_by_cell(ingest, wide, quarantine):
    second = [1.5] * 95 + [2.5]
    result = ingest(wide(day_line("A", "금속", "20250301"), day_line("A", "금속", "20250301", second)))
    assert (result.statement.readings_in, result.statement.added, result.statement.unchanged) == (192, 96, 95)
    assert quarantine().select("row", "column", "text").rows() == [(3, "elcp_use_2400", "2.5")]


def test_a_torn_line_of_the_wide_format_counts_as_96_readings(ingest, wide, quarantine):
    result = ingest(wide(day_line("A", "금속", "20250301"), "A,금속,산업용,20250302,1,2,3"))
    assert (result.statement.readings_in, result.statement.quarantined) == (192, 96)
    assert quarantine()["column"].to_list() == CELLS
    assert set(quarantine()["text"]) == {"A,금속,산업용,20250302,1,2,3"}


def test_nothing_usable_is_refused_with_the_reasons_and_leaves_nothing(ingest, table, lake):
    with pytest.raises(IngestError, match="no row of it is a usable reading") as caught:
        ingest(table("m,2025-03-01 00:00:00,-", "m,never,1", "m,2025-03-01 01:00:00,-"))
    assert caught.value.file == "t.csv"
    assert caught.value.reasons == {Reason.NOT_A_NUMBER: 2, Reason.BAD_STAMP: 1}
    assert not [path for path in lake.root.rglob("*") if path.is_file() and path.parent.name != "locks"]


def test_an_absent_file_is_named(ingest, tmp_path):
    with pytest.raises(IngestError, match="there is no such file"):
        ingest(tmp_path / "nowhere.csv")


def test_unknown_options_say_what_is_known(ingest, table):
    with pytest.raises(ValueError, match=r"unknown unit 'kVA'; known are kWh, Wh, kW"):
        ingest(table(*hours()), unit="kVA")
    with pytest.raises(ValueError, match="unknown industry 'mining'"):
        ingest(table(*hours()), industry="mining")
    with pytest.raises(ValueError, match="no time zone"):
        ingest(table(*hours()), zone="Asia/Soul")
    with pytest.raises(IngestError, match="no source 'kpeco'"):
        ingest(table(*hours()), source="kpeco")
    with pytest.raises(ValueError, match=r"kwh: Field required.*known names are"):
        ingest(table(*hours()), columns="meter=meter_id,timestamp=timestamp")


def test_small_blocks_give_the_same(ingest, table, settings, lake, tmp_path, monkeypatch):
    """Line numbers, repeats and contradictions do not depend on where a block ends."""
    from ecoai_pipeline.sources import reader

    rows = [row for day in range(1, 29) for row in hours(day=f"2025-02-{day:02d}")]
    path = table(*rows, "m,2025-02-01 03:00:00,8.0", "m,2025-02-01 04:00:00,99", "m,x")
    real = reader.Reader.read
    monkeypatch.setattr(reader.Reader, "read", lambda self, _size, progress=None: real(self, 100, progress))
    small = ingest(path, dry_run=True)
    monkeypatch.undo()
    assert small.summary() == ingest(path).summary()


def test_a_dry_run_keeps_nothing(ingest, table, lake):
    result = ingest(table(*hours(), "m,x,1"), dry_run=True)
    assert (result.statement.added, result.statement.quarantined) == (24, 1)
    assert not Path(lake.root).exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"zone": "Mars/X"}, "--zone: 'Mars/X' is no time zone; write it like Asia/Seoul"),
        ({"unit": "kVA"}, "--unit: unknown unit 'kVA'; known are kWh, Wh, kW, MWh, GWh, W, MW, J, kJ, MJ, GJ"),
    ],
)
def test_an_option_that_cannot_be_understood_is_named_in_one_sentence(ingest, table, option, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        ingest(table(*hours()), **option)
    assert str(raised.value) == message


def test_a_used_column_that_stands_twice_is_refused_and_an_unused_one_is_not(ingest, table):
    with pytest.raises(IngestError, match=r"t\.csv: column 'kwh' stands more than once"):
        ingest(table(*(f"{row},9" for row in hours()), header="meter_id,timestamp,kwh,kwh"))
    result = ingest(table(*(f"{row},9,9" for row in hours()), header="meter_id,timestamp,kwh,note,note"))
    assert result.statement.unmapped == ["note", "note"]


def test_the_only_row_may_lack_its_line_end(ingest, tmp_path):
    path = put(tmp_path / "t.csv", "meter_id,timestamp,kwh\nm,2025-03-01 00:00:00,1")
    assert ingest(path, columns="meter=meter_id,timestamp=timestamp,kwh=kwh,interval_s=3600").statement.accepted == 1


def test_torn_files_of_a_statement_are_read_again_or_named(ingest, raw, table, lake, tmp_path):
    path = table(*hours(), "m,2025-03-02,broken")
    result = ingest(path)
    landing, statement = Landing(lake), result.statement.statement_id
    piece, refused = landing.piece_path(statement, Month(2025, 3)), landing.table_path(QUARANTINE, statement)
    before = raw(result)
    for torn in (piece, refused):
        torn.write_bytes(torn.read_bytes()[:100])
    with pytest.raises(DamagedTableError, match=f"{refused} is damaged: it holds quarantine of statement {statement}"):
        landing.quarantine()
    refused.unlink()
    shutil.rmtree(piece.parent)
    assert ingest(path).already
    assert landing.quarantine().height == 1
    assert raw(result).equals(before)
