"""What a forecast knows of today from the days before, and that no fault of today or of training enters it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from ecoai_pipeline.detectors.contract import Predictive
from ecoai_pipeline.detectors.forecast.detector import Forecast
from ecoai_pipeline.detectors.forecast.trees import grown
from ecoai_pipeline.detectors.profile.detector import Profile
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import ForecastParams, ProfileParams

from .conftest import assert_forgets

DAY, WEEKS = 24, 12
TRAINED = 8 * 7 * DAY
PARAMS = ForecastParams()


def times(series: Series, start: int, stop: int, factor: float) -> Series:
    kwh = series.kwh.copy()
    kwh[start:stop] *= factor
    return replace(series, kwh=kwh)


def swaying(series: Series, seed: int) -> Series:
    """A load whose level is another one each day, most of it that of the day before."""
    rng = np.random.default_rng(seed)
    level = np.zeros(len(series) // DAY)
    for day in range(1, len(level)):
        level[day] = 0.8 * level[day - 1] + 0.04 * rng.standard_normal()
    return replace(series, kwh=series.kwh * np.exp(np.repeat(level, DAY)))


@pytest.fixture
def portfolio(make_meter) -> list[Series]:
    return [swaying(make_meter(f"m{k}", days=7 * WEEKS, size=10.0**k, seed=k), 10 + k) for k in range(4)]


def fitted(portfolio: Sequence[Series], plan: WindowPlan, **params: object) -> Forecast:
    return Forecast(PARAMS.model_copy(update=params)).fit([series.part(0, TRAINED) for series in portfolio], plan)


def pinball(detector: Predictive, series: Series) -> float:
    """Mean loss of the three quantiles on what comes after training, as a share of the mean load."""
    (band,) = detector.expect([series])
    errors = [(level, (series.kwh - of)[TRAINED:]) for level, of in ((0.05, band.low), (0.5, band.expected), (0.95, band.high))]
    return float(sum(np.maximum(level * error, (level - 1) * error).mean() for level, error in errors) / series.kwh.mean())


@pytest.mark.parametrize(("rows", "depth"), [(3000, 4), (3000, 3), (600, 6)])
def test_trees_are_scikit_learns(rows: int, depth: int) -> None:
    values = np.random.default_rng(rows).standard_normal((rows, 5))
    target = values[:, 0] * values[:, 1] + np.abs(values[:, 2])
    own = grown(values, target, trees=20, depth=depth, learning_rate=0.2, min_leaf=30, threads=1)
    peer = HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=20,
        max_depth=depth,
        max_leaf_nodes=None,
        learning_rate=0.2,
        min_samples_leaf=30,
        early_stopping=False,
    ).fit(values, target)
    asked = 2 * np.random.default_rng(1).standard_normal((1000, 5))
    np.testing.assert_allclose(own.predict(asked)[:, 0], peer.predict(asked), rtol=1e-12, atol=1e-12)
    assert np.isinf(own.threshold).any(), "leaves that lie higher than others are met, too"


def test_a_level_that_lasts_for_days_is_forecast_better_than_by_the_profile(portfolio, plan):
    forecast = fitted(portfolio, plan)
    profile = Profile(ProfileParams()).fit([series.part(0, TRAINED) for series in portfolio], plan)
    ratios = [pinball(forecast, series) / pinball(profile, series) for series in portfolio]
    assert max(ratios) < 0.9
    assert np.mean(ratios) < 0.8


@pytest.mark.parametrize("trim", [0.0, 0.05])
def test_nine_readings_in_ten_lie_within_the_band_whether_or_not_the_farthest_were_left_out(portfolio, plan, trim):
    detector = fitted(portfolio, plan, trim=trim)
    within = [(one.kwh >= of.low) & (one.kwh <= of.high) for one, of in zip(portfolio, detector.expect(portfolio), strict=True)]
    assert 0.86 < np.mean([inside[:TRAINED] for inside in within]) < 0.96


def test_no_reading_of_the_same_day_or_later_enters_a_forecast(portfolio, plan):
    forecast, start = fitted(portfolio, plan), 70 * DAY
    whole, ended, changed = (
        forecast.expect([one])[0]
        for one in (portfolio[0], portfolio[0].part(0, start + DAY), times(portfolio[0], start, len(portfolio[0]), 3))
    )
    for other in (ended, changed):
        np.testing.assert_array_equal(whole.expected[: start + DAY], other.expected[: start + DAY])
    assert not np.array_equal(whole.expected[start + DAY :], changed.expected[start + DAY :])


def test_five_percent_of_faults_in_training_move_a_trimmed_forecast_less(portfolio, plan):
    """Outages of twelve hours make one training reading in twenty zero; left in, they become the lower edge of the band."""
    spoiled = portfolio
    for start in range(60, TRAINED, 10 * DAY + 7):
        spoiled = [times(series, start, start + 12, 0.0) for series in spoiled]
    share = np.mean([(one.kwh != other.kwh)[:TRAINED].mean() for one, other in zip(spoiled, portfolio, strict=True)])
    assert share == pytest.approx(0.05, abs=0.005)
    fault = [times(series, 79 * DAY + 8, 79 * DAY + 20, 0.0) for series in portfolio]

    def seen(detector: Forecast) -> float:
        return float(np.median([score[79 * DAY + 8 : 79 * DAY + 20].min() for score in detector.score(fault)]))

    clean, trimmed, left = (seen(one) for one in (fitted(portfolio, plan), fitted(spoiled, plan), fitted(spoiled, plan, trim=0.0)))
    assert trimmed > 0.45 * clean, "the profile's sides were wider, too"
    assert left < 0.6 * trimmed


def test_a_stop_that_lasts_for_days_is_hardly_forecast_even_where_training_has_one(portfolio, plan):
    """Four days in training teach that it goes on. Without energy they tell nothing, with little how far earlier days count bounds it."""
    start = 63 * DAY

    def left(reach: float, share: float) -> float:
        """Share of the usual forecast that is made on the third and fourth day."""
        taught = [times(series, 21 * DAY, 25 * DAY, share) for series in portfolio]
        stopped = [times(series, start, start + 3 * DAY, share) for series in portfolio]
        usual, then = (
            [band.expected[start + 2 * DAY :][: 2 * DAY].sum() for band in fitted(taught, plan, reach=reach).expect(given)]
            for given in (portfolio, stopped)
        )
        return float(np.mean(np.divide(then, usual)))

    assert left(1, 0.0) > 0.75
    assert left(1, 0.2) > 0.5
    assert left(1, 0.2) > left(4, 0.2) + 0.15


def test_a_day_after_one_that_nobody_read_is_forecast_as_ever_though_such_days_were_low_in_training(portfolio, plan):
    """As after public holidays: the few days after them in training must not tell what each such day will be."""
    unread = [5, 9, 17, 22, 33, 38, 46, 51, 64]
    gaps = [replace(series, observed=~np.isin(np.arange(len(series)) // DAY, unread)) for series in portfolio]
    for day in unread[:-1]:
        gaps = [times(series, (day + 1) * DAY, (day + 2) * DAY, 0.3) for series in gaps]
    after = slice((unread[-1] + 1) * DAY, (unread[-1] + 2) * DAY)
    detector = fitted(gaps, plan)
    forecast, profile = ([band.expected[after].sum() for band in one.expect(gaps)] for one in (detector, detector.profile_))
    assert np.mean(np.divide(forecast, profile)) > 0.85


def test_an_unseen_meter_is_forecast_at_its_own_level(portfolio, make_meter, plan):
    new = swaying(make_meter("new", days=7 * WEEKS, size=5000, seed=8), 8)
    detector = fitted(portfolio, plan)
    (band,) = detector.expect([new])
    assert np.abs(new.kwh - band.expected)[TRAINED:].mean() < 0.1 * new.kwh.mean()
    (nothing,) = detector.expect([replace(new, observed=np.zeros(len(new), dtype=bool))])
    assert np.isnan(nothing.expected).all()


def test_a_portfolio_of_more_readings_than_are_learned_from_is_drawn_from_by_its_seed(portfolio, plan):
    params = PARAMS.model_copy(update={"max_readings": 1500})
    one, same, other = (Forecast(params, seed=seed).fit(portfolio, plan).score(portfolio)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_number_of_threads_changes_no_score(portfolio, plan):
    one, two = (Forecast(PARAMS, threads=threads).fit(portfolio, plan).score(portfolio)[0] for threads in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-4)


def test_a_portfolio_whose_readings_begin_late_or_are_of_days_is_learned_from(make_meter, plan):
    meter = make_meter("late", days=84)
    for begins in (70, 77, 80):
        late = replace(meter, observed=np.arange(len(meter)) >= begins * DAY)
        assert np.isfinite(Forecast(PARAMS).fit([late], plan).score([meter])[0]).all()


def test_a_meter_that_is_forgotten_leaves_the_others_as_they_are(portfolio, plan, tmp_path):
    assert_forgets(fitted(portfolio, plan), portfolio, tmp_path)


def test_it_forecasts_a_real_plant_better_than_the_profile(real_data, settings):
    from ecoai_pipeline.evaluation.datasets import public_cases

    (case,) = public_cases(real_data, ["steel"], settings, told=lambda _: None)
    half, plan = len(case.load) // 2, WindowPlan(case.load.interval_s, (96,))
    losses = []
    for detector in (Forecast(PARAMS), Profile(ProfileParams())):
        (band,) = detector.fit([case.load.part(0, half)], plan).expect([case.load])
        losses.append(np.abs(case.load.kwh - band.expected)[half:].mean())
    assert losses[0] < 0.99 * losses[1]
