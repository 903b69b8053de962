"""Refused readings are packed some at a time: what is counted and written does not depend on how many at a time."""

from __future__ import annotations

import polars as pl
import pytest

from ecoai_pipeline.sources import refusals
from ecoai_pipeline.sources.canonical import REFUSED
from ecoai_pipeline.sources.refusals import Refusals, by_reason, first_rows
from tests.sources.given import hours


def refused(*lines: int, reason: str, text: str = "x") -> pl.DataFrame:
    return pl.DataFrame({"line": list(lines)}, schema={"line": pl.Int64}).select(
        "line", cell=pl.lit(None, pl.Int32), text=pl.lit(text), meter=pl.lit("m"), month=pl.lit(202503, pl.Int32), reason=pl.lit(reason)
    )


@pytest.fixture(params=[1, 2, 100])
def at_once(request, monkeypatch) -> int:
    monkeypatch.setattr(refusals, "_AT_ONCE", request.param)
    return request.param


def test_refusals_come_by_line_and_those_of_a_line_as_they_were_refused(at_once):
    found = Refusals()
    found.add(refused(7, 2, reason="bad"))
    found.add(refused(9, reason="early"))
    found.add(refused(2, 3, reason="early"))
    assert found.height == 5
    rows = pl.concat(found.in_order())
    assert rows.schema == REFUSED
    assert rows.select("line", "reason").rows() == [(2, "bad"), (2, "early"), (3, "early"), (7, "bad"), (9, "early")]


def test_reasons_are_counted_without_their_details(at_once):
    found = Refusals()
    found.add(refused(7, 8, reason="bad; line 3 was kept"))
    found.add(refused(4, reason="bad; line 2 was kept"))
    found.add(refused(5, reason="early"))
    assert by_reason(found) == {"bad": 3, "early": 1}
    assert first_rows(found) == {"bad": 4, "early": 5}


def test_no_refusals_are_no_rows_and_no_reasons():
    assert (list(Refusals().in_order()), by_reason(Refusals()), first_rows(Refusals())) == ([], {}, {})


def test_refusals_of_two_passes_are_counted_together(at_once):
    one, other = Refusals(), Refusals()
    one.add(refused(1, reason="bad"))
    other.add(refused(2, 3, reason="bad"))
    one.take_over(other)
    assert (one.height, by_reason(one)) == (3, {"bad": 3})


def test_quarantine_is_the_same_however_many_rows_are_packed_at_a_time(ingest, table, quarantine, at_once):
    rows = [*(f"m,1997-05-30 {hour:02d}:00:00,{hour}" for hour in range(24)), "m,2025-03-02 00:00:00,x", *hours()]
    result = ingest(table(*rows))
    assert result.quarantined_by_reason == {"the date lies before first_month of params.yaml": 24, "the value is not a number": 1}
    written = quarantine()
    assert written["row"].to_list() == list(range(2, 27))
    assert written["text"][-1] == "m,2025-03-02 00:00:00,x"
    assert result.statement.warnings[-1].startswith("24 readings lie before 2010-01")
