"""Several codes measured side by side: each takes its turn, so that what slows the machine down slows them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any


def fastest(calls: Mapping[str, Callable[[], Any]], repeats: int, done: Callable[[], None] | None = None) -> dict[str, float]:
    """Least seconds of each; all take their turn in each repeat, after a first one that is not counted.

    Args:
        done: is told of each repeat.
    """
    least = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            least[name] = min(least[name], time.perf_counter() - started)
        if done:
            done()
    return least
