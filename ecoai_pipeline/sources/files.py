"""Opening a provider's file by what it holds: delimited text, Parquet, a workbook or XML, all as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ecoai_pipeline.sources.greenbutton.opened import open_espi
from ecoai_pipeline.sources.greenbutton.xml import is_xml
from ecoai_pipeline.sources.header import NOTHING_SAID, Opening
from ecoai_pipeline.sources.nem12 import is_nem12, open_nem12
from ecoai_pipeline.sources.reasons import IngestError, NoTableError
from ecoai_pipeline.sources.text import SAMPLE_LINES, Block, open_text, peek_header, unpacked
from ecoai_pipeline.sources.typed import TYPED, as_columns, as_text, row_texts
from ecoai_pipeline.sources.workbook import open_workbook

_HEAD = 4096
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "it is an old Excel file (.xls); save it as .xlsx or .csv",
    b"BZh": "it is packed with bzip2; pack it with gzip or unpack it",
    b"\xfd7zX": "it is packed with xz; pack it with gzip or unpack it",
    b"\x28\xb5\x2f\xfd": "it is packed with zstd; pack it with gzip or unpack it",
    b"7z\xbc\xaf": "it is a 7z archive; unpack it",
}


_NO_TABLE = {
    b"%PDF": "it is a PDF; ask the provider for the readings as .csv",
    b"\x89PNG": "it is a picture",
    b"\xff\xd8\xff": "it is a picture",
    b"GIF8": "it is a picture",
}
"""Files that never hold a table."""


class OpenFile(Protocol):
    """A file that is known to hold rows under a header."""

    @property
    def file(self) -> str: ...
    @property
    def header(self) -> tuple[str, ...]: ...
    @property
    def delimiter(self) -> str: ...
    @property
    def numeric(self) -> frozenset[str]:
        """Columns that the file stores as numbers, not as texts."""
        ...

    @property
    def timed(self) -> frozenset[str]:
        """Columns that the file stores as times."""
        ...

    @property
    def sample(self) -> pl.DataFrame: ...
    @property
    def above(self) -> tuple[tuple[str, ...], ...]:
        """The records above the header."""
        ...

    @property
    def below(self) -> tuple[tuple[str, ...], ...]:
        """The records of units between the header and the first row."""
        ...

    @property
    def has_readings(self) -> bool:
        """Whether rows that look like readings, or usual names of their columns, were found."""
        ...

    def blocks(self, block_bytes: int) -> Iterator[Block]: ...


def open_file(path: Path, file: str | None = None, opening: Opening = NOTHING_SAID) -> OpenFile:
    """Open a file by its content; `file` is the provider's name of it where `path` has another (landing).

    Raises:
        IngestError: it is absent, empty, damaged, or of a type that is not read; the message says what to do.
    """
    file = file or path.name
    if not path.is_file():
        raise IngestError(file, f"there is no such file: {path}")
    with path.open("rb") as stream:
        head = stream.read(8)
    if not head:
        raise IngestError(file, "it is empty (0 bytes); ask the provider for it again")
    for magic, message in _REFUSED.items():
        if head.startswith(magic):
            raise IngestError(file, message)
    for magic, message in _NO_TABLE.items():
        if head.startswith(magic):
            raise NoTableError(file, message)
    if head.startswith(b"PAR1"):
        return _open_parquet(path, file)
    if head.startswith(b"PK\x03\x04"):
        return open_workbook(path, file, opening)
    if is_xml(path):
        return open_espi(path, file)
    with unpacked(path, file) as (stream, _):
        begins = stream.read(_HEAD).decode("utf-8", errors="replace")
    if begins.startswith("100,NEM13"):
        raise IngestError(file, "it is NEM13: register readings months apart; ask the provider for interval data, NEM12")
    if is_nem12(begins):
        return open_nem12(path, file, begins, opening.encoding)
    return open_text(path, file, opening)


def header_of(path: Path) -> tuple[str, ...]:
    """The names of a file's columns without reading all of its text; other errors of it are left for `open_file` to tell.

    Raises:
        IngestError: it has none that can be read.
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    return open_file(path).header if head.startswith((b"PAR1", b"PK\x03\x04")) else peek_header(path)


@dataclass(frozen=True)
class ParquetRows:
    """A Parquet file; `line` is the row, the first being 1. `types` are those of its columns."""

    path: Path
    file: str
    header: tuple[str, ...]
    sample: pl.DataFrame
    numeric: frozenset[str] = frozenset()
    timed: frozenset[str] = frozenset()
    delimiter: str = ","
    has_readings: bool = True
    above: tuple[tuple[str, ...], ...] = ()
    below: tuple[tuple[str, ...], ...] = ()
    types: Mapping[str, pl.DataType] = field(default_factory=dict)

    def blocks(self, block_bytes: int) -> Iterator[Block]:
        yield from _parquet_blocks(self.path, self.file, max(block_bytes // 64, 1))

    def columns(self, block_bytes: int) -> Iterator[Block]:
        """The rows as `as_columns` gives them."""
        yield from _parquet_blocks(self.path, self.file, max(block_bytes // 64, 1), as_columns)

    def with_texts(self, refused: pl.DataFrame) -> pl.DataFrame:
        """Refused readings (line, text) with the texts of their rows, where these were not written out when they were read."""
        lines = refused.filter(pl.col("text").is_null())["line"].unique()
        if lines.is_empty():
            return refused
        found = [block.rows.filter(pl.col("line").is_in(lines.implode())) for block in self.columns(_LOOK_UP)]
        texts = pl.concat(rows.select("line", found=row_texts(rows)) for rows in found)
        joined = refused.join(texts, on="line", how="left", maintain_order="left")
        return joined.with_columns(pl.coalesce("text", "found").alias("text")).drop("found")


_LOOK_UP = 8 << 20
"""Bytes of text that rows of a block would have, in which refused rows are looked up."""


def _open_parquet(path: Path, file: str) -> ParquetRows:
    first, typed = (next(_parquet_blocks(path, file, SAMPLE_LINES, form), None) for form in (as_text, as_columns))
    if first is None or typed is None:
        raise IngestError(file, "it is empty: it has columns but no rows")
    with pq.ParquetFile(path) as parquet:
        schema = parquet.schema_arrow
        numeric = frozenset(field.name for field in schema if pa.types.is_primitive(field.type) and not pa.types.is_temporal(field.type))
        timed = frozenset(field.name for field in schema if pa.types.is_temporal(field.type))
        types = {name.removeprefix(TYPED): dtype for name, dtype in typed.rows.schema.items() if name.startswith(TYPED)}
        return ParquetRows(path, file, tuple(schema.names), first.rows, numeric, timed, types=types)


def _parquet_blocks(path: Path, file: str, rows: int, form: Callable[[pl.DataFrame, int], pl.DataFrame] = as_text) -> Iterator[Block]:
    """
    Raises:
        IngestError: the file is damaged, has two columns of one name, or types that are not known here.
    """
    try:
        with pq.ParquetFile(path) as parquet:
            done, total = 0, max(parquet.metadata.num_rows, 1)
            for batch in parquet.iter_batches(batch_size=rows):
                batch.validate(full=True)  # polars takes texts for UTF-8 unseen, and panics
                found = form(pl.DataFrame(batch), done + 1)
                done += found.height
                yield Block(found, done / total)
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        cause = str(error).partition("\n")[0]
        message = f"the Parquet file is torn or damaged, or has types that are not known here ({cause}); ask for it again, or as .csv"
        raise IngestError(file, message) from error
