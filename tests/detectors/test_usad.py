"""USAD without its known traps: frozen opponents, no collapse, no trace left in torch's global state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecoai_pipeline.detectors.usad.detector import Usad
from ecoai_pipeline.detectors.usad.inputs import Stretch, draw_windows, split
from ecoai_pipeline.detectors.usad.model import UsadNet
from ecoai_pipeline.detectors.usad.training import Windows, _steps
from ecoai_pipeline.settings import UsadParams

QUICK = {"max_windows": 1024, "batch": 64, "epochs": 40}


def fit(meter, plan, **params) -> Usad:
    return Usad(UsadParams(**{**QUICK, **params}), seed=1, threads=1).fit([meter], plan)


@pytest.mark.parametrize("form", ["joint", "adversarial"])
def test_our_forms_learn_the_load_and_do_not_collapse(form, make_meter, plan):
    facts = fit(make_meter(), plan, form=form).facts
    assert not facts["collapsed"]
    assert facts["ae2_error"] < 0.4 * facts["baseline_error"]


def test_the_paper_taken_literally_falls_apart_and_the_facts_say_so(make_meter, plan):
    """Clean gradients, no cap, no stop: AE2 gives up reconstruction, as measured in a toy (.05 to .33)."""
    facts = fit(make_meter(), plan, form="adversarial", max_adversarial=0.99, patience=40, clip_norm=1e9).facts
    assert facts["diverged"]
    assert facts["ae2_error"] < facts["ae2_error_last"]


def test_each_adversarial_step_leaves_the_opposing_decoder_untouched():
    torch.manual_seed(0)
    net = UsadNet(8, 2)
    batch = Windows(torch.randn(4, 8), torch.ones(4, 8, dtype=torch.bool), torch.zeros(4))
    first, second = _steps(net, UsadParams(form="adversarial"))
    for step, opponent, own in ((first, net.decoder2, net.decoder1), (second, net.decoder1, net.decoder2)):
        frozen = [p.clone() for p in opponent.parameters()]
        moved = [p.clone() for p in own.parameters()]
        step.take(net, batch, 0.4)
        assert all(torch.equal(a, b) for a, b in zip(frozen, opponent.parameters(), strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(moved, own.parameters(), strict=True))


def test_fit_and_score_leave_torch_as_it_was(make_meter, plan):
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    meter = make_meter()
    fit(meter, plan, epochs=1).score([meter])
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


def test_the_held_out_part_is_the_last_in_time_and_shares_no_reading_with_training():
    n = 100
    stretch = Stretch(np.arange(n, dtype=np.float32), np.ones(n, dtype=bool))
    first, last = split([stretch], 10, 0.15)
    training = draw_windows(first, 10, 50, np.random.default_rng(0))
    held_out = draw_windows(last, 10, 50, np.random.default_rng(0))
    assert len(training) == 50
    assert training.values.max() <= 84
    assert held_out.values.min() == 85


def test_windows_mostly_unknown_teach_nothing():
    known = np.ones(40, dtype=bool)
    known[10:30] = False
    windows = draw_windows([Stretch(np.zeros(40, dtype=np.float32), known)], 10, 100, np.random.default_rng(0))
    assert windows.known.float().mean(dim=1).min() >= 0.5
    assert len(windows) == 12
