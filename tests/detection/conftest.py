"""Small portfolios for the tests of this room: features and scores written straight into a lake, detectors one can see through."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Expectation, Labels
from ecoai_pipeline.domain import FEATURES, SCORES, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import schema_of

QUARTER = 900
Q = 1 / 2880
USUAL_KWH = 10.0


@pytest.fixture(scope="session")
def portfolio() -> ModuleType:
    """This module, for tests of the room: they are not a package that could import it."""
    return sys.modules[__name__]


@pytest.fixture
def plain_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both detectors are the distance from a mean, so that a test can say what a score must be."""
    monkeypatch.setattr("ecoai_pipeline.detectors.make", lambda *_: Distance())
    monkeypatch.setattr("ecoai_pipeline.detectors.load", lambda _, folder: Distance.load(folder))


def register(
    lake: Lake,
    meters: Sequence[str],
    industry: Industry = Industry.METAL,
    zone: str = "UTC",
    usage: UsageType = UsageType.INDUSTRIAL,
    since: date = date(2000, 1, 1),
) -> None:
    rows = [Meter(meter_id, industry, usage, zone, signed=False, valid_from=since, country="KR") for meter_id in meters]
    MeterRegistry(lake).register(rows, origin="test", at=datetime(2022, 1, 1, tzinfo=UTC))


def starts(month: Month, interval_s: int = QUARTER, until: datetime | None = None) -> pl.Series:
    """Starts of the intervals of a month in UTC, up to before `until`."""
    first = datetime(month.year, month.month, 1, tzinfo=UTC)
    last = min(until or datetime.max.replace(tzinfo=UTC), datetime(month.next.year, month.next.month, 1, tzinfo=UTC))
    return pl.datetime_range(first, last, timedelta(seconds=interval_s), closed="left", time_unit="us", eager=True)


def write_features(
    lake: Lake, month: Month, loads: Mapping[str, Any], interval_s: int = QUARTER, industry: Industry = Industry.METAL
) -> None:
    """Features of a month: per meter a function of the interval's start (epoch seconds, (n,)) to kwh, NaN where none came."""
    frames = [features_of(meter_id, starts(month, interval_s), load, interval_s) for meter_id, load in sorted(loads.items())]
    content = pl.concat(frames).hash_rows(seed=1).sum()
    lake.write(FEATURES, Partition(industry, month), frames, fingerprint=str(content))


def features_of(meter_id: str, timestamps: pl.Series, load: Any, interval_s: int) -> pl.DataFrame:
    kwh = pl.Series("kwh", load(timestamps.to_physical().to_numpy() / 1e6), dtype=pl.Float64, nan_to_null=True)
    frame = pl.DataFrame({"timestamp": timestamps, "kwh": kwh})
    second = pl.col("timestamp").dt.epoch("s")
    return frame.select(
        pl.lit(meter_id).alias("meter_id"),
        "timestamp",
        pl.lit(interval_s, pl.Int32).alias("interval_s"),
        "kwh",
        pl.when(pl.col("kwh").is_null()).then(pl.lit("missing")).otherwise(pl.lit("measured")).alias("quality"),
        pl.lit(None, pl.String).alias("rule"),
        pl.lit(value=False).alias("restated"),
        pl.col("kwh").alias("kwh_imputed"),
        pl.col("kwh").is_not_null().alias("observed"),
        pl.col("kwh").diff().alias("diff_kwh"),
        (second % 86_400 // interval_s).cast(pl.Int32).alias("slot_of_day"),
        ((second + 3 * 86_400) % 604_800 // interval_s).cast(pl.Int32).alias("slot_of_week"),
        pl.lit("spring").alias("season"),
        (pl.col("timestamp").dt.weekday() > 5).alias("weekend"),
        pl.lit(value=False).alias("holiday"),
    )


def noisy_load(seed: int, spread: float = 1.0) -> Any:
    """A load of 10 kWh with noise that belongs to the instant, so that a month is the same whenever it is written."""

    def load(epoch_s: NDArray[np.float64]) -> NDArray[np.float64]:
        slots = (epoch_s // 60).astype(np.int64)
        low = int(slots.min())
        noise = np.random.default_rng([seed, low]).normal(size=len(slots))
        return USUAL_KWH + spread * noise

    return load


def scored(meter_id: str, month: Month, p: Mapping[datetime, float] | None = None, **columns: Any) -> pl.DataFrame:
    """SCORES rows of a quiet month; `p` sets the tail probability of single intervals, `columns` anything by instant.

    `until` ends the data before that instant.
    """
    timestamps = starts(month, until=columns.pop("until", None))
    n = len(timestamps)
    base: dict[str, Any] = {name: [None] * n for name in SCORES.names}
    base |= {
        "meter_id": [meter_id] * n,
        "timestamp": timestamps,
        "interval_s": [QUARTER] * n,
        "kwh": USUAL_KWH + np.random.default_rng(zlib.crc32(meter_id.encode())).normal(0, 0.3, n).clip(-0.9, 0.9).round(2),
        "quality": ["measured"] * n,
        "restated": [False] * n,
        "expected_kwh": [USUAL_KWH] * n,
        "low_kwh": [USUAL_KWH - 1] * n,
        "high_kwh": [USUAL_KWH + 1] * n,
        "p_profile": [0.5] * n,
        "p_usad": [0.5] * n,
        "p": [0.5] * n,
        "q": [Q] * n,
        "strange_day": [False] * n,
        "hindsight": [False] * n,
        "model_version": ["2022-01-abc"] * n,
    }
    frame = pl.DataFrame(base, schema=schema_of(SCORES))
    for name, values in {"p": p or {}, **columns}.items():
        frame = _set(frame, name, values)
    return frame


def alarmed(meter_id: str, month: Month, p: Mapping[datetime, float] | None = None, **columns: Any) -> pl.DataFrame:
    """The same, with readings that are half as much again as usual in the intervals of `p`, or a little more in every other one."""
    return scored(meter_id, month, p, **{"kwh": {moment: 1.5 * USUAL_KWH + k % 2 for k, moment in enumerate(sorted(p or {}))}, **columns})


def _set(frame: pl.DataFrame, name: str, values: Mapping[datetime, Any]) -> pl.DataFrame:
    if not values:
        return frame
    dtype = frame.schema[name]
    changes = pl.DataFrame(
        {"timestamp": list(values), "new": list(values.values())}, schema={"timestamp": frame.schema["timestamp"], "new": dtype}
    )
    joined = frame.join(changes.with_columns(given=True), on="timestamp", how="left", maintain_order="left")
    return joined.with_columns(pl.when("given").then("new").otherwise(name).alias(name)).drop("new", "given")


def span(start: datetime, intervals: int) -> list[datetime]:
    return [start + timedelta(seconds=QUARTER * k) for k in range(intervals)]


class Distance:
    """A detector that says how far a reading lies from the mean of all meters; its state is that mean."""

    name: ClassVar[str] = "distance"

    def __init__(self, mean: float = 0.0) -> None:
        self.mean_ = mean

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        assert labels is None
        assert plan.interval_s == portfolio[0].interval_s
        self.mean_ = float(np.nanmean(np.concatenate([series.kwh for series in portfolio])))
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        return [np.where(s.observed, np.abs(s.kwh - self.mean_), np.nan).astype(np.float32) for s in portfolio]

    def expect(self, portfolio: Sequence[Series]) -> list[Expectation]:
        whole = [np.full(len(series), self.mean_) for series in portfolio]
        return [Expectation(mean, mean - 2, mean + 2) for mean in whole]

    def score_and_expect(self, portfolio: Sequence[Series]) -> tuple[list[NDArray[np.float32]], list[Expectation]]:
        return self.score(portfolio), self.expect(portfolio)

    def forget(self, meter_id: str) -> None:
        """Nothing is kept of single meters."""

    def save(self, folder: Path) -> None:
        (folder / "weights.safetensors").write_bytes(b"")
        (folder / "config.json").write_text(json.dumps({"mean": self.mean_}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(json.loads((folder / "config.json").read_text())["mean"])

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"mean": self.mean_}
