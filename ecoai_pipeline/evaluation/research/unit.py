"""What all pieces of work of the protocols have in common: a key of all that the result depends on, and one thread."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.work import libraries
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint

_CODE = ("evaluation/research", "evaluation/cases.py", "detectors", "augmentation", "features")


class Piece(ABC):
    """A piece of work that runs on one thread.

    `run_all` has a process per processor already; where each of them starts a thread per processor for matrices of a hundred rows, they
    wait for each other twenty times as long as they work. And the rounding of a sum depends on the number of threads.
    """

    def run(self) -> Mapping[str, Any]:
        """`rows` of the tables, and `curves`: rows with what figures are drawn from."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return self._found()

    @abstractmethod
    def _found(self) -> Mapping[str, Any]: ...


def case_digest(case: Case) -> str:
    """Digest of a case's readings and truth."""
    digest = hashlib.sha256(f"{case.dataset}\0{case.name}\0{case.load.interval_s}\0{case.load.usage_type}".encode())
    arrays = (case.load.timestamps, case.load.kwh, case.load.observed, case.load.slot_of_week, case.load.holiday, case.labels)
    for array in arrays:
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    digest.update(repr(case.faults).encode())
    return digest.hexdigest()[:16]


def unit_key(protocol: str, cases: tuple[Case, ...], detector: str, settings: Settings, **parameters: object) -> str:
    """Digest of data, parameters and code; equal key, nothing to do."""
    inputs = {str(number): case_digest(case) for number, case in enumerate(cases)}
    params = {
        "protocol": protocol,
        "detector": detector,
        "detectors": settings.detectors.model_dump(mode="json"),
        "training": settings.training.model_dump(mode="json"),
        "features": settings.features.model_dump(mode="json"),
        **parameters,
    }
    return fingerprint(inputs=inputs, params=params | libraries(), code=_code())


@cache
def _code() -> str:
    return code_digest(*_CODE)
