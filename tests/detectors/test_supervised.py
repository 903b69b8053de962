"""What labels of some meters tell of another one, and that nothing but its own course is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ecoai_pipeline.detectors.contract import Labels
from ecoai_pipeline.detectors.supervised.detector import Supervised
from ecoai_pipeline.detectors.supervised.inputs import inputs
from ecoai_pipeline.evaluation.datasets import public_cases
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import Settings, SupervisedParams

PARAMS, DAY = SupervisedParams(), 24
HOURS = (1.0, 24.0)
OUTAGE, SURGE, STUCK = 0.0, 1.6, None


def faulty(series: Series, first: int = 200, every: int = 100) -> tuple[Series, np.ndarray]:
    """A meter with an outage, a surge and a counter that stands still in turn, 6 to 12 h each, and where they are."""
    kwh, marks = series.kwh.copy(), np.zeros(len(series), dtype=bool)
    for number, start in enumerate(range(first, len(series) - 12, every)):
        part = slice(start, start + 6 + 3 * (number % 3))
        change = (OUTAGE, SURGE, STUCK)[number % 3]
        kwh[part] = kwh[start - 1] if change is None else kwh[part] * change
        marks[part] = True
    return replace(series, kwh=kwh), marks


def lesson(portfolio: Sequence[Series]) -> tuple[list[Series], Labels]:
    both = [faulty(series, 200 + 7 * number) for number, series in enumerate(portfolio)]
    return [series for series, _ in both], {series.meter_id: marks for series, marks in both}


@pytest.fixture
def portfolio(make_meter) -> list[Series]:
    return [make_meter(f"m{k}", size=10.0**k, seed=k, noise=0.02 * (k + 1)) for k in range(4)]


@pytest.fixture
def detector(portfolio, plan) -> Supervised:
    given, labels = lesson(portfolio)
    return Supervised(PARAMS).fit(given, plan, labels=labels)


def auc(detector: Supervised, series: Series, marks: np.ndarray) -> float:
    return float(roc_auc_score(marks, detector.score([series])[0]))


def test_faults_are_found_on_a_meter_of_another_size_that_was_never_seen(detector, make_meter):
    given, marks = faulty(make_meter("new", size=3.0, seed=50), 260)
    assert auc(detector, given, marks) > 0.98
    (odds,) = detector.score([given])
    assert np.median(odds[marks]) > 0 > np.median(odds[~marks]), "log-odds: above 0 where a fault is the likelier"


def test_where_nothing_can_be_told_the_scores_are_the_log_odds_of_the_labels(portfolio, plan):
    chance = np.random.default_rng(0)
    labels = {series.meter_id: chance.random(len(series)) < 0.1 for series in portfolio}
    scores = np.concatenate(Supervised(PARAMS).fit(portfolio, plan, labels=labels).score(portfolio))
    assert np.median(scores) == pytest.approx(np.log(0.1 / 0.9), abs=0.3)


def test_neither_its_name_nor_its_energy_tells_who_a_meter_is(detector, make_meter):
    given, _ = faulty(make_meter("new", seed=50))
    other = replace(given, meter_id="m0", kwh=1024 * given.kwh)
    np.testing.assert_array_equal(detector.score([given])[0], detector.score([other])[0])


def test_without_a_labelled_anomaly_there_is_nothing_to_learn(portfolio, plan):
    none = {series.meter_id: np.zeros(len(series), dtype=bool) for series in portfolio}
    strangers = {"another": np.ones(len(portfolio[0]), dtype=bool)}
    for labels in (None, {}, none, strangers):
        with pytest.raises(ValueError, match="learns from labelled anomalies, and none of 4 meters has any"):
            Supervised(PARAMS).fit(portfolio, plan, labels=labels)


def test_an_anomaly_that_was_not_observed_is_none(portfolio, plan):
    hidden = [replace(series, observed=np.arange(len(series)) < 500) for series in portfolio]
    with pytest.raises(ValueError, match="none of 4 meters has any"):
        Supervised(PARAMS).fit(hidden, plan, labels={"m0": np.arange(len(portfolio[0])) >= 500})


def test_a_meter_that_nobody_has_judged_teaches_nothing(portfolio, make_meter, plan, detector):
    given, labels = lesson(portfolio)
    unjudged, _ = faulty(make_meter("unjudged", seed=60))
    more = Supervised(PARAMS).fit([unjudged, *given], plan, labels=labels)
    np.testing.assert_array_equal(more.score([unjudged])[0], detector.score([unjudged])[0])
    assert (more.facts["meters"], more.facts["meters_left_out"]) == (4, 1)
    judged = Supervised(PARAMS).fit([unjudged, *given], plan, labels={**labels, "unjudged": np.zeros(len(unjudged), dtype=bool)})
    assert judged.score([unjudged])[0].mean() < more.score([unjudged])[0].mean(), "one that was found normal does"


def test_five_percent_of_anomalies_that_nobody_marked_hide_few_of_the_next_ones(portfolio, plan, make_meter):
    given, labels = lesson(portfolio)
    marks = np.concatenate([labels[series.meter_id] for series in given])
    assert marks.mean() > 0.08
    half = {meter: own & (np.cumsum(np.diff(own.astype(int), prepend=0) > 0) % 2 == 0) for meter, own in labels.items()}
    assert np.concatenate([labels[meter] & ~half[meter] for meter in labels]).mean() == pytest.approx(0.05, abs=0.01)
    new, truth = faulty(make_meter("new", seed=50), 260)
    assert auc(Supervised(PARAMS).fit(given, plan, labels=half), new, truth) > 0.95


def test_readings_beyond_the_bound_are_drawn_by_the_seed(portfolio, plan):
    given, labels = lesson(portfolio)
    few = PARAMS.model_copy(update={"max_readings": 2000})
    one, same, other = (Supervised(few, seed=seed).fit(given, plan, labels=labels) for seed in (1, 1, 2))
    assert one.facts["readings"] == 2000
    np.testing.assert_array_equal(one.score(given)[0], same.score(given)[0])
    assert not np.array_equal(one.score(given)[0], other.score(given)[0])


def test_a_change_is_known_where_both_of_its_readings_are_and_counts_in_usual_changes(make_meter):
    series = make_meter(noise=0.0)
    series = replace(series, observed=np.arange(len(series)) != 500)
    hour_before, hour_after, day_before, day_after = inputs(series, HOURS).T[:4]
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(hour_before)), [0, 500, 501])
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(hour_after)), [499, 500, len(series) - 1])
    assert np.isnan(day_before[:DAY]).all()
    assert np.isnan(day_after[-DAY:]).all()
    assert np.nanquantile(np.abs(day_before), 0.9) == pytest.approx(1)
    morning = 7 * DAY + 6
    assert hour_before[morning] == -hour_after[morning - 1] == 20, "most hours are like the one before, so a change is as large as counts"


def test_lags_are_hours_whatever_the_interval(make_meter):
    hourly = make_meter(noise=0.0)
    quarters = replace(hourly, interval_s=900, kwh=np.repeat(hourly.kwh, 4)[: len(hourly)])
    assert np.isnan(inputs(quarters, HOURS)[:, 2]).sum() == 96
    assert inputs(quarters, HOURS)[400, -4] == pytest.approx(inputs(hourly, HOURS)[100, -4]), "and runs are hours"


def test_a_run_tells_its_length_and_a_reading_its_place_in_it(make_meter):
    kwh = make_meter().kwh.copy()
    kwh[100:105] = 7.0
    series = replace(make_meter(), kwh=kwh, observed=np.arange(len(kwh)) != 102)
    length, place = inputs(series, HOURS)[:, -4], inputs(series, HOURS)[:, -3]
    assert length[98:107].tolist() == [1, 1, 5, 5, 5, 5, 5, 1, 1]
    assert place[98:107].tolist() == [1, 1, 1, 2, 3, 4, 5, 1, 1]
    assert inputs(series.part(0, 103), HOURS)[-1, -4] == 3, "of a night only what has come"


def test_a_value_that_comes_again_and_again_is_told_from_its_neighbours(make_meter):
    series = make_meter()
    kwh = series.kwh.copy()
    kwh[::20] = 50.0
    again, near = inputs(replace(series, kwh=kwh), HOURS)[:, -2:].T
    assert again[40] == pytest.approx(0.05, abs=0.001)
    assert near[40] == 1.0, "no other reading lies between night and day"
    assert again[41] == pytest.approx(1 / len(kwh))
    assert near[41] < 0.02


def test_a_course_is_strange_that_no_other_day_has_at_that_time(make_meter):
    series = make_meter(noise=0.01)
    distance = inputs(replace(series, kwh=np.where(np.arange(len(series)) // 6 == 170, 60.0, series.kwh)), HOURS)[:, -6]
    assert distance[1020:1026].min() > 5 * np.quantile(distance, 0.9)
    every_day_of_its_own = replace(series, kwh=np.tile(np.random.default_rng(0).random(7 * DAY), 8))
    assert inputs(every_day_of_its_own, HOURS)[:, -6:-4].max() == 0, "a week before or after there is its like"


@pytest.mark.parametrize("length", [1, 5, 30])
def test_a_short_or_empty_series_is_scored_as_far_as_anything_is_known(detector, make_meter, length):
    short = make_meter("new").part(0, length)
    unread = replace(short, observed=np.zeros(length, dtype=bool))
    scores = detector.score([short, unread])
    assert np.isfinite(scores[0]).all()
    assert np.isnan(scores[1]).all()
    assert detector.score([short.part(0, 0)])[0].shape == (0,)


@pytest.mark.full
def test_five_buildings_teach_the_sixth(real_data: Path, settings: Settings, plan: WindowPlan):
    """The target is the contest's: it was won with an ROC-AUC of .9866. The readings of exactly 1.0 are four anomalies in five."""
    cases = public_cases(real_data, ["lead"], settings, lambda _: None)
    own = [
        Supervised(settings.detectors.supervised, seed=settings.training.seed)
        .fit([c.load for c in cases if c is not case], plan, labels={c.load.meter_id: c.labels for c in cases if c is not case})
        .score([case.load])[0]
        for case in cases
    ]
    scores, labels = np.concatenate(own), np.concatenate([case.labels for case in cases])
    known = np.isfinite(scores)
    ones = np.concatenate([case.load.kwh == 1.0 for case in cases])
    assert roc_auc_score(labels[known], scores[known]) > 0.985
    assert roc_auc_score(labels[known & ~ones], scores[known & ~ones]) > 0.975
