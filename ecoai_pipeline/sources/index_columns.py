"""Columns that a program adds to a table: the number of the row, or an index that has no name and may hold the times."""

from __future__ import annotations

import re
from itertools import pairwise

from ecoai_pipeline.sources.around import filled_in
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.header import is_date
from ecoai_pipeline.sources.vocabulary import is_unnamed

_ROW_NUMBER = re.compile(r"(?i)id|no\.?|nr\.?|row|(?:row|record) ?(?:no|number|id)|rownum|seq|sequence|번호|순번|lfd\.? ?nr\.?|n°")
_INDEX = "index"
"""May be an index, or in French the reading of a register."""
_FEWEST = 3
"""Numbers that do not rise by chance, as those of two meters do."""
_TOO_LONG = 9
"""Digits of numbers that may be times or ids of meters."""


def row_numbers(opened: OpenFile) -> tuple[str, ...]:
    """The columns that only number the rows: they have no name or one like `id`, and their whole numbers rise from row to row."""
    names = (name for name in opened.header if is_unnamed(name) or _ROW_NUMBER.fullmatch(name.strip()))
    return tuple(
        name for name in names if opened.header.count(name) == 1 and _rises(filled_in(opened, name), by_one=name.lower() == _INDEX)
    )


def unnamed_times(opened: OpenFile) -> tuple[str, ...]:
    """The columns without a name that hold dates or times, as the index of a table of times has when it is written to a file."""
    names = (name for name in opened.header if is_unnamed(name) and opened.header.count(name) == 1)
    return tuple(name for name in names if (cells := filled_in(opened, name)) and all(map(is_date, cells)) and not _rises(cells))


def _rises(cells: list[str], *, by_one: bool = False) -> bool:
    """Whether cells are whole numbers that rise from row to row, or rise by one."""
    numbers = [int(cell) for cell in cells if cell.isdecimal() and len(cell) < _TOO_LONG]
    steps = [other - one for one, other in pairwise(numbers)]
    return len(numbers) == len(cells) >= _FEWEST and all(step == 1 if by_one else step > 0 for step in steps)
