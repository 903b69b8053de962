"""A scanned Green Button file as an open one, like any other file of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ecoai_pipeline.sources.greenbutton.scan import ROWS, Scan, scan
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.text import Block


@dataclass(frozen=True)
class EspiFile:
    """A scanned file. Its header says that it is one, so that it is recognised as other files are."""

    file: str
    scan: Scan
    header: tuple[str, ...] = ("IntervalReading",)
    numeric: frozenset[str] = frozenset(("IntervalReading",))
    timed: frozenset[str] = frozenset()
    delimiter: str = ""
    has_readings: bool = True
    above: tuple[tuple[str, ...], ...] = ()
    below: tuple[tuple[str, ...], ...] = ()

    @property
    def sample(self) -> pl.DataFrame:
        return ROWS.to_frame()

    def blocks(self, block_bytes: int) -> Iterator[Block]:
        """ROWS, with the number of the stream and the text of the reading; their size is that of the pieces."""
        del block_bytes
        for number, path in enumerate(self.scan.pieces, start=1):
            rows = pl.read_ipc(path)
            told = [
                pl.format(f"<{name}>{{}}</{name}>", pl.col(name).str.strip_chars()).fill_null("")
                for name in ("quality", "duration", "start", "value")
            ]
            text = pl.concat_str(pl.lit("<IntervalReading>"), *told, pl.lit("</IntervalReading>"))
            rows = rows.with_columns(self.scan.stream_of.gather(rows["block"]).alias("stream"), text=text)
            yield Block(rows, number / len(self.scan.pieces))


def open_espi(path: Path, file: str) -> EspiFile:
    """Scan a file to its end, so that a torn one is refused before any use.

    Raises:
        IngestError: it is no well-formed XML, beyond a limit, or holds no interval reading.
    """
    scanned = scan(path, file)
    if not scanned.pieces:
        raise IngestError(file, "it is XML or HTML, but holds no IntervalReading of Green Button; ask the provider for interval data")
    return EspiFile(file, scanned)
