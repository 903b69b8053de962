"""Adversarial windows of networks: their gradient, what may be made, and what learning to lead them back does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
import torch

from ecoai_pipeline.detectors.catalogue import make
from ecoai_pipeline.detectors.cnn_gru.detector import CnnGru
from ecoai_pipeline.detectors.windowed.adversarial import Adversary, limits
from ecoai_pipeline.detectors.windowed.detector import WindowDetector
from ecoai_pipeline.detectors.windowed.inputs import Windows, draw_windows, known_readings, norm_of, stretch_of
from ecoai_pipeline.detectors.windowed.training import window_error
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import DetectorParams

NETWORKS = list(DetectorParams().networks)
TRAINED = 42 * 24
EPSILON = 0.1

every_network = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture
def unfitted(quick):
    """A network of some name at windows of 24, its parameters changed; of cnn_gru that of one scale."""

    def made(name: str, **change: object) -> WindowDetector:
        params = getattr(quick.detectors, name).model_copy(update=change)
        detector = make(name, quick.model_copy(update={"detectors": quick.detectors.model_copy(update={name: params})}))
        return detector.scale() if isinstance(detector, CnnGru) else detector

    return made


def short(**change: object) -> dict[str, object]:
    return {"max_windows": 128, "epochs": 2, "warmup_epochs": 1, **change}


def windows_of(detector: WindowDetector, series: Series, most: int = 32) -> Windows:
    known = known_readings(series)
    stretch = stretch_of(series, known, norm_of(series, known, 24), detector.length_)
    return draw_windows([stretch], detector.length_, most, np.random.default_rng(0)).to(detector.device)


def own_error(detector: WindowDetector, given: torch.Tensor, wanted: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return window_error(wanted, detector.rebuilt(detector.net_, given), known)


@every_network
def test_the_gradient_is_that_of_the_windows_own_score(name, unfitted, make_meter, plan):
    """By central differences in double precision: of each reading, unknown ones too, for the fill is read by the network."""
    detector = unfitted(name, **short(epochs=1)).fit([make_meter().part(0, TRAINED)], plan)
    detector.net_.double()
    values = windows_of(detector, make_meter()).values[:1].double()
    known = torch.ones_like(values, dtype=torch.bool)
    known[0, 5:9] = False
    step = 1e-6 * torch.eye(values.shape[1], dtype=torch.float64, device=detector.device)
    with torch.no_grad():
        up, down = ((detector.errors(values + change) * known).sum(dim=1) / known.sum() for change in (step, -step))
    torch.testing.assert_close(detector.loss_gradient(values, known)[0], (up - down) / 2e-6, rtol=1e-4, atol=1e-7)


@every_network
def test_made_windows_are_near_physical_and_stranger_and_what_is_unknown_stays(name, unfitted, make_meter, plan):
    meter = make_meter(noise=0.3)
    meter = replace(meter, kwh=np.maximum(meter.kwh, 0.0), observed=np.arange(len(meter)) % 50 != 0)
    detector = unfitted(name, **short()).fit([meter.part(0, TRAINED)], plan)
    known = known_readings(meter)
    norm = norm_of(meter, known, 24)
    stretch = stretch_of(meter, known, norm, 24)
    windows = draw_windows([stretch], 24, 32, np.random.default_rng(0)).to(detector.device)
    made = Adversary(EPSILON, limits([stretch], [norm]), detector).adversarial(detector.net_, windows)
    assert (made - windows.values).abs().max() <= 2 * EPSILON + 1e-5
    kwh = norm.kwh(made.double().cpu().numpy())[windows.known.cpu().numpy()]
    assert kwh.min() >= -1e-4
    assert kwh.max() <= meter.kwh[known].max() + 1e-4
    assert torch.equal(made[~windows.known], windows.values[~windows.known])
    assert (~windows.known).any()
    before, after = (own_error(detector, given, given, windows.known) for given in (windows.values, made))
    assert (after >= before).float().mean() > 0.95
    assert after.mean() > 1.05 * before.mean()


def test_a_meter_that_goes_below_zero_may_be_made_to_and_another_may_not(make_meter):
    meter = make_meter(noise=0)
    signed = replace(meter, kwh=meter.kwh - 60)
    found = []
    for one in (meter, signed):
        known = known_readings(one)
        norm = norm_of(one, known, 24)
        found.append(norm.kwh(limits([stretch_of(one, known, norm, 24)], [norm])[0]))
    np.testing.assert_allclose(found, [[0, 100], [-40, 40]], atol=1e-4)


def test_each_meter_has_limits_of_its_own(unfitted, make_meter, plan):
    detector = unfitted("usad", **short()).fit([make_meter()], plan)
    windows = windows_of(detector, make_meter(), most=4)
    windows = replace(windows, meter=torch.tensor([0, 0, 1, 1], device=detector.device))
    own = windows.values.double().cpu().numpy()
    narrow, wide = [own[:2].min(), own[:2].max()], [own.min() - 9, own.max() + 9]
    made = Adversary(EPSILON, np.array([narrow, wide]), detector).adversarial(detector.net_, windows)
    assert made[:2].min() >= narrow[0] - 1e-6
    assert made[:2].max() <= narrow[1] + 1e-6
    assert (made[2:] - windows.values[2:]).abs().min() > 0, "within wide limits every reading moves"


def test_limits_are_those_of_the_days_learned_from_whatever_the_held_out_ones_read(unfitted, make_meter, plan, monkeypatch):
    """The last 15 % of 42 days decide when to stop; a surge and an export in them are no reach of what is made."""
    found = []
    pairs = Adversary.pairs

    def seen(self, net, windows):
        found.append(self.limits)
        return pairs(self, net, windows)

    monkeypatch.setattr(Adversary, "pairs", seen)
    meter, cut = make_meter().part(0, TRAINED), round(0.85 * TRAINED)
    kwh = meter.kwh.copy()
    kwh[cut + 20 : cut + 22] = 300, -50
    detector = unfitted("usad", **short(adversarial_epsilon=EPSILON)).fit([replace(meter, kwh=kwh)], plan)
    np.testing.assert_allclose(detector.norms_[meter.meter_id].kwh(found[0]), [[0, kwh[:cut].max()]], atol=1e-4)


def test_learning_pairs_leads_attacked_windows_of_later_days_back(unfitted, make_meter, plan):
    """Mean square error of what is made of a window against the clean one, after 42 days of a wave whose height changes from day to day.

    Each network is attacked by its own gradient. What the attack adds to the error becomes less than half of what it is without.
    """
    meter, hours = make_meter(), np.arange(56 * 24)
    height = np.random.default_rng(0).uniform(20, 60, 56).repeat(24)
    meter = replace(meter, kwh=meter.kwh / 25 + 100 + height * np.sin(2 * np.pi * hours / 24))
    errors = []
    for epsilon in (0.0, EPSILON):
        detector = unfitted("usad", epochs=20, latent_share=0.25, adversarial_epsilon=epsilon).fit([meter.part(0, TRAINED)], plan)
        windows = windows_of(detector, meter.part(TRAINED, len(meter)))
        made = Adversary(EPSILON, np.array([[-9.0, 9.0]]), detector).adversarial(detector.net_, windows)
        errors.append([float(own_error(detector, given, windows.values, windows.known).mean()) for given in (windows.values, made)])
    (clean, attacked), (clean_with, attacked_with) = errors
    assert attacked_with < attacked
    assert attacked_with - clean_with < 0.5 * (attacked - clean)


@every_network
def test_the_held_out_windows_are_the_same_with_and_without_and_never_made(name, unfitted, make_meter, plan, monkeypatch):
    given = []
    learn = WindowDetector.learn

    def seen(self, training, held_out, pairs=None):
        given.append((training, held_out, pairs is not None))
        return learn(self, training, held_out, pairs)

    monkeypatch.setattr(WindowDetector, "learn", seen)
    for epsilon in (0.0, EPSILON):
        unfitted(name, **short(adversarial_epsilon=epsilon)).fit([make_meter().part(0, TRAINED)], plan)
    (training, held_out, none), (same_training, same_held_out, made) = given
    assert (none, made) == (False, True)
    for one, other in ((training, same_training), (held_out, same_held_out)):
        assert torch.equal(one.values, other.values)
        assert other.altered is None


@every_network
def test_with_pairs_a_fit_is_the_same_twice_and_another_than_without(name, unfitted, make_meter, plan):
    meter = make_meter()
    with_pairs, again, without = (
        unfitted(name, **short(warmup_epochs=0, adversarial_epsilon=epsilon)).fit([meter.part(0, TRAINED)], plan).score([meter])[0]
        for epsilon in (EPSILON, EPSILON, 0.0)
    )
    np.testing.assert_array_equal(with_pairs, again)
    assert not np.array_equal(with_pairs, without)


def test_the_facts_say_what_was_made_of_what_and_what_for(unfitted, make_meter, plan):
    """Made before epochs 2 and 6 of 8, of all windows but the strangest tenth; they lie in the first 85 % of 42 days."""
    meters = [make_meter(name, seed=seed).part(0, TRAINED) for seed, name in enumerate("ab")]
    facts = unfitted("usad", **short(epochs=8, patience=8, adversarial_epsilon=EPSILON)).fit(meters, plan).facts
    made = facts["adversarial"]
    assert made["made_windows"] == 2 * (facts["training_windows"] - facts["dropped_windows"])
    assert (made["epsilon"], made["from_meters"]) == (EPSILON, 2)
    assert made["use"].startswith("denoising pairs")
    first, last = (datetime.fromisoformat(made[end]) for end in ("from", "to"))
    assert first == datetime(2022, 1, 3)
    assert (last - first).total_seconds() == pytest.approx(0.85 * 42 * 86_400, abs=3600)
    assert "adversarial" not in unfitted("usad", **short()).fit(meters, plan).facts


def test_pairs_are_made_after_the_warm_up_of_what_it_left_and_anew_every_fourth_epoch(unfitted, make_meter, plan, monkeypatch):
    calls = []
    pairs = Adversary.pairs

    def counted(self, net, windows):
        calls.append(len(windows))
        return pairs(self, net, windows)

    monkeypatch.setattr(Adversary, "pairs", counted)
    params = short(epochs=10, warmup_epochs=2, patience=10, adversarial_epsilon=EPSILON)
    facts = unfitted("usad", **params).fit([make_meter().part(0, TRAINED)], plan).facts
    assert facts["dropped_windows"] > 0
    assert calls == [facts["training_windows"] - facts["dropped_windows"]] * 2  # before epochs 3 and 7


@every_network
def test_the_loss_of_a_pair_is_of_what_the_network_makes_of_the_altered_window(name, unfitted, make_meter, plan):
    detector = unfitted(name, **short()).fit([make_meter().part(0, TRAINED)], plan)
    clean = windows_of(detector, make_meter(), most=8)
    (step,) = detector.steps(detector.net_)
    with torch.no_grad():
        alone, same, altered = (
            float(step.loss(detector.net_, pair, 3))
            for pair in (clean, replace(clean, altered=clean.values), replace(clean, altered=clean.values + 1))
        )
    assert alone == same
    assert altered != pytest.approx(alone, rel=1e-6)


def test_pairs_stand_beside_the_clean_windows():
    values = torch.arange(6.0).reshape(2, 3)
    clean = Windows(values, torch.ones(2, 3, dtype=torch.bool), torch.tensor([0, 1]))
    both = clean.beside(values + 1)
    assert both.values.tolist() == [*values.tolist(), *values.tolist()]
    assert both.given.tolist() == [*values.tolist(), *(values + 1).tolist()]
    assert both.meter.tolist() == [0, 1, 0, 1]
    assert both.take(torch.tensor([3])).given.tolist() == [[4.0, 5.0, 6.0]]
    assert clean.given is clean.values
