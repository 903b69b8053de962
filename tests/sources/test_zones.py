"""Two time zones: stamps are read in the one the sender names, days and months are those of the meter's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from ecoai_pipeline.domain import RAW_READINGS, Industry, Month, Partition, time_zone
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.ingest import IngestError, IngestOptions
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.registry_file import read_registry
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import RECEIVED, hours, put

METAL = [Partition(Industry.METAL, month) for month in (Month(2025, 2), Month(2025, 3), Month(2025, 4))]


@pytest.fixture
def starts(lake, settings):
    """Per month the local starts and energies of the raw readings."""

    def read():
        for partition in METAL:
            materialize_raw(lake, settings, partition)
        local = pl.col("timestamp").dt.convert_time_zone("Asia/Seoul").dt.strftime("%m-%d %H:%M")
        return {str(p.month): lake.read(RAW_READINGS, p).sort("timestamp").select(local, "kwh").rows() for p in METAL}

    return read


@pytest.mark.parametrize(("zone", "day", "offset"), [("UTC", "2025-03-31", 9), ("Pacific/Auckland", "2025-04-01", -4)])
@pytest.mark.parametrize("stamp", ["start", "end"])
def test_a_month_is_that_of_the_meters_zone_whatever_zone_the_stamps_are_in(ingest, table, starts, zone, day, offset, stamp):
    mapping = f"meter=meter_id,timestamp=timestamp,kwh=kwh,stamp={stamp},interval_s=3600"
    ingest(table(*hours(day="2025-03-31"), *hours(day="2025-04-01")), industry="metal")
    result = ingest(table(*hours(day=day, value=100), name="abroad.csv"), industry="metal", zone=zone, columns=mapping)
    assert result.statement.accepted == 24
    months = starts()
    assert months["2025-02"] == []
    for month in ("2025-03", "2025-04"):
        times = [time for time, _ in months[month]]
        assert {time[:2] for time in times} == {month[5:]}
        assert len(times) == len(set(times))
    restated = [time for month in months.values() for time, kwh in month if kwh >= 100]
    first = (0 if day == "2025-03-31" else 24) + offset - (stamp == "end")
    assert restated == [f"{'03-31' if hour < 24 else '04-01'} {hour % 24:02d}:00" for hour in range(first, first + 24)]


def test_a_meter_that_is_not_registered_gets_the_zone_of_its_stamps(ingest, table):
    result = ingest(table(*hours(day="2025-03-31")), industry="metal", zone="UTC")
    assert result.statement.months == ["2025-03"]


def test_a_corrected_zone_cuts_the_months_anew(ingest, table, lake, settings, starts):
    """Instants of the last hours of March in UTC: in Seoul they are April's, in Reykjavik March's."""
    ingest(table(*(f"m,2025-03-31T{hour}:00:00Z,{hour}" for hour in range(15, 24))), industry="metal")
    assert [len(rows) for rows in starts().values()] == [0, 0, 9]
    registry = MeterRegistry(lake)
    corrected = replace(registry.at("m", Month(2025, 4)), time_zone="Atlantic/Reykjavik")
    registry.register([corrected], origin="r.csv", at=RECEIVED)
    assert [len(rows) for rows in starts().values()] == [0, 9, 0]
    assert materialize_raw(lake, settings, METAL[1]).skipped


def test_a_corrected_zone_reads_local_stamps_in_it(ingest, table, lake, settings):
    ingest(table(*hours()), industry="metal")
    materialize_raw(lake, settings, METAL[1])
    registry = MeterRegistry(lake)
    registry.register([replace(registry.at("m", Month(2025, 3)), time_zone="UTC")], origin="r.csv", at=RECEIVED)
    assert materialize_raw(lake, settings, METAL[1]).info.rows == 24
    assert lake.read(RAW_READINGS, METAL[1])["timestamp"].min() == datetime(2025, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "form"),
    [
        ("2025-03-31 24:00", "2025-03-31 {:02d}:00"),
        ("2025-03-31T24:00:00", "2025-03-31T{:02d}:00:00"),
        ("202503312400", "20250331{:02d}00"),
        ("2025-03-31T24:00:00+09:00", "2025-03-31T{:02d}:00:00+09:00"),
        ("2025/03/31 24:00:00", "2025/03/31 {:02d}:00:00"),
    ],
    ids=["minutes", "iso", "compact", "offset", "slashes"],
)
def test_24_00_is_the_next_days_midnight(ingest, table, starts, last, form):
    rows = [f"m,{form.format(hour)},{hour}" for hour in range(1, 24)]
    columns = "meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end"
    assert ingest(table(*rows, f"m,{last},24"), industry="metal", columns=columns).statement.quarantined == 0
    assert starts()["2025-03"] == [(f"03-31 {hour - 1:02d}:00", float(hour)) for hour in range(1, 25)]


def test_24_00_closes_the_day_once_where_midnight_does_so_too(ingest, table, starts):
    columns = "meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end,midnight_closes_day=true"
    ingest(table(*hours()[1:], "m,2025-03-01 24:00:00,7", *hours(day="2025-03-02")), industry="metal", columns=columns)
    days = [(time, kwh) for time, kwh in starts()["2025-03"] if time.endswith("23:00")]
    assert days == [("03-01 23:00", 7.0), ("03-02 23:00", 5.0)]


@pytest.mark.parametrize("zone", ["Mars/X", "Asia", "", "localtime", "posix/Asia/Seoul", "x" * 300, "../etc"])
def test_a_zone_that_is_none_is_refused_by_name_wherever_it_is_given(zone, tmp_path):
    with pytest.raises(ValueError, match="is no time zone; write it like Asia/Seoul"):
        time_zone(zone)
    if not zone:
        return
    with pytest.raises(ValueError, match=r"--columns: .*is no time zone"):
        IngestOptions.of(columns=f"timestamp=t,kwh=v,zone={zone}")
    with pytest.raises(ValueError, match="is no time zone"):
        load_settings().model_validate({"time_zone": zone})
    registry = put(tmp_path / "r.csv", f"meter_id,industry,time_zone\nm,metal,{zone}\n")
    with pytest.raises(IngestError, match=r"r.csv: row 2, column 'time_zone': .*is no time zone"):
        read_registry(registry)
