"""Statements: the same file twice is nothing new, a restatement wins, and raw readings follow from statements alone."""

from __future__ import annotations

import shutil
from dataclasses import replace

import polars as pl
import pytest

from ecoai_pipeline.domain import RAW_READINGS, Industry, Month, Partition
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.restore import ensure_pieces
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import RECEIVED, hours, put

OTHER, METAL = (Partition(industry, Month(2025, 3)) for industry in (Industry.OTHER, Industry.METAL))


def everything(lake):
    """Every file of the lake but locks, with its bytes."""
    return {path: path.read_bytes() for path in lake.root.rglob("*") if path.is_file() and "locks" not in path.parts}


def test_the_same_file_again_writes_nothing_and_says_so(ingest, table, lake, raw, settings):
    path = table(*hours(), "m,x,1")
    first = ingest(path)
    raw(first)
    before = everything(lake)
    again = ingest(path)
    assert again.already
    assert (again.statement.accepted, again.statement.added, again.statement.unchanged) == (24, 0, 24)
    assert again.partitions == first.partitions == [OTHER]
    assert again.quarantined_by_reason == first.quarantined_by_reason
    assert materialize_raw(lake, settings, OTHER).skipped
    assert everything(lake) == before


def test_the_same_bytes_understood_otherwise_are_another_statement(ingest, table):
    path = table(*hours())
    first, second = ingest(path), ingest(path, unit="Wh")
    assert first.statement.statement_id != second.statement.statement_id
    assert (second.statement.added, second.statement.changed) == (0, 24)


def test_a_restatement_wins_per_reading_and_repeats_keep_their_origin(ingest, table, raw):
    first = ingest(table(*hours()))
    rows = hours()
    rows[5] = "m,2025-03-01 05:00:00,99"
    second = ingest(table(*rows[3:], "m,2025-03-02 00:00:00,1", name="new.csv"))
    assert (second.statement.added, second.statement.changed, second.statement.unchanged) == (1, 1, 20)
    readings = raw(second)
    assert readings["kwh"][5] == 99.0
    newer = readings.filter(pl.col("statement_id") == second.statement.statement_id)["timestamp"].dt.hour().to_list()
    assert (len(newer), set(readings["statement_id"])) == (2, {first.statement.statement_id, second.statement.statement_id})


def test_a_value_that_comes_back_is_the_newest_statements(ingest, table, raw):
    ingest(table("m,2025-03-01 00:00:00,1", *hours()[1:], name="a.csv"))
    ingest(table("m,2025-03-01 00:00:00,2", *hours()[1:], name="b.csv"))
    third = ingest(table("m,2025-03-01 00:00:00,1", *hours()[1:3], name="c.csv"))
    assert third.statement.changed == 1
    assert raw(third).row(0, named=True)["statement_id"] == third.statement.statement_id


def test_a_repeat_does_not_change_the_content_of_raw_readings(ingest, table, lake, settings):
    ingest(table(*hours()))
    first = materialize_raw(lake, settings, OTHER)
    ingest(table(*hours()[2:5], name="again.csv"))
    second = materialize_raw(lake, settings, OTHER)
    assert (second.skipped, second.changed) == (False, False)
    assert first.info.content == second.info.content


def test_raw_readings_do_not_depend_on_the_size_of_chunks(ingest, table, lake, settings):
    for n in range(2):
        ingest(table(*(row for meter in "abcde" for row in hours(20 + n, meter, value=n)), name=f"{n}.csv"))
    whole = materialize_raw(lake, settings, OTHER).info
    shutil.rmtree(lake.root / "raw_readings")
    lake.params = lake.params.model_copy(update={"row_group_rows": 1})
    assert materialize_raw(lake, settings, OTHER).info.rows == whole.rows == 105
    lake.params = lake.params.model_copy(update={"row_group_rows": 10**6})
    shutil.rmtree(lake.root / "raw_readings")
    assert materialize_raw(lake, settings, OTHER).info == whole


def test_lost_pieces_are_read_again_from_landing(ingest, table, lake, raw):
    result = ingest(table(*hours(), "m,2025-04-01 00:00:00,1", name="@t.csv"))
    ingest(table(*hours(value=7)[:3], name="b.csv"))
    shutil.rmtree(lake.root / "landing" / "parsed")
    assert raw(result)["kwh"].to_list() == [7.0, 8.0, 9.0, *(5.0 + h for h in range(3, 24)), 1.0]


def test_what_was_accepted_stays_so_after_a_meter_has_moved(ingest, table, lake, settings):
    ingest(table(*hours()), industry="metal")
    registry = MeterRegistry(lake)
    moved = replace(registry.at("m", OTHER.month), industry=Industry.FOOD)
    registry.register([moved], origin="r.csv", at=RECEIVED)
    shutil.rmtree(lake.root / "landing" / "parsed")
    assert materialize_raw(lake, settings, Partition(Industry.FOOD, OTHER.month)).info.rows == 24


def test_what_was_refused_stays_so_when_it_is_read_again(ingest, table, lake, settings):
    ingest(table(*hours()), industry="metal")
    ingest(table(*hours(value=50), *hours(meter="n"), name="b.csv"), industry="food")
    shutil.rmtree(lake.root / "landing" / "parsed")
    materialize_raw(lake, settings, METAL)
    assert lake.read(RAW_READINGS, METAL)["kwh"].max() == 28.0


def test_a_landed_file_that_gives_less_than_it_did_is_an_error_until_it_comes_again(ingest, table, lake, settings):
    path = table(*hours())
    short = ingest(path).statement.model_copy(update={"accepted": 30})
    Landing(lake).enter(short)
    shutil.rmtree(lake.root / "landing" / "parsed")
    with pytest.raises(IngestError, match=r"t\.csv: reading its landed copy again gives 24 readings, but 30 were .* ingest the file again"):
        materialize_raw(lake, settings, OTHER)
    assert ingest(path).statement.accepted == 24
    assert materialize_raw(lake, settings, OTHER).info.rows == 24


def test_other_code_reads_the_landed_file_again_and_the_same_code_does_not(ingest, table, lake, settings, monkeypatch):
    statement = ingest(table(*hours(), "m,2025-03-02 00:00:00,?")).statement
    piece = Landing(lake).piece_path(statement.statement_id, OTHER.month)
    before = piece.stat().st_ino
    ensure_pieces(lake, settings, [statement], OTHER.month)
    assert piece.stat().st_ino == before
    monkeypatch.setattr("ecoai_pipeline.sources.intake.code_digest", lambda *_rooms: "corrected")
    ensure_pieces(lake, settings, [statement], OTHER.month)
    assert piece.stat().st_ino != before
    before = piece.stat().st_ino
    ensure_pieces(lake, settings, [statement], OTHER.month)
    assert piece.stat().st_ino == before


def test_a_file_that_comes_again_after_another_overrode_it_is_the_newest(ingest, table, raw, lake):
    first, second = table(*hours(), name="a.csv"), table(*hours(value=7)[:3], name="b.csv")
    ingest(first)
    ingest(second)
    again = ingest(first)
    assert not again.already
    assert (again.statement.added, again.statement.changed, again.statement.unchanged) == (0, 3, 21)
    assert raw(again)["kwh"].to_list() == [5.0 + h for h in range(24)]
    assert ingest(first).already
    assert Landing(lake).book.last == 3


def test_a_file_that_comes_again_after_one_that_left_it_alone_is_nothing_new(ingest, table):
    first = table(*hours(), name="a.csv")
    ingest(first)
    ingest(table(*hours(day="2025-03-02"), name="b.csv"))
    assert ingest(first).already


def test_a_lost_landed_file_is_named(ingest, table, lake, settings):
    ingest(table(*hours()))
    shutil.rmtree(lake.root / "landing")
    with pytest.raises(IngestError, match=r"t\.csv: its landed copy .* is gone"):
        materialize_raw(lake, settings, OTHER)


def test_a_file_that_names_its_meter_counts_by_its_name(ingest, tmp_path):
    text = "\n".join(["date,energy", *(row.removeprefix("m,") for row in hours())])
    mapping = "meter=@filename,timestamp=date,kwh=energy"
    results = [ingest(put(tmp_path / f"{name}.csv", text), columns=mapping) for name in ("a", "b", "a")]
    assert [result.already for result in results] == [False, False, True]


def test_the_landed_file_is_the_file_that_came(ingest, table, lake):
    path = table(*hours())
    assert (Landing(lake).folder / ingest(path).statement.sha256).read_bytes() == path.read_bytes()


def test_an_intake_that_breaks_off_leaves_no_pieces(ingest, table, lake, monkeypatch):
    """Months are kept in order; here the disk is full at the second one."""
    real = Landing.write_piece

    def full(self, statement_id, month, readings, fingerprint):
        if month == Month(2025, 4):
            raise OSError("no space left on device")
        real(self, statement_id, month, readings, fingerprint)

    path = table(*hours(), *hours(day="2025-04-01"))
    monkeypatch.setattr(Landing, "write_piece", full)
    with pytest.raises(OSError, match="no space left"):
        ingest(path)
    assert not list(lake.root.rglob("*.parquet"))
    monkeypatch.undo()
    assert ingest(path).statement.added == 48
