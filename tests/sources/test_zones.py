"""Two time zones: stamps are read in the one the sender names, days and months are those of the meter's own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import RAW_READINGS, Industry, Month, Partition, time_zone
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.erase import forget_statements
from ecoai_pipeline.sources.ingest import IngestError, IngestOptions
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.registry_file import read_registry
from ecoai_pipeline.storage.erasure import Name
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


def test_withdrawing_and_erasing_reach_readings_that_a_corrected_zone_moved(ingest, table, lake, settings, starts, withdraw):
    """All but the first hour of two meters lie in April by the zone of Seoul."""
    told = [f"{meter},2025-03-31T{hour}:00:00Z,{hour}" for meter in ("m", "n") for hour in range(14, 24)]
    statement = ingest(table(*told), industry="metal", zone="UTC").statement
    assert statement.months == ["2025-03"]
    known = [meter for name in ("m", "n") for meter in MeterRegistry(lake).rows(name)]
    MeterRegistry(lake).register([replace(meter, time_zone="Asia/Seoul") for meter in known], origin="correction", at=RECEIVED)
    moved = starts()["2025-04"]
    assert len(moved) == 2 * 9
    with lake.lock("landing"):
        done = forget_statements(lake, settings, Name("m"), RECEIVED)
    assert done.readings == 10
    shutil.rmtree(lake.root / "landing" / "parsed")
    after = starts()
    assert (len(after["2025-03"]), after["2025-04"]) == (1, sorted(set(moved))), "the other meter lost none"
    gone = withdraw(statement.statement_id)
    assert (gone.withdrawal.readings, gone.partitions) == (10, METAL[1:])
    assert starts() == {"2025-02": [], "2025-03": [], "2025-04": []}


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
    with pytest.raises(IngestError, match=r"r.csv: meter 'm', row 2, column 'time_zone': .*is no time zone"):
        read_registry(registry)


BERLIN = {"zone": "Europe/Berlin", "industry": "metal"}
TWICE = [f"02:{minute:02d}" for minute in (0, 15, 30, 45)]
"""On 27 October 2024 the clocks of Berlin go from 3:00 back to 2:00, which is 1:00 in UTC."""


@pytest.fixture
def autumn(ingest, table, raw):
    """Minutes of UTC after midnight, and kWh, of quarter hours that stand in a file under times of that night."""

    def read(*times, **options):
        result = ingest(table(*(f"{time},{n}" for n, time in enumerate(times)), header="timestamp,kwh"), **BERLIN, **options)
        midnight = datetime(2024, 10, 27, tzinfo=UTC)
        return [(int((t - midnight).total_seconds() // 60), kwh) for t, kwh in raw(result).select("timestamp", "kwh").rows()]

    return lambda *times: read(*(f"2024-10-27 {time}:00" for time in times), columns="timestamp=timestamp,kwh=kwh,interval_s=900")


def test_the_second_pass_begins_where_the_clock_falls_back_even_if_readings_of_the_first_are_lost(autumn):
    found = autumn("01:45", "02:00", "02:15", "02:45", *TWICE, "03:00")
    assert found == [(-15, 0), (0, 1), (15, 2), (45, 3), (60, 4), (75, 5), (90, 6), (105, 7), (120, 8)]


def test_a_file_that_is_newest_first_has_the_second_pass_first(autumn):
    found = autumn("03:00", *reversed(TWICE), "02:45", "02:15", "02:00", "01:45")
    assert found == [(-15, 8), (0, 7), (15, 6), (45, 5), (60, 4), (75, 3), (90, 2), (105, 1), (120, 0)]


def test_times_that_were_sorted_alternate(autumn):
    found = autumn("01:45", *(time for time in TWICE for _ in "12"), "03:00")
    assert found == [(-15, 0), (0, 1), (15, 3), (30, 5), (45, 7), (60, 2), (75, 4), (90, 6), (105, 8), (120, 9)]


def test_an_hour_that_is_given_once_is_the_first(autumn):
    assert autumn("01:45", *TWICE, "03:00") == [(-15, 0), (0, 1), (15, 2), (30, 3), (45, 4), (120, 5)]


def test_meters_in_turns_have_two_passes_each(ingest, table, raw):
    times = ["01:45", *TWICE, *TWICE, "03:00"]
    rows = [f"{meter},2024-10-27 {time}:00,{n}" for n, time in enumerate(times) for meter in "ab"]
    readings = raw(ingest(table(*rows), **BERLIN))
    assert readings["kwh"].to_list() == [float(n) for n in range(10)] * 2
    assert readings.group_by("meter_id").agg(pl.col("timestamp").n_unique()).sort("meter_id").rows() == [("a", 10), ("b", 10)]


def test_a_file_that_says_all_twice_repeats_both_passes(ingest, table):
    rows = [f"m,2024-10-27 {time}:00,{n}" for n, time in enumerate(["01:45", *TWICE, *TWICE, "03:00"])]
    statement = ingest(table(*rows, *rows), **BERLIN).statement
    assert (statement.quarantined, statement.added, statement.unchanged) == (0, 10, 10)


def test_skipped_times_are_no_times_but_a_day_may_begin_with_the_change(ingest, table, raw, quarantine):
    """Clocks of Sao Paulo went from 0:00 to 1:00 on 4 November 2018: the day has 23 hours, and hour 0 of an hourly file is none."""
    days = [f"d,2018-11-{day:02d},{day}" for day in range(1, 8)]
    readings = raw(ingest(table(*days, name="d.csv"), zone="America/Sao_Paulo"))
    assert readings["kwh"].to_list() == [float(day) for day in range(1, 8)]
    assert readings["interval_s"].to_list() == [86_400, 86_400, 86_400, 82_800, 86_400, 86_400, 86_400]
    result = ingest(table(*hours(meter="h", day="2018-11-04"), name="h.csv"), zone="America/Sao_Paulo")
    assert (result.statement.accepted, quarantine().select("row", "reason").rows()) == (
        23,
        [(2, "the local time does not exist (clocks went forward)")],
    )


def test_power_of_a_long_day_is_energy_of_its_25_hours(ingest, table, raw):
    days = [f"m,2024-10-{day},2" for day in range(24, 31)]
    assert raw(ingest(table(*days), unit="kW", **BERLIN))["kwh"].to_list() == [48.0, 48.0, 48.0, 50.0, 48.0, 48.0, 48.0]


def test_a_reading_or_two_take_the_length_that_the_mapping_names(ingest, table, raw):
    """Two readings three hours apart tell nothing of quarter hours."""
    columns = "meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end,interval_s=900"
    readings = raw(ingest(table("m,2025-03-01 03:00:00,1", "m,2025-03-01 06:00:00,2"), columns=columns))
    assert readings["interval_s"].to_list() == [900, 900]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("-06:00", "write Etc/GMT+6"),
        ("+0900", "write Etc/GMT-9"),
        ("UTC+9", "write Etc/GMT-9"),
        ("GMT-3", "write Etc/GMT+3"),
        ("+00:00", "write UTC"),
        ("+05:30", "write Asia/Kolkata"),
        ("CST", "America/Chicago (with summer time), Etc/GMT+6 (without)"),
        ("EST", "America/New_York (with summer time) or Etc/GMT+5 (without)"),
        ("KST", "write Asia/Seoul"),
    ],
)
def test_an_offset_or_an_abbreviation_is_refused_with_the_zone_to_write(text, advice):
    """The sign of an Etc zone is the opposite of the offset's."""
    with pytest.raises(ValueError, match=r"--zone: ") as refusal:
        IngestOptions.of(zone=text)
    assert advice in str(refusal.value)


CHICAGO = {"zone": "America/Chicago", "industry": "metal"}


@pytest.mark.parametrize("day", ["2025-03-09", "2025-11-02"])
def test_stamps_that_ignore_the_clock_change_are_hinted_at(ingest, table, day):
    before, after = (f"{day[:-2]}{int(day[-2:]) + step:02d}" for step in (-1, 1))
    rows = [row for one in (before, day, after) for row in hours(day=one)]
    warnings = " ".join(ingest(table(*rows), **CHICAGO).statement.warnings)
    assert "if the stamps ignore the clock change, give --zone Etc/GMT+6" in warnings
    result = ingest(table(*rows, name="fixed.csv"), industry="metal", zone="Etc/GMT+6")
    assert (result.statement.accepted, result.statement.warnings) == (72, [])


def test_an_empty_reading_at_a_skipped_hour_is_a_placeholder_and_no_hint(ingest, table, quarantine):
    rows = hours(day="2025-03-09")
    rows[2] = "m,2025-03-09 02:00:00,0"
    statement = ingest(table(*rows), **CHICAGO).statement
    assert (statement.accepted, statement.warnings) == (23, [])
    expected = "the local time does not exist (clocks went forward); it has no energy, as a placeholder"
    assert quarantine().select("row", "reason").rows() == [(4, expected)]


@pytest.mark.parametrize("energies", [[1.5, 3.0, 1.5], [1.5, 1.5, 1.5, 1.5]], ids=["summed", "given twice"])
def test_an_hour_that_comes_twice_and_is_summed_or_given_twice_is_no_hint(ingest, table, energies):
    times = ["00:00", "01:00", "02:00"] if len(energies) == 3 else ["00:00", "01:00", "01:00", "02:00"]
    rows = [f"m,2025-11-02 {time}:00,{kwh}" for time, kwh in zip(times, energies, strict=True)]
    rows += [f"m,2025-11-02 {hour:02d}:00:00,1.5" for hour in range(3, 24)]
    assert ingest(table(*rows), **CHICAGO).statement.warnings == []


@pytest.mark.parametrize(
    ("above", "name", "first"),
    [
        ("", "timestamp_utc", "2025-03-03 09:00"),
        ("", "Time (UTC)", "2025-03-03 09:00"),
        ("", "Time (UTC+9)", "2025-03-03 00:00"),
        ("", "Zeit (MEZ/MESZ)", "2025-03-03 08:00"),
        ("", "MTU (CET/CEST)", "2025-03-03 08:00"),
        ("Site,Plant\nTime zone,UTC\n", "Time", "2025-03-03 09:00"),
        ("Site,Plant\nTimezone,Europe/London\n", "Time", "2025-03-03 09:00"),
        ("Site,Plant\n", "Time", "2025-03-03 00:00"),
    ],
)
@pytest.mark.parametrize("mapped", [True, False])
def test_the_zone_that_a_file_names_for_its_stamps_is_taken(ingest, raw, tmp_path, above, name, first, mapped):
    text = f"{above}{name},kwh\n" + "".join(f"2025-03-03 {hour:02d}:00,{hour}\n" for hour in range(24))
    options = {"columns": f"timestamp={name},kwh=kwh"} if mapped else {}
    result = ingest(put(tmp_path / "m.csv", text), industry="metal", **options)
    shown = raw(result)["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%Y-%m-%d %H:%M")
    assert (shown[0], len(shown)) == (first, 24)
    assert result.statement.warnings == []
    later = ingest(put(tmp_path / "m.csv", text.replace("03-03", "03-04")), industry="metal", **options)
    assert raw(later)["timestamp"].diff().drop_nulls().unique().to_list() == [timedelta(hours=1)]


def test_a_stated_zone_wins_over_the_one_that_the_file_names(ingest, raw, tmp_path):
    text = "timestamp_utc,kwh\n" + "".join(f"2025-03-03 {hour:02d}:00,{hour}\n" for hour in range(24))
    result = ingest(put(tmp_path / "m.csv", text), industry="metal", zone="Europe/Berlin")
    assert raw(result)["timestamp"][0] == datetime(2025, 3, 2, 23, tzinfo=UTC)
    assert result.statement.warnings == [
        "the file names the time zone UTC for its stamps, but --zone Europe/Berlin is stated: Europe/Berlin was taken"
    ]


def test_an_offset_of_half_hours_in_the_name_of_a_column_counts(ingest, table, raw):
    rows = [f"m,2025-03-03 {hour:02d}:00,1" for hour in range(24)]
    readings = raw(ingest(table(*rows, header="meter,Time (UTC+5:30),kwh")))
    assert readings["timestamp"].min() == datetime(2025, 3, 2, 18, 30, tzinfo=UTC)


def test_an_abbreviation_of_several_zones_in_the_name_of_a_column_is_asked_for(ingest, table):
    rows = [f"m,2025-03-03 {hour:02d}:00,1" for hour in range(24)]
    path = table(*rows, header="meter,Time (EST),kwh")
    doubt = "column 'Time (EST)' names EST, which is no zone by itself and was not used: give --zone America/New_York"
    assert [text for text in ingest(path).statement.warnings if text.startswith(doubt)]
    assert not [text for text in ingest(path, zone="Etc/GMT+5").statement.warnings if "names EST" in text]
