"""Dagster's records in SQLite, written many events at a time.

Dagster's own SQLite storage writes one event after the other, each in two or three transactions: about 16 ms of CPU and a
wait for the disk. A run over a range of months has two events for each partition of each table. Dagster offers a storage
batches of such events; this one writes a batch in one transaction per database. The rows are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

_BATCH = "DAGSTER_EVENT_BATCH_SIZE"
_EVENTS_AT_ONCE = "1000"  # 7 values each; SQLite takes 32,766 in a statement
_STORAGES = ("storage", "run_storage", "event_log_storage", "schedule_storage")


def _is_of_an_asset(event: dg.EventLogEntry) -> bool:
    return event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS


class BatchedEventLog(SqliteEventLogStorage):
    """The event log of one machine."""

    _has_index_columns = False

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events of assets together, then others (planned checks) one by one."""
        of_assets = [event for event in events if _is_of_an_asset(event)]
        if of_assets:
            self._store_asset_events(of_assets)
        super().store_event_batch([event for event in events if not _is_of_an_asset(event)])

    def _store_asset_events(self, events: Sequence[dg.EventLogEntry]) -> None:
        for run_id in dict.fromkeys(event.run_id for event in events):
            with self.run_connection(run_id) as connection:
                connection.execute(self.prepare_insert_event_batch([event for event in events if event.run_id == run_id]))
        with self.index_transaction() as connection:
            rows = [connection.execute(self.prepare_insert_event(event)).inserted_primary_key for event in events]
            numbers = [row[0] for row in rows if row]
            self._store_asset_event_tags(connection, events, numbers)
            # The row of an asset holds what its last event of each kind says.
            newest = {(event.get_dagster_event().asset_key, event.dagster_event_type): at for at, event in enumerate(events)}
            for at in newest.values():
                self._store_asset_event(connection, events[at], numbers[at])

    def _has_asset_key_index_cols_on_connection(self, conn: Any) -> bool:
        """Whether the database has been migrated; asked of it until it has."""
        self._has_index_columns = self._has_index_columns or super()._has_asset_key_index_cols_on_connection(conn)
        return self._has_index_columns


class BatchedSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with an event log that takes batches."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedEventLog(str(Path(base_dir) / "history" / "runs") + os.sep)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> BatchedSqliteStorage:
        return cls.from_local(inst_data=inst_data, **config_value)


def overrides(home: Path) -> Mapping[str, Any]:
    """What to change of the configuration in `home`: its storage, unless `dagster.yaml` chooses one."""
    settings = home / "dagster.yaml"
    chosen = yaml.safe_load(settings.read_text(encoding="utf-8")) if settings.exists() else None
    if any(name in (chosen or {}) for name in _STORAGES):
        return {}
    storage = {"module": __name__, "class": BatchedSqliteStorage.__name__, "config": {"base_dir": str(home)}}
    return {"storage": {"custom": storage}}


@contextmanager
def in_batches() -> Iterator[None]:
    """Let Dagster hand events over in batches, unless the environment already says how many."""
    set_here = _BATCH not in os.environ
    os.environ.setdefault(_BATCH, _EVENTS_AT_ONCE)
    try:
        yield
    finally:
        if set_here:
            os.environ.pop(_BATCH)
