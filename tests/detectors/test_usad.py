"""USAD without its known traps: frozen opponents, no collapse, no trace left in torch's global state."""

from __future__ import annotations

import pytest
import torch

from ecoai_pipeline.detectors.usad.detector import Usad, usad_steps
from ecoai_pipeline.detectors.usad.model import UsadNet
from ecoai_pipeline.detectors.windowed.inputs import Windows
from ecoai_pipeline.detectors.windowed.training import held_out_error, reproducible, train
from ecoai_pipeline.settings import UsadParams

QUICK = {"max_windows": 1024, "batch": 64, "epochs": 40}


def fit(meter, plan, **params) -> Usad:
    return Usad(UsadParams(**{**QUICK, **params}), seed=1, threads=1).fit([meter], plan)


@pytest.mark.parametrize("form", ["joint", "adversarial"])
def test_our_forms_learn_the_load_and_do_not_collapse(form, make_meter, plan):
    facts = fit(make_meter(), plan, form=form).facts
    assert not facts["collapsed"]
    assert facts["error"] < 0.4 * facts["baseline_error"]


def test_the_paper_taken_literally_falls_apart_and_the_facts_say_so(make_meter, plan):
    """Clean gradients, no cap, no stop: AE2 gives up reconstruction, as measured in a toy (.05 to .33)."""
    facts = fit(make_meter(), plan, form="adversarial", max_adversarial=0.99, patience=40, clip_norm=1e9).facts
    assert facts["diverged"]
    assert facts["error"] < facts["error_last"]


def test_each_adversarial_step_leaves_the_opposing_decoder_untouched():
    torch.manual_seed(0)
    net = UsadNet(8, 2)
    batch = Windows(torch.randn(4, 8), torch.ones(4, 8, dtype=torch.bool), torch.zeros(4))
    first, second = usad_steps(net, UsadParams(form="adversarial"))
    for step, opponent, own in ((first, net.decoder2, net.decoder1), (second, net.decoder1, net.decoder2)):
        frozen = [p.clone() for p in opponent.parameters()]
        moved = [p.clone() for p in own.parameters()]
        step.take(net, batch, 2)
        assert all(torch.equal(a, b) for a, b in zip(frozen, opponent.parameters(), strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(moved, own.parameters(), strict=True))


def test_fit_and_score_leave_torch_as_it_was(make_meter, plan):
    threads, meter = torch.get_num_threads(), make_meter()
    torch.set_num_threads(2)
    try:
        before = torch.get_rng_state()
        fit(meter, plan, epochs=1).score([meter])
        assert torch.equal(before, torch.get_rng_state())
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(threads)


def test_the_best_weights_are_kept_even_if_training_ends_worse():
    literal = UsadParams(form="adversarial", max_adversarial=0.99, patience=30, epochs=30, clip_norm=1e9, max_windows=256, batch=32)
    with reproducible(seed=1, threads=1):
        net, values = UsadNet(8, 2), torch.randn(256, 8)
        windows = Windows(values, torch.ones_like(values, dtype=torch.bool), torch.zeros(256, dtype=torch.int64))
        usad = Usad(literal, seed=1, threads=1)
        course = train(net, windows, windows, literal, usad)
        assert course.errors[-1] > course.best
        assert held_out_error(net, windows, literal.trim, usad) == pytest.approx(course.best)
