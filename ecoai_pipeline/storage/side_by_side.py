"""Work on the cores of the machine at once. Results come in the order of the items, so nothing depends on the number of cores.

Polars, PyArrow and zstd work outside Python's lock, so threads are enough; a small frame keeps only one core busy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What `work` makes of each item, in their order; the first error ends it.

    >>> side_by_side(len, ["a", "bcd"])
    [1, 3]
    """
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(work, items))


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The items in their order; the next one is made while the caller works on this one.

    >>> list(one_ahead(n * n for n in range(3)))
    [0, 1, 4]
    """
    source = iter(items)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(_next, source)
        while found := coming.result():
            coming = pool.submit(_next, source)
            yield from found


def _next(source: Iterator[Item]) -> list[Item]:
    """The next item; nothing at the end."""
    return list(islice(source, 1))
