"""Countries, their subdivisions and their time zones, as people write them."""

from __future__ import annotations

import pytest

from ecoai_pipeline.places import country as country_code
from ecoai_pipeline.places import country_of, subdivision, zone_in


@pytest.mark.parametrize(("zone", "country"), [("Asia/Seoul", "KR"), ("Europe/Berlin", "DE"), ("ROK", "KR"), ("US/Pacific", "US")])
def test_the_country_comes_from_the_tz_database_older_names_included(zone: str, country: str) -> None:
    assert country_of(zone) == country


@pytest.mark.parametrize("zone", ["CET", "EST", "MST7MDT", "Iceland", "America/Coral_Harbour"])
def test_a_zone_name_that_misleads_names_no_country(zone: str) -> None:
    """CET is a link to Brussels, Iceland to Abidjan and Coral Harbour, in Canada, to Panama: their clocks are alike, not their holidays."""
    assert country_of(zone) is None


@pytest.mark.parametrize(
    ("text", "hint"), [("UK", r"GB \(Britain \(UK\)\)"), ("Germany", r"DE \(Germany\)"), ("XX", "two letters"), ("KOR", "KR"), ("K", "two")]
)
def test_an_unknown_country_is_refused_with_those_like_it(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        country_code(text)


@pytest.mark.parametrize(
    ("text", "of", "code"), [("by", "DE", "DE-BY"), ("KR-11", "KR", "KR-11"), ("57", "FR", "FR-57"), ("NSW", "AU", "AU-NSW")]
)
def test_a_subdivision_is_completed_by_its_country(text: str, of: str, code: str) -> None:
    assert subdivision(text, of=of) == code


@pytest.mark.parametrize(
    ("text", "of", "said"),
    [
        ("XY", "DE", "DE-XY is unknown; known of DE are BB, BE, BW, BY"),
        ("GB-SCT", "DE", "no part of DE"),
        ("Bavaria", "DE", "ISO 3166-2, as DE-BB"),
        ("SCT", None, "names no country"),
    ],
)
def test_a_subdivision_that_cannot_be_right_is_refused(text: str, of: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        subdivision(text, of=of)


def test_a_country_has_one_time_zone_where_all_its_clocks_show_the_same() -> None:
    assert [zone_in(of, "Asia/Seoul") for of in ("GB", "DE", "NP", "KR", "AR")] == [
        "Europe/London",
        "Europe/Berlin",
        "Asia/Kathmandu",
        "Asia/Seoul",
        "America/Argentina/Buenos_Aires",
    ]
    assert zone_in("US", "America/Denver") == "America/Denver"
    with pytest.raises(ValueError, match="US has several time zones; fill in time_zone: America/New_York, "):
        zone_in("US", "Asia/Seoul")
