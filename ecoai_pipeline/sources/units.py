"""Units of energy and of mean power: how people spell them, and what they are in kWh."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import polars as pl

_PER_LENGTH = re.compile(
    r"(?i)([km]?wh)\s*(?:/|per |pro |je )\s*(?:(h|hour|std|stunde)|(?:1|5|10|15|30) ?(?:min|minutes|minuten)|viertelstunde)"
)
"""The energy of an interval by its length, or that of an hour, which is mean power."""


_MINUTES = re.compile(r"(?i)(?<![a-z])[km]?wh\s*(?:/|per |pro |je )\s*(\d+) ?min")


class Unit(StrEnum):
    """Unit of the values in a file; a power is the mean of its interval."""

    KWH = "kWh"
    WH = "Wh"
    KW = "kW"
    MWH = "MWh"
    GWH = "GWh"
    W = "W"
    MW = "MW"
    J = "J"
    KJ = "kJ"
    MJ = "MJ"
    GJ = "GJ"

    @property
    def is_power(self) -> bool:
        return self in (Unit.W, Unit.KW, Unit.MW)

    @property
    def kwh(self) -> float:
        """One of it in kWh; of a power, in kWh an hour."""
        return _KWH[self]

    @classmethod
    def _missing_(cls, value: object) -> Unit | None:
        """Other spellings: `MWH`, `mwh`, `KWH`. A small m before a capital is milli, and that is no unit of a meter.

        >>> [Unit(text).value for text in ("MWh", "mwh", "KWH", "kw", "MW", "mj")]
        ['MWh', 'MWh', 'kWh', 'kW', 'MW', 'MJ']
        >>> Unit("mW")
        Traceback (most recent call last):
        ValueError: 'mW' is not a valid Unit
        """
        text = str(value).strip()
        if text.startswith("m") and text != text.lower():
            return None
        if per := _PER_LENGTH.fullmatch(text):
            return cls(per[1][:-1] if per[2] else per[1])
        return next((unit for unit in cls if text.lower() == unit.value.lower()), None)


_KWH = {
    Unit.KWH: 1.0,
    Unit.WH: 0.001,
    Unit.MWH: 1_000.0,
    Unit.GWH: 1_000_000.0,
    Unit.W: 0.001,
    Unit.KW: 1.0,
    Unit.MW: 1_000.0,
    Unit.J: 1 / 3_600_000,
    Unit.KJ: 1 / 3_600,
    Unit.MJ: 1 / 3.6,
    Unit.GJ: 1_000 / 3.6,
}
_SPELLED = {text: unit for unit in Unit for text in (unit.value, unit.lower(), unit.upper(), unit.capitalize())}
_LENGTHS = [f"/{length}{blank}min" for length in (1, 5, 10, 15, 30) for blank in ("", " ")]
SPELLINGS = {
    **_SPELLED,
    **{text + length: unit for text, unit in _SPELLED.items() if text.lower().endswith("wh") for length in _LENGTHS},
    **{f"{text}/h": Unit(unit[:-1]) for text, unit in _SPELLED.items() if text.lower() in ("kwh", "wh", "mwh")},
}
"""Units by the texts that a column of units may hold; kWh/15min is the energy of an interval, kWh/h is mean power."""
_THOUSAND = r"(?:1[., ']?000|10\^?3|10³|tsd\.?|thousand|천)"
_THOUSANDS = re.compile(rf"(?i)(?<!\d){_THOUSAND}\s*[x×]?\s*kwh|kwh\s*[\[(]?\s*[x×]\s*{_THOUSAND}(?!\d)|[x×]\s*{_THOUSAND}\s*kwh")
_MULTIPLE = r"(?:[x×*]\s*[\d.,]+|/\s*10+(?!\d))"
_MULTIPLIED = re.compile(rf"(?i)(?<![a-z])[kmg]?wh?\s*[\[(]?\s*{_MULTIPLE}|(?<![a-z\d])[\d.,]+\s*[x×*]\s*[kmg]?wh?(?![a-z])")
_AN_HOUR = re.compile(r"(?i)(?<![a-z])([kmg]?)wh\s*(?:/|per|pro|je)\s*(?:h|hour|std|stunde)(?![a-z])")
"""Energy an hour, which is mean power."""
_BRACKETS = re.compile(r"(?i)[\[(]\s*(?:(?:in|en) )?([^\[\]()]*?)\s*[\])]")
_WORDS = re.compile(r"[^\W\d_]+")


Factors = Mapping[str, pl.Expr]
"""What makes kWh of rough readings whose unit is not that of their file: `per_kwh` (f64) and `power` (bool), null for all others."""


def factors_of(text: pl.Expr, own: Unit | None = None) -> Factors:
    """The factors by a column of units; null where a text is no unit, or means `own`, that of the file."""
    units = {spelling: unit for spelling, unit in SPELLINGS.items() if unit is not own}
    return {
        "per_kwh": text.replace_strict({name: 1 / unit.kwh for name, unit in units.items()}, default=None, return_dtype=pl.Float64),
        "power": text.replace_strict({name: unit.is_power for name, unit in units.items()}, default=None, return_dtype=pl.Boolean),
    }


def with_factors(rough: pl.DataFrame, factors: Factors) -> pl.DataFrame:
    """Rough readings with these factors, where they have none of their own yet."""
    return rough.with_columns(**{name: pl.coalesce(name, one) if name in rough.columns else one for name, one in factors.items()})


class UnknownUnitError(ValueError):
    """A header names a unit that is none of ours; the message says which."""


def minutes_of_unit(header: str) -> int | None:
    """How many minutes the name of a column says that its energy is of.

    >>> minutes_of_unit("kWh/15min"), minutes_of_unit("Energie [kWh pro 30 Minuten]"), minutes_of_unit("kWh/h"), minutes_of_unit("kWh")
    (15, 30, None, None)
    """
    found = _MINUTES.search(header)
    return int(found[1]) if found else None


def read_unit(text: str) -> Unit:
    """
    Raises:
        ValueError: it is no unit; the message lists those that are known.
    """
    try:
        return Unit(text)
    except ValueError:
        milli = "; a small m before a capital means milli" if text.startswith("m") and text != text.lower() else ""
        raise ValueError(f"unknown unit {text!r}{milli}; known are {', '.join(Unit)}") from None


def is_thousands(header: str) -> bool:
    """Whether the name of a column says that its values are thousands of kWh."""
    return bool(_THOUSANDS.search(header))


def unit_in(header: str) -> Unit | None:
    """The unit that the name of a column names, in brackets or as a word; None where it names none, or several.

    >>> [unit_in(text) for text in ("USAGE (kWh)", "Actual [MW]", "Usage_kWh", "Verbrauch in MWh", "kwh", "value", "Phase J")]
    [<Unit.KWH: 'kWh'>, <Unit.MW: 'MW'>, <Unit.KWH: 'kWh'>, <Unit.MWH: 'MWh'>, <Unit.KWH: 'kWh'>, None, None]
    >>> unit_in("Valeur (en kW)")
    <Unit.KW: 'kW'>
    >>> unit_in("kWh (x1000)"), unit_in("Tsd. kWh")
    (<Unit.MWH: 'MWh'>, <Unit.MWH: 'MWh'>)
    >>> unit_in("kWh/h"), unit_in("kWh/15min")
    (<Unit.KW: 'kW'>, <Unit.KWH: 'kWh'>)

    Raises:
        UnknownUnitError: it names milliwatts or the like, or a multiple that is no unit.
    """
    if is_thousands(header):
        return Unit.MWH
    if an_hour := _AN_HOUR.search(header):
        return Unit(an_hour[1] + "W")
    if _MULTIPLIED.search(header):
        raise UnknownUnitError(f"the values of {header!r} are multiples of a unit")
    bracketed = {text for text in _BRACKETS.findall(header) if text}
    words = [word for word in _WORDS.findall(_BRACKETS.sub(" ", header)) if len(word) > 1]
    for texts in (bracketed, words):
        if milli := [text for text in texts if re.fullmatch(r"m(W|Wh|J)", text)]:
            raise UnknownUnitError(f"the unit {milli[0]!r} in {header!r} means milli: no meter of a plant counts in it")
        found = {unit for unit in Unit for text in texts if _is(text, unit)}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _is(text: str, unit: Unit) -> bool:
    try:
        return Unit(text) is unit
    except ValueError:
        return False
