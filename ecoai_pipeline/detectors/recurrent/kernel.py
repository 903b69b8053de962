"""The compiled part of recurrent layers: 32 windows side by side, a unit's gates in registers from its weights to its state.

A step of a layer is a product with a small matrix, then a few functions of each gate. As separate operations on whole tensors, gates
go to memory and back between them, and the product of a batch of 128 is too small for a library to be at its best. Here a register
holds the same unit of several windows; the gates of a unit are summed up in registers over all inputs and all units of the step before,
and go through their functions without leaving them.

Measured on one core with AVX-512, a layer of 64 units over windows of 96 steps, µs per window, least of 60: an LSTM of one input 18 forward
and 21 backward, a GRU of 32 inputs 17 and 17; two units at once took a third off the GRU and nothing off the LSTM, eight units at once
in the way back a third off both. Its largest products reach 250 GFLOP/s there (oneDNN), these layers 180 to 200.

Arrays are flat, float32, and mean (rows, steps, windows), windows beside each other; a call works on the windows from `first` to
`last`, both multiples of 32, so that calls on different windows can run side by side. `gates` has four blocks of a row per unit.

Everything is in this one file since numba's cache on disk looks at the file of the outermost function only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

from ecoai_pipeline.detectors.compiled import compiled

LANES = 32
BLOCK = 8  # units whose gradients are summed up at once
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_READING = 4  # bytes

# tanh as a quotient of polynomials, accurate to a few units in the last place of single precision; beyond ±7.9 it is ±1.
_REACH = 7.90531110763549805
_ABOVE = (
    *(-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05),
    *(6.37261928875436e-04, 4.89352455891786e-03),
)
_BELOW = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)

Flat = NDArray[np.float32]


class _Lanes(types.Type):  # type: ignore[misc]
    """32 floats in registers."""

    def __init__(self) -> None:
        super().__init__(name=f"FloatLanes({LANES})")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


_lanes = _Lanes()


def _at(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [place])


def _spread(builder: Any, value: Any) -> Any:
    empty = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _constant(value: float) -> Any:
    return ir.Constant(_VECTOR, [float(np.float32(value))] * LANES)


def _fused(builder: Any, one: Any, other: Any, summand: Any) -> Any:
    return builder.fadd(builder.fmul(one, other, flags=("contract",)), summand, flags=("contract",))


def _tanh_of(builder: Any, x: Any) -> Any:
    """A NaN stays one: comparisons with it are false, and the value itself is chosen then."""
    x = builder.select(builder.fcmp_ordered(">", x, _constant(_REACH)), _constant(_REACH), x)
    x = builder.select(builder.fcmp_ordered("<", x, _constant(-_REACH)), _constant(-_REACH), x)
    square = builder.fmul(x, x)
    above, below = _constant(_ABOVE[0]), _constant(_BELOW[0])
    for factor in _ABOVE[1:]:
        above = _fused(builder, above, square, _constant(factor))
    for factor in _BELOW[1:]:
        below = _fused(builder, below, square, _constant(factor))
    return builder.fdiv(builder.fmul(x, above), below)


def _sigmoid_of(builder: Any, x: Any) -> Any:
    half = _constant(0.5)
    return _fused(builder, half, _tanh_of(builder, builder.fmul(half, x)), half)


@intrinsic  # type: ignore[untyped-decorator]
def _load(typing: Any, array: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        where = builder.bitcast(_at(context, builder, signature.args[0], *given), _VECTOR.as_pointer())
        return builder.load(where, align=_READING)

    return _lanes(array, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def _store(typing: Any, array: Any, place: Any, values: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        where = builder.bitcast(_at(context, builder, signature.args[0], *given[:2]), _VECTOR.as_pointer())
        builder.store(given[2], where, align=_READING)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def _weighed(typing: Any, values: Any, weights: Any, place: Any, summand: Any) -> Any:
    """values * weights[place] + summand"""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        weight = builder.load(_at(context, builder, signature.args[1], given[1], given[2]), align=_READING)
        return _fused(builder, given[0], _spread(builder, weight), given[3])

    return _lanes(_lanes, weights, types.intp, _lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def _all_at(typing: Any, array: Any, place: Any) -> Any:
    """One value of an array in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _spread(builder, builder.load(_at(context, builder, signature.args[0], *given), align=_READING))

    return _lanes(array, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def _zero(typing: Any) -> Any:
    return _lanes(), lambda context, builder, signature, given: _constant(0.0)


def _of_one(build: Callable[..., Any]) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def operation(typing: Any, x: Any) -> Any:
        return _lanes(_lanes), lambda context, builder, signature, given: build(builder, *given)

    return operation


def _of_two(build: Callable[..., Any]) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def operation(typing: Any, one: Any, other: Any) -> Any:
        return _lanes(_lanes, _lanes), lambda context, builder, signature, given: build(builder, *given)

    return operation


def _of_three(build: Callable[..., Any]) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def operation(typing: Any, one: Any, other: Any, summand: Any) -> Any:
        return _lanes(_lanes, _lanes, _lanes), lambda context, builder, signature, given: build(builder, *given)

    return operation


_tanh = _of_one(_tanh_of)
_sigmoid = _of_one(_sigmoid_of)
_complement = _of_one(lambda builder, x: builder.fsub(_constant(1.0), x))
_plus = _of_two(lambda builder, one, other: builder.fadd(one, other))
_minus = _of_two(lambda builder, one, other: builder.fsub(one, other))
_times = _of_two(lambda builder, one, other: builder.fmul(one, other))
_fma = _of_three(_fused)


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take(local: Flat, array: Flat, rows: int, width: int, lane: int) -> None:
    """Copy the lanes from `lane` on of an array (rows, windows) to `local` (rows, lanes)."""
    for row in range(rows):
        _store(local, row * LANES, _load(array, row * width + lane))


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _give(array: Flat, local: Flat, rows: int, width: int, lane: int) -> None:
    """Copy `local` (rows, lanes) to its place in an array (rows, windows)."""
    for row in range(rows):
        _store(array, row * width + lane, _load(local, row * LANES))


@compiled
def lstm_forward(
    x: Flat,
    base: Flat,
    weights: Flat,
    start: Flat,
    cell_start: Flat,
    end: Flat,
    cell_end: Flat,
    hidden: Flat,
    cells: Flat,
    gates: Flat,
    sizes: tuple[int, int, int, int],
    first: int,
    last: int,
) -> None:
    """Fill in the states of an LSTM after the last step, and after each where they are wanted.

    Args:
        x: (inputs, steps, windows).
        base: (4 units, windows), what is added to the gates at every step; blocks input, forget, cell, output.
        weights: (units, inputs + units, 4).
        start, cell_start: (units, windows), the state before the first step.
        end, cell_end: (units, windows), filled.
        hidden: (units, steps, windows), filled, or empty if nobody needs them.
        cells, gates: (units, steps, windows) and (4 units, steps, windows), filled with the cells, and the gates after their functions; or
            both empty.
        sizes: inputs, units, steps, windows.
    """
    inputs, units, steps, width = sizes
    block = units * steps * width
    before, after, cell = np.empty(units * LANES, np.float32), np.empty(units * LANES, np.float32), np.empty(units * LANES, np.float32)
    for lane in range(first, last, LANES):
        _take(before, start, units, width, lane)
        _take(cell, cell_start, units, width, lane)
        for step in range(steps):
            for unit in range(units):
                at = unit * (inputs + units) * 4
                i, f = _load(base, unit * width + lane), _load(base, (units + unit) * width + lane)
                g, o = _load(base, (2 * units + unit) * width + lane), _load(base, (3 * units + unit) * width + lane)
                for number in range(inputs):
                    value = _load(x, (number * steps + step) * width + lane)
                    i, f = _weighed(value, weights, at, i), _weighed(value, weights, at + 1, f)
                    g, o = _weighed(value, weights, at + 2, g), _weighed(value, weights, at + 3, o)
                    at += 4
                for number in range(units):
                    value = _load(before, number * LANES)
                    i, f = _weighed(value, weights, at, i), _weighed(value, weights, at + 1, f)
                    g, o = _weighed(value, weights, at + 2, g), _weighed(value, weights, at + 3, o)
                    at += 4
                i, f, g, o = _sigmoid(i), _sigmoid(f), _tanh(g), _sigmoid(o)
                c = _fma(f, _load(cell, unit * LANES), _times(i, g))
                h = _times(o, _tanh(c))
                _store(cell, unit * LANES, c)
                _store(after, unit * LANES, h)
                state = (unit * steps + step) * width + lane
                if hidden.size > 0:
                    _store(hidden, state, h)
                if gates.size > 0:
                    _store(cells, state, c)
                    _store(gates, state, i)
                    _store(gates, state + block, f)
                    _store(gates, state + 2 * block, g)
                    _store(gates, state + 3 * block, o)
            before, after = after, before
        _give(end, before, units, width, lane)
        _give(cell_end, cell, units, width, lane)


@compiled
def lstm_backward(
    given: Flat,
    at_end: Flat,
    cell_at_end: Flat,
    cell_start: Flat,
    cells: Flat,
    gates: Flat,
    weights: Flat,
    base: Flat,
    sizes: tuple[int, int, int],
    first: int,
    last: int,
) -> None:
    """Gradients of an LSTM, from the last step back to the first.

    Args:
        given: (units, steps, windows), gradient of the states after each step, or empty where only the last ones count.
        at_end, cell_at_end: (padded units, windows), gradient of the last state; become those of the state it started from. Units are
            padded to a multiple of eight.
        cell_start, cells: as in `lstm_forward`.
        gates: as `lstm_forward` has left them; become the gradients of the gates before their functions.
        weights: (padded units / 8, 4 units, 8), those from a unit's state to the gates.
        base: (4 units, windows), filled with their sums over the steps.
        sizes: units, steps, windows.
    """
    units, steps, width = sizes
    padded = -(-units // BLOCK) * BLOCK
    gate, total = np.empty(4 * units * LANES, np.float32), np.empty(4 * units * LANES, np.float32)
    state, cell = np.empty(padded * LANES, np.float32), np.empty(units * LANES, np.float32)
    block = units * steps * width
    for lane in range(first, last, LANES):
        _take(state, at_end, padded, width, lane)
        _take(cell, cell_at_end, units, width, lane)
        total[:] = 0
        for step in range(steps - 1, -1, -1):
            for unit in range(units):
                at = (unit * steps + step) * width + lane
                i, f, g, o = _load(gates, at), _load(gates, at + block), _load(gates, at + 2 * block), _load(gates, at + 3 * block)
                d = _load(state, unit * LANES)
                if given.size > 0:
                    d = _plus(d, _load(given, at))
                earlier = _load(cells, at - width) if step else _load(cell_start, unit * width + lane)
                t = _tanh(_load(cells, at))
                d_o = _times(_times(_times(d, t), o), _complement(o))
                c = _fma(_times(d, o), _complement(_times(t, t)), _load(cell, unit * LANES))
                d_i = _times(_times(_times(c, g), i), _complement(i))
                d_f = _times(_times(_times(c, earlier), f), _complement(f))
                d_g = _times(_times(c, i), _complement(_times(g, g)))
                _store(cell, unit * LANES, _times(c, f))
                for number, value in ((0, d_i), (1, d_f), (2, d_g), (3, d_o)):
                    row = (number * units + unit) * LANES
                    _store(gate, row, value)
                    _store(total, row, _plus(value, _load(total, row)))
                    _store(gates, at + number * block, value)
            _back(gate, weights, state, 4 * units, padded)
        _give(at_end, state, padded, width, lane)
        _give(cell_at_end, cell, units, width, lane)
        _give(base, total, 4 * units, width, lane)


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _back(gate: Flat, weights: Flat, state: Flat, rows: int, padded: int) -> None:
    """Gradient of the state, (padded units, lanes), that comes through the gates, (rows, lanes)."""
    at = 0
    for unit in range(0, padded, BLOCK):
        a, b, c, d = _zero(), _zero(), _zero(), _zero()
        e, f, g, h = _zero(), _zero(), _zero(), _zero()
        for number in range(rows):
            value = _load(gate, number * LANES)
            a, b = _weighed(value, weights, at, a), _weighed(value, weights, at + 1, b)
            c, d = _weighed(value, weights, at + 2, c), _weighed(value, weights, at + 3, d)
            e, f = _weighed(value, weights, at + 4, e), _weighed(value, weights, at + 5, f)
            g, h = _weighed(value, weights, at + 6, g), _weighed(value, weights, at + 7, h)
            at += BLOCK
        for number, gradient in ((0, a), (1, b), (2, c), (3, d), (4, e), (5, f), (6, g), (7, h)):
            _store(state, (unit + number) * LANES, gradient)


@compiled
def gru_forward(
    x: Flat,
    base: Flat,
    bias: Flat,
    weights: Flat,
    start: Flat,
    end: Flat,
    hidden: Flat,
    gates: Flat,
    sizes: tuple[int, int, int, int],
    first: int,
    last: int,
) -> None:
    """Fill in the states of a GRU after the last step, and after each where they are wanted.

    Args:
        x: (inputs, steps, windows).
        base: (3 units, windows), what is added to the gates at every step; blocks reset, update, new.
        bias: (units,), what is added to that part of the new gate which is reset.
        weights: (units, inputs + units, 3).
        start: (units, windows), the state before the first step.
        end: (units, windows), filled.
        hidden: (units, steps, windows), filled, or empty if nobody needs them.
        gates: (4 units, steps, windows), filled with the gates after their functions and the part that is reset, or empty.
        sizes: inputs, units, steps, windows.
    """
    inputs, units, steps, width = sizes
    block = units * steps * width
    before, after = np.empty(units * LANES, np.float32), np.empty(units * LANES, np.float32)
    for lane in range(first, last, LANES):
        _take(before, start, units, width, lane)
        for step in range(steps):
            for unit in range(0, units, 2):  # two at once: six sums in turn wait for each other, twelve do not
                other = min(unit + 1, units - 1)
                at, too = unit * (inputs + units) * 3, other * (inputs + units) * 3
                r, z = _load(base, unit * width + lane), _load(base, (units + unit) * width + lane)
                n, m = _load(base, (2 * units + unit) * width + lane), _all_at(bias, unit)
                u, v = _load(base, other * width + lane), _load(base, (units + other) * width + lane)
                p, q = _load(base, (2 * units + other) * width + lane), _all_at(bias, other)
                for number in range(inputs):
                    value = _load(x, (number * steps + step) * width + lane)
                    r, z, n = _weighed(value, weights, at, r), _weighed(value, weights, at + 1, z), _weighed(value, weights, at + 2, n)
                    u, v, p = _weighed(value, weights, too, u), _weighed(value, weights, too + 1, v), _weighed(value, weights, too + 2, p)
                    at, too = at + 3, too + 3
                for number in range(units):
                    value = _load(before, number * LANES)
                    r, z, m = _weighed(value, weights, at, r), _weighed(value, weights, at + 1, z), _weighed(value, weights, at + 2, m)
                    u, v, q = _weighed(value, weights, too, u), _weighed(value, weights, too + 1, v), _weighed(value, weights, too + 2, q)
                    at, too = at + 3, too + 3
                for number, a, b, c, d in ((unit, r, z, n, m), (other, u, v, p, q)):
                    a, b = _sigmoid(a), _sigmoid(b)
                    c = _tanh(_fma(a, d, c))
                    h = _fma(b, _minus(_load(before, number * LANES), c), c)
                    _store(after, number * LANES, h)
                    state = (number * steps + step) * width + lane
                    if hidden.size > 0:
                        _store(hidden, state, h)
                    if gates.size > 0:
                        _store(gates, state, a)
                        _store(gates, state + block, b)
                        _store(gates, state + 2 * block, c)
                        _store(gates, state + 3 * block, d)
            before, after = after, before
        _give(end, before, units, width, lane)


@compiled
def gru_backward(
    given: Flat,
    at_end: Flat,
    start: Flat,
    hidden: Flat,
    gates: Flat,
    weights: Flat,
    base: Flat,
    sizes: tuple[int, int, int],
    first: int,
    last: int,
) -> None:
    """Gradients of a GRU, from the last step back to the first; arguments as in `lstm_backward`.

    Args:
        start, hidden: as in `gru_forward`.
        gates: as `gru_forward` has left them; become the gradients of the gates before their functions, in blocks new, reset, update, and
            the part of the new gate that is reset.
        weights: (padded units / 8, 3 units, 8), those from a unit's state to the gates.
        base: (4 units, windows), filled with their sums over the steps.
    """
    units, steps, width = sizes
    padded = -(-units // BLOCK) * BLOCK
    gate, total = np.empty(3 * units * LANES, np.float32), np.empty(4 * units * LANES, np.float32)
    state, passed = np.empty(padded * LANES, np.float32), np.empty(units * LANES, np.float32)
    block = units * steps * width
    for lane in range(first, last, LANES):
        _take(state, at_end, padded, width, lane)
        total[:] = 0
        for step in range(steps - 1, -1, -1):
            for unit in range(units):
                at = (unit * steps + step) * width + lane
                r, z, n, m = _load(gates, at), _load(gates, at + block), _load(gates, at + 2 * block), _load(gates, at + 3 * block)
                d = _load(state, unit * LANES)
                if given.size > 0:
                    d = _plus(d, _load(given, at))
                earlier = _load(hidden, at - width) if step else _load(start, unit * width + lane)
                d_z = _times(_times(_times(d, _minus(earlier, n)), z), _complement(z))
                d_n = _times(_times(d, _complement(z)), _complement(_times(n, n)))
                d_r = _times(_times(_times(d_n, m), r), _complement(r))
                d_m = _times(d_n, r)
                _store(passed, unit * LANES, _times(d, z))
                for number, value in ((0, d_n), (1, d_r), (2, d_z), (3, d_m)):
                    row = (number * units + unit) * LANES
                    _store(total, row, _plus(value, _load(total, row)))
                    _store(gates, at + number * block, value)
                    if number > 0:
                        _store(gate, row - units * LANES, value)
            _back(gate, weights, state, 3 * units, padded)
            for unit in range(units):
                _store(state, unit * LANES, _plus(_load(state, unit * LANES), _load(passed, unit * LANES)))
        _give(at_end, state, padded, width, lane)
        _give(base, total, 4 * units, width, lane)
