"""The mapping of a long table whose header has unmistakable names; two columns that compete are never decided by a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ecoai_pipeline.sources.around import filled_in
from ecoai_pipeline.sources.ends import names_end
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.index_columns import row_numbers, unnamed_times
from ecoai_pipeline.sources.layout import SURVEY_BYTES, time_columns, times_of
from ecoai_pipeline.sources.mapping import FILE_STEM, ColumnMapping
from ecoai_pipeline.sources.stamps import DAY_END
from ecoai_pipeline.sources.text import DelimitedText
from ecoai_pipeline.sources.units import Unit, UnknownUnitError, is_thousands, unit_in
from ecoai_pipeline.sources.vocabulary import Role, columns_of, meters_of, roles_of

_MIDNIGHT = "24:00"
_SECOND_TIME = r"(?:\s[-–—/]\s|\s?~\s?|\s(?:to|bis|until)\s).*$"
"""The end in a range of two times: that it is 24:00 says nothing of its start."""
_DATE_WORD, _TIME_WORD = re.compile("(?i)datum|date|일자|fecha"), re.compile("(?i)zeit|time|시각|시간|hora|heure")
_CLOCK = re.compile(r"(?i)\d{1,2}[:.h]\d{2}([:.]\d{2})?( ?[ap]\.?m\.?)?")
_LENGTH = re.compile(r"(?i)^interval[^\[(]*[\[(]\s*(?:min(?:s|utes)?|s|secs?|seconds)\.?\s*[\])]")
"""`Interval (mins)` is the length of an interval, no time."""
_PAIR = 2
_NEARLY_ALL = 0.9
"""Share of the rows whose times differ where times do not repeat."""
_BRACKETS = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]")
_QUANTITY_AT_END = re.compile(r"(?i)(?:^|[ _./-])([kMG]?Wh?|[kMG]J|[kM]?VAr?h?|m³|m3|°C|℃|€|EUR|KRW|USD)$")


@dataclass(frozen=True)
class Understood:
    """What the names of a header mean: a mapping, or why there is none, with a line of options that a user can complete."""

    mapping: ColumnMapping | None
    trouble: str = ""


@dataclass(frozen=True)
class _Named:
    """The columns that may be the meter, the stamp and the energy."""

    meters: tuple[str, ...]
    stamps: tuple[str, ...]
    ends: bool
    energies: tuple[str, ...]


def understand_file(opened: OpenFile) -> Understood:
    """The mapping that the names of a file's columns give; columns that only number its rows are left out if its times need no meter.

    An index without a name may hold the times.
    """
    numbers, times = row_numbers(opened), unnamed_times(opened)
    if numbers:
        understood = understand([name for name in opened.header if name not in numbers], times)
        if understood.mapping and not _repeats(opened, understood.mapping, understood.mapping.meter):
            return understood
    understood = understand(opened.header, times)
    if understood.mapping and (other := _finer_meter(opened, understood.mapping)):
        one = understood.mapping.meter
        said = understood.mapping.model_copy(update={"meter": other})
        trouble = f"times of one {one!r} repeat with several {other!r}: --columns {quoted(f'meter={other},{_named_line(said)}')}"
        return Understood(None, trouble)
    return understood


def understand(header: Sequence[str], times: Sequence[str] = ()) -> Understood:
    """The mapping that the names of a header give; `times` are columns without a name that hold times.

    >>> understand(["building", "datetime", "kwh"]).mapping.model_dump(include={"meter", "timestamp", "kwh"})
    {'meter': 'building', 'timestamp': 'datetime', 'kwh': 'kwh'}
    >>> understand(["Zeit", "Wert", "Verbrauch"]).trouble
    "the energy may be in 'Wert' or 'Verbrauch': --columns timestamp=Zeit,kwh=Wert"
    """
    named = _named([name for name in header if header.count(name) == 1], times)
    troubles = [*_compete("meter", named.meters), *_compete("time", named.stamps), *_compete("energy", named.energies)]
    if not named.stamps or not named.energies:
        missing = " and ".join(what for what, found in (("time", named.stamps), ("energy", named.energies)) if not found)
        troubles.append(f"no column is named like one of {missing}")
    if not troubles:
        return Understood(_mapping(named))
    return Understood(None, f"{'; '.join(troubles)}: {_line(named)}")


def _finer_meter(opened: OpenFile, mapping: ColumnMapping) -> str | None:
    """The column of meters beside that of metering points, where times repeat at a point but not at a meter."""
    others = [name for name in columns_of(opened.header, Role.METER) if opened.header.count(name) == 1]
    if mapping.meter not in columns_of(opened.header, Role.POINT) or len(others) != 1 or not _repeats(opened, mapping, mapping.meter):
        return None
    return None if _repeats(opened, mapping, others[0]) else others[0]


def _repeats(opened: OpenFile, mapping: ColumnMapping, meter: str) -> bool:
    """Whether the sample repeats times of a meter, which is that of a column or the file's; equal rows do not count."""
    names = time_columns(opened.header, mapping.timestamp) + ((meter,) if meter in opened.header else ())
    places = [opened.header.index(name) for name in names]
    rows = {tuple(fields) for fields in opened.sample["fields"].to_list() if len(fields) == len(opened.header)}
    return len({tuple(fields[place] for place in places) for fields in rows}) < _NEARLY_ALL * len(rows)


def _named(header: Sequence[str], times: Sequence[str]) -> _Named:
    energies = tuple(name for name in columns_of(header, Role.ENERGY) if energy_unit(name) is not None)
    energies = energies or tuple(name for name in header if (_quantity(name) or is_thousands(name)) and energy_unit(name) is not None)
    left = [name for name in header if name not in energies]
    stamps, ends = stamps_of(left)
    stamps = stamps or tuple(times)
    left = [name for name in left if name not in "+".join(stamps).split("+")]
    meters = meters_of(left)
    return _Named(tuple(meters), stamps, ends, energies)


def stamps_of(header: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Columns that may hold the time, two of them joined by a plus, and whether it is the end of the interval."""
    header = [name for name in header if not _LENGTH.search(name)]
    if parts := _parts_of_time(header):
        return (parts,), False
    whole, dates = columns_of(header, Role.STAMP), columns_of(header, Role.DATE)
    clocks = [name for name in columns_of(header, Role.CLOCK) if name not in dates]
    starts, ends = (_date_with_time(columns_of(header, role)) for role in (Role.START, Role.END))
    periods = columns_of(header, Role.PERIOD)
    if dates and periods:
        return tuple(f"{date}+{period}" for date in dates for period in periods), False
    only_whole = [name for name in whole if name not in clocks]
    if only_whole:
        return tuple(only_whole), False
    if dates and (clocks or starts):
        return tuple(f"{date}+{clock}" for date in dates for clock in (starts or clocks)), False
    if dates and ends:
        return tuple(f"{date}+{clock}" for date in dates for clock in ends), True
    if whole or starts:
        return tuple(dict.fromkeys([*whole, *starts])), False
    return (tuple(ends), True) if ends else (tuple(dates), False)


def _parts_of_time(header: Sequence[str]) -> str | None:
    """Columns of years, months, days and hours, joined by pluses; None where the header has not all of them or a whole date."""
    year, month, day, hour, minute = (columns_of(header, role) for role in (Role.YEAR, Role.MONTH, Role.DAY, Role.HOUR, Role.MINUTE))
    if not len(year) == len(month) == len(day) == 1:
        return None
    date = [*year, *month, *day]
    clocks = [name for name in hour or columns_of(header, Role.CLOCK) if name not in date]
    others = [name for role in (Role.STAMP, Role.DATE, Role.START, Role.END) for name in columns_of(header, role)]
    if len(clocks) > 1 or set(others) - {*date, *clocks}:
        return None
    return "+".join([*date, *clocks, *(minute if clocks and hour and len(minute) == 1 else [])])


def _date_with_time(names: Sequence[str]) -> list[str]:
    """Two columns, of a date and of a time, joined by a plus: `Ab-Datum+Ab-Zeit`."""
    dates = [name for name in names if _DATE_WORD.search(name)]
    times = [name for name in names if _TIME_WORD.search(name)]
    return [f"{dates[0]}+{times[0]}"] if len(dates) == len(times) == 1 and len(names) == len({*dates, *times}) == _PAIR else list(names)


def energy_unit(name: str) -> Unit | None:
    """The unit that the name of a column of energy gives, kWh where it gives none; None where it is another quantity."""
    try:
        named = unit_in(name)
    except UnknownUnitError:
        return None
    if is_thousands(name) or (named and named.is_power):
        return named
    quantity = _quantity(name)
    if quantity is None:
        return Unit.KWH
    try:
        return Unit(quantity)
    except ValueError:
        return Unit.KWH if quantity.lower().startswith("kwh") else None


def _quantity(name: str) -> str | None:
    """The text in brackets in a name, or the unit at its end."""
    found = [text for text in _BRACKETS.findall(name) if not text.lower().startswith("per ")] or _QUANTITY_AT_END.findall(name)
    return found[-1] if found else None


def _compete(what: str, names: Sequence[str]) -> list[str]:
    return [f"the {what} may be in {' or '.join(map(repr, names))}"] if len(names) > 1 else []


def _mapping(named: _Named) -> ColumnMapping:
    return ColumnMapping(
        meter=named.meters[0] if named.meters else FILE_STEM,
        timestamp=named.stamps[0],
        kwh=named.energies[0],
        stamp="end" if named.ends or names_end(named.stamps[0]) else "start",
        unit=energy_unit(named.energies[0]) or Unit.KWH,
    )


def _line(named: _Named) -> str:
    """Options to be pasted; what no name gives is left to be filled in."""
    meter = f"meter={named.meters[0]}," if named.meters else ""
    stamp = named.stamps[0] if named.stamps else "…"
    energy = named.energies[0] if named.energies else "…"
    return f"--columns {quoted(f'{meter}timestamp={stamp},kwh={energy}')}{',stamp=end' if named.ends else ''}"


def ends_days(opened: OpenFile, mapping: ColumnMapping) -> bool:
    """Whether a time is 24:00 or an hour 24, which only the end of an interval can be; an hour alone is looked for in the sample only."""
    columns = time_columns(opened.header, mapping.timestamp)
    if Role.PERIOD in roles_of(columns[-1]):
        return False
    if _has_day_end(opened, opened.sample, mapping.timestamp):
        return True
    if columns[-1] in opened.timed | opened.numeric or (isinstance(opened, DelimitedText) and not opened.mentions(_MIDNIGHT)):
        return False
    return any(_has_day_end(opened, block.rows, mapping.timestamp) for block in opened.blocks(SURVEY_BYTES))


def with_day_end(opened: OpenFile, mapping: ColumnMapping) -> ColumnMapping:
    """The mapping with `stamp=end` where it says nothing of it and a stamp of its file is 24:00.

    A register is read at a moment, and an end of its own gives the length of an interval.
    """
    if mapping.says_side or mapping.is_register or not set(time_columns(opened.header, mapping.timestamp)) <= set(opened.header):
        return mapping
    return mapping.model_copy(update={"stamp": "end"}) if ends_days(opened, mapping) else mapping


def _has_day_end(opened: OpenFile, rows: pl.DataFrame, timestamp: str) -> bool:
    times = times_of(rows, opened.header, timestamp)
    return bool(times.str.replace(_SECOND_TIME, "").str.contains(DAY_END).any())


def named_columns(mapping: ColumnMapping) -> str:
    """The time and the energy of a mapping as options."""
    return quoted(_named_line(mapping))


def _named_line(mapping: ColumnMapping) -> str:
    return f"timestamp={mapping.timestamp},kwh={mapping.kwh}"


def quoted(text: str) -> str:
    """As a shell takes it for one word."""
    return f"'{text}'" if re.search(r"[\s()\[\]&;|*?$<>]", text) else text


def without_meters(opened: OpenFile, mapping: ColumnMapping) -> bool:
    """Whether the sample repeats times though no column names the meter: then a column that is not recognised must.

    Equal rows do not count: a file that has each row twice has one meter.
    """
    return mapping.meter == FILE_STEM and _repeats(opened, mapping, FILE_STEM)


def time_beside(opened: OpenFile, timestamp: str) -> str | None:
    """The column of times of the day beside a column of dates, whatever its name is; None where there is not exactly one."""
    if timestamp not in opened.header or any(_CLOCK.search(text) for text in filled_in(opened, timestamp)):
        return None
    clocks = [name for name in opened.header if name and name != timestamp and _holds_clocks(filled_in(opened, name))]
    return clocks[0] if len(clocks) == 1 else None


def _holds_clocks(texts: Sequence[str]) -> bool:
    return len(set(texts)) > 1 and all(map(_CLOCK.fullmatch, texts))
