"""Every accepted file unchanged, what was read from it by month, and the ledger of statements in order of receipt."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from ecoai_pipeline.domain import ARRIVALS, QUARANTINE, RAW_READINGS, Month, Table
from ecoai_pipeline.storage.atomic import replacing
from ecoai_pipeline.storage.lake import Lake, write_parquet
from ecoai_pipeline.storage.ledger import Ledger
from ecoai_pipeline.storage.schema import empty

_BLOCK = 1 << 20


class Statement(BaseModel):
    """One file a provider sent, as it was understood when it came.

    The balance holds: `readings_in = accepted + quarantined` and `accepted = added + changed + unchanged`.
    `order_breaks` of the accepted readings stood after a later one; the table ARRIVALS holds them.
    `zones` are those by which the meters' months were cut; `elsewhere` the meters and months that were refused because
    the meter was registered in another industry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement_id: str
    sha256: str
    file: str
    source: str
    options: dict[str, Any]
    received_at: datetime
    readings_in: int
    accepted: int
    quarantined: int
    added: int
    changed: int
    unchanged: int
    order_breaks: int
    meters: list[str]
    months: list[str]
    zones: dict[str, str] = {}
    elsewhere: dict[str, list[str]] = {}
    unmapped: list[str] = []
    warnings: list[str] = []


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
        self.statements: Ledger[Statement] = Ledger(lake.root / "ledgers" / "statements", Statement)

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

    def statement(self, statement_id: str) -> Statement | None:
        """The last receipt of a statement."""
        return next((s for s in self.in_force() if s.statement_id == statement_id), None)

    def in_force(self) -> list[Statement]:
        """Statements in order of receipt; of one that came several times only the last receipt, which makes it newest."""
        last: dict[str, Statement] = {}
        for _, statement in self.statements.read():
            last.pop(statement.statement_id, None)
            last[statement.statement_id] = statement
        return list(last.values())

    def touching(self, month: Month) -> list[Statement]:
        """Statements that have readings of a month, in order of receipt."""
        return [s for s in self.in_force() if str(month) in s.months]

    def piece_path(self, statement_id: str, month: Month) -> Path:
        return self.folder / "parsed" / statement_id / f"month={month}.parquet"

    def write_piece(self, statement_id: str, month: Month, readings: pl.DataFrame, fingerprint: str) -> None:
        """Keep what a statement says of a month, so that it need not be parsed again; a cache of landing."""
        with replacing(self.piece_path(statement_id, month)) as temporary:
            write_parquet(temporary, RAW_READINGS, [readings], self.lake.params.row_group_rows, fingerprint, {})

    def piece_fingerprint(self, statement_id: str, month: Month) -> str | None:
        """What a piece was made from, by its footer; none where there is no piece."""
        path = self.piece_path(statement_id, month)
        return str(json.loads(pl.read_parquet_metadata(path)["ecoai"])["fingerprint"]) if path.exists() else None

    def scan_piece(self, statement_id: str, month: Month, meters: Sequence[str] | None = None) -> pl.LazyFrame:
        path = self.piece_path(statement_id, month)
        frame = pl.scan_parquet(path, hive_partitioning=False) if path.exists() else empty(RAW_READINGS).lazy()
        return frame if meters is None else frame.filter(pl.col("meter_id").is_in(list(meters)))

    def table_path(self, table: Table, statement_id: str) -> Path:
        """Place of `quarantine`, `labels`, `weather` or `arrivals` of a statement."""
        return self.lake.root / table.name / f"statement={statement_id}" / "part.parquet"

    def write_table(self, table: Table, statement_id: str, frame: pl.DataFrame) -> int:
        """Replace a statement's rows of a table and return their number; without rows it is removed."""
        path = self.table_path(table, statement_id)
        with replacing(path) as temporary:
            rows = write_parquet(temporary, table, [frame], self.lake.params.row_group_rows, statement_id, {}).rows
            if rows == 0:
                temporary.unlink()
        if rows == 0:
            path.unlink(missing_ok=True)
        return rows

    def read_table(self, table: Table) -> pl.DataFrame:
        """All statements' rows of `quarantine`, `labels`, `weather` or `arrivals`."""
        paths = sorted((self.lake.root / table.name).glob("statement=*/part.parquet"))
        frames = [pl.read_parquet(path, hive_partitioning=False) for path in paths]
        return pl.concat(frames) if frames else empty(table)

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
        return pl.read_parquet(path, hive_partitioning=False)

    def quarantine(self) -> pl.DataFrame:
        return self.read_table(QUARANTINE)
