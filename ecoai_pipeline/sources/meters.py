"""What is known of meters: their registry rows, the statements about them, and from when to when they have readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ecoai_pipeline.domain import RAW_READINGS, Meter
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement
from ecoai_pipeline.storage.registry import MeterRegistry


@dataclass(frozen=True)
class KnownMeter:
    """A meter as it is known now.

    Attributes:
        rows: of the registry, by the day from which they hold.
        statements: in force that have readings of it.
        readings: raw readings of the lake; `first` and `last` are the starts of the first and the last one, UTC.
        intervals_s: lengths of its readings, most frequent first, seconds.
    """

    meter_id: str
    rows: tuple[Meter, ...]
    statements: int
    readings: int
    first: datetime | None
    last: datetime | None
    intervals_s: tuple[int, ...]

    @property
    def newest(self) -> Meter:
        return self.rows[-1]


def known_meters(lake: Lake, only: Sequence[str] | None = None) -> list[KnownMeter]:
    """All meters of the registry, or some of them, in order of their ids.

    Raises:
        ValueError: one of `only` is unknown.
    """
    registry = MeterRegistry(lake)
    unknown = [name for name in only or () if name not in registry]
    if unknown:
        raise ValueError(f"meter {unknown[0]!r} is unknown; `ecoai meters list` shows those that are known")
    names = sorted(only) if only is not None else list(registry)
    read, counts = _read(lake, only), Counter(name for one in Landing(lake).in_force() for name in one.meters)
    return [KnownMeter(name, tuple(registry.rows(name)), counts[name], *read.get(name, (0, None, None, ()))) for name in names]


def statements_of(lake: Lake, meter_id: str) -> list[Statement]:
    """Statements in force that have readings of a meter, in order of receipt."""
    return [one for one in Landing(lake).in_force() if meter_id in one.meters]


def _read(lake: Lake, only: Sequence[str] | None) -> dict[str, tuple[int, datetime, datetime, tuple[int, ...]]]:
    readings = lake.scan(RAW_READINGS, lake.partitions(RAW_READINGS), only)
    interval = pl.col("interval_s").value_counts(sort=True).struct.field("interval_s")
    rows = readings.group_by("meter_id").agg(pl.len(), pl.col("timestamp").min().alias("first"), pl.col("timestamp").max(), interval)
    return {name: (count, first, last, tuple(lengths)) for name, count, first, last, lengths in rows.collect().iter_rows()}
