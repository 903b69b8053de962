"""Parquet files that cannot be read: the error names the file, what it holds, and what makes it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa

from ecoai_pipeline.domain import NIGHT_ASSETS, SPECTRA, Partition, Table


class DamagedTableError(ValueError):
    """A table of the lake that a program or a disk has left torn."""


@contextmanager
def readable(path: Path, content: str, remedy: str) -> Iterator[None]:
    """Read a Parquet file.

    Args:
        content: what the file holds, for the error.
        remedy: what to do once it is deleted.

    Raises:
        DamagedTableError: it is torn or damaged.
    """
    try:
        yield
    except (pa.ArrowInvalid, pl.exceptions.ComputeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # a file that may not be read is none that is damaged
            raise
        cause = str(error).partition("\n")[0]
        raise DamagedTableError(f"{path} is damaged: it holds {content} and cannot be read ({cause}); delete it and {remedy}") from error


def scanned(path: Path, content: str, remedy: str) -> pl.LazyFrame:
    """A Parquet file whose footer can be read, lazily.

    Raises:
        DamagedTableError: it is torn or damaged.
    """
    with readable(path, content, remedy):
        frame = pl.scan_parquet(path, hive_partitioning=False)
        frame.collect_schema()
    return frame


def of_partition(table: Table, partition: Partition) -> tuple[str, str]:
    """What the file of a partition holds, and what makes it again."""
    layer = table.name if table.name in NIGHT_ASSETS else "features" if table is SPECTRA else ""
    remedy = f"run `ecoai materialize {layer}`, which makes it again" if layer else "run the command again that made it"
    return f"{table.name} of {partition.industry} in {partition.month}", remedy


def of_statement(table: Table, statement_id: str, parsed: Path) -> tuple[str, str]:
    """The same of a statement's file; `parsed` is the folder of what was read from it."""
    return (
        f"{table.name} of statement {statement_id}",
        f"the folder {parsed}, then ingest the file of the statement again (`ecoai statements list` names it)",
    )
