"""The export of US utilities by Opower: its account, its times, the extra hour of the clock change, and gas."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError, Reason
from tests.sources.given import put

ABOVE = ["Name,A Plant,,,,", "Address,1 Test Road,,,,", "Account Number,0001234,,,,", "Service,Service 1,,,,", ""]
HEADER = "TYPE,DATE,START TIME,END TIME,USAGE (kWh),NOTES"


def hourly(hours, day="2025-03-03", end="59", kind="Electric usage", rest=""):
    return [f"{kind},{day},{hour:02d}:00,{hour:02d}:{end},{hour}.5,{rest}" for hour in hours]


def test_the_account_and_service_are_the_meter_and_starts_are_taken(ingest, raw, tmp_path):
    result = ingest(put(tmp_path / "o.csv", "\n".join([*ABOVE, HEADER, *hourly(range(24))])), zone="America/Chicago")
    rows = raw(result)
    assert (result.statement.source, result.statement.meters) == ("opower", ["0001234 Service 1"])
    assert rows["kwh"].to_list() == [hour + 0.5 for hour in range(24)]
    assert rows["timestamp"].dt.strftime("%d %H:%M")[0] == "03 06:00"
    assert rows["interval_s"].unique().to_list() == [3600]


def test_without_an_account_the_file_is_the_meter(ingest, tmp_path):
    assert ingest(put(tmp_path / "home.csv", "\n".join([HEADER, *hourly(range(24))]))).statement.meters == ["home"]


def test_quarter_hours_and_costs_with_units(ingest, raw, tmp_path):
    header = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES"
    minutes = [(hour, quarter) for hour in range(24) for quarter in (0, 15, 30, 45)]
    lines = [f"Electric usage,03/13/2025,{h:02d}:{m:02d},{h:02d}:{m + 14:02d},0.25,kWh,$0.04," for h, m in minutes]
    result = ingest(put(tmp_path / "o.csv", "\n".join([*ABOVE, header, *lines])))
    assert (raw(result)["kwh"].sum(), result.statement.accepted, raw(result)["interval_s"][0]) == (24.0, 96, 900)


def test_the_extra_hour_of_the_clock_change_is_a_second_row_of_the_same_hour(ingest, raw, tmp_path):
    rows = [*hourly([0, 1], "2025-11-02"), *hourly([1], "2025-11-02"), *hourly(range(2, 24), "2025-11-02")]
    result = ingest(put(tmp_path / "o.csv", "\n".join([*ABOVE, HEADER, *rows])), zone="America/Chicago")
    assert (result.statement.accepted, result.statement.quarantined) == (25, 0)
    assert raw(result)["timestamp"].diff().drop_nulls().unique().dt.total_seconds().to_list() == [3600]


def test_rows_of_gas_are_refused_by_their_unit(ingest, tmp_path, quarantine):
    header = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,NOTES"
    electric = hourly(range(24), rest="kWh,")
    gas = [*hourly([0], day="2025-03-04", rest="therms,"), *hourly([1], day="2025-03-04", kind="Natural gas usage", rest="kWh,")]
    result = ingest(put(tmp_path / "o.csv", "\n".join([*ABOVE, header, *electric, *gas])))
    assert result.statement.accepted == 24
    assert quarantine()["reason"].to_list() == [Reason.NOT_KWH.value] * 2


def test_a_file_of_gas_alone_is_refused(ingest, tmp_path):
    header = HEADER.replace("kWh", "therms")
    with pytest.raises(IngestError, match=r"USAGE \(therms\) but no USAGE \(kWh\): it is no electricity"):
        ingest(put(tmp_path / "o.csv", "\n".join([*ABOVE, header, *hourly(range(24), kind="Natural gas usage")])))
