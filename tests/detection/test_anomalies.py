"""The nightly table on a lake: over a month's end, run again, merged for a reader."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import ModuleType

import polars as pl
import pytest

from ecoai_pipeline.detection.anomalies import anomalies_fingerprint, costs, materialize_anomalies, merged_events
from ecoai_pipeline.domain import ANOMALIES, SCORES, Industry, Month, Partition, UsageType
from ecoai_pipeline.settings import Settings, StorageParams
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.tariffs import ImpactParams, TariffSeason

MARCH, APRIL, MAY = Month(2022, 3), Month(2022, 4), Month(2022, 5)
TURN = datetime(2022, 4, 1, tzinfo=UTC)
START = TURN - timedelta(hours=5)
ALARM = 1e-6


def metal(month: Month) -> Partition:
    return Partition(Industry.METAL, month)


def write_scores(lake: Lake, month: Month, *frames: pl.DataFrame) -> None:
    lake.write(SCORES, metal(month), frames, fingerprint=str(pl.concat(frames).hash_rows(seed=1).sum()))


@pytest.fixture
def over_the_end(lake: Lake, portfolio: ModuleType) -> Lake:
    """Meters a and b; an event of b runs from five hours before April to three hours into it, 4 kWh too high."""
    portfolio.register(lake, ["a", "b"])
    old, new = portfolio.span(START, 20), portfolio.span(TURN, 12)
    for month, hot in ((MARCH, old), (APRIL, new)):
        strange = portfolio.alarmed("b", month, dict.fromkeys(hot, ALARM), kwh=dict.fromkeys(hot, 14.0))
        write_scores(lake, month, portfolio.alarmed("a", month), strange)
    return lake


def test_rows_of_one_event_in_two_months_share_name_and_start(over_the_end: Lake, settings: Settings) -> None:
    for month in (MARCH, APRIL):
        materialize_anomalies(over_the_end, settings, metal(month))
    rows = over_the_end.read(ANOMALIES, [metal(MARCH), metal(APRIL)])
    assert rows["event_id"].n_unique() == 1
    assert rows["start"].to_list() == [START, START]
    assert rows["status"].to_list() == ["ongoing", "closed"]
    assert rows["excess_kwh"].to_list() == pytest.approx([80, 48])
    assert rows.select("industry", "usage_type", "resolution", "kind").unique().rows() == [("metal", "industrial", "mid", "plateau")]
    assert rows["data_version"].to_list() == [over_the_end.info(SCORES, metal(month)).content for month in (MARCH, APRIL)]


def test_a_reader_sees_the_event_once_with_all_its_energy(over_the_end: Lake, settings: Settings) -> None:
    for month in (MARCH, APRIL):
        materialize_anomalies(over_the_end, settings, metal(month))
    event = merged_events(over_the_end, list(Industry)).row(0, named=True)
    assert merged_events(over_the_end, [Industry.METAL]).height == 1
    assert (event["start"], event["end"], event["status"]) == (START, TURN + timedelta(hours=3), "closed")
    assert (event["excess_kwh"], event["readings"], event["alarmed"]) == (pytest.approx(128), 32, 32)


def test_an_event_that_is_as_expected_for_hours_before_the_months_end_goes_on_under_its_name(
    lake: Lake, settings: Settings, portfolio: ModuleType
) -> None:
    """In March it ends two hours after its start, by April it is known to have gone on."""
    portfolio.register(lake, ["b"])
    for month, hot, far in ((MARCH, portfolio.span(START, 20), 8), (APRIL, portfolio.span(TURN, 12), 12)):
        kwh = {moment: 14.0 + k % 2 for k, moment in enumerate(hot[:far])}
        write_scores(lake, month, portfolio.alarmed("b", month, dict.fromkeys(hot, ALARM), kwh=kwh))
        materialize_anomalies(lake, settings, metal(month))
    rows = lake.read(ANOMALIES, [metal(MARCH), metal(APRIL)])
    assert rows["end"].to_list() == [START + timedelta(hours=2), TURN + timedelta(hours=3)]
    assert rows["start"].to_list() == [START, START]
    assert merged_events(lake, [Industry.METAL]).height == 1


def test_shares_are_weighed_as_the_scores_say_their_models_do(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    portfolio.register(lake, ["b"])
    hot = dict.fromkeys(portfolio.span(START, 4), ALARM)
    frame = portfolio.alarmed("b", MARCH, hot, p_profile=dict.fromkeys(hot, 1e-2), p_usad=dict.fromkeys(hot, 1e-2))
    facts = {"weights": {frame["model_version"][0]: {"profile": 3.0, "usad": 1.0}}}
    lake.write(SCORES, metal(MARCH), [frame], fingerprint="weighed", facts=facts)
    materialize_anomalies(lake, settings, metal(MARCH))
    assert lake.read(ANOMALIES, metal(MARCH)).select("share_profile", "share_usad").row(0) == pytest.approx((0.75, 0.25))


def test_a_reader_may_ask_from_a_day_on(over_the_end: Lake, settings: Settings) -> None:
    for month in (MARCH, APRIL):
        materialize_anomalies(over_the_end, settings, metal(month))
    assert merged_events(over_the_end, [Industry.METAL], date(2022, 4, 1)).height == 1
    assert merged_events(over_the_end, [Industry.METAL], date(2022, 4, 2)).height == 0
    assert merged_events(over_the_end, [Industry.FOOD]).schema == merged_events(over_the_end, [Industry.METAL]).schema


def test_an_event_that_the_next_month_does_not_go_on_with_is_closed_for_a_reader(
    over_the_end: Lake, settings: Settings, portfolio: ModuleType
) -> None:
    materialize_anomalies(over_the_end, settings, metal(MARCH))
    over_the_end.path(SCORES, metal(APRIL)).unlink()
    assert merged_events(over_the_end, [Industry.METAL])["status"].to_list() == ["ongoing"]
    write_scores(over_the_end, APRIL, portfolio.alarmed("a", APRIL), portfolio.scored("b", APRIL))
    materialize_anomalies(over_the_end, settings, metal(APRIL))
    assert merged_events(over_the_end, [Industry.METAL])["status"].to_list() == ["closed"]


def test_equal_scores_are_not_looked_at_twice(over_the_end: Lake, settings: Settings) -> None:
    materialize_anomalies(over_the_end, settings, metal(MARCH))
    again = materialize_anomalies(over_the_end, settings, metal(MARCH))
    assert (again.changed, again.skipped) == (False, True)


def test_cost_and_emissions_of_an_event_are_those_of_its_months_together(over_the_end: Lake, settings: Settings) -> None:
    """20 quarters of 4 kWh too much from 19:00 to midnight UTC on Thursday the 31st of March: 3 h mid, 2 h light; 12 after it, light."""
    for month in (MARCH, APRIL):
        materialize_anomalies(over_the_end, settings, metal(month))
    parts = over_the_end.read(ANOMALIES, [metal(MARCH), metal(APRIL)])
    assert parts["cost"].to_list() == pytest.approx([4 * (12 * 133.4 + 8 * 110.9), 4 * 12 * 110.9])
    event = merged_events(over_the_end, [Industry.METAL]).row(0, named=True)
    assert event["cost"] == pytest.approx(parts["cost"].sum())
    assert event["co2e_kg"] == pytest.approx(128 * 0.4541)


def test_an_event_over_months_names_the_newest_tariff_that_its_energy_was_priced_by(over_the_end: Lake, settings: Settings) -> None:
    """From April on another tariff and another factor hold; where nothing of April could be priced, those of March are the newest."""
    kepco, factor = settings.impact.tariffs["kepco"], settings.impact.factors("KR")[0]
    tariff = kepco.versions[0]
    early, spring = {"version": "old", "valid_from": date(2000, 1, 1)}, {"version": "new", "valid_from": TURN.date()}
    tariffs = tuple(tariff.model_copy(update=one) for one in (early, spring))
    factors = tuple(factor.model_copy(update=one) for one in (early, spring))
    ours = ImpactParams(tariffs={"kepco": kepco.model_copy(update={"versions": tariffs})}, emission_factors={"KR": factors})
    changed = settings.model_copy(update={"impact": ours})
    for month in (MARCH, APRIL):
        materialize_anomalies(over_the_end, changed, metal(month))
    parts = over_the_end.read(ANOMALIES, [metal(MARCH), metal(APRIL)])
    assert parts["tariff_version"].to_list() == ["old+old", "new+new"]
    assert merged_events(over_the_end, [Industry.METAL])["tariff_version"].to_list() == ["new+new"]
    unpriced = over_the_end.read(ANOMALIES, metal(APRIL)).with_columns(tariff_version=pl.lit(None, pl.String))
    over_the_end.write(ANOMALIES, metal(APRIL), [unpriced], fingerprint="unpriced")
    assert merged_events(over_the_end, [Industry.METAL])["tariff_version"].to_list() == ["old+old"]


def test_costs_in_two_currencies_are_never_added(over_the_end: Lake, settings: Settings) -> None:
    """A meter that pays in pounds from April on: the event over the end of March has a cost in each month, and none in sum."""
    for month in (MARCH, APRIL):
        materialize_anomalies(over_the_end, settings, metal(month))
    pounds = over_the_end.read(ANOMALIES, metal(APRIL)).with_columns(currency=pl.lit("GBP"))
    over_the_end.write(ANOMALIES, metal(APRIL), [pounds], fingerprint="in pounds")
    parts = over_the_end.read(ANOMALIES, [metal(MARCH), metal(APRIL)])
    assert costs(parts) == dict(zip(parts["currency"], parts["cost"], strict=True))
    assert merged_events(over_the_end, [Industry.METAL])["cost"].to_list() == [None]


def test_a_tariff_of_another_country_makes_nothing_stale(over_the_end: Lake, settings: Settings) -> None:
    leeds = settings.impact.tariffs["kepco"].model_copy(update={"country": "GB", "currency": "GBP"})
    more = settings.impact.model_copy(update={"tariffs": {**settings.impact.tariffs, "leeds": leeds}})
    before = anomalies_fingerprint(over_the_end, settings, metal(MARCH))
    assert anomalies_fingerprint(over_the_end, settings.model_copy(update={"impact": more}), metal(MARCH)) == before


def test_another_price_makes_anomalies_again_and_no_scores(over_the_end: Lake, settings: Settings) -> None:
    materialize_anomalies(over_the_end, settings, metal(MARCH))
    scores, before = over_the_end.info(SCORES, metal(MARCH)).content, over_the_end.read(ANOMALIES, metal(MARCH))
    kepco = settings.impact.tariffs["kepco"]
    tariff = kepco.versions[0]
    flat = {"version": "ours", "prices": {UsageType.INDUSTRIAL: dict.fromkeys(TariffSeason, 82.1)}}
    table = kepco.model_copy(update={"versions": (tariff.model_copy(update=flat),)})
    ours = settings.impact.model_copy(update={"tariffs": {"kepco": table}})
    dearer = settings.model_copy(update={"impact": ours})
    again = materialize_anomalies(over_the_end, dearer, metal(MARCH))
    assert (again.changed, again.skipped) == (True, False)
    after = over_the_end.read(ANOMALIES, metal(MARCH))
    assert after["cost"].to_list() == pytest.approx([80 * 82.1])
    assert after["tariff_version"].to_list() == ["ours+kr-2020-2022"]
    same = [name for name in ANOMALIES.names if name not in ("cost", "tariff_version", "severity")]
    assert after.select(same).equals(before.select(same))
    assert over_the_end.info(SCORES, metal(MARCH)).content == scores


@pytest.mark.parametrize("changed", [{"zone": "Asia/Seoul"}, {"usage": UsageType.GENERAL}], ids=["zone", "usage type"])
def test_a_meter_in_another_zone_or_of_another_usage_type_costs_anew(
    over_the_end: Lake, settings: Settings, portfolio: ModuleType, changed: dict[str, str]
) -> None:
    materialize_anomalies(over_the_end, settings, metal(MARCH))
    before, cost = anomalies_fingerprint(over_the_end, settings, metal(MARCH)), over_the_end.read(ANOMALIES, metal(MARCH))["cost"]
    portfolio.register(over_the_end, ["b"], **changed)
    assert anomalies_fingerprint(over_the_end, settings, metal(MARCH)) != before
    materialize_anomalies(over_the_end, settings, metal(MARCH))
    assert over_the_end.read(ANOMALIES, metal(MARCH))["cost"].to_list() != cost.to_list()


def test_a_restated_month_changes_the_next_until_bytes_stop_changing(over_the_end: Lake, settings: Settings, portfolio: ModuleType) -> None:
    write_scores(over_the_end, MAY, portfolio.alarmed("a", MAY), portfolio.scored("b", MAY))
    for month in (MARCH, APRIL, MAY):
        materialize_anomalies(over_the_end, settings, metal(month))
    earlier = portfolio.span(START - timedelta(hours=1), 24)
    restated = portfolio.alarmed("b", MARCH, dict.fromkeys(earlier, ALARM))
    write_scores(over_the_end, MARCH, portfolio.alarmed("a", MARCH), restated)
    changed = [materialize_anomalies(over_the_end, settings, metal(month)).changed for month in (MARCH, APRIL, MAY)]
    assert changed == [True, True, False]
    assert over_the_end.read(ANOMALIES, metal(APRIL))["start"].to_list() == [START - timedelta(hours=1)]


def test_chunks_of_meters_give_the_same_rows_as_one_chunk(over_the_end: Lake, settings: Settings) -> None:
    materialize_anomalies(over_the_end, settings, metal(MARCH))
    whole = over_the_end.read(ANOMALIES, metal(MARCH)).drop("data_version")
    chunked = Lake(over_the_end.root, StorageParams(row_group_rows=1))
    chunked.write(SCORES, metal(MARCH), chunked.read(SCORES, metal(MARCH)).partition_by("meter_id"), fingerprint="by meter")
    chunked.path(ANOMALIES, metal(MARCH)).unlink()
    materialize_anomalies(chunked, settings, metal(MARCH))
    assert chunked.read(ANOMALIES, metal(MARCH)).drop("data_version").equals(whole)


def test_a_meter_that_changed_its_industry_takes_its_open_event_along(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    from ecoai_pipeline.domain import Meter, UsageType
    from ecoai_pipeline.storage.registry import MeterRegistry

    portfolio.register(lake, ["b"])
    moved = Meter("b", Industry.FOOD, UsageType.GENERAL, "UTC", signed=False, valid_from=date(2022, 4, 1))
    MeterRegistry(lake).register([moved], origin="test", at=TURN)
    write_scores(lake, MARCH, portfolio.alarmed("b", MARCH, dict.fromkeys(portfolio.span(START, 20), ALARM)))
    food = Partition(Industry.FOOD, APRIL)
    lake.write(SCORES, food, [portfolio.alarmed("b", APRIL, dict.fromkeys(portfolio.span(TURN, 4), ALARM))], fingerprint="x")
    materialize_anomalies(lake, settings, metal(MARCH))
    materialize_anomalies(lake, settings, food)
    rows = lake.read(ANOMALIES, [metal(MARCH), food])
    assert rows["event_id"].n_unique() == 1
    assert rows.select("industry", "usage_type").rows() == [("metal", "industrial"), ("food", "general")]


def test_a_meter_that_the_registry_does_not_know_is_named(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    write_scores(lake, MARCH, portfolio.alarmed("stray", MARCH, {START: ALARM}))
    with pytest.raises(ValueError, match="metal 2022-03: meter 'stray' has scores and is not in the meter registry"):
        materialize_anomalies(lake, settings, metal(MARCH))


def test_a_month_without_scores_succeeds_with_no_rows(lake: Lake, settings: Settings) -> None:
    assert materialize_anomalies(lake, settings, metal(MARCH)).info.rows == 0
