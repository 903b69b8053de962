"""Order as received: counted by meter in the order of the file's lines, before anything is sorted."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.domain import ARRIVALS, Month
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources import reader
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.restore import ensure_pieces
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import CANONICAL, RECEIVED, day_line, hours, put


@pytest.fixture
def behind(lake):
    """Meter and time in Seoul of each reading that stood after a later one."""

    def read():
        local = pl.col("timestamp").dt.convert_time_zone("Asia/Seoul").dt.strftime("%m-%d %H:%M")
        return Landing(lake).read_table(ARRIVALS).select("meter_id", local).rows()

    return read


def test_a_file_in_order_has_no_breaks_and_no_table(ingest, table, lake, behind):
    result = ingest(table(*hours(), *hours(day="2025-03-02"), *hours(meter="n")))
    assert (result.statement.order_breaks, result.summary()["order_breaks"]) == (0, 0)
    assert behind() == []
    assert not Landing(lake).table_path(ARRIVALS, result.statement.statement_id).exists()


def test_of_two_swapped_rows_the_earlier_one_is_behind(ingest, table, behind):
    rows = hours()
    rows[5], rows[6] = rows[6], rows[5]
    assert ingest(table(*rows)).statement.order_breaks == 1
    assert behind() == [("m", "03-01 05:00")]


def test_in_a_file_in_reverse_all_but_the_first_row_are_behind_over_months_too(ingest, table, behind):
    """The first row is 2 April 00:00, so that the last hour of March stands below a reading of April."""
    rows = [*hours(day="2025-03-31"), *hours(day="2025-04-01"), *hours(1, day="2025-04-02")]
    assert ingest(table(*reversed(rows))).statement.order_breaks == 48
    assert ("m", "03-31 23:00") in behind()
    assert ("m", "04-02 00:00") not in behind()


def test_meters_in_turns_are_each_in_order(ingest, table):
    turns = [row for pair in zip(hours(), hours(meter="n", day="2025-02-01"), strict=True) for row in pair]
    assert ingest(table(*turns)).statement.order_breaks == 0


def test_days_of_the_wide_format_out_of_order_break_it_once_each(ingest, wide, behind):
    """Cells are in order within their row; the first cell of a day is below the last one of the day above it."""
    days = ["20250301", "20250303", "20250302", "20250401", "20250331"]
    result = ingest(wide(*(day_line(meter, "금속", day) for day in days for meter in "AB")))
    assert result.statement.order_breaks == 4
    assert behind() == [(meter, f"{day} 00:00") for meter in "AB" for day in ("03-02", "03-31")]


def test_a_month_that_comes_back_after_the_next_one_is_behind_though_it_goes_on(ingest, table, behind):
    rows = hours(day="2025-03-31")
    ingest(table(*rows[:12], *hours(day="2025-04-01"), *rows[12:]))
    assert behind() == [("m", "03-31 12:00")]


def test_the_hour_that_comes_twice_and_days_that_end_at_midnight_are_in_order(ingest, table):
    stamps = ["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00", "02:30"]
    fold = ingest(table(*(f"m,2024-11-03 {t}:00,{n}" for n, t in enumerate(stamps))), zone="America/New_York")
    ends = [f"m,2025-03-31 {h:02d}:00:00,1" for h in range(1, 24)] + ["m,2025-04-01 00:00:00,1", "m,2025-04-01 01:00:00,1"]
    stamped = ingest(table(*ends, name="e.csv"), columns="meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end")
    assert (fold.statement.order_breaks, stamped.statement.order_breaks) == (0, 0)


def test_a_repeat_far_below_is_behind_and_a_row_that_is_no_reading_is_not(ingest, table, behind):
    result = ingest(
        table(*hours(), "m,2025-03-01 03:00:00,8.0", "m,2025-03-01 02:00:00,99", "m,2099-01-01 00:00:00,1", "m,2025-03-02 00:00:00,1")
    )
    assert (result.statement.quarantined, result.statement.order_breaks) == (2, 1)
    assert behind() == [("m", "03-01 03:00")]


@given(order=st.permutations(range(12)), block=st.sampled_from([40, 150, 10_000]), ends=st.booleans())
@hypothesis_settings(max_examples=25, deadline=None)
def test_breaks_do_not_depend_on_blocks_and_months(order, block, ends):
    """Two days of March and two of April, a reading every eight hours, of two meters, in any order."""
    first = datetime(2025, 3, 30)
    stamps = [first + timedelta(hours=8 * n) for n in order]
    rows = [f"{meter},{stamp},{stamp.day}" for stamp in stamps for meter in "ab"]
    expected = {below for above, below in pairwise(order) if below < above}
    mapping = f"meter=meter_id,timestamp=timestamp,kwh=kwh,interval_s=28800,stamp={'end' if ends else 'start'}"
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        real = reader.Reader.read
        patch.setattr(reader.Reader, "read", lambda self, _size, progress=None: real(self, block, progress))
        lake, path = Lake(Path(folder) / "lake"), put(Path(folder) / "t.csv", "\n".join([CANONICAL, *rows]))
        ingest_file(lake, load_settings(), path, IngestOptions.of(columns=mapping), received_at=RECEIVED)
        found = Landing(lake).read_table(ARRIVALS)
    zero = first.replace(tzinfo=UTC) - timedelta(hours=9 + 8 * ends)
    behind = {meter: [(t - zero) / timedelta(hours=8) for t in rows["timestamp"]] for (meter,), rows in found.group_by("meter_id")}
    assert behind == (dict.fromkeys("ab", sorted(expected)) if expected else {})


def test_a_lost_table_is_an_error_and_the_file_again_brings_it_back(ingest, table, lake, settings):
    path = table(*reversed(hours()))
    statement, landing = ingest(path).statement, Landing(lake)
    whole = landing.order_breaks([statement])
    landing.table_path(ARRIVALS, statement.statement_id).unlink()
    with pytest.raises(
        ValueError, match=rf"{statement.statement_id} \(t\.csv\) has 23 readings out of order.* is gone; ingest the file again"
    ):
        landing.order_breaks([statement])
    assert ingest(path).already
    assert landing.order_breaks([statement]).equals(whole)
    landing.table_path(ARRIVALS, statement.statement_id).unlink()
    ensure_pieces(lake, settings, [statement], Month(2025, 3))
    assert landing.order_breaks([statement]).equals(whole)


def test_an_intake_that_breaks_off_keeps_no_breaks(ingest, table, lake, monkeypatch):
    monkeypatch.setattr("ecoai_pipeline.storage.landing.Landing.enter", lambda *_args, **_named: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ingest(table(*reversed(hours())))
    assert not list(lake.root.rglob("*.parquet"))
