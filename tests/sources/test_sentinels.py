"""Values that mark missing readings, such as -999, and values that look alike but are energy."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError, Reason
from tests.sources.given import hours, put, put_sheets


@pytest.mark.parametrize("mark", ["-999", "-9999", "-99.0", "999", "9999.999", "99999", "65535"])
def test_a_mark_of_missing_readings_is_no_energy(ingest, raw, table, quarantine, mark):
    result = ingest(table(*hours(), f"m,2025-03-02 00:00:00,{mark}", f"m,2025-03-02 01:00:00,{mark}"))
    assert raw(result)["kwh"].to_list() == [5.0 + hour for hour in range(24)]
    assert quarantine()["reason"].str.starts_with(f"{Reason.SENTINEL}; say --missing {mark.removesuffix('.0')}, or").all()


@pytest.mark.parametrize("values", [("999",), ("-999",), ("999", "998"), ("99", "99")])
def test_values_that_do_not_repeat_or_are_not_far_away_stay(ingest, table, values):
    rows = [f"m,2025-03-02 {at:02d}:00:00,{value}" for at, value in enumerate(values)]
    assert ingest(table(*hours(), *rows)).statement.accepted == 24 + len(values)


def test_plausible_nines_and_energy_that_is_fed_in_stay(ingest, table):
    rows = [f"m,2025-03-02 {at:02d}:00:00,{value}" for at, value in enumerate(["999", "999", "-150", "-999", "-999"])]
    assert ingest(table(*hours(value=800.0), *rows)).statement.accepted == 29


def test_marks_are_found_by_meter(ingest, table):
    rows = [f"{meter},2025-03-02 {hour:02d}:00:00,9999" for meter in "ab" for hour in range(2)]
    result = ingest(table(*hours(meter="a"), *hours(meter="b", value=9000.0), *rows))
    assert (result.statement.accepted, result.statement.quarantined) == (50, 2)


@pytest.mark.parametrize("missing", ["-999", "-999|n/a"])
def test_the_sender_may_name_the_marks(ingest, raw, tmp_path, missing):
    path = put(tmp_path / "t.csv", "\n".join(["meter_id,timestamp,kwh", *hours(), "m,2025-03-02 00:00:00,-999.00"]))
    result = ingest(path, columns=f"meter=meter_id,timestamp=timestamp,kwh=kwh,missing={missing}")
    assert (result.statement.accepted, raw(result)["kwh"].to_list()[-1]) == (25, None)


def test_the_sender_may_say_that_there_are_no_marks(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", "\n".join(["meter_id,timestamp,kwh", *hours(), *(f"m,2025-03-02 0{at}:00:00,9999" for at in range(2))]))
    result = ingest(path, columns="meter=meter_id,timestamp=timestamp,kwh=kwh,missing=none")
    assert raw(result)["kwh"].to_list()[-2:] == [9999, 9999]


def test_a_decimal_comma_that_moves_into_a_column_of_notes_is_refused(ingest, raw, tmp_path):
    rows = [f"2025-03-01 {hour:02d}:00,{hour % 3},{hour % 7 + 1}" for hour in range(24)]
    path = put(tmp_path / "t.csv", "\n".join(["timestamp,kwh,note", *rows]))
    with pytest.raises(IngestError) as refused:
        ingest(path)
    assert list(refused.value.reasons) == [Reason.PARTED.value]
    assert raw(ingest(path, decimal="."))["kwh"].to_list() == [hour % 3 for hour in range(24)]


@pytest.mark.parametrize(("header", "note"), [("status", "3"), ("note", "read by hand")])
def test_other_columns_and_real_notes_beside_whole_numbers_do_no_harm(ingest, tmp_path, header, note):
    rows = [f"2025-03-01 {hour:02d}:00,{hour % 3},{note if hour % 5 == 0 else ''}" for hour in range(24)]
    assert ingest(put(tmp_path / "t.csv", "\n".join([f"timestamp,kwh,{header}", *rows]))).statement.accepted == 24


def test_notes_of_other_files_than_those_with_commas_are_no_parts_of_values(ingest, tmp_path):
    rows = [[f"2025-03-01 {hour:02d}:00", f"{hour % 3}", f"{hour % 7 + 1}"] for hour in range(24)]
    book = put_sheets(tmp_path / "t.xlsx", {"s": [["timestamp", "kwh", "note"], *rows]})
    text = put(tmp_path / "t.csv", "\n".join(["timestamp;kwh;note", *map(";".join, rows)]))
    assert [ingest(path).statement.accepted for path in (book, text)] == [24, 24]
