"""What a typical day is, how a day is compared with it, and that faults make none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.detectors.load_shape.days import days_of
from ecoai_pipeline.detectors.load_shape.detector import LoadShape
from ecoai_pipeline.detectors.load_shape.shapes import typical_days
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import LoadShapeParams

from .conftest import assert_forgets

DAY, PARAMS = 24, LoadShapeParams()
TRAINED = 56 * DAY


def times(series: Series, start: int, stop: int, factor: float) -> Series:
    kwh = series.kwh.copy()
    kwh[start:stop] *= factor
    return replace(series, kwh=kwh)


@pytest.fixture
def portfolio(make_meter) -> list[Series]:
    return [make_meter(f"m{k}", days=84, size=10.0**k, seed=k) for k in range(4)]


def fitted(portfolio: Sequence[Series], plan: WindowPlan, **params: object) -> LoadShape:
    return LoadShape(PARAMS.model_copy(update=params)).fit([series.part(0, TRAINED) for series in portfolio], plan)


def test_plants_of_all_sizes_have_a_working_day_and_a_free_one(portfolio, plan):
    detector = fitted(portfolio, plan, gain=0.1)
    assert detector.facts["shapes"] == 2
    working, free = detector.shapes_
    assert working[12] / working[3] == pytest.approx(5, rel=0.05)
    assert free.std() < 0.05 * free.mean()
    told = detector.explain(portfolio[2])
    assert told.shape.tolist() == [0, 0, 0, 0, 0, 1, 1] * 12
    assert told.starts[:2].tolist() == portfolio[2].timestamps[[0, DAY]].tolist()
    np.testing.assert_allclose(told.shapes[0], portfolio[2].kwh[:DAY], rtol=0.15)
    assert np.median(told.distance) == pytest.approx(1, abs=0.2)


def test_as_many_shapes_are_taken_as_each_brings_days_nearer():
    rng = np.random.default_rng(0)
    centres = rng.random((4, DAY))
    rows = np.repeat(centres, [40, 30, 20, 10], axis=0) + 0.02 * rng.standard_normal((100, DAY))
    shapes = typical_days(rows, PARAMS, 0)
    np.testing.assert_allclose(shapes[:4], centres, atol=0.05)
    assert len(typical_days(rows, PARAMS.model_copy(update={"max_shapes": 3}), 0)) <= 3
    assert len(typical_days(rows, PARAMS.model_copy(update={"gain": 0.9}), 0)) == 1


def test_days_that_few_have_and_the_farthest_of_others_make_no_typical_day():
    rng = np.random.default_rng(1)
    centres = rng.random((2, DAY))
    usual = np.repeat(centres, [60, 40], axis=0) + 0.02 * rng.standard_normal((100, DAY))
    stopped, odd = np.zeros((5, DAY)), usual[:4].copy()
    odd[:, 5:9] += 0.8
    of_usual, with_all = (
        typical_days(np.concatenate([usual, stopped, odd]), PARAMS.model_copy(update={"trim": trim, "max_shapes": 3}), 0)
        for trim in (0.05, 0.0)
    )
    np.testing.assert_allclose(of_usual, centres, atol=0.02)
    assert np.abs(with_all).mean(axis=1).min() == 0
    assert np.abs(with_all[0] - centres[0]).max() > 0.04


def test_five_percent_of_faults_in_training_move_scores_little(portfolio, plan):
    """Outages of ten hours, at another hour each time; untrimmed, the next one is a typical day."""
    spoiled = portfolio
    for start in range(50, TRAINED, 9 * DAY - 5):
        spoiled = [times(series, start, start + 10, 0.0) for series in spoiled]
    share = np.mean([(one.kwh != other.kwh)[:TRAINED].mean() for one, other in zip(spoiled, portfolio, strict=True)])
    assert share == pytest.approx(0.05, abs=0.005)
    start = 77 * DAY + 9
    fault = [times(series, start, start + 8, 0.0) for series in portfolio]

    def seen(detector: LoadShape) -> float:
        return float(np.median([score[start : start + 8].min() for score in detector.score(fault)]))

    clean, trimmed, left = (seen(one) for one in (fitted(portfolio, plan), fitted(spoiled, plan), fitted(spoiled, plan, trim=0.0)))
    assert trimmed > 0.5 * clean
    assert left < 0.5 * trimmed


def test_hours_of_a_strange_day_are_told_apart_and_count_for_more_than_on_a_usual_one(portfolio, plan):
    detector, start = fitted(portfolio, plan), 77 * DAY
    strange = times(portfolio[1], start + 8, start + 14, 0.3)
    before, after = (detector.score([one])[0][start : start + DAY] for one in (portfolio[1], strange))
    assert after[8:14].min() > 2 * np.delete(after, range(8, 14)).max()
    assert (np.delete(after, range(8, 14)) > np.delete(before, range(8, 14))).mean() > 0.9


def test_a_meter_has_its_own_version_of_a_typical_day(portfolio, make_meter, plan):
    late = make_meter("late", days=84, seed=7)
    late = replace(late, kwh=np.where((late.slot_of_day == 6) & ~late.weekend, 20.0, late.kwh))
    detector = fitted([*portfolio, late], plan, max_shapes=2)
    own, common = (detector.score([one])[0][(late.slot_of_day == 6) & ~late.weekend] for one in (late, replace(late, meter_id="new")))
    assert own.max() < 3
    assert common.min() > 10


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_a_level_that_stays_is_no_alarm_for_ever_and_is_known_from_the_past_alone(portfolio, plan, factor):
    detector, start = fitted(portfolio, plan), 60 * DAY
    grown = times(portfolio[0], start, len(portfolio[0]), factor)
    (scores,) = detector.score([grown])
    assert np.median(scores[start : start + DAY]) > 3
    assert np.median(scores[start + 14 * DAY :]) < 1.5
    (known,) = detector.score([grown.part(0, 70 * DAY)])
    np.testing.assert_array_equal(known, scores[: 70 * DAY])


def test_a_stop_of_ten_days_is_not_the_level_of_the_days_after(portfolio, plan):
    start, again = 58 * DAY, 68 * DAY
    (scores,) = fitted(portfolio, plan).score([times(portfolio[0], start, again, 0.0)])
    assert np.median(scores[again:]) < 1.2


def test_of_a_day_that_is_not_over_the_known_part_is_compared_and_of_its_first_hours_the_last_day(portfolio, plan):
    detector, start = fitted(portfolio, plan), 77 * DAY
    stopped = times(portfolio[0], start + 8, start + DAY, 0.0)
    (noon,) = detector.score([stopped.part(0, start + 12)])
    assert noon[start + 8 :].min() > 5
    shown = start + DAY
    usual, early = (detector.explain(one.part(0, shown + 2)).distance[-1] for one in (portfolio[0], stopped))
    assert early > 3 * usual, "two hours say little; with the day before they do"
    assert detector.explain(stopped.part(0, shown + 12)).distance[-1] < 3, "enough of the new day is known, and it is a usual one"


def test_readings_of_a_minute_are_compared_by_the_quarter_of_an_hour(make_meter):
    hourly, minutes = make_meter("m", days=21), np.arange(21 * 1440)
    kwh = np.repeat(hourly.kwh, 60) / 60
    plan = WindowPlan(60, (1440,))
    stamps = hourly.timestamps[0] + minutes * np.timedelta64(60, "s")
    weekday = minutes // 1440 % 7
    slots = {"slot_of_day": (minutes % 1440).astype(np.int32), "slot_of_week": (weekday * 1440 + minutes % 1440).astype(np.int32)}
    off = {"weekend": weekday >= 5, "holiday": np.zeros(len(minutes), dtype=bool), "observed": np.ones(len(minutes), dtype=bool)}
    series = Series(meter_id="m", interval_s=60, timestamps=stamps, kwh=kwh, **slots, **off)
    days = days_of(series, plan)
    assert days.rows.shape == (21, 96)
    np.testing.assert_allclose(days.rows[3, 20:24], kwh[3 * 1440 + 300], rtol=1e-9)
    detector = LoadShape(PARAMS).fit([series], plan)
    assert detector.explain(series).shapes.shape[1] == 96
    assert np.isfinite(detector.score([series])[0]).all()


def test_a_day_without_readings_has_no_shape(portfolio, plan):
    observed = portfolio[0].observed.copy()
    observed[10 * DAY : 11 * DAY] = False
    detector = fitted(portfolio, plan, known_h=0)
    told = detector.explain(replace(portfolio[0], observed=observed))
    assert (told.shape == -1).nonzero()[0].tolist() == [10]
    assert np.isnan(told.distance[10])


def test_typical_days_of_more_days_than_are_learned_from_are_drawn_by_the_seed(portfolio, plan):
    params = PARAMS.model_copy(update={"max_days": 60})
    one, same, other = (LoadShape(params, seed=seed).fit(portfolio, plan).shapes_ for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_meter_that_is_forgotten_leaves_the_others_as_they_are(portfolio, plan, tmp_path):
    assert_forgets(fitted(portfolio, plan), portfolio, tmp_path)
