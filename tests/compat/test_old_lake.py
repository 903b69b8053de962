"""What a lake of an earlier version must keep through every change of a layout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ecoai_pipeline.detection.anomalies import materialize_anomalies, merged_events
from ecoai_pipeline.detection.drift import materialize_drift
from ecoai_pipeline.detection.night import detections_ledger
from ecoai_pipeline.detection.revisions import Because, Revision, revisions_ledger
from ecoai_pipeline.detection.scoring import materialize_scores
from ecoai_pipeline.domain import (
    ANOMALIES,
    ARRIVALS,
    FEATURES,
    LABELS,
    PARTITIONED,
    QUARANTINE,
    RAW_READINGS,
    SCORES,
    VALIDATED_READINGS,
    WEATHER,
    Industry,
    Month,
    Partition,
)
from ecoai_pipeline.features.build import materialize_features
from ecoai_pipeline.quality.validate import materialize_validated
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.storage.erasure import Tombstones
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.model_registry import ModelRegistry
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.compat.conftest import stored, unpacked

LAYERS = (materialize_raw, materialize_validated, materialize_features, materialize_scores, materialize_drift, materialize_anomalies)
MARCH = [Partition(industry, Month(2025, 3)) for industry in (Industry.METAL, Industry.FOOD)]


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The same lake, all of its tables made again by this version."""
    lake, settings = unpacked(tmp_path_factory.mktemp("remade")), Settings()
    partitions = lake.partitions(RAW_READINGS)
    for make in LAYERS:
        for partition in sorted(partitions, key=lambda one: (one.industry, one.month)):
            make(lake, settings, partition)
    return lake


@pytest.mark.parametrize("table", PARTITIONED, ids=lambda table: table.name)
def test_every_table_is_read_as_it_was_written(old: Lake, table) -> None:
    partitions = old.partitions(table)
    assert partitions
    for partition in partitions:
        written = stored(old, table, partition)
        assert_frame_equal(old.read(table, partition).select(written.columns), written)


@pytest.mark.parametrize("table", [QUARANTINE, LABELS, WEATHER, ARRIVALS], ids=lambda table: table.name)
def test_the_tables_of_a_statement_are_there(old: Lake, table) -> None:
    landing = Landing(old)
    rows = {
        one.statement_id: pl.read_parquet(landing.table_path(table, one.statement_id)).height
        for one in landing.book.in_force()
        if landing.table_path(table, one.statement_id).exists()
    }
    assert sum(rows.values()) == {"quarantine": 2, "labels": 1, "weather": 672, "arrivals": 0}[table.name]


def test_the_ledgers_are_read(old: Lake) -> None:
    landing = Landing(old)
    assert len(list(detections_ledger(old).read())) == 16
    assert [len(one.lost) + len(one.gained) for _, one in revisions_ledger(old).read()] == [4]
    assert {one.industry for one in ModelRegistry(old).entries()} == {Industry.METAL, Industry.FOOD}
    assert (len(landing.book.in_force()), bool(Tombstones(old).any)) == (10, True)
    assert MeterRegistry(old).at("w-1", Month(2025, 2)).industry is Industry.FOOD  # type: ignore[union-attr]


@pytest.mark.parametrize("table", [RAW_READINGS, VALIDATED_READINGS], ids=lambda table: table.name)
def test_readings_made_again_are_equal(old: Lake, remade: Lake, table) -> None:
    for partition in old.partitions(table):
        before = stored(old, table, partition)
        assert_frame_equal(stored(remade, table, partition).select(before.columns), before)
        if stored(remade, table, partition).columns == before.columns:
            assert remade.info(table, partition).content == old.info(table, partition).content


def test_old_models_score_the_same_readings(old: Lake, remade: Lake) -> None:
    for partition in MARCH:
        before, after = old.read(SCORES, partition), remade.read(SCORES, partition)
        assert_frame_equal(
            after.select("meter_id", "timestamp", "kwh", "model_version"), before.select("meter_id", "timestamp", "kwh", "model_version")
        )
        assert after["p"].null_count() == before["p"].null_count()
        assert remade.info(FEATURES, partition).rows == old.info(FEATURES, partition).rows


def test_events_that_changed_are_in_the_ledger_of_revisions_with_the_reason(old: Lake, remade: Lake) -> None:
    entries = [one for _, one in revisions_ledger(remade).read()][1:]
    assert all(one.because for one in entries)
    assert all({Because.PROGRAM, Because.PARAMETERS} & set(one.because) for one in entries)
    before, after = _events(old), _events(remade)
    assert _ids(entries, "lost") == before.keys() - after.keys()
    assert _ids(entries, "gained") == after.keys() - before.keys()
    assert _ids(entries, "changed") == {name for name in before.keys() & after.keys() if before[name] != after[name]}


def test_an_event_changed_by_the_program_alone_is_entered_as_such(old: Lake, tmp_path: Path, settings: Settings) -> None:
    """Events are found with another threshold of energy, as a changed parameter asks; the readings are the same."""
    lake = unpacked(tmp_path)
    events = settings.detection.events.model_copy(update={"min_excess_kwh": 1e9})
    changed = settings.model_copy(update={"detection": settings.detection.model_copy(update={"events": events})})
    materialize_anomalies(lake, changed, MARCH[1])
    entry = [one for _, one in revisions_ledger(lake).read()][-1]
    assert entry.because[0] is Because.PARAMETERS
    assert {one.event_id for one in entry.lost} == {
        name for name, (category, *_) in _events(old, MARCH[1:]).items() if category == "energy"
    }


def _events(lake: Lake, partitions: Iterable[Partition] = MARCH) -> dict[str, tuple[object, ...]]:
    columns = ["category", "kind", "end", *(pl.col(name).round(3) for name in ("expected_kwh", "actual_kwh", "excess_kwh"))]
    frame = lake.read(ANOMALIES, partitions)
    return dict(zip(frame["event_id"], frame.select(columns).iter_rows(), strict=True))


def _ids(entries: list[Revision], what: str) -> set[str]:
    return {event.event_id for one in entries for event in getattr(one, what)}


def test_the_view_over_months_has_the_old_events(old: Lake) -> None:
    events = merged_events(old, [Industry.FOOD, Industry.METAL])
    assert (events.height, events.filter(pl.col("kind") == "outage").height) == (11, 3)
