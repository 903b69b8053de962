"""What networks that rebuild windows have in common: windows, masks, the held-out tail."""

from __future__ import annotations

import numpy as np
import torch

from ecoai_pipeline.detectors.windowed.inputs import Stretch, draw_windows, norm_of, split, stretch_of
from ecoai_pipeline.detectors.windowed.training import window_error


def test_errors_of_unknown_readings_do_not_count():
    values, out = torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[1.0, 4.0, 0.0]])
    known = torch.tensor([[True, True, False]])
    assert window_error(values, out, known).tolist() == [2.0]


def test_unknown_readings_are_filled_with_the_typical_value_of_their_slot(make_meter):
    meter = make_meter()
    known = meter.slot_of_week != 30
    norm = norm_of(meter, known, 24)
    stretch = stretch_of(meter, known, norm, at_least=2000)
    assert (stretch.values[: len(meter)][~known] == norm.typical[6]).all()
    assert len(stretch.values) == len(stretch.known) == 2000
    assert not stretch.known[len(meter) :].any()


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
