"""What somebody asks to have evaluated, and the way from there to a benchmark."""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ecoai_pipeline.evaluation.benchmark import Benchmark, Plan, run
from ecoai_pipeline.evaluation.cases import Case, with_faults
from ecoai_pipeline.evaluation.datasets import PUBLIC, public_cases, read_cases
from ecoai_pipeline.evaluation.folds import Protocol
from ecoai_pipeline.evaluation.scoring import names
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.sources.simulation.plan import standard_plan

REAL_DATA = "ECOAI_REAL_DATA"


class Request(BaseModel):
    """Which series to judge which detectors on.

    Attributes:
        paths: files or folders, as `ingest` takes them; without them public data sets from the folder ECOAI_REAL_DATA.
        data: which of the public data sets; all that are there where empty.
        labels: a CSV of all anomalies, `meter_id, start, end`, in place of what files say themselves.
        options: what the sender says of the files, words as on the command line.
        detectors: which of ours, or `all`; those that the pipeline runs where empty. References are always judged, too.
        seeds: how often faults are injected into each series that has no labels.
        knobs: of an ablation, `path=value` of parameters; the standard ones where empty.
        protocols: of the research, A to D; all where empty.
        lang: of the research's figures, en or ko.
        jobs: processes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    labels: str | None = None
    options: IngestOptions = IngestOptions()
    detectors: tuple[str, ...] = ()
    seeds: int = Field(5, gt=0)
    knobs: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    lang: typing.Literal["en", "ko"] = "en"
    jobs: int = Field(default_factory=lambda: os.cpu_count() or 1, gt=0)


class Told(typing.Protocol):
    """A progress bar: told how many pieces of work there are, and of each that is done."""

    def start(self, what: str, total: int) -> None: ...

    def done(self, what: str | None = None) -> None: ...


@dataclass(frozen=True)
class Evaluated:
    """The cases and what came of them."""

    cases: Sequence[Case]
    benchmark: Benchmark


def evaluate(request: Request, protocol: Protocol, settings: Settings, cache: Path, told: Told) -> Evaluated:
    """Read the series, inject faults where nobody has labelled any, and judge.

    Raises:
        ValueError: there is nothing to judge, or a name, file or table of labels cannot be used.
        RuntimeError: a piece of work failed; the rest is kept for the next try.
    """
    plan = Plan(names(settings, request.detectors), protocol, request.jobs)
    cases = cases_of(request, settings, lambda what: told.start(what, 1))
    told.start("scoring and judging", plan.pieces(cases, settings))
    return Evaluated(cases, run(cases, plan, settings, cache, told.done))


def cases_of(request: Request, settings: Settings, told: Callable[[str], None]) -> list[Case]:
    """The series of a request, each with labels or with faults of so many seeds."""
    return labelled(read_series(request, settings, told), request)


def labelled(read: Sequence[Case], request: Request) -> list[Case]:
    """Series with their labels, or, where nobody has labelled one, with the faults of so many seeds."""
    seeds = standard_plan().seeds[: request.seeds]
    return [case for one in read for case in ([one] if one.labels is not None else _faulty(one, seeds))]


def _faulty(case: Case, seeds: Sequence[int]) -> list[Case]:
    """A case with the faults of each seed; a load so even that none can be told from it is judged once, for its alarms."""
    cases = [with_faults(case, seed) for seed in seeds]
    return cases if any(one.faults for one in cases) else cases[:1]


def read_series(request: Request, settings: Settings, told: Callable[[str], None]) -> list[Case]:
    """The series of a request as they are.

    Raises:
        ValueError: there are none, or labels are named without the files that they are of.
    """
    if request.labels and not request.paths:
        raise ValueError(f"--labels {request.labels} says what is anomalous in the files of --path; name them")
    return _of_files(request, settings, told) if request.paths else _public(request, settings, told)


def _of_files(request: Request, settings: Settings, told: Callable[[str], None]) -> list[Case]:
    told("reading files")
    given = [Path(path) for path in request.paths]
    files = [file for path in given for file in (sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path])]
    absent = [str(path) for path in files if not path.exists()]
    if absent or not files:
        raise ValueError(f"{absent[0] if absent else given[0]}: no such file")
    return read_cases(files, settings, request.options, labels=Path(request.labels) if request.labels else None)


def _public(request: Request, settings: Settings, told: Callable[[str], None]) -> list[Case]:
    folder = real_data()
    wanted = request.data or tuple(dataset.name for dataset in PUBLIC if any(folder.glob(dataset.files)))
    return public_cases(folder, wanted, settings, told)


def real_data() -> Path:
    """The folder of public data.

    Raises:
        ValueError: nobody has said where it is.
    """
    place = os.environ.get(REAL_DATA, "")
    if not place or not Path(place).is_dir():
        raise ValueError(
            f"there is nothing to evaluate on: name files with --path, or set {REAL_DATA} to the folder of public data, see the README"
        )
    return Path(place)
