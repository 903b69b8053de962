"""Which months a night must visit: the day's own, and earlier ones whose inputs changed since they were made.

Only data counts here. Changed parameters or code make tables stale too, but what was said of past months changes
with them only when a person asks for it by a backfill.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ecoai_pipeline.detection.anomalies import anomalies_fingerprint
from ecoai_pipeline.detection.scoring import NoModelError, scores_fingerprint
from ecoai_pipeline.domain import (
    ANOMALIES,
    FEATURES,
    RAW_READINGS,
    SCORES,
    VALIDATED_READINGS,
    Industry,
    Month,
    MonthRange,
    Partition,
    Table,
)
from ecoai_pipeline.features.build import features_fingerprint
from ecoai_pipeline.quality.validate import validated_fingerprint
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.raw import raw_fingerprint
from ecoai_pipeline.storage.fingerprint import same_inputs
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry

_STAGES: tuple[tuple[Table, Callable[[Lake, Settings, Partition], str]], ...] = (
    (RAW_READINGS, raw_fingerprint),
    (VALIDATED_READINGS, validated_fingerprint),
    (FEATURES, features_fingerprint),
    (SCORES, scores_fingerprint),
    (ANOMALIES, anomalies_fingerprint),
)
ARRIVAL = (RAW_READINGS, VALIDATED_READINGS)
_TABLES = tuple(table for table, _ in _STAGES)


@dataclass(frozen=True)
class Unread:
    """Months with landed statements that raw readings do not hold yet, and a digest of those statements."""

    span: MonthRange
    digest: str


def late_months(lake: Lake, settings: Settings, industry: Industry, month: Month) -> list[MonthRange]:
    """The stale months that a night runs besides its own month, as ranges that hold no other month."""
    return MonthRange.consecutive(one for one in stale_months(lake, settings, industry) if one != month)


def stale_months(lake: Lake, settings: Settings, industry: Industry) -> list[Month]:
    """Months with a table whose inputs changed since it was made, from the first month that was ever scored on.

    Earlier months are history, for a backfill to open. A month without readings is never stale.
    """
    return sorted(stale_marks(lake, settings, industry))


def stale_marks(lake: Lake, settings: Settings, industry: Industry) -> dict[Month, str]:
    """The stale months, each with the fingerprint that its first stale table would have now."""
    scored = lake.months(SCORES, industry)
    known = [month for month in known_months(lake, industry) if scored and month >= scored[0]]
    marks = {month: _stale_mark(lake, settings, Partition(industry, month)) for month in known}
    return {month: mark for month, mark in marks.items() if mark}


def unread_months(lake: Lake, settings: Settings, industry: Industry) -> Unread | None:
    """Months whose raw or validated readings do not follow from what has landed; None where all do."""
    unread, marks = [], []
    for month in known_months(lake, industry, ARRIVAL):
        for table, wanted in _STAGES[: len(ARRIVAL)]:
            mark = wanted(lake, settings, Partition(industry, month))
            if not same_inputs(lake.info(table, Partition(industry, month)).fingerprint, mark):
                unread.append(month)
                marks.append(mark)
    if not unread:
        return None
    return Unread(MonthRange(min(unread), max(unread)), hashlib.sha256("".join(marks).encode()).hexdigest()[:16])


def known_months(lake: Lake, industry: Industry, tables: Sequence[Table] = _TABLES) -> list[Month]:
    """Months that the industry has readings of, as landed for the meters it has now, or that stand in a table from when it had.

    Where the last statement of a month was withdrawn, its tables are all that tells of it until they are made again.
    """
    registry = MeterRegistry(lake)
    read = {Month.parse(month): meters for month, meters in Landing(lake).book.readers().items() if meters}
    landed = {month for month, meters in read.items() if not registry.of(industry, month).keys().isdisjoint(meters)}
    return sorted(landed.union(*(lake.months(table, industry) for table in tables)))


def _stale_mark(lake: Lake, settings: Settings, partition: Partition) -> str | None:
    for table, wanted in _STAGES:
        try:
            mark = wanted(lake, settings, partition)
        except NoModelError:
            return None
        if not same_inputs(lake.info(table, partition).fingerprint, mark):
            return mark
    return None
