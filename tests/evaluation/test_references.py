"""References: each follows its definition, keeps to its meter, and scores what was observed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.domain import DETECTORS
from ecoai_pipeline.evaluation.references import REFERENCES, make_reference
from ecoai_pipeline.evaluation.references.base import carried
from ecoai_pipeline.features.series import Series, WindowPlan

from .conftest import HOUR, two_shifts

PLAN = WindowPlan(HOUR, (24, 168))
TRAINED = 1680


def scores(name: str, load: Series, settings) -> np.ndarray:
    return make_reference(name, settings.evaluation.references).fit([load.part(0, TRAINED)], PLAN).score([load])[0]


@pytest.mark.parametrize("name", REFERENCES)
def test_scores_stand_where_readings_came_and_repeat_themselves(name, settings) -> None:
    load = two_shifts(gap=(2000, 2030))
    first = scores(name, load, settings)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(np.isfinite(first), load.observed)
    np.testing.assert_array_equal(first, scores(name, load, settings))


@pytest.mark.parametrize("name", ["slot_z", "sub_pca_plain", "kmeans_ad_plain", "isolation_forest"])
def test_a_surge_is_stranger_than_nearly_all_else(name, settings) -> None:
    load = two_shifts()
    load.kwh[2100:2104] = 400.0
    found = scores(name, load, settings)
    assert found[2100:2104].max() > np.quantile(np.delete(found, np.arange(2070, 2140)), 0.99)


@pytest.mark.parametrize("name", REFERENCES)
def test_references_that_say_so_look_at_no_later_reading(name, settings) -> None:
    load = two_shifts()
    reference = make_reference(name, settings.evaluation.references).fit([load.part(0, TRAINED)], PLAN)
    changed = replace(load, kwh=np.where(np.arange(len(load)) < 2500, load.kwh, 0.0))
    same = np.array_equal(*(reference.score([one])[0][:2500] for one in (load, changed)))
    assert same or not reference.past_only


def test_change_is_the_step_from_the_last_reading_that_came(settings) -> None:
    load = two_shifts(gap=(100, 110))
    found = scores("change", load, settings)
    assert found[110] == pytest.approx(abs(load.kwh[110] - load.kwh[99]), rel=1e-5)


def test_flat_run_is_the_length_of_the_run_and_a_gap_ends_it(settings) -> None:
    load = two_shifts(gap=(2010, 2012))
    load.kwh[2000:2010] = load.kwh[2012:2015] = 7.0
    found = scores("flat_run_plain", load, settings)
    assert found[[1999, 2000, 2009, 2012, 2014]].tolist() == [1, 10, 10, 3, 3]


def test_a_slot_of_the_week_takes_twenty_weeks_else_the_slot_of_the_day_stands_for_it(settings) -> None:
    long, short = two_shifts(days=300), two_shifts(days=60)
    for load, of_week in ((long, True), (short, False)):
        reference = make_reference("slot_z", settings.evaluation.references).fit([load], PLAN)
        assert len(reference.states_["a"].mean) == (168 if of_week else 24)


def test_windows_hold_the_mean_of_all_errors_over_a_reading_or_that_of_the_last_window(settings) -> None:
    load = two_shifts()
    averaged = scores("kmeans_ad_plain", load, settings)
    references = settings.evaluation.references
    last = references.model_copy(update={"kmeans_ad_plain": references.kmeans_ad_plain.model_copy(update={"average": False})})
    single = make_reference("kmeans_ad_plain", last).fit([load.part(0, TRAINED)], PLAN).score([load])[0]
    assert averaged[2000] == pytest.approx(single[2000:2020].mean(), rel=1e-5)


def test_energy_is_carried_over_gaps_and_starts_from_nothing() -> None:
    load = two_shifts(gap=(0, 3))
    assert carried(load)[:4].tolist() == [0, 0, 0, load.kwh[3]]


def test_a_name_stands_for_one_detector_in_a_table() -> None:
    assert not set(REFERENCES) & set(DETECTORS)


def test_an_unknown_reference_is_refused(settings) -> None:
    with pytest.raises(ValueError, match="no reference 'matrix_profile'; known are random"):
        make_reference("matrix_profile", settings.evaluation.references)
