"""One pass over a Green Button file: what is described is gathered, what is read is set aside on disk, a row per reading.

Only local names count, so that every namespace and prefix in use is understood. Readings are set aside because what they
mean, their reading type and their links, may stand behind them.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ecoai_pipeline.sources.greenbutton.links import Place, place, up_to
from ecoai_pipeline.sources.greenbutton.xml import DEEPEST, RefusedError, SafeParser, too_deep

ROWS = pl.Schema(
    {
        "line": pl.Int64(),
        "block": pl.Int32(),
        "start": pl.String(),
        "duration": pl.String(),
        "value": pl.String(),
        "quality": pl.String(),
    }
)
ROWS_ASIDE = 15_000
MOST_RESOURCES = 200_000
POINT, METER_READING, READING_TYPE, LOCAL_TIME = "UsagePoint", "MeterReading", "ReadingType", "LocalTimeParameters"
_FIELDS = {
    POINT: {"kind"},
    METER_READING: set[str](),
    READING_TYPE: {
        "accumulationBehaviour",
        "commodity",
        "dataQualifier",
        "defaultQuality",
        "flowDirection",
        "intervalLength",
        "phase",
        "powerOfTenMultiplier",
        "timeAttribute",
        "tou",
        "uom",
    },
    LOCAL_TIME: {"dstEndRule", "dstOffset", "dstStartRule", "tzOffset"},
}
_IN_READING = {"start": 0, "duration": 1, "value": 2, "quality": 3}
_QUALITY = 3
_OF_ATOM = {"published", "updated"}
_READING_PARTS = {"timePeriod", "ReadingQuality", "IntervalReading"}


@dataclass
class Links:
    """The links of an Atom entry; `id` is its text."""

    id: str = ""
    own: Place = ()
    up: Place = ()
    related: list[Place] = field(default_factory=list)


@dataclass
class Resource:
    """Something that the file describes; `inside` are the numbers of the resources it is nested in, by kind."""

    kind: str
    number: int
    line: int
    links: Links
    inside: dict[str, int]
    fields: dict[str, str] = field(default_factory=dict)


class Stream(NamedTuple):
    """What blocks have in common: the meter reading that their links name, that they are nested in, and what stood before them."""

    linked: Place
    inside: tuple[tuple[str, int], ...]
    before: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Scan:
    """A file in pieces. `streams` are numbered, `stream_of` gives the number of each block, `unread` names what was not looked at."""

    folder: Path
    pieces: list[Path]
    resources: list[Resource]
    streams: list[Stream]
    stream_of: pl.Series
    unread: list[str]

    def of_kind(self, kind: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.kind == kind]


def scan(path: Path, file: str) -> Scan:
    """
    Raises:
        IngestError: the file is no well-formed XML, or beyond a limit.
    """
    folder = Path(tempfile.mkdtemp(prefix="ecoai-espi-"))
    try:
        scanner = _Scanner(SafeParser(path, file), folder)
        scanner.run()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    stream_of = pl.Series("stream", scanner.stream_of, dtype=pl.Int32)
    found = Scan(folder, scanner.aside.pieces, scanner.resources, list(scanner.streams), stream_of, sorted(scanner.unread))
    weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
    return found


class _Aside:
    """Readings column by column, written away a piece at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pieces = folder, list[Path]()
        self.lines, self.blocks = array("q"), array("i")
        self.texts: tuple[list[str | None], ...] = ([], [], [], [])

    def put(self) -> None:
        if not self.lines:
            return
        columns = dict(zip(ROWS.names(), (self.lines, self.blocks, *self.texts), strict=True))
        path = self.folder / f"{len(self.pieces):06d}.arrow"
        pl.DataFrame(columns, schema=ROWS).write_ipc(path, compression="lz4")
        self.pieces.append(path)
        del self.lines[:], self.blocks[:]
        for texts in self.texts:
            texts.clear()


class _Scanner:
    """Two sets of handlers: one for what is described, a lean one for what stands inside of a block."""

    def __init__(self, parser: SafeParser, folder: Path) -> None:
        self.parser, self.aside = parser, _Aside(folder)
        self.resources: list[Resource] = []
        self.streams: dict[Stream, int] = {}
        self.stream_of = array("i")
        self.unread: set[str] = set()
        self._open: list[tuple[str, Resource | None]] = []
        self._entry: Links | None = None
        self._collecting: str | None = None
        self._last: dict[str, int] = {}
        self._waiting = 0
        self._nested: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def run(self) -> None:
        self._describe()
        self.parser.run(self._watch)
        self._close_blocks()
        self.aside.put()

    def _watch(self) -> None:
        if len(self.aside.lines) >= ROWS_ASIDE:
            self.aside.put()
        if len(self.resources) + len(self.streams) > MOST_RESOURCES:
            raise RefusedError(f"it describes more than {MOST_RESOURCES:,} resources; split it")

    # What is described.

    def _describe(self) -> None:
        self.parser.expat.StartElementHandler = self._start
        self.parser.expat.EndElementHandler = self._end

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if len(self._open) >= DEEPEST:
            raise too_deep()
        if name in ("IntervalBlock", "IntervalReading"):
            self._start_block(name, tag)
            return
        resource = None
        if name in _FIELDS:
            resource = self._new_resource(name)
        elif name == "entry":
            self._close_blocks()
            self._entry = Links()
        elif name == "link" and self._entry is not None:
            _add_link(self._entry, attributes)
        elif self._wanted(name):
            self._collect(name)
        elif self._open and self._open[-1][0] == "content" and name not in _OF_ATOM:
            self.unread.add(name)
        self._open.append((name, resource))

    def _end(self, _tag: str) -> None:
        name, _ = self._open.pop()
        if self._collecting == name:
            self._collected(name)
        if name == "entry":
            self._close_blocks()
            self._entry = None

    def _new_resource(self, kind: str) -> Resource:
        links = self._entry if self._entry is not None else Links()
        inside = {parent.kind: parent.number for _, parent in self._open if parent is not None}
        resource = Resource(kind, len(self.resources), self.parser.expat.CurrentLineNumber, links, inside)
        self.resources.append(resource)
        self._last[kind] = resource.number
        return resource

    def _wanted(self, name: str) -> bool:
        parent = self._innermost()
        if parent is not None:
            return name in _FIELDS[parent.kind] and name not in parent.fields
        return name == "id" and self._entry is not None and self._open[-1][0] == "entry"

    def _innermost(self) -> Resource | None:
        return next((resource for _, resource in reversed(self._open) if resource is not None), None)

    def _collect(self, name: str) -> None:
        self._collecting = name
        self.parser.held.clear()
        self.parser.expat.CharacterDataHandler = self.parser.held.append

    def _collected(self, name: str) -> None:
        self.parser.expat.CharacterDataHandler = None
        self._collecting = None
        text = "".join(self.parser.held).strip()
        self.parser.held.clear()
        parent = self._innermost()
        if parent is not None:
            parent.fields.setdefault(name, text)
        elif self._entry is not None:
            self._entry.id = text

    # What is read.

    def _start_block(self, name: str, tag: str) -> None:
        """Hand over to the lean handlers until the block ends; a reading outside of a block is a block of its own."""
        self._nested = {parent.kind: parent.number for _, parent in self._open if parent is not None}
        self._waiting += 1
        number = len(self.stream_of) + self._waiting - 1
        bare = name == "IntervalReading"
        start = self._read(number, depth=0 if bare else 1)
        if bare:
            start(tag, {})

    def _read(self, block: int, depth: int) -> Callable[[str, dict[str, str]], None]:
        """Handlers as closures over plain variables: they are called a dozen times per reading."""
        expat, held, unread, names, aside = self.parser.expat, self.parser.held, self.unread, self._names, self.aside
        columns = aside.texts
        deepest, line, reading_depth = DEEPEST - len(self._open), 0, 0
        reading: list[str | None] | None = None
        collecting = -1

        def start(tag: str, _attributes: object) -> None:
            nonlocal reading, collecting, line, depth, reading_depth
            depth += 1
            if depth > deepest:
                raise too_deep()
            name = names.get(tag)
            if name is None:
                name = names[tag] = tag.rpartition(":")[2]
            if reading is not None:
                at = _IN_READING.get(name)
                if at is not None:
                    collecting = at
                    held.clear()
                elif name not in _READING_PARTS:
                    unread.add(name)
            elif name == "IntervalReading":
                reading, reading_depth, line = [None, None, None, None], depth, expat.CurrentLineNumber
                expat.CharacterDataHandler = held.append

        def end(tag: str) -> None:
            nonlocal reading, collecting, depth
            depth -= 1
            if reading is not None:
                if collecting >= 0:
                    if _IN_READING.get(names[tag]) != collecting:
                        return
                    text = held[0] if len(held) == 1 else "".join(held)
                    before = reading[collecting]
                    if before is None:
                        reading[collecting] = text
                    elif collecting == _QUALITY:
                        reading[collecting] = f"{before} {text}"
                    collecting = -1
                elif depth < reading_depth:
                    aside.lines.append(line)
                    aside.blocks.append(block)
                    for column, told in zip(columns, reading, strict=True):
                        column.append(told)
                    reading = None
                    expat.CharacterDataHandler = None
                    held.clear()
            if depth == 0:
                self._end_block()

        expat.StartElementHandler, expat.EndElementHandler = start, end
        return start

    def _end_block(self) -> None:
        self._describe()
        if self._entry is None:
            self._close_blocks()

    def _close_blocks(self) -> None:
        """Number the stream of the blocks that wait for the links of their entry."""
        if not self._waiting:
            return
        links = self._entry if self._entry is not None else Links()
        linked = up_to(links.own, "meterreading") or up_to(links.up, "meterreading")
        linked = linked or up_to(links.own, "usagepoint") or up_to(links.up, "usagepoint") or ()
        stream = Stream(linked, tuple(sorted(self._nested.items())), tuple(sorted(self._last.items())))
        number = self.streams.setdefault(stream, len(self.streams))
        self.stream_of.extend([number] * self._waiting)
        self._waiting = 0


def _add_link(links: Links, attributes: dict[str, str]) -> None:
    relation, href = attributes.get("rel", "").lower(), attributes.get("href", "")
    if relation == "self":
        links.own = place(href)
    elif relation == "up":
        links.up = place(href)
    elif relation == "related":
        links.related.append(place(href))
