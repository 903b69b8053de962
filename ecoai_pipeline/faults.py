"""How an error is shown: our errors say what to do; any other is a fault of the program, and its details go into a file."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import ecoai_pipeline

_PACKAGE = str(Path(ecoai_pipeline.__file__).parent)
_OF_ANY_PACKAGE = ("ValueError", "RuntimeError")  # ours only if a line of this package raises them
_FAILED_CHECK = "DagsterAssetCheckFailedError"


def explained(error: Exception) -> str:
    """The sentence about an error. One that this package raises is meant for the user and is shown as it is."""
    if isinstance(error, OSError) and error.strerror:
        about = "".join(f": {name}" for name in (error.filename, error.filename2) if name)
        return f"{error.strerror}{about}"
    if _is_ours(error) and str(error):
        return str(error)
    return (
        f"this is a fault of the program ({type(error).__name__}); nothing is half written. The details are in {_written(error)}: "
        "send that file, and the command, to the people who maintain ecoai_pipeline"
    )


def explained_record(line: str, frames: Sequence[str], run_id: str) -> str:
    """The sentence about an error that a run has recorded.

    Args:
        line: class and text of the error, as `package.Class: text`.
        frames: of its traceback, the last one where it was raised.

    >>> explained_record("ecoai_pipeline.x.NoModelError: train first", [], "r1")
    'train first'
    """
    name, _, text = line.strip().partition(": ")
    raised_here = bool(frames) and _PACKAGE in frames[-1] and frames[-1].strip().splitlines()[-1].strip().startswith("raise")
    if text and (name.startswith(f"{ecoai_pipeline.__name__}.") or (name in _OF_ANY_PACKAGE and raised_here)):
        return text
    if name.endswith(_FAILED_CHECK):
        checks = ", ".join(text.splitlines()[1:]) or text
        return f"checks did not pass: {checks}; `ecoai quality` and the run {run_id} in `ecoai ui` say which meters are meant"
    return (
        f"this is a fault of the program ({name.rpartition('.')[2]}); nothing is half written. The details are in the run {run_id} "
        "(`ecoai ui`, page Runs): send them to the people who maintain ecoai_pipeline"
    )


def _is_ours(error: Exception) -> bool:
    """Whether the error is of a class of this package, or a ValueError or RuntimeError that a line of this package raises."""
    if type(error).__module__.startswith(ecoai_pipeline.__name__):
        return True
    where = traceback.extract_tb(error.__traceback__)
    raised_here = bool(where) and where[-1].filename.startswith(_PACKAGE) and (where[-1].line or "").startswith("raise")
    return raised_here and type(error).__name__ in _OF_ANY_PACKAGE


def _written(error: Exception) -> Path:
    """A file with the traceback."""
    handle, name = tempfile.mkstemp(prefix="ecoai-error-", suffix=".log", text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return Path(name)
