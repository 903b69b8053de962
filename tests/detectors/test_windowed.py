"""What networks that rebuild windows have in common: windows, masks, the held-out tail."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecoai_pipeline.detectors.windowed.inputs import Norm, Stretch, draw_windows, norm_of, split, stretch_of
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


def test_the_networks_unit_is_the_scale_logarithmic_beyond_three_and_leads_back():
    """Level 100 and scale 20: 60 kWh above it are three units, 20 more another ln 2."""
    norm = Norm(100.0, 20.0, np.zeros(1, dtype=np.float32))
    kwh = np.array([-1e6, 20.0, 40.0, 100.0, 110.0, 160.0, 180.0, 1e6])
    units = norm.units(kwh)
    assert units[1:-1] == pytest.approx([-3 - np.log(2), -3, 0, 0.5, 3, 3 + np.log(2)])
    np.testing.assert_allclose(norm.kwh(units), kwh)
    step = 1e-4
    away = np.array([-50.0, 30.0, 90.0, 150.0, 170.0, 900.0])
    np.testing.assert_allclose(norm.slope(away), (norm.units(away + step) - norm.units(away - step)) / (2 * step), rtol=1e-6)


def test_the_quantiles_of_a_meter_that_is_not_flat_lie_two_units_apart(make_meter):
    meter = make_meter()
    norm = norm_of(meter, meter.observed, 24)
    low, high = norm.units(np.quantile(meter.kwh, [0.05, 0.95]))
    assert high - low == pytest.approx(2)


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
