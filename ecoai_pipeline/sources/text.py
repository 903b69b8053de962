"""Delimited text in blocks: encodings, gzip, delimiters and lines, with nothing filled in and nothing cut off."""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from ecoai_pipeline.sources.reasons import IngestError

GZIP_MAGIC = b"\x1f\x8b"
DELIMITERS = (",", ";", "\t")
SAMPLE_LINES = 200
_CHUNK = 1 << 20
_PEEK = 1 << 16


@dataclass(frozen=True)
class Block:
    """Some rows of a file: `line` (i64, the header being 1), `text`, `fields` (list of str), and the share of the file read so far."""

    rows: pl.DataFrame
    share: float


@dataclass(frozen=True)
class DelimitedText:
    """A text file whose encoding, header and delimiter are known.

    A record is one line: a quoted field may hold the delimiter, but not a line break.
    """

    path: Path
    file: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    sample: pl.DataFrame

    def blocks(self, block_bytes: int) -> Iterator[Block]:
        """The rows below the header, about `block_bytes` of (unpacked) text at a time.

        Raises:
            IngestError: the file cannot be unpacked or decoded to its end.
        """
        for text, line, share in _texts(self.path, self.file, self.encoding, block_bytes):
            rows = split_lines(text, line, self.delimiter).filter(pl.col("line") > 1)
            yield Block(rows, share)


def open_text(path: Path, file: str) -> DelimitedText:
    """Find out encoding, delimiter and header; read the whole file once, so that a torn one is refused before any use.

    Raises:
        IngestError: the file is empty, torn, binary or of an unknown encoding.
    """
    encoding = _encoding(path, file)
    text, _, _ = next(_texts(path, file, encoding, _CHUNK), ("", 1, 1.0))
    first, _, rest = text.partition("\n")
    if not first.strip():
        raise IngestError(file, "it starts with an empty line; the first line must name the columns" if rest.strip() else "it is empty")
    delimiter, header = _header(first)
    lines = "\n".join(rest.split("\n", SAMPLE_LINES)[:SAMPLE_LINES])
    return DelimitedText(path, file, encoding, delimiter, header, split_lines(lines, 2, delimiter))


def peek_header(path: Path) -> tuple[str, ...]:
    """The names of the columns as far as the head of a file tells them; letters of encodings other than Unicode are guesses.

    Raises:
        IngestError: the gzip file is torn.
        csv.Error: the head is no line of names.
    """
    with _unpacked(path, path.name) as (stream, _):
        head = stream.read(_PEEK)
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    first = head.decode("utf-16" if wide else "utf-8-sig", errors="replace").partition("\n")[0]
    return _header(first)[1]


def _header(line: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter that a header line has most of, and the names between."""
    delimiter = max(DELIMITERS, key=line.count)
    return delimiter, tuple(name.strip() for name in next(csv.reader([line.rstrip("\r")], delimiter=delimiter)))


def split_lines(text: str, first_line: int, delimiter: str) -> pl.DataFrame:
    """Lines with their numbers, split into fields; blank lines are left out but counted."""
    lines = pl.Series("text", [text.removesuffix("\n")], dtype=pl.String).str.split("\n").explode().str.strip_chars_end("\r")
    numbers = pl.int_range(first_line, first_line + len(lines), dtype=pl.Int64, eager=True)
    frame = pl.DataFrame({"line": numbers, "text": lines}).filter(pl.col("text").str.strip_chars() != "")
    quoted = pl.col("text").str.contains('"', literal=True)
    plain = frame.filter(~quoted).with_columns(fields=pl.col("text").str.split(delimiter))
    if plain.height == frame.height:
        return plain
    rest = frame.filter(quoted)
    fields = pl.Series("fields", list(csv.reader(rest["text"].to_list(), delimiter=delimiter)), dtype=pl.List(pl.String))
    if len(fields) != rest.height:
        fields = pl.Series("fields", [_fields(line, delimiter) for line in rest["text"]], dtype=pl.List(pl.String))
    return pl.concat([plain, rest.with_columns(fields)]).sort("line")


def _fields(line: str, delimiter: str) -> list[str]:
    """Fields of one line on its own: an unclosed quote ends with the line."""
    return next(csv.reader([line], delimiter=delimiter))


def _texts(path: Path, file: str, encoding: str, block_bytes: int) -> Iterator[tuple[str, int, float]]:
    """Whole lines of a file: text, number of its first line, share read."""
    decoder, rest, line = codecs.getincrementaldecoder(encoding)(), "", 1
    size = max(path.stat().st_size, 1)
    with _unpacked(path, file) as (stream, packed):
        while chunk := stream.read(block_bytes):
            text = rest + decoder.decode(chunk)
            cut = text.rfind("\n") + 1
            text, rest = text[:cut], text[cut:]
            if text:
                yield text, line, min(packed.tell() / size, 1.0)
                line += text.count("\n")
        rest += decoder.decode(b"", final=True)
        if rest:
            yield rest, line, 1.0


@contextmanager
def _unpacked(path: Path, file: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
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
    with _unpacked(path, file) as (stream, _):
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
    with _unpacked(path, file) as (stream, _):
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
