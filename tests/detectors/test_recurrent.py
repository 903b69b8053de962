"""The recurrent networks: order of decoding, error statistics, scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecoai_pipeline.detectors.cnn_gru import detector as cnn_gru
from ecoai_pipeline.detectors.cnn_gru.scales import coarse, fine, marked
from ecoai_pipeline.detectors.encdec_ad.model import EncDecNet
from ecoai_pipeline.detectors.lstm_ae.model import LstmAeNet
from ecoai_pipeline.detectors.recurrent.kernel import LANES
from ecoai_pipeline.detectors.recurrent.layers import linear
from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.settings import CnnGruParams


def test_encdec_writes_backwards_so_that_early_readings_depend_on_late_ones_it_was_taught() -> None:
    torch.manual_seed(0)
    net, windows = EncDecNet(1, 8), torch.randn(1, 10, LANES)
    changed = windows.clone()
    changed[0, 6] += 1.0
    state = net.encoder(windows)[1]
    net.encoder.last = lambda _: state  # a change of the reading reaches the decoder through what it is taught alone
    with torch.no_grad():
        moved = (net.taught(windows) != net.taught(changed))[0, :, 0]
    assert not moved[6:].any(), "a reading is taught to those before it alone"
    assert moved[:6].all()


def test_in_use_encdec_is_given_nothing_but_what_it_wrote() -> None:
    torch.manual_seed(0)
    net, windows = EncDecNet(2, 8), torch.randn(2, 6, LANES)
    with torch.no_grad():
        whole = net(windows)
        _, state = net.encoder(windows)
        states, state = net.decoder(torch.zeros(2, 1, LANES), state)
        last = linear(net.out, states)
        second = linear(net.out, net.decoder(last, state)[0])
    torch.testing.assert_close(whole[:, -1:], last)
    torch.testing.assert_close(whole[:, -2:-1], second)


def test_lstm_ae_narrows_a_window_to_its_latent_vector() -> None:
    torch.manual_seed(0)
    net = LstmAeNet(encoder=8, latent=2, decoder=4)
    assert net.narrow.out_features == 2
    assert net(torch.randn(3, 12)).shape == (3, 12)


@pytest.mark.parametrize("begin", [0, 1, 5, 13])
def test_a_coarse_load_is_the_same_whatever_part_is_given(make_meter, begin) -> None:
    meter = make_meter()
    whole, part = coarse(meter, 6), coarse(meter.part(begin, 300), 6)
    start = int(np.searchsorted(whole.timestamps, part.timestamps[0]))
    inside = slice(1, len(part) - 1)
    np.testing.assert_array_equal(part.timestamps, whole.timestamps[start : start + len(part)])
    np.testing.assert_allclose(part.kwh[inside], whole.kwh[start : start + len(part)][inside])
    assert whole.kwh[10] == pytest.approx(meter.kwh[60:66].mean())
    assert whole.slot_of_day[10] == 2
    assert len(fine(np.arange(len(part), dtype=float), meter.part(begin, 300), 6)) == 300 - begin


def test_a_coarse_load_keeps_what_is_known_of_its_meter(make_meter) -> None:
    meter = replace(make_meter("a"), usage_type=UsageType.MIDNIGHT)
    assert (coarse(meter, 6).meter_id, coarse(meter, 6).usage_type) == ("a", UsageType.MIDNIGHT)


def test_a_coarse_reading_takes_half_of_its_readings_and_a_label_any(make_meter) -> None:
    meter = make_meter()
    observed = np.ones(len(meter), dtype=bool)
    observed[6:9] = observed[12:16] = False
    assert coarse(replace(meter, observed=observed), 6).observed[:4].tolist() == [True, True, False, True]
    labels = np.zeros(len(meter), dtype=bool)
    labels[20] = True
    assert np.flatnonzero(marked(labels, meter, 6)).tolist() == [3]


def test_the_poster_s_numbers_take_the_place_of_the_others() -> None:
    params = CnnGruParams.model_validate({"preset": "poster", "epochs": 3, "trees": 7})
    assert (params.epochs, params.learning_rate, params.patience, params.excess, params.trees) == (50, 1e-4, 50, 0.0, 7)
    assert CnnGruParams(epochs=3).epochs == 3
    assert CnnGruParams.model_validate(params.model_dump(mode="json")) == params


def test_the_forest_is_of_so_many_readings_at_most_whatever_the_portfolio(make_meter, quick, plan, monkeypatch) -> None:
    monkeypatch.setattr(cnn_gru, "_MOST_READINGS", 2000)
    portfolio = [make_meter(name, seed=seed) for seed, name in enumerate("abcd")]
    silent = np.arange(len(portfolio[0])) < 900
    portfolio[1] = replace(portfolio[1], observed=silent)
    portfolio[2] = replace(portfolio[2], observed=silent & False)
    labels = {"a": np.zeros(len(portfolio[0]), dtype=bool)}
    labels["a"][-100:] = True
    detector, measured = cnn_gru.CnnGru(quick.detectors.cnn_gru, seed=1, threads=1), {}
    distances = detector._distances
    monkeypatch.setattr(detector, "_distances", lambda series: measured.update({series.meter_id: series}) or distances(series))
    detector.fit(portfolio, plan, labels=labels)
    assert {name: int(series.observed.sum()) for name, series in measured.items()} == {"a": 500, "b": 500, "d": 500}
    assert np.flatnonzero(measured["a"].observed)[-1] == len(measured["a"]) - 101, "labelled readings are none to learn from"
    assert measured["d"].timestamps[-1] == portfolio[3].timestamps[-1]
