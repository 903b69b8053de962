"""Delimited text as programs write it: line breaks inside of quotes, quotes that are never closed, all kinds of line ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.sources.text import LONGEST_RECORD, open_text

FIELD = st.text(st.sampled_from(["a", "7", " ", ",", '"', "\n", "검"]), max_size=6)


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


def read(path, block_bytes: int):
    """Line and fields of all records."""
    opened = open_text(path, path.name)
    return [row for block in opened.blocks(block_bytes) for row in block.rows.select("line", "fields").rows()]


@given(rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=8), block=st.sampled_from([3, 17, 1 << 20]))
@hypothesis_settings(max_examples=150, deadline=None)
def test_what_is_written_with_quotes_is_read_back_whatever_the_blocks(tmp_path_factory, rows, block):
    path = tmp_path_factory.mktemp("text") / "t.csv"
    path.write_text("a,b\n" + "".join(f"{quoted(a)},{quoted(b)}\n" for a, b in rows), encoding="utf-8")
    line, expected = 2, []
    for a, b in rows:
        expected.append((line, [a, b]))
        line += 1 + a.count("\n") + b.count("\n")
    assert read(path, block) == expected


@pytest.mark.parametrize("block", [16, 1 << 20])
def test_a_quote_that_is_never_closed_spoils_its_own_line_only(tmp_path, block):
    path = tmp_path / "t.csv"
    lines = ['m,"x,1', "m,y,2", 'm,"two\nlines",3', 'm,5" pipe,4', *(f"m,z,{n}" for n in range(LONGEST_RECORD)), 'm,"w,6', "m,v,7"]
    path.write_text("a,b,c\n" + "\n".join(lines) + "\n", encoding="utf-8")
    found = read(path, block)
    assert [fields for _, fields in found[:4]] == [["m", "x,1"], ["m", "y", "2"], ["m", "two\nlines", "3"], ["m", '5" pipe', "4"]]
    assert [line for line, _ in found[:5]] == [2, 3, 4, 6, 7]
    assert [fields for _, fields in found[-2:]] == [["m", "w,6"], ["m", "v", "7"]]
    assert len(found) == len(lines)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old-mac"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("block", [2, 1 << 20])
def test_line_ends_and_delimiters_are_found_out(tmp_path, end, delimiter, block):
    path = tmp_path / "t.csv"
    rows = [["meter_id", "kwh"], ["m", "1"], ["", "0"], ["n", "2"]]
    path.write_bytes(end.join(delimiter.join(row) for row in rows).encode())
    opened = open_text(path, "t.csv")
    assert (opened.header, opened.delimiter) == (("meter_id", "kwh"), delimiter)
    assert read(path, block) == [(2, ["m", "1"]), (3, ["", "0"]), (4, ["n", "2"])]


def test_a_header_may_span_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'meter_id,"usage\r\n(kWh)",timestamp\r\nm,1,2025-03-01\r\n')
    assert open_text(path, "t.csv").header == ("meter_id", "usage\n(kWh)".replace("\n", " "), "timestamp")
    assert read(path, 8) == [(3, ["m", "1", "2025-03-01"])]


def test_a_line_longer_than_a_field_may_be_is_a_row_that_cannot_be_read(ingest, table, quarantine):
    result = ingest(table("m,2025-03-01 00:00:00,1", 'm,"' + "x" * 200_000, "m,2025-03-01 01:00:00,2", "m,2025-03-01 02:00:00,2"))
    assert (result.statement.accepted, result.statement.quarantined) == (3, 1)
    assert quarantine()["row"].to_list() == [3]
