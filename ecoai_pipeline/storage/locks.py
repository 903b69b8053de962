"""One writer per industry: a lock that waits, and names whom it waits for."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)
PATIENCE_S = 2.0


class LockedError(RuntimeError):
    """Another writer kept the lock for longer than we may wait."""


@contextmanager
def writer_lock(folder: Path, name: str, timeout_s: float) -> Iterator[None]:
    """Hold the lock `name`; a waiting writer logs who has it.

    Raises:
        LockedError: the lock was not free within `timeout_s`; the message names its owner.
    """
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / f"{name}.owner.json"
    lock = FileLock(folder / f"{name}.lock", is_singleton=False)
    try:
        lock.acquire(timeout=min(PATIENCE_S, timeout_s))
    except Timeout:
        log.warning("%s is being written by %s; waiting up to %.0f s", name, _describe(owner), timeout_s)
        try:
            lock.acquire(timeout=max(timeout_s - PATIENCE_S, 0))
        except Timeout:
            raise LockedError(
                f"{name} is still being written by {_describe(owner)} after {timeout_s:.0f} s; wait for it or end it"
            ) from None
    try:
        owner.write_text(json.dumps(_me()), encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _me() -> dict[str, object]:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    return {"host": socket.gethostname(), "pid": os.getpid(), "command": command, "since": datetime.now(UTC).isoformat(timespec="seconds")}


def _describe(owner: Path) -> str:
    try:
        who = json.loads(owner.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "an unnamed process"
    return f"process {who['pid']} on {who['host']} ({who['command']}, since {who['since']})"
