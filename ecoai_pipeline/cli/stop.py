"""Ctrl-C, and SIGTERM likewise: a command ends at once, whatever it is doing, and leaves no process behind.

Python handles a signal only between two of its own instructions, and a call into compiled code may last for minutes. The signal
therefore wakes a thread as well, which ends the process where the command does not end by itself in time. Every table, model and
ledger is written beside its place and renamed, so that ending at any moment leaves the old version or the new one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import psutil

STOPPED = "stopped; nothing is half written; run it again to continue"
EXIT_CODE = 130  # what shells report of a command that Ctrl-C ended
GRACE_S = 0.6  # for removing temporary files and closing records; the user waits at most 2 s
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


@contextmanager
def stoppable(tell: Callable[[], None]) -> Iterator[None]:
    """Let SIGINT and SIGTERM end what runs inside as KeyboardInterrupt, and the process after `GRACE_S`; `tell` says so to the user.

    In a thread other than the main one nothing changes: only the main one gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before, fd_before = {one: signal.signal(one, _interrupt) for one in _SIGNALS}, signal.set_wakeup_fd(writer)
    threading.Thread(target=_end_in_time, args=(reader, tell), name="ecoai-stop", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        for one, handler in before.items():
            signal.signal(one, handler)
        os.close(writer)  # ends the thread


def teller(*, as_json: bool) -> Callable[[], None]:
    """A function that says, once, that the command was stopped."""
    told = threading.Lock()

    def tell() -> None:
        if not told.acquire(blocking=False):
            return
        end_children()
        if as_json:
            sys.stdout.write(f'{{"error": "{STOPPED}"}}\n')
        else:
            sys.stderr.write((_SHOW_CURSOR if sys.stderr.isatty() else "") + STOPPED + "\n")
        sys.stdout.flush()
        sys.stderr.flush()

    return tell


def run_to_the_end(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program that starts others; its exit code. Ctrl-C ends all of them, also those that do not listen.

    It has a process group of its own, so that Ctrl-C on a terminal reaches this process alone.
    """
    with subprocess.Popen(command, env=environment, start_new_session=True) as program:
        try:
            return program.wait()
        except KeyboardInterrupt:
            end_children()
            raise


def end(tell: Callable[[], None]) -> NoReturn:
    """End the process now. Taking the interpreter down in order would wait for threads of libraries."""
    tell()
    os._exit(EXIT_CODE)


def end_children() -> None:
    """End all processes that this one started, and theirs, before they can start others."""
    for act in ("suspend", "kill"):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                getattr(child, act)()


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the clearing up
    raise KeyboardInterrupt


def _end_in_time(reader: int, tell: Callable[[], None]) -> None:
    """Wait for a signal; end the process if it is still there after the grace."""
    while woken := os.read(reader, 1):
        if woken[0] in _SIGNALS:
            threading.Event().wait(GRACE_S)
            end(tell)
    os.close(reader)
