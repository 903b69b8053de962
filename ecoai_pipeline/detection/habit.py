"""When evidence is an alarm: measured against the greatest evidence that each stretch of the meter's last weeks brought by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.detection.calibration import POOLED
from ecoai_pipeline.domain import Resolution
from ecoai_pipeline.settings import HabitParams

RULE = "block_maxima"
SMALLEST_P = 1e-30
_DAY_US = 86_400_000_000
_COVERED = 0.5  # share of a block's intervals with evidence, below which its maximum says nothing

Floats = NDArray[np.float64]
SCHEMA = pl.Schema(
    {
        "meter_id": pl.String(),
        "detector": pl.String(),
        "rule": pl.String(),
        "n": pl.Int64(),
        "location": pl.Float64(),
        "scale": pl.Float64(),
    }
)


@dataclass(frozen=True)
class Law:
    """Exponential law of an interval's evidence beyond `location`, learned from the greatest evidence of each of `n` blocks."""

    n: int
    location: float
    scale: float


@dataclass(frozen=True)
class Numbers:
    """Which block each interval lies in, (n,), counted from the start of the first day (UTC); `a_day` of `length` intervals make a day."""

    block: NDArray[np.int64]
    a_day: int
    length: int

    @classmethod
    def of(cls, timestamps: NDArray[np.datetime64], interval_s: int, block_h: float) -> Numbers:
        """Blocks of whole intervals, as many in each day, of `block_h` hours or of one interval where that is longer."""
        a_day = _blocks_of_a_day(interval_s, block_h)
        block_us, starts = _DAY_US // a_day, timestamps.astype("datetime64[us]").astype(np.int64)
        day = starts // _DAY_US - (starts[0] // _DAY_US if len(starts) else 0)
        return cls(day * a_day + starts % _DAY_US // block_us, a_day, max(1, round(block_us / 1e6 / interval_s)))


@dataclass(frozen=True)
class Blocks:
    """The greatest evidence of each block of a series.

    Attributes:
        maxima: (days, blocks of a day), NaN where too little is known.
        day: (n,) row of `maxima` that each interval lies in; days are those of UTC.
        length: intervals in a block.
    """

    maxima: Floats
    day: NDArray[np.int64]
    length: int

    @classmethod
    def of(cls, timestamps: NDArray[np.datetime64], interval_s: int, evidence: Floats, block_h: float) -> Blocks:
        """The greatest evidence by `Numbers` of blocks.

        Args:
            timestamps, evidence: (n,) of a regular grid; evidence is NaN where there is none.
        """
        numbers = Numbers.of(timestamps, interval_s, block_h)
        block, a_day, length = numbers.block, numbers.a_day, numbers.length
        day = block // a_day
        maxima = np.full((int(day[-1]) + 1 if len(day) else 0, a_day), np.nan)
        first = np.flatnonzero(np.diff(block, prepend=-1))
        if len(first):
            known = np.add.reduceat(np.isfinite(evidence).astype(np.int64), first) >= _COVERED * length
            maxima.ravel()[block[first[known]]] = np.fmax.reduceat(evidence, first)[known]
        return cls(maxima, day, length)

    def before(self, days: int) -> Floats:
        """The maxima of the so many days before each day, ascending, (days, k), NaN last."""
        padded = np.vstack([np.full((days, self.maxima.shape[1]), np.nan), self.maxima[:-1]])
        windows = np.lib.stride_tricks.sliding_window_view(padded, days, axis=0)
        return np.sort(windows.reshape(len(self.maxima), -1), axis=1)


@dataclass(frozen=True)
class Habits:
    """The laws of one portfolio as its calibration span had them: one per meter, and `*` for meters it has not seen.

    They hold until a meter has `min_days` of its own last days to be measured against.
    """

    params: HabitParams
    laws: Mapping[str, Law]

    def without(self, meter_id: str) -> Habits:
        """The same without one meter; itself where it does not know it."""
        known = meter_id in self.laws
        return Habits(self.params, {name: law for name, law in self.laws.items() if name != meter_id}) if known else self

    def p(
        self,
        meter_id: str,
        timestamps: NDArray[np.datetime64],
        interval_s: int,
        evidence: NDArray[np.floating[Any]],
        strange: NDArray[np.bool_] | None = None,
    ) -> Floats:
        """Probability that normal operation brings so much evidence in an interval, (n,) in (0, 1]; NaN where there is none.

        The law of a day is that of the blocks in the `days` before it; nothing later is looked at, so an interval's p is the same
        tonight and next month, unless its evidence or that before it changes. Where more of these days brought as much than
        `strange_days`, the others are taken for normal, and p is at least their share: what a meter does every week is its habit,
        however strange. That holds for no interval of a day that no band explains (`strange`, (n,)), and nothing is learned from these:
        a plant that often stands still does not make an outage normal.
        """
        if not len(evidence):
            return np.empty(0)
        values, params = np.asarray(evidence, dtype=np.float64), self.params
        usual = values if strange is None else np.where(strange, np.nan, values)
        blocks = Blocks.of(timestamps, interval_s, usual, params.block_h)
        given = self.laws.get(meter_id, self.laws[POOLED])
        counts, location, scale = _fitted(blocks.before(params.days), blocks.length, params)
        few = counts < params.min_days * blocks.maxima.shape[1]
        location, scale = np.where(few, given.location, location), np.where(few, given.scale, scale)
        beyond = np.maximum(values - location[blocks.day], 0) / scale[blocks.day]
        repeated = self._repeated(timestamps, interval_s, values)
        p: Floats = np.maximum(np.exp(-beyond), repeated if strange is None else np.where(strange, 0.0, repeated))
        return np.maximum(p, SMALLEST_P)

    def _repeated(self, timestamps: NDArray[np.datetime64], interval_s: int, values: Floats) -> Floats:
        """The share of the days before that brought as much evidence as an interval and are no anomaly, by the intervals of a day, (n,)."""
        days = Blocks.of(timestamps, interval_s, values, 24.0)
        before, spared = days.before(self.params.days), self.params.strange_days[Resolution.of(interval_s)]
        known = np.isfinite(before).sum(axis=1)
        first = np.searchsorted(days.day, np.arange(len(before) + 1))
        below = [np.searchsorted(row[:n], values[a:b]) for row, n, a, b in zip(before, known, first, first[1:], strict=False)]
        normal = np.maximum(known[days.day] - np.concatenate(below) - spared, 0)
        return np.asarray(normal / np.maximum(known[days.day], 1) / days.length)

    def frame(self) -> pl.DataFrame:
        rows = [{"meter_id": m, "detector": "fused", "rule": RULE, **vars(law)} for m, law in sorted(self.laws.items())]
        return pl.DataFrame(rows, schema=SCHEMA)

    def save(self, path: Path) -> None:
        self.frame().write_parquet(path, compression="zstd")

    @classmethod
    def load(cls, path: Path, params: HabitParams) -> Habits:
        """Read what `save` wrote.

        Raises:
            ValueError: the file has no pooled row, which every calibration has.
        """
        laws = {row["meter_id"]: Law(row["n"], row["location"], row["scale"]) for row in pl.read_parquet(path).to_dicts()}
        if POOLED not in laws:
            raise ValueError(f"{path} has no pooled row ({POOLED!r}); restore the bundle or train again")
        return cls(params, laws)


def learn(spans: Mapping[str, tuple[NDArray[np.datetime64], Floats]], interval_s: int, params: HabitParams) -> Habits:
    """Learn the law of each meter from its calibration span, (timestamps, evidence) of (n,) each.

    Evidence is a mean of log probabilities, so its tail falls exponentially, and the greatest of the k intervals of a block stays
    below x with (1 - exp(-(x - location) / scale))^k; for long blocks that is Gumbel's law (Statistics of Extremes, 1958). Its two
    numbers come from the quartiles of the blocks, so that a quarter of them may hold anomalies. A meter of fewer blocks than
    `min_days` have takes the law of all meters' blocks together.

    Raises:
        ValueError: no block of any meter has evidence.
    """
    blocks = {meter: Blocks.of(stamps, interval_s, values, params.block_h) for meter, (stamps, values) in spans.items()}
    known = {meter: _finite(own.maxima) for meter, own in blocks.items()}
    length = max((own.length for own in blocks.values()), default=1)
    everything = np.concatenate([np.empty(0), *known.values()])
    if not len(everything):
        raise ValueError(f"no evidence in the calibration span of {len(spans)} meters; train on more months")
    pooled, least = _law(everything, length, params), params.min_days * _blocks_of_a_day(interval_s, params.block_h)
    own = {
        meter: _law(maxima, length, params) if len(maxima) >= least else replace(pooled, n=len(maxima)) for meter, maxima in known.items()
    }
    return Habits(params, {POOLED: pooled, **own})


def places(params: HabitParams, length: int) -> tuple[float, float]:
    """How many scales from the location the maximum of `length` intervals has its quantiles `low` and `high`."""
    near, far = (float(-np.log(-np.expm1(np.log(q) / length))) for q in (params.low, params.high))
    return near, far


def _blocks_of_a_day(interval_s: int, block_h: float) -> int:
    return max(1, round(86_400 / max(block_h * 3600, interval_s)))


def _law(maxima: Floats, length: int, params: HabitParams) -> Law:
    _, location, scale = _fitted(np.sort(maxima)[None], length, params)
    return Law(len(maxima), float(location[0]), float(scale[0]))


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _fitted(ordered: Floats, length: int, params: HabitParams) -> tuple[Floats, Floats, Floats]:
    """Number of blocks, location and scale by row of (rows, k), ascending with NaN last; a row without values has location NaN."""
    counts = np.isfinite(ordered).sum(axis=1)
    low, high = (_quantile(ordered, counts, q) for q in (params.low, params.high))
    near, far = places(params, length)
    scale = np.maximum(np.nan_to_num((high - low) / (far - near)), params.least_scale)
    return counts.astype(np.float64), low - scale * near, scale


def _quantile(ordered: Floats, counts: NDArray[np.int64], q: float) -> Floats:
    rank = q * np.maximum(counts - 1, 0)
    lower = rank.astype(np.int64)
    upper = np.minimum(lower + 1, np.maximum(counts - 1, 0))
    rows = np.arange(len(ordered))
    part = rank - lower
    return np.asarray(ordered[rows, lower] * (1 - part) + ordered[rows, upper] * part)
