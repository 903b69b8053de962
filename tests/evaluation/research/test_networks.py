"""Networks in protocols B and C: they learn the protocol's windows, in any unit, and say the gradient of their own score of them."""

from __future__ import annotations

import numpy as np
import pytest

from ecoai_pipeline.detectors.windowed.detector import WindowDetector
from ecoai_pipeline.evaluation.research import attack, effect
from ecoai_pipeline.evaluation.research.attack import EpsilonCurve, day_errors
from ecoai_pipeline.evaluation.research.days import whole_days
from ecoai_pipeline.evaluation.research.effect import AugmentationEffect
from ecoai_pipeline.evaluation.research.participants import Differentiable, LearnsPairs, Reconstructs, WindowModel, as_window_model
from ecoai_pipeline.evaluation.research.reconstruction import Reconstruction

from .made import doubled, quick, two_shifts

NETWORKS = ("usad", "lstm_ae", "encdec_ad", "cnn_gru")
every_network = pytest.mark.parametrize("name", NETWORKS)


def days(count: int = 60):
    return whole_days(two_shifts(count, 3600)).values


@every_network
def test_a_network_offers_all_that_the_protocols_ask_for(name, settings):
    model = as_window_model(name, quick(settings), 0)
    assert all(isinstance(model, kind) for kind in (WindowModel, Reconstructs, Differentiable, LearnsPairs))


@every_network
def test_the_gradient_is_that_of_the_own_score_in_the_windows_unit(name, settings):
    """Along the gradient the score changes by its square, both ways; on loads of 100 kWh, so that the unit matters."""
    model = as_window_model(name, quick(settings), 0).fit(days())
    some = days()[:4]
    slope = model.loss_gradient(some)
    assert slope.shape == some.shape
    step = 0.5 * slope / np.abs(slope).max(axis=1, keepdims=True)  # half a kWh at most
    change = day_errors(model, some + step) - day_errors(model, some - step)
    np.testing.assert_allclose(change, 2 * (slope * step).sum(axis=1), rtol=0.05)


def test_what_is_made_of_windows_comes_in_their_own_unit(settings):
    """A million times the load is rebuilt as well as the load."""
    errors = []
    for size in (1.0, 1e6):
        windows = size * days()
        made = as_window_model("lstm_ae", quick(settings), 0).fit(windows).reconstruct(windows)
        errors.append(((made - windows) ** 2).mean() / windows.var())
    assert errors[0] < 0.7
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)


@every_network
def test_a_day_that_doubled_is_the_strangest(name, settings):
    windows = days()
    model = as_window_model(name, quick(settings), 0).fit(windows)
    strange = windows[:5].copy()
    strange[2, 8:20] *= 3
    assert day_errors(model, strange).argmax() == 2


def test_training_is_stopped_by_the_last_windows_as_they_are_wanted(settings, monkeypatch):
    seen = []

    def learn(self, training, held_out, pairs=None):
        seen.append((training, held_out))

    monkeypatch.setattr(WindowDetector, "learn", learn)
    clean = days()
    as_window_model("usad", quick(settings), 0).fit_pairs(clean + 5, clean)
    ((training, held_out),) = seen
    assert (len(training), len(held_out)) == (51, 9)  # 85 % of 60
    assert np.array_equal(held_out.given, held_out.values)
    assert not np.array_equal(training.given, training.values)


def test_pairs_are_learned_in_the_unit_of_the_windows_that_are_wanted(settings, monkeypatch):
    monkeypatch.setattr(WindowDetector, "learn", lambda *_: None)
    clean = days()
    alone, pairs = (as_window_model("usad", quick(settings), 0).fit_pairs(given, clean) for given in (clean, 2 * clean + 5))
    assert (pairs.norm_.level, pairs.norm_.scale) == (alone.norm_.level, alone.norm_.scale)
    assert np.array_equal(pairs.norm_.typical, alone.norm_.typical)


def test_networks_have_rows_in_both_protocols(settings, monkeypatch):
    case, quickly = doubled(two_shifts(70, 3600), (60 * 24, 60 * 24 + 8), times=8), quick(settings)
    for module in (attack, effect):
        monkeypatch.setattr(module, "EPSILONS", (0.1,))
    rows = AugmentationEffect(case, "usad", quickly, 0).run()["rows"]
    assert {row["use"] for row in rows} == {"threshold", "classifier", "pairs"}
    assert all(np.isfinite([row["with"], row["without"]]).all() for row in rows)
    assert [row["epsilon"] for row in EpsilonCurve(case, "usad", quickly).run()["rows"]] == [0.0, 0.1]
    (row,) = Reconstruction(case, "usad", quickly).run()["rows"]
    assert row["auc_l2"] > 0.7
