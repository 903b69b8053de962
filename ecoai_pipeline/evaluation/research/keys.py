"""What a piece of work depends on, as one name for its result."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint

_CODE = ("evaluation/research", "evaluation/cases.py", "detectors", "augmentation", "features")


def case_digest(case: Case) -> str:
    """Digest of a case's readings and truth."""
    digest = hashlib.sha256(f"{case.dataset}\0{case.name}\0{case.load.interval_s}".encode())
    arrays = (case.load.timestamps, case.load.kwh, case.load.observed, case.load.slot_of_week, case.load.holiday, case.labels)
    for array in arrays:
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
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
    return fingerprint(inputs=inputs, params=params, code=_code())


@cache
def _code() -> str:
    return code_digest(*_CODE)
