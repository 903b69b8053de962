"""Recurrent layers over columns beside torch's own, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from ecoai_pipeline.detectors.recurrent.layers import Gru, Lstm, columns, linear, rows

STEPS = 7
SIZES = [(1, 8), (3, 5), (2, 16)]  # inputs and units; odd ones leave registers half filled
WIDTHS = [32, 96]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape).requires_grad_()


def same(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def gradients(made: Sequence[Tensor], of: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Of a sum in which no value counts as another does."""
    return torch.autograd.grad(sum((value * (2 + number)).sin().sum() for number, value in enumerate(made)), of)  # type: ignore[arg-type]


def torch_lstm(layer: nn.LSTM, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    states, (last, last_cell) = layer(x.permute(1, 2, 0), (hidden.t()[None].contiguous(), cell.t()[None].contiguous()))
    return states.permute(2, 0, 1), last[0].t(), last_cell[0].t()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("inputs", "units"), SIZES)
def test_an_lstm_gives_the_states_and_gradients_of_torch(inputs: int, units: int, width: int) -> None:
    ours, theirs = Lstm(inputs, units), nn.LSTM(inputs, units)
    theirs.load_state_dict(ours.state_dict())
    given = drawn(inputs, STEPS, width), drawn(units, width), drawn(units, width)
    states, last = ours(given[0], given[1:])
    made, expected = (states, *last), torch_lstm(theirs, *given)
    for one, other in zip(made, expected, strict=True):
        same(one, other)
    for one, other in zip(gradients(made, (*given, *ours.parameters())), gradients(expected, (*given, *theirs.parameters())), strict=True):
        same(one, other)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("inputs", "units"), SIZES)
def test_a_gru_gives_the_states_and_gradients_of_torch(inputs: int, units: int, width: int) -> None:
    ours, theirs = Gru(inputs, units), nn.GRU(inputs, units)
    theirs.load_state_dict(ours.state_dict())
    x = drawn(inputs, STEPS, width)
    made, (states, last) = ours(x), theirs(x.permute(1, 2, 0))
    expected = states.permute(2, 0, 1), last[0].t()
    for one, other in zip(made, expected, strict=True):
        same(one, other)
    for one, other in zip(gradients(made, (x, *ours.parameters())), gradients(expected, (x, *theirs.parameters())), strict=True):
        same(one, other)


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_the_last_state_alone_is_that_of_all_with_its_gradients(kind: type[Lstm] | type[Gru]) -> None:
    layer, x = kind(2, 6), drawn(2, STEPS, 32)
    of = [x, *layer.parameters()]
    expected = layer(x)[0][:, -1]
    last = _hidden(layer.last(x))
    assert torch.equal(last, expected)
    for one, other in zip(gradients([last], of), gradients([expected], of), strict=True):
        same(one, other)
    with torch.no_grad():
        assert torch.equal(_hidden(layer.last(x)), expected)
        assert torch.equal(layer(x)[0][:, -1], expected)
    same(_hidden(layer.double().last(x.double())), expected.double())


def _hidden(state: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_a_repeated_input_is_one_that_is_given_at_every_step(kind: type[Lstm] | type[Gru]) -> None:
    layer, latent = kind(3, 5), drawn(3, 32)
    repeated, given = layer.repeated(latent, STEPS), layer(latent[:, None].expand(-1, STEPS, -1))[0]
    same(repeated, given)
    for one, other in zip(
        gradients([repeated], [latent, *layer.parameters()]), gradients([given], [latent, *layer.parameters()]), strict=True
    ):
        same(one, other)


@pytest.mark.parametrize("steps", [1, STEPS])
def test_what_is_fed_back_is_what_was_made_of_the_step_before(steps: int) -> None:
    layer, out, state = Lstm(2, 5), nn.Linear(5, 2), (drawn(5, 32), drawn(5, 32))
    made, current, written = torch.zeros(2, 1, 32), state, []
    for _ in range(steps):
        states, current = layer(made, current)
        made = linear(out, states)
        written.append(made)
    expected, fed = torch.cat(written, dim=1), layer.fed_back(out, state, steps)
    same(fed, expected)
    of = (*state, *layer.parameters(), *out.parameters())
    for one, other in zip(gradients([fed], of), gradients([expected], of), strict=True):
        same(one, other)


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_a_window_does_not_depend_on_its_neighbours_nor_on_the_number_of_threads(kind: type[Lstm] | type[Gru]) -> None:
    layer, x = kind(1, 6), torch.randn(1, STEPS, 128)
    threads = torch.get_num_threads()
    results = []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            results.append(layer(x)[0])
    finally:
        torch.set_num_threads(threads)
    results.append(torch.cat([layer(x[..., at : at + 32])[0] for at in range(0, 128, 32)], dim=2))
    for one, other in pairwise(results):
        assert torch.equal(one, other)


def test_windows_become_columns_and_rows_again() -> None:
    windows = torch.randn(37, STEPS)
    assert columns(windows).shape == (1, STEPS, 64)
    assert torch.equal(rows(columns(windows), 37), windows)


def test_a_reading_that_is_not_a_number_spoils_its_own_window_only() -> None:
    x = torch.zeros(1, STEPS, 32)
    x[0, 3, 5] = torch.nan
    spoiled = Lstm(1, 4)(x)[0].isnan().any(dim=0)
    assert spoiled[3:, 5].all()
    assert not spoiled[:, torch.arange(32) != 5].any()
    assert not spoiled[:3].any()


def test_broken_lanes_are_refused() -> None:
    with pytest.raises(ValueError, match="31 windows: give a multiple of 32"):
        Lstm(1, 4)(torch.zeros(1, STEPS, 31))


@pytest.mark.parametrize("kind", [Lstm, Gru])
def test_double_precision_is_computed_by_torch_and_comes_to_the_same(kind: type[Lstm] | type[Gru]) -> None:
    layer, x, latent = kind(2, 5), drawn(2, STEPS, 32), drawn(2, 32)
    ours = layer(x)[0], layer.repeated(latent, STEPS)
    double = layer.double()
    theirs = double(x.double())[0], double.repeated(latent.double(), STEPS)
    for one, other in zip(ours, theirs, strict=True):
        assert other.dtype == torch.float64
        same(one.double(), other)


def test_what_is_fed_back_in_double_precision_comes_to_the_same() -> None:
    layer, out, state = Lstm(2, 5), nn.Linear(5, 2), (drawn(5, 32), drawn(5, 32))
    ours = layer.fed_back(out, state, STEPS)
    same(ours.double(), layer.double().fed_back(out.double(), (state[0].double(), state[1].double()), STEPS))


def test_gradients_are_taken_once() -> None:
    states, _ = Gru(1, 4)(drawn(1, STEPS, 32))
    total = states.sum()
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="differentiated before"):
        total.backward()
