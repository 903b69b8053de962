"""A plant to build features for: meters registered and validated readings written without the rooms that normally do so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from ecoai_pipeline.domain import FEATURES, SPECTRA, VALIDATED_READINGS, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.features.build import materialize_features
from ecoai_pipeline.features.calendar import month_bounds
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake, Written
from ecoai_pipeline.storage.registry import MeterRegistry


class Plant:
    """Meters of one industry in a lake of its own."""

    def __init__(self, lake: Lake, settings: Settings) -> None:
        self.lake, self.settings = lake, settings
        self._frames: dict[Partition, list[pl.DataFrame]] = {}

    def meter(
        self,
        meter_id: str,
        zone: str = "Asia/Seoul",
        industry: Industry = Industry.METAL,
        since: date = date(2020, 1, 1),
        usage: UsageType = UsageType.INDUSTRIAL,
        *,
        guessed: bool = False,
    ) -> None:
        meter = Meter(meter_id, industry, usage, zone, signed=True, valid_from=since, guessed=guessed)
        MeterRegistry(self.lake).register([meter], origin="test", at=datetime(2020, 1, 1, tzinfo=UTC))

    def read(
        self,
        meter_id: str,
        times: Sequence[datetime] | pl.Series,
        kwh: Sequence[float | None] | np.ndarray,
        month: Month,
        *,
        interval_s: int = 900,
        quality: str = "measured",
        rule: str | None = None,
        industry: Industry = Industry.METAL,
    ) -> None:
        """Add validated readings to a month and write its partition again."""
        partition = Partition(industry, month)
        columns = {"meter_id": meter_id, "timestamp": times, "interval_s": interval_s, "kwh": kwh, "quality": quality, "rule": rule}
        frame = pl.DataFrame({**columns, "statement_id": "s", "restated": False}, schema_overrides={"rule": pl.String, "kwh": pl.Float64})
        frames = self._frames.setdefault(partition, [])
        frames.append(frame.with_columns(pl.col("timestamp").dt.cast_time_unit("us")))
        self.lake.write(VALIDATED_READINGS, partition, [pl.concat(frames, how="vertical_relaxed")], fingerprint=f"{len(frames)}")

    def build(self, month: Month, industry: Industry = Industry.METAL) -> Written:
        return materialize_features(self.lake, self.settings, Partition(industry, month))

    def features(self, month: Month, meter_id: str | None = None) -> pl.DataFrame:
        return self.lake.read(FEATURES, Partition(Industry.METAL, month), [meter_id] if meter_id else None)

    def spectra(self, month: Month) -> pl.DataFrame:
        return self.lake.read(SPECTRA, Partition(Industry.METAL, month))


def month_times(month: Month, zone: str = "Asia/Seoul", interval_s: int = 900) -> pl.Series:
    """Every interval of a local month, UTC."""
    start, end = month_bounds(month, zone)
    return pl.datetime_range(start, end, f"{interval_s}s", closed="left", time_unit="us", eager=True)
