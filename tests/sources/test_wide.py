"""Wide tables: a line per day, a column per interval, whatever the columns are called."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.wide import day_columns
from tests.sources.given import put


def clock(minutes, form="{h:02d}:{m:02d}"):
    return [form.format(h=minute // 60, m=minute % 60) for minute in minutes]


HALF_HOURS = range(0, 1440, 30)
ENDS = range(30, 1441, 30)
FORMS = {
    "starts": (clock(HALF_HOURS), 1800),
    "ends": (clock(ENDS), 1800),
    "ends-at-midnight": ([*clock(ENDS)[:-1], "00:00"], 1800),
    "seconds": ([f"{one}:00" for one in clock(HALF_HOURS)], 1800),
    "short": (clock(range(0, 1440, 60), "{h}:{m:02d}"), 3600),
    "T": (clock(range(15, 1441, 15), "T{h:02d}{m:02d}"), 900),
    "unit": (clock(ENDS, "kWh {h:02d}:{m:02d}"), 1800),
    "ranges": ([f"{a}-{b}" for a, b in zip(clock(HALF_HOURS), clock(ENDS), strict=True)], 1800),
    "HH": ([f"HH{n}" for n in range(1, 49)], 1800),
    "H": ([f"H{n:02d}" for n in range(1, 25)], 3600),
    "h-from-0": ([f"h{n}" for n in range(24)], 3600),
    "numbers": ([str(n) for n in range(1, 97)], 900),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_columns_of_a_day(ingest, raw, tmp_path, name):
    columns, interval_s = FORMS[name]
    values = [round(0.1 * n, 1) for n in range(len(columns))]
    lines = [",".join(["meter", "date", *columns])]
    lines += [",".join([meter, f"2025-03-0{day}", *map(str, values)]) for meter in ("a", "b") for day in (1, 2)]
    result = ingest(put(tmp_path / "w.csv", "\n".join(lines)))
    rows = raw(result).filter(meter_id="a")
    assert (result.statement.source, result.statement.accepted, result.statement.meters) == ("wide", 4 * len(columns), ["a", "b"])
    assert rows["kwh"].to_list() == values * 2
    assert rows["interval_s"].unique().to_list() == [interval_s]
    assert rows["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.strftime("%m-%d %H:%M")[0] == "03-01 00:00"


def test_without_a_column_of_meters_the_file_is_the_meter(ingest, tmp_path):
    lines = [";".join(["Datum", *FORMS["H"][0]]), ";".join(["01.03.2025", *["0,5"] * 24]), ";".join(["13.03.2025", *["0,5"] * 24])]
    assert ingest(put(tmp_path / "Werk 3.csv", "\n".join(lines).replace("0,5", "0.5"))).statement.meters == ["Werk 3"]


def test_a_column_of_units_is_followed(ingest, raw, tmp_path):
    def wide(*units):
        lines = [",".join(["nmi", "unit", "date", *FORMS["H"][0]])]
        return put(
            tmp_path / "u.csv", "\n".join([*lines, *(f"n,{unit},2025-03-0{day}" + ",500" * 24 for day, unit in enumerate(units, 1))])
        )

    assert raw(ingest(wide("Wh", "Wh")))["kwh"].unique().to_list() == [0.5]
    with pytest.raises(IngestError, match=r"its column 'unit' has the units kVArh, kWh"):
        ingest(wide("kWh", "kVArh"))


def test_the_unit_in_the_names_of_the_columns_is_taken(ingest, raw, tmp_path):
    lines = [",".join(["nmi", "date", *(f"{name} [Wh]" for name in FORMS["H"][0])]), "n,2025-03-01" + ",500" * 24]
    assert raw(ingest(put(tmp_path / "u.csv", "\n".join(lines))))["kwh"].unique().to_list() == [0.5]


def test_two_columns_that_may_be_the_meter_are_refused(ingest, tmp_path):
    lines = [",".join(["meter", "building", "date", *FORMS["H"][0]]), "a,b,2025-03-01" + ",1" * 24]
    with pytest.raises(IngestError, match="its meter may be in 'meter' or 'building'"):
        ingest(put(tmp_path / "w.csv", "\n".join(lines)))


@pytest.mark.parametrize("columns", [["1", "2", "3"], clock(range(0, 720, 30)), [f"v{n}" for n in range(1, 27)], clock([*HALF_HOURS][:-1])])
def test_columns_that_do_not_fill_a_day_are_none(columns):
    assert day_columns(["date", *columns]) is None


def _half_days(minutes):
    return [f"{minute // 60 % 12 or 12}:{minute % 60:02d} {'AM' if minute < 720 else 'PM'}" for minute in minutes]


@pytest.mark.parametrize(
    ("names", "interval_s"),
    [
        (_half_days(range(0, 1440, 60)), 3600),
        ([name.replace(":00 ", "") for name in _half_days(range(0, 1440, 60))], 3600),
        (_half_days(range(0, 1440, 15)), 900),
        ([str(minute // 60 * 100 + minute % 60) for minute in range(15, 1441, 15)], 900),
        ([f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(15, 1441, 15)], 900),
        ([f"H{hour:02d}" for hour in range(1, 25)], 3600),
    ],
    ids=["hours", "short-hours", "quarters", "minutes", "ends", "numbers"],
)
def test_more_names_of_intervals(ingest, raw, tmp_path, names, interval_s):
    values = [str(0.5 + at) for at in range(len(names))]
    rows = [",".join(["date", *names]), *(",".join([day, *values]) for day in ("2025-03-03", "2025-03-04"))]
    readings = raw(ingest(put(tmp_path / "w.csv", "\n".join(rows)), zone="UTC"))
    assert readings["kwh"].to_list() == 2 * [float(value) for value in values]
    assert readings["timestamp"].diff().drop_nulls().dt.total_seconds().unique().to_list() == [interval_s]
    assert readings["timestamp"][0].isoformat() == "2025-03-03T00:00:00+00:00"


@pytest.mark.parametrize(
    ("day", "hours", "columns", "per_hour", "zone"),
    [
        ("2025-10-26", 25, 50, 2, "Europe/London"),
        ("2025-10-26", 25, 25, 1, "Europe/Berlin"),
        ("2025-10-26", 25, 100, 4, "Europe/Berlin"),
        ("2025-03-30", 23, 50, 2, "Europe/London"),
        ("2025-03-30", 23, 48, 2, "Europe/London"),
        ("2025-03-30", 23, 46, 2, "Europe/London"),
        ("2025-03-30", 23, 92, 4, "Europe/Berlin"),
    ],
)
@pytest.mark.parametrize("long", [False, True], ids=["wide", "settlement-periods"])
def test_numbered_intervals_count_hours_that_pass_where_clocks_change(ingest, raw, tmp_path, day, hours, columns, per_hour, zone, long):
    filled = [f"{0.5 + at}" for at in range(hours * per_hour)]
    before = f"{day[:8]}{int(day[8:]) - 1:02d}"
    if long:
        usual = [f"{before},{at + 1},1" for at in range(24 * per_hour)]
        rows = ["settlement_date,settlement_period,kwh", *usual, *(f"{day},{at + 1},{kwh}" for at, kwh in enumerate(filled))]
    else:
        rows = [",".join(["date", *(f"P{at + 1}" for at in range(columns))]), ",".join([day, *filled, *[""] * (columns - len(filled))])]
    readings = raw(ingest(put(tmp_path / "w.csv", "\n".join(rows)), zone=zone)).tail(len(filled))
    assert readings["kwh"].to_list() == [float(kwh) for kwh in filled]
    assert readings["timestamp"].diff().drop_nulls().dt.total_seconds().unique().to_list() == [3600 // per_hour]
    assert readings["timestamp"].dt.convert_time_zone(zone)[0].isoformat()[:16] == f"{day}T00:00"


@pytest.mark.parametrize("first", [0, 30], ids=["starts", "ends"])
def test_columns_of_times_count_hours_that_pass_where_the_last_of_a_short_day_are_empty(ingest, raw, tmp_path, first):
    times = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(first, 1440 + first, 30)]
    filled = [f"{0.5 + at}" for at in range(46)]
    path = put(tmp_path / "w.csv", f"date,{','.join(times)}\n2025-03-30,{','.join([*filled, '', ''])}\n")
    readings = raw(ingest(path, zone="Europe/London"))
    assert readings["kwh"].to_list() == [float(kwh) for kwh in filled]
    assert readings["timestamp"].diff().drop_nulls().dt.total_seconds().unique().to_list() == [1800]


def test_a_period_behind_the_end_of_the_day_is_refused(ingest, tmp_path, quarantine):
    rows = ["settlement_date,settlement_period,kwh", *(f"2025-03-03,{at},{at}.5" for at in range(1, 50))]
    assert ingest(put(tmp_path / "w.csv", "\n".join(rows)), zone="Europe/London").statement.accepted == 48
    assert quarantine()["row"].to_list() == [50]


def test_days_of_two_directions_are_refused(ingest, tmp_path):
    header = ",".join(["meter", "channel", "date", *(f"H{hour}" for hour in range(1, 25))])
    rows = [",".join(["7", channel, "2025-03-03", *["1.5"] * 24]) for channel in ("Export", "Import")]
    with pytest.raises(
        IngestError, match=r"column 'channel' has rows of two directions, 'Import' and 'Export'; divide the file by 'channel'"
    ):
        ingest(put(tmp_path / "t.csv", "\n".join([header, *rows])))
    assert ingest(put(tmp_path / "u.csv", "\n".join([header, rows[1]]))).statement.accepted == 24


def test_a_table_with_its_times_across_is_refused_with_what_to_do(ingest, tmp_path):
    times = [f"2025-03-03 {hour:02d}:00" for hour in range(24)]
    rows = [",".join(["meter", *times]), *(",".join([meter, *["1.5"] * 24]) for meter in ("A", "B"))]
    with pytest.raises(IngestError, match=r"its times are the names of its columns .* turn the table, so that each row is a time"):
        ingest(put(tmp_path / "m.csv", "\n".join(rows)))
