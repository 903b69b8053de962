"""Many independent pieces of work on a few processors: what was done before is not done again, and an interrupted run goes on."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from ecoai_pipeline.storage.atomic import write_text

Result = Mapping[str, Any]
Done = Callable[[str], None]


class Unit(Protocol):
    """A piece of work that a process of its own can do; it travels there pickled.

    Attributes:
        name: for a progress bar.
        key: digest of all that the result depends on: data, parameters, code.
    """

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    def run(self) -> Result:
        """The result, JSON-able."""
        ...


def run_all(units: Sequence[Unit], cache: Path, *, jobs: int = 1, done: Done | None = None) -> list[Result]:
    """The results of all units, in their order; each is kept in `cache` as soon as it is there.

    Args:
        jobs: processes; 1 works in this one.
        done: is told the name of each unit that is finished, or was before.

    Raises:
        RuntimeError: a unit failed; the message names it. The others' results are kept.
    """
    tell = done or _silent
    results: dict[int, Result] = {}
    waiting: list[int] = []
    for number, unit in enumerate(units):
        known = _kept(cache, unit)
        if known is None:
            waiting.append(number)
        else:
            results[number] = known
            tell(unit.name)
    failed: list[str] = []
    for number, outcome in _worked(units, waiting, jobs):
        if isinstance(outcome, Exception):
            failed.append(f"{units[number].name}: {outcome}")
            continue
        results[number] = outcome
        write_text(_place(cache, units[number]), json.dumps(outcome))
        tell(units[number].name)
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(units)} pieces of work failed; " + "; ".join(sorted(failed)[:5]))
    return [results[number] for number in range(len(units))]


def _worked(units: Sequence[Unit], waiting: Sequence[int], jobs: int) -> Iterator[tuple[int, Result | Exception]]:
    """Numbers of the units as they are finished, each with its result or what went wrong."""
    if jobs <= 1 or len(waiting) <= 1:
        yield from ((number, _run(units[number])) for number in waiting)
        return
    # Not forked: torch and polars hang in a process that was forked from one with threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(waiting)), mp_context=context) as pool:
        futures = {pool.submit(_run, units[number]): number for number in waiting}
        try:
            for future in as_completed(futures):
                error = future.exception()
                yield futures[future], _dead() if isinstance(error, BrokenProcessPool) else future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _dead() -> Exception:
    return RuntimeError("its process, or one beside it, was killed, perhaps for want of memory; try again with --jobs 1")


def _run(unit: Unit) -> Result | Exception:
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(1):  # the processors are shared out by units, and sums of one thread come out alike everywhere
            return unit.run()
    except Exception as error:  # as a text: not every exception comes back from another process
        return RuntimeError(f"{type(error).__name__}: {error}")


def _place(cache: Path, unit: Unit) -> Path:
    return cache / f"{unit.key}.json"


def _kept(cache: Path, unit: Unit) -> Result | None:
    try:
        result: Result = json.loads(_place(cache, unit).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a file that was cut off is work that was not done
        return None
    return result


def _silent(_name: str) -> None:
    return None


def libraries() -> dict[str, str]:
    """What results depend on beside data, parameters and our code: the libraries of detectors, and whether there is a GPU."""
    found = {name: version(name) for name in ("numpy", "scikit-learn", "torch", "numba", "llvmlite")}
    return {**found, "device": "cuda" if Path("/dev/nvidia0").exists() else "cpu"}
