"""How a file was understood, for a person to check before it is taken in: what each part of it was taken for, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.intake import Intake
from ecoai_pipeline.sources.layout import Layout, LongLayout
from ecoai_pipeline.sources.refusals import by_reason
from ecoai_pipeline.sources.wide import WideLayout

_SHOWN = 3  # readings at each end of the file


@dataclass(frozen=True)
class Reading:
    """A reading as it would be stored, and the zone in which people read its start."""

    meter_id: str
    start: datetime
    zone: str
    interval_s: int
    kwh: float | None
    quality: str


@dataclass(frozen=True)
class ZoneUsed:
    """The zone of the stamps of some meters, and who names it."""

    zone: str
    origin: str
    meters: int


@dataclass(frozen=True)
class Understanding:
    """How a file is read.

    Attributes:
        about: the source in words.
        encoding, delimiter, header_line: of a text; None of other files. The first line is 1.
        columns: what each used column means, by its name; `unused` are the others.
        dates: the form of the times as `format=` in a mapping takes it, such as `%d.%m.%Y` or `epoch`; `typed` where the file
            stores times; None where the source fixes it.
        decimal: the decimal sign; None where the file stores numbers, or no text has a sign.
        stamp: whether a time is the start or the end of its interval.
        intervals_s: readings by the length of their interval, seconds.
        first, last: the first and the last readings, of each meter in order.
        reasons: refused rows by their reason.
    """

    file: str
    source: str
    about: str
    encoding: str | None
    delimiter: str | None
    header_line: int | None
    columns: Mapping[str, str]
    unused: tuple[str, ...]
    dates: str | None
    decimal: str | None
    stamp: str
    unit: str
    intervals_s: Mapping[int, int]
    zones: tuple[ZoneUsed, ...]
    meters: tuple[str, ...]
    accepted: int
    reasons: Mapping[str, int]
    first: tuple[Reading, ...]
    last: tuple[Reading, ...]


@dataclass
class Ends:
    """The first and the last readings of a file, and how many have which interval, gathered month by month."""

    first: pl.DataFrame | None = None
    last: pl.DataFrame | None = None
    intervals_s: dict[int, int] = field(default_factory=dict)

    def look(self, rows: pl.DataFrame) -> None:
        """Look at some readings (STATED_READINGS)."""
        kept = rows.select("timestamp", "meter_id", "interval_s", "kwh", "quality")
        at = pl.col("timestamp")
        first = pl.concat([part for part in (self.first, kept.filter(at <= at.bottom_k(_SHOWN).max())) if part is not None])
        self.first = first.sort("timestamp", "meter_id").head(_SHOWN)
        last = pl.concat([part for part in (self.last, kept.filter(at >= at.top_k(_SHOWN).min())) if part is not None])
        self.last = last.sort("timestamp", "meter_id").tail(_SHOWN)
        for seconds, count in rows["interval_s"].value_counts().iter_rows():
            self.intervals_s[seconds] = self.intervals_s.get(seconds, 0) + count


def understood(intake: Intake, ends: Ends) -> Understanding:
    """What was made of a file that has been read."""
    prepared = intake.prepared
    opened, layout, traits = prepared.opened, prepared.layout, prepared.traits
    header_line = getattr(opened, "header_line", None)
    return Understanding(
        file=opened.file,
        source=prepared.source.name,
        about=prepared.source.about,
        encoding=getattr(opened, "encoding", None),
        delimiter=opened.delimiter if header_line is not None else None,
        header_line=header_line,
        columns=_columns(layout),
        unused=traits.unmapped,
        dates=_dates(opened, layout),
        decimal=intake.decimal,
        stamp="end" if traits.ends else "start",
        unit=traits.unit.value,
        intervals_s=dict(sorted(ends.intervals_s.items(), key=lambda one: -one[1])),
        zones=_zones(intake),
        meters=tuple(intake.all_meters),
        accepted=intake.accepted,
        reasons=by_reason(intake.refused),
        first=_readings(ends.first, intake.zones),
        last=_readings(ends.last, intake.zones),
    )


def _dates(opened: OpenFile, layout: Layout) -> str | None:
    if not isinstance(layout, LongLayout | WideLayout):
        return None
    column = layout.mapping.timestamp if isinstance(layout, LongLayout) else layout.date
    return "typed" if column in opened.timed else layout.form.name


def _columns(layout: object) -> dict[str, str]:
    """What the columns of a long table mean; other formats have columns of their own."""
    if not isinstance(layout, LongLayout):
        return {}
    told = layout.mapping.model_dump(exclude={"weather"})
    names = ("meter", "timestamp", "interval", "quality", "kwh", "rule", "label")  # codes of quality may follow the values
    used = {str(told[name]): name for name in names if told.get(name)}
    return used | {column: name for name, column in layout.mapping.weather.items()}


def _zones(intake: Intake) -> tuple[ZoneUsed, ...]:
    """By which zone the stamps of how many meters were read, and who named it, in the order in which one wins over the other."""
    traits, counts = intake.prepared.traits, dict[tuple[str, str], int]()
    for meter in intake.all_meters:
        named = [
            (intake.options.zone, "named by --zone"),
            (traits.stamp_zone, "named by the file"),
            (intake.registry.home_zone(meter), "named by the meter registry"),
            (traits.zones.get(meter), "named by the file"),
            (traits.zone, "known of this format"),
            (intake.settings.time_zone, "the default, as nothing names one: give --zone if it is another"),
        ]
        key = next((zone, origin) for zone, origin in named if zone)
        counts[key] = counts.get(key, 0) + 1
    return tuple(ZoneUsed(zone, origin, count) for (zone, origin), count in counts.items())


def _readings(rows: pl.DataFrame | None, zones: Mapping[str, str]) -> tuple[Reading, ...]:
    if rows is None:
        return ()
    return tuple(
        Reading(row["meter_id"], row["timestamp"], zones[row["meter_id"]], row["interval_s"], row["kwh"], row["quality"])
        for row in rows.iter_rows(named=True)
    )
