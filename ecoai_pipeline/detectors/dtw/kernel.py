"""The compiled part of dynamic time warping: a lane per pair, so that every step of the recursion serves 32 pairs at once.

The recursion within a pair is a chain: a cell waits for its left neighbour. Pairs are independent, so the readings of 32 of
them lie side by side and a cell of all is four 512-bit (or eight 256-bit) operations of each kind. Plain loops over lanes leave the
cells' neighbours in memory and 512 bits unused; so the values of 32 lanes are a type of their own here, `_Lanes`, which
LLVM keeps in registers.

Measured for windows of 96 steps and a band of 8, on one core with AVX-512, µs per pair (the recursion alone, least of 400): plain
loops over 32 lanes .69; this type with 16 / 32 / 64 lanes .24 / .17 / .16; the same with buffers off the cache lines .29 / .32 / .26;
two rows of the matrix at once .21 with 32 lanes. Laying the readings side by side takes .08 by tiles of 8 × 8 and .17 one by one.
Held to 256 bits, 16 / 32 lanes took .38 / .39, and with everything around .37 / .48. In single precision 32 / 64 lanes took .12 / .09,
but 288 equal squares then miss their sum's root by up to 2e-6: distances are accumulated in double precision only.

Everything is in this one file since numba's cache on disk looks at the file of the outermost function only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

from ecoai_pipeline.detectors.compiled import compiled

LANES = 32
_TILE = 8  # steps and pairs that are transposed at once: a cache line of doubles
_CACHE_LINE = 64  # bytes
_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)

Windows = NDArray[np.floating]
Floats = NDArray[np.float64]


class _Lanes(types.Type):  # type: ignore[misc]
    """32 doubles in registers."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes({LANES})")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


_lanes = _Lanes()


def _place(context: Any, builder: Any, kind: Any, array: Any, row: Any) -> Any:
    """Address of a row of an aligned array (rows, lanes)."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [builder.mul(row, ir.Constant(row.type, LANES))]), _VECTOR.as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def _load(typing: Any, array: Any, row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_place(context, builder, signature.args[0], *given), align=_CACHE_LINE)

    return _lanes(array, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def _store(typing: Any, array: Any, row: Any, values: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        builder.store(given[2], _place(context, builder, signature.args[0], *given[:2]), align=_CACHE_LINE)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def _all(typing: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        empty = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(empty, given[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    return _lanes(types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _cell(typing: Any, x: Any, y: Any, left: Any, diagonal: Any, up: Any) -> Any:
    """(x - y)² + min(diagonal, up, left), the last sum fused where the processor can: more exact than two roundings, never less."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        x, y, left, diagonal, up = given
        least = _least(builder, _least(builder, diagonal, up), left)
        difference = builder.fsub(x, y)
        square = builder.fmul(difference, difference, flags=("contract",))
        return builder.fadd(square, least, flags=("contract",))

    return _lanes(_lanes, _lanes, _lanes, _lanes, _lanes), generate


def _least(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", one, other), one, other)


@intrinsic  # type: ignore[untyped-decorator]
def _tile(typing: Any, windows: Any, first: Any, step: Any, turned: Any, lane: Any) -> Any:
    """Lay 8 steps of the 8 windows from `first` on side by side, in `turned` from `lane` on; past the last window stands the last."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        source, target = (context.make_array(signature.args[at])(context, builder, given[at]) for at in (0, 3))
        _, first, step, _, lane = given
        last = builder.sub(cgutils.unpack_tuple(builder, source.shape)[0], ir.Constant(first.type, 1))
        rows = []
        for number in range(_TILE):
            wanted = builder.add(first, ir.Constant(first.type, number))
            pair = builder.select(builder.icmp_signed("<", wanted, last), wanted, last)
            rows.append(_read(context, builder, signature.args[0], source, pair, step))
        for number, row in enumerate(_transposed(builder, rows)):
            place = builder.add(builder.mul(builder.add(step, ir.Constant(step.type, number)), ir.Constant(step.type, LANES)), lane)
            builder.store(row, builder.bitcast(builder.gep(target.data, [place]), row.type.as_pointer()), align=_CACHE_LINE)
        return context.get_dummy_value()

    return types.void(windows, types.intp, types.intp, turned, types.intp), generate


def _read(context: Any, builder: Any, kind: Any, windows: Any, pair: Any, step: Any) -> Any:
    """8 readings of a window from `step` on, as doubles."""
    place = cgutils.get_item_pointer(context, builder, kind, windows, [pair, step])
    vector = ir.VectorType(place.type.pointee, _TILE)
    read = builder.load(builder.bitcast(place, vector.as_pointer()), align=kind.dtype.bitwidth // 8)
    return read if vector.element == _DOUBLE else builder.fpext(read, ir.VectorType(_DOUBLE, _TILE))


def _transposed(builder: Any, rows: Sequence[Any]) -> list[Any]:
    """A square of vectors with rows and columns exchanged: blocks of 4, then of 2, then single values change places."""
    turned = list(rows)
    for size in (4, 2, 1):
        upper = [at if not at & size else _TILE + at - size for at in range(_TILE)]
        lower = [at + size if not at & size else _TILE + at for at in range(_TILE)]
        for at in (at for at in range(_TILE) if not at & size):
            pair = turned[at], turned[at + size]
            turned[at], turned[at + size] = (_picked(builder, *pair, places) for places in (upper, lower))
    return turned


def _picked(builder: Any, one: Any, other: Any, places: list[int]) -> Any:
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(ir.IntType(32), _TILE), places))


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def aligned(rows: int) -> Floats:
    """An uninitialised array (rows, lanes) that begins at a cache line; a row across two of them costs half as much again."""
    width = _CACHE_LINE // 8
    whole = np.empty(rows * LANES + width)
    skipped = (-whole.ctypes.data) % _CACHE_LINE // 8
    return whole[skipped : skipped + rows * LANES].reshape(rows, LANES)


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _turn(windows: Windows, first: int, turned: Floats) -> None:
    """Write the windows from `first` on as (steps, lanes); lanes without a pair repeat the last one."""
    pairs, length = windows.shape
    tiled = length - length % _TILE
    for step in range(0, tiled, _TILE):
        for lane in range(0, LANES, _TILE):
            _tile(windows, first + lane, step, turned, lane)
    for step in range(tiled, length):
        for lane in range(LANES):
            turned[step, lane] = windows[min(first + lane, pairs - 1), step]


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _fill(a: Floats, b: Floats, band: int, costs: Floats) -> None:
    """Leave the cost of the cheapest path of each lane in the last row of `costs` (length + 1, lanes).

    `costs` is a row of the matrix, and column j of it stands at j + 1. A new row overwrites it from left to right; what stands
    past the band is infinite, so no step asks whether it has a neighbour.
    """
    length = len(a)
    never = _all(np.inf)
    for column in range(1, length + 1):
        _store(costs, column, never)
    _store(costs, 0, _all(0.0))
    for step in range(length):
        x, left = _load(a, step), never
        first = max(0, step - band)
        diagonal = _load(costs, first)
        _store(costs, 0, never)
        for column in range(first, min(length, step + band + 1)):
            up = _load(costs, column + 1)
            left = _cell(x, _load(b, column), left, diagonal, up)
            _store(costs, column + 1, left)
            diagonal = up


@compiled
def distances(a: Windows, b: Windows, band: int, found: Floats) -> None:
    """Write the distance of each pair of windows (k, n) to `found` (k,); not finite where a reading is not."""
    pairs, length = a.shape
    turned_a, turned_b, costs = aligned(length), aligned(length), aligned(length + 1)
    for first in range(0, pairs, LANES):
        _turn(a, first, turned_a)
        _turn(b, first, turned_b)
        _fill(turned_a, turned_b, band, costs)
        for lane in range(min(LANES, pairs - first)):
            found[first + lane] = np.sqrt(costs[length, lane])


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _shift(a: Windows, b: Windows, band: int, costs: Floats, sums: Floats, cells: Floats) -> float:
    """Mean of column minus row along the cheapest path of two windows (n,); NaN where there is none.

    Rows of the matrix (n + 1,) as in `_fill`. Each cell carries along the sum of the shifts and the number of cells of its path, so
    that no path is walked back. Of equal costs the diagonal comes first, then the earlier row.
    """
    costs[:] = np.inf
    costs[0] = sums[0] = cells[0] = 0.0
    for step in range(len(a)):
        first = max(0, step - band)
        left, left_sum, left_cells = np.inf, 0.0, 0.0
        diagonal, diagonal_sum, diagonal_cells = costs[first], sums[first], cells[first]
        costs[0] = np.inf
        for column in range(first, min(len(a), step + band + 1)):
            up, up_sum, up_cells = costs[column + 1], sums[column + 1], cells[column + 1]
            if up <= left:
                left, left_sum, left_cells = up, up_sum, up_cells
            if diagonal <= left:
                left, left_sum, left_cells = diagonal, diagonal_sum, diagonal_cells
            left, left_sum, left_cells = left + (float(a[step]) - float(b[column])) ** 2, left_sum + (column - step), left_cells + 1.0
            costs[column + 1], sums[column + 1], cells[column + 1] = left, left_sum, left_cells
            diagonal, diagonal_sum, diagonal_cells = up, up_sum, up_cells
    return sums[-1] / cells[-1] if np.isfinite(costs[-1]) else np.nan


@compiled
def shifts(a: Windows, b: Windows, band: int, found: Floats) -> None:
    """Write the mean shift of each pair of windows (k, n) to `found` (k,), in steps; NaN where a reading is not finite."""
    pairs, length = a.shape
    costs, sums, cells = np.empty(length + 1), np.zeros(length + 1), np.zeros(length + 1)
    for pair in range(pairs):
        found[pair] = _shift(a[pair], b[pair], band, costs, sums, cells)


@compiled
def spin(rounds: int, values: Floats) -> int:
    """Compute cells from values that stay in registers, and tell how many: what the processor can do at most.

    Two chains, each of two values that feed each other, leave no operation to spare and none to wait for. `values` is an aligned
    array (6, lanes).
    """
    x, up = _load(values, 0), _load(values, 1)
    one, two, three, four = _load(values, 2), _load(values, 3), _load(values, 4), _load(values, 5)
    for _ in range(rounds):
        one, three = _cell(x, two, one, two, up), _cell(x, four, three, four, up)
        two, four = _cell(x, one, two, one, up), _cell(x, three, four, three, up)
    _store(values, 2, one)
    _store(values, 3, two)
    _store(values, 4, three)
    _store(values, 5, four)
    return 4 * LANES * rounds
