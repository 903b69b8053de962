"""Withdrawing a statement: what it alone gave goes, what it changed falls back, and nothing is deleted."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.domain import RAW_READINGS, Industry, Month, Partition
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.history import readings_history
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.withdraw import UnknownStatementError
from ecoai_pipeline.sources.withdraw import withdraw as take_back
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import CANONICAL, RECEIVED, day_line, hours, put

MARCH, APRIL = Month(2025, 3), Month(2025, 4)
OTHER = Partition(Industry.OTHER, MARCH)


def readings(lake, settings, partition=OTHER):
    materialize_raw(lake, settings, partition)
    return lake.read(RAW_READINGS, partition)


def test_readings_fall_back_or_disappear_and_both_are_counted(ingest, table, lake, settings, withdraw):
    """The second file repeats three hours, changes one, and adds one."""
    ingest(table(*hours()))
    wrong = ingest(table(*hours()[3:6], "m,2025-03-01 06:00:00,99", "m,2025-03-02 00:00:00,1", name="wrong.csv")).statement
    assert readings(lake, settings).filter("restated")["kwh"].to_list() == [99.0]
    done = withdraw(wrong.statement_id)
    assert (done.withdrawal.readings, done.withdrawal.fell_back, done.partitions) == (1, 1, [OTHER])
    after = readings(lake, settings)
    assert after["kwh"].to_list() == [5.0 + hour for hour in range(24)]
    assert after.filter("restated").select(pl.col("timestamp").dt.hour()).to_series().to_list() == [21], "06:00 in Seoul fell back"
    assert (Landing(lake).folder / wrong.sha256).exists()


def test_the_same_file_again_brings_it_back_with_a_new_receipt(ingest, table, lake, settings, withdraw):
    path = table(*hours())
    ingest(path)
    wrong = table("m,2025-03-01 06:00:00,99", name="wrong.csv")
    withdraw(ingest(wrong, columns="meter=meter_id,timestamp=timestamp,kwh=kwh,interval_s=3600").statement.statement_id)
    again = ingest(wrong, columns="meter=meter_id,timestamp=timestamp,kwh=kwh,interval_s=3600")
    assert not again.already
    assert (again.statement.changed, Landing(lake).book.last) == (1, 4)
    assert readings(lake, settings)["kwh"][6] == 99.0
    assert [one.file for one in Landing(lake).in_force()] == ["t.csv", "wrong.csv"]


def test_the_last_statement_takes_its_meters_and_partition_along(ingest, table, lake, settings, withdraw):
    statement = ingest(table(*hours())).statement
    assert readings(lake, settings).height == 24
    assert withdraw(statement.statement_id[:6]).withdrawal.readings == 24
    assert readings(lake, settings).height == 0
    assert "m" not in MeterRegistry(lake)
    assert not lake.path(RAW_READINGS, OTHER).exists()


def test_the_row_that_made_a_meter_known_stays_while_others_read_it(ingest, table, lake, withdraw):
    first = ingest(table(*hours()), industry="metal").statement
    second = ingest(table(*hours(day="2025-03-02"), name="b.csv")).statement
    withdraw(first.statement_id)
    assert MeterRegistry(lake).at("m", MARCH).industry == Industry.METAL
    withdraw(second.statement_id)
    assert "m" not in MeterRegistry(lake)


def test_a_change_of_industry_goes_with_the_statement_that_told_it(ingest, wide, lake, withdraw):
    ingest(wide(day_line("A", "금속", "20250301")))
    change = ingest(wide(day_line("A", "금속", "20250302"), day_line("A", "식품", "20250316"), name="change.csv")).statement
    assert MeterRegistry(lake).at("A", APRIL).industry == Industry.FOOD
    withdraw(change.statement_id)
    assert MeterRegistry(lake).at("A", APRIL).industry == Industry.METAL


def test_labels_weather_and_quarantine_of_a_withdrawn_statement_are_not_read(ingest, table, lake, withdraw, quarantine):
    statement = ingest(table(*hours(), "m,soon,1")).statement
    assert quarantine().height == 1
    withdraw(statement.statement_id)
    assert quarantine().height == 0


@pytest.mark.parametrize(("name", "message"), [("zz", "there is no statement 'zz'"), ("", "there is no statement ''")])
def test_an_unknown_statement_is_refused(ingest, table, withdraw, name, message):
    ingest(table(*hours()))
    with pytest.raises(UnknownStatementError, match=message):
        withdraw(name)


def test_an_ambiguous_or_withdrawn_one_is_refused(ingest, table, lake, withdraw):
    statement = ingest(table(*hours())).statement
    for name in ("xa1", "xa2"):
        Landing(lake).enter(statement.model_copy(update={"statement_id": name}))
    with pytest.raises(UnknownStatementError, match="2 statements begin with 'xa': xa1, xa2; name one"):
        withdraw("xa")
    withdraw(statement.statement_id)
    with pytest.raises(UnknownStatementError, match=r"\(t\.csv\) was withdrawn already, on 2026-01-10 03:00 UTC"):
        withdraw(statement.statement_id)


def test_the_history_of_a_day_tells_every_word_and_its_state(ingest, table, lake, settings, withdraw):
    ingest(table(*hours(3), name="a.csv"))
    wrong = ingest(table("m,2025-03-01 00:00:00,7", *hours(3)[1:], name="b.csv"), received_at=RECEIVED + timedelta(hours=1)).statement
    ingest(table("m,2025-03-01 00:00:00,8", *hours(3)[1:], name="c.csv"), received_at=RECEIVED + timedelta(hours=2))

    def told():
        rows = readings_history(lake, settings, "m", date(2025, 3, 1))
        return [(local.hour, file, kwh, state) for local, file, kwh, state in rows.select("local", "file", "kwh", "state").iter_rows()]

    first = [(0, "a.csv", 5.0, "overruled"), (0, "b.csv", 7.0, "overruled"), (0, "c.csv", 8.0, "in force")]
    assert told()[:6] == [*first, (1, "a.csv", 6.0, "in force"), (1, "b.csv", 6.0, "repeated"), (1, "c.csv", 6.0, "repeated")]
    withdraw(wrong.statement_id)
    assert told()[1] == (0, "b.csv", 7.0, "withdrawn")
    assert readings_history(lake, settings, "m", date(2025, 3, 5)).height == 0
    with pytest.raises(ValueError, match=r"meter 'x' is unknown; `ecoai meters list`"):
        readings_history(lake, settings, "x", date(2025, 3, 1))


STATEMENTS = st.dictionaries(st.integers(0, 3), st.integers(1, 3), min_size=1)
STEPS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=7)


@given(said=st.lists(STATEMENTS, min_size=3, max_size=3, unique_by=lambda one: tuple(sorted(one.items()))), steps=STEPS)
@hypothesis_settings(max_examples=12, deadline=None)
def test_raw_readings_follow_from_the_order_of_receipts_and_withdrawals(said, steps):
    """Three files about four hours come or are withdrawn in any order; a dict that is written over says what must stand.

    A file that comes again is received anew if that changes anything. A reading is restated where what its files said differs.
    """
    mapping = "meter=meter_id,timestamp=timestamp,kwh=kwh,interval=length"
    with tempfile.TemporaryDirectory() as folder:
        lake, settings, order, ids = Lake(Path(folder) / "lake"), load_settings(), [], {}
        ever: set[int] = set()
        for number, comes in steps:
            rows = [f"m,2025-03-01 {hour:02d}:00:00,{kwh},3600" for hour, kwh in sorted(said[number].items())]
            if comes:
                path = put(Path(folder) / f"{number}.csv", "\n".join([f"{CANONICAL},length", *rows, ""]))
                result = ingest_file(lake, settings, path, IngestOptions.of(columns=mapping), received_at=RECEIVED)
                ids[number] = result.statement.statement_id
                if not result.already:
                    order = [one for one in order if one != number] + [number]
                ever.add(number)
            elif number in order:
                take_back(lake, settings, ids[number], reason="", at=RECEIVED)
                order.remove(number)
        expected = {hour: float(kwh) for number in order for hour, kwh in said[number].items()}
        found = readings(lake, settings)
        assert {(t.hour + 9) % 24: kwh for t, kwh in found.select("timestamp", "kwh").iter_rows()} == expected
        differing = {hour for hour in expected if len({said[number][hour] for number in ever if hour in said[number]}) > 1}
        assert {(t.hour + 9) % 24 for t in found.filter("restated")["timestamp"]} == differing
