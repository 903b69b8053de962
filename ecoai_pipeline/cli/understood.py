"""How a file was understood, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from ecoai_pipeline.cli.output import local_time, time_span

if TYPE_CHECKING:
    from ecoai_pipeline.sources.understanding import Reading, Understanding

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_NAMED = 5


def understanding_lines(one: Understanding) -> list[str]:
    """A heading and a line for each thing that was found out."""
    parts = dict(_parts(one))
    wide = max(map(len, parts))
    return [f"{one.file}: {one.source}, {one.about}", *(f"  {name:<{wide}}  {text}" for name, text in parts.items())]


def _parts(one: Understanding) -> Iterator[tuple[str, str]]:
    if one.encoding:
        header = f"header in line {one.header_line}" if one.header_line else "no header"
        separator = _SEPARATORS.get(one.delimiter or "", repr(one.delimiter))
        yield "text", f"{one.encoding}, columns separated by {separator}, {header}"
    if one.columns:
        yield "columns", ", ".join(f"{_column(column)} is {meaning}" for column, meaning in one.columns.items())
    if one.unused:
        yield "not used", ", ".join(one.unused)
    if one.decimal:
        yield "decimal", f"numbers have the decimal sign {one.decimal}"
    yield "times", f"{_dates(one.dates)}the {one.stamp} of the interval"
    yield "interval", ", ".join(f"{time_span(timedelta(seconds=s))} ({n:,} readings)" for s, n in list(one.intervals_s.items())[:_NAMED])
    yield "zone", "; ".join(f"{zone.zone}, {zone.origin} ({zone.meters} meters)" for zone in one.zones)
    yield "unit", one.unit
    more = f", and {len(one.meters) - _NAMED} more" if len(one.meters) > _NAMED else ""
    yield "meters", f"{len(one.meters)}: {', '.join(one.meters[:_NAMED])}{more}"
    yield "accepted", f"{one.accepted:,} readings"
    if one.reasons:
        yield "refused", "; ".join(f"{count:,} x {reason}" for reason, count in one.reasons.items())
    for name, readings in (("first", one.first), ("last", one.last)):
        for number, reading in enumerate(readings, start=1):
            yield f"{name} {number}", _reading(reading)


def _dates(form: str | None) -> str:
    if form == "typed":
        return "stored as times, "
    return f"written as {form}, " if form else ""


def _column(name: str) -> str:
    return "the file's name" if name == "@filename" else name.removeprefix("=")


def _reading(one: Reading) -> str:
    value = "no value" if one.kwh is None else f"{one.kwh:g} kWh"
    doubt = "" if one.quality == "measured" else f" ({one.quality})"
    return f"{one.meter_id} {local_time(one.start, one.zone)} = {one.start:%Y-%m-%d %H:%M} UTC, {value}{doubt}"
