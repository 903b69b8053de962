"""What Dagster's records say of a lake's nights and of what runs by itself, read from their SQLite files.

Imports no Dagster, which takes seconds. Where `dagster.yaml` names another storage, there is nothing to read here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from ecoai_pipeline.defs.home import ON_BY_DEFAULT, SCHEDULES, SENSORS
from ecoai_pipeline.defs.subjects import RANGE_END, RANGE_START, about, failed
from ecoai_pipeline.domain import Industry, Partition

_DAY = "ecoai/day"
_DAEMONS = ("SCHEDULER", "SENSOR")


@dataclass(frozen=True)
class NightRun:
    """A run of the last night: its industries, Dagster's status, and what its failed steps said."""

    run_id: str
    industries: tuple[Industry, ...]
    status: str
    started: datetime | None
    ended: datetime | None
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Night:
    """The runs of the day that the newest night is about, in order of their start."""

    day: date
    runs: tuple[NightRun, ...]

    @property
    def started(self) -> datetime | None:
        return min((run.started for run in self.runs if run.started), default=None)

    @property
    def ended(self) -> datetime | None:
        return max((run.ended for run in self.runs if run.ended), default=None)

    def last_run(self, industry: Industry) -> NightRun | None:
        """The last run of an industry: a run over several that failed is repeated for each."""
        return next((run for run in reversed(self.runs) if industry in run.industries), None)


@dataclass(frozen=True)
class Automation:
    """A schedule or sensor, and whether it is on."""

    name: str
    kind: str
    on: bool


def last_night(home: Path) -> Night | None:
    """The newest night on record; None where there is none, or no record at all."""
    with _database(home / "history" / "runs.db") as runs:
        days = [value for (value,) in runs.execute("SELECT DISTINCT value FROM run_tags WHERE key = ?", (_DAY,))] if runs else []
        if not runs or not days:
            return None
        day = max(days)
        query = (
            "SELECT runs.run_id, runs.status, runs.start_time, runs.end_time FROM runs JOIN run_tags USING (run_id) "
            "WHERE run_tags.key = ? AND run_tags.value = ? ORDER BY runs.id"
        )
        found = [_night_run(home, runs, *row) for row in runs.execute(query, (_DAY, day)).fetchall()]
    return Night(date.fromisoformat(day), tuple(found))


def automations(home: Path) -> list[Automation]:
    """All schedules and sensors; one that nobody has switched is as the code says."""
    switched: dict[str, bool] = {}
    with _database(home / "schedules" / "schedules.db") as schedules:
        rows = schedules.execute("SELECT status, instigator_body FROM instigators").fetchall() if schedules else []
    for status, body in rows:
        origin = json.loads(body).get("origin", {})
        name = origin.get("instigator_name") or origin.get("job_name") or ""
        if status in ("RUNNING", "STOPPED"):
            switched[name] = status == "RUNNING"
    named = [(name, "schedule") for name in SCHEDULES] + [(name, "sensor") for name in SENSORS]
    return [Automation(name, kind, switched.get(name, name in ON_BY_DEFAULT)) for name, kind in named]


def daemon_seen(home: Path) -> datetime | None:
    """When the daemon, without which nothing runs by itself, last gave a sign of life."""
    with _database(home / "history" / "runs.db") as runs:
        rows = runs.execute("SELECT daemon_type, timestamp FROM daemon_heartbeats").fetchall() if runs else []
    seen = [datetime.fromisoformat(str(at)) for daemon, at in rows if daemon in _DAEMONS]
    return max((one if one.tzinfo else one.replace(tzinfo=UTC) for one in seen), default=None)


def _night_run(home: Path, runs: sqlite3.Connection, run_id: str, status: str, start: float | None, end: float | None) -> NightRun:
    tags = dict(runs.execute("SELECT key, value FROM run_tags WHERE run_id = ? AND key IN (?, ?)", (run_id, RANGE_START, RANGE_END)))
    failures = tuple(_failures(home, run_id, about(tags))) if status == "FAILURE" else ()
    return NightRun(run_id, _industries(tags), status, _moment(start), _moment(end), failures)


def _industries(tags: dict[str, str]) -> tuple[Industry, ...]:
    if RANGE_START not in tags or RANGE_END not in tags:
        return ()
    order, first, last = list(Industry), Partition.parse(tags[RANGE_START]).industry, Partition.parse(tags[RANGE_END]).industry
    return tuple(order[order.index(first) : order.index(last) + 1])


def _failures(home: Path, run_id: str, subject: str) -> Iterator[str]:
    """What the failed steps of a run said, one line each."""
    with _database(home / "history" / "runs" / f"{run_id}.db") as events:
        query = "SELECT step_key, event FROM event_logs WHERE dagster_event_type = 'STEP_FAILURE' ORDER BY id"
        rows = events.execute(query).fetchall() if events else []
    for step, event in rows:
        failure = json.loads(event)["dagster_event"]["event_specific_data"]
        described, error = (failure.get("user_failure_data") or {}).get("description") or "", failure.get("error") or {}
        cause = error.get("cause") or error
        sentence = failed(step, subject, described, cause.get("message", ""), cause.get("stack") or (), run_id)
        yield "; ".join(line.strip() for line in sentence.splitlines())


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A database to read; None where there is none."""
    if not path.exists():
        yield None
        return
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2)) as found:
        yield found
