"""The lake: partitions that are replaced whole, left alone when equal, and readable without our code."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from ecoai_pipeline.domain import ANOMALIES, RAW_READINGS, Industry, Month, Partition
from ecoai_pipeline.settings import StorageParams
from ecoai_pipeline.storage.lake import EMPTY, Lake, of_meters
from ecoai_pipeline.storage.locks import LockedError, writer_lock
from ecoai_pipeline.storage.schema import SchemaError

MARCH = Partition(Industry.METAL, Month(2022, 3))


def readings(meter: str, n: int = 96, kwh: float = 1.0) -> pl.DataFrame:
    start = datetime(2022, 2, 28, 15, tzinfo=UTC)
    return pl.DataFrame(
        {
            "meter_id": [meter] * n,
            "timestamp": [start + timedelta(minutes=15 * i) for i in range(n)],
            "interval_s": [900] * n,
            "kwh": [kwh] * n,
            "quality": ["measured"] * n,
            "rule": pl.Series([None] * n, dtype=pl.String),
            "statement_id": ["s1"] * n,
            "restated": [False] * n,
        }
    )


def files(lake: Lake) -> dict[str, int]:
    return {str(p.relative_to(lake.root)): p.stat().st_mtime_ns for p in lake.root.rglob("*.parquet")}


def test_a_written_partition_is_read_back_with_its_facts(lake: Lake) -> None:
    written = lake.write(RAW_READINGS, MARCH, [readings("a"), readings("b")], fingerprint="f", facts={"late": 2})

    assert written.changed
    assert (written.info.rows, written.info.meters) == (192, 2)
    assert lake.info(RAW_READINGS, MARCH) == written.info
    assert lake.info(RAW_READINGS, MARCH).facts == {"late": 2}
    assert lake.read(RAW_READINGS, MARCH, ["b"])["meter_id"].unique().to_list() == ["b"]
    assert lake.months(RAW_READINGS, Industry.METAL) == [Month(2022, 3)]


def test_writing_the_same_again_leaves_the_file_untouched(lake: Lake) -> None:
    lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="f")
    before = files(lake)

    again = lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="f")

    assert not again.changed
    assert files(lake) == before


def test_other_inputs_with_the_same_rows_keep_the_content_digest(lake: Lake) -> None:
    first = lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="f")
    second = lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="g")

    assert not second.changed
    assert second.info.content == first.info.content
    assert lake.info(RAW_READINGS, MARCH).fingerprint == "g"


def test_a_partition_of_the_same_fingerprint_is_not_computed(lake: Lake) -> None:
    def make(_: dict[str, object]) -> Iterator[pl.DataFrame]:
        raise AssertionError("computed")
        yield

    lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="f")

    assert lake.refresh(RAW_READINGS, MARCH, "f", make).skipped
    with pytest.raises(AssertionError, match="computed"):
        lake.refresh(RAW_READINGS, MARCH, "g", make)


def test_a_failing_write_leaves_the_previous_version_whole(lake: Lake) -> None:
    def frames() -> Iterator[pl.DataFrame]:
        yield readings("a", kwh=9.0)
        raise KeyboardInterrupt

    lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="f")
    with pytest.raises(KeyboardInterrupt):
        lake.write(RAW_READINGS, MARCH, frames(), fingerprint="g")

    assert lake.read(RAW_READINGS, MARCH)["kwh"].unique().to_list() == [1.0]
    assert [p.name for p in lake.path(RAW_READINGS, MARCH).parent.iterdir()] == ["part.parquet"]


def test_a_partition_that_loses_its_rows_is_removed(lake: Lake) -> None:
    lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="f")
    written = lake.write(RAW_READINGS, MARCH, [], fingerprint="g")

    assert written.changed
    assert written.info.content == EMPTY
    assert lake.months(RAW_READINGS, Industry.METAL) == []


def test_row_groups_end_where_a_meter_ends(tmp_path: Path) -> None:
    lake = Lake(tmp_path, StorageParams(row_group_rows=150))
    lake.write(RAW_READINGS, MARCH, (readings(name) for name in "abcde"), fingerprint="f")

    assert [sorted(set(chunk["meter_id"])) for chunk in lake.chunks(RAW_READINGS, MARCH)] == [["a", "b"], ["c", "d"], ["e"]]


def test_a_meter_that_comes_back_after_it_ended_is_refused(lake: Lake) -> None:
    with pytest.raises(ValueError, match="whole meters, in order"):
        lake.write(RAW_READINGS, MARCH, [readings("b"), readings("a")], fingerprint="f")


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (readings("a").drop("kwh"), "columns missing"),
        (readings("a").with_columns(extra=1), "unknown"),
        (readings("a").with_columns(quality=pl.lit(None, pl.String)), "nulls"),
        (readings("a").with_columns(kwh=pl.lit("x")), "kwh"),
    ],
)
def test_a_frame_that_is_not_the_table_is_refused(lake: Lake, frame: pl.DataFrame, complaint: str) -> None:
    with pytest.raises(SchemaError, match=complaint):
        lake.write(RAW_READINGS, MARCH, [frame], fingerprint="f")


def test_duckdb_reads_a_table_without_our_code(lake: Lake) -> None:
    for month in (Month(2022, 3), Month(2022, 4)):
        lake.write(RAW_READINGS, Partition(Industry.METAL, month), [readings("계량기-1")], fingerprint="f")

    query = f"""
        select industry, month, meter_id, count(*), sum(kwh), min(timestamp) at time zone 'UTC'
        from read_parquet('{lake.root}/raw_readings/*/*/*.parquet', hive_partitioning = true, hive_types = {{'month': varchar}})
        group by all order by month
    """
    assert duckdb.sql(query).fetchall() == [
        ("metal", "2022-03", "계량기-1", 96, 96.0, datetime(2022, 2, 28, 15)),
        ("metal", "2022-04", "계량기-1", 96, 96.0, datetime(2022, 2, 28, 15)),
    ]


def test_a_second_writer_waits_and_is_told_for_whom(tmp_path: Path) -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with writer_lock(tmp_path, "metal", 10):
            inside.set()
            leave.wait(10)

    holder = threading.Thread(target=first)
    holder.start()
    inside.wait(10)
    try:
        with pytest.raises(LockedError, match=r"metal is still being written by process \d+ on "), writer_lock(tmp_path, "metal", 0.2):
            pass
        with writer_lock(tmp_path, "food", 0.2):
            pass
    finally:
        leave.set()
        holder.join()
    with writer_lock(tmp_path, "metal", 10):
        pass


def test_a_month_without_events_is_a_partition_and_one_without_scores_is_none(lake: Lake) -> None:
    lake.write(ANOMALIES, MARCH, [], fingerprint="made from scores")
    assert lake.months(ANOMALIES, Industry.METAL) == [Month(2022, 3)]
    assert lake.info(ANOMALIES, MARCH).fingerprint == "made from scores"
    assert lake.read(ANOMALIES, MARCH).height == 0

    lake.write(ANOMALIES, MARCH, [], fingerprint="")
    assert lake.months(ANOMALIES, Industry.METAL) == []


def test_a_partition_of_an_earlier_version_is_read_with_what_it_could_not_know(lake: Lake) -> None:
    lake.write(RAW_READINGS, MARCH, [readings("a")], fingerprint="f")
    path = lake.path(RAW_READINGS, MARCH)
    pq.write_table(pq.read_table(path).drop_columns(["restated"]), path)

    assert lake.read(RAW_READINGS, MARCH)["restated"].to_list() == [False] * 96
    assert [chunk["restated"].any() for chunk in lake.chunks(RAW_READINGS, MARCH)] == [False]


def test_the_rows_of_some_meters_are_those_of_a_filter_by_name(tmp_path):
    """Also of names that are not there, of none, and of row groups that hold some of them."""
    frame = pl.DataFrame({"meter_id": [f"m{n // 10:02d}" for n in range(300)], "kwh": range(300)})
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=70)
    for names in (["m03"], ["m00", "m29"], ["m04", "m17", "m18", "x"], ["a"], [], ["m05", "m02"]):
        found = of_meters(pl.scan_parquet(tmp_path / "t.parquet"), names).collect()
        assert found.equals(frame.filter(pl.col("meter_id").is_in(names)))
