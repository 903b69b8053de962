"""Wide tables: a line per meter and day, a column per interval of the day, named by its time or its number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from ecoai_pipeline.domain import Industry, UsageType
from ecoai_pipeline.sources.around import named_meter, named_unit
from ecoai_pipeline.sources.directions import two_directions
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.index_columns import row_numbers
from ecoai_pipeline.sources.layout import Layout, Traits, column_form, require_columns, show_header, stem_of
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.stamps import StampForm
from ecoai_pipeline.sources.units import Unit
from ecoai_pipeline.sources.vocabulary import Role, columns_of, meters_of

_DAY_MINUTES = 1440
_FEWEST = 23
_CLOCK = re.compile(r"(?i)(\D*?)(\d{1,2})[:.h]?([0-5]\d)(?::00)?(?:\s*[-–]\s*\d{1,2}[:.]?\d{2}(?::00)?)?(\D*)")
_NUMBERED = re.compile(r"(\D*?)(\d{1,4})(\D*)")
_HALF_DAY = re.compile(r"(?i)(\D*?)(1[0-2]|0?[1-9])(?:[:.]([0-5]\d)(?::00)?)?\s*([ap])\.?m\.?(\D*)")
_CHANGE_HOURS = (25, 23)
"""Hours of the days on which clocks change."""
_HOURS = (24, *_CHANGE_HOURS)


class DayColumns(NamedTuple):
    """The columns of the intervals of a day, in its order, and their length in seconds."""

    names: tuple[str, ...]
    interval_s: int
    elapsed: bool = False  # numbers count the time that passes, also where clocks change; those behind the end of a day are empty


def day_columns(header: Sequence[str]) -> DayColumns | None:
    """The interval columns of a header: named by the start or the end of the interval, or by its number; None where there are none.

    A first column of 00:00 means starts; ends run to 24:00, or to a last column of 00:00.

    >>> day_columns(["date", *(f"{h:02d}:{m}" for h in range(24) for m in ("00", "30"))]).interval_s
    1800
    >>> day_columns(["date", *(f"HH{n}" for n in range(1, 49))]).names[0], day_columns(["date", "1", "2"])
    ('HH1', None)
    """
    return _by_clock(header) or _by_number(header)


def _by_clock(header: Sequence[str]) -> DayColumns | None:
    marked = [(name, *clock) for name in header if (clock := _clock_of(name.strip()))]
    for group in _alike(marked):
        minutes = [minute for _, minute in group]
        if minutes[-1] == 0:
            minutes[-1] = _DAY_MINUTES
        step = max(1, _DAY_MINUTES // len(minutes))
        if minutes in (list(range(0, _DAY_MINUTES, step)), list(range(step, _DAY_MINUTES + 1, step))):
            return DayColumns(tuple(name for name, _ in group), 60 * step)
    return None


def _clock_of(name: str) -> tuple[str, int] | None:
    """What stands around the time in a name, and its minute of the day: `1:15 PM`, `00:15`, `15` and `2400` of minutes."""
    if half := _HALF_DAY.fullmatch(name):
        hour = int(half[2]) % 12 + (12 if half[4].lower() == "p" else 0)
        return half[1] + half[5], 60 * hour + int(half[3] or 0)
    match = _CLOCK.fullmatch(name.zfill(4) if name.isdecimal() else name)
    return (match[1] + match[4], 60 * int(match[2]) + int(match[3])) if match else None


def _by_number(header: Sequence[str]) -> DayColumns | None:
    found = ((name, _NUMBERED.fullmatch(name.strip())) for name in header)
    for group in _alike([(name, match[1] + match[3], int(match[2])) for name, match in found if match]):
        numbers = [number for _, number in group]
        if numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1))):
            hours = next((hours for hours in _CHANGE_HOURS if len(numbers) % hours == 0 and 60 % (len(numbers) // hours) == 0), 24)
            return DayColumns(tuple(name for name, _ in group), 3600 * hours // len(numbers), hours != 24)
    return None


def _alike(marked: Iterable[tuple[str, str, int]]) -> list[list[tuple[str, int]]]:
    """Groups of columns whose names differ in their number alone, of as many columns as divide a day into whole minutes."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for name, rest, number in marked:
        groups.setdefault(rest.lower(), []).append((name, number))
    return [group for group in groups.values() if len(group) >= _FEWEST and any(60 * hours % len(group) == 0 for hours in _HOURS)]


@dataclass(frozen=True)
class WideLayout:
    """A day per line, `cells` in the order of the day; without a column `meter` the file's name, `stem`, is the meter.

    A line that is refused is refused reading by reading, so that the balance counts readings.
    """

    header: tuple[str, ...]
    cells: tuple[str, ...]
    meter: str | None
    date: str
    form: StampForm
    industry: str | None
    usage: str | None
    interval_s: int
    traits: Traits
    stem: str = ""
    industry_told: bool = False  # the sender says the industry: one that is unknown in the file is no fault

    @property
    def named_by_file(self) -> bool:
        return self.meter is None

    @property
    def needed(self) -> Sequence[int]:
        return [self.header.index(name) for name in (self.meter, self.date, *self.cells, self.industry, self.usage) if name]

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        places = [self.header.index(name) for name in self.cells]
        day = self._days(rows)
        wide = rows.select(
            "line",
            meter=self._meter(),
            day=day,
            value=pl.col("fields").list.gather(places),
            reason=pl.lit(None, pl.String) if self.industry is None or self.industry_told else self._unknown_industry(rows),
        )
        cell = pl.lit(pl.Series("cell", np.tile(np.arange(len(self.cells), dtype=np.int32), rows.height)))
        value = pl.col("value").str.strip_chars()
        return wide.explode("value").select(
            "line",
            cell,
            pl.col("value").alias("text"),
            "meter",
            local=pl.col("day") + pl.duration(seconds=cell.cast(pl.Int64) * self.interval_s),
            utc=pl.lit(None, pl.Datetime("us", "UTC")),
            value=value,
            label=pl.lit(None, pl.String),
            reason=pl.col("reason"),
            passed_s=cell.cast(pl.Int64) * self.interval_s,
        )

    def claims(self, rows: pl.DataFrame) -> pl.DataFrame | None:
        if self.industry is None:
            return None
        day = self._days(rows).dt.date()
        usage = self._parsed(rows, self.usage, UsageType) if self.usage else pl.lit(None, pl.String)
        text = self._field(self.usage) if self.usage else pl.lit("")
        said = rows.select(
            "line",
            meter=self._meter(),
            date=day,
            industry=self._parsed(rows, self.industry, Industry),
            usage=usage,
            unknown_usage=pl.when(usage.is_null() & (text != "")).then(text),
        )
        return said.drop_nulls(["meter", "date"] if self.industry_told else ["meter", "date", "industry"])

    def _meter(self) -> pl.Expr:
        return self._field(self.meter) if self.meter else pl.lit(self.stem, pl.String)

    def _unknown_industry(self, rows: pl.DataFrame) -> pl.Expr:
        known = self._parsed(rows, self.industry or "", Industry)
        return pl.when(known.is_null()).then(pl.lit(Reason.UNKNOWN_INDUSTRY.value))

    def _parsed(self, rows: pl.DataFrame, column: str, words: type[Industry] | type[UsageType]) -> pl.Expr:
        texts = rows.select(self._field(column)).to_series().unique().drop_nulls().to_list()
        known = {text: word for text in texts if (word := _parse(words, text))}
        return self._field(column).replace_strict(known, default=None, return_dtype=pl.String)

    def _days(self, rows: pl.DataFrame) -> pl.Series:
        return self.form.days(rows.select(self._field(self.date)).to_series())

    def _field(self, column: str) -> pl.Expr:
        return pl.col("fields").list.get(self.header.index(column)).str.strip_chars()


class Wide:
    """Any wide table with a column of days; `kepco` is one with columns of its own besides."""

    name = "wide"
    about = "wide table: a line per day, a column per interval (00:30 … 24:00, 12:00 AM …, HH1 … HH48, H01 … H25, 1 … 96, T0015 …)"

    def recognises(self, header: Sequence[str]) -> bool:
        cells = day_columns(header)
        return cells is not None and bool(_dates(header, cells))

    def layout(self, opened: OpenFile) -> Layout:
        """
        Raises:
            IngestError: there are no interval columns, several columns may be the day or the meter, or the unit is not known.
        """
        cells = day_columns(opened.header)
        if cells is None:
            raise IngestError(opened.file, f"it has no column per interval of a day: {show_header(opened.header)}; leave --source out")
        keys = [name for name in opened.header if name not in cells.names]
        meters = meters_of([name for name in keys if name not in row_numbers(opened)])
        dates = _dates(opened.header, cells)
        for what, names, least in (("day", dates, 1), ("meter", meters, 0)):
            if not least <= len(names) <= 1:
                shown = " or ".join(map(repr, names)) or "no column"
                raise IngestError(opened.file, f"its {what} may be in {shown}; keep one column for it, or rename it to `date` or `meter`")
        meter, date = (meters[0] if meters else None), dates[0]
        used = {meter, date, *cells.names}
        require_columns(opened, [name for name in used if name])
        if found := two_directions(opened, [name for name in used if name], meter):
            raise IngestError(opened.file, f"{found[1]}; divide the file by {found[0]!r}, or keep the rows of one")
        traits = Traits(
            unit=named_unit(opened, cells.names[0], in_rows=False) or Unit.KWH,
            interval_s=cells.interval_s,
            fixed_interval=True,
            elapsed=cells.elapsed,
            unmapped=tuple(name for name in opened.header if name not in used),
        )
        form, stem, length = column_form(opened, date), named_meter(opened) or stem_of(opened.file), cells.interval_s
        return WideLayout(opened.header, cells.names, meter, date, form, None, None, length, traits, stem)


def _dates(header: Sequence[str], cells: DayColumns) -> list[str]:
    keys = [name for name in header if name not in cells.names]
    return columns_of(keys, Role.DATE) or columns_of(keys, Role.STAMP)


def _parse(words: type[Industry] | type[UsageType], text: str) -> str | None:
    try:
        return words.parse(text).value
    except ValueError:
        return None
