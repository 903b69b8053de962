"""Tables that are read by the names of their columns alone, and names that are not clear."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.by_name import understand
from ecoai_pipeline.sources.reasons import IngestError
from tests.sources.given import put

LOAD = "Netzlast [MWh] Berechnete Auflösungen"
TIMES = [f"2025-03-03 {hour:02d}:00" for hour in range(24)]


@pytest.mark.parametrize(
    ("header", "meter", "timestamp", "kwh", "stamp"),
    [
        ("building,datetime,kwh", "building", "datetime", "kwh", "start"),
        ("meter_id,building,timestamp,kwh,energy", "meter_id", "timestamp", "kwh", "start"),
        ("Zähler-Nr.;Datum;Uhrzeit;Verbrauch (kWh)", "Zähler-Nr.", "Datum+Uhrzeit", "Verbrauch (kWh)", "start"),
        ("계기번호,검침일시,전력사용량(kWh)", "계기번호", "검침일시", "전력사용량(kWh)", "start"),
        ("날짜,시각,사용량", "@filename", "날짜+시각", "사용량", "start"),
        ("Horodatage;Consommation", "@filename", "Horodatage", "Consommation", "start"),
        ("Fecha;Hora;Consumo_kWh", "@filename", "Fecha+Hora", "Consumo_kWh", "start"),
        ("von;bis;Wert", "@filename", "von", "Wert", "start"),
        ("Meter;Reading Date;Interval (mins);kWh", "Meter", "Reading Date", "kWh", "start"),
        ("Time (s);kWh", "@filename", "Time (s)", "kWh", "start"),
        ("Meter;Interval;kWh", "Meter", "Interval", "kWh", "start"),
        ("Datum von;Datum bis;Netzlast [MWh] Berechnete Auflösungen", "@filename", "Datum von", LOAD, "start"),
        ("Meter;Interval End;kWh", "Meter", "Interval End", "kWh", "end"),
        ("Period Ending;kWh", "@filename", "Period Ending", "kWh", "end"),
        ("Time (end of interval);kWh", "@filename", "Time (end of interval)", "kWh", "end"),
        ("Time (weekend hours too);kWh", "@filename", "Time (weekend hours too)", "kWh", "start"),
        ("date;hour ending;kWh", "@filename", "date+hour ending", "kWh", "end"),
        ("LCLid,stdorToU,DateTime,KWH/hh (per half hour) ", "LCLid", "DateTime", "KWH/hh (per half hour) ", "start"),
        ("Time,Temperature (°C),Meter 1 (kWh)", "@filename", "Time", "Meter 1 (kWh)", "start"),
    ],
)
def test_names_of_columns(header, meter, timestamp, kwh, stamp):
    mapping = understand(header.split(";" if ";" in header else ",")).mapping
    assert mapping is not None
    assert (mapping.meter, mapping.timestamp, mapping.kwh, mapping.stamp) == (meter, timestamp, kwh, stamp)


@pytest.mark.parametrize(
    ("header", "trouble"),
    [
        ("timestamp,value,usage", "the energy may be in 'value' or 'usage': --columns timestamp=timestamp,kwh=value"),
        ("meter,building,time,kwh", "the meter may be in 'meter' or 'building': --columns meter=meter,timestamp=time,kwh=kwh"),
        ("datetime,time utc,kwh", "the time may be in 'datetime' or 'time utc': --columns timestamp=datetime,kwh=kwh"),
        ("time,Verbrauch (m³)", "no column is named like one of energy: --columns timestamp=time,kwh=…"),
        ("when,much", "no column is named like one of time and energy: --columns timestamp=…,kwh=…"),
        ("Start Time,A (kWh),B (kWh)", "the energy may be in 'A (kWh)' or 'B (kWh)': --columns 'timestamp=Start Time,kwh=A (kWh)'"),
    ],
)
def test_names_that_compete_or_are_missing_give_a_line_to_paste(header, trouble):
    assert understand(header.split(",")).trouble == trouble


def test_repeated_times_without_a_meter_are_refused(ingest, tmp_path):
    rows = [f"{time},{sensor},0.5" for time in TIMES for sensor in "ab"]
    with pytest.raises(IngestError, match=r"its times repeat.*--columns meter=COLUMN,timestamp=Time,kwh=energy"):
        ingest(put(tmp_path / "t.csv", "\n".join(["Time,what,energy", *rows])))


def test_hours_up_to_24_are_the_ends_of_their_intervals(ingest, raw, tmp_path):
    lines = ["Fecha;Hora;Consumo_kWh", *(f"{day}/03/2025;{hour};{hour}" for day in (13, 14) for hour in range(1, 25))]
    rows = raw(ingest(put(tmp_path / "t.csv", "\n".join(lines)), zone="Europe/Madrid"))
    local = rows["timestamp"].dt.convert_time_zone("Europe/Madrid").dt.strftime("%d %H:%M").to_list()
    assert (local[0], local[23], rows["kwh"][0], rows["kwh"][23]) == ("13 00:00", "13 23:00", 1.0, 24.0)


@pytest.mark.parametrize(
    ("days", "hours"),
    [
        ({"25/10/2025": 24, "26/10/2025": 25, "27/10/2025": 24}, ["2025-10-26 02:00 +0200", "2025-10-26 02:00 +0100"]),
        ({"26/10/2025": 25}, ["2025-10-26 02:00 +0200", "2025-10-26 02:00 +0100"]),
        ({"29/03/2025": 24, "30/03/2025": 23, "31/03/2025": 24}, ["2025-03-30 01:00 +0100", "2025-03-30 03:00 +0200"]),
        ({"30/03/2025": 23}, ["2025-03-30 01:00 +0100", "2025-03-30 03:00 +0200"]),
        ({"29/03/2025": 24, "30/03/2025": 23}, ["2025-03-30 01:00 +0100", "2025-03-30 03:00 +0200"]),
        ({"30/03/2025": 23, "31/03/2025": 10}, ["2025-03-30 01:00 +0100", "2025-03-30 03:00 +0200"]),
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_hours_that_are_numbered_up_to_23_or_25_count_the_hours_that_pass(ingest, raw, tmp_path, days, hours, first):
    rows = [f"{day};{hour - 1 + first};{hour}" for day, last in days.items() for hour in range(1, last + 1)]
    result = ingest(put(tmp_path / "t.csv", "\n".join(["Fecha;Hora;Consumo_kWh", *rows])), zone="Europe/Madrid")
    rows = raw(result)
    local = rows["timestamp"].dt.convert_time_zone("Europe/Madrid").dt.strftime("%Y-%m-%d %H:%M %z").to_list()
    assert (result.statement.accepted, result.statement.quarantined) == (sum(days.values()), 0)
    assert rows["kwh"].to_list() == [float(hour) for last in days.values() for hour in range(1, last + 1)]
    at = local.index(hours[0])
    assert local[at : at + 2] == hours
    assert local[0][11:16] == "00:00"
    assert not any("skip" in warning for warning in result.statement.warnings)


@pytest.mark.parametrize(
    ("hours", "first"),
    [
        (range(1, 13), 1),  # those of half a clock
        (range(23), 0),
        ([0, 1, *range(3, 24)], 0),
        (range(6, 22), 6),  # the file begins at six
        (range(1, 24), 0),  # they count from 1, and the last one is absent
    ],
)
def test_hours_of_a_day_without_a_change_of_clocks_are_those_of_the_clock_or_counted(ingest, raw, tmp_path, hours, first):
    rows = [f"2025-03-05,{hour},{hour}" for hour in hours]
    found = raw(ingest(put(tmp_path / "t.csv", "\n".join(["date,hour,kwh", *rows])), zone="Europe/Berlin"))["timestamp"]
    assert found.dt.convert_time_zone("Europe/Berlin").dt.hour()[0] == first


@pytest.mark.parametrize("skipped", [3, 25])
def test_hours_of_the_wall_clock_skip_one_in_spring(ingest, raw, tmp_path, skipped):
    days = {"03/08/2025": 25, "03/09/2025": skipped, "03/10/2025": 25}
    rows = [f"{day},{hour},{hour}" for day, without in days.items() for hour in range(1, 25) if hour != without]
    result = ingest(put(tmp_path / "t.csv", "\n".join(["Date,Hour Ending,kWh", *rows])), zone="America/Chicago")
    last = raw(result).filter(kwh=24.0)["timestamp"].dt.convert_time_zone("America/Chicago").dt.strftime("%d %H:%M").to_list()
    assert last == ["08 23:00", "09 23:00", "10 23:00"]


@pytest.mark.parametrize(
    ("date", "hour", "first"),
    [
        ("20250303", "{}", 0),
        ("20250303", "{}시", 0),
        ("20250303", "{}:00", 0),
        ("20250303", "{}", 1),
        ("2025-03-03", "{}시", 1),
    ],
)
def test_hours_beside_dates_without_dashes_are_read(ingest, raw, tmp_path, date, hour, first):
    days = [date, date[:-1] + "4"]
    rows = [f"{day},{hour.format(n + first)},{n}" for day in days for n in range(24)]
    result = ingest(put(tmp_path / "t.csv", "\n".join(["일자,시간,사용량", *rows])))
    assert (result.statement.accepted, result.statement.quarantined) == (48, 0)
    found = raw(result)["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%d %H:%M").to_list()
    assert found == [f"{day:02d} {n:02d}:00" for day in (3, 4) for n in range(24)]


@pytest.mark.parametrize(("end", "first"), [("{day}{hour:02d}", 1), ("{day}{hour:02d}00", 1), ("{day}{hour:02d}", 0)])
def test_hours_within_a_date_without_dashes_are_read(ingest, raw, tmp_path, end, first):
    rows = [f"{end.format(day=day, hour=n + first)},{n}" for day in (20250303, 20250304) for n in range(24)]
    result = ingest(put(tmp_path / "t.csv", "\n".join(["일시,사용량", *rows])))
    found = raw(result)["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%d %H:%M").to_list()
    assert found == [f"{day:02d} {n:02d}:00" for day in (3, 4) for n in range(24)]


def test_a_column_of_units_is_followed_or_refused(ingest, raw, tmp_path):
    def long(*units):
        rows = [f"{time},500,{units[at % len(units)]}" for at, time in enumerate(TIMES)]
        return put(tmp_path / "t.csv", "\n".join(["Time,Value,Unit", *rows]))

    assert raw(ingest(long("Wh")))["kwh"].unique().to_list() == [0.5]
    assert set(raw(ingest(long("Wh", "kWh")))["kwh"]) == {0.5, 500.0}
    with pytest.raises(IngestError, match=r"its column 'Unit' has the units kVA, kVArh; .*unit= in --columns"):
        ingest(long("kVArh", "kVA"))


@pytest.mark.parametrize(
    "name",
    ["kWh Import", "Import kWh", "Import (kWh)", "kWh_import", "kWh/15min", "kWh per 15 min", "Energy (kWh)", "Active Energy Delivered"],
)
def test_columns_of_energy_by_more_names(name):
    mapping = understand(["Time", name]).mapping
    assert mapping
    assert (mapping.kwh, mapping.unit.value) == (name, "kWh")


@pytest.mark.parametrize("name", ["kWh/h", "Consumption kWh/h", "kWh per hour"])
def test_energy_an_hour_is_mean_power(name):
    mapping = understand(["Time", name]).mapping
    assert mapping
    assert mapping.unit.value == "kW"


@pytest.mark.parametrize("seconds", ["", ":00"])
def test_load_profiles_with_dates_and_times_of_both_ends_are_read(ingest, raw, tmp_path, seconds):
    rows = [f"03.03.2025;{h:02d}:00{seconds};{3 + (h == 23):02d}.03.2025;{(h + 1) % 24:02d}:00{seconds};{h},5" for h in range(24)]
    result = ingest(put(tmp_path / "t.csv", "\n".join(["Ab-Datum;Ab-Zeit;Bis-Datum;Bis-Zeit;kWh", *rows])))
    assert raw(result)["kwh"].to_list() == [h + 0.5 for h in range(24)]


def test_rows_that_stand_twice_are_one_meter(ingest, tmp_path):
    rows = [f"2025-03-03 {h:02d}:00,{h}.5" for h in range(24) for _ in range(2)]
    statement = ingest(put(tmp_path / "t.csv", "\n".join(["timestamp,kwh", *rows]))).statement
    assert (statement.accepted, statement.added, statement.unchanged, statement.quarantined) == (48, 24, 24, 0)


@pytest.mark.parametrize("times", [[f"{hour:02d}:00" for hour in range(24)], [f"{hour}.00" for hour in range(24)]])
def test_a_time_under_an_unknown_name_is_offered_beside_the_date(ingest, raw, tmp_path, times):
    rows = [f"2025-03-03;{time};{hour},5" for hour, time in enumerate(times)]
    path = put(tmp_path / "t.csv", "\n".join(["Datum;Tid;Förbrukning (kWh)", *rows]))
    with pytest.raises(IngestError, match=r"may be in 'Tid': --columns 'timestamp=Datum\+Tid,kwh=Förbrukning \(kWh\)'"):
        ingest(path)
    assert raw(ingest(path, columns="timestamp=Datum+Tid,kwh=Förbrukning (kWh)"))["kwh"].to_list() == [hour + 0.5 for hour in range(24)]


@pytest.mark.parametrize(
    ("taken", "fed"), [("Consumption", "Surplus Generation"), ("Bezug", "Einspeisung"), ("수전", "역송"), ("Delivered", "Received")]
)
@pytest.mark.parametrize("alternating", [True, False])
@pytest.mark.parametrize("header", ["meter,Time,kWh,kind", "meter_id,timestamp,kwh,kind"])
def test_rows_of_two_directions_are_never_one_meter(ingest, raw, tmp_path, taken, fed, alternating, header):
    rows = [f"7,{time},{kwh},{word}" for time in TIMES for word, kwh in ((fed, 0.125), (taken, 2.5))]
    path = put(tmp_path / "t.csv", "\n".join([header, *(rows if alternating else sorted(rows, key=lambda row: row[-3:]))]))
    with pytest.raises(IngestError, match=rf"column 'kind' has rows of two directions, '{taken}' and '{fed}'; .*meter=kind"):
        ingest(path)
    _, time, kwh, _ = header.split(",")
    by_kind = raw(ingest(path, columns=f"meter=kind,timestamp={time},kwh={kwh}"))
    assert by_kind.filter(meter_id=taken)["kwh"].to_list() == [2.5] * 24
    assert by_kind.filter(meter_id=fed)["kwh"].to_list() == [0.125] * 24


@pytest.mark.parametrize("word", ["Consumption", "Surplus Generation", "Actual"])
def test_rows_of_one_direction_are_read(ingest, tmp_path, word):
    rows = [f"7,{time},2.5,{word}" for time in TIMES]
    assert ingest(put(tmp_path / "t.csv", "\n".join(["meter,Time,kWh,kind", *rows]))).statement.accepted == 24


def test_meters_of_one_direction_each_are_read(ingest, tmp_path):
    rows = [f"{meter},{time},2.5,{word}" for time in TIMES for meter, word in (("7", "Consumption"), ("pv", "Generation"))]
    assert ingest(put(tmp_path / "t.csv", "\n".join(["meter_id,timestamp,kwh,kind", *rows]))).statement.accepted == 48
