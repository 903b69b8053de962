"""What a partition was made from: digests of its inputs, the parameters used and the code of the rooms."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def code_digest(*rooms: str) -> str:
    """Digest of the source of some rooms (folders or modules of the package) and of the words they share."""
    digest = hashlib.sha256()
    for room in (*rooms, "domain.py"):
        place = PACKAGE / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def fingerprint(*, inputs: Mapping[str, object], params: BaseModel | Mapping[str, object], code: str) -> str:
    """Digests of all that a partition depends on, as `inputs-params-code`; equal fingerprint, nothing to do."""
    values = params.model_dump(mode="json") if isinstance(params, BaseModel) else dict(params)
    return f"{_digest(dict(inputs))}-{_digest(values)}-{code}"


def same_inputs(one: str, other: str) -> bool:
    """Whether two fingerprints differ at most in parameters and code: a night follows data, a backfill all three.

    >>> same_inputs("a-p1-c1", "a-p2-c2"), same_inputs("a-p-c", "b-p-c")
    (True, False)
    """
    return one.partition("-")[0] == other.partition("-")[0]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
