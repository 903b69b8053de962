"""Where the table of a file begins: the line of the column names, below titles and addresses and above lines of units."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.vocabulary import Role, known_words, roles_of

MOST_LINES_ABOVE = 200
"""Lines that may stand above a table; more are no preamble."""
_LOOKED_AT = 10
"""Rows below the header that must look like readings, most of them."""
_TIMES = frozenset((Role.STAMP, Role.DATE, Role.START, Role.END))
_SURE_NAMES = 2
"""Usual names of columns that make a header where no row below looks like a reading."""
_NUMBER = re.compile(r"[+-]?(\d[\d.,' \u00a0\u202f\u2009\uff0e\uff0c\u066b\u066c]*|[.,]\d+)([eE][+-]?\d+)?(?<! )( ?[kMG]?Wh?)?")
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|fév|avr|aoû|déc|ene|abr|ago|dic"
_DATE = re.compile(
    r"\D{0,4}(\d{4}\s?[-/.년]\s?\d{1,2}\s?[-/.월]\s?\d{1,2}|\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?\d{2,4}"
    rf"|\d{{1,2}}[-. ]*({_MONTH})[a-zä-ü]*[-. ]*\d{{2,4}}|({_MONTH})[a-z]* \d{{1,2}},? \d{{4}}"
    rf"|({_MONTH})[a-z]* +\d{{1,2}} +\d{{1,2}}:\d{{2}}|\d{{4}}[-/. ]({_MONTH})[a-z]*[-/. ]\d{{1,2}}"
    r"|\d{4}-?W\d{2}-?[1-7]|\d{4}:\d{2}:\d{2})(?!\d).*",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"(19|20)\d{2}[01]\d[0-3]\d([T ]?[0-2]\d[0-5]\d([0-5]\d)?)?Z?|1\d{9}(\d{3})?(\.\d+)?|1(\.\d+)?[eE]\+?(0?9|12)|[1-9]\d{4}(\.\d+)?"
    r"|6[2-4]\d{16}|1[23]\d{16}|\\?/?Date\(\d{9,14}([+-]\d{4})?\)\\?/?"
)
_PARTS = 3
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_PARTS_OF_DATE = re.compile(rf"(?:19|20)\d{{2}} {_DAY} {_DAY}|{_DAY} {_DAY} (?:19|20)\d{{2}}")
"""A date in three cells, and a further cell behind them."""
_UNITS = frozenset(
    re.split(
        " ",
        "kwh wh mwh gwh kw w mw j kj mj kva kvar kvarh kvah va var varh v a hz m³ m c f k pf eur krw usd gbp utc gmt mez mesz cet cest kst "
        "local lokal ortszeit h hh s ss min mm dd d yyyy yy yyyymmdd hhmm hhmmss 원",
    )
)


@dataclass(frozen=True)
class Place:
    """Where a table begins, in records counted from 0: that of the names (None: there are none), and the first of its rows."""

    names: int | None
    rows: int


@dataclass(frozen=True)
class Opening:
    """What the sender says of the file around its table; all of it may be left to the file.

    `skip_rows` lines stand above the header; `header_row` is the number of the header's line, the first line being 1, and 0 means
    that there is no header: columns are then called 1, 2, 3, ….
    """

    skip_rows: int | None = None
    header_row: int | None = None
    sheet: str | None = None
    encoding: str | None = None
    expected: tuple[str, ...] = ()  # names that the header must have
    values_only: bool = False  # rows have no times

    def fixed(self) -> int | None:
        """How many lines are above the header, where that is said."""
        if self.header_row:
            return self.header_row - 1
        return self.skip_rows


NOTHING_SAID = Opening()


def find_table(rows: Sequence[Sequence[str]], expected: Collection[str] = ()) -> Place | None:
    """The names of the columns and the first row below them; None where no row looks like a reading and none has usual names.

    Among the rows above the first reading the one with the most usual names is taken, the lowest of equals; one that has all of the
    `expected` names wins. Units may stand between the names and the rows.

    >>> find_table([["Name", "Plant"], [], ["Time", "Value"], ["", "kWh"], ["2025-03-01 00:00", "1.5"], ["2025-03-01 00:15", "1"]])
    Place(names=2, rows=4)
    """
    first = next((at for at in range(min(len(rows), MOST_LINES_ABOVE)) if _begins(rows, at)), None)
    width = _filled(rows[first]) if first is not None else 2
    limit = min(len(rows), MOST_LINES_ABOVE) if first is None else first
    above = [at for at in range(limit) if _could_name(rows[at], width)]
    if not above and first is not None:
        above = [at for at in range(limit) if _could_name(["index", *rows[at][1:]], width) and not rows[at][0].strip()]
    scores = {at: _score(rows[at], expected) for at in above}
    if first is None:
        usual = [at for at in above if scores[at] >= (0, _SURE_NAMES)]
        return Place(usual[0], rows_below(rows, usual[0])) if usual else None
    if not above:
        return Place(None, first)
    names = max(above, key=lambda at: (scores[at], at))
    return Place(names, rows_below(rows, names))


def _score(row: Sequence[str], expected: Collection[str]) -> tuple[bool, int]:
    told = set(names_of(row))
    # DATE+TIME names two columns.
    named = all(name in told or {part.strip() for part in name.split("+")} <= told for name in expected)
    return bool(expected) and named, known_words(told)


def rows_below(rows: Sequence[Sequence[str]], names: int) -> int:
    """The first row below the names that is neither blank nor units."""
    return next((at for at in range(names + 1, len(rows)) if not _is_blank(rows[at]) and not is_units(rows[at])), len(rows))


def begins_table(row: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row below a header names columns again: the same, two of them at least, or those of a time and of energy.

    >>> header = ["timestamp", "kwh"]
    >>> [begins_table(row, header) for row in (["kwh", "timestamp"], ["Time", "Energy (MWh)"], ["Total", "kwh"], ["Exported", "96"])]
    [True, True, False, False]
    """
    names = names_of(row)
    if set(names) == set(header) and any(any(sign.isalpha() for sign in name) for name in names):
        return True
    filled = [name for name in names if name]
    if len(filled) < _SURE_NAMES or any(_NUMBER.fullmatch(name) or is_date(name) for name in filled):
        return False
    roles = [roles_of(name) for name in filled]
    named = any(role & _TIMES for role in roles) and any(Role.ENERGY in role for role in roles)
    return named or len(set(filled) & set(header)) >= _SURE_NAMES


def rows_of_one_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> int:
    """How many of the first rows below a header stand above the next one."""
    return next((at for at, row in enumerate(rows) if begins_table(row, header)), len(rows))


def find_values(rows: Sequence[Sequence[str]]) -> Place:
    """The same of a table whose rows have numbers and no times.

    >>> find_values([["kWh"], ["1.5"], ["2"]]), find_values([["1.5"], ["2"]])
    (Place(names=0, rows=1), Place(names=None, rows=0))
    """
    first = next((at for at, row in enumerate(rows) if any(_NUMBER.fullmatch(cell.strip()) for cell in row)), len(rows))
    return Place(first - 1 if first else None, first)


def names_of(row: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns; delimiters at the end of the line name none. An index, the one column without a name, gets one.

    >>> names_of(["Time", " Value ", ""]), names_of(["", "Value"])
    (('Time', 'Value'), ('Unnamed: 0', 'Value'))
    """
    names = [name.replace("\n", " ").strip() for name in row]
    while len(names) > 1 and not names[-1]:
        names.pop()
    if len(names) > 1 and not names[0] and all(names[1:]):
        names[0] = "Unnamed: 0"
    return tuple(names)


def numbered(width: int) -> tuple[str, ...]:
    """The names of columns that have none: 1, 2, 3, …."""
    return tuple(str(number) for number in range(1, width + 1))


def no_header(file: str, first: Sequence[str]) -> IngestError:
    """The error of a file whose first line is a reading already."""
    shown = ", ".join(field.strip()[:30] for field in first[:6])
    advice = "add a line of names, or say header_row=0 and give columns by number: --columns header_row=0,timestamp=1,kwh=2"
    return IngestError(file, f"no line names its columns, it begins with the reading {shown!r}; {advice}")


def _begins(rows: Sequence[Sequence[str]], at: int) -> bool:
    """Whether a row, and most of those below it, look like readings; facts about a table, in a row above its names, are none."""
    if not _is_reading(rows[at]) or _is_above_names(rows, at):
        return False
    below = [row for row in rows[at + 1 : at + 1 + 2 * _LOOKED_AT] if not _is_blank(row)][:_LOOKED_AT]
    return 2 * sum(map(_is_reading, below)) >= len(below)


def _is_above_names(rows: Sequence[Sequence[str]], at: int) -> bool:
    """Whether the next row names the columns of a table of another width."""
    below = next((row for row in rows[at + 1 :] if not _is_blank(row)), None)
    return below is not None and _filled(below) != _filled(rows[at]) and begins_table(below, ())


def _is_reading(row: Sequence[str]) -> bool:
    """Whether a row has a time and a number."""
    cells = [cell.strip() for cell in row]
    if any(_PARTS_OF_DATE.fullmatch(" ".join(cells[at : at + _PARTS])) for at in range(len(cells) - _PARTS)):
        return True
    date = next((at for at, cell in enumerate(cells) if is_date(cell)), None)
    return date is not None and any(_NUMBER.fullmatch(cell) for at, cell in enumerate(cells) if at != date)


def is_date(cell: str) -> bool:
    """Whether a text looks like a date or a time stamp."""
    return bool(_DATE.fullmatch(cell) or _COMPACT.fullmatch(cell))


def is_number(text: str) -> bool:
    """Whether a text looks like a number, maybe with a unit."""
    return bool(_NUMBER.fullmatch(text))


def _is_blank(row: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in row)


def is_units(row: Sequence[str]) -> bool:
    """Whether all that a row says are units and forms of times: `,kWh` or `dd.mm.yyyy;kWh`."""
    words = [word.lower() for cell in row for word in re.findall(r"[^\W_]+", cell)]
    return all(word in _UNITS for word in words)


def _could_name(row: Sequence[str], width: int) -> bool:
    """Whether a row may name the columns of rows with so many filled fields: it has texts for at least half of them, and no date."""
    texts = [cell.strip() for cell in row if cell.strip()]
    named = any(any(sign.isalpha() for sign in text) for text in texts)
    return named and len(texts) > 1 and 2 * len(texts) >= width and not any(map(is_date, texts))


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)
