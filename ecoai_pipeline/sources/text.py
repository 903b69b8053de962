"""Delimited text in blocks: encodings, gzip, delimiters and lines, with nothing filled in and nothing cut off."""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import polars as pl

from ecoai_pipeline.sources.reasons import IngestError

GZIP_MAGIC = b"\x1f\x8b"
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 200
LONGEST_RECORD = 100
"""Lines that a record may have at most."""
LONGEST_LINE = 16 << 20
"""Characters; a line without an end would be held in memory whole."""
_CHUNK = 1 << 20
_PEEK = 1 << 16
_LINES = pl.Schema({"line": pl.Int64(), "text": pl.String()})


@dataclass(frozen=True)
class Block:
    """Some rows of a file: `line` (i64, the header being 1), `text`, `fields` (list of str), and the share of the file read so far."""

    rows: pl.DataFrame
    share: float


@dataclass(frozen=True)
class DelimitedText:
    """A text file whose encoding, line ends, header and delimiter are known.

    A record is a line, or several where a quoted field holds line breaks; its number is that of its first line.
    """

    path: Path
    file: str
    encoding: str
    line_end: str
    delimiter: str
    header: tuple[str, ...]
    header_lines: int
    sample: pl.DataFrame

    def blocks(self, block_bytes: int) -> Iterator[Block]:
        """The records below the header, about `block_bytes` of (unpacked) text at a time.

        Raises:
            IngestError: the file cannot be unpacked or decoded to its end.
        """
        begun, share = _LINES.to_frame(), 1.0
        for text, line, share in _texts(self.path, self.file, self.encoding, self.line_end, block_bytes):
            lines = _lines(text, line).filter(pl.col("line") > self.header_lines)
            records, begun = _joined(pl.concat([begun, lines]), self.delimiter, len(self.header))
            yield Block(_split(records, self.delimiter), share)
        if begun.height:
            yield Block(_split(begun, self.delimiter), share)


def open_text(path: Path, file: str) -> DelimitedText:
    """Find out encoding, delimiter and header; read the whole file once, so that a torn one is refused before any use.

    Raises:
        IngestError: the file is empty, torn, binary or of an unknown encoding.
    """
    encoding = _encoding(path, file)
    # Two pieces: a last line without an end comes by itself, and may be all there is below the header.
    text = "".join(text for text, _, _ in islice(_texts(path, file, encoding, "\n", _CHUNK), 2))
    line_end = "\r" if "\n" not in text and "\r" in text else "\n"
    lines = _lines(text.replace(line_end, "\n"), 1).head(LONGEST_RECORD + SAMPLE_LINES)
    first = lines["text"][0]
    if not first.strip():
        raise IngestError(file, "it starts with an empty line; the first line must name the columns" if text.strip() else "it is empty")
    header_lines, delimiter, header = _header(lines["text"].head(LONGEST_RECORD).to_list())
    sample, _ = _joined(lines.slice(header_lines, SAMPLE_LINES), delimiter, len(header))
    return DelimitedText(path, file, encoding, line_end, delimiter, header, header_lines, _split(sample, delimiter))


def peek_header(path: Path) -> tuple[str, ...]:
    """The names of the columns as far as the head of a file tells them; letters of encodings other than Unicode are guesses.

    Raises:
        IngestError: the gzip file is torn.
    """
    with unpacked(path, path.name) as (stream, _):
        head = stream.read(_PEEK)
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = head.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return _header(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:LONGEST_RECORD])[2]


def _header(lines: Sequence[str]) -> tuple[int, str, tuple[str, ...]]:
    """How many lines the header has, the delimiter that it has most of, and the names between."""
    count = next((n for n in range(1, len(lines) + 1) if "\n".join(lines[:n]).count('"') % 2 == 0), 1)
    record = "\n".join(lines[:count])
    delimiter = max(DELIMITERS, key=record.count)
    return count, delimiter, tuple(name.replace("\n", " ").strip() for name in _fields(record, delimiter))


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


def _split(records: pl.DataFrame, delimiter: str) -> pl.DataFrame:
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
        fields = list(csv.reader(texts, delimiter=delimiter))
    except csv.Error:
        fields = []
    return fields if len(fields) == len(texts) else [_fields(text, delimiter) for text in texts]


def _fields(text: str, delimiter: str) -> list[str]:
    """Fields of one record on its own: an unclosed quote ends with it; what cannot be taken apart is one field."""
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return [text]


def _is_open(line: str, delimiter: str) -> bool:
    """Whether a line ends inside of quotes."""
    try:
        next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


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


def _encoding(path: Path, file: str) -> str:
    """utf-8-sig, utf-16 or cp949: the first that decodes all of the file."""
    with unpacked(path, file) as (stream, _):
        head = stream.read(4096)
    if not head.strip():
        raise IngestError(file, "it is empty")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        found = {"utf-16": _failure(path, file, "utf-16")}
    else:
        if b"\0" in head:
            raise IngestError(file, "it holds zero bytes: binary, or UTF-16 without a byte order mark; save it as UTF-8 text")
        found = {"utf-8-sig": _failure(path, file, "utf-8-sig")}
        if found["utf-8-sig"]:
            found["cp949"] = _failure(path, file, "cp949")
    for name, failure in found.items():
        if failure is None:
            return name
    name, failure = next(iter(found.items()))
    raise IngestError(file, f"it is neither UTF-8, UTF-16 nor CP949: as {name.upper()}, {failure}; save it as UTF-8")


def _failure(path: Path, file: str, encoding: str) -> str | None:
    """Where decoding breaks, in words; None where it does not."""
    decoder, offset, lines = codecs.getincrementaldecoder(encoding)(), 0, 1
    with unpacked(path, file) as (stream, _):
        while True:
            chunk = stream.read(_CHUNK)
            try:
                lines += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n")
                value = error.object[error.start] if error.start < len(error.object) else 0
                return f"byte 0x{value:02x} near offset {offset + error.start} (line {line}) fits nowhere"
            if not chunk:
                return None
            offset += len(chunk)
