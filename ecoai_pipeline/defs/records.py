"""Forgetting a meter in Dagster's own records: its id stands in metadata of runs, checks and logs."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ecoai_pipeline.defs.home import home_of
from ecoai_pipeline.storage.erasure import Name


@dataclass(frozen=True)
class Records:
    """How many rows of Dagster's databases were changed, and where the id may still stand."""

    changed: int
    remaining: list[str]


def forget_records(root: Path, meter_id: str) -> Records:
    """Take a meter out of the SQLite databases of a lake's Dagster home; runs, checks and materializations stay.

    Where `dagster.yaml` names another storage, that storage must be cleared by its own means, which `remaining` says.
    """
    home, name = home_of(root), Name(meter_id)
    changed = sum(_forget_in_database(path, name) for path in sorted(home.rglob("*.db")))
    logs = [path for path in home.rglob("*") if path.is_file() and path.suffix in (".out", ".err", ".log") and name.stands_in(path)]
    for path in logs:
        path.unlink()
    settings = home / "dagster.yaml"
    elsewhere = settings.exists() and any(line.startswith("storage:") for line in settings.read_text(encoding="utf-8").splitlines())
    where = f"the database that {settings} names: delete the runs that mention the meter, or restore without them"
    return Records(changed + len(logs), [where] if elsewhere or os.environ.get("ECOAI_POSTGRES_URL") else [])


def _forget_in_database(path: Path, name: Name) -> int:
    """Rewrite the texts of a database that hold the id, and leave no old page of them behind; returns the number of rows."""
    changed = 0
    forms = {name.meter_id, json.dumps(name.meter_id)[1:-1]}
    with sqlite3.connect(path, timeout=60, isolation_level=None) as database:
        tables = [table for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in (table for table in tables if not table.startswith("sqlite_")):
            for column in _texts(database, table):
                holds = " OR ".join([f'instr("{column}", ?)'] * len(forms))
                rows = database.execute(f'SELECT rowid, "{column}" FROM "{table}" WHERE {holds}', tuple(forms)).fetchall()
                new = [(_without(text, name), row) for row, text in rows]
                new = [(text, row) for (text, row), (_, old) in zip(new, rows, strict=True) if text != old]
                database.executemany(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', new)
                changed += len(new)
        if changed:
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return changed


def _texts(database: sqlite3.Connection, table: str) -> list[str]:
    return [column[1] for column in database.execute(f'PRAGMA table_info("{table}")') if column[2].upper().startswith(("TEXT", "VARCHAR"))]


def _without(text: str, name: Name) -> str:
    """A text without the id; what is a JSON document stays one."""
    try:
        return json.dumps(name.out_of_document(json.loads(text)))
    except ValueError:
        return name.out_of(text)
