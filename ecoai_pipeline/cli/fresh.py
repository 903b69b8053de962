"""A measured part in a process of its own, so that its memory is its own and not that of what prepared it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any


def in_fresh_process(body: Callable[..., dict[str, Any]], *arguments: str) -> dict[str, Any]:
    """Call a function of a module, whose answer is JSON-able, in a new process.

    Linux counts the memory of whoever starts a process towards its high-water mark, even across exec. A shell stands
    in between: it is small, and it must not end by exec itself, hence the `exit`.

    Raises:
        RuntimeError: the process failed; the message ends with what it said last.
    """
    call = f"import json, sys; from {body.__module__} import {body.__name__} as body; print(json.dumps(body(*sys.argv[1:])))"
    command = ["/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-W", "ignore", "-c", call, *arguments]
    finished = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(f"{body.__name__} failed:\n{finished.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return answer


def peak() -> dict[str, int]:
    """The process's high-water mark of memory, as the `peak_mb` of an answer."""
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
