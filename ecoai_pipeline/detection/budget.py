"""Alarms against the budget: how many events a month has, how many the budget lets it have, and since when it has too many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from ecoai_pipeline.domain import ANOMALIES, SCORES, Category, Month, Partition
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake

_MONTH_S = 30 * 86_400  # the budget's month
_TIMES = 3  # real events come on top of the budget, which is for false ones
_MONTHS_BACK = 12


@dataclass(frozen=True)
class BudgetUse:
    """Energy events of a partition beside the budget.

    Attributes:
        meter_months: scored time of all meters in months of 30 days; the running month counts as far as it has come.
        expected: events that the budget allows in that time.
        first, last: days of the first and the last scored interval, UTC.
    """

    partition: Partition
    alarms: int
    meter_months: float
    budget: float
    first: date
    last: date

    @property
    def expected(self) -> float:
        return self.budget * self.meter_months

    @property
    def limit(self) -> float:
        """Events up to which the check passes: three times the expected ones, and three in a month that has just begun."""
        return _TIMES * max(1.0, self.expected)

    @property
    def over(self) -> bool:
        return self.alarms > self.limit


def budget_use(lake: Lake, settings: Settings, partition: Partition) -> BudgetUse | None:
    """The events of a partition beside the budget; None where nothing is scored."""
    day = pl.col("timestamp").dt.date()
    scored = lake.scan(SCORES, partition).select(seconds=pl.col("interval_s").cast(pl.Int64).sum(), first=day.min(), last=day.max())
    seconds, first, last = scored.collect().row(0)
    if first is None:
        return None
    energy = pl.col("category") == Category.ENERGY
    alarms = lake.scan(ANOMALIES, partition).select(energy.sum()).collect().item()
    return BudgetUse(partition, alarms, seconds / _MONTH_S, settings.detection.budget_per_meter_month, first, last)


def over_since(lake: Lake, settings: Settings, use: BudgetUse) -> Month | None:
    """The first of the months on end, at most a year, in which an industry exceeds its budget; None where it does not."""
    since = None
    found: BudgetUse | None = use
    for _ in range(_MONTHS_BACK):
        if found is None or not found.over:
            break
        since = found.partition.month
        found = budget_use(lake, settings, Partition(use.partition.industry, since.previous))
    return since
