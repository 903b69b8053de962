"""What a detector says of a case it was fitted to: the costly half of a judgement, kept on disk and made once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline import detectors
from ecoai_pipeline.detection.segments.search import search
from ecoai_pipeline.detectors.contract import Labels, Predictive
from ecoai_pipeline.domain import DETECTORS, EVIDENCE, SEGMENT
from ecoai_pipeline.evaluation import folds
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.folds import Fold
from ecoai_pipeline.evaluation.references import REFERENCES, make_reference
from ecoai_pipeline.evaluation.work import Result, libraries
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.atomic import replacing
from ecoai_pipeline.storage.fingerprint import PACKAGE, code_digest, fingerprint

Scores = NDArray[np.float32]
_NIGHTS = 8  # scored at once; each brings its month before along


def _code_of(detector: str) -> list[str]:
    """The code of a detector: its own, and what those of the room share."""
    room = PACKAGE / "detectors"
    parts = (path.name for path in sorted(room.iterdir()) if path.suffix in {"", ".py"} and path.name != "__pycache__")
    return [f"detectors/{part}" for part in parts if part == detector or part not in DETECTORS]


class Scorer(Protocol):
    """What is asked of a detector here; references are no more than that."""

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Any: ...

    def score(self, portfolio: Sequence[Series]) -> list[Scores]: ...


@dataclass(frozen=True)
class Scored:
    """Scores of one fold: of its calibration span, and of its test span from all of it and as each night knew them."""

    calibration: Scores
    batch: Scores
    nightly: Scores


@dataclass(frozen=True)
class Scoring:
    """A detector on a case, as a piece of work.

    Attributes:
        others: the data set's other cases, whose labels a supervised detector learns from; nobody else sees a label.
        cache: folder that the scores are kept in.
    """

    case: Case
    detector: str
    protocol: folds.Protocol
    settings: Settings
    cache: Path
    others: tuple[Case, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.case.dataset} {self.case.name}: {self.detector}"

    @cached_property
    def key(self) -> str:
        """Digest of the series, the parameters of this detector and of the cut, and the code that scores depend on."""
        inputs = {"case": digest(self.case.load), "others": [digest(other.load, other.labels) for other in self.others]}
        parameters = (self.settings.detectors, self.settings.evaluation.references)
        own = [params.model_dump(mode="json").get(self.detector) for params in parameters]
        shared: dict[str, Any] = {"features": self.settings.features.model_dump(mode="json")}
        shared["training"] = self.settings.training.model_dump(include={"seed", "threads", "calibration_share", "min_days"})
        shared["cut"] = self.settings.evaluation.model_dump(include={"test_share", "calibration_share", "look_back_days"})
        params = {"detector": self.detector, "protocol": self.protocol, "own": own, **shared}
        own_code = ("augmentation", *_code_of(self.detector)) if self.detector in DETECTORS else ("evaluation/references",)
        if self.detector == SEGMENT:
            own = [self.settings.detection.segments.model_dump(mode="json"), self.settings.detection.habit.model_dump(mode="json")]
            own_code = (*_code_of(self.settings.training.expected_load), "detection/segments", "detection/habit.py", "detection/kinds")
            params |= {"own": own, "expected_load": self.settings.training.expected_load}
        shared_code = ("features", "detection/spans.py", "evaluation/folds.py", "evaluation/scoring.py")
        return fingerprint(inputs=inputs, params=params | libraries(), code=code_digest(*own_code, *shared_code))

    def run(self) -> Result:
        """Fit and score each fold; the scores go to a file, the seconds they took into the result.

        A series that is too short or too even for the detector has no folds, and a note.
        """
        try:
            return self._run()
        except (ValueError, IndexError, np.linalg.LinAlgError) as error:
            return {"folds": 0, "fit_seconds": 0.0, "score_seconds": 0.0, "note": f"{type(error).__name__}: {error}"}

    def _run(self) -> Result:
        arrays: dict[str, Scores] = {}
        fitting = scoring = 0.0
        for number, fold in enumerate(folds.folds(self.case.load, self.protocol, self.settings)):
            started = time.perf_counter()
            scorer = self._fitted(fold)
            fitting, started = fitting + time.perf_counter() - started, time.perf_counter()
            scored = score_fold(scorer, self.case.load, fold, self.settings.evaluation.look_back_days)
            scoring += time.perf_counter() - started
            arrays |= {f"{number}.{part}": getattr(scored, part) for part in Scored.__dataclass_fields__}
        with replacing(self._file) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        return {"folds": len(arrays) // len(Scored.__dataclass_fields__), "fit_seconds": fitting, "score_seconds": scoring}

    def scored(self, result: Result) -> list[Scored]:
        """The scores that `run` kept, a fold after the other; made again where their file is gone or damaged.

        Raises:
            ValueError: there are none, as the result says.
        """
        if not result["folds"]:
            raise ValueError(result["note"])
        try:
            parts = self._kept()
        except (OSError, ValueError, EOFError, BadZipFile):
            self.run()
            parts = self._kept()
        return [Scored(*(parts[f"{number}.{part}"] for part in Scored.__dataclass_fields__)) for number in range(result["folds"])]

    def _kept(self) -> dict[str, Scores]:
        with np.load(self._file) as arrays:
            return {name: arrays[name] for name in arrays.files}

    @property
    def _file(self) -> Path:
        return self.cache / f"{self.key}.npz"

    def _fitted(self, fold: Fold) -> Scorer:
        if self.detector == SEGMENT:
            return _Segments(self.settings).fit([self.case.load.part(*fold.train)], fold.plan)
        made: Scorer = (
            detectors.make(self.detector, self.settings)
            if self.detector in DETECTORS
            else make_reference(self.detector, self.settings.evaluation.references)
        )
        if getattr(made, "supervised", False):
            return _taught(made, fold.plan, self.others, self.case)
        made.fit([self.case.load.part(*fold.train)], fold.plan)
        return made


@dataclass
class _Segments:
    """Evidence of segments beside the load that the pipeline's expected-load detector expects."""

    settings: Settings

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> _Segments:
        self.expects = detectors.make(self.settings.training.expected_load, self.settings).fit(portfolio, plan, labels=labels)
        return self

    def score(self, portfolio: Sequence[Series]) -> list[Scores]:
        assert isinstance(self.expects, Predictive)
        params, expected = self.settings.detection, self.expects.expect(portfolio)
        found = [search(one, own, own, params.segments, params.habit) for one, own in zip(portfolio, expected, strict=True)]
        return [own.evidence.astype(np.float32) for own in found]


ALL_DETECTORS = "all"


def names(settings: Settings, chosen: Sequence[str] = ()) -> list[str]:
    """The detectors to judge: the references always, and of ours those chosen, `all`, or without a choice those that the pipeline runs.

    Raises:
        ValueError: a name is neither a detector nor a reference.
    """
    unknown = [name for name in chosen if name not in (*EVIDENCE, *REFERENCES, ALL_DETECTORS)]
    if unknown:
        raise ValueError(f"there is no detector {unknown[0]!r}; known are {', '.join((*EVIDENCE, *REFERENCES))}")
    wanted = EVIDENCE if ALL_DETECTORS in chosen else chosen or (*settings.training.detectors, SEGMENT)
    return [*REFERENCES, *(name for name in EVIDENCE if name in wanted)]


def score_fold(scorer: Scorer, load: Series, fold: Fold, look_back_days: int) -> Scored:
    """Scores of the calibration and the test span; of the test also night by night, from nothing later than the night."""
    back = look_back_days * load.slots_per_day
    calibration = _ends(scorer, [_context(load, fold.calibration, back)])[0]
    batch = _ends(scorer, [_context(load, fold.test, back)])[0]
    if getattr(scorer, "past_only", False):
        return Scored(calibration, batch, batch)
    nights = [_context(load, night, back) for night in folds.nights(load, *fold.test)]
    known = [_ends(scorer, nights[first : first + _NIGHTS]) for first in range(0, len(nights), _NIGHTS)]
    return Scored(calibration, batch, np.concatenate([night for some in known for night in some]))


def digest(load: Series, labels: NDArray[np.bool_] | None = None) -> str:
    """Digest of all that a detector may learn of a series, and of labels where it is given them."""
    parts = [load.timestamps, load.kwh, load.observed, load.slot_of_week, load.holiday]
    whole = hashlib.sha256(f"{load.meter_id}|{load.interval_s}|{load.usage_type}".encode())
    for part in parts if labels is None else [*parts, labels]:
        whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()[:16]


def _context(load: Series, span: tuple[int, int], back: int) -> tuple[Series, int]:
    """A span with what it may look back into, and the length of the span."""
    return load.part(max(0, span[0] - back), span[1]), span[1] - span[0]


def _ends(scorer: Scorer, contexts: Sequence[tuple[Series, int]]) -> list[Scores]:
    scores = scorer.score([series for series, _ in contexts])
    return [values[len(values) - length :] for values, (_, length) in zip(scores, contexts, strict=True)]


def _taught(scorer: Scorer, plan: WindowPlan, others: Sequence[Case], case: Case) -> Scorer:
    """A supervised detector, fitted to the labelled series of other meters."""
    teachers = list(_labelled(others, case))
    if not teachers:
        raise ValueError(f"{case.dataset} {case.name}: no other meter of its data set and interval has labels to learn from")
    labels = {load.meter_id: marks for load, marks in teachers}
    scorer.fit([load for load, _ in teachers], plan, labels=labels)
    return scorer


def _labelled(others: Sequence[Case], case: Case) -> Iterator[tuple[Series, NDArray[np.bool_]]]:
    """Series of other meters of the same interval, with the faults of the same seed where they were injected."""
    for other in others:
        alike = other.load.interval_s == case.load.interval_s and other.seed == case.seed
        if alike and other.labels is not None and other.load.meter_id != case.load.meter_id:
            yield other.load, other.labels
