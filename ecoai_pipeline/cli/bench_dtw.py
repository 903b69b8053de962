"""`ecoai bench dtw`: dynamic time warping beside tslearn's and dtaidistance's, and beside what the processor can do at most."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.fresh import in_fresh_process
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.cli.turns import fastest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Distances = Callable[[Floats, Floats, int], Floats]

OURS, ONE_THREAD, TSLEARN, DTAIDISTANCE, BOUND = "ecoai", "ecoai_one_thread", "tslearn", "dtaidistance", "bound"
PEER = "dtaidistance==2.5.1"
_MISSING = f"not installed: python -m pip install {PEER}"
_PEER_PAIRS = {TSLEARN: 40, DTAIDISTANCE: 1000}


@dataclass(frozen=True)
class Timed:
    """A code to be measured: what it does at one call, and over how many pairs."""

    call: Callable[[], Any]
    pairs: float


def dtw(
    length: Annotated[int, typer.Option(min=2, help="Steps of a window.")] = 96,
    band: Annotated[int, typer.Option(min=1, help="Steps by which matched readings may be apart.")] = 8,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of windows; the other codes get the first few of them.")] = 16_384,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each, in turn; the fastest counts.")] = 15,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Time per pair of daily loads by our kernel, by tslearn and, where it is installed, by dtaidistance, all with the same band.

    The bound is arithmetic alone: the cells within the band, times the time of a cell whose values stay in registers, measured in
    turn with the others on as many threads. A cell is a subtraction, a multiplication, an addition and two minima; no load, no store
    and no waiting for the cell before. Compilation and imports lie outside the timed part.
    """
    from ecoai_pipeline.detectors import dtw as warping

    a, b = _drawn(pairs, length)
    codes: dict[str, Distances] = {OURS: warping.dtw, ONE_THREAD: _one_thread, TSLEARN: _tslearn()}
    if find_spec(DTAIDISTANCE):
        codes[DTAIDISTANCE] = _dtaidistance()
    timed = {name: _timed(code, a, b, band, _PEER_PAIRS.get(name, pairs)) for name, code in codes.items()}
    threads = warping.workers(pairs, length, band)
    timed[BOUND] = _bound(pairs, length, band, threads)
    with progress_bar() as steps:
        steps.start("warping", repeats)
        seconds = fastest({name: one.call for name, one in timed.items()}, repeats, steps.done)
        first = in_fresh_process(measure_first_call)["seconds"]
    micros = {name: 1e6 * seconds[name] / one.pairs for name, one in timed.items()}
    apart = {name: _apart(code, a, b, band, _PEER_PAIRS.get(name, pairs)) for name, code in codes.items()}
    rows = [_row(name, micros.get(name), micros[OURS], apart.get(name)) for name in (OURS, ONE_THREAD, TSLEARN, DTAIDISTANCE, BOUND)]
    document = _document(micros, apart) | {"threads": threads, "first_call_seconds": first}
    Answer({"length": length, "band": band, "pairs": pairs, **document}, rows, notes=_notes(document)).show(form, as_json)


def measure_first_call() -> dict[str, float]:
    """Body of a process of its own: the first call, with nothing compiled before; numba is imported before the clock starts."""
    with tempfile.TemporaryDirectory() as empty:
        os.environ["NUMBA_CACHE_DIR"] = empty
        import numba  # noqa: F401

        from ecoai_pipeline.detectors.dtw import dtw as warped

        a, b = _drawn(1, 96)
        started = time.perf_counter()
        warped(a, b, 8)
        return {"seconds": round(time.perf_counter() - started, 2)}


def _drawn(pairs: int, length: int) -> tuple[Floats, Floats]:
    """Days of two shifts in kWh with noise, and the same days some steps later with other noise; each (pairs, length)."""
    import numpy as np

    chance = np.random.default_rng(1)
    late = chance.normal(0.0, 0.02, (2, pairs, 1)).cumsum(axis=0)
    day = np.arange(length) / length + late
    load = 20 + 80 * ((day % 1 > 0.25) & (day % 1 < 0.9)) + chance.normal(0.0, 3.0, (2, pairs, length))
    return load[0], load[1]


def _one_thread(a: Floats, b: Floats, band: int) -> Floats:
    from ecoai_pipeline.detectors.dtw import dtw as warped

    return warped(a, b, band, threads=1)


def _tslearn() -> Distances:
    import numpy as np
    from tslearn.metrics import dtw as peer

    def distances(a: Floats, b: Floats, band: int) -> Floats:
        return np.array([peer(x, y, global_constraint="sakoe_chiba", sakoe_chiba_radius=band) for x, y in zip(a, b, strict=True)])

    return distances


def _dtaidistance() -> Distances:
    """Its window counts the diagonal too."""
    import numpy as np
    from dtaidistance.dtw import distance_fast

    def distances(a: Floats, b: Floats, band: int) -> Floats:
        return np.array([distance_fast(x, y, window=band + 1) for x, y in zip(a, b, strict=True)])

    return distances


def _timed(code: Distances, a: Floats, b: Floats, band: int, pairs: int) -> Timed:
    few_a, few_b = a[:pairs], b[:pairs]
    return Timed(lambda: code(few_a, few_b, band), len(few_a))


def _bound(pairs: int, length: int, band: int, threads: int) -> Timed:
    """As many cells as the pairs have, their values kept in registers, shared by as many threads."""
    from concurrent.futures import ThreadPoolExecutor

    from ecoai_pipeline.detectors.dtw.kernel import aligned, spin

    rounds = max(1, pairs * cells_within(length, band) // (threads * spin(1, aligned(6))))

    def cells(_: int) -> int:
        values = aligned(6)
        values[:] = 0.5
        return int(spin(rounds, values))

    def call() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(cells, range(threads)))

    return Timed(call, threads * cells(0) / cells_within(length, band))


def cells_within(length: int, band: int) -> int:
    """Cells of the square matrix of a pair that lie within the band.

    >>> cells_within(4, 1), cells_within(96, 8), cells_within(3, 9)
    (10, 1560, 9)
    """
    outside = max(0, length - band - 1)
    return length * length - outside * (outside + 1)


def _apart(code: Distances, a: Floats, b: Floats, band: int, pairs: int) -> float:
    """Largest difference of a code's distances from ours."""
    import numpy as np

    few_a, few_b = a[:pairs], b[:pairs]
    return float(np.abs(code(few_a, few_b, band) - _one_thread(few_a, few_b, band)).max())


def _row(name: str, micros: float | None, ours: float, apart: float | None) -> dict[str, Any]:
    """A line of the table; `times_ours` is how much longer a code takes."""
    if micros is None:
        return {"code": name, "us_per_pair": None, "times_ours": None, "largest_difference": None, "note": _MISSING}
    return {"code": name, "us_per_pair": round(micros, 3), "times_ours": round(micros / ours, 2), "largest_difference": apart, "note": ""}


def _document(micros: dict[str, float], apart: dict[str, float]) -> dict[str, Any]:
    """The figures of programs; None where a code is not installed."""
    peers = (TSLEARN, DTAIDISTANCE)
    rounded = {name: round(value, 4) for name, value in micros.items()}
    return {
        "us_per_pair": {name: rounded.get(name) for name in (OURS, *peers)},
        "ratio": {name: round(micros[name] / micros[OURS], 1) if name in micros else None for name in peers},
        "us_per_pair_one_thread": rounded[ONE_THREAD],
        "ratio_one_thread": {name: round(micros[name] / micros[ONE_THREAD], 1) if name in micros else None for name in peers},
        "bound_us_per_pair": rounded[BOUND],
        "times_bound": round(micros[OURS] / micros[BOUND], 2),
        "largest_difference": {name: apart.get(name) for name in peers},
    }


def _notes(document: dict[str, Any]) -> list[str]:
    faster = ", ".join(f"{ratio} times as fast as {name}" for name, ratio in document["ratio"].items() if ratio)
    return [
        f"{faster}; {document['times_bound']} times the bound of arithmetic alone; {document['threads']} threads (the others use one)",
        f"the first call of a process without a cache on disk compiles for {document['first_call_seconds']} s",
    ]
