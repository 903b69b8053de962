"""Delimited text in blocks: encodings, gzip, delimiters and lines, with nothing filled in and nothing cut off."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import polars as pl

from ecoai_pipeline.sources.encoding import encoding_of
from ecoai_pipeline.sources.header import (
    MOST_LINES_ABOVE,
    NOTHING_SAID,
    Opening,
    Place,
    find_table,
    find_values,
    names_of,
    no_header,
    numbered,
    rows_below,
    rows_of_one_table,
)
from ecoai_pipeline.sources.ragged import any_filled, ends_parted, filled_up
from ecoai_pipeline.sources.reasons import IngestError

GZIP_MAGIC = b"\x1f\x8b"
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 200
LONGEST_HEADER = 20
"""Lines that a header may have at most."""
LONGEST_RECORD = 100
"""Lines that a record may have at most."""
LONGEST_LINE = 16 << 20
"""Characters; a line without an end would be held in memory whole."""
_CHUNK = 1 << 20
_PEEK = 1 << 16
_COMMENT = "#"
_EMPTY_FORMULA = 2
_SEPARATOR = re.compile(r"\"?sep=.\"?[,;\t|]*")
"""Excel's hint at the delimiter of a text."""
_LINES = pl.Schema({"line": pl.Int64(), "text": pl.String()})


@dataclass(frozen=True)
class Block:
    """Some rows of a file: `line` (i64, the header being 1), `text`, `fields` (list of str), and the share of the file read so far."""

    rows: pl.DataFrame
    share: float


@dataclass(frozen=True)
class DelimitedText:
    """A text file whose encoding, line ends, header and delimiter are known.

    A record is a line, or several where a quoted field holds line breaks; its number is that of its first line. `above` are the
    records above the header, `below` those of units between it and the first row.
    """

    path: Path
    file: str
    encoding: str
    line_end: str
    delimiter: str
    header: tuple[str, ...]
    header_lines: int
    sample: pl.DataFrame
    above: tuple[tuple[str, ...], ...] = ()
    below: tuple[tuple[str, ...], ...] = ()
    has_readings: bool = True
    numeric: frozenset[str] = frozenset()
    timed: frozenset[str] = frozenset()
    header_line: int = 0

    def blocks(self, block_bytes: int) -> Iterator[Block]:
        """The records below the header, about `block_bytes` of (unpacked) text at a time.

        Raises:
            IngestError: the file cannot be unpacked or decoded to its end.
        """
        begun, share = _LINES.to_frame(), 1.0
        for text, line, share in _texts(self.path, self.file, self.encoding, self.line_end, block_bytes):
            lines = _lines(text, line).filter(pl.col("line") > self.header_lines)
            records, begun = _joined(pl.concat([begun, lines]), self.delimiter, len(self.header))
            yield Block(_split(records, self.delimiter, len(self.header)), share)
        if begun.height:
            yield Block(_split(begun, self.delimiter, len(self.header)), share)

    def mentions(self, text: str) -> bool:
        """Whether a text of one line stands anywhere in the file; far cheaper than to read its records."""
        return any(text in lines for lines, _, _ in _texts(self.path, self.file, self.encoding, self.line_end, _CHUNK))


def open_text(path: Path, file: str, opening: Opening = NOTHING_SAID) -> DelimitedText:
    """Find out encoding, delimiter and header; read the whole file once, so that a torn one is refused before any use.

    Raises:
        IngestError: the file is empty, torn, binary, of an unknown encoding, or has no line that names its columns.
    """
    encoding = encoding_of(file, lambda: unpacked(path, file), opening.encoding)
    # Two pieces: a last line without an end comes by itself, and may be all there is below the header.
    text = "".join(text for text, _, _ in islice(_texts(path, file, encoding, "\n", _CHUNK), 2))
    if not text.strip():
        raise IngestError(file, "it is empty")
    line_end = "\r" if "\n" not in text and "\r" in text else "\n"
    lines = _lines(text.replace(line_end, "\n"), 1).head(LONGEST_RECORD + MOST_LINES_ABOVE + SAMPLE_LINES + (opening.fixed() or 0))
    head = _head(lines["text"].to_list(), opening, file)
    sample, _ = _joined(lines.slice(head.lines, SAMPLE_LINES), head.delimiter, len(head.names))
    rows = _split(sample, head.delimiter, len(head.names))
    rows = rows.head(rows_of_one_table(rows["fields"].to_list(), head.names)).with_columns(filled_up(len(head.names)))
    return DelimitedText(
        path,
        file,
        encoding,
        line_end,
        head.delimiter,
        head.names,
        head.lines,
        rows,
        above=head.above,
        below=head.below,
        has_readings=head.has_readings,
        header_line=head.line,
    )


def peek_header(path: Path) -> tuple[str, ...]:
    """The names of the columns as far as the head of a file tells them; letters of encodings other than Unicode are guesses.

    Raises:
        IngestError: the gzip file is torn.
    """
    with unpacked(path, path.name) as (stream, _):
        head = stream.read(_PEEK)
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = head.decode("utf-16" if wide else "utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return _head(text.split("\n")[:LONGEST_RECORD], NOTHING_SAID, path.name).names


class _Head(NamedTuple):
    """The head of a text: delimiter, names, the number of lines down to the first row, the line of the names (0: there is none),
    the records above it, and those of units below it."""

    delimiter: str
    names: tuple[str, ...]
    lines: int
    line: int = 0
    above: tuple[tuple[str, ...], ...] = ()
    has_readings: bool = True
    below: tuple[tuple[str, ...], ...] = ()


def _head(lines: Sequence[str], opening: Opening, file: str) -> _Head:
    """Find the header, with the delimiter that makes most of the rows below it readings.

    Raises:
        IngestError: no line names the columns.
    """
    fixed = opening.fixed()
    start = fixed or 0
    records = _records(lines[start:], start)
    if not records:
        raise IngestError(file, f"it has {len(lines)} lines, but {start} are to be skipped; correct skip_rows or header_row")
    if opening.values_only:
        return _values(records)
    if opening.header_row == 0:
        delimiter = max(DELIMITERS, key=lambda sign: len(_fields(records[0].text, sign)))
        return _Head(delimiter, numbered(len(_fields(records[0].text, delimiter))), records[0].line - 1)
    if fixed is not None:
        delimiter = max(DELIMITERS, key=records[0].text.count)
        return _named(records, 0, rows_below([_fields(one.text, delimiter) for one in records], 0), delimiter)
    found = [(delimiter, place) for delimiter in DELIMITERS if (place := _place(records, delimiter, opening.expected))]
    if not found:
        return _named(records, 0, 1, max(DELIMITERS, key=records[0].text.count))._replace(has_readings=False)
    delimiter, place = max(found, key=lambda one: _width(records, *one))
    if place.names is None and any(line.startswith(_COMMENT) for line in lines):
        # Some programs write the names of the columns as a comment.
        return _head([line.lstrip(_COMMENT + " ") for line in lines], opening, file)
    if place.names is None:
        raise no_header(file, _fields(records[place.rows].text, delimiter))
    return _named(records, place.names, place.rows, delimiter)


def _values(records: Sequence[_Record]) -> _Head:
    """The head of a text without times. A comma in a single column is a decimal sign: it separates where a line has several."""
    texts = [one.text for one in records]
    several = max(text.count(",") for text in texts) > 1 or (len(texts) > 1 and "," in texts[0] and not texts[0][0].isdigit())
    delimiter = next((sign for sign in DELIMITERS if sign != "," and any(sign in text for text in texts)), "," if several else ";")
    place = find_values([_fields(text, delimiter) for text in texts])
    if place.names is not None:
        return _named(records, place.names, place.rows, delimiter)
    return _Head(delimiter, numbered(len(_fields(texts[0], delimiter))), records[0].line - 1)


def _named(records: Sequence[_Record], names: int, rows: int, delimiter: str) -> _Head:
    """The head whose names and first row are given by their places among the records; the delimiter of the lines above may differ."""
    above = tuple(tuple(_fields(one.text, max(DELIMITERS, key=one.text.count))) for one in records[:names])
    named = names_of(_fields(records[names].text, delimiter))
    below = tuple(tuple(_fields(one.text, delimiter)) for one in records[names + 1 : rows])
    return _Head(delimiter, named, records[rows - 1].last, records[names].line, above, below=below)


def _place(records: Sequence[_Record], delimiter: str, expected: Sequence[str]) -> Place | None:
    return find_table([_fields(one.text, delimiter) for one in records], expected)


def _width(records: Sequence[_Record], delimiter: str, place: Place) -> tuple[bool, int]:
    """How good a delimiter is: rows of readings are found with it, and it makes many columns."""
    names = records[place.names].text if place.names is not None else ""
    return place.rows < len(records), len(names_of(_fields(names, delimiter)))


class _Record(NamedTuple):
    """A record that is not blank, with the numbers of its first and its last line."""

    line: int
    last: int
    text: str


def _records(lines: Sequence[str], passed: int) -> list[_Record]:
    """Lines joined where a quoted field holds line breaks, without blank ones, comments and Excel's `sep=;`."""
    records, at = [], 0
    while at < len(lines):
        count = next((n for n in range(1, LONGEST_HEADER + 1) if "\n".join(lines[at : at + n]).count('"') % 2 == 0), 1)
        text = "\n".join(lines[at : at + count])
        if text.strip() and not text.startswith(_COMMENT) and not _SEPARATOR.fullmatch(text):
            records.append(_Record(passed + at + 1, passed + at + count, text))
        at += count
    return records


def _lines(text: str, first_line: int) -> pl.DataFrame:
    """Lines with their numbers (_LINES)."""
    lines = pl.Series("text", [text.removesuffix("\n")], dtype=pl.String).str.split("\n").explode().str.strip_chars_end("\r")
    return pl.DataFrame({"line": pl.int_range(first_line, first_line + len(lines), dtype=pl.Int64, eager=True), "text": lines})


def _joined(lines: pl.DataFrame, delimiter: str, width: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join lines whose quoted fields hold line breaks, where that makes records of `width` fields.

    A quote that is never closed must not swallow the lines below, hence the width, and LONGEST_RECORD.

    Returns:
        the records (_LINES), and the lines at the end whose record may go on in the next block.
    """
    odd = lines.with_row_index("at").filter(pl.col("text").str.count_matches('"', literal=True) % 2 == 1)["at"].to_list()
    joined: dict[int, tuple[int, str]] = {}
    at = 0
    while at < len(odd):
        first, last = odd[at], odd[at + 1] if at + 1 < len(odd) else lines.height
        if last == lines.height and lines.height - first < LONGEST_RECORD and _is_open(lines["text"][first], delimiter):
            return _replaced(lines[:first], joined), lines[first:]
        record = "\n".join(lines["text"][first : last + 1]) if last < lines.height and last - first < LONGEST_RECORD else ""
        fits = bool(record) and _is_open(lines["text"][first], delimiter) and len(_fields(record, delimiter)) == width
        if fits:
            joined[first] = (last, record)
        at += 2 if fits else 1
    return _replaced(lines, joined), lines[:0]


def _replaced(lines: pl.DataFrame, joined: Mapping[int, tuple[int, str]]) -> pl.DataFrame:
    """Put each joined record in the place of its lines, which are given by position."""
    if not joined:
        return lines
    inside = [place for first, (last, _) in joined.items() for place in range(first + 1, last + 1)]
    texts = {first: record for first, (_, record) in joined.items()}
    at = pl.int_range(pl.len())
    replaced = lines.with_columns(text=pl.coalesce(at.replace_strict(texts, default=None, return_dtype=pl.String), "text"))
    return replaced.filter(~at.is_in(inside))


def _split(records: pl.DataFrame, delimiter: str, width: int) -> pl.DataFrame:
    """Records split into fields; blank ones are left out, and empty fields beyond `width`, which delimiters at the end make.

    They are kept where the row may be longer because a decimal comma has parted a number.
    """
    split = _in_fields(records, delimiter)
    longer = pl.col("fields").list.len() > width
    if not split.select(longer.any()).item():
        return split
    surplus = any_filled(pl.col("fields").list.slice(width))
    parted = ends_parted(pl.col("text")) & pl.lit(delimiter == ",")
    return split.with_columns(
        pl.when(longer & ~surplus & ~parted).then(pl.col("fields").list.head(width)).otherwise("fields").alias("fields")
    )


def _in_fields(records: pl.DataFrame, delimiter: str) -> pl.DataFrame:
    """Records split into fields; blank ones are left out."""
    frame = records.filter(pl.col("text").str.strip_chars() != "")
    quoted = pl.col("text").str.contains('"', literal=True)
    plain = frame.filter(~quoted).with_columns(fields=pl.col("text").str.split(delimiter))
    if plain.height == frame.height:
        return plain
    rest = frame.filter(quoted)
    fields = pl.Series("fields", _all_fields(rest["text"].to_list(), delimiter), dtype=pl.List(pl.String))
    return pl.concat([plain, rest.with_columns(fields)]).sort("line")


def _all_fields(texts: list[str], delimiter: str) -> list[list[str]]:
    """Fields of each text; one pass where no text runs on into the next."""
    try:
        fields = list(csv.reader(texts, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        fields = []
    if len(fields) != len(texts):
        return [_fields(text, delimiter) for text in texts]
    return list(map(_plain, fields)) if any('="' in text for text in texts) else fields


def _fields(text: str, delimiter: str) -> list[str]:
    """Fields of one record on its own: an unclosed quote ends with it; what cannot be taken apart is one field."""
    try:
        return _plain(next(csv.reader([text], delimiter=delimiter, skipinitialspace=True)))
    except csv.Error:
        return [text]


def _plain(fields: list[str]) -> list[str]:
    """Fields without the formula by which a program keeps a workbook from changing a text: `="0012"` is 0012."""
    return [field[2:-1] if field.startswith('="') and field.endswith('"') and len(field) > _EMPTY_FORMULA else field for field in fields]


def _is_open(line: str, delimiter: str) -> bool:
    """Whether a line ends inside of quotes."""
    try:
        next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def lines_of(path: Path, file: str, encoding: str, line_end: str, block_bytes: int) -> Iterator[tuple[int, str, float]]:
    """The lines of a file: number, text, share of the file read."""
    for text, first, share in _texts(path, file, encoding, line_end, block_bytes):
        for number, line in enumerate(text.removesuffix("\n").split("\n"), start=first):
            yield number, line.removesuffix("\r"), share


def _texts(path: Path, file: str, encoding: str, line_end: str, block_bytes: int) -> Iterator[tuple[str, int, float]]:
    """Whole lines of a file: text, number of its first line, share read."""
    decoder, rest, line = codecs.getincrementaldecoder(encoding)(), "", 1
    size = max(path.stat().st_size, 1)
    with unpacked(path, file) as (stream, packed):
        while chunk := stream.read(block_bytes):
            text = rest + decoder.decode(chunk).replace(line_end, "\n")
            cut = text.rfind("\n") + 1
            text, rest = text[:cut], text[cut:]
            if text:
                yield text, line, min(packed.tell() / size, 1.0)
                line += text.count("\n")
            if len(rest) > LONGEST_LINE:
                raise IngestError(file, f"line {line} has more than {LONGEST_LINE >> 20} million characters; it is no table of readings")
        rest += decoder.decode(b"", final=True).replace(line_end, "\n")
        if rest:
            yield rest, line, 1.0


@contextmanager
def unpacked(path: Path, file: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file's bytes, unpacked where it is gzip, and the file itself (for progress)."""
    with path.open("rb") as packed:
        is_gzip = packed.read(2) == GZIP_MAGIC
        packed.seek(0)
        try:
            if is_gzip:
                with gzip.GzipFile(fileobj=packed) as stream:
                    yield stream, packed  # type: ignore[misc]
            else:
                yield packed, packed
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            message = f"the gzip file is torn or damaged ({error}); ask for it again, or unpack it to see what is left"
            raise IngestError(file, message) from error
