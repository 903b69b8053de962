"""What a file says of its values outside of the names of its columns: a column of units, a line of units, and lines above the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ecoai_pipeline.domain import fixed_zone, time_zone
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.units import Unit, UnknownUnitError, unit_in
from ecoai_pipeline.sources.vocabulary import Role, plain, roles_of

_ZONE_NAMES = frozenset({"time zone", "timezone", "tz", "zeitzone", "zona horaria", "fuseau horaire", "시간대", "표준시간대"})
_OFFSET = re.compile(r"(?i)(?<![a-z])(?:utc|gmt)\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?(?!\d)")
_PLACE = re.compile(r"[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+")
_CLOCKS = (
    ({"CET", "CEST"}, "Europe/Berlin"),
    ({"MEZ", "MESZ"}, "Europe/Berlin"),
    ({"GMT", "BST"}, "Europe/London"),
    ({"UTC"}, "UTC"),
    ({"GMT"}, "UTC"),
    ({"KST"}, "Asia/Seoul"),
    ({"JST"}, "Asia/Tokyo"),
)
_METERS = frozenset({Role.POINT, Role.METER})
_PAIR = _SEVERAL = 2
_UNIT_NAMES = frozenset({"unit", "units", "uom", "unit of measure", "einheit", "unite", "unidad", "단위"})


def unit_column(header: Sequence[str]) -> str | None:
    """The column that gives the unit of each row."""
    return next((name for name in header if plain(name) in _UNIT_NAMES), None)


def units_in(opened: OpenFile) -> Counter[str]:
    """The texts in the column of units, by the number of rows of the sample; empty where there is no such column."""
    name = unit_column(opened.header)
    if name is None:
        return Counter()
    return Counter(filled_in(opened, name))


def filled_in(opened: OpenFile, name: str) -> list[str]:
    """The filled cells of a column in the sample."""
    place = opened.header.index(name)
    texts = (fields[place].strip() for fields in opened.sample["fields"].to_list() if place < len(fields))
    return [text for text in texts if text]


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
    return next((unit for name, text in _pairs(opened.above) if name in _UNIT_NAMES and (unit := as_unit(text))), None)


def named_unit(opened: OpenFile, column: str, *, in_rows: bool = True) -> Unit | None:
    """The unit in the name of a column of values, else that which the file states around it (`stated_unit`).

    Args:
        in_rows: rows may have units of their own.

    Raises:
        IngestError: the name has a unit that is not read, or what the file states cannot be used.
    """
    try:
        return unit_in(column) or stated_unit(opened, column if in_rows else None)
    except UnknownUnitError as error:
        raise IngestError(opened.file, f"{error}; state the unit: unit= in --columns, or --unit") from None


def named_meter(opened: OpenFile) -> str | None:
    """The meter that a line above the table names, as `Meter,M1` or `Zähler: 4711`; None where none does."""
    return next((text for name, text in _pairs(opened.above) if _METERS & roles_of(name)), None)


def says_more(row: Sequence[str]) -> bool:
    """Whether a row is a name and what it is for the table below: `Meter,M1`, `Unit: kWh` or `Time zone,UTC`."""
    return any(_is_key(name) for name, _ in _pairs([row]))


def _is_key(name: str) -> bool:
    return bool(_METERS & roles_of(name)) or plain(name) in _UNIT_NAMES | _ZONE_NAMES


def _pairs(above: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Names above a table, written as names are compared, with their values: those beside them, behind a colon, or in the line below.

    >>> list(_pairs([["Meter", "M1"], ["Unit: kWh"]])), list(_pairs([["Meter", "Unit"], ["M1", "kWh"]]))
    ([('meter', 'M1'), ('unit', 'kWh')], [('meter', 'M1'), ('unit', 'kWh')])
    """
    names: list[str] = []
    for row in ([cell.strip() for cell in row] for row in above):
        filled = [cell for cell in row if cell]
        if names and len(names) == len(row):
            yield from ((plain(name), text) for name, text in zip(names, row, strict=True) if text)
            names = []
        elif len(filled) > 1 and (all(map(_is_key, filled)) or (len(filled) > _PAIR and sum(map(_is_key, filled)) >= _SEVERAL)):
            names = row
        elif len(filled) > 1:
            yield plain(filled[0]), filled[1]
        elif filled and ":" in filled[0]:
            name, _, text = filled[0].partition(":")
            yield from [(plain(name), text.strip())] if text.strip() else []


def named_zone(opened: OpenFile, columns: Sequence[str]) -> str | None:
    """The time zone in the names of the columns of the stamps, else in a line above the table; None where there is none."""
    above = [text for name, text in _pairs(opened.above) if name in _ZONE_NAMES]
    return next((zone for text in (*columns, *above) if (zone := zone_in(text))), None)


def zone_in(text: str) -> str | None:
    """
    >>> [zone_in(text) for text in ("timestamp_utc", "Zeit (MEZ/MESZ)", "Time (UTC+9)", "Time [Europe/Madrid]", "Time (CET)", "time")]
    ['UTC', 'Europe/Berlin', 'Etc/GMT-9', 'Europe/Madrid', None, None]
    """
    if place := _PLACE.search(text):
        try:
            return time_zone(place[0])
        except ValueError:
            pass
    if offset := _OFFSET.search(text):
        seconds = int(offset[2]) * 3600 + int(offset[3] or 0) * 60
        return fixed_zone(-seconds if offset[1] == "-" else seconds)
    words = {word.upper() for word in re.findall(r"[A-Za-z]+", text)}
    return next((zone for clocks, zone in _CLOCKS if clocks <= words), None)
