"""Detectors that learn each meter by itself: its units, what each calls strange, and how meters that were not learned are judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.detectors import load, make
from ecoai_pipeline.detectors.by_meter.detector import ByMeter
from ecoai_pipeline.detectors.by_meter.load import Load, Scale
from ecoai_pipeline.detectors.by_meter.windows import ByWindow
from ecoai_pipeline.detectors.kmeans_ad.detector import KMeansAD
from ecoai_pipeline.detectors.sub_pca.detector import SubPca
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import ByWindowParams, Settings

DAY, TRAINED = 24, 42 * 24
NAMES = ("kmeans_ad", "sub_pca", "value_change", "level", "flat_run", "past_days")
every_one = pytest.mark.parametrize("name", NAMES)
of_windows = pytest.mark.parametrize("kind", [KMeansAD, SubPca])


def with_readings(series: Series, places: object, kwh: object) -> Series:
    changed = series.kwh.copy()
    changed[places] = kwh
    return replace(series, kwh=changed)


def without_readings(series: Series, start: int, stop: int) -> Series:
    return replace(series, observed=series.observed & ~np.isin(np.arange(len(series)), range(start, stop)))


def coarse(series: Series) -> Series:
    """As a counter of whole kWh shows it, with a load at night that it repeats from 22 to 6."""
    return replace(series, kwh=np.where(series.kwh < series.kwh.max() / 2, 20.0, np.round(series.kwh, 2)))


def fitted(name: str, settings: Settings, portfolio: list[Series], plan: WindowPlan, **params: object) -> ByMeter:
    own = getattr(settings.detectors, name).model_copy(update=params)
    changed = settings.model_copy(update={"detectors": settings.detectors.model_copy(update={name: own})})
    detector = make(name, changed).fit([series.part(0, TRAINED) for series in portfolio], plan)
    assert isinstance(detector, ByMeter)
    return detector


def test_units_are_ranges_from_the_median_and_logarithms_of_the_ratio_to_it():
    values = np.concatenate([np.linspace(0, 100, 1001), [np.nan]])
    scale = Scale.of(values)
    assert (scale.median, scale.range, scale.signed) == (50, pytest.approx(96), False)
    linear, log = scale.units(np.array([50, 98, 1e6, 0.0, -5.0]))
    assert linear.tolist() == [0, pytest.approx(0.5), 5, pytest.approx(-50 / 96), pytest.approx(-55 / 96)]
    assert log[[0, 1]].tolist() == [0, pytest.approx(np.log(98 / 50), abs=0.01)]
    assert log[3] == log[4] == pytest.approx(np.log(0.01 / (50 / 96 + 0.01)))


def test_a_meter_that_reads_negative_energy_has_no_ratios():
    scale = Scale.of(np.linspace(-50, 50, 101))
    linear, log = scale.units(np.array([-40.0, 3.0]))
    np.testing.assert_array_equal(linear, log)


@pytest.mark.parametrize(
    ("values", "span"),
    [([0.0] * 999 + [7.0], 7.0), ([40.0] * 9, 0.04), ([0.0] * 9, 1e-9)],
    ids=["hardly ever moves", "flat", "nothing"],
)
def test_the_range_of_a_load_that_stands_still(values, span):
    assert Scale.of(np.array(values)).range == pytest.approx(span)


def test_the_last_reading_stands_where_none_came_and_the_first_one_before_it(make_meter):
    series = make_meter(days=1)
    values = np.full(24, np.nan)
    values[[3, 4, 10]] = [5.0, 6.0, 7.0]
    seen = Load.of(series, values, Scale.of(values))
    assert seen.kwh.tolist() == [5.0] * 4 + [6.0] * 6 + [7.0] * 14
    assert np.flatnonzero(seen.known).tolist() == [3, 4, 10]


def test_distances_and_errors_are_those_of_scikit_learn():
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    rows = np.random.default_rng(0).standard_normal((300, 8)).cumsum(axis=1)
    params = ByWindowParams(window=8, size=3, refits=1)
    kmeans, pca = KMeansAD(params, seed=5, threads=1), SubPca(params, seed=5, threads=1)
    distance = KMeans(3, n_init=1, random_state=5).fit(rows).transform(rows).min(axis=1)
    np.testing.assert_allclose(kmeans.errors(rows.T, kmeans.model(rows.T)), np.tile(distance, (8, 1)), rtol=1e-6)
    usual = PCA(3).fit(rows)
    rebuilt = usual.inverse_transform(usual.transform(rows))
    np.testing.assert_allclose(pca.errors(rows.T, pca.model(rows.T)), (rows - rebuilt).T ** 2, rtol=1e-6, atol=1e-12)


@of_windows
def test_a_model_of_one_window_says_that_it_is_no_error(kind):
    detector = kind(ByWindowParams(window=8, size=3, refits=1), seed=0, threads=1)
    window = np.arange(8.0)[:, None]
    assert detector.model(window).shape == detector.model(np.tile(window, 50)).shape
    np.testing.assert_allclose(detector.errors(window, detector.model(window)), 0, atol=1e-6)


def steady(series: Series) -> Series:
    hours = np.arange(len(series))
    return replace(series, kwh=100 + 5 * np.sin(hours * 2 * np.pi / 24) + 3 * np.random.default_rng(1).standard_normal(len(hours)))


@pytest.mark.parametrize(
    ("name", "of", "starts", "fault", "saved"),
    [
        ("kmeans_ad", lambda series: series, (250, 611), [0.0] * 25, 1.5),
        ("sub_pca", steady, (108, 348, 588, 828), [10.0, 150.0] * 6, 1.25),
    ],
    ids=["stops of a two-shift plant", "a steady plant that hunts"],
)
def test_five_percent_of_faults_in_training_are_dropped_from_the_fit(name, of, starts, fault, saved, settings, make_meter, plan):
    """How far the next such fault stands out of normal readings, with and without the windows farthest from the model."""
    series = of(make_meter())
    spoiled = with_readings(series, np.add.outer(starts, np.arange(len(fault))).ravel(), fault * len(starts))
    assert (spoiled.kwh != series.kwh)[:TRAINED].mean() == pytest.approx(0.05, abs=0.003)
    at = slice(47 * DAY + 9, 47 * DAY + 15)

    def stands_out(refits: int) -> float:
        detector = fitted(name, settings, [spoiled], plan, refits=refits)
        (normal,), (faulty,) = detector.score([series]), detector.score([with_readings(series, at, fault[:6])])
        return float(np.median(faulty[at]) / np.quantile(normal[TRAINED:], 0.99))

    assert stands_out(getattr(settings.detectors, name).refits) > saved * stands_out(0)


@pytest.mark.parametrize("name", ["kmeans_ad", "sub_pca", "value_change", "level"])
@pytest.mark.parametrize(("hour", "kwh"), [(2, 4.0), (12, 200.0)], ids=["a fifth at night", "twice by day"])
def test_low_readings_are_strange_by_their_ratio_and_high_ones_by_their_difference(name, hour, kwh, settings, make_meter, plan):
    series = make_meter()
    at = 50 * DAY + hour
    detector = fitted(name, settings, [series], plan)
    normal = detector.score([series])[0][TRAINED:]
    strange = detector.score([with_readings(series, at, kwh)])[0]
    assert strange[at] > np.quantile(normal, 0.995)


def test_k_means_draws_by_its_seed(settings, make_meter, plan):
    one, other = (KMeansAD(settings.detectors.kmeans_ad, seed=seed, threads=1).fit([make_meter()], plan) for seed in (0, 1))
    assert not np.array_equal(one.meters_["a"].arrays["models"], other.meters_["a"].arrays["models"])


def test_windows_are_drawn_up_to_a_bound_and_end_with_a_reading(settings, make_meter, plan):
    params = settings.detectors.kmeans_ad.model_copy(update={"max_windows": 50})

    class Looking(KMeansAD):
        def model(self, windows):
            seen.append(windows)
            return super().model(windows)

    seen: list[np.ndarray] = []
    late = without_readings(make_meter(), 500, 800)
    Looking(params, seed=0, threads=1).fit([late, replace(late, meter_id="b")], plan)
    assert max(windows.shape[1] for windows in seen) == 50
    assert not any((np.diff(windows, axis=0) == 0).all(axis=0).any() for windows in seen), "no window lies in the gap"


@pytest.mark.parametrize(("name", "window"), [("kmeans_ad", 20), ("sub_pca", 24)])
def test_a_meter_that_fell_silent_within_its_first_window_is_learned_from_that_window(name, window, settings, make_meter, plan):
    brief = without_readings(make_meter("brief"), 15, TRAINED)
    detector = fitted(name, settings, [brief], plan, min_days=1, window=window)
    (scores,) = detector.score([brief])
    assert scores[0] == pytest.approx(0, abs=1e-3), "its first window alone holds its first reading"
    assert scores[TRAINED:].max() > 1


def test_a_change_counts_before_and_after_and_against_the_day_and_the_week(settings, make_meter, plan):
    series = make_meter(noise=0)
    detector = fitted("value_change", settings, [series], plan)
    step, day, week = detector.meters_["a"].arrays["habits"].astype(np.float64)
    assert step[0] == pytest.approx(1)
    assert day[0] == pytest.approx(1)
    assert week[0] == pytest.approx(0.01), "every week is the same"
    at = 45 * DAY + 12  # a Thursday
    (scores,) = detector.score([with_readings(series, at, 140.0)])
    steps = 0.5  # 40 kWh in ranges of 80, in habits of one range
    assert scores[at] == pytest.approx(steps + steps)
    assert scores[[at - 1, at + 1]].tolist() == [pytest.approx(steps)] * 2
    assert scores[at + 7 * DAY] == 0, "a week later the day before is as it should be"
    (night,) = detector.score([with_readings(series, at, 140.0).part(0, at)])
    assert night[at - 1] == 0, "of what came later nothing is known"
    (first,) = detector.score([with_readings(series, at, 140.0).part(at - 6 * DAY - 12, at + 1)])
    assert first[-1] == pytest.approx(steps), "what lies before the start is no evidence"


def test_a_reading_that_stands_in_for_others_is_no_habit_of_a_change(settings, make_meter, plan):
    gap = without_readings(make_meter(noise=0), 7 * DAY + 2, 21 * DAY + 2)
    assert fitted("value_change", settings, [gap], plan).meters_["a"].arrays["habits"][2].tolist() == [pytest.approx(0.01)] * 2


def test_five_percent_of_long_stops_are_no_habit_of_a_change(settings, make_meter, plan):
    series = make_meter()
    spoiled = series
    for start in range(2 * DAY, TRAINED, 8 * DAY):
        spoiled = with_readings(spoiled, slice(start + 8, start + 17), 0.0)
    share = (spoiled.kwh != series.kwh)[:TRAINED].mean()
    clean, moved = (fitted("value_change", settings, [one], plan).meters_["a"].arrays["habits"] for one in (series, spoiled))
    assert share == pytest.approx(0.05, abs=0.01)
    np.testing.assert_allclose(moved[:2], clean[:2], rtol=0.25)


def test_a_level_is_strange_beyond_the_quantiles_of_its_time_of_the_week(settings, make_meter, plan):
    series = make_meter(days=280)
    at = 38 * 7 * DAY + 2
    detector = make("level", settings).fit([series.part(0, at - 2)], plan)
    arrays = detector.meters_["a"].arrays
    low, high = arrays["low"], arrays["high"]
    assert low.shape == (8, 24)
    assert (low[:, 2] < high[:, 2]).all()
    assert (high[:5, 2] < low[:5, 12]).all(), "a working day is no night"
    (calm,), (busy,) = detector.score([series]), detector.score([with_readings(series, at, 100.0)])
    assert np.median(calm[at - 2 :]) < 0.02
    (dark,) = detector.score([with_readings(series, at + 10, 20.0)])
    ranges = 80 / Scale.of(series.kwh).range
    assert [busy[at], dark[at + 10]] == pytest.approx([ranges + 0.25 * np.log(5)] * 2, abs=0.1)


def test_a_few_readings_of_a_slot_of_the_week_lean_on_the_slot_of_the_day(settings, make_meter, plan):
    series = make_meter(days=42)
    few = fitted("level", settings, [series], plan).meters_["a"].arrays
    none = fitted("level", settings, [series], plan, prior_readings=0).meters_["a"].arrays
    spread = [np.ptp(arrays["high"][:5, 12]) for arrays in (few, none)]
    assert spread[0] < 0.3 * spread[1]


def test_a_run_is_told_in_hours_read_and_in_runs_that_are_long_for_the_meter(settings, make_meter, plan):
    nightly, busy = coarse(make_meter("nightly")), make_meter("busy")
    detector = fitted("flat_run", settings, [nightly, busy], plan)
    assert [detector.meters_[one].arrays["habit"].tolist() for one in ("nightly", "busy")] == [[8.0], [1.0]]
    start = 45 * DAY + 6
    stuck, moving = (with_readings(one, slice(start, start + 30), 77.7) for one in (nightly, busy))
    (slow,), (quick,) = detector.score([stuck]), detector.score([moving])
    assert (slow[start], quick[start]) == (pytest.approx(30 / 8), 30)
    assert slow[TRAINED + DAY + 2] == 1
    known = detector.score([moving.part(0, start + 4)])[0]
    assert known[-4:].tolist() == [4.0] * 4, "a night knows its beginning alone"
    broken = detector.score([without_readings(moving, start + 3, start + 9)])[0]
    assert broken[start] == broken[start + 29] == 24, "a gap ends no run and adds nothing"


def test_past_days_measures_the_distance_from_the_nearest_of_the_last_days(settings, make_meter, plan):
    series = make_meter()
    detector = fitted("past_days", settings, [series], plan, readings=1)
    scale, usual = detector.meters_["a"].scale, detector.meters_["a"].arrays["usual"]
    hour, days = 50 * DAY + 12, DAY * np.arange(1, 8)
    low, high = series.kwh[hour - days].min(), series.kwh[hour - days].max()
    high_units, above_units = (scale.units(np.array([value]))[:, 0] for value in (high, 1.5 * high))
    (scores,) = detector.score([with_readings(series, hour, 1.5 * high)])
    assert scores[hour] == pytest.approx(max((above_units - high_units) / usual), rel=1e-4)
    assert scores[hour + DAY] == pytest.approx(detector.score([series])[0][hour + DAY], abs=1), "one strange day hides no normal one"
    (like_one,) = detector.score([with_readings(series, hour, series.kwh[hour - 7 * DAY])])
    assert like_one[hour] == 0, f"any day of the week before is enough, also an end of {low} to {high}"


def test_past_days_averages_over_neighbours_and_compares_with_readings_alone(settings, make_meter, plan):
    series = make_meter()
    hour = 50 * DAY + 12
    single, mean = (fitted("past_days", settings, [series], plan, readings=readings) for readings in (1, 5))
    spike = with_readings(series, hour, 3 * series.kwh.max())
    (alone,), (around,) = single.score([spike]), mean.score([spike])
    assert around[hour - 2] == pytest.approx(alone[hour - 4 : hour + 1].mean(), rel=1e-4)
    known = mean.score([spike.part(0, hour + 1)])[0]
    assert known[hour] == pytest.approx(alone[hour - 2 : hour + 1].mean(), rel=1e-4), "a night averages what it has"
    missing = without_readings(spike, hour, hour + 1)
    assert np.isnan(single.score([missing])[0][hour])
    assert single.score([missing])[0][hour + DAY] == single.score([without_readings(series, hour, hour + 1)])[0][hour + DAY]
    first = fitted("past_days", settings, [series], plan).score([series.part(0, DAY)])[0]
    assert first.tolist() == [0.0] * DAY, "the first day has none before it"


@every_one
def test_less_than_a_week_is_learned_from(name, settings, make_meter, plan):
    series = make_meter()
    (scores,) = make(name, settings).fit([series.part(0, 5 * DAY)], plan).score([series])
    assert np.isfinite(scores).all()


def test_a_counter_that_stood_for_days_of_the_past_is_no_habit(settings, make_meter, plan):
    series = make_meter()
    stood = with_readings(series, slice(100, 150), 33.3)
    assert fitted("flat_run", settings, [stood], plan).meters_["a"].arrays["habit"].tolist() == [1.0]


@every_one
def test_a_meter_that_was_not_learned_is_judged_in_its_own_units_by_what_the_others_have_in_common(name, settings, make_meter, plan):
    learned = [coarse(make_meter(str(seed), seed=seed)) for seed in range(3)]
    detector = fitted(name, settings, learned, plan)
    new = with_readings(learned[1], slice(50 * DAY, 50 * DAY + 12), 77.7)
    own = detector.score([new])[0]
    unseen, large = (detector.score([replace(new, meter_id="new", kwh=new.kwh * factor)])[0] for factor in (1.0, 1000.0))
    np.testing.assert_allclose(large, unseen, rtol=1e-3, atol=1e-3)
    assert np.corrcoef(own, unseen)[0, 1] > 0.9
    assert 0.5 < np.quantile(unseen, 0.99) / np.quantile(own, 0.99) < 2


@every_one
def test_a_meter_that_is_forgotten_leaves_the_others_as_they_are(name, settings, make_meter, plan, tmp_path: Path):
    portfolio = [coarse(make_meter("a", seed=1)), make_meter("b", size=7, seed=2), make_meter("c", seed=3)]
    detector = fitted(name, settings, portfolio, plan)
    before = detector.score(portfolio)
    for gone in ("a", "never seen"):
        detector.forget(gone)
    detector.save(tmp_path / "some")
    for after in (detector, load(name, tmp_path / "some")):
        scores = after.score(portfolio)
        assert not np.array_equal(before[0], scores[0])
        for one, other in zip(before[1:], scores[1:], strict=True):
            np.testing.assert_array_equal(one, other)
    for gone in ("b", "c"):
        detector.forget(gone)
    detector.save(tmp_path / "none")
    np.testing.assert_array_equal(load(name, tmp_path / "none").score(portfolio)[0], detector.score(portfolio)[0])


@every_one
def test_a_meter_by_the_quarter_hour_and_one_by_the_day_are_scored_by_a_plan_of_hours(name, settings, make_meter, plan):
    hourly = make_meter("hourly", days=84)
    slots = np.arange(84 * 96)
    quarters = replace(
        hourly,
        meter_id="quarters",
        interval_s=900,
        timestamps=hourly.timestamps[0] + slots * np.timedelta64(15, "m"),
        kwh=np.repeat(hourly.kwh / 4, 4) * (1 + 0.01 * np.random.default_rng(5).standard_normal(len(slots))),
        **{part: np.repeat(getattr(hourly, part), 4) for part in ("observed", "weekend", "holiday")},
        slot_of_day=(slots % 96).astype(np.int32),
        slot_of_week=(slots % 672).astype(np.int32),
    )
    daily = replace(
        hourly,
        meter_id="daily",
        interval_s=86_400,
        kwh=hourly.kwh.reshape(84, 24).sum(axis=1),
        **{part: getattr(hourly, part)[::24] for part in ("timestamps", "observed", "weekend", "holiday")},
        slot_of_day=np.zeros(84, dtype=np.int32),
        slot_of_week=(np.arange(84) % 7).astype(np.int32),
    )
    detector = make(name, settings).fit([hourly, quarters, daily], plan)
    for series in (quarters, daily):
        found = with_readings(series, slice(70 * series.slots_per_day, 72 * series.slots_per_day), 0.0)
        for one in (found, replace(found, meter_id="new")):
            (scores,) = detector.score([one])
            assert np.isfinite(scores).all()
            assert scores[70 * series.slots_per_day] > np.median(scores)
    if name == "flat_run":
        assert [detector.meters_[one].arrays["habit"].item() for one in ("hourly", "quarters", "daily")] == [1, 0.25, 24]
    if name in ("level", "flat_run"):
        as_hourly = detector.score([replace(quarters, meter_id="hourly")])[0]
        assert np.median(as_hourly) < 2 * max(0.1, float(np.median(detector.score([hourly])[0]))), "energy is brought to the plan's hour"


def test_a_detector_of_windows_keeps_what_it_was_made_with(settings, make_meter, plan, tmp_path):
    KMeansAD(settings.detectors.kmeans_ad, seed=7, threads=1).fit([make_meter()], plan).save(tmp_path)
    loaded = load("kmeans_ad", tmp_path)
    assert isinstance(loaded, ByWindow)
    assert (loaded.seed, loaded.threads) == (7, 1)
