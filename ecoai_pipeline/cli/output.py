"""How an answer is printed: a table for people, JSON or CSV for programs, progress on stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table


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

    `columns` are the rows' columns to show in a table; CSV has all of them.
    """

    document: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[str] = ()
    title: str = ""
    notes: Sequence[str] = field(default_factory=list)

    def show(self, chosen: Format, as_json: bool = False) -> None:
        if as_json or chosen is Format.JSON:
            sys.stdout.write(json.dumps(self.document, default=_plain, ensure_ascii=False, indent=1) + "\n")
        elif chosen is Format.CSV:
            self._write_csv()
        else:
            self._print_table()

    def _write_csv(self) -> None:
        names = list(self.rows[0]) if self.rows else list(self.columns)
        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _exact(value) for name, value in row.items()} for row in self.rows)

    def _print_table(self) -> None:
        console = Console(width=None if sys.stdout.isatty() else 160)
        if self.rows:
            names = list(self.columns or self.rows[0])
            table = Table(title=self.title or None, title_justify="left", header_style="bold")
            for name in names:
                numeric = isinstance(self.rows[0].get(name), int | float)
                table.add_column(name.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
            for row in self.rows:
                table.add_row(*(_cell(row.get(name)) for name in names))
            console.print(table)
        for note in self.notes:
            console.print(note, highlight=False, markup=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | tuple):
        return list(value)
    return str(value)


def _exact(value: Any) -> Any:
    """A value as a program reads it back: numbers with all their digits, times with their offset."""
    return _plain(value) if value is not None and not isinstance(value, int | float) else value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1 else f"{value:,.1f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def print_error(message: str, chosen: Format) -> None:
    """One sentence on stderr, or a JSON document on stdout where JSON was asked for."""
    if chosen is Format.JSON:
        sys.stdout.write(json.dumps({"error": message}, ensure_ascii=False) + "\n")
    else:
        Console(stderr=True).print(f"error: {message}", style="red", highlight=False, markup=False)


class Steps:
    """A progress bar that counts finished steps."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def start(self, what: str, total: int) -> None:
        self._progress.reset(self._task, total=total, description=what)

    def done(self, what: str | None = None) -> None:
        self._progress.update(self._task, advance=1, description=what)


@contextmanager
def progress_bar() -> Iterator[Steps]:
    """A bar on stderr, with an estimate of what is left; it leaves nothing behind, so that stdout and logs stay clean."""
    times = (MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), *times)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Steps(progress)
