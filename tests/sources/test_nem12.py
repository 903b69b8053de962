"""NEM12: registers, interval lengths, units, qualities of days and of their parts, and what is no energy."""

from __future__ import annotations

import gzip

import pytest

from ecoai_pipeline.domain import Month
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import RECEIVED, put

HEAD = "100,NEM12,202503040100,MDP1,RET1"


def register(nmi="NEM0000001", suffix="E1", unit="kWh", minutes=30):
    return f"200,{nmi},E1B1,1,{suffix},N1,METER1,{unit},{minutes},"


def day(values, quality="A", date="20250301"):
    return f"300,{date},{','.join(map(str, values))},{quality},,,20250302010000,"


HALF_HOURS = [round(0.1 * n, 1) for n in range(48)]


@pytest.fixture
def nem12(ingest, raw, tmp_path):
    """Result and raw readings of a file with some records."""

    def run(*records, end="900", name="n.csv"):
        result = ingest(put(tmp_path / name, "\n".join([HEAD, *records, end]) + "\n"))
        return result, raw(result)

    return run


def test_a_value_starts_at_the_time_of_the_market_which_has_no_daylight_saving(nem12):
    result, rows = nem12(register(), day(HALF_HOURS), day(HALF_HOURS, date="20250716"))
    assert result.statement.zones == {"NEM0000001": "Australia/Brisbane"}
    local = rows["timestamp"].dt.convert_time_zone("Etc/GMT-10").dt.strftime("%m-%d %H:%M").to_list()
    assert (local[0], local[1], local[47], local[48]) == ("03-01 00:00", "03-01 00:30", "03-01 23:30", "07-16 00:00")
    assert rows["kwh"].to_list() == HALF_HOURS * 2
    assert rows["interval_s"].unique().to_list() == [1800]


@pytest.mark.parametrize(("minutes", "count"), [(5, 288), (15, 96), (30, 48)])
@pytest.mark.parametrize(("unit", "factor"), [("kWh", 1.0), ("Wh", 0.001), ("MWh", 1000.0), ("KWH", 1.0)])
def test_interval_lengths_and_units(nem12, minutes, count, unit, factor):
    _, rows = nem12(register(unit=unit, minutes=minutes), day([2] * count))
    assert rows["kwh"].to_list() == pytest.approx([2 * factor] * count)
    assert rows["interval_s"].unique().to_list() == [60 * minutes]


def test_registers_are_meters_of_their_own_and_the_first_is_the_nmi(nem12):
    records = [line for suffix in ("E1", "E2", "B1") for line in (register(suffix=suffix), day([1] * 48))]
    result, _ = nem12(*records, register(nmi="NEM0000002"), day([1] * 48))
    assert result.statement.meters == ["NEM0000001", "NEM0000001#B1", "NEM0000001#E2", "NEM0000002"]


def test_what_is_no_energy_is_left_out_and_named(nem12, ingest, tmp_path):
    records = (register(suffix="Q1", unit="kVArh"), day([9] * 48), register(), day([1] * 48), "400,1,48,S14,1,")
    result, rows = nem12(*records, register(suffix="V1", unit=""), day([240] * 48))
    assert (result.statement.accepted, rows["kwh"].unique().to_list()) == (48, [1.0])
    assert any("NEM0000001 Q1 (kVArh), NEM0000001 V1 (no unit)" in warning for warning in result.statement.warnings)
    with pytest.raises(IngestError, match=r"no register of it counts energy, only NEM0000001 Q1 \(kVArh\)"):
        ingest(put(tmp_path / "q.csv", "\n".join([HEAD, register(suffix="Q1", unit="kVArh"), day([9] * 48), "900"])))


@pytest.mark.parametrize(
    ("code", "quality"), [("A", "measured"), ("E52", "estimated"), ("F14", "estimated"), ("S14", "estimated"), ("N", "missing")]
)
def test_the_quality_of_a_day(nem12, code, quality):
    _, rows = nem12(register(), day(HALF_HOURS, code))
    assert rows["quality"].unique().to_list() == [quality]
    assert rows["kwh"].to_list() == ([None] * 48 if code == "N" else HALF_HOURS)


def test_the_quality_of_parts_of_a_day(nem12):
    _, rows = nem12(register(), day(HALF_HOURS, "V"), "400,1,20,F14,76,", "400,21,24,A,,", "400,25,48,N,,", day([1] * 48, date="20250302"))
    assert rows["quality"].to_list() == ["estimated"] * 20 + ["measured"] * 4 + ["missing"] * 24 + ["measured"] * 48


def test_a_day_with_too_few_values_and_a_value_that_is_no_number_are_refused(nem12, quarantine):
    result, _ = nem12(register(), day(HALF_HOURS[:40]), day([*HALF_HOURS[:47], "x"], date="20250302"), day([1] * 48, "Z", "20250303"))
    assert (result.statement.accepted, result.statement.quarantined) == (47, 97)
    counts = quarantine()["reason"].value_counts().sort("count").rows()
    assert dict(counts) == {Reason.NOT_A_NUMBER.value: 1, Reason.FIELDS.value: 48, Reason.UNKNOWN_QUALITY.value: 48}


def test_a_file_that_ends_within_a_record_refuses_its_day(nem12, quarantine):
    result, _ = nem12(register(), day(HALF_HOURS), "300", end="")
    assert (result.statement.accepted, result.statement.quarantined) == (48, 48)
    assert quarantine()["reason"].unique().to_list() == [Reason.FIELDS.value]


def test_a_file_without_its_last_record_is_read_with_a_warning(nem12):
    result, _ = nem12(register(), day(HALF_HOURS), end="")
    assert any("may be cut off" in warning for warning in result.statement.warnings)


def test_it_is_recognised_when_packed_or_without_its_first_record(ingest, tmp_path):
    text = "\r\n".join([register(), day(HALF_HOURS), "900"])
    (tmp_path / "n.csv.gz").write_bytes(gzip.compress((HEAD + "\r\n" + text).encode()))
    assert ingest(tmp_path / "n.csv.gz").statement.accepted == 48
    assert ingest(put(tmp_path / "m.csv", text)).statement.source == "nem12"


def test_registers_of_months_are_refused(ingest, tmp_path):
    with pytest.raises(IngestError, match="it is NEM13: register readings months apart"):
        ingest(put(tmp_path / "n.csv", "100,NEM13,200402070911,MDA1,Ret1\n250,1234567890,1141,01,11,11,METSER66,E,1,20031001,A"))


def test_an_interval_length_may_change_within_a_file(nem12):
    _, rows = nem12(register(), day(HALF_HOURS), register(minutes=5), day([1] * 288, date="20250302"))
    assert rows["interval_s"].value_counts().sort("count").rows() == [(1800, 48), (300, 288)]


@pytest.mark.parametrize(
    ("name", "accepted", "total"),
    [
        ("actual_interval.csv", 48, 53.328),
        ("different_interval_length.csv", 96, 374.0),
        ("multiple_meters.csv", 768, 26.88),
        ("multiple_quality.csv", 48, 896.99),
    ],
)
def test_real_files(real_data, lake, settings, name, accepted, total):
    settings = settings.model_copy(update={"first_month": Month(2000, 1)})
    statement = ingest_file(lake, settings, real_data / "nem12" / name, IngestOptions(), received_at=RECEIVED).statement
    assert (statement.accepted, statement.quarantined) == (accepted, 0)
    (month,) = map(Month.parse, statement.months)
    assert Landing(lake).scan_piece(statement.statement_id, month).collect()["kwh"].sum() == pytest.approx(total)


def _day(day: str, first: float, quality: str) -> str:
    return f"300,{day},{','.join(str(first + at) for at in range(48))},{quality},,,20250401,"


@pytest.mark.parametrize(("second", "kept", "reason"), [("A", 100.0, Reason.REPLACED), ("E", 1.0, Reason.SUPERSEDED)])
def test_of_a_day_that_is_sent_twice_the_better_or_the_later_one_is_kept(ingest, raw, tmp_path, quarantine, second, kept, reason):
    head = ["100,NEM12,202503100000,MDA,RET", "200,NMI1,E1,E1,E1,N1,M1,kWh,30,20250401"]
    result = ingest(put(tmp_path / "n.csv", "\n".join([*head, _day("20250303", 1, "A"), _day("20250303", 100, second), "900"])))
    assert raw(result)["kwh"].to_list() == [kept + at for at in range(48)]
    assert quarantine()["reason"].str.starts_with(reason).all()
    told = any("48 readings come again with other values: the last row was taken" in text for text in result.statement.warnings)
    assert told == (second == "A")
