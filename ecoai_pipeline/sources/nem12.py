"""NEM12, the interval format of the Australian market: records 200 name a register, 300 hold a day, 400 the quality of its parts."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ecoai_pipeline.sources.encoding import encoding_of
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.text import Block, lines_of, unpacked

HEADER = ("NEM12",)
CELL = "IntervalValue"
_DAY_MINUTES = 1440
PER_KWH = {"kwh": 1.0, "wh": 1e3, "mwh": 1e-3}
_FIRST_REGISTER = "E1"
_ROWS_AT_ONCE = 2_000
_ROWS = pl.Schema(
    {
        "line": pl.Int64(),
        "text": pl.String(),
        "stream": pl.Int32(),
        "day": pl.String(),
        "values": pl.List(pl.String()),
        "codes": pl.List(pl.String()),
        "torn": pl.Boolean(),
    }
)


class Register(NamedTuple):
    """A register of a meter: `minutes` is the length of its intervals, None where the record does not say one."""

    nmi: str
    suffix: str
    unit: str
    minutes: int | None

    @property
    def meter(self) -> str:
        """The NMI names what the first register counts, energy taken from the grid; other registers are meters of their own."""
        return self.nmi if self.suffix in ("", _FIRST_REGISTER) else f"{self.nmi}#{self.suffix}"

    @property
    def is_energy(self) -> bool:
        return self.unit.lower() in PER_KWH and self.minutes is not None


@dataclass
class _Day:
    """A record 300 with the qualities of its values; `torn` is whether it has too few of them."""

    line: int
    text: str
    stream: int
    day: str
    values: list[str]
    codes: list[str]
    torn: bool


@dataclass(frozen=True)
class Nem12File:
    """An open NEM12 file: a row per register and day; `registers` are those of the records 200, in their order."""

    path: Path
    file: str
    encoding: str
    line_end: str
    registers: tuple[Register, ...]
    ends: bool
    header: tuple[str, ...] = HEADER
    numeric: frozenset[str] = frozenset((CELL,))
    timed: frozenset[str] = frozenset()
    delimiter: str = ","
    has_readings: bool = True
    above: tuple[tuple[str, ...], ...] = ()
    below: tuple[tuple[str, ...], ...] = ()

    @property
    def sample(self) -> pl.DataFrame:
        return _ROWS.to_frame()

    def blocks(self, block_bytes: int) -> Iterator[Block]:
        """_ROWS of energy, some days at a time."""
        days: list[_Day] = []
        stream, share = -1, 0.0
        for line, text, share in lines_of(self.path, self.file, self.encoding, self.line_end, block_bytes):
            fields = _fields(text)
            if fields[0] == "200":
                stream += 1
            elif fields[0] == "300" and stream >= 0 and self.registers[stream].is_energy:
                if len(days) >= _ROWS_AT_ONCE:
                    yield Block(_frame(days), share)
                    days = []
                days.append(_day(line, text, stream, fields, self.registers[stream]))
            elif fields[0] == "400" and days and days[-1].stream == stream:
                _refine(days[-1], fields)
        yield Block(_frame(days), share)


def is_nem12(head: str) -> bool:
    """Whether a text begins as NEM12 does: with its record 100, or where that was cut off with a record 200 above a 300.

    >>> is_nem12("100,NEM12,200402070911,MDA1,Ret1"), is_nem12("meter_id,timestamp,kwh"), is_nem12("200,NMI,E1\\n300,20250101,1")
    (True, False, True)
    """
    first, _, rest = head.lstrip("\ufeff").replace('"', "").partition("\n")
    return first.upper().startswith("100,NEM12") or (first.startswith("200,") and rest.startswith("300,"))


def open_nem12(path: Path, file: str, head: str, stated: str | None) -> Nem12File:
    """Find the registers of a file whose first bytes are `head`; `stated` is the encoding that its sender names.

    Raises:
        IngestError: it has no record 200 that can be read.
    """
    encoding = encoding_of(file, lambda: unpacked(path, file), stated)
    line_end = "\r" if "\n" not in head and "\r" in head else "\n"
    registers: list[Register] = []
    last = ""
    for line, text, _ in lines_of(path, file, encoding, line_end, 1 << 20):
        fields = _fields(text)
        last = fields[0] or last
        if fields[0] == "200":
            registers.append(_register(file, line, fields))
    if not registers:
        raise IngestError(file, "it is NEM12, but has no record 200 that names a meter; ask for it again")
    return Nem12File(path, file, encoding, line_end, tuple(registers), last == "900")


def _register(file: str, line: int, fields: Sequence[str]) -> Register:
    fields = [*fields, *[""] * 10]
    nmi, suffix, unit, length = (fields[at].strip() for at in (1, 4, 7, 8))
    minutes = int(length) if length.isdigit() and int(length) and _DAY_MINUTES % int(length) == 0 else None
    if not nmi:
        raise IngestError(file, f"line {line}: the record 200 names no NMI; ask for the file again")
    return Register(nmi, suffix, unit, minutes)


def _fields(text: str) -> list[str]:
    try:
        return next(csv.reader([text]), [""]) or [""]
    except csv.Error:
        return [text]


def _day(line: int, text: str, stream: int, fields: Sequence[str], register: Register) -> _Day:
    count = _DAY_MINUTES // (register.minutes or _DAY_MINUTES)
    values = [value.strip() for value in fields[2 : 2 + count]]
    torn = len(fields) < 3 + count
    code = "" if torn else fields[2 + count].strip()
    return _Day(line, text, stream, "".join(fields[1:2]).strip(), [*values, *[""] * (count - len(values))], [code] * count, torn)


def _refine(day: _Day, fields: Sequence[str]) -> None:
    """Give a range of intervals the quality that a record 400 says of it; the first interval is 1."""
    first, last, code = [*fields[1:4], "", "", ""][:3]
    if first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= len(day.values):
        day.codes[int(first) - 1 : int(last)] = [code.strip()] * (int(last) - int(first) + 1)


def _frame(days: Sequence[_Day]) -> pl.DataFrame:
    return pl.DataFrame([vars(day) for day in days], schema=_ROWS) if days else _ROWS.to_frame()
