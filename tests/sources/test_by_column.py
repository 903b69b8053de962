"""Tables with a column per meter."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError
from tests.sources.given import put

STAMPS = [f"2025-03-03 {hour:02d}:00" for hour in range(24)]
KWH = [1.5 + hour % 5 for hour in range(24)]


def written(header: str, factors: list[float], delimiter: str = ",") -> str:
    rows = [delimiter.join([stamp, *(f"{kwh * factor:g}" for factor in factors)]) for stamp, kwh in zip(STAMPS, KWH, strict=True)]
    return "\n".join([header, *rows])


@pytest.mark.parametrize(
    ("header", "meters"),
    [
        ("timestamp,M1,M2,M3", ["M1", "M2", "M3"]),
        ("timestamp,M1 [kWh],M2 [kWh],M3 (kWh)", ["M1", "M2", "M3"]),
        ("Zeit;Halle 1;Halle 2;Halle 3", ["Halle 1", "Halle 2", "Halle 3"]),
        ("일시,1001,1002,1003", ["1001", "1002", "1003"]),
    ],
)
def test_each_column_is_a_meter(ingest, raw, tmp_path, header, meters):
    result = ingest(put(tmp_path / "t.csv", written(header, [1, 2, 4], ";" if ";" in header else ",")))
    assert (result.statement.meters, result.statement.accepted) == (meters, 72)
    assert raw(result)["kwh"].to_list() == [kwh * factor for factor in (1, 2, 4) for kwh in KWH]


def test_each_column_may_have_a_unit_of_its_own(ingest, raw, tmp_path):
    result = ingest(put(tmp_path / "t.csv", written("timestamp,M1 [kWh],M2 [MWh]", [1, 0.001])))
    assert raw(result)["kwh"].to_list() == pytest.approx([*KWH, *KWH])


@pytest.mark.parametrize("other", ["Total", "Temperature", "Export", "Price", "합계", "L1"])
def test_a_column_that_may_be_no_meter_is_asked_for(ingest, raw, tmp_path, other):
    path = put(tmp_path / "t.csv", written(f"timestamp,M1,M2,{other}", [1, 2, 3]))
    advice = rf"'{other}' may be none; list those that are meters: --columns 'timestamp=timestamp,kwh=M1\|M2'"
    with pytest.raises(IngestError, match=advice):
        ingest(path)
    result = ingest(path, columns="timestamp=timestamp,kwh=M1|M2")
    assert raw(result)["kwh"].to_list() == [*KWH, *(2 * kwh for kwh in KWH)]


def test_columns_of_intervals_that_are_not_recognised_are_no_meters(ingest, tmp_path):
    header = ",".join(["date", *(f"slot {n * 7}" for n in range(24))])
    rows = [",".join([f"2025-03-{day:02d}", *["1.5"] * 24]) for day in range(1, 5)]
    with pytest.raises(IngestError, match="no column is named like one of energy"):
        ingest(put(tmp_path / "t.csv", "\n".join([header, *rows])))


def test_a_column_whose_name_has_the_sign_is_one_column(ingest, tmp_path):
    path = put(tmp_path / "t.csv", written("timestamp,a|b", [1]))
    assert ingest(path, columns="timestamp=timestamp,kwh=a|b").statement.meters == ["t"]


@pytest.mark.parametrize("others", ["", ",Temperature"])
def test_24_00_makes_the_times_of_columns_per_meter_ends(ingest, raw, tmp_path, others):
    ends = [f"2025-03-03 {hour:02d}:00" for hour in range(1, 25)]
    rows = [f"{end},{kwh:g},{2 * kwh:g}{',3' if others else ''}" for end, kwh in zip(ends, KWH, strict=True)]
    path, columns = put(tmp_path / "t.csv", "\n".join([f"Zeit,Halle 1,Halle 2{others}", *rows])), "timestamp=Zeit,kwh=Halle 1|Halle 2"
    if others:
        with pytest.raises(IngestError, match=r"--columns 'timestamp=Zeit,kwh=Halle 1\|Halle 2',stamp=end"):
            ingest(path)
    result = ingest(path, **({"columns": columns} if others else {}))
    hall = raw(result).filter(meter_id="Halle 1")
    assert hall["timestamp"][0].isoformat() == "2025-03-02T15:00:00+00:00"
    assert hall["kwh"].to_list() == KWH


def test_codes_of_quantities_are_no_meters(ingest, tmp_path):
    path = put(tmp_path / "t.csv", written("Zeitstempel,1-1:1.29.0 [kWh],1-1:2.29.0 [kWh]", [1, 0]))
    with pytest.raises(IngestError, match=r"the energy may be in '1-1:1.29.0 \[kWh\]' or '1-1:2.29.0 \[kWh\]'"):
        ingest(path)
    assert ingest(path, columns="timestamp=Zeitstempel,kwh=1-1:1.29.0 [kWh]").statement.accepted == 24
