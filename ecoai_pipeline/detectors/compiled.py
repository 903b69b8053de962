"""How kernels are compiled, each in its own file: numba's cache on disk looks at the file of the outermost function only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compiled without the lock of the interpreter, so that threads run side by side; kept on disk where there is a place for it."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        kept: Function = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache can be written
        kept = njit(**options)(function)
    return kept
