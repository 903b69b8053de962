"""Forgetting a meter in what came in: files, what was read from them, and the ledger of receipts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from ecoai_pipeline.domain import ARRIVALS, QUARANTINE, Month, Table
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.remade import land_remade
from ecoai_pipeline.sources.restore import ensure_pieces, months_of
from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import STATED, Landing
from ecoai_pipeline.storage.receipts import Erased, Receipt, RegistryEntry, Statement, Withdrawal, first_registry, receipts


@dataclass
class Forgotten:
    """What became of the statements that named a meter: `remade` without it, or `gone` where they were about nothing else."""

    remade: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    readings: int = 0


def forget_statements(lake: Lake, settings: Settings, name: Name, at: datetime) -> Forgotten:
    """Take a meter out of landing, quarantine, labels, weather, arrivals and the ledger of receipts.

    A landed file that holds others, too, is replaced by one with their readings alone; what they said stays to the bit.
    The ledger is rewritten before the files it named go, so that after a kill the same call ends the work.
    """
    landing, done = Landing(lake), Forgotten()
    for statement in landing.book.ever():
        if _names(statement, name):
            _take_out(lake, settings, landing, statement, name, done)
    receipts(lake.root).rewrite(lambda receipt: _without(receipt, name, done, at))
    first_registry(lake.root).rewrite(lambda entry: _without_rows(entry, name))
    kept = {statement.sha256 for statement in landing.book.ever()}
    for sha256 in done.files - kept:
        (landing.folder / sha256).unlink(missing_ok=True)
    landing.clear_strays({statement.statement_id for statement in landing.book.ever()})
    _clear_strays(landing, kept, name)
    return done


def _names(statement: Statement, name: Name) -> bool:
    return name.meter_id in (*statement.meters, *statement.zones, *statement.decimals, *statement.elsewhere) or name.is_in(statement.file)


def _take_out(lake: Lake, settings: Settings, landing: Landing, statement: Statement, name: Name, done: Forgotten) -> None:
    months = months_of(lake, statement)
    others = [meter for meter in statement.meters if meter != name.meter_id]
    done.files.add(statement.sha256)
    for month in months:
        # Where the landed file is lost the pieces are all there is, and stay.
        try:
            ensure_pieces(lake, settings, [statement], month)
        except IngestError:
            continue
    done.readings += sum(_filtered_piece(landing, statement.statement_id, month, name) for month in months)
    if not others:
        done.gone.add(statement.statement_id)
        return
    landed = land_remade(landing, statement.statement_id, months)
    breaks = {table.name: _filtered_table(landing, table, statement.statement_id, name) for table in STATED}[ARRIVALS.name]
    left = sorted({str(month) for month in months if landing.scan_piece(statement.statement_id, month).head(1).collect().height})
    new = {"sha256": landed.sha256, "remade": landed.readings, "meters": others, "order_breaks": breaks, "months": left}
    done.remade[statement.statement_id] = new


def _filtered_piece(landing: Landing, statement_id: str, month: Month, name: Name) -> int:
    """Rewrite a piece without the meter; returns how many readings it had."""
    piece = landing.scan_piece(statement_id, month).collect()
    rest = piece.filter(pl.col("meter_id") != name.meter_id)
    if rest.height < piece.height:
        landing.write_piece(statement_id, month, [rest], landing.piece_fingerprint(statement_id, month) or "")
    return piece.height - rest.height


def _filtered_table(landing: Landing, table: Table, statement_id: str, name: Name) -> int:
    """Rewrite a table of a statement without the meter and return its rows; of quarantine the rows stay, to be counted."""
    path = landing.table_path(table, statement_id)
    if not path.exists():
        return 0
    rows = pl.read_parquet(path, hive_partitioning=False)
    about = (pl.col("meter_id") == name.meter_id).fill_null(value=False)
    if table is not QUARANTINE:
        return landing.write_table(table, statement_id, [rows.filter(~about)])
    telling = [text for text in rows.filter(pl.col("meter_id").is_null())["text"].unique() if name.is_in(text)]
    about = about | (pl.col("meter_id").is_null() & pl.col("text").is_in(telling))
    blank = {"meter_id": pl.lit(None, pl.String), "text": pl.lit(""), "reason": pl.lit(Reason.ERASED.value)}
    masked = rows.with_columns(pl.when(about).then(value).otherwise(pl.col(column)).alias(column) for column, value in blank.items())
    files = masked.with_columns(pl.col("file").map_elements(name.out_of, return_dtype=pl.String))
    return landing.write_table(table, statement_id, [files])


def _without(receipt: Receipt, name: Name, done: Forgotten, at: datetime) -> Receipt | None:
    """The receipt without the meter; None where it does not name it."""
    record = receipt.root
    new: Statement | RegistryEntry | Withdrawal | Erased = record
    if isinstance(record, Statement):
        remade = done.remade.get(record.statement_id, {})
        new = Erased(erased_at=at) if record.statement_id in done.gone else _without_in(record, name, remade)
    elif isinstance(record, RegistryEntry):
        new = _without_rows(record, name) or record
    elif isinstance(record, Withdrawal):
        gone = record.withdrawn in done.gone
        new = Erased(erased_at=at) if gone else record.model_copy(update={"reason": name.out_of(record.reason)})
    return Receipt(new) if new != record else None


def _without_rows(entry: RegistryEntry, name: Name) -> RegistryEntry | None:
    rows = [row for row in entry.meters if row.meter_id != name.meter_id]
    new = entry.model_copy(update={"meters": rows, "origin": name.out_of(entry.origin)})
    return new if new != entry else None


def _without_in(statement: Statement, name: Name, remade: Mapping[str, Any]) -> Statement:
    mine = name.meter_id
    said = {
        "meters": [meter for meter in statement.meters if meter != mine],
        "file": name.out_of(statement.file),
        "options": name.out_of_document(statement.options),
        "zones": {meter: zone for meter, zone in statement.zones.items() if meter != mine},
        "lengths": {meter: length for meter, length in statement.lengths.items() if meter != mine},
        "decimals": {meter: sign for meter, sign in statement.decimals.items() if meter != mine},
        "elsewhere": {meter: months for meter, months in statement.elsewhere.items() if meter != mine},
        "registers": [row for row in statement.registers if row.meter_id != mine],
        "warnings": [name.out_of(warning) for warning in statement.warnings],
        "unmapped": [name.out_of(column) for column in statement.unmapped],
    }
    return statement.model_copy(update={**said, **remade})


def _clear_strays(landing: Landing, kept: set[str], name: Name) -> None:
    """Remove landed files that no statement names and that hold the meter: an intake or an erasure was killed."""
    for path in landing.folder.iterdir() if landing.folder.exists() else ():
        if path.is_file() and path.name not in kept and name.stands_in(path):
            path.unlink()
