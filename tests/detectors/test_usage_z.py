"""What a usage type tells of its meters, and the threshold that each type has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ecoai_pipeline.detectors import load
from ecoai_pipeline.detectors.contract import Predictive
from ecoai_pipeline.detectors.profile.detector import Profile
from ecoai_pipeline.detectors.robust import without_far_runs
from ecoai_pipeline.detectors.usage_z.detector import UsageZ
from ecoai_pipeline.detectors.usage_z.shapes import summed
from ecoai_pipeline.detectors.usage_z.thresholds import PUBLISHED, thresholds_of
from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import ProfileParams, UsageZParams

from .conftest import assert_forgets

DAY, PARAMS = 24, UsageZParams()
NIGHT = UsageType.MIDNIGHT


def industrial(series: Series) -> Series:
    return replace(series, usage_type=UsageType.INDUSTRIAL)


def midnight(series: Series, seed: int = 0) -> Series:
    """The same meter by a night tariff: its working day lies from 23 to 7 of every day."""
    busy = (series.slot_of_day >= 23) | (series.slot_of_day < 7)
    noise = 1 + 0.03 * np.random.default_rng([seed, 1]).standard_normal(len(series))
    return replace(series, kwh=series.kwh.max() * np.where(busy, 1.0, 0.1) * noise, usage_type=NIGHT)


def times(series: Series, start: int, stop: int, factor: float) -> Series:
    kwh = series.kwh.copy()
    kwh[start:stop] *= factor
    return replace(series, kwh=kwh)


def swayed(series: Series, draws: np.ndarray) -> Series:
    return replace(series, kwh=series.kwh * np.exp(0.3 * draws))


@pytest.fixture
def portfolio(make_meter) -> list[Series]:
    """Twelve weeks of five plants and of four night meters, of all sizes."""
    plants = [industrial(make_meter(f"plant {k}", days=84, size=10.0**k, seed=k)) for k in range(5)]
    return [*plants, *(midnight(make_meter(f"night {k}", days=84, size=3.0**k, seed=k), k) for k in range(4))]


def fitted(portfolio: Sequence[Series], plan: WindowPlan, **params: object) -> UsageZ:
    return UsageZ(PARAMS.model_copy(update=params)).fit(portfolio, plan)


def mean_error(detector: Predictive, given: Series) -> float:
    (band,) = detector.expect([given])
    return float(np.abs(given.kwh - band.expected)[-28 * DAY :].mean())


def test_the_shape_of_its_usage_type_carries_a_meter_of_three_weeks(portfolio, make_meter, plan):
    noisy = industrial(make_meter("short", days=84, size=50, noise=0.3, seed=77))
    truth = replace(noisy, kwh=make_meter(days=84, size=50, noise=0).kwh)
    short = noisy.part(35 * DAY, 56 * DAY)
    with_type = fitted([*portfolio, short], plan).expect([noisy])[0].expected
    alone = fitted([short], plan).expect([noisy])[0].expected
    profile = Profile(ProfileParams()).fit([short], plan).expect([noisy])[0].expected
    of_type, of_itself, of_profile = (np.abs(truth.kwh - one)[56 * DAY :].mean() for one in (with_type, alone, profile))
    assert of_type < 0.75 * min(of_itself, of_profile)


def test_a_meter_unlike_its_type_is_told_by_its_own_readings(portfolio, plan, make_meter):
    late = industrial(make_meter("late", days=84, seed=5))
    late = replace(late, kwh=np.roll(late.kwh, 6))
    (band,) = fitted([*portfolio, late], plan).expect([late])
    assert np.abs(band.expected[28 * DAY :] / late.kwh[28 * DAY :] - 1).mean() < 0.06


def test_what_is_usual_of_a_type_is_the_shape_of_its_summed_load_not_the_mean_of_its_meters(make_meter, plan):
    large, small = (industrial(make_meter(name, size=size, noise=0)) for name, size in (("large", 1000), ("small", 1)))
    small = replace(small, kwh=np.where(small.kwh > 0.5, 0.2, 1.0))
    tables = fitted([large, small], plan).tables_
    monday = tables.types[UsageType.INDUSTRIAL].share[0]
    assert monday[12] / monday[3] == pytest.approx(5, rel=0.02)


def test_energy_weighs_a_shape():
    owns = [SimpleNamespace(share=np.array([0.0, 2.0]), unit=3.0), SimpleNamespace(share=np.array([2.0, 0.0]), unit=1.0)]
    assert summed(owns).tolist() == [0.5, 1.5]


def test_an_unseen_meter_is_expected_to_be_like_its_type_and_one_of_an_unseen_type_like_them_all(portfolio, make_meter, plan):
    detector = fitted(portfolio, plan)
    new = midnight(make_meter("new", days=84, size=500, seed=9), 9)
    own, *others = ((replace(new, usage_type=usage)) for usage in (NIGHT, UsageType.AGRICULTURAL, None))
    (band,) = detector.expect([own])
    assert np.abs(own.kwh - band.expected)[: 7 * DAY].mean() < 0.05 * new.kwh.mean()
    nights = (own.slot_of_day >= 23) | (own.slot_of_day < 7)
    as_type = detector.score([own])[0]
    for other in others:
        assert mean_error(detector, other) > 5 * mean_error(detector, own)
        scores = detector.score([other])[0]
        assert np.isfinite(scores).all()
        assert np.median(scores) < 1, "doubt about the type is part of the spread"
    strange = detector.score([times(own, 60 * DAY + 1, 60 * DAY + 4, 2.0)])[0][60 * DAY + 1 : 60 * DAY + 4]
    assert strange.min() > np.quantile(as_type[nights], 0.99)


def test_a_type_says_more_of_an_unseen_meter_the_more_its_meters_are_alike(portfolio, make_meter, plan):
    alike = fitted(portfolio, plan).tables_.types[UsageType.INDUSTRIAL]
    odd = [replace(one, kwh=np.roll(one.kwh, 4 * k)) for k, one in enumerate(portfolio[:5])]
    unlike = fitted([*odd, *portfolio[5:]], plan).tables_.types[UsageType.INDUSTRIAL]
    assert np.median(unlike.spread[:5]) > 5 * np.median(alike.spread[:5])


def test_a_meters_own_readings_take_away_the_doubt_that_its_type_leaves_hour_by_hour(portfolio, plan):
    """Meters of a type that differ by hours: what is left is how the meter strays, but for three hours on Mondays that nobody read."""
    first, *others = [replace(one, kwh=np.roll(one.kwh, 4 * k)) for k, one in enumerate(portfolio[:5])]
    first = replace(first, observed=(first.slot_of_week < 6) | (first.slot_of_week >= 9))
    alike, unlike = fitted(portfolio[:5], plan).tables_, fitted([first, *others], plan).tables_
    strays, known, unseen = alike.meters["plant 0"].spread, unlike.meters["plant 0"].spread, unlike.types[UsageType.INDUSTRIAL].spread
    assert np.median(known[1:5]) < 1.5 * np.median(strays[1:5])
    assert known[0, 6:9].min() > 5 * known[1, 6:9].max()
    np.testing.assert_allclose(known[0, 6:9], unseen[0, 6:9], rtol=0.05)


def test_each_type_has_the_threshold_that_few_of_its_own_held_out_readings_exceed(portfolio, make_meter, plan):
    wild = [
        replace(one, kwh=one.kwh * np.exp(0.3 * np.random.default_rng(k).standard_t(4, len(one)))) for k, one in enumerate(portfolio[:5])
    ]
    detector = fitted([*wild, *portfolio[5:]], plan)
    assert detector.threshold(UsageType.INDUSTRIAL) > 1.2 * detector.threshold(NIGHT)
    assert detector.threshold(UsageType.GENERAL) == detector.threshold(None) == detector.thresholds_.pooled
    for usage, of_type in (("industrial", wild), ("midnight", portfolio[5:])):
        scores = np.concatenate(detector.score(of_type))
        assert 0.0005 < (scores >= 1).mean() < 0.008
        assert detector.facts["usage_types"][usage]["threshold"] == detector.threshold(UsageType(usage))


def test_thresholds_are_learned_from_what_was_held_out(portfolio, plan):
    """Single readings half as high again, every 36 hours of the last days or of the first ones."""
    late, early = portfolio, portfolio
    for hour in range(0, 14 * DAY, 36):
        late = [times(series, 70 * DAY + hour, 70 * DAY + hour + 1, 1.5) for series in late]
        early = [times(series, hour, hour + 1, 1.5) for series in early]
    assert fitted(late, plan).threshold(NIGHT) > 2 * fitted(early, plan).threshold(NIGHT)


def test_what_was_held_out_for_thresholds_is_learned_from_too(portfolio, plan):
    """However much is held out, expectations are those of all readings."""
    fits = [fitted(portfolio, plan, held_out_share=share) for share in (0.2, 0.5)]
    assert fits[0].threshold(NIGHT) != fits[1].threshold(NIGHT)
    for one, other in zip(*(detector.expect(portfolio) for detector in fits), strict=True):
        np.testing.assert_array_equal(one.expected, other.expected)
        np.testing.assert_array_equal(one.high, other.high)


def test_thresholds_have_the_rank_of_their_share_and_a_type_of_few_readings_takes_the_pooled_one():
    rising = np.arange(1.0, 1001.0) / 100
    learned = thresholds_of([(NIGHT, rising), (None, np.array([0.5, np.nan]))], PARAMS)
    assert learned.types == {NIGHT: 9.99}
    assert (learned.of(NIGHT), learned.of(None), learned.of(UsageType.GENERAL)) == (9.99, 9.99, 9.99)
    assert thresholds_of([(NIGHT, rising / 100)], PARAMS).of(NIGHT) == 1.0, "within one spread nothing is strange"
    assert thresholds_of([(None, rising[:100])], PARAMS).pooled == 1.0
    assert thresholds_of([(None, rising[:300])], PARAMS).pooled == 3.0, "too few for the rank: the largest that came"


def test_runs_that_are_no_tail_teach_no_threshold():
    calm = np.abs(np.random.default_rng(0).standard_normal(2000))
    run = np.where((np.arange(2000) >= 500) & (np.arange(2000) < 520), 50.0, calm)
    assert len(without_far_runs(run, PARAMS.trim)) <= 1980
    assert thresholds_of([(NIGHT, run)], PARAMS).of(NIGHT) == pytest.approx(thresholds_of([(NIGHT, calm)], PARAMS).of(NIGHT), rel=0.1)


def test_published_thresholds_are_those_of_the_poster_and_the_pooled_one_where_nobody_has_said_the_type(portfolio, plan):
    learned, published = fitted(portfolio, plan), fitted(portfolio, plan, thresholds="published")
    assert [published.threshold(usage) for usage in UsageType] == [3.0, 3.1, 2.3, 1.7]
    assert published.threshold(None) == published.thresholds_.pooled
    assert published.learned_threshold(NIGHT) == learned.threshold(NIGHT)
    z = learned.score([portfolio[-1]])[0] * learned.threshold(NIGHT)
    np.testing.assert_allclose(published.score([portfolio[-1]])[0] * PUBLISHED[NIGHT], z, rtol=1e-5)


def test_five_percent_of_faults_in_training_move_z_little(portfolio, plan):
    spoiled = portfolio
    for start in range(100, 84 * DAY, 10 * DAY):
        spoiled = [times(series, start, start + 12, 0.0 if start % 480 else 4.0) for series in spoiled]
    share = np.mean([(one.kwh != other.kwh).mean() for one, other in zip(spoiled, portfolio, strict=True)])
    assert share == pytest.approx(0.05, abs=0.005)
    fault = [times(series, 80 * DAY + 10, 80 * DAY + 14, 1.5) for series in portfolio]
    clean, moved = fitted(portfolio, plan), fitted(spoiled, plan)
    for series in fault:
        z, other = (one.score([series])[0] * one.threshold(series.usage_type) for one in (clean, moved))
        assert 0.6 < other[80 * DAY + 10 : 80 * DAY + 14].min() / z[80 * DAY + 10 : 80 * DAY + 14].min() < 1.2


@pytest.mark.parametrize("factor", [0.5, 1.6])
def test_a_level_that_stays_is_no_alarm_for_ever_and_is_known_from_the_past_alone(portfolio, make_meter, plan, factor):
    meter = industrial(make_meter("plant 2", days=168, size=100, seed=2))
    detector = fitted(portfolio, plan)
    grown = times(meter, 98 * DAY, len(meter), factor)
    (scores,) = detector.score([grown])
    assert np.median(scores[98 * DAY : 99 * DAY]) > 1
    assert (scores[126 * DAY :] >= 1).mean() < 0.01
    (known,) = detector.score([grown.part(0, 110 * DAY)])
    np.testing.assert_array_equal(known, scores[: 110 * DAY])


@pytest.mark.parametrize(("days", "factor"), [(13, 0.35), (24, 0.1)], ids=["closure", "stop"])
def test_a_closure_of_thirteen_days_or_a_long_stop_is_not_the_level_of_the_weeks_after(portfolio, make_meter, plan, days, factor):
    meter = industrial(make_meter("plant 2", days=140, size=100, seed=2))
    again = (98 + days) * DAY
    (closed,) = fitted(portfolio, plan).score([times(meter, 98 * DAY, again, factor)])
    assert (closed[98 * DAY : again] >= 1).mean() > 0.5
    assert (closed[again:] >= 1).mean() < 0.01


def test_a_portfolio_whose_readings_begin_late_is_learned_from(make_meter, plan):
    meter = make_meter("late", days=84)
    detector = fitted([replace(meter, observed=np.arange(len(meter)) >= 70 * DAY)], plan)
    assert (detector.score([meter])[0] >= 1).mean() < 0.1


def test_a_meter_that_is_forgotten_leaves_the_others_as_they_are(portfolio, plan, tmp_path):
    assert_forgets(fitted(portfolio, plan), portfolio, tmp_path)


def test_usage_types_are_read_back_with_their_tables_and_thresholds(portfolio, plan, tmp_path, make_meter):
    detector = fitted([*portfolio, make_meter("unsaid", days=84)], plan)
    detector.save(tmp_path)
    loaded = load("usage_z", tmp_path)
    new = midnight(make_meter("new", days=28, size=500, seed=9), 9)
    for usage in (*UsageType, None):
        given = [replace(new, usage_type=usage)]
        np.testing.assert_array_equal(detector.score(given)[0], loaded.score(given)[0])
        assert loaded.threshold(usage) == detector.threshold(usage)
