"""Several tables one below the other in one file: exports that were joined, and blocks of a meter each below lines that name it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from ecoai_pipeline.sources.around import named_meter, named_unit, says_more, unit_column
from ecoai_pipeline.sources.by_name import understand
from ecoai_pipeline.sources.cells import without_marks
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.header import begins_table, is_units, names_of
from ecoai_pipeline.sources.layout import Layout, LongLayout, Traits, long_layout, mapped_columns, show_header, times_of
from ecoai_pipeline.sources.mapping import FILE_STEM
from ecoai_pipeline.sources.ragged import Fitted, fitted
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.stamps import StampForm, form_of
from ecoai_pipeline.sources.text import SAMPLE_LINES, Block, DelimitedText
from ecoai_pipeline.sources.units import Unit, with_factors
from ecoai_pipeline.sources.vocabulary import is_for_notes
from ecoai_pipeline.sources.wide import WideLayout

_MOST_AROUND = 20
"""Lines about the next table that may stand above its rows."""
_AT_ONCE = 200_000
"""Readings; a block of a wide file holds millions of them."""
_WINDOW = 1_000
"""Rows that are read at once where tables are short: what lies below the next header is read again with it."""
_SHOWN, _NAMES = 3, 6


@dataclass(frozen=True)
class Table:
    """A table of a file: the names of its columns, how its rows become readings, and the unit that the file gives for them."""

    header: tuple[str, ...]
    layout: Layout
    unit: Unit | None = None
    meter: str | None = None

    def fitted(self, rows: pl.DataFrame, *, may_be_parted: bool) -> Fitted:
        """Rows that can be read, with as many fields as the header; rows that come in columns are whole.

        Args:
            may_be_parted: a decimal comma may have parted values: fields end at commas, and the sender states no decimal point.
        """
        if "fields" not in rows.columns:
            return Fitted(rows, rows.clear())
        cells = self.layout.cells
        value = self.header.index(cells[0]) if len(cells) == 1 and cells[0] in self.header else None
        after = self.header[value + 1] if value is not None and value + 1 < len(self.header) else None
        is_note = after is not None and may_be_parted and is_for_notes(after)
        return fitted(rows, len(self.header), self.layout.needed, value, note_after=is_note)

    def rough(self, rows: pl.DataFrame, unit: Unit, missing: Sequence[str]) -> pl.DataFrame:
        """The rough readings of rows, those of another unit than the file's with what makes kWh of them.

        Values that are `missing` become empty.
        """
        rough = self.layout.rough(rows)
        if missing:
            rough = rough.with_columns(value=without_marks(pl.col("value"), missing))
        if self.unit is None or self.unit is unit:
            return rough
        return with_factors(rough, {"per_kwh": pl.lit(1 / self.unit.kwh), "power": pl.lit(self.unit.is_power)})


class Piece(NamedTuple):
    """Some rows of one table, the rough readings of them, and rows that do not fit the header."""

    table: Table
    rows: pl.DataFrame
    rough: pl.DataFrame
    torn: pl.DataFrame


@dataclass(frozen=True)
class _Lines:
    """What an open file shows of one of its further tables."""

    file: str
    header: tuple[str, ...]
    delimiter: str
    sample: pl.DataFrame
    above: tuple[tuple[str, ...], ...]
    below: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()
    timed: frozenset[str] = frozenset()
    has_readings: bool = True

    def blocks(self, block_bytes: int) -> Iterator[Block]:  # noqa: ARG002 - no more than the sample is known
        yield Block(self.sample, 1.0)


class Tables:
    """Takes the rows of a file to the table they belong to, in one pass.

    A row whose time cannot be read and that names columns begins the next table; its columns may be others, in another order or unit.

    Args:
        opened, layout: the file and the layout of its first table.
        traits: what holds for the file; rows that say no unit are in that of it.
        unit_stated: the sender says the unit of all rows.
        columns_stated: the sender says the columns of all tables.
    """

    def __init__(self, opened: OpenFile, layout: Layout, traits: Traits, *, unit_stated: bool, columns_stated: bool) -> None:
        self._opened, self._unit, self._unit_stated, self._columns_stated = opened, traits.unit, unit_stated, columns_stated
        self._missing = traits.missing
        self._may_be_parted = isinstance(opened, DelimitedText) and opened.delimiter == "," and traits.decimal != "."
        meter = named_meter(opened)
        self._first = Table(opened.header, layout, meter=meter if meter and of_meter(layout, meter) == layout else None)
        self.begin()

    def begin(self) -> None:
        """Go back to the top of the file."""
        self._table = self._first
        self._kept: pl.DataFrame | None = None
        self._window = _AT_ONCE
        self.repeated: list[int] = []
        self.further: list[tuple[int, Table]] = []

    def pieces(self, rows: pl.DataFrame) -> Iterator[Piece]:
        """The rows of a block by table; lines at its end that announce a table wait for the next block."""
        for part in rows.iter_slices(max(1, _AT_ONCE // len(self._table.layout.cells))):
            yield from self._pieces(part if self._kept is None else pl.concat([self._kept, part]), last=False)

    def end(self) -> Iterator[Piece]:
        """What waits still."""
        if self._kept is not None:
            yield from self._pieces(self._kept, last=True)

    def notes(self) -> Iterator[str]:
        """What the sender should know of the tables."""
        if self.repeated:
            lines = ", ".join(map(str, self.repeated[:_SHOWN]))
            more = ", …" if len(self.repeated) > _SHOWN else ""
            yield f"the header stands again in {len(self.repeated)} lines, which were skipped: {lines}{more}"
        if self.further:
            shown = [f"at line {line} ({', '.join(table.header[:_NAMES])}{_about(table)})" for line, table in self.further[:_SHOWN]]
            more = ", …" if len(self.further) > _SHOWN else ""
            yield f"the file holds {len(self.further) + 1} tables, one below the other; the others begin {', '.join(shown)}{more}"

    def _pieces(self, rows: pl.DataFrame, *, last: bool) -> Iterator[Piece]:
        self._kept = None
        while rows.height:
            part = rows.head(self._window)
            piece = self._piece(part)
            found = self._next_table(rows, part, piece)
            if found is None:
                yield piece
                rows, self._window = rows[part.height :], min(_AT_ONCE, 2 * self._window)
                continue
            start, stop, names = found
            self._window = max(_WINDOW, 2 * start)
            if stop == rows.height and not last and stop - start < _MOST_AROUND:
                self._kept = rows[start:]
                if start:
                    yield self._piece(rows[:start])
                return
            if start:
                yield self._piece(rows[:start])
            self._change(rows[start:stop], names - start if names is not None else None, rows[stop:])
            rows = rows[stop:]

    def _piece(self, rows: pl.DataFrame) -> Piece:
        whole, torn = self._table.fitted(rows, may_be_parted=self._may_be_parted)
        return Piece(self._table, whole, self._table.rough(whole, self._unit, self._missing), torn)

    def _next_table(self, rows: pl.DataFrame, part: pl.DataFrame, piece: Piece) -> tuple[int, int, int | None] | None:
        """The first run of lines that announces a table: the places of its first line, of the row below it, and of the names, if any.

        Only rows without a time that can be read are looked at, so that a plain file takes no time.
        """
        if "fields" not in rows.columns:
            return None
        timeless = piece.rough.filter(pl.col("local").is_null() & pl.col("utc").is_null())["line"]
        lines = {*timeless, *piece.torn["line"]}
        if not lines:
            return None
        places = part.with_row_index("at").filter(pl.col("line").is_in(lines))["at"].to_list()
        return next((run for at in places if (run := self._run(rows, at))), None)

    def _run(self, rows: pl.DataFrame, at: int) -> tuple[int, int, int | None] | None:
        """The lines from a place on that are about the table below them."""
        names, stop = None, at
        for fields in rows["fields"][at : at + _MOST_AROUND].to_list():
            if names is None and begins_table(fields, self._table.header):
                names = stop
            elif not (is_units(fields) if names is not None else says_more(fields)):
                break
            stop += 1
        if stop == at:
            return None
        return (at, stop, names) if names is not None or self._names_meter(rows["fields"][at:stop].to_list()) else None

    def _names_meter(self, above: Sequence[Sequence[str]]) -> bool:
        return self._meter_of(self._lines(self._table.header, above, (), self._opened.sample)) is not None

    def _meter_of(self, lines: _Lines) -> str | None:
        """The meter that lines above a further table name; None where the rows or the sender name meters."""
        return named_meter(lines) if self._first.layout.named_by_file or self._first.meter else None

    def _change(self, run: pl.DataFrame, names: int | None, rows: pl.DataFrame) -> None:
        """Go on with the table that a run of lines announces."""
        fields = run["fields"].to_list()
        header = names_of(fields[names]) if names is not None else self._table.header
        above = fields[:names] if names is not None else fields
        line = int(run["line"][names or 0])
        below = tuple(tuple(row) for row in fields[names + 1 :]) if names is not None else ()
        if names is not None and not above and header == self._table.header and below in ((), self._opened.below):
            self.repeated.append(line)
            return
        lines = self._lines(header, above, below, rows.head(SAMPLE_LINES))
        try:
            self._table = self._next(lines)
        except IngestError as error:
            reason = str(error).removeprefix(f"{error.file}: ")
            message = f"line {line} begins another table, with {show_header(header)}: {reason}; divide the file there, or correct the line"
            raise IngestError(self._opened.file, message) from None
        self.further.append((line, self._table))

    def _lines(self, header: Sequence[str], above: Sequence[Sequence[str]], below: Sequence[Sequence[str]], sample: pl.DataFrame) -> _Lines:
        rows = tuple(tuple(row) for row in above), tuple(tuple(row) for row in below)
        return _Lines(self._opened.file, tuple(header), self._opened.delimiter, sample, *rows)

    def _next(self, lines: _Lines) -> Table:
        """The table of a further header, read like the one above it as far as nothing else is said.

        Raises:
            IngestError: it cannot be read together with the first one.
        """
        layout = self._layout(lines)
        meter = self._meter_of(lines) or self._table.meter
        if meter is not None:
            layout = of_meter(layout, meter)
        if layout.traits.ends is not self._first.layout.traits.ends:
            raise IngestError(lines.file, "its times are the ends of intervals and those above are the starts, or the reverse")
        if layout.traits.stamp_zone not in (None, self._first.layout.traits.stamp_zone):
            raise IngestError(lines.file, f"its times are in the zone {layout.traits.stamp_zone}, those above are not")
        unit = self._unit if self._unit_stated else self._unit_of(lines, layout)
        if isinstance(layout, LongLayout):
            layout = replace(layout, traits=replace(layout.traits, unit=unit or self._unit))
        return Table(lines.header, layout, unit, meter)

    def _unit_of(self, lines: _Lines, layout: Layout) -> Unit | None:
        """The unit of a table that names one; where the sender states columns, it can be no other than that of the first table."""
        column, above = layout.cells[0], self._table.layout.cells[0]
        first = named_unit(self._opened, self._first.layout.cells[0]) or Unit.KWH
        unit = named_unit(lines, column)
        if unit is None and column != above and (self._table.unit or first) is not Unit.KWH:
            raise IngestError(lines.file, f"no unit of {column!r} is named; {above!r} above it is in {self._table.unit or first}")
        unit = unit or self._table.unit or first
        if self._columns_stated and unit is not first:
            raise IngestError(lines.file, f"its unit is {unit}, that of the first table is {first}")
        return None if self._columns_stated else unit

    def _layout(self, lines: _Lines) -> Layout:
        current = self._table.layout
        if lines.header == self._table.header:
            return current
        if isinstance(current, WideLayout) and set(lines.header) == set(self._table.header):
            return replace(current, header=lines.header)
        if not isinstance(current, LongLayout):
            raise IngestError(lines.file, "its columns are others")
        mapping = current.mapping
        if not set(mapped_columns(mapping, self._table.header)) <= set(lines.header):
            understood = understand(lines.header)
            if self._columns_stated or understood.mapping is None:
                raise IngestError(lines.file, understood.trouble or "it lacks columns that were stated")
            mapping = understood.mapping
            if "meter" not in mapping.model_fields_set and not (current.named_by_file or self._table.meter):
                raise IngestError(lines.file, "no column of it is named like a meter")
        stated = {"format": mapping.format or current.form.name, "unit": Unit.KWH, "zone": current.mapping.zone}
        plain = long_layout(lines, mapping.model_copy(update=stated))
        units = None if self._unit_stated or current.mapping is mapping else unit_column(lines.header)
        return replace(plain, form=_form(lines, current, mapping.timestamp), stem=current.stem, units=units)


def _form(lines: _Lines, current: LongLayout, timestamp: str) -> StampForm:
    """How the times of a further table are written: as its first rows show, else as those above."""
    if current.mapping.format or lines.sample.is_empty():
        return current.form
    texts = times_of(lines.sample, lines.header, timestamp).drop_nulls()
    try:
        return form_of(lines.file, timestamp, texts, lambda: [texts])
    except IngestError:
        return current.form


def of_meter(layout: Layout, meter: str) -> Layout:
    """A layout whose readings are of the meter that a line above the table names, unless its rows name meters."""
    if isinstance(layout, LongLayout) and (layout.named_by_file or layout.mapping.meter.startswith("=")):
        return replace(layout, mapping=layout.mapping.model_copy(update={"meter": f"={meter}"}))
    if isinstance(layout, WideLayout) and layout.meter is None:
        return replace(layout, stem=meter)
    return layout


def _about(table: Table) -> str:
    return "".join(f"; {what} {text}" for what, text in (("unit", table.unit), ("meter", table.meter)) if text)


def of_file(layout: Layout, stem: str) -> Layout:
    """A layout whose readings are of the meter that the file's name names, though a line above the table names another."""
    if isinstance(layout, LongLayout) and layout.mapping.meter.startswith("="):
        return replace(layout, mapping=layout.mapping.model_copy(update={"meter": FILE_STEM}))
    return replace(layout, stem=stem) if isinstance(layout, WideLayout) else layout
