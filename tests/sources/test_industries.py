"""Who is in which industry: the file, the sender and the registry, and what happens where they disagree."""

from __future__ import annotations

from datetime import date

import pytest

from ecoai_pipeline.domain import Industry, Month, UsageType
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.registry_file import read_registry, register_file
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import RECEIVED, day_line, hours, put

MARCH, APRIL = Month(2025, 3), Month(2025, 4)


def industries(result):
    return [str(partition) for partition in sorted(result.partitions, key=lambda partition: partition.month)]


def test_without_a_word_a_meter_is_other_and_a_warning_says_so(ingest, table):
    result = ingest(table(*hours()))
    assert industries(result) == ["other 2025-03"]
    assert "industry unknown of 1 meters (m)" in result.statement.warnings[0]


def test_an_unknown_meter_has_an_inferred_capacity_that_judges_nothing(ingest, table, lake):
    """Loads of 5 to 28 kW; of 24 readings the 98 % quantile is the highest, and a quarter goes on top."""
    ingest(table(*hours()))
    meter = MeterRegistry(lake).at("m", MARCH)
    assert (meter.industry, meter.guessed, meter.capacity_kw, meter.inferred_kw) == (Industry.OTHER, True, None, 35.0)
    assert not any("capacity" in warning for warning in ingest(table(*hours(day="2025-03-02", value=500), name="b.csv")).statement.warnings)


def test_a_registry_takes_the_place_of_a_guess_in_all_months(ingest, table, lake, settings, tmp_path):
    ingest(table(*hours(), *hours(meter="n")))
    rows = "meter_id,industry,capacity_kw,valid_from\nm,metal,100,\nn,food,,2025-04-01\n"
    register_file(lake, settings, put(tmp_path / "r.csv", rows), at=RECEIVED)
    registry = MeterRegistry(lake)
    assert [registry.at(name, month).industry.value for name in "mn" for month in (MARCH, APRIL)] == ["metal", "metal", "food", "food"]
    assert registry.at("m", MARCH).capacity_kw == 100


def test_the_sender_or_the_registry_says_the_industry(ingest, table, lake, settings, tmp_path):
    assert industries(ingest(table(*hours()), industry="금속")) == ["metal 2025-03"]
    register_file(lake, settings, put(tmp_path / "r.csv", "meter_id,industry\nn,식품\n"), at=RECEIVED)
    result = ingest(table(*hours(meter="n")))
    assert (industries(result), result.statement.warnings) == (["food 2025-03"], [])


def test_one_meter_in_two_industries_is_quarantined_and_the_others_are_kept(ingest, table):
    ingest(table(*hours()), industry="metal")
    result = ingest(table(*hours(day="2025-03-02"), *hours(meter="n"), name="b.csv"), industry="food")
    assert result.quarantined_by_reason == {Reason.OTHER_INDUSTRY: 24}
    assert (result.statement.meters, industries(result)) == (["n"], ["food 2025-03"])


def test_two_industries_on_the_same_date_quarantine_the_later_line(ingest, wide, quarantine):
    result = ingest(wide(day_line("A", "금속", "20250301"), day_line("A", "식품", "20250301", 2)))
    assert result.quarantined_by_reason == {Reason.TWO_INDUSTRIES: 96}
    assert set(quarantine()["row"]) == {3}


def test_a_change_within_a_file_applies_from_the_next_month(ingest, wide, lake):
    ingest(wide(day_line("A", "금속", "20250301")))
    lines = [day_line("A", "금속", "20250302"), day_line("A", "식품", "20250316"), day_line("A", "식품", "20250401")]
    result = ingest(wide(*lines, name="change.csv"))
    assert (result.statement.quarantined, industries(result)) == (0, ["metal 2025-03", "food 2025-04"])
    registry = MeterRegistry(lake)
    assert (registry.at("A", MARCH).industry, registry.at("A", APRIL).industry) == (Industry.METAL, Industry.FOOD)


def test_a_change_at_the_end_of_a_file_holds_for_the_next_one(ingest, wide):
    ingest(wide(day_line("A", "금속", "20250301"), day_line("A", "식품", "20250316")))
    late = ingest(wide(day_line("A", "식품", "20250317"), name="b.csv"))
    after = ingest(wide(day_line("A", "식품", "20250401"), name="c.csv"))
    assert (industries(late), industries(after)) == (["metal 2025-03"], ["food 2025-04"])


def test_a_file_that_contradicts_the_registry_from_its_start_is_refused(ingest, wide):
    ingest(wide(day_line("A", "금속", "20250301")))
    with pytest.raises(IngestError, match="registered in another industry"):
        ingest(wide(day_line("A", "식품", "20250401"), name="b.csv"))


def test_values_in_kw_show_against_the_capacity(ingest, table, lake, settings, tmp_path):
    register_file(lake, settings, put(tmp_path / "r.csv", "meter_id,industry,capacity_kw\nm,metal,100\n"), at=RECEIVED)
    quarter = [f"m,2025-03-01 {h:02d}:{m:02d}:00,60" for h in range(24) for m in (0, 15, 30, 45)]
    wrong = ingest(table(*quarter))
    assert len(wrong.statement.warnings) == 1
    assert "meter m: 96 of 96 readings exceed" in wrong.statement.warnings[0]
    assert "--unit kW" in wrong.statement.warnings[0]
    assert ingest(table(*quarter), unit="kW").statement.warnings == ["column 'kwh' names the unit kWh, but kW is stated: kW was taken"]


def test_a_registry_is_read_with_korean_names_and_defaults(tmp_path):
    rows = 'meter_id,industry,usage_type,signed,valid_from,capacity_kw,site\na,금속,농사용,yes,2025-03-01,"1,500",North\nb,food,,,,,\n'
    first, second = read_registry(put(tmp_path / "r.csv", rows, "cp949"))
    assert (first.industry, first.usage_type, first.signed, first.capacity_kw) == (Industry.METAL, UsageType.AGRICULTURAL, True, 1500.0)
    assert (first.valid_from, first.site) == (date(2025, 3, 1), "North")
    assert (second.time_zone, second.valid_from, second.capacity_kw) == ("Asia/Seoul", date(2000, 1, 1), None)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,metal,\na,food,\n", "'a' has industries metal and food from 2000-01-01, in rows 2 and 3"),
        ("a,metal,\nb,mining,\n", "row 3, column 'industry': unknown industry 'mining'"),
        ("a,metal,soon\n", "row 2, column 'valid_from'"),
        (",metal,\n", "row 2: meter_id and industry must not be empty"),
        ("a,metal\n", "row 2 has 2 fields"),
        ("", "names no meters"),
    ],
)
def test_a_registry_that_cannot_be_right_is_refused_with_its_row(tmp_path, rows, message):
    with pytest.raises(IngestError, match=message):
        read_registry(put(tmp_path / "r.csv", f"meter_id,industry,valid_from\n{rows}"))


def test_a_registry_with_an_unknown_column_is_refused(tmp_path):
    with pytest.raises(IngestError, match="'colour' is not one of"):
        read_registry(put(tmp_path / "r.csv", "meter_id,industry,colour\na,metal,red\n"))
