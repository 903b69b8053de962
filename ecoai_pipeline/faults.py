"""How an error is shown: our errors say what to do; any other is a fault of the program, and its details go into a file."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

import ecoai_pipeline

_PACKAGE = str(Path(ecoai_pipeline.__file__).parent)


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


def _is_ours(error: Exception) -> bool:
    """Whether the error is of a class of this package, or a ValueError or RuntimeError that a line of this package raises."""
    if type(error).__module__.startswith(ecoai_pipeline.__name__):
        return True
    where = traceback.extract_tb(error.__traceback__)
    raised_here = bool(where) and where[-1].filename.startswith(_PACKAGE) and (where[-1].line or "").startswith("raise")
    return raised_here and type(error) in (ValueError, RuntimeError)


def _written(error: Exception) -> Path:
    """A file with the traceback."""
    handle, name = tempfile.mkstemp(prefix="ecoai-error-", suffix=".log", text=True)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return Path(name)
