"""Stored figures of a small real set, so that a change that makes a detector worse is seen before it lands.

A figure may rise unasked. Where it falls, the file must say why, beside the figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ecoai_pipeline.evaluation.benchmark import Plan, Row, run
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.datasets import PUBLIC, read_cases
from ecoai_pipeline.evaluation.scoring import names
from ecoai_pipeline.evaluation.work import Done
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.atomic import write_text

ALLOWED = 0.01
_ROUNDING = 1e-4
_ONCE = ("profile", "usad")
SMALL: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "lead": ("lead/train.csv.gz", ("117", "879", "884")),
    "kpi": ("kpi/a8c06b47-cc41-3738-9110-12df0ee4c721.csv.gz", ("a8c06b47-cc41-3738-9110-12df0ee4c721",)),
}
"""File and meters by data set: short series that both cheap and costly detectors find something on."""

Figures = dict[str, float]


class Lowered(BaseModel):
    """Why a stored mean was lowered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: float
    after: float
    reason: str = Field(min_length=10)


class Stored(BaseModel):
    """What a detector reached.

    Attributes:
        vus_pr: by series.
        seed_noise: standard deviation of the mean over seeds; 0 of a detector without chance.
        best: the highest mean that was ever stored.
        lowered: every time that the mean was stored lower than before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vus_pr: Figures
    seed_noise: float = Field(ge=0)
    best: float
    lowered: tuple[Lowered, ...] = ()

    @model_validator(mode="after")
    def _no_fall_without_a_reason(self) -> Stored:
        explained = self.lowered and self.mean > self.lowered[-1].after - _ROUNDING
        if self.mean < self.best - _ROUNDING and not explained:
            raise ValueError(f"the mean {self.mean:.4f} lies below {self.best:.4f}, which was stored once, and `lowered` does not say why")
        return self

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.vus_pr.values())))


class Book(BaseModel):
    """All stored figures, by detector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detectors: dict[str, Stored]

    @classmethod
    def read(cls, path: Path) -> Book:
        """Read the file that `write` wrote.

        Raises:
            ValueError: it is no such file, or a figure was lowered without a reason.
        """
        return cls.model_validate_json(path.read_text(encoding="utf-8"))

    def write(self, path: Path) -> None:
        write_text(path, self.model_dump_json(indent=1) + "\n")

    def mean_of(self, detector: str) -> float | None:
        return self.detectors[detector].mean if detector in self.detectors else None

    def drops(self, now: Mapping[str, Figures]) -> list[str]:
        """A line for each detector that lost more than chance explains, with its numbers; compared on the series both have."""
        lines = []
        for name, stored in self.detectors.items():
            shared = sorted(stored.vus_pr.keys() & now.get(name, {}).keys())
            if len(shared) < len(stored.vus_pr):
                gone = ", ".join(sorted(stored.vus_pr.keys() - set(shared)))
                lines.append(f"{name}: stored with {stored.mean:.4f} and without a figure on {gone}")
                continue
            changes = [now[name][series] - stored.vus_pr[series] for series in shared]
            allowed = ALLOWED + 2 * stored.seed_noise
            if np.mean(changes) < -allowed:
                told = ", ".join(f"{series} {stored.vus_pr[series]:.3f} → {now[name][series]:.3f}" for series in shared)
                lines.append(f"{name}: mean VUS-PR fell by {-np.mean(changes):.4f}, {allowed:.4f} are allowed ({told})")
        return lines

    def updated(self, now: Mapping[str, Figures], noise: Mapping[str, float], reason: str | None) -> Book:
        """The book with new figures.

        Raises:
            ValueError: a mean falls and no reason is given.
        """
        fallen = [
            f"{name}: mean VUS-PR {self.detectors[name].mean:.4f} → {fmean(figures.values()):.4f}"
            for name, figures in now.items()
            if name in self.detectors and fmean(figures.values()) < self.detectors[name].mean - _ROUNDING
        ]
        if fallen and not reason:
            raise ValueError("; ".join(fallen) + "; storing a lower figure takes a reason")
        return Book(detectors={**self.detectors, **{name: self._stored(name, now[name], noise.get(name, 0.0), reason) for name in now}})

    def _stored(self, name: str, figures: Figures, noise: float, reason: str | None) -> Stored:
        before, mean = self.detectors.get(name), fmean(figures.values())
        lowered = before.lowered if before else ()
        if before and mean < before.mean - _ROUNDING:
            lowered = (*lowered, Lowered(before=round(before.mean, 4), after=round(mean, 4), reason=reason or ""))
        return Stored(vus_pr=figures, seed_noise=noise, best=round(max(mean, before.best if before else mean), 4), lowered=lowered)


def small_cases(folder: Path, settings: Settings) -> list[Case]:
    """The small set, from the folder of real data."""
    options = {dataset.name: dataset.options for dataset in PUBLIC}
    cases: list[Case] = []
    for dataset, (file, meters) in SMALL.items():
        read = read_cases([folder / file], settings, options[dataset], dataset=dataset)
        cases += [case for case in read if case.load.meter_id in meters]
    return cases


def measure(cases: Sequence[Case], settings: Settings, cache: Path, *, jobs: int = 1, done: Done | None = None) -> dict[str, Figures]:
    """VUS-PR of the references, of what the pipeline runs and of two detectors it once ran on every case, all readings."""
    guarded = names(settings, (*settings.training.detectors, *_ONCE))
    return figures_of(run(cases, Plan(guarded, jobs=jobs), settings, cache, done).rows)


def figures_of(rows: Sequence[Row]) -> dict[str, Figures]:
    """By detector and series, where there is a figure."""
    found: dict[str, Figures] = {}
    for row in rows:
        if row["subset"] == "all" and row.get("vus_pr") is not None:
            found.setdefault(row["detector"], {})[f"{row['dataset']} {row['series']}"] = round(row["vus_pr"], 5)
    return found


def seed_noise(cases: Sequence[Case], settings: Settings, cache: Path, seeds: Sequence[int], *, jobs: int = 1) -> dict[str, float]:
    """Standard deviation over seeds of each detector's mean VUS-PR."""
    means: dict[str, list[float]] = {}
    for seed in seeds:
        training = settings.training.model_copy(update={"seed": seed})
        measured = measure(cases, settings.model_copy(update={"training": training}), cache, jobs=jobs)
        for name, figures in measured.items():
            means.setdefault(name, []).append(float(np.mean(list(figures.values()))))
    return {name: round(float(np.std(values, ddof=1)), 5) for name, values in means.items()}
