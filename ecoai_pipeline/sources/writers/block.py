"""What every writer takes: readings of some meters over whole local days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.domain import Industry, UsageType


@dataclass(frozen=True)
class Block:
    """m meters over d local days of s intervals, in a zone without clock changes.

    Attributes:
        meters: m meters, with the industry and contract class that formats which name them are told.
        first: the first day.
        kwh: energy (m, d, s), NaN where no reading came.
        faulty: true where a reading lies in a fault (m, d, s), for formats with labels.
    """

    meters: Sequence[str]
    industries: Sequence[Industry]
    usage_types: Sequence[UsageType]
    first: date
    zone: str
    kwh: NDArray[np.float64]
    faulty: NDArray[np.bool_]

    @property
    def interval_s(self) -> int:
        return 86_400 // int(self.kwh.shape[2])

    @property
    def midnight(self) -> datetime:
        """Start of the first day, UTC."""
        return datetime.combine(self.first, time(), ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def dates(self) -> list[date]:
        return [self.first + timedelta(days=k) for k in range(self.kwh.shape[1])]

    def days(self, start: int, stop: int | None = None) -> Block:
        """The days `start` to before `stop`."""
        part, first = slice(start, stop), self.first + timedelta(days=start)
        return Block(self.meters, self.industries, self.usage_types, first, self.zone, self.kwh[:, part], self.faulty[:, part])

    def singles(self) -> Iterator[Block]:
        """A block per meter."""
        for k in range(len(self.meters)):
            one = slice(k, k + 1)
            named = (self.meters[one], self.industries[one], self.usage_types[one])
            yield Block(*named, self.first, self.zone, self.kwh[one], self.faulty[one])

    def readings(self) -> pl.DataFrame:
        """A row per interval, sorted by meter and time: `meter_id`, `timestamp` (start, UTC), `interval_s`, `kwh`, `label` 0 or 1."""
        each = self.kwh.shape[1] * self.kwh.shape[2]
        step = timedelta(seconds=self.interval_s)
        times = pl.datetime_range(self.midnight, self.midnight + (each - 1) * step, step, time_zone="UTC", eager=True)
        meter = pl.Series("meter_id", self.meters, dtype=pl.String).gather(np.repeat(np.arange(len(self.meters)), each))
        return pl.DataFrame(
            {
                "meter_id": meter,
                "timestamp": times.gather(np.tile(np.arange(each), len(self.meters))),
                "interval_s": pl.repeat(self.interval_s, len(meter), dtype=pl.Int32, eager=True),
                "kwh": pl.Series(self.kwh.ravel()).fill_nan(None),
                "label": pl.Series(self.faulty.ravel()).cast(pl.Int8),
            }
        )
