"""A landed file written anew, where the one that came holds an erased meter: the other meters' readings, read like any table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from ecoai_pipeline.domain import Month
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.storage.atomic import replacing
from ecoai_pipeline.storage.landing import Landing, digest_of

_COLUMNS = ("meter_id", "timestamp", "kwh", "interval_s", "quality", "rule")
REMADE = IngestOptions(
    source="table",
    columns=ColumnMapping(meter="meter_id", timestamp="timestamp", kwh="kwh", interval="interval_s", quality="quality", rule="rule"),
)


class RemadeFile(NamedTuple):
    """Digest of the file, and how many readings it holds."""

    sha256: str
    readings: int


def land_remade(landing: Landing, statement_id: str, months: Sequence[Month]) -> RemadeFile:
    """Write what the pieces of a statement say into landing, in the form that REMADE reads; REMADE gives it back to the bit."""
    frames = [landing.scan_piece(statement_id, month).select(_COLUMNS) for month in months]
    readings = pl.concat(frames).collect().sort("meter_id", "timestamp")
    with replacing(landing.folder / f"remade-{statement_id}") as temporary:
        readings.write_parquet(temporary, compression="zstd")
        sha256 = digest_of(temporary)
        temporary.rename(landing.folder / sha256)
    return RemadeFile(sha256, readings.height)
