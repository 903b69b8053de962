"""LSTM and GRU over columns: torch's layers with their parameters, by our kernel on a processor in single precision, else by torch.

Columns are (rows, steps, windows): windows lie beside each other in memory, so that one instruction serves several of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ecoai_pipeline.detectors.recurrent import kernel

State = tuple[Tensor, Tensor]


def columns(windows: Tensor) -> Tensor:
    """Windows (w, steps) as columns (1, steps, w and as many of zeros as fill the last lanes of a processor)."""
    return functional.pad(windows.t(), (0, -len(windows) % kernel.LANES)).unsqueeze(0)


def rows(columns: Tensor, count: int) -> Tensor:
    """Columns (1, steps, w) as the first `count` windows, (count, steps)."""
    return columns[0, :, :count].t()


def linear(layer: nn.Linear, columns: Tensor) -> Tensor:
    """A linear layer over the rows of columns, or of one step of them, (rows, windows)."""
    return (layer.weight @ columns.flatten(1) + layer.bias[:, None]).view(-1, *columns.shape[1:])


class Lstm(nn.LSTM):
    """One layer of `torch.nn.LSTM`, over columns. States are (units, windows), hidden and cell."""

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units, batch_first=True)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:  # type: ignore[override]
        """The states after each step of columns, (units, steps, windows), and the last one; it starts from zero where none is given."""
        if not _ours(x):
            start = state and (state[0].t()[None].contiguous(), state[1].t()[None].contiguous())
            states, (hidden, cell) = super().forward(x.permute(2, 1, 0), start)
            return states.permute(2, 1, 0), (hidden[0].t(), cell[0].t())
        return self._through(x, state, wanted=True)

    def last(self, x: Tensor) -> State:
        """The state after the last step alone."""
        return self._through(x, None, wanted=False)[1] if _ours(x) else self(x)[1]

    def repeated(self, latent: Tensor, steps: int) -> Tensor:
        """The states after each step where every step is given the same, (inputs, windows)."""
        if not _ours(latent):
            return self(latent[:, None].expand(-1, steps, -1))[0]  # type: ignore[no-any-return]
        base = self.weight_ih_l0 @ latent + self._bias
        return _lstm(_nothing(latent, steps), base, self.weight_ih_l0[:, :0], self.weight_hh_l0)[0]

    def fed_back(self, out: nn.Linear, state: State, steps: int) -> Tensor:
        """What `out` makes of the states, (inputs, steps, windows), where a step is given what was made of the one before, the first zeros.

        On a processor the weights of that way round are added to those of the state, which comes to the same.
        """
        if not _ours(state[0]):
            made, written = state[0].new_zeros(self.input_size, 1, state[0].shape[1]), []
            for _ in range(steps):
                states, state = self(made, state)
                made = linear(out, states)
                written.append(made)
            return torch.cat(written, dim=1)
        assert out.bias is not None
        no_inputs, width = self.weight_ih_l0[:, :0], state[0].shape[1]
        states, state = _lstm(_nothing(state[0], 1), self._bias.expand(-1, width), no_inputs, self.weight_hh_l0, state)
        first = linear(out, states)
        if steps == 1:
            return first
        base = self._bias + (self.weight_ih_l0 @ out.bias)[:, None]
        weights = self.weight_hh_l0 + self.weight_ih_l0 @ out.weight
        states, _ = _lstm(_nothing(state[0], steps - 1), base.expand(-1, width), no_inputs, weights, state)
        return torch.cat((first, linear(out, states)), dim=1)

    def _through(self, x: Tensor, state: State | None, *, wanted: bool) -> tuple[Tensor, State]:
        base = self._bias.expand(-1, x.shape[2])
        return _lstm(x, base, self.weight_ih_l0, self.weight_hh_l0, state, wanted=wanted)

    @property
    def _bias(self) -> Tensor:
        """(4 units, 1)"""
        return (self.bias_ih_l0 + self.bias_hh_l0)[:, None]


class Gru(nn.GRU):
    """One layer of `torch.nn.GRU`, over columns, from a state of zeros."""

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """The states after each step of columns, (units, steps, windows), and the last one, (units, windows)."""
        if not _ours(x):
            states, last = super().forward(x.permute(2, 1, 0))
            return states.permute(2, 1, 0), last[0].t()
        return self._through(x, wanted=True)

    def last(self, x: Tensor) -> Tensor:
        """The state after the last step alone."""
        return self._through(x, wanted=False)[1] if _ours(x) else self(x)[1]

    def repeated(self, latent: Tensor, steps: int) -> Tensor:
        """The states after each step where every step is given the same, (inputs, windows)."""
        if not _ours(latent):
            return self(latent[:, None].expand(-1, steps, -1))[0]  # type: ignore[no-any-return]
        base = self.weight_ih_l0 @ latent + self.bias_ih_l0[:, None]
        return self._from(_nothing(latent, steps), base, self.weight_ih_l0[:, :0])[0]

    def _through(self, x: Tensor, *, wanted: bool) -> tuple[Tensor, Tensor]:
        return self._from(x, self.bias_ih_l0[:, None].expand(-1, x.shape[2]), self.weight_ih_l0, wanted=wanted)

    def _from(self, x: Tensor, base: Tensor, weight_ih: Tensor, *, wanted: bool = True) -> tuple[Tensor, Tensor]:
        given = (x, base, self.bias_hh_l0, weight_ih, self.weight_hh_l0)
        states, last = _GruSteps.apply(*given, _differentiated(given), wanted)  # type: ignore[no-untyped-call]
        return states, last


def _ours(columns: Tensor) -> bool:
    """Whether the kernel takes them."""
    return columns.device.type == "cpu" and columns.dtype == torch.float32


def _nothing(like: Tensor, steps: int) -> Tensor:
    """Columns without a row."""
    return like.new_empty(0, steps, like.shape[1])


def _differentiated(given: Sequence[Tensor]) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)


def _lstm(
    x: Tensor, base: Tensor, weight_ih: Tensor, weight_hh: Tensor, state: State | None = None, *, wanted: bool = True
) -> tuple[Tensor, State]:
    hidden, cell = state or (base.new_zeros(weight_hh.shape[1], base.shape[1]),) * 2
    given = (x, base, weight_ih, weight_hh, hidden, cell)
    states, hidden, cell = _LstmSteps.apply(*given, _differentiated(given), wanted)  # type: ignore[no-untyped-call]
    return states, (hidden, cell)


class _LstmSteps(torch.autograd.Function):
    """From columns (inputs, steps, windows), what is added to the gates (4 units, windows), the weights and the state to start from to the
    states after each step (units, steps, windows), none where they are neither wanted nor needed, and the last hidden and cell state."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> tuple[Tensor, Tensor, Tensor]:
        x, base, weight_ih, weight_hh, start, cell_start, keeping, wanted = given
        inputs, steps, width = x.shape
        units = len(start)
        end, cell_end = x.new_empty(units, width), x.new_empty(units, width)
        states = x.new_empty(units if keeping or wanted else 0, steps, width)
        cells, ctx.gates = (x.new_empty(rows if keeping else 0, steps, width) for rows in (units, 4 * units))
        weights = _by_unit(torch.cat((weight_ih, weight_hh), dim=1), 4)
        arrays = (x, base, weights, start, cell_start, end, cell_end, states, cells, ctx.gates)
        _run(kernel.lstm_forward, arrays, (inputs, units, steps, width), width)
        ctx.save_for_backward(x, weight_ih, weight_hh, start, cell_start, states, cells)
        ctx.set_materialize_grads(False)
        return states, end, cell_end

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *wanted: Any) -> tuple[Tensor | None, ...]:
        x, weight_ih, weight_hh, start, cell_start, states, cells = ctx.saved_tensors
        units, steps, width = states.shape
        hidden, cell = (_padded(gradient, units, width, x) for gradient in wanted[1:])
        base, gates = x.new_empty(4 * units, width), _taken(ctx)
        given = x.new_empty(0) if wanted[0] is None else wanted[0]
        arrays = (given, hidden, cell, cell_start, cells, gates, _by_block(weight_hh), base)
        _run(kernel.lstm_backward, arrays, (units, steps, width), width)
        return (
            _over_rows(weight_ih, gates) if ctx.needs_input_grad[0] else None,
            base,
            _over_columns(gates, x),
            _over_columns(gates, _before(start, states)),
            hidden[:units],
            cell[:units],
            None,
            None,
        )


class _GruSteps(torch.autograd.Function):
    """From columns (inputs, steps, windows), what is added to the gates (3 units, windows), the bias that is reset and the weights to the
    states after each step (units, steps, windows), none where they are neither wanted nor needed, and the last one, from zeros on."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> tuple[Tensor, Tensor]:
        x, base, bias, weight_ih, weight_hh, keeping, wanted = given
        inputs, steps, width = x.shape
        units = len(bias) // 3
        # Reset and update gate are added up before their functions, so their two biases are one.
        both = base + functional.pad(bias[: 2 * units], (0, units))[:, None]
        end, states = x.new_empty(units, width), x.new_empty(units if keeping or wanted else 0, steps, width)
        ctx.gates = x.new_empty(4 * units if keeping else 0, steps, width)
        weights = _by_unit(torch.cat((weight_ih, weight_hh), dim=1), 3)
        arrays = (x, both, bias[2 * units :], weights, x.new_zeros(units, width), end, states, ctx.gates)
        _run(kernel.gru_forward, arrays, (inputs, units, steps, width), width)
        ctx.save_for_backward(x, weight_ih, weight_hh, states)
        ctx.set_materialize_grads(False)
        return states, end

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *wanted: Any) -> tuple[Tensor | None, ...]:
        x, weight_ih, weight_hh, states = ctx.saved_tensors
        units, steps, width = states.shape
        start, hidden = x.new_zeros(units, width), _padded(wanted[1], units, width, x)
        base, gates = x.new_empty(4 * units, width), _taken(ctx)
        given = x.new_empty(0) if wanted[0] is None else wanted[0]
        arrays = (given, hidden, start, states, gates, _by_block(weight_hh), base)
        _run(kernel.gru_backward, arrays, (units, steps, width), width)
        from_input, from_state = slice(0, 3 * units), slice(units, 4 * units)  # blocks new, reset, update; reset, update, what is reset
        return (
            _over_rows(weight_ih.roll(units, 0), gates[from_input]) if ctx.needs_input_grad[0] else None,
            base[from_input].roll(-units, 0),
            base[from_state].sum(dim=1),
            _over_columns(gates[from_input], x).roll(-units, 0),
            _over_columns(gates[from_state], _before(start, states)),
            None,
            None,
        )


def _taken(ctx: Any) -> Tensor:
    """The gates that the kernel has kept, which it makes gradients of in their place."""
    gates: Tensor | None = ctx.gates
    if gates is None:
        raise RuntimeError("these recurrent steps were differentiated before; compute them again, or take all gradients at once")
    ctx.gates = None
    return gates


def _before(start: Tensor, states: Tensor) -> Tensor:
    """The states that each step began with, (units, steps, windows)."""
    return torch.cat((start[:, None], states[:, :-1]), dim=1)


def _over_columns(one: Tensor, other: Tensor) -> Tensor:
    """Products of rows of two tensors of columns, summed over steps and windows, (rows of one, rows of other)."""
    return product(one.flatten(1), other.flatten(1))


def _over_rows(weights: Tensor, columns: Tensor) -> Tensor:
    """Columns weighed over their rows by `weights` (rows, other rows), (other rows, steps, windows)."""
    return (weights.t() @ columns.flatten(1)).view(-1, *columns.shape[1:])


def product(one: Tensor, other: Tensor) -> Tensor:
    """one @ other.t(); oneDNN does it in less than half of the time that torch's own choice of library takes on some processors."""
    if one.device.type == "cpu" and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        product: Tensor = torch.ops.mkldnn._linear_pointwise(one, other, None, "none", [], "")
        return product
    return one @ other.t()


def _padded(gradient: Tensor | None, units: int, width: int, like: Tensor) -> Tensor:
    """A gradient of the last state, (units padded to a whole block, windows); zeros where there is none."""
    whole = like.new_zeros(-(-units // kernel.BLOCK) * kernel.BLOCK, width)
    if gradient is not None:
        whole[:units] = gradient
    return whole


def _by_unit(weights: Tensor, gates: int) -> Tensor:
    """Weights (gates times units, given) as (units, given, gates): those that are used together lie together."""
    return weights.view(gates, -1, weights.shape[1]).permute(1, 2, 0).contiguous()


def _by_block(weights: Tensor) -> Tensor:
    """Weights (gates times units, units) as (blocks, gates times units, units of a block)."""
    padded = functional.pad(weights, (0, -weights.shape[1] % kernel.BLOCK))
    return padded.view(len(weights), -1, kernel.BLOCK).permute(1, 0, 2).contiguous()


def _run(compiled: Callable[..., None], tensors: Sequence[Tensor], sizes: tuple[int, ...], width: int) -> None:
    """Run a kernel over all windows, shared out among as many threads as torch has; a window's result depends on itself only."""
    if width % kernel.LANES:
        raise ValueError(f"{width} windows: give a multiple of {kernel.LANES}, as `columns` does")
    arrays = [tensor.contiguous().view(-1).numpy() for tensor in tensors]
    blocks = width // kernel.LANES
    threads = max(1, min(torch.get_num_threads(), blocks))
    cuts = [kernel.LANES * (blocks * number // threads) for number in range(threads + 1)]
    if threads == 1:
        compiled(*arrays, sizes, 0, width)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda first, last: compiled(*arrays, sizes, first, last), cuts, cuts[1:]))
