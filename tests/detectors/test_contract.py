"""What every detector of the catalogue promises."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.detectors import load, make, windows
from ecoai_pipeline.detectors.catalogue import taught
from ecoai_pipeline.detectors.contract import Detector
from ecoai_pipeline.detectors.files import StateError
from ecoai_pipeline.domain import DETECTORS
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import Settings

TRAINED = 42 * 24

every_detector = pytest.mark.parametrize("name", DETECTORS)
every_unsupervised = pytest.mark.parametrize("name", [name for name in DETECTORS if not taught(name)])

# How much of a surge must be strange: twice the load is no run of equal readings, and components stumble over its edges.
SURGE = {"flat_run": None, "sub_pca": np.max}


def planted(series: Series, start: int, stop: int, factor: float) -> Series:
    kwh = series.kwh.copy()
    kwh[start:stop] *= factor
    return replace(series, kwh=kwh)


def hidden(series: Series, start: int, stop: int) -> Series:
    observed = series.observed.copy()
    observed[start:stop] = False
    return replace(series, observed=observed)


@pytest.fixture
def portfolio(make_meter) -> list[Series]:
    return [make_meter(name, size=size, seed=seed) for seed, (name, size) in enumerate([("a", 100), ("b", 20), ("c", 4000)])]


def fitted(name: str, settings: Settings, portfolio: Sequence[Series], plan: WindowPlan) -> Detector:
    """A detector after its training span, in which a supervised one is shown outages and surges of six hours."""
    detector, training = make(name, settings), [series.part(0, TRAINED) for series in portfolio]
    if not detector.supervised:
        return detector.fit(training, plan)
    starts = range(40, TRAINED - 6, 103)
    for number, start in enumerate(starts):
        training = [planted(series, start, start + 6, 2.0 * (number % 2)) for series in training]
    marks = np.isin(np.arange(TRAINED), [range(start, start + 6) for start in starts])
    return detector.fit(training, plan, labels={series.meter_id: marks for series in training})


@pytest.fixture(scope="module")
def fits() -> dict[str, Detector]:
    return {}


@pytest.fixture
def detector(name, quick, portfolio, plan, fits) -> Detector:
    """The detector of that name after its training span, fitted once for all tests that only score with it."""
    if name not in fits:
        fits[name] = fitted(name, quick, portfolio, plan)
    return fits[name]


@every_detector
def test_scores_have_the_shape_of_the_series_and_are_nan_exactly_where_nothing_was_observed(name, detector, portfolio):
    given = [hidden(portfolio[0], 100, 130), portfolio[1].part(0, 10), hidden(portfolio[2].part(0, 48), 0, 48)]
    scores = detector.score(given)
    assert isinstance(detector, Detector)
    assert detector.supervised == taught(name)
    for series, score in zip(given, scores, strict=True):
        assert score.shape == (len(series),)
        assert score.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(score), ~series.observed)
        assert detector.supervised or (score[series.observed] >= 0).all()


@every_detector
def test_a_value_that_was_not_observed_changes_nothing(name, quick, portfolio, plan):
    one = [hidden(series, 200, 230) for series in portfolio]
    other = [planted(series, 200, 230, 50.0) for series in one]
    none = [replace(series, kwh=np.where(series.observed, series.kwh, np.nan)) for series in one]
    scores = [fitted(name, quick, given, plan).score(given) for given in (one, other, none)]
    for mine, theirs, nothing in zip(*scores, strict=True):
        np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(mine, nothing)


@every_detector
def test_equal_input_gives_equal_bytes_and_loaded_scores_are_the_same_to_the_bit(name, detector, quick, portfolio, plan, tmp_path):
    first = detector
    fitted(name, quick, portfolio, plan).save(tmp_path / "again")
    before = first.score(portfolio)
    first.save(tmp_path / "one")
    loaded = load(name, tmp_path / "one")
    loaded.save(tmp_path / "loaded")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["config.json", "weights.safetensors"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "loaded" / file).read_bytes()
    for mine, theirs in zip(before, loaded.score(portfolio), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@every_detector
def test_a_meter_scores_the_same_alone_as_among_others(detector, portfolio):
    np.testing.assert_array_equal(detector.score(portfolio)[1], detector.score([portfolio[1]])[0])


@every_detector
@pytest.mark.parametrize("factor", [0.0, 2.0], ids=["outage", "surge"])
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_a_planted_fault_scores_above_the_99th_percentile_of_normal(name, factor, seen, detector, portfolio, make_meter):
    meter = portfolio[0] if seen else make_meter("new", size=700, seed=9)
    start = TRAINED + 7 * 24 + 8
    normal = detector.score([meter])[0][TRAINED:]
    faulty = detector.score([planted(meter, start, start + 6, factor)])[0]
    least = SURGE.get(name, np.min) if factor > 1 else np.min
    if least:
        assert least(faulty[start : start + 6]) > np.quantile(normal, 0.99)


@every_unsupervised
def test_five_percent_of_outages_in_training_do_not_make_the_next_one_normal(name, quick, portfolio, plan):
    starts = [5 * 24 + 2, 13 * 24 + 9, 20 * 24 + 14, 30 * 24 + 6, 37 * 24 + 13]
    contaminated = portfolio
    for start in starts:
        contaminated = [planted(series, start, start + 10, 0.0) for series in contaminated]
    assert 10 * len(starts) / TRAINED == pytest.approx(0.05, abs=0.001)
    detector = fitted(name, quick, contaminated, plan)
    start = TRAINED + 8 * 24 + 9
    score = detector.score([planted(portfolio[0], start, start + 6, 0.0)])[0]
    normal = detector.score([portfolio[0]])[0][TRAINED:]
    assert np.median(score[start : start + 6]) > np.quantile(normal, 0.99)


@every_detector
def test_signed_flat_and_faulty_meters_are_scored_with_finite_numbers(name, quick, make_meter, plan):
    signed = make_meter("signed")
    signed = replace(signed, kwh=signed.kwh - 60)
    flat = replace(make_meter("flat"), kwh=np.full(len(signed), 5.0))
    zero = replace(make_meter("zero"), kwh=np.zeros(len(signed)))
    counter = planted(make_meter("counter"), 30, 31, 1e6)
    portfolio = [signed, flat, zero, counter]
    for score in fitted(name, quick, portfolio, plan).score(portfolio):
        assert np.isfinite(score).all()


@every_unsupervised
def test_labelled_intervals_are_not_learned_from(name, quick, portfolio, plan):
    training = [series.part(0, TRAINED) for series in portfolio]
    labels = {series.meter_id: np.isin(np.arange(TRAINED), range(200, 230)) for series in training}
    spoiled = [planted(series, 200, 230, 7.0) for series in training]
    clean, masked = (make(name, quick).fit(given, plan, labels=labels).score(portfolio) for given in (training, spoiled))
    for one, other in zip(clean, masked, strict=True):
        np.testing.assert_array_equal(one, other)


@every_detector
def test_too_little_to_learn_from_is_an_error_that_says_what_to_do(name, quick, portfolio, plan):
    with pytest.raises(ValueError, match=r"3 meters .*train on more months"):
        make(name, quick).fit([series.part(0, 30) for series in portfolio], plan)


def test_files_of_another_detector_or_none_are_refused(quick, portfolio, plan, tmp_path: Path):
    fitted("profile", quick, portfolio, plan).save(tmp_path)
    with pytest.raises(StateError, match=r"config\.json holds detector and schema \('profile', 1\)"):
        load("usad", tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(StateError, match=r"weights\.safetensors is missing"):
        load("profile", tmp_path)


def test_an_unknown_name_is_refused_with_the_known_ones(settings, tmp_path):
    for call in (lambda: make("oracle", settings), lambda: load("oracle", tmp_path)):
        with pytest.raises(ValueError, match="no detector 'oracle'; known are profile, usad, lstm_ae, encdec_ad, cnn_gru, usage_z, "):
            call()


def test_the_catalogue_does_not_load_torch():
    code = "import sys, ecoai_pipeline.detectors as d; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


LOOKS_AT = {"kmeans_ad": (8,), "sub_pca": (24,), "load_shape": (1, 24), "value_change": (1, 24, 168), "past_days": (1, 168)}
LOOKS_AT |= {"supervised": (1, 24, 168)}
LOOKS_AT |= dict.fromkeys(("profile", "usage_z", "level", "flat_run", "forecast"), (1,))


@pytest.mark.parametrize("name", LOOKS_AT)
def test_over_how_many_hours_a_detector_without_a_network_looks(name, settings, plan):
    assert windows(make(name, settings), plan) == LOOKS_AT[name]


def test_a_network_looks_over_the_windows_that_it_was_fitted_with(quick, portfolio, plan):
    assert windows(fitted("lstm_ae", quick, portfolio, plan), plan) == (24,)
    assert windows(fitted("cnn_gru", quick, portfolio, plan), plan) == (24, 168)


def test_it_is_told_how_far_every_detector_looks():
    assert {*LOOKS_AT, "lstm_ae", "encdec_ad", "usad", "cnn_gru"} == set(DETECTORS)
