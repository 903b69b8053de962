"""What the UI says of each asset besides its data: owners, how it comes about, and its columns with their units.

Columns are those of the tables in `domain`; nothing is described twice.
"""

from __future__ import annotations

import dagster as dg

from ecoai_pipeline.defs.jobs import ASSETS_OF
from ecoai_pipeline.domain import PARTITIONED, SPECTRA, Column, Table

_TYPES = {"str": "string", "f32": "float32", "f64": "float64", "i32": "int32", "i64": "int64", "bool": "bool", "time": "timestamp (UTC)"}
_TABLES = {table.name: table for table in PARTITIONED if table is not SPECTRA}
RUNS_TAG = "ecoai/runs"  # the job that makes an asset in daily operation


def described(spec: dg.AssetSpec, owners: tuple[str, ...]) -> dg.AssetSpec:
    """The asset with its owners, the tag of its job, and the columns of its table."""
    name = spec.key.to_user_string()
    table = _TABLES.get(name)
    metadata = {**spec.metadata, **(_of_table(table) if table else {})}
    return spec.replace_attributes(owners=list(owners), tags={**spec.tags, RUNS_TAG: _job_of(name)}, metadata=metadata)


def _job_of(name: str) -> str:
    return "nightly" if name in ASSETS_OF["nightly"] else next(job for job, assets in ASSETS_OF.items() if name in assets)


def _of_table(table: Table) -> dict[str, object]:
    schema = dg.TableSchema(
        columns=[_column(column) for column in table.columns],
        constraints=dg.TableConstraints(other=[f"a row is {table.row}", f"sorted by {', '.join(table.order)}"]),
    )
    return {"dagster/column_schema": schema, "dagster/table_name": table.name}


def _column(column: Column) -> dg.TableColumn:
    constraints = dg.TableColumnConstraints(nullable=column.nullable)
    return dg.TableColumn(column.name, _TYPES[column.dtype], column.meaning, constraints)
