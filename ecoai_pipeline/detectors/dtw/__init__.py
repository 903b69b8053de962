"""Dynamic time warping of many pairs of windows at once, with a band: how far two shapes are apart when small delays are forgiven.

Sakoe & Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Trans. ASSP 26 (1978), with steps of
equal weight. Without a band it forgives what costs energy (a shift that starts two hours late is a delay too), so there always is one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Windows = NDArray[np.floating]
Floats = NDArray[np.float64]

BAND_MINUTES = 30.0
_CELLS_PER_THREAD = 2_000_000  # about .3 ms of work; starting a thread takes .1 ms
_SLICES_PER_THREAD = 4  # a thread that is held up then leaves the rest to the others
_ROUND = 64  # pairs; a slice that ends within the lanes of the kernel leaves some of them idle


def band_steps(minutes: float = BAND_MINUTES, interval_s: int = 900) -> int:
    """Steps by which a band of `minutes` lets readings be apart, at least one.

    >>> band_steps(30, 900), band_steps(30, 3600), band_steps(30, 60)
    (2, 1, 30)
    """
    if minutes < 0 or interval_s <= 0:
        raise ValueError(f"a band of {minutes} minutes at an interval of {interval_s} s: give minutes from 0 on, and seconds above 0")
    return max(1, int(minutes * 60 // interval_s))


def dtw(a: NDArray[Any], b: NDArray[Any], band: int, threads: int | None = None) -> Floats:
    """Distance of each pair of windows, (k,): the square root of the least sum of squared differences along a path, in the data's unit.

    Equal to `tslearn.metrics.dtw(x, y, global_constraint="sakoe_chiba", sakoe_chiba_radius=band)`, whatever the number of threads.

    Args:
        a: (k, n), a window per row; views such as sliding windows are read in place.
        b: (k, n).
        band: steps by which matched readings may be apart; 0 is the Euclidean distance, n - 1 and above no band at all.
        threads: how many may work at once; None: as many as numba would use (NUMBA_NUM_THREADS, else the cores of this process).
    """
    one, other = _checked(a, b, band)
    if not len(one):
        return np.empty(0)
    from ecoai_pipeline.detectors.dtw.kernel import distances

    found = _spread(distances, one, other, band, threads)
    _refuse_unknown(found)
    return found


def mean_shift(a: NDArray[Any], b: NDArray[Any], band: int, threads: int | None = None) -> Floats:
    """How many steps `b` lies later than `a`, the mean along the path of `dtw`, (k,); negative where it lies earlier.

    Arguments are those of `dtw`. Of paths of equal cost that with the least warping from the end on counts, as in
    `tslearn.metrics.dtw_path`.
    """
    one, other = _checked(a, b, band)
    if not len(one):
        return np.empty(0)
    from ecoai_pipeline.detectors.dtw.kernel import shifts

    found = _spread(shifts, one, other, band, threads)
    _refuse_unknown(found)
    return found


def _checked(a: NDArray[Any], b: NDArray[Any], band: int) -> tuple[Windows, Windows]:
    """Both of one floating type, with the steps of a window side by side in memory."""
    if np.ndim(a) != 2 or np.shape(a) != np.shape(b) or not np.shape(a)[1]:
        raise ValueError(f"windows of shapes {np.shape(a)} and {np.shape(b)}: expected twice the same (pairs, steps), with a step at least")
    if band < 0:
        raise ValueError(f"a band of {band} steps: give 0 or more")
    kind = np.float32 if np.result_type(a, b) == np.float32 else np.float64
    return _side_by_side(a, kind), _side_by_side(b, kind)


def _side_by_side(windows: NDArray[Any], kind: type[np.floating]) -> Windows:
    read: Windows = np.asarray(windows, dtype=kind)
    return read if read.strides[1] == read.itemsize else np.ascontiguousarray(read)


def _spread(kernel: Callable[..., None], a: Windows, b: Windows, band: int, threads: int | None) -> Floats:
    """Run a kernel over slices of the pairs, by several threads; a pair's result depends on its own windows only.

    Threads of ours rather than numba's: those compile for two seconds longer, and some of their layers end the process where two
    threads call at once, or after a fork.
    """
    pairs, length = a.shape
    reach = min(band, length - 1)
    found = np.empty(pairs)
    count = workers(pairs, length, band, threads)
    if count == 1:
        kernel(a, b, reach, found)
        return found
    size = -(-pairs // (_SLICES_PER_THREAD * count * _ROUND)) * _ROUND
    slices = [slice(start, start + size) for start in range(0, pairs, size)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda part: kernel(a[part], b[part], reach, found[part]), slices))
    return found


def workers(pairs: int, length: int, band: int, threads: int | None = None) -> int:
    """Threads that share the pairs: at most `threads`, and none with less work than it takes to start it."""
    from numba import config

    cells = pairs * length * min(2 * band + 1, length)
    return int(max(1, min(threads or config.NUMBA_NUM_THREADS, cells // _CELLS_PER_THREAD)))


def _refuse_unknown(found: Floats) -> None:
    """A reading that is not finite makes its pair's result so too, since every path passes every reading."""
    unknown = np.flatnonzero(~np.isfinite(found))
    if len(unknown):
        raise ValueError(
            f"pair {unknown[0]} (and {len(unknown) - 1} more) has no distance: a window holds NaN or infinite readings, or differences "
            "whose squares are infinite; fill or leave out such windows"
        )
