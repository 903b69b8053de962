"""Workbooks: which sheet holds the readings, where its table begins, and its rows as texts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import fastexcel
import polars as pl
import polars.selectors as cs

from ecoai_pipeline.sources.header import (
    MOST_LINES_ABOVE,
    NOTHING_SAID,
    Opening,
    Place,
    find_table,
    find_values,
    names_of,
    no_header,
    numbered,
    rows_of_one_table,
)
from ecoai_pipeline.sources.ragged import any_filled
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.text import SAMPLE_LINES, Block
from ecoai_pipeline.sources.typed import as_text

LARGEST_WORKBOOK = 1 << 30
"""Unpacked bytes; a full sheet of three columns has about 200 MB, and more than a gigabyte is meant to do harm."""
_VISIBLE = "visible"


@dataclass(frozen=True)
class WorkbookRows:
    """A sheet of a workbook; `line` is the sheet's row. Read whole: a sheet has at most 2^20 rows."""

    file: str
    header: tuple[str, ...]
    rows: pl.DataFrame
    numeric: frozenset[str] = frozenset()
    timed: frozenset[str] = frozenset()
    above: tuple[tuple[str, ...], ...] = ()
    below: tuple[tuple[str, ...], ...] = ()
    has_readings: bool = True
    delimiter: str = ","

    @property
    def sample(self) -> pl.DataFrame:
        sample = self.rows.head(SAMPLE_LINES)
        return sample.head(rows_of_one_table(sample["fields"].to_list(), self.header))

    def blocks(self, block_bytes: int) -> Iterator[Block]:
        size = max(block_bytes // 64, 1)
        for start in range(0, self.rows.height, size):
            yield Block(self.rows.slice(start, size), min((start + size) / self.rows.height, 1.0))


class _Sheet(NamedTuple):
    """A sheet, the texts of its first rows, and where its table begins."""

    name: str
    head: Sequence[Sequence[str]]
    place: Place | None

    @property
    def has_readings(self) -> bool:
        return self.place is not None and self.place.rows < len(self.head)


def open_workbook(path: Path, file: str, opening: Opening = NOTHING_SAID) -> WorkbookRows:
    """Read the sheet of a workbook that holds a table of readings, or the one that is named.

    Raises:
        IngestError: it is damaged or too large, several sheets hold readings, there is no such sheet, or no row names the columns.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > LARGEST_WORKBOOK:
            raise ValueError(f"unpacked it has {unpacked >> 20} MiB")
        data = path.read_bytes()
        sheet = _chosen(fastexcel.read_excel(data), opening, file)
        return _read(data, sheet, opening, file)
    except IngestError:
        raise
    except Exception as error:  # the reader's own errors share no base class
        cause = str(error).partition("\n")[0]
        message = f"it is a workbook or a zip archive that cannot be read ({cause}); unpack it, or save it as .csv"
        raise IngestError(file, message) from error


def _chosen(book: fastexcel.ExcelReader, opening: Opening, file: str) -> _Sheet:
    """The sheet that is named, else the only visible one with readings, else the first."""
    names = book.sheet_names
    if opening.sheet is not None:
        if opening.sheet not in names:
            raise IngestError(file, f"it has no sheet {opening.sheet!r}; it has {', '.join(map(repr, names))}; correct sheet=")
        return _head(book, opening.sheet, opening)[0]
    heads = [_head(book, name, opening) for name in names]
    shown = [sheet for sheet, visible in heads if visible] or [sheet for sheet, _ in heads]
    found = [sheet for sheet in shown if sheet.has_readings]
    if len(found) > 1:
        listed = ", ".join(repr(sheet.name) for sheet in found)
        raise IngestError(file, f"its sheets {listed} all hold readings; name one, for example --sheet {found[0].name!r}")
    return (found or shown)[0]


def _head(book: fastexcel.ExcelReader, name: str, opening: Opening) -> tuple[_Sheet, bool]:
    """The first rows of a sheet, and whether it is shown."""
    sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string", n_rows=MOST_LINES_ABOVE + SAMPLE_LINES)
    rows = [[cell or "" for cell in row] for row in sheet.to_polars().iter_rows()]
    if opening.values_only:
        return _Sheet(name, rows, find_values(rows)), sheet.visible == _VISIBLE
    fixed = opening.fixed()
    place = (
        Place(fixed, fixed + 1) if fixed is not None else Place(None, 0) if opening.header_row == 0 else find_table(rows, opening.expected)
    )
    return _Sheet(name, rows, place), sheet.visible == _VISIBLE


def _read(data: bytes, sheet: _Sheet, opening: Opening, file: str) -> WorkbookRows:
    place = sheet.place or Place(0, 1)
    if place.names is None and opening.header_row != 0 and not opening.values_only:
        raise no_header(file, sheet.head[place.rows])
    options = {"header_row": place.names, "skip_rows": place.rows - (-1 if place.names is None else place.names) - 1}
    # Types are taken from all rows: a cell of another type than those above it would be lost.
    frame = pl.read_excel(
        io.BytesIO(data),
        sheet_name=sheet.name,
        engine="calamine",
        read_options=options,
        drop_empty_rows=False,
        has_header=place.names is not None,
        infer_schema_length=None,
    )
    frame = frame.with_columns(cs.integer().cast(pl.Float64))  # as a workbook stores them: long ones are not exact
    header = numbered(frame.width) if place.names is None else names_of(frame.columns)
    rows = as_text(frame.select(frame.columns[: len(header)]), place.rows + 1)
    above = tuple(tuple(row) for row in sheet.head[: place.names or 0] if any(row))
    below = tuple(tuple(row) for row in sheet.head[(place.names or 0) + 1 : place.rows])
    numeric = frozenset(name for name, dtype in zip(header, frame.dtypes, strict=False) if dtype.is_numeric())
    timed = frozenset(name for name, dtype in zip(header, frame.dtypes, strict=False) if dtype.is_temporal())
    return WorkbookRows(file, header, rows.filter(any_filled(pl.col("fields"))), numeric, timed, above, below, sheet.place is not None)
