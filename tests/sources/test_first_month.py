"""The parameter `first_month`: what lies before it is refused with the line to set, and accepted once it is set."""

from __future__ import annotations

import pytest

from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.reasons import IngestError, Reason
from tests.sources.given import RECEIVED, hours


def of_1997(*more: str) -> list[str]:
    return [*(f"m,1997-05-{day:02d} {hour:02d}:00:00,{hour}" for day in (30, 31) for hour in range(24)), *more]


def test_readings_before_the_first_month_are_quarantined_with_the_line_to_set(ingest, table):
    result = ingest(table(*of_1997(), *hours()))
    assert result.quarantined_by_reason == {Reason.BEFORE_FIRST: 48}
    assert result.statement.warnings[-1] == (
        "48 readings lie before 2010-01, the first month of this lake; to accept them set `first_month: 1997-05` in params.yaml, "
        "or ECOAI_FIRST_MONTH=1997-05, and ingest the file again"
    )


def test_a_file_from_before_the_first_month_is_refused_with_the_line_to_set(ingest, table):
    with pytest.raises(IngestError, match=r"set `first_month: 1997-05` in params.yaml, or ECOAI_FIRST_MONTH=1997-05, and ingest"):
        ingest(table(*of_1997("m,0001-01-01 00:00:00,1")))


def test_a_file_gives_its_early_readings_when_it_comes_again_after_first_month_was_set(lake, table, monkeypatch):
    path = table(*of_1997(), *hours())
    before = ingest_file(lake, load_settings(), path, IngestOptions(), received_at=RECEIVED)
    assert (before.statement.accepted, before.statement.quarantined) == (24, 48)
    monkeypatch.setenv("ECOAI_FIRST_MONTH", "1997-05")
    after = ingest_file(lake, load_settings(), path, IngestOptions(), received_at=RECEIVED)
    assert (after.already, after.statement.accepted, after.statement.quarantined) == (False, 72, 0)
    assert (after.statement.months, [str(one) for one in after.partitions]) == (["1997-05", "2025-03"], ["other 1997-05", "other 2025-03"])
    rows = [materialize_raw(lake, load_settings(), partition).info.rows for partition in after.partitions]
    assert rows == [48, 24]
    assert ingest_file(lake, load_settings(), path, IngestOptions(), received_at=RECEIVED).already


def test_the_earliest_first_month_is_1900(monkeypatch):
    monkeypatch.setenv("ECOAI_FIRST_MONTH", "1899-12")
    with pytest.raises(ValueError, match=r"first_month: .*1899-12 is too early; the earliest is 1900-01"):
        load_settings()
