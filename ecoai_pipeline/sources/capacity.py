"""What a meter's connection can carry: held against its readings where it is known, inferred from them where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import polars as pl

from ecoai_pipeline.settings import SourceParams

IMPLAUSIBLE = 1.2
"""A reading above this multiple of what the connection can carry is not believed."""


class Weighing:
    """Counts readings above what a meter's connection can carry: many of them mean another unit."""

    def __init__(self) -> None:
        self._over: Counter[str] = Counter()
        self._measured: Counter[str] = Counter()

    def weigh(self, rows: pl.DataFrame, capacity_kw: Mapping[str, float]) -> None:
        """Count the readings (STATED_READINGS) of a month."""
        if not capacity_kw:
            return
        capacity = pl.col("meter_id").replace_strict(capacity_kw, default=None, return_dtype=pl.Float64)
        limit = capacity * pl.col("interval_s") / 3600 * IMPLAUSIBLE
        counts = rows.group_by("meter_id").agg(over=(pl.col("kwh") > limit).sum(), measured=pl.col("kwh").count())
        for name, above, measured in counts.iter_rows():
            self._over[name] += above
            self._measured[name] += measured

    def warnings(self) -> Iterator[str]:
        for name, over in sorted(self._over.items()):
            if over > self._measured[name] / 2:
                yield (
                    f"meter {name}: {over} of {self._measured[name]} readings exceed {IMPLAUSIBLE} times what its capacity allows: "
                    "implausible, perhaps the values are kW: use --unit kW"
                )


class Inference:
    """Supposes the capacity of connections that nobody has stated: a high quantile of the load of the month where it is highest.

    What is inferred is shown, and nothing is judged by it: readings would be measured against themselves.
    """

    def __init__(self, params: SourceParams) -> None:
        self._params = params
        self._highest: dict[str, float] = {}

    def look(self, rows: pl.DataFrame) -> None:
        """Take the readings (STATED_READINGS) of a month into account."""
        power = pl.col("kwh").abs() * 3600 / pl.col("interval_s")
        high = rows.group_by("meter_id").agg(power.quantile(self._params.capacity_quantile, "higher"))
        for name, kw in high.drop_nulls().iter_rows():
            self._highest[name] = max(self._highest.get(name, 0.0), kw)

    def capacity_kw(self, meter_id: str) -> float | None:
        """Inferred capacity, kW; none of a meter that never drew anything."""
        return round(self._highest.get(meter_id, 0.0) * self._params.capacity_margin, 3) or None
