"""Scores and labels that figures of TSB-AD are kept of: drawn ones of every awkward shape, and simple scores of real series."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.datasets import read_cases
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.options import IngestOptions

LONG = 30  # of the drawn series: 3,000 readings and more
SHAPES = ("mixed", "points", "ends", "touching", "ties")
BUFFERS = (0, 1, 2, 7, 24, 60)
KPI_CURVE = "301c70d8-1630-35ac-8f96-bc1b6f4359ea"  # 8,784 readings at 300 s


@dataclass(frozen=True)
class Scored:
    """Scores and labels, both (n,), with the buffer they are ranked with."""

    name: str
    scores: np.ndarray
    labels: np.ndarray
    buffer: int

    @property
    def digest(self) -> int:
        """Tells other random numbers from a wrong figure."""
        return zlib.crc32(self.scores.tobytes() + self.labels.tobytes())


def drawn() -> Iterator[Scored]:
    """150 series of 30 to 800 readings, and 30 of 3,000 to 6,000; all shapes with all buffers."""
    combinations = [(shape, buffer) for shape in SHAPES for buffer in BUFFERS]
    for seed in range(150):
        yield draw(seed, *combinations[seed % len(combinations)], least=30, most=800)
    for seed in range(150, 150 + LONG):
        yield draw(seed, *combinations[seed % len(combinations)], least=3000, most=6000)


def draw(seed: int, shape: str, buffer: int, least: int, most: int) -> Scored:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(least, most))
    labels = np.zeros(n, dtype=bool)
    for start in rng.integers(0, n - 1, rng.integers(1, 12)):
        length = 1 if shape == "points" else int(rng.integers(1, max(n // 30, 2)))
        labels[start : start + length] = True
        if shape == "touching":
            labels[start + length + int(rng.integers(1, buffer + 2)) :][:2] = True
    if shape == "ends":
        labels[[0, 1, -1]] = True
    scores = rng.random(n) + labels * rng.random()
    return Scored(f"{seed} {shape} {buffer}", np.round(scores, 1) if shape == "ties" else scores, labels, buffer)


def real(folder: Path, settings: Settings) -> Iterator[Scored]:
    """Two simple scores of each building of LEAD and of one curve of KPI at 300 s."""
    cases = read_cases(sorted((folder / "lead").glob("*.csv.gz")), settings, IngestOptions.of(source="lead"), dataset="lead")
    cases += read_cases([folder / "kpi" / f"{KPI_CURVE}.csv.gz"], settings, IngestOptions.of(source="kpi"), dataset="kpi")
    for case in cases:
        yield from simple_scores(case)


def simple_scores(case: Case) -> Iterator[Scored]:
    seen, name = case.load.observed, f"{case.dataset} {case.name}"
    yield Scored(f"{name} difference", difference(case.load)[seen], case.labels[seen], case.buffer)
    yield Scored(f"{name} slot", slot_z(case.load)[seen], case.labels[seen], case.buffer)


def difference(load: Series) -> np.ndarray:
    """|x(t) - x(t-1)| in kWh, 0 where there is none; rounded, so that no machine's last bit makes or breaks a tie."""
    return np.round(np.nan_to_num(np.abs(np.diff(load.kwh, prepend=np.nan))), 6)


def slot_z(load: Series) -> np.ndarray:
    """How many standard deviations a reading lies from the mean of its slot of the week."""
    slot, known = load.slot_of_week, ~np.isnan(load.kwh)
    count = np.maximum(np.bincount(slot[known]), 1)
    mean = np.bincount(slot[known], load.kwh[known]) / count
    deviation = np.sqrt(np.bincount(slot[known], (load.kwh - mean[slot])[known] ** 2) / count)
    return np.round(np.nan_to_num(np.abs(load.kwh - mean[slot]) / (deviation[slot] + 1e-3)), 6)
