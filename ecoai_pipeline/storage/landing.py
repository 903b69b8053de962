"""Every accepted file unchanged, what was read from it by month, and the tables that belong to its statement."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from ecoai_pipeline.domain import ARRIVALS, LABELS, PARTITIONED, QUARANTINE, STATED_READINGS, WEATHER, Month, Table
from ecoai_pipeline.storage.atomic import remove_unfinished, replacing
from ecoai_pipeline.storage.damage import of_statement, scanned
from ecoai_pipeline.storage.lake import Lake, of_meters, write_parquet
from ecoai_pipeline.storage.receipts import Book, Receipt, Statement, Withdrawal, book_of, receipts
from ecoai_pipeline.storage.schema import empty

STATED = (QUARANTINE, LABELS, WEATHER, ARRIVALS)
"""Tables that belong to a statement rather than to a month."""
_BLOCK = 1 << 20


class OtherBytesError(RuntimeError):
    """A file changed after its digest was taken."""


def digest_of(path: Path) -> str:
    """sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class Landing:
    """The files as they came and the tables that belong to a statement rather than to a month."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.folder = lake.root / "landing"

    def land(self, path: Path, sha256: str) -> Path:
        """Copy a file into landing under its digest, unless it is there.

        Raises:
            OtherBytesError: the file no longer has that digest; nothing is kept.
        """
        target = self.folder / sha256
        if not target.exists():
            with replacing(target) as temporary:
                shutil.copyfile(path, temporary)
                if digest_of(temporary) != sha256:
                    raise OtherBytesError(f"{path} was written to while it was read")
        return target

    @property
    def book(self) -> Book:
        """What holds after all receipts."""
        return book_of(self.lake.root)

    def enter(self, receipt: Statement | Withdrawal) -> int:
        """Append to the ledger and return the number; from then on it holds, with the registry rows it brings."""
        return receipts(self.lake.root).append(Receipt(receipt))

    def statement(self, statement_id: str) -> Statement | None:
        """A statement in force, as last received."""
        return self.book.statement(statement_id)

    def is_known(self, statement_id: str) -> bool:
        """Whether a statement was ever entered, be it withdrawn since."""
        return self.statement(statement_id) is not None or any(s.statement_id == statement_id for s, _ in self.book.withdrawn())

    def in_force(self) -> list[Statement]:
        """Statements in order of receipt; of one that came several times only the last receipt, which makes it newest."""
        return self.book.in_force()

    def touching(self, month: Month) -> list[Statement]:
        """Statements that have readings of a month, in order of receipt."""
        return self.book.touching(month)

    def piece_path(self, statement_id: str, month: Month) -> Path:
        return self.folder / "parsed" / statement_id / f"month={month}.parquet"

    def write_piece(self, statement_id: str, month: Month, readings: Iterable[pl.DataFrame], fingerprint: str) -> None:
        """Keep what a statement says of a month, so that it need not be parsed again; a cache of landing.

        The frames hold whole meters, in order.
        """
        with replacing(self.piece_path(statement_id, month)) as temporary:
            write_parquet(temporary, STATED_READINGS, readings, self.lake.params.piece_rows, fingerprint, {})

    def piece_fingerprint(self, statement_id: str, month: Month) -> str | None:
        """What a piece was made from, by its footer; none where there is no piece, or a damaged one, which is made again."""
        path = self.piece_path(statement_id, month)
        try:
            return str(json.loads(pl.read_parquet_metadata(path)["ecoai"])["fingerprint"]) if path.exists() else None
        except pl.exceptions.PolarsError:
            return None

    def scan_piece(self, statement_id: str, month: Month, meters: Sequence[str] | None = None) -> pl.LazyFrame:
        path = self.piece_path(statement_id, month)
        frame = pl.scan_parquet(path, hive_partitioning=False) if path.exists() else empty(STATED_READINGS).lazy()
        return frame if meters is None else of_meters(frame, meters)

    def piece_rows(self, statement_id: str, month: Month) -> int:
        """How many readings a statement has in a month, by the footer of its piece."""
        path = self.piece_path(statement_id, month)
        return pq.read_metadata(path).num_rows if path.exists() else 0

    def no_readings(self) -> pl.DataFrame:
        return empty(STATED_READINGS)

    def table_path(self, table: Table, statement_id: str) -> Path:
        """Place of `quarantine`, `labels`, `weather` or `arrivals` of a statement."""
        return self.lake.root / table.name / f"statement={statement_id}" / "part.parquet"

    def write_table(self, table: Table, statement_id: str, frames: Iterable[pl.DataFrame]) -> int:
        """Replace a statement's rows of a table and return their number; without rows it is removed.

        Several frames follow each other in the order of the table.
        """
        path = self.table_path(table, statement_id)
        with replacing(path) as temporary:
            rows = write_parquet(temporary, table, frames, self.lake.params.piece_rows, statement_id, {}).rows
            if rows == 0:
                temporary.unlink()
        if rows == 0:
            path.unlink(missing_ok=True)
        return rows

    def read_table(self, table: Table) -> pl.DataFrame:
        """Rows of `quarantine`, `labels`, `weather` or `arrivals` of all statements in force."""
        frames = [self.table_of(table, name) for name in sorted(statement.statement_id for statement in self.in_force())]
        return pl.concat(frames) if frames else empty(table)

    def table_of(self, table: Table, statement_id: str) -> pl.DataFrame:
        """Rows of `quarantine`, `labels`, `weather` or `arrivals` of a statement."""
        path, parsed = self.table_path(table, statement_id), self.folder / "parsed" / statement_id
        return scanned(path, *of_statement(table, statement_id, parsed)).collect() if path.exists() else empty(table)

    def clear_strays(self, statements: Collection[str]) -> None:
        """Remove what was read from files for any other statement: it is gone, or was never entered; and unfinished files."""
        folders = [*self.folder.glob("parsed/*"), *(f for table in STATED for f in (self.lake.root / table.name).glob("statement=*"))]
        for folder in folders:
            if folder.name.removeprefix("statement=") not in statements:
                shutil.rmtree(folder, ignore_errors=True)
        for table in ("landing", *(table.name for table in (*STATED, *PARTITIONED))):
            remove_unfinished(self.lake.root / table)

    def order_breaks(self, statements: Sequence[Statement]) -> pl.DataFrame:
        """ARRIVALS of some statements; one without order breaks needs no file.

        Raises:
            ValueError: a statement has order breaks but its file is gone: none found would read as none there.
        """
        frames = [self._arrivals(statement) for statement in statements if statement.order_breaks]
        return pl.concat(frames) if frames else empty(ARRIVALS)

    def lacks_arrivals(self, statement: Statement) -> bool:
        """Whether the order breaks that a statement counts have lost their file."""
        return statement.order_breaks > 0 and not self.table_path(ARRIVALS, statement.statement_id).exists()

    def _arrivals(self, statement: Statement) -> pl.DataFrame:
        path = self.table_path(ARRIVALS, statement.statement_id)
        if self.lacks_arrivals(statement):
            raise ValueError(
                f"statement {statement.statement_id} ({statement.file}) has {statement.order_breaks} readings out of order, "
                f"but their table {path} is gone; ingest the file again"
            )
        return self.table_of(ARRIVALS, statement.statement_id)

    def quarantine(self) -> pl.DataFrame:
        return self.read_table(QUARANTINE)
