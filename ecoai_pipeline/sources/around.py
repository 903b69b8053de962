"""What a file says of its values outside of the names of its columns: a column of units, a line of units, and lines above the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.units import Unit
from ecoai_pipeline.sources.vocabulary import plain

_UNIT_NAMES = frozenset({"unit", "units", "uom", "unit of measure", "einheit", "unite", "unidad", "단위"})


def unit_column(header: Sequence[str]) -> str | None:
    """The column that gives the unit of each row."""
    return next((name for name in header if plain(name) in _UNIT_NAMES), None)


def units_in(opened: OpenFile) -> Counter[str]:
    """The texts in the column of units, by the number of rows of the sample; empty where there is no such column."""
    name = unit_column(opened.header)
    if name is None:
        return Counter()
    place = opened.header.index(name)
    texts = (fields[place].strip() for fields in opened.sample["fields"].to_list() if place < len(fields))
    return Counter(text for text in texts if text)


def stated_unit(opened: OpenFile, column: str | None = None) -> Unit | None:
    """The unit of most rows by the column of units, else that in the line below the names, else that in a line above the table.

    Args:
        column: the column of the values in a long table; without it the rows cannot have units of their own.

    Raises:
        IngestError: no unit of the column is read, or there are several and rows cannot have units of their own.
    """
    texts = units_in(opened)
    if not texts:
        return _below_names(opened, column) or _above_table(opened)
    read = [unit for text, _ in texts.most_common() if (unit := as_unit(text))]
    if not read or (column is None and len({as_unit(text) for text in texts}) > 1):
        advice = "keep rows of one unit that is read, or name the unit of all with unit= in --columns"
        shown = f"its column {unit_column(opened.header)!r} has the units {', '.join(sorted(texts))}"
        raise IngestError(opened.file, f"{shown}; {advice}")
    return read[0]


def as_unit(text: str) -> Unit | None:
    """
    >>> as_unit("[MWh]"), as_unit("kVArh")
    (<Unit.MWH: 'MWh'>, None)
    """
    try:
        return Unit(text.strip(" []()"))
    except ValueError:
        return None


def _below_names(opened: OpenFile, column: str | None) -> Unit | None:
    if column not in opened.header:
        return None
    place = opened.header.index(column)
    return next((unit for row in opened.below if place < len(row) and (unit := as_unit(row[place]))), None)


def _above_table(opened: OpenFile) -> Unit | None:
    rows = [[cell.strip() for cell in row if cell.strip()] for row in opened.above]
    return next((unit for row in rows if len(row) > 1 and plain(row[0]) in _UNIT_NAMES and (unit := as_unit(row[1]))), None)
