"""Units, registers, qualities and ids: what the columns of a long table mean besides their numbers."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.sources.reasons import IngestError, Reason
from tests.sources.given import put, put_workbook

MAPPING = "meter=meter_id,timestamp=timestamp"


def _quarters(values, *, meter: str = "m", first: datetime = datetime(2025, 3, 3)) -> list[str]:
    return [f"{meter},{first + timedelta(minutes=15 * n)},{value}" for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("unit", "kwh"),
    [
        ("kWh", 8.0), ("Wh", 0.008), ("MWh", 8_000.0), ("GWh", 8_000_000.0), ("W", 0.002), ("kW", 2.0), ("MW", 2_000.0),
        ("MWH", 8_000.0), ("mwh", 8_000.0), ("KWH", 8.0), ("kwh", 8.0),
    ],
)  # fmt: skip
def test_units_become_kwh(ingest, table, raw, unit, kwh):
    assert raw(ingest(table(*_quarters([8] * 8)), unit=unit))["kwh"].unique().to_list() == [kwh]


@pytest.mark.parametrize(("unit", "value"), [("J", 3_600_000), ("kJ", 3_600), ("MJ", 3.6), ("GJ", 0.0036)])
def test_joules_become_kwh(ingest, table, raw, unit, value):
    assert raw(ingest(table(*_quarters([value] * 8)), unit=unit))["kwh"].to_list() == pytest.approx([1.0] * 8)


@pytest.mark.parametrize("unit", ["mW", "mWh", "kVA", "kWp"])
def test_an_unknown_unit_is_refused_with_those_that_are_known(ingest, table, unit):
    with pytest.raises(ValueError, match=rf"--unit: unknown unit '{unit}'.*known are kWh, Wh, kW, MWh"):
        ingest(table(*_quarters([8])), unit=unit)


@pytest.mark.parametrize(
    ("header", "kwh"),
    [
        ("USAGE (kWh)", 8.0),
        ("Actual [MW]", 2_000.0),
        ("Usage_kWh", 8.0),
        ("Verbrauch in MWh", 8_000.0),
        ("Leistung kW", 2.0),
        ("much", 8.0),
    ],
)
def test_the_unit_in_the_name_of_the_column_is_taken(ingest, table, raw, header, kwh):
    path = table(*_quarters([8] * 8), header=f"meter_id,timestamp,{header}")
    result = ingest(path, columns=f"{MAPPING},kwh={header}", industry="metal")
    assert raw(result)["kwh"].unique().to_list() == [kwh]
    assert result.statement.warnings == []
    again = IngestOptions.model_validate(result.statement.options)
    assert (again.unit or again.columns.unit).kwh * (0.25 if (again.unit or again.columns.unit).is_power else 1) * 8 == kwh


def test_a_stated_unit_wins_over_the_name_of_the_column_with_a_warning(ingest, table, raw):
    path = table(*_quarters([8] * 8), header="meter_id,timestamp,Actual [MW]")
    for options in ({"columns": f"{MAPPING},kwh=Actual [MW],unit=kWh"}, {"columns": f"{MAPPING},kwh=Actual [MW]", "unit": "kWh"}):
        result = ingest(path, industry="metal", **options)
        assert raw(result)["kwh"].unique().to_list() == [8.0]
        assert result.statement.warnings == ["column 'Actual [MW]' names the unit MW, but kWh is stated: kWh was taken"]


def test_milliwatts_in_the_name_of_a_column_are_refused(ingest, table):
    with pytest.raises(IngestError, match=r"'mW' in 'P \[mW\]' means milli.*unit= in --columns"):
        ingest(table(*_quarters([8]), header="meter_id,timestamp,P [mW]"), columns=f"{MAPPING},kwh=P [mW]")


REGISTER = f"{MAPPING},kwh=kwh,register=true"


def test_a_register_becomes_the_energy_between_its_readings(ingest, table, raw, quarantine):
    counts = [123_456.5, 123_457.0, 123_459.25, "", 123_460.25, 5.0, 7.5]
    local = pl.col("timestamp").dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None)
    readings = raw(ingest(table(*_quarters(counts)), columns=REGISTER)).with_columns(local)
    start = datetime(2025, 3, 3)
    assert readings.select("timestamp", "interval_s", "kwh", "rule").rows() == [
        (start - timedelta(minutes=15), 900, None, "first_register"),
        (start, 900, 0.5, None),
        (start + timedelta(minutes=15), 900, 2.25, None),
        (start + timedelta(minutes=30), 1800, 1.0, None),  # over the gap
        (start + timedelta(minutes=60), 900, None, "register_fell"),
        (start + timedelta(minutes=75), 900, 2.5, None),
    ]
    assert quarantine()["reason"].to_list() == [Reason.NO_VALUE]


def test_a_register_goes_on_over_the_end_of_a_month(ingest, table, raw):
    readings = raw(ingest(table(*_quarters(range(0, 80, 2), first=datetime(2025, 3, 31, 20))), columns=f"{REGISTER},unit=Wh"))
    assert readings["kwh"].drop_nulls().unique().to_list() == [0.002]
    assert len(readings) == 40


def test_a_register_of_power_is_refused(ingest, table):
    with pytest.raises(ValueError, match="needs a unit of energy, kW is one of power"):
        ColumnMapping.parse(f"{REGISTER},unit=kW")
    with pytest.raises(IngestError, match="needs a unit of energy, MW is one of power"):
        ingest(table(*_quarters([1, 2])), columns=REGISTER, unit="MW")


@pytest.mark.parametrize(
    "counts", [[123_456 + n / 4 for n in range(24)], [n / 4 for n in range(192)], [5_000 + n // 2 for n in range(300)]]
)
def test_values_that_only_rise_are_said_to_look_like_a_register(ingest, table, counts):
    result = ingest(table(*_quarters(counts)), industry="metal")
    (warning,) = result.statement.warnings
    assert "only rise" in warning
    assert f"--columns {MAPPING},kwh=kwh,register=true" in warning


@pytest.mark.parametrize("loads", [[5 + n for n in range(24)], [7.5] * 200, [10 + n % 96 for n in range(400)], [100.0, 101.0, 102.0]])
def test_a_load_is_not_said_to_be_a_register(ingest, table, loads):
    assert ingest(table(*_quarters(loads)), industry="metal").statement.warnings == []


def test_codes_of_quality_are_mapped_and_others_refused_with_the_option(ingest, table, raw, quarantine):
    rows = [f"{row},{code}" for row, code in zip(_quarters([1, 2, 3, 4]), ("A", "E", "measured", "F"), strict=True)]
    columns = f"{MAPPING},kwh=kwh,quality=q,quality.A=measured,quality.E=estimated"
    path = table(*rows, header="meter_id,timestamp,kwh,q")
    assert raw(ingest(path, columns=columns))["quality"].to_list() == ["measured", "estimated", "measured"]
    assert quarantine()["reason"].to_list() == [f"{Reason.UNKNOWN_QUALITY}; say what F means: quality.F=measured in --columns"]


def test_codes_without_their_column_are_refused():
    with pytest.raises(ValueError, match="needs quality=COLUMN"):
        ColumnMapping.parse(f"{MAPPING},kwh=kwh,quality.A=measured")


def test_the_better_quality_of_an_interval_wins_wherever_it_stands(ingest, table, raw, quarantine):
    first, second = _quarters([9, 9, 9, 9]), _quarters([1, 2, "", 9])
    rows = [*(f"{row},estimated" for row in first), *(f"{row},measured" for row in second)]
    rows += [f"{_quarters([3])[0]},measured", f"{_quarters([4])[0]},suspect"]
    result = ingest(table(*rows, header="meter_id,timestamp,kwh,q"), columns=f"{MAPPING},kwh=kwh,quality=q")
    assert raw(result).select("kwh", "quality").rows() == [(1.0, "measured"), (2.0, "measured"), (9.0, "estimated"), (9.0, "measured")]
    assert quarantine().select("row", "reason").rows() == [
        (2, f"{Reason.SUPERSEDED}; line 6 was kept"),
        (3, f"{Reason.SUPERSEDED}; line 7 was kept"),
        (8, f"{Reason.SUPERSEDED}; line 4 was kept"),
        (10, f"{Reason.CONFLICT}; line 6 was kept"),
        (11, f"{Reason.SUPERSEDED}; line 6 was kept"),
    ]
    assert (result.statement.accepted, result.statement.unchanged) == (5, 1)


@pytest.mark.parametrize("meter", [12345, 31282000012345, 4503599627370495])
def test_ids_in_a_column_of_floats_are_whole(ingest, tmp_path, meter):
    rows = [(float(meter), datetime(2025, 3, 3) + timedelta(minutes=15 * n), 1.5) for n in range(4)]
    pl.DataFrame(rows, schema=["meter_id", "timestamp", "kwh"], orient="row").write_parquet(tmp_path / "t.parquet")
    assert ingest(tmp_path / "t.parquet").statement.meters == [str(meter)]


def test_long_whole_numbers_are_ids_to_the_last_digit(ingest, tmp_path):
    rows = [(312820000123456789, datetime(2025, 3, 3) + timedelta(minutes=15 * n), 1.5) for n in range(4)]
    pl.DataFrame(rows, schema=["meter_id", "timestamp", "kwh"], orient="row").write_parquet(tmp_path / "t.parquet")
    assert ingest(tmp_path / "t.parquet").statement.meters == ["312820000123456789"]


@pytest.mark.parametrize("meter", [312820000123456789.0, 9007199254740994.0])
def test_ids_whose_last_digits_are_lost_are_refused(ingest, tmp_path, meter):
    rows = [(meter, datetime(2025, 3, 3) + timedelta(minutes=15 * n), 1.5) for n in range(4)]
    pl.DataFrame(rows, schema=["meter_id", "timestamp", "kwh"], orient="row").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(IngestError) as refused:
        ingest(tmp_path / "t.parquet")
    assert refused.value.reasons == {Reason.ROUNDED_METER: 4}


def test_ids_that_a_spreadsheet_has_rounded_are_refused(ingest, table, quarantine):
    result = ingest(table(*_quarters([1, 2]), *_quarters([3, 4], meter="3.1282E+13")))
    assert (result.statement.meters, result.quarantined_by_reason) == (["m"], {Reason.ROUNDED_METER: 2})


def test_a_workbook_column_of_numbers_is_read_as_before(ingest, tmp_path, raw):
    rows = [["m", str(datetime(2025, 3, 3) + timedelta(minutes=15 * n)), str(n)] for n in range(4)]
    readings = raw(ingest(put_workbook(tmp_path / "t.xlsx", [["meter_id", "timestamp", "kwh"], *rows])))
    assert readings["kwh"].to_list() == [0.0, 1.0, 2.0, 3.0]


ROWS = [f"2025-03-03 {hour:02d}:00,{hour + 1}" for hour in range(24)]


def _options(columns: str) -> dict[str, str]:
    return {"columns": columns} if columns else {}


@pytest.mark.parametrize(
    ("above", "below", "kwh"),
    [
        ("", ",MWh", 1000.0),
        ("", "[local],[Wh]", 0.001),
        ("", "yyyy-mm-dd hh:mm,kW", 1.0),
        ("Site,Plant\nUnit,MWh\n", "", 1000.0),
        ("Zählpunkt,DE1\nEinheit,Wh\n", "", 0.001),
        ("Unit,MWh\n", ",kWh", 1.0),
    ],
)
@pytest.mark.parametrize("columns", ["", "timestamp=Time,kwh=Value"])
def test_the_unit_in_a_line_around_the_table_is_taken(tmp_path, ingest, raw, above, below, kwh, columns):
    text = f"{above}Time,Value\n" + "".join(f"{line}\n" for line in [below, *ROWS] if line)
    assert raw(ingest(put(tmp_path / "m.csv", text), **_options(columns), industry="metal")).sort("timestamp")["kwh"][0] == pytest.approx(
        kwh
    )


def test_each_row_is_read_in_its_unit(tmp_path, ingest, raw):
    rows = [*(f"2025-03-03 {hour:02d}:00,{hour + 1},kWh" for hour in range(20)), "2025-03-03 20:00,21000,Wh", "2025-03-03 21:00,0.022,MWh"]
    path = put(tmp_path / "m.csv", "\n".join(["timestamp,value,unit", *rows, "2025-03-03 22:00,5,kVArh"]) + "\n")
    result = ingest(path, industry="metal")
    assert raw(result).sort("timestamp")["kwh"].to_list() == pytest.approx([float(n) for n in range(1, 23)])
    assert result.quarantined_by_reason == {Reason.NOT_KWH: 1}


@pytest.mark.parametrize("header", ["kWh (x1000)", "1000 kWh", "Tsd. kWh", "Energy (x1000 kWh)", "10^3 kWh", "천kWh"])
@pytest.mark.parametrize("named", [True, False])
def test_thousands_of_kwh_are_mwh(tmp_path, ingest, raw, header, named):
    path = put(tmp_path / "m.csv", "\n".join([f"timestamp,{header}", *ROWS]) + "\n")
    columns = f"timestamp=timestamp,kwh={header}" if named else ""
    assert raw(ingest(path, **_options(columns), industry="metal")).sort("timestamp")["kwh"][0] == 1000.0


@pytest.mark.parametrize("header", ["kWh*1000", "kWh/1000", "kWh x 10", "0.1 x kWh"])
def test_other_multiples_are_refused(tmp_path, ingest, header):
    path = put(tmp_path / "m.csv", "\n".join([f"timestamp,{header}", *ROWS]) + "\n")
    with pytest.raises(IngestError, match="multiples of a unit; state the unit: unit= in --columns"):
        ingest(path, columns=f"timestamp=timestamp,kwh={header}", industry="metal")


@pytest.mark.parametrize(
    ("written", "kwh"),
    [("kWh/15min", 1.5), ("kWh/15 min", 1.5), ("kWh/30min", 1.5), ("Wh/15min", 0.0015), ("MWh/15min", 1500.0), ("kWh/h", 0.75)],
)
def test_energy_by_the_length_of_its_interval_is_a_unit_wherever_it_stands(ingest, raw, tmp_path, written, kwh):
    """Intervals of 15 minutes where it says so, else of 30; kWh/h is mean power."""
    times = [f"2025-03-03 {hour:02d}:{minute:02d}" for hour in range(24) for minute in range(0, 60, 15 if "15" in written else 30)]
    tables = {
        "name": [f"timestamp,value [{written}]", *(f"{time},1.5" for time in times)],
        "column": ["timestamp,value,unit", *(f"{time},1.5,{written}" for time in times)],
        "cell": ["timestamp,value", *(f"{time},1.5 {written}" for time in times)],
        "above": [f"Unit,{written}", "timestamp,value", *(f"{time},1.5" for time in times)],
        "said": ["timestamp,value", *(f"{time},1.5" for time in times)],
    }
    for name, rows in tables.items():
        result = ingest(put(tmp_path / f"{name}.csv", "\n".join(rows)), unit=written if name == "said" else "")
        assert raw(result).filter(meter_id=name)["kwh"].unique().to_list() == [kwh], name


@pytest.mark.parametrize("columns", [None, "timestamp=timestamp,kwh=kWh/15min"])
def test_the_energy_of_other_minutes_than_the_times_lie_apart_is_asked_for(ingest, raw, tmp_path, columns):
    rows = [f"2025-03-03 {hour:02d}:{minute},1.5" for hour in range(24) for minute in ("00", "30")]
    path = put(tmp_path / "m.csv", "\n".join(["timestamp,kWh/15min", *rows]))
    with pytest.raises(
        IngestError, match=r"energy of 15 min, and its times lie 30 min apart; if .* say unit=kWh in --columns; if .* 4 times"
    ):
        ingest(path, **({"columns": columns} if columns else {}))
    result = ingest(path, columns="timestamp=timestamp,kwh=kWh/15min,unit=kWh")
    assert raw(result)["kwh"].unique().to_list() == [1.5]
