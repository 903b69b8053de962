"""The two files of a saved detector: arrays in safetensors, everything else in JSON. Equal state, equal bytes; never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

SCHEMA_VERSION = 1
WEIGHTS = "weights.safetensors"
CONFIG = "config.json"

Arrays = dict[str, NDArray[Any]]


class StateError(ValueError):
    """Saved files are absent, of another detector, or of another schema."""


def write_state(folder: Path, detector: str, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `weights.safetensors` and `config.json`; `config` must be JSON-able."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}, folder / WEIGHTS)
    whole = {"detector": detector, "schema_version": SCHEMA_VERSION, **config}
    (folder / CONFIG).write_text(json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_state(folder: Path, detector: str) -> tuple[dict[str, Any], Arrays]:
    """Read what `write_state` wrote.

    Raises:
        StateError: a file is missing, or was written by another detector or schema; train again.
    """
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).exists():
            raise StateError(f"{folder / name} is missing; restore the bundle or train again")
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    found = (config.get("detector"), config.get("schema_version"))
    if found != (detector, SCHEMA_VERSION):
        raise StateError(f"{folder / CONFIG} holds detector and schema {found}, expected {(detector, SCHEMA_VERSION)}; train again")
    return config, load_file(folder / WEIGHTS)
