"""Which industry a file says a meter is in, month by month, against what the registry knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from ecoai_pipeline.domain import Industry, Month
from ecoai_pipeline.storage.registry import MeterRegistry

Said = tuple[Industry, Industry]


@dataclass
class Ruling:
    """What holds of one meter: the registry rows that the file adds, and the months in which it contradicts the registry."""

    rows: list[tuple[date, Industry]] = field(default_factory=list)
    refused: set[Month] = field(default_factory=set)


def said_by_lines(claims: pl.DataFrame) -> dict[str, dict[Month, Said]]:
    """Per meter and month the industry on its first and on its last date, from lines (line, meter, date, industry)."""
    month = pl.col("date").dt.strftime("%Y-%m")
    ends = (
        claims.sort("meter", "date", "line")
        .group_by("meter", month.alias("month"), maintain_order=True)
        .agg(pl.col("industry").first().alias("first"), pl.col("industry").last().alias("last"))
    )
    said: dict[str, dict[Month, Said]] = {}
    for meter, text, first, last in ends.iter_rows():
        said.setdefault(meter, {})[Month(int(text[:4]), int(text[5:]))] = (Industry(first), Industry(last))
    return said


def rule(meter_id: str, said: Mapping[Month, Said], registry: MeterRegistry, since: date) -> Ruling:
    """Compare what a file says of a meter's industry with the registry.

    A change that the file itself shows applies from the next month. A month in which the file says another industry
    than the registry, without having agreed with it before, is refused. `since` is the first day of a row of an unknown meter.
    """
    ruling, agreed = Ruling(), False
    for month, (first, last) in sorted(said.items()):
        now = _in_force(meter_id, month, ruling, registry)
        if now is None:
            ruling.rows.append((since, first))
        elif agreed and first not in (now, _in_force(meter_id, month.next, ruling, registry)):
            ruling.rows.append((month.first_day, first))
        elif first not in (now, _in_force(meter_id, month.next, ruling, registry)):
            ruling.refused.add(month)
            continue
        agreed = True
        if last != first and _in_force(meter_id, month.next, ruling, registry) != last:
            ruling.rows.append((month.next.first_day, last))
    return ruling


def _in_force(meter_id: str, month: Month, ruling: Ruling, registry: MeterRegistry) -> Industry | None:
    """The industry in a month: the newer one of what the registry and the file have said until then."""
    known = registry.at(meter_id, month)
    added = [row for row in ruling.rows if row[0] <= month.first_day]
    if added and (known is None or added[-1][0] >= known.valid_from):
        return added[-1][1]
    return known.industry if known else None
