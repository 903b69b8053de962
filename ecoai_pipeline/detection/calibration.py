"""From a detector's score to the probability of such a score in normal operation, so that one alarm budget fits all meters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detectors.robust import without_far_runs
from ecoai_pipeline.settings import CalibrationParams

POOLED = "*"
SMALLEST_P = 1e-12
_BUDGET_SPAN_S = 30 * 86_400
_EXACT = 64
_POINTS = 200

Floats = NDArray[np.float64]


class Rule(StrEnum):
    """How the tail of a curve was found."""

    CONFORMAL = "conformal"
    PEAKS = "peaks_over_threshold"
    POOLED = "pooled"


SCHEMA = pl.Schema(
    {
        "meter_id": pl.String(),
        "detector": pl.String(),
        "rule": pl.String(),
        "n": pl.Int64(),
        "trimmed": pl.Int64(),
        "scores": pl.List(pl.Float64()),
        "tail": pl.List(pl.Float64()),
        "u": pl.Float64(),
        "mass": pl.Float64(),
        "shape": pl.Float64(),
        "scale": pl.Float64(),
    }
)


def alarm_threshold(budget_per_meter_month: float, interval_s: int) -> float:
    """The q below which p opens an event: the budget by the readings of 30 days, at most 0.5.

    >>> round(1 / alarm_threshold(1, 900))
    2880
    """
    return min(0.5, budget_per_meter_month * interval_s / _BUDGET_SPAN_S)


@dataclass(frozen=True)
class Curve:
    """Tail probability of a score: empirical up to `scores[-1]`, a generalised Pareto tail of mass `mass` beyond.

    Attributes:
        n: calibration scores it rests on, without the `trimmed` ones.
        scores, tail: (k,) ascending scores and their probability of being reached, falling.
        mass, shape, scale: of the tail beyond `scores[-1]`; 0 < mass <= tail[-1], shape >= 0.
    """

    rule: Rule
    n: int
    trimmed: int
    scores: Floats
    tail: Floats
    mass: float
    shape: float
    scale: float

    def p(self, scores: NDArray[np.floating[Any]]) -> Floats:
        """Probability of a score at least as high, in (0, 1], falling with the score; NaN stays NaN."""
        s = np.asarray(scores, dtype=np.float64)
        body = np.exp(np.interp(s, self.scores, np.log(self.tail)))
        beyond = self.mass * _survival(np.maximum(s - self.scores[-1], 0) / self.scale, self.shape)
        return np.clip(np.where(s > self.scores[-1], beyond, body), SMALLEST_P, 1.0)


@dataclass(frozen=True)
class Calibration:
    """The curves of one detector: one per meter, and `*` for meters it has not seen."""

    detector: str
    curves: Mapping[str, Curve]

    @property
    def meters(self) -> dict[str, Curve]:
        """The curves without the pooled one."""
        return {meter_id: curve for meter_id, curve in self.curves.items() if meter_id != POOLED}

    def without(self, meter_id: str) -> Calibration:
        """The same without one meter; itself where it does not know it."""
        known = meter_id in self.curves
        return Calibration(self.detector, {name: c for name, c in self.curves.items() if name != meter_id}) if known else self

    def p(self, meter_id: str, scores: NDArray[np.floating[Any]]) -> Floats:
        return self.curves.get(meter_id, self.curves[POOLED]).p(scores)

    def frame(self) -> pl.DataFrame:
        rows = [
            {
                "meter_id": meter_id,
                "detector": self.detector,
                "rule": str(curve.rule),
                "n": curve.n,
                "trimmed": curve.trimmed,
                "scores": curve.scores.tolist(),
                "tail": curve.tail.tolist(),
                "u": float(curve.scores[-1]),
                "mass": curve.mass,
                "shape": curve.shape,
                "scale": curve.scale,
            }
            for meter_id, curve in sorted(self.curves.items())
        ]
        return pl.DataFrame(rows, schema=SCHEMA)

    def save(self, path: Path) -> None:
        self.frame().write_parquet(path, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            ValueError: the file has no pooled row, which every calibration has.
        """
        rows = pl.read_parquet(path).to_dicts()
        if not any(row["meter_id"] == POOLED for row in rows):
            raise ValueError(f"{path} has no pooled row ({POOLED!r}); restore the bundle or train again")
        return cls(rows[0]["detector"], {row["meter_id"]: _curve_of(row) for row in rows})


def calibrate(detector: str, scores: Mapping[str, NDArray[np.floating[Any]]], q: float, params: CalibrationParams) -> Calibration:
    """Learn the curves of a detector from the scores of the calibration span, (n,) per meter in order of time, NaN allowed.

    Conformal where n >= 1/q - 1 (Vovk 2005), else peaks over threshold (Pickands 1975): above the `tail_quantile` a
    generalised Pareto tail, its scale the meter's own, its shape common to all meters (regional frequency analysis,
    Hosking and Wallis 1997) and not below 0, so that no score is impossible. Runs far beyond the tail are taken
    for anomalies and left out. A meter with few scores in its tail takes the pooled curve.

    Raises:
        ValueError: no meter has a score.
    """
    trimmed = {meter_id: _trim(_finite(values), params) for meter_id, values in scores.items()}
    pool = np.sort(np.concatenate([kept for kept, _ in trimmed.values()])) if trimmed else np.empty(0)
    if not len(pool):
        raise ValueError(f"{detector}: no score in the calibration span of {len(scores)} meters; train on more months")
    shape = _common_shape([kept for kept, _ in trimmed.values()], pool, params)
    pooled = _curve(pool, sum(dropped for _, dropped in trimmed.values()), q, shape, params)
    curves = {POOLED: pooled}
    for meter_id, (kept, dropped) in trimmed.items():
        few = len(_excesses(kept, params)) < params.min_exceedances
        curves[meter_id] = _lent(pooled, len(kept), dropped) if few else _curve(np.sort(kept), dropped, q, shape, params)
    return Calibration(detector, curves)


def fit_shape(excesses: Floats) -> float:
    """Shape of a generalised Pareto tail from probability-weighted moments (Hosking and Wallis 1987); (n,) excesses > 0."""
    x = np.sort(excesses)
    n = len(x)
    first = float(x.mean())
    second = float((x * (n - 0.65 - np.arange(n)) / n).mean())
    return 2 - first / (first - 2 * second) if first > 2 * second else 1.0


def _finite(values: NDArray[np.floating[Any]]) -> Floats:
    scores = np.asarray(values, dtype=np.float64)
    return scores[np.isfinite(scores)]


def _trim(scores: Floats, params: CalibrationParams) -> tuple[Floats, int]:
    """The scores without the runs that are far beyond their tail, and how many were left out (at most 2 %)."""
    if len(scores) < params.min_exceedances:
        return scores, 0
    kept = without_far_runs(scores, params.trim)
    return kept, len(scores) - len(kept)


def _threshold(ordered: Floats, params: CalibrationParams) -> float:
    return float(ordered[int(params.tail_quantile * (len(ordered) - 1))])


def _excesses(scores: Floats, params: CalibrationParams) -> Floats:
    if not len(scores):
        return scores
    ordered = np.sort(scores)
    u = _threshold(ordered, params)
    return ordered[ordered > u] - u


def _common_shape(portfolio: list[Floats], pool: Floats, params: CalibrationParams) -> float:
    excesses = [x for x in (_excesses(kept, params) for kept in portfolio) if len(x) >= params.min_exceedances]
    scaled = np.concatenate([x / x.mean() for x in excesses]) if excesses else _excesses(pool, params)
    return float(np.clip(fit_shape(scaled), 0, params.max_shape)) if len(scaled) > 1 else 0.0


def _curve(ordered: Floats, trimmed: int, q: float, shape: float, params: CalibrationParams) -> Curve:
    n, u = len(ordered), _threshold(ordered, params)
    excesses = ordered[ordered > u] - u
    # The mean of a generalised Pareto variable is scale / (1 - shape); the floor keeps a constant score from a tail of width 0.
    scale = max(float(excesses.mean()) * (1 - shape) if len(excesses) else 0.0, 0.01 * abs(u), 1e-9)
    points, tail = _support(ordered)
    if n >= 1 / q - 1:
        # An excess over a higher threshold has the same shape and a scale that grows with it.
        return Curve(Rule.CONFORMAL, n, trimmed, points, tail, 1 / (n + 1), shape, scale + shape * (float(points[-1]) - u))
    below = points <= u
    return Curve(Rule.PEAKS, n, trimmed, points[below], tail[below], (1 + len(excesses)) / (n + 1), shape, scale)


def _support(ordered: Floats) -> tuple[Floats, Floats]:
    """Scores and their conformal tail probability: the highest ones all, the others ever more thinly."""
    n = len(ordered)
    ranks = np.unique(np.concatenate([np.arange(1, min(n, _EXACT) + 1), np.geomspace(1, n, _POINTS).astype(np.int64)]))
    points = np.unique(ordered[n - ranks])
    reached = n - np.searchsorted(ordered, points, side="left")
    return points, (1 + reached) / (n + 1)


def _lent(pooled: Curve, n: int, trimmed: int) -> Curve:
    return Curve(Rule.POOLED, n, trimmed, pooled.scores, pooled.tail, pooled.mass, pooled.shape, pooled.scale)


def _survival(excess: Floats, shape: float) -> Floats:
    if shape < 1e-9:
        return np.asarray(np.exp(-excess))
    return np.asarray((1 + shape * excess) ** (-1 / shape))


def _curve_of(row: Mapping[str, Any]) -> Curve:
    return Curve(
        Rule(row["rule"]),
        row["n"],
        row["trimmed"],
        np.array(row["scores"], dtype=np.float64),
        np.array(row["tail"], dtype=np.float64),
        row["mass"],
        row["shape"],
        row["scale"],
    )
