"""How an answer is printed: a table for people, JSON or CSV for programs, progress on stderr.

Everything that is printed goes through here: ids and texts are data, so nothing in them is markup or acts on the terminal.
"""

from __future__ import annotations

import csv
import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ecoai_pipeline import escape

_WIDEST_CELL = 26  # a longer cell wraps at its spaces, or is shortened and written in full below the table
_IDS = ("meter", "meter_id", "event", "event_id", "statement_id", "detection_id")
"""Columns of ids, which people copy: they are shown whole and stay whole where another column has to be left out."""
_GAP = 2  # between two columns


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"

    @classmethod
    def asked_for(cls, arguments: Sequence[str]) -> Format:
        """The format that the arguments ask for, found before they are parsed, so that usage errors have it too."""
        joined = " ".join(arguments)
        return cls.JSON if "--json" in arguments or "--format json" in joined or "--format=json" in joined else cls.TABLE


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the answer.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Short for --format json: one JSON document on stdout and nothing else.")]


@dataclass(frozen=True)
class Answer:
    """What a command found: the whole as a document, its rows as a table, and notes for people.

    `columns` are the columns of a table, the most important first: those that do not fit the width are left out. CSV has all
    columns of the rows. Times of rows are printed in their own zone, which the table names; JSON and CSV have them in UTC.
    """

    document: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[str] = ()
    title: str = ""
    notes: Sequence[str] = field(default_factory=list)

    def show(self, chosen: Format, as_json: bool = False) -> None:
        if as_json or chosen is Format.JSON:
            sys.stdout.write(escape.json(self.document, default=_plain, indent=1) + "\n")
        elif chosen is Format.CSV:
            self._write_csv()
        else:
            self._print_table()

    def _write_csv(self) -> None:
        names = list(self.rows[0]) if self.rows else list(self.columns)
        exact = _line_for_terminal if sys.stdout.isatty() else _exact
        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: exact(value) for name, value in row.items()} for row in self.rows)

    def _print_table(self) -> None:
        width = screen_width()
        if self.rows:
            table = _Table.of(self.rows, list(self.columns or self.rows[0]), width)
            table.print(self.title, width)
        for note in [*(table.notes if self.rows else ()), *self.notes]:
            print_note(note, width)


def screen_width() -> int:
    """Columns of the terminal, or COLUMNS; 80 where the output goes into a file."""
    return shutil.get_terminal_size((80, 24)).columns


def print_note(note: str, width: int) -> None:
    """A line for people. On a terminal it breaks between words and never inside one: ids and paths can be copied."""
    for line in escape.lines(note).split("\n"):
        sys.stdout.write("\n".join(_shown_lines(line, width)) + "\n")


def _shown_lines(line: str, width: int) -> list[str]:
    """A line as it is shown: in a file it stays whole."""
    return _wrapped(line, width) if sys.stdout.isatty() else [line]


def _wrapped(line: str, width: int) -> list[str]:
    """A line as lines of at most `width` columns, the following ones indented; a longer word has a line of its own.

    >>> _wrapped("  meter 한글계량기 is late", 18)
    ['  meter 한글계량기', '  is late']
    """
    words = line.lstrip().split(" ")
    lines = [line[: len(line) - len(line.lstrip())] + words[0]]
    for word in words[1:]:
        if cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return lines


def in_zone(rows: Iterable[Mapping[str, Any]], zone: str | Callable[[Mapping[str, Any]], str], *names: str) -> list[dict[str, Any]]:
    """Rows with some of their times (UTC) on the clock of a zone, or of the one that a function gives for each row; for a table."""
    zone_of = zone if callable(zone) else lambda _: zone
    return [{**row, **{name: _moved(row.get(name), zone_of(row)) for name in names}} for row in rows]


def local_time(moment: datetime, zone: str) -> str:
    """A time for a sentence, on the clock of a zone that it names.

    >>> local_time(datetime(2025, 2, 28, 15, tzinfo=UTC), "Asia/Seoul")
    '2025-03-01 00:00 Asia/Seoul'
    """
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def _moved(moment: datetime | None, zone: str) -> datetime | None:
    return moment and moment.astimezone(ZoneInfo(zone))


@dataclass(frozen=True)
class _Table:
    """Cells that fit a width, and what must be said below them."""

    widths: Mapping[str, int]
    cells: Sequence[Mapping[str, str]]
    numeric: frozenset[str]
    zone: str
    notes: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], names: Sequence[str], width: int) -> _Table:
        zones = {str(value.tzinfo) for row in rows for name in names if isinstance(value := row.get(name), datetime) and value.tzinfo}
        texts = [{name: _cell(row.get(name), named=len(zones) > 1) for name in names} for row in rows]
        names = [name for name in names if any(text[name] for text in texts)] or names  # a column without a value says nothing
        numeric = frozenset(name for name in names if all(row.get(name) is None or _is_number(row[name]) for row in rows))
        widths = _widths({name: [text[name] for text in texts] for name in names}, width)
        cells = [{name: _short(text[name], room) for name, room in widths.items()} for text in texts]
        long = dict.fromkeys((text[name], cell[name]) for text, cell in zip(texts, cells, strict=True) for name in widths)
        notes = [f"{shown} is {text}" for text, shown in long if text != shown]
        left_out = ", ".join(name.replace("_", " ") for name in names if name not in widths)
        if left_out:
            notes.append(f"not shown, as the screen has {width} columns: {left_out}; --format csv has all")
        return cls(widths, cells, numeric, zones.pop() if len(zones) == 1 else "", notes)

    def print(self, title: str, width: int) -> None:
        heading = ", ".join(part for part in (title, self.zone and f"times in {self.zone}") if part)
        console = console_of(sys.stdout, width)
        if heading:
            for line in _shown_lines(escape.terminal(heading), width):
                console.print(line, style="bold", soft_wrap=True)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, header_style="bold")
        for name, room in self.widths.items():
            table.add_column(name.replace("_", " "), justify="right" if name in self.numeric else "left", overflow="fold", width=room)
        for cells in self.cells:
            table.add_row(*(cells[name] for name in self.widths))
        console.print(table)


def _widths(texts: Mapping[str, Sequence[str]], width: int) -> dict[str, int]:
    """The columns that fit the width, the first ones before the others; what is left goes to those with long cells."""
    widths, left = dict[str, int](), width + _GAP
    wanted = {name: max([*(cell_len(word) for word in name.split("_")), *map(cell_len, cells)]) for name, cells in texts.items()}
    for name, wide in wanted.items():
        room = min(wide, width if name in _IDS else _WIDEST_CELL)
        if not widths or room + _GAP <= left:
            widths[name] = room
            left -= room + _GAP
    for name, room in widths.items():
        more = min(wanted[name] - room, left)
        widths[name] += more
        left -= more
    return widths


def _short(text: str, room: int) -> str:
    """A cell that fits: one that cannot wrap at spaces is shortened in its middle. Letters of some scripts take two columns."""
    longest = max((cell_len(word) for word in text.split(" ")), default=0)
    if longest <= room:
        return text
    shorter = (escape.shortened(text, width) for width in range(room, 0, -1))
    return next(one for one in shorter if cell_len(one) <= room)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | tuple):
        return list(value)
    return str(value)


def _exact(value: Any) -> Any:
    """A value as a program reads it back: numbers with all their digits, times in UTC with their offset, texts as cells of CSV."""
    if value is None or isinstance(value, int | float):
        return value
    return escape.csv(str(_plain(value)))


def _line_for_terminal(value: Any) -> Any:
    exact = _exact(value)
    return escape.terminal(exact) if isinstance(exact, str) else exact


def _cell(value: Any, *, named: bool) -> str:
    """A value for people; `named`: with the zone of a time, where a table has several."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1 else f"{value:,.1f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" + (f" {value.tzinfo}" if named else "")
    if isinstance(value, timedelta):
        return time_span(value)
    if isinstance(value, list | tuple):
        return escape.terminal(", ".join(str(item) for item in value))
    return escape.terminal(str(value))


def time_span(time: timedelta) -> str:
    """How long something lasts, in its two largest units.

    >>> [time_span(timedelta(minutes=m)) for m in (15, 180, 435, 1440, 3060)]
    ['15 min', '3 h', '7 h 15 min', '1 d', '2 d 3 h']
    """
    minutes = round(time.total_seconds() / 60)
    units = [(minutes // 1440, "d"), (minutes % 1440 // 60, "h"), (minutes % 60, "min")]
    parts = [f"{count} {unit}" for count, unit in units if count][:2]
    return " ".join(parts) or f"{time.total_seconds():g} s"


def console_of(stream: Any, width: int | None = None) -> Console:
    """A console that takes every text for what it is: no markup, no emoji codes, no colours by content."""
    height = None if width is None else 24  # Rich heeds a width on a dumb terminal only beside a height
    return Console(file=stream, width=width, height=height, markup=False, emoji=False, highlight=False)


def print_error(message: str, chosen: Format) -> None:
    """One sentence on stderr, or a JSON document on stdout where JSON was asked for."""
    if chosen is Format.JSON:
        sys.stdout.write(escape.json({"error": message}) + "\n")
    else:
        console_of(sys.stderr, screen_width()).print(f"error: {escape.lines(message)}", style="red", soft_wrap=not sys.stderr.isatty())


class VisibleLines(logging.Formatter):
    """Log lines in which nothing acts on the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return escape.lines(super().format(record))


class Steps:
    """A progress bar that counts finished steps."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def start(self, what: str, total: int) -> None:
        self._progress.reset(self._task, total=total, description=escape.terminal(what))

    def done(self, what: str | None = None) -> None:
        self._progress.update(self._task, advance=1, description=None if what is None else escape.terminal(what))


@contextmanager
def progress_bar() -> Iterator[Steps]:
    """A bar on stderr, with an estimate of what is left; it leaves nothing behind, so that stdout and logs stay clean."""
    times = (MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), *times)
    with Progress(*columns, console=console_of(sys.stderr), transient=True) as progress:
        yield Steps(progress)
