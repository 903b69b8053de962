"""What a kWh costs when: seasons, bands, free days, zones, tariffs that follow each other; and what makes an event severe."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from ecoai_pipeline.detection.impact import Impact, impact, severity
from ecoai_pipeline.domain import Industry, Meter, UsageType
from ecoai_pipeline.settings import PARAMS, PROJECT, load_settings
from ecoai_pipeline.tariffs import Band, DayKind, ImpactParams, Tariff, TariffSeason

SEOUL = "Asia/Seoul"
DEFAULT = load_settings().impact
KEPCO = DEFAULT.tariffs["kepco"]


def meter(zone: str = SEOUL, usage: UsageType = UsageType.INDUSTRIAL, **registered: Any) -> Meter:
    """A meter that pays Korean prices on the clock of its zone, unless `registered` says otherwise."""
    return Meter("m", Industry.METAL, usage, zone, signed=False, valid_from=date(2000, 1, 1), **{"tariff": "kepco", **registered})


def one_kwh(whose: Meter, params: ImpactParams = DEFAULT) -> Impact:
    """Of a kWh too much at noon of 1 July 2025, UTC."""
    return impact(params, whose, np.array(["2025-07-01T12:00"], dtype="datetime64[us]"), 900, np.ones(1))


def test_a_meter_without_a_tariff_has_no_cost_and_without_a_factor_no_emissions() -> None:
    korean, british = one_kwh(meter(SEOUL, tariff=None)), one_kwh(meter("Europe/London", tariff=None))
    assert (korean.cost, korean.currency, korean.co2e_kg, korean.version) == (163.8, "KRW", 0.4173, "kepco-2024-10-24+kr-2023")
    assert british == Impact()
    assert one_kwh(meter("UTC", tariff=None)) == Impact()
    assert one_kwh(meter("UTC", tariff=None, country="KR")).currency == "KRW"
    assert one_kwh(meter(SEOUL, tariff=None, country="GB")) == Impact(), "a British meter whose clock is set to Seoul"
    assert one_kwh(meter(SEOUL, tariff="gone")).cost is None


def test_a_meter_has_the_tariff_that_it_names_in_its_currency() -> None:
    leeds = KEPCO.model_copy(update={"country": "GB", "currency": "GBP", "default": False, "half_cost": 500.0})
    factor = DEFAULT.factors("KR")[0].model_copy(update={"version": "gb", "kg_co2e_per_kwh": 0.2})
    params = ImpactParams(tariffs={"kepco": KEPCO, "leeds": leeds}, emission_factors={"GB": (factor,)})
    found = one_kwh(meter("Europe/London", tariff="leeds"), params)
    assert (found.currency, found.half_cost, found.co2e_kg, found.version) == ("GBP", 500.0, 0.2, "kepco-2024-10-24+gb")
    assert one_kwh(meter("Europe/London", tariff=None), params).cost is None, "not a default of its country"


@pytest.mark.parametrize(
    ("day", "subdivision", "price"),
    [
        ("2025-08-15", None, 245.9),  # a Friday: Liberation Day in Korea, a working day in London
        ("2025-12-26", None, 117.9),  # Boxing Day
        ("2025-01-02", None, 221.5),  # a holiday in Scotland alone
        ("2025-01-02", "GB-SCT", 117.9),
        ("2025-07-05", None, 163.8),  # a Saturday
        ("2025-07-06", None, 245.9),  # a Sunday, which this tariff does not name
    ],
)
def test_free_days_are_those_that_the_tariff_names_where_the_meter_is(day: str, subdivision: str | None, price: float) -> None:
    days = {"light_days": (DayKind.HOLIDAY,), "no_peak_days": (DayKind.SATURDAY,)}
    versions = (KEPCO.versions[0].model_copy(update=days),)
    leeds = KEPCO.model_copy(update={"country": "GB", "currency": "GBP", "default": False, "versions": versions})
    whose = meter("Europe/London", tariff="leeds", subdivision=subdivision)
    noon = np.array([f"{day}T{'10' if day[5:7] in ('07', '08') else '11'}:00"], dtype="datetime64[us]")  # 11:00 on the clock, a peak hour
    assert impact(ImpactParams(tariffs={"leeds": leeds}), whose, noon, 900, np.ones(1)).cost == pytest.approx(price)


def test_a_table_of_another_country_has_no_free_days_unless_it_names_them() -> None:
    given = KEPCO.model_dump(mode="json")
    for version in given["versions"]:
        del version["light_days"], version["no_peak_days"]
    korean, british = (ImpactParams.model_validate({"tariffs": {"a": {**given, "country": one}}}).tariffs["a"] for one in ("KR", "GB"))
    assert korean == KEPCO
    assert {(one.light_days, one.no_peak_days) for one in british.versions} == {((), ())}


def test_severity_without_money_is_that_of_the_energy() -> None:
    assert severity(Impact(), 0.9, 50.0, 200.0, 24.0) == pytest.approx((0.9 + 0.5 + 0.5) / 3)


def test_a_country_has_one_default_tariff() -> None:
    with pytest.raises(ValueError, match="KR has several default tariffs"):
        ImpactParams(tariffs={"a": KEPCO, "b": KEPCO})


def test_parameters_of_an_earlier_version_are_read() -> None:
    old = {
        "currency": "KRW",
        "half_cost": 5,
        "tariffs": [one.model_dump(mode="json") for one in KEPCO.versions],
        "emission_factors": [one.model_dump(mode="json") for one in DEFAULT.factors("KR")],
    }
    read = ImpactParams.model_validate(old)
    assert read.tariffs == {"kepco": KEPCO.model_copy(update={"half_cost": 5.0})}
    assert read.factors("KR") == DEFAULT.factors("KR")
    with pytest.raises(ValueError, match="tariffs have names, and factors a country"):
        ImpactParams.model_validate({**old, "currency": "EUR"})


def price(local: str, *, usage: UsageType = UsageType.INDUSTRIAL, zone: str = SEOUL, interval_s: int = 900, params: Any = DEFAULT) -> float:
    """Of one kWh too much in an interval that starts then, on the clock of the zone."""
    from zoneinfo import ZoneInfo

    start = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
    found = impact(params, meter(zone, usage), np.array([start], dtype="datetime64[us]"), interval_s, np.ones(1))
    assert found.cost is not None
    return round(found.cost, 4)


def test_the_prices_of_2026_are_those_of_2024_with_the_changes_announced() -> None:
    """13 March 2026: the light load 5.1 KRW dearer, the peak 16.9 cheaper, 13.2 in spring and autumn; the mid load stays."""
    before, after = (tariff.prices[UsageType.INDUSTRIAL] for tariff in KEPCO.versions)
    for season, peak in ((TariffSeason.SUMMER, -16.9), (TariffSeason.SPRING_AUTUMN, -13.2), (TariffSeason.WINTER, -16.9)):
        old, new = before[season], after[season]
        assert isinstance(old, dict)
        assert isinstance(new, dict)
        assert [round(new[band] - old[band], 1) for band in Band] == [5.1, 0.0, peak]


@pytest.mark.parametrize(
    ("local", "krw"),
    [
        ("2025-07-01 07:45", 110.9),  # a Tuesday in summer
        ("2025-07-01 08:00", 163.8),
        ("2025-07-01 11:00", 245.9),
        ("2025-07-01 12:00", 163.8),
        ("2025-07-01 17:45", 245.9),
        ("2025-07-01 22:00", 110.9),
        ("2025-04-01 14:00", 164.1),
        ("2025-12-02 09:00", 221.5),
        ("2025-12-02 13:00", 164.0),
        ("2025-12-02 23:00", 117.9),
        ("2025-07-05 11:00", 163.8),  # Saturday: no peak
        ("2025-07-06 11:00", 110.9),  # Sunday: light all day
        ("2025-08-15 11:00", 110.9),  # Liberation Day
        ("2026-04-15 18:00", 133.4),
        ("2026-04-16 18:00", 150.9),  # from this day on the peak is in the evening, cheaper, and the night dearer
        ("2026-07-01 11:00", 163.8),
        ("2026-07-01 20:45", 229.0),
        ("2026-07-01 22:00", 116.0),
        ("2026-12-01 09:00", 204.6),  # the hours of winter are the old ones
        ("2026-04-11 12:00", 133.4),  # before that day a Saturday noon has no discount
        ("2026-09-05 12:00", 66.7),
        ("2026-09-06 12:00", 58.0),
        ("2026-09-07 12:00", 133.4),
        ("2020-07-01 11:00", 245.9),  # before the first tariff its own prices hold
    ],
)
def test_koreas_industrial_tariff(local: str, krw: float) -> None:
    assert price(local) == krw


def test_usage_types_have_prices_of_their_own_or_the_industrial_ones() -> None:
    winter_peak = "2025-12-02 09:00"
    prices = {usage: price(winter_peak, usage=usage) for usage in UsageType}
    assert list(prices.values()) == [221.5, 197.9, 103.5, 65.9]
    (first, *_) = KEPCO.versions
    industrial = first.model_copy(update={"prices": {UsageType.INDUSTRIAL: first.prices[UsageType.INDUSTRIAL]}})
    only = ImpactParams(tariffs={"kepco": KEPCO.model_copy(update={"versions": (industrial,)})})
    assert price(winter_peak, usage=UsageType.GENERAL, params=only) == 221.5


def test_the_clock_is_that_of_the_meter() -> None:
    """11:00 in Kathmandu, a quarter of an hour off all whole hours, is a peak hour there."""
    assert price("2025-07-01 11:00", zone="Asia/Kathmandu") == 245.9
    assert price("2025-07-01 10:45", zone="Asia/Kathmandu") == 163.8


def test_a_long_interval_costs_the_mean_of_its_hours() -> None:
    """Of a summer's day: ten light hours, eight mid ones, six of peak."""
    assert price("2025-07-01 00:00", interval_s=86_400) == pytest.approx((10 * 110.9 + 8 * 163.8 + 6 * 245.9) / 24)
    assert price("2025-07-01 10:00", interval_s=3600) == 163.8


def test_on_the_day_the_clock_goes_back_an_hour_comes_twice() -> None:
    """26 October 2025 in Berlin, a Sunday, has 25 hours, all light."""
    starts = np.arange("2025-10-25T22:00", "2025-10-26T23:00", np.timedelta64(1, "h"), dtype="datetime64[us]")
    found = impact(DEFAULT, meter("Europe/Berlin"), starts, 3600, np.ones(25))
    assert found.cost == pytest.approx(25 * 110.9)


def test_emissions_are_those_of_the_year_and_the_version_names_both() -> None:
    starts = np.array(
        ["2022-12-31T14:45", "2022-12-31T15:00"], dtype="datetime64[us]"
    )  # the last quarter of 2022 in Seoul, the first of 2023
    found = impact(DEFAULT, meter(), starts, 900, np.array([10.0, -20.0]))
    assert found.co2e_kg == pytest.approx(10 * 0.4541 - 20 * 0.4173)
    assert found.version == "kepco-2024-10-24+kr-2023"


def test_prices_can_be_replaced_by_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bands = {"light": [[21, 7]], "mid": [[7, 21]], "peak": []}
    ours = {
        "version": "ours-2030",
        "source": "our contract",
        "valid_from": "2030-01-01",
        "months": {"summer": [4, 5, 6, 7, 8, 9], "spring_autumn": [], "winter": [10, 11, 12, 1, 2, 3]},
        "bands": dict.fromkeys(("summer", "spring_autumn", "winter"), bands),
        "prices": {"industrial": {"summer": {"light": 0.1, "mid": 0.2, "peak": 0.2}, "spring_autumn": 0.3, "winter": 0.4}},
    }
    impact_params = {"tariffs": {"kepco": {"country": "DE", "currency": "EUR", "half_cost": 700, "versions": [ours]}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"impact": impact_params}), encoding="utf-8")
    monkeypatch.setenv("ECOAI_PARAMS", str(tmp_path / "params.yaml"))
    params = load_settings().impact
    assert params.tariffs["kepco"].currency == "EUR"
    assert [price(local, zone="Europe/Berlin", params=params) for local in ("2025-07-01 06:45", "2025-07-01 07:00")] == [0.1, 0.2]
    starts = np.array(["2025-12-02T11:00"], dtype="datetime64[us]")
    found = impact(params, meter("Europe/Berlin", UsageType.GENERAL), starts, 900, np.array([3.0]))
    assert found == Impact(pytest.approx(1.2), "EUR", None, "ours-2030", 700.0)


def test_an_hour_without_a_band_is_named_with_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = yaml.safe_load((PROJECT / PARAMS).read_text(encoding="utf-8"))
    document["impact"]["tariffs"]["kepco"]["versions"][1]["bands"]["summer"]["light"] = [[23, 8]]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    monkeypatch.setenv("ECOAI_PARAMS", str(tmp_path / "params.yaml"))
    with pytest.raises(ValueError, match=r"params\.yaml.*impact\.tariffs\.kepco\.versions\.1.*kepco-2026-04-16, summer: .* hours \[22\]"):
        load_settings()


def test_a_day_that_has_no_midnight_costs_the_mean_of_its_23_hours() -> None:
    """In Cairo Friday the 26th of April 2024 began at 1:00: nine light hours, eight mid ones, six of peak."""
    cost = price("2024-04-26 01:00", zone="Africa/Cairo", interval_s=23 * 3600)
    assert cost == pytest.approx((9 * 110.9 + 8 * 133.4 + 6 * 164.1) / 23, abs=1e-4)


def test_without_anything_to_compare_or_a_tariff_there_is_no_cost() -> None:
    starts = np.array(["2025-07-01T00:00"], dtype="datetime64[us]")
    assert impact(DEFAULT, meter(), starts, 900, np.array([np.nan])) == Impact()
    assert impact(ImpactParams(), meter(tariff=None), starts, 900, np.ones(1)) == Impact()


def changed(**changes: Any) -> dict[str, Any]:
    return {**KEPCO.versions[0].model_dump(mode="json"), **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bands": {**changed()["bands"], "winter": {"light": [[22, 8]], "mid": [[8, 21]], "peak": []}}}, r"winter: .* hours \[21\]"),
        ({"bands": {**changed()["bands"], "summer": {"light": [[22, 9]], "mid": [[8, 22]], "peak": []}}}, r"summer: .* hours \[8\]"),
        ({"months": {"summer": [6, 7], "spring_autumn": [3, 4, 5, 9, 10], "winter": [11, 12, 1, 2]}}, "each month belongs to one season"),
        ({"prices": {"industrial": {"summer": 1, "winter": 2}}}, "industrial, spring_autumn: give one price"),
        ({"prices": {"general": {"summer": 1, "winter": 2, "spring_autumn": 3}}}, "industrial prices are missing"),
    ],
)
def test_a_tariff_with_a_hole_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Tariff.model_validate(changed(**changes))


def test_two_tariffs_of_one_day_are_refused() -> None:
    with pytest.raises(ValidationError, match=f"two hold from the same day: {date(2024, 10, 24)}"):
        ImpactParams.model_validate(
            {"tariffs": {"x": {**KEPCO.model_dump(mode="json"), "versions": [changed(), changed(version="other")]}}}
        )


def krw(cost: float) -> Impact:
    return Impact(cost, "KRW", half_cost=1_000_000)


def test_severity_grows_with_confidence_cost_and_length() -> None:
    base = severity(krw(10_000.0), 0.5, 100.0, 1000.0, 2.0)
    assert base == pytest.approx((0.5 + 100 / 350 + 2 / 26) / 3)
    assert severity(krw(10_000.0), 0.9, 100.0, 1000.0, 2.0) > base
    assert severity(krw(10_000.0), 0.5, 100.0, 1000.0, 20.0) > base
    assert severity(krw(-3e6), 0.5, 100.0, 1000.0, 2.0) == pytest.approx((0.5 + 0.75 + 2 / 26) / 3)
    assert severity(Impact(), 0.5, None, 0.0, 2.0) == pytest.approx((0.5 + 2 / 26) / 3)
