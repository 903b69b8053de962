"""A table of the domain as a polars schema, and the check that a frame has it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ecoai_pipeline.domain import Table

DTYPES: Mapping[str, pl.DataType] = {
    "str": pl.String(),
    "f32": pl.Float32(),
    "f64": pl.Float64(),
    "i32": pl.Int32(),
    "i64": pl.Int64(),
    "bool": pl.Boolean(),
    "time": pl.Datetime("us", "UTC"),
}


class SchemaError(ValueError):
    """A frame does not have the columns, types or nulls of its table."""


def schema_of(table: Table) -> pl.Schema:
    return pl.Schema({column.name: DTYPES[column.dtype] for column in table.columns})


def empty(table: Table) -> pl.DataFrame:
    return pl.DataFrame(schema=schema_of(table))


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Put the columns of `frame` in the table's order and cast them losslessly.

    Raises:
        SchemaError: a column is missing, unknown, of another kind, or null where it may not be.
    """
    missing = [name for name in table.names if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in table.names]
    if missing or unknown:
        raise SchemaError(f"{table.name}: columns missing {missing}, unknown {unknown}")
    try:
        typed = frame.select(table.names).cast(schema_of(table), strict=True)
    except pl.exceptions.PolarsError as error:
        raise SchemaError(f"{table.name}: {error}") from error
    strict = [column.name for column in table.columns if not column.nullable]
    nulls = {name: count for name, count in zip(strict, typed.select(strict).null_count().row(0), strict=True) if count}
    if nulls:
        raise SchemaError(f"{table.name}: nulls where none may be: {nulls}")
    return typed
