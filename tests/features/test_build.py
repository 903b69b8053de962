"""The layer as a whole: written once, written again when something it was made from changes, spectra beside it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from ecoai_pipeline.domain import FEATURES, SPECTRA, VALIDATED_READINGS, Industry, Month, Partition
from ecoai_pipeline.features.build import materialize_features
from ecoai_pipeline.settings import FeatureParams, Settings, StorageParams
from ecoai_pipeline.storage.lake import Lake
from tests.features.plant import Plant, month_times

FEBRUARY, MARCH = Month(2022, 2), Month(2022, 3)
PARTITION = Partition(Industry.METAL, MARCH)


@pytest.fixture
def month(plant: Plant) -> Plant:
    times = month_times(MARCH)
    for phase, meter_id in enumerate("abc"):
        plant.meter(meter_id)
        plant.read(meter_id, times, 50 + 10 * np.sin(2 * np.pi * (np.arange(len(times)) + phase) / 96), MARCH)
    return plant


def test_facts_say_what_was_done(month: Plant) -> None:
    facts = month.build(MARCH).info.facts
    assert facts == {
        "meters": 3,
        "imputed": 0,
        "unfilled": 0,
        "intervals": {"900": 3},
        "dropped": {"other_interval": 0, "no_place": 0},
        "spectra": month.spectra(MARCH).height,
    }


def test_a_second_run_does_nothing(month: Plant) -> None:
    first, second = month.build(MARCH), month.build(MARCH)
    assert (first.skipped, second.skipped) == (False, True)
    assert second.info == first.info


def test_the_month_before_the_zone_and_a_parameter_make_it_stale(month: Plant) -> None:
    month.build(MARCH)
    month.read("a", month_times(FEBRUARY)[-5:], [1.0] * 5, FEBRUARY)
    assert not month.build(MARCH).skipped
    month.meter("a", "Asia/Tokyo", since=date(2022, 1, 1))
    assert not month.build(MARCH).skipped
    month.settings = month.settings.model_copy(update={"features": FeatureParams(neighbours=3)})
    assert not month.build(MARCH).skipped
    assert month.build(MARCH).skipped


def test_spectra_that_were_lost_are_made_again(month: Plant) -> None:
    month.build(MARCH)
    spectra = month.spectra(MARCH)
    month.lake.path(SPECTRA, PARTITION).unlink()
    again = month.build(MARCH)
    assert (again.skipped, again.changed) == (False, False)
    assert month.spectra(MARCH).equals(spectra)


def test_a_month_without_any_period_is_not_made_again_for_that(plant: Plant) -> None:
    plant.meter("a")
    plant.read("a", month_times(MARCH)[:10], np.ones(10), MARCH)
    assert plant.build(MARCH).info.facts["spectra"] == 0
    assert plant.build(MARCH).skipped


def test_a_month_without_readings_has_no_rows(plant: Plant) -> None:
    assert plant.build(MARCH).info.rows == 0


def test_chunks_of_meters_give_the_same_rows_as_all_at_once(month: Plant, settings: Settings) -> None:
    month.build(MARCH)
    rows = month.features(MARCH)
    small = Lake(month.lake.root, StorageParams(row_group_rows=1000))
    small.write(VALIDATED_READINGS, PARTITION, month.lake.chunks(VALIDATED_READINGS, PARTITION), fingerprint="x")
    frames = [frame for _, frame in small.read(VALIDATED_READINGS, PARTITION).group_by("meter_id", maintain_order=True)]
    small.write(VALIDATED_READINGS, PARTITION, frames, fingerprint="small")
    assert len(list(small.chunks(VALIDATED_READINGS, PARTITION))) == 3
    small.path(FEATURES, PARTITION).unlink()
    materialize_features(small, settings, PARTITION)
    assert month.features(MARCH).equals(rows)


def test_meters_of_several_zones_share_a_partition(month: Plant) -> None:
    month.meter("d", "Europe/Berlin")
    times = month_times(MARCH, "Europe/Berlin")
    month.read("d", times, np.ones(len(times)), MARCH)
    month.build(MARCH)
    rows = month.features(MARCH)
    assert rows["meter_id"].is_sorted()
    assert rows.filter(meter_id="d")["slot_of_day"][0] == 0
    assert rows.filter(meter_id="a")["slot_of_day"][0] == 0


def test_a_meter_the_registry_does_not_know_has_the_default_zone(plant: Plant) -> None:
    plant.read("a", month_times(MARCH)[:2], [1.0, 2.0], MARCH)
    plant.build(MARCH)
    assert plant.features(MARCH)["slot_of_day"].to_list() == [0, 1]
