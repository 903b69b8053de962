"""Country, subdivision, tariff and time zone of a registry file, per meter and per site."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.registry_file import read_registry, register_file
from ecoai_pipeline.storage.receipts import MeterRow
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import RECEIVED, put

HEADER = "meter_id,industry,site,time_zone,country,subdivision,tariff\n"


def places(path: Path) -> list[tuple[object, ...]]:
    return [(one.meter_id, one.time_zone, one.country, one.subdivision, one.tariff) for one in read_registry(path)]


def test_each_meter_has_its_place_and_a_country_brings_its_time_zone(tmp_path: Path) -> None:
    rows = "a,metal,,,de,by,\nb,food,,,GB,GB-SCT,leeds-2025\nc,food,,America/Chicago,US,,\nd,food,,,,DE-BY,\ne,food,,,,,\n"
    assert places(put(tmp_path / "r.csv", HEADER + rows)) == [
        ("a", "Europe/Berlin", "DE", "DE-BY", None),
        ("b", "Europe/London", "GB", "GB-SCT", "leeds-2025"),
        ("c", "America/Chicago", "US", None, None),
        ("d", "Europe/Berlin", "DE", "DE-BY", None),
        ("e", "Asia/Seoul", None, None, None),
    ]


def test_a_row_without_a_meter_fills_the_empty_cells_of_its_site_wherever_it_stands(tmp_path: Path) -> None:
    rows = "a,metal,Leeds,,,,\n,,Leeds,,GB,ENG,leeds\nb,metal,Leeds,,,,own\nc,metal,Hull,,,,\n"
    assert places(put(tmp_path / "r.csv", HEADER + rows)) == [
        ("a", "Europe/London", "GB", "GB-ENG", "leeds"),
        ("b", "Europe/London", "GB", "GB-ENG", "own"),
        ("c", "Asia/Seoul", None, None, None),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,metal,,,UK,,\n", r"r\.csv: meter 'a', row 2, column 'country': 'UK' is no country code.*GB \(Britain"),
        ("a,metal,,,GB,,\nb,metal,,,DE,XY,\n", "meter 'b', row 3, column 'subdivision': DE-XY is unknown; known of DE are BB"),
        ("a,metal,,,US,,\n", "meter 'a', row 2, column 'country': US has several time zones; fill in time_zone"),
        ("a,metal,,,,BY,\n", "meter 'a', row 2, column 'subdivision': 'BY' names no country"),
        ("a,metal,L,,,,\n,,L,,UK,,\n", "site 'L', row 3, column 'country': "),
        ("a,metal,L,,,,\n,food,L,,GB,,\n", "row 3, column 'industry': a row without a meter_id describes its site"),
        ("a,metal,L,,,,\n,,L,,GB,,\n,,L,,DE,,\n", "site 'L' has different rows, 3 and 4"),
        ("", "it names no meters"),
    ],
)
def test_a_place_that_cannot_be_right_is_refused_with_row_and_meter(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(IngestError, match=said):
        read_registry(put(tmp_path / "r.csv", HEADER + rows))


def test_a_site_that_is_described_later_reaches_its_meters_of_earlier_files(lake, settings, tmp_path) -> None:
    earlier = "a,metal,Leeds,,,,\nb,metal,Leeds,Europe/Jersey,JE,,\nc,metal,Hull,,,,\nd,metal,,,,,\n"
    register_file(lake, settings, put(tmp_path / "r.csv", HEADER + earlier), at=RECEIVED)
    sites = put(tmp_path / "sites.csv", HEADER + ",,Leeds,,GB,ENG,kepco\n")
    assert [meter.meter_id for meter in register_file(lake, settings, sites, at=RECEIVED).fresh] == ["a", "b"]
    registry = MeterRegistry(lake)
    kept = {name: registry.rows(name)[-1] for name in registry}
    assert {name: (one.time_zone, one.country, one.subdivision, one.tariff) for name, one in kept.items()} == {
        "a": ("Europe/London", "GB", "GB-ENG", "kepco"),
        "b": ("Europe/London", "GB", "GB-ENG", "kepco"),
        "c": ("Asia/Seoul", None, None, None),
        "d": ("Asia/Seoul", None, None, None),
    }
    assert register_file(lake, settings, sites, at=RECEIVED).fresh == []


def test_the_cells_that_a_site_leaves_empty_and_the_days_from_which_rows_hold_stay(lake, settings, tmp_path) -> None:
    header = HEADER.replace("tariff", "tariff,valid_from")
    earlier = "a,metal,Lima,America/Chicago,US,,kepco,2020-01-01\na,food,Lima,America/Chicago,US,,kepco,2024-01-01\n"
    register_file(lake, settings, put(tmp_path / "r.csv", header + earlier), at=RECEIVED)
    register_file(lake, settings, put(tmp_path / "s.csv", HEADER + ",,Lima,,US,US-OH,\n"), at=RECEIVED)
    rows = MeterRegistry(lake).rows("a")
    assert [(str(row.valid_from), row.industry, row.time_zone, row.subdivision, row.tariff) for row in rows] == [
        ("2020-01-01", "metal", "America/Chicago", "US-OH", "kepco"),
        ("2024-01-01", "food", "America/Chicago", "US-OH", "kepco"),
    ]


def test_a_file_about_sites_that_no_meter_belongs_to_is_refused(lake, settings, tmp_path) -> None:
    with pytest.raises(IngestError, match=r"no known meter belongs to 'L'; a meter gets its site by a row with its meter_id"):
        register_file(lake, settings, put(tmp_path / "r.csv", HEADER + ",,L,,GB,,\n"), at=RECEIVED)


def test_an_unknown_tariff_is_refused_with_those_that_are_known(lake, settings, tmp_path) -> None:
    rows = put(tmp_path / "r.csv", HEADER + "a,metal,,,GB,,kepko\n")
    with pytest.raises(IngestError, match=r"row 2, column .tariff.: there is no tariff .kepko.; known are kepco; add impact\.tariffs"):
        register_file(lake, settings, rows, at=RECEIVED)


def test_a_registry_keeps_places_and_reads_rows_from_before_there_were_any(lake, settings, tmp_path) -> None:
    register_file(lake, settings, put(tmp_path / "r.csv", HEADER + "a,metal,,,GB,SCT,\n"), at=RECEIVED)
    (kept,) = MeterRegistry(lake).rows("a")
    assert (kept.country, kept.subdivision, kept.time_zone) == ("GB", "GB-SCT", "Europe/London")
    old = {
        "meter_id": "o",
        "industry": "metal",
        "usage_type": "industrial",
        "time_zone": "UTC",
        "signed": False,
        "valid_from": "2020-01-01",
    }
    assert MeterRow.model_validate(old).meter().country is None
