"""What a night found beside the night before: new, continued, split, merged."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from types import ModuleType

import polars as pl
import pytest

from ecoai_pipeline.detection.anomalies import materialize_anomalies
from ecoai_pipeline.detection.night import DetectionRun, Relation, detections_ledger, ranked, record_detections
from ecoai_pipeline.domain import SCORES, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

MARCH = Month(2022, 3)
METAL_MARCH = Partition(Industry.METAL, MARCH)
NOW = datetime(2022, 3, 12, 3, tzinfo=UTC)
ALARM = 1e-6
EVEN = {"a": 2.0, "b": 14.0}
SITES = {"a": "works", "b": "works", "c": None, "silent": "works"}


class Plant:
    """A lake with one meter whose scores of March can be restated, and whose nights can be recorded."""

    def __init__(self, lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
        self.lake, self.settings, self.portfolio = lake, settings, portfolio

    def scores(self, *hours: tuple[datetime, float], until: datetime | None = None, **columns: dict[datetime, float]) -> None:
        hot = {at: ALARM for start, length in hours for at in self.portfolio.span(start, round(length * 4))}
        frame = self.portfolio.alarmed("m", MARCH, hot, until=until, **columns)
        self.lake.write(SCORES, METAL_MARCH, [frame], fingerprint=str(frame.hash_rows(seed=1).sum()))
        materialize_anomalies(self.lake, self.settings, METAL_MARCH)

    def night(self, day: int, run_id: str = "run") -> DetectionRun:
        return record_detections(self.lake, Industry.METAL, date(2022, 3, day), run_id, NOW)


@pytest.fixture
def plant(lake: Lake, settings: Settings, portfolio: ModuleType) -> Plant:
    portfolio.register(lake, ["m"])
    return Plant(lake, settings, portfolio)


def at(day: int, hour: int) -> datetime:
    return datetime(2022, 3, day, hour, tzinfo=UTC)


def relations(run: DetectionRun) -> list[Relation]:
    return [detection.relation for detection in run.detections]


def test_an_event_of_the_day_is_new_the_first_night(plant: Plant) -> None:
    plant.scores((at(10, 8), 2), (at(12, 8), 2))
    run = plant.night(10)
    assert relations(run) == [Relation.NEW]
    assert (run.detections[0].start, run.detections[0].predecessors) == (at(10, 8), [])


def test_an_event_over_midnight_is_continued_the_next_night_under_the_same_name(plant: Plant) -> None:
    plant.scores((at(10, 22), 2), until=at(11, 0))
    first = plant.night(10)
    plant.scores((at(10, 22), 5), until=at(12, 0))
    second = plant.night(11)
    assert relations(second) == [Relation.CONTINUED]
    assert second.detections[0].event_id == first.detections[0].event_id
    assert second.detections[0].predecessors == [first.detections[0].event_id]


def test_an_event_whose_start_moved_is_continued_under_its_name(plant: Plant) -> None:
    plant.scores((at(10, 22), 2))
    first = plant.night(10)
    plant.scores((at(10, 20), 8))
    second = plant.night(11)
    assert relations(second) == [Relation.CONTINUED]
    assert second.detections[0].event_id == first.detections[0].event_id
    assert second.detections[0].start < first.detections[0].start


def test_an_event_that_was_cut_to_its_later_part_is_continued(plant: Plant) -> None:
    """Two hours alarm and are as expected; the next night the load has stopped since, and the event begins with the stop."""
    plant.scores((at(10, 22), 2), until=at(11, 0))
    first = plant.night(10)
    plant.scores((at(10, 22), 5), until=at(12, 0), kwh=dict.fromkeys(plant.portfolio.span(at(11, 0), 12), 0.0))
    second = plant.night(11)
    assert (first.detections[0].end, second.detections[0].start) == (at(11, 0), at(11, 0))
    assert relations(second) == [Relation.CONTINUED]
    assert second.detections[0].event_id == first.detections[0].event_id


def test_two_events_that_grew_together_are_merged(plant: Plant) -> None:
    plant.scores((at(10, 2), 2), (at(10, 20), 4))
    assert relations(plant.night(10)) == [Relation.NEW, Relation.NEW]
    plant.scores((at(10, 2), 25))
    run = plant.night(11)
    assert relations(run) == [Relation.MERGED]
    assert len(run.detections[0].predecessors) == 2


def test_one_event_that_fell_apart_is_split(plant: Plant) -> None:
    plant.scores((at(10, 21), 20))
    plant.night(10)
    plant.scores((at(10, 21), 4), (at(11, 15), 2))
    assert relations(plant.night(11)) == [Relation.SPLIT, Relation.SPLIT]


def test_the_same_night_again_on_the_same_data_appends_nothing(plant: Plant) -> None:
    plant.scores((at(10, 8), 2))
    plant.night(10, "first")
    assert plant.night(10, "second").run_id == "first"
    assert len(detections_ledger(plant.lake).read()) == 1
    plant.scores((at(10, 8), 3))
    assert plant.night(10, "third").run_id == "third"
    assert len(detections_ledger(plant.lake).read()) == 2


def test_a_night_run_again_is_compared_with_the_night_before_it_not_with_itself(plant: Plant) -> None:
    plant.scores((at(10, 8), 2))
    plant.night(10)
    plant.scores((at(10, 8), 3))
    assert relations(plant.night(10)) == [Relation.NEW]


def test_a_day_is_the_local_day_of_the_meter(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    """16:00 UTC on the 10th is 01:00 on the 11th in Seoul."""
    portfolio.register(lake, ["m"], zone="Asia/Seoul")
    plant = Plant(lake, settings, portfolio)
    plant.scores((at(10, 16), 1))
    assert plant.night(10).detections == []
    assert relations(plant.night(11)) == [Relation.NEW]


def test_a_site_shows_its_most_severe_events_and_keeps_the_others_on_record(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    """Meters a and b stand on one site, c on none; the meter without data is shown beside the one event of its site.

    The surer event is the more severe one; of two that are as sure the one that moved more energy.
    """
    rows = [
        Meter(m, Industry.METAL, UsageType.INDUSTRIAL, "UTC", signed=False, valid_from=date(2000, 1, 1), site=s) for m, s in SITES.items()
    ]
    MeterRegistry(lake).register(rows, origin="test", at=NOW)
    p = {"a": 1e-5, "b": 1e-8, "c": 1e-5}
    hot = [portfolio.alarmed(m, MARCH, dict.fromkeys(portfolio.span(at(10, 8), 4), value)) for m, value in p.items()]
    frame = pl.concat([*hot, portfolio.alarmed("silent", MARCH, quality=dict.fromkeys(portfolio.span(at(10, 6), 40), "missing"))])
    lake.write(SCORES, METAL_MARCH, [frame], fingerprint="sites")
    materialize_anomalies(lake, settings, METAL_MARCH)

    def shown(top: int) -> dict[str, bool]:
        run = record_detections(lake, Industry.METAL, date(2022, 3, 10), f"top {top}", NOW, top_per_site=top)
        return {one.meter_id: one.shown for one in run.detections}

    assert shown(1) == {"a": False, "b": True, "c": True, "silent": True}
    assert shown(0) == dict.fromkeys(SITES, True)
    ranks = {one.meter_id: one.rank for one in detections_ledger(lake).read()[-1][1].detections}
    assert ranks == {"a": 2, "b": 1, "c": 1, "silent": None}
    hot_hour = portfolio.span(at(10, 8), 4)
    even = [portfolio.alarmed(m, MARCH, dict.fromkeys(hot_hour, 1e-6), kwh=dict.fromkeys(hot_hour, kwh)) for m, kwh in EVEN.items()]
    kept = detections_ledger(lake).read()
    lake.write(SCORES, METAL_MARCH, even, fingerprint="even")
    materialize_anomalies(lake, settings, METAL_MARCH)
    assert shown(1) == {"a": True, "b": False}
    assert {one.meter_id: one.shown for one in kept[0][1].detections} == {"a": False, "b": True, "c": True, "silent": True}


def rows(**columns: list[object]) -> pl.DataFrame:
    """Events as far as they are ranked, of meters named as the events are."""
    names = columns["event_id"]
    usual: dict[str, list[object]] = {"meter_id": names, "category": ["energy"] * len(names)}
    types = {"severity": pl.Float64, "cost": pl.Float64, "p": pl.Float64}
    return pl.DataFrame({**usual, **columns}, schema_overrides=types)


def at_sites(sites: dict[str, str | None]) -> dict[str, Meter]:
    return {
        m: Meter(m, Industry.METAL, UsageType.INDUSTRIAL, "UTC", signed=False, valid_from=date(2000, 1, 1), site=s)
        for m, s in sites.items()
    }


def test_the_most_severe_comes_first_then_the_costlier_then_the_less_likely() -> None:
    events = rows(
        event_id=["mild", "cheap", "likely", "rare", "saved", "free"],
        severity=[0.2, 0.5, 0.5, 0.5, 0.5, 0.5],
        cost=[9e6, 10.0, 1e5, 1e5, -2e6, None],
        p=[1e-9, 1e-9, 1e-5, 1e-7, 1e-3, 1e-9],
    )
    order = ranked(events, at_sites(dict.fromkeys(events["event_id"], "works"))).sort("rank")
    assert order["event_id"].to_list() == ["saved", "rare", "likely", "cheap", "free", "mild"]
    assert order["rank"].to_list() == [1, 2, 3, 4, 5, 6]


def test_a_site_ranks_for_itself_and_faults_of_its_counters_have_no_rank() -> None:
    """A meter without a site, and one that the registry does not know, are sites of their own."""
    events = rows(
        event_id=["a", "b", "c", "unknown", "counter"],
        category=["energy", "energy", "energy", "energy", "data_quality"],
        severity=[0.3, 0.6, 0.1, 0.2, 0.9],
        cost=[1.0, 1.0, 1.0, 1.0, None],
        p=[1e-5, 1e-5, 1e-5, 1e-5, None],
    )
    found = ranked(events, at_sites({"a": "works", "b": "works", "c": None, "counter": "works"}))
    assert {name: (site, rank) for name, site, rank in found.select("event_id", "site", "rank").iter_rows()} == {
        "a": ("works", 2),
        "b": ("works", 1),
        "c": ("c", 1),
        "unknown": ("unknown", 1),
        "counter": ("works", None),
    }


def test_a_record_from_before_there_were_ranks_is_still_read_and_gone_on_from(plant: Plant) -> None:
    plant.scores((at(10, 22), 5), until=at(11, 0))
    plant.night(10)
    ledger = detections_ledger(plant.lake)
    (file,) = ledger.folder.glob("*.json")
    record = json.loads(file.read_text(encoding="utf-8"))
    for detection in record["detections"]:
        assert detection.pop("rank") == 1
        assert 0 < detection.pop("severity") < 1
    file.write_text(json.dumps(record), encoding="utf-8")
    ((_, old),) = ledger.read()
    assert [(one.severity, one.rank, one.shown) for one in old.detections] == [(None, None, True)]
    plant.scores((at(10, 22), 5), until=at(12, 0))
    assert relations(plant.night(11)) == [Relation.CONTINUED]
