"""Meters whose values only rise: what a register of a meter shows, and the energy of intervals never does for long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

FEWEST = 24
"""Readings that rise by chance: for noisy energy the chance is 1 in 24 factorial; a plant that starts slowly is recognised by its level."""
RISING_SHARE = 0.25
"""Of the readings that are above the one before; a coarse register shows the same number for some intervals."""
LARGEST_SHARE = 0.5
"""A register is far above what it rises by in a file; a start of a plant rises by more than this share of its first value."""
LONG = timedelta(hours=36)
"""No load rises through an evening and all of the night and day around it. The register of a new meter does, and it begins at 0."""


class _Course(NamedTuple):
    """The values of a meter from one moment to another."""

    readings: int
    rises: int
    falls: int
    first: float
    last: float
    start: datetime
    end: datetime

    def before(self, later: _Course) -> _Course:
        rise, fall = later.first > self.last, later.first < self.last
        counts = (self.readings + later.readings, self.rises + later.rises + rise, self.falls + later.falls + fall)
        return _Course(*counts, self.first, later.last, self.start, later.end)

    @property
    def is_register(self) -> bool:
        only_rises = self.readings >= FEWEST and not self.falls and self.rises > RISING_SHARE * self.readings
        return only_rises and (self.last - self.first <= LARGEST_SHARE * self.first or self.end - self.start >= LONG)


class Rising:
    """Looks for registers among readings that are taken for energy."""

    def __init__(self) -> None:
        self._courses: dict[str, _Course] = {}

    def look(self, rows: pl.DataFrame) -> None:
        """Take the readings (STATED_READINGS) of a month into account; the months of a meter come latest first."""
        step = pl.when(pl.col("meter_id") == pl.col("meter_id").shift(1)).then(pl.col("kwh") - pl.col("kwh").shift(1))
        ordered = rows.drop_nulls("kwh").sort("meter_id", "timestamp", maintain_order=True).with_columns(step=step)
        kwh, at = pl.col("kwh"), pl.col("timestamp")
        found = ordered.group_by("meter_id").agg(
            readings=pl.len(),
            rises=(pl.col("step") > 0).sum(),
            falls=(pl.col("step") < 0).sum(),
            first=kwh.first(),
            last=kwh.last(),
            start=at.first(),
            end=at.last(),
        )
        for name, *values in found.iter_rows():
            course, later = _Course(*values), self._courses.get(name)
            self._courses[name] = course.before(later) if later else course

    def warnings(self, columns: str) -> Iterator[str]:
        """Doubts about meters; `columns` is the mapping of the file as text."""
        for name, course in sorted(self._courses.items()):
            if course.is_register:
                yield (
                    f"meter {name}: its {course.readings} values only rise, from {course.first:,.10g} to {course.last:,.10g}: "
                    "they look like readings of a register, not like energy; "
                    f"if so, withdraw the file and ingest it with --columns {columns},register=true"
                )
