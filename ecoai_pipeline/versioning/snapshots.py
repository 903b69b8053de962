"""Snapshots: every table and bundle recorded in DVC after a run, with what made them, and the way back.

A snapshot is a git tag `ecoai/snapshot-000012`. It holds `dvc.yaml`, `dvc.lock` and the parameters as they were, `snapshot.json`
(`Snapshot` here) and `tables.json` (rows and digest of each partition), so a clone of the repository knows all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from ecoai_pipeline.domain import ANOMALIES, PARTITIONED, Industry, Partition
from ecoai_pipeline.evaluation.portfolio import alarms, summary
from ecoai_pipeline.settings import PARAMS, params_file, variables_set
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.schema import empty
from ecoai_pipeline.versioning.cache import Cache
from ecoai_pipeline.versioning.repository import VERSIONED, Repository, code_revision, lock_of
from ecoai_pipeline.versioning.stages import ALARMS, SUMMARY, outs

_TABLES = {table.name: table for table in PARTITIONED}
_PROVENANCE = ("model_version", "data_version")
_MANIFEST, _PARTITIONS = "snapshot.json", "tables.json"

Digests = Mapping[str, Mapping[str, tuple[int, str]]]  # by table and partition the number of rows and the digest of their content


class Out(BaseModel):
    """A folder or file as DVC recorded it; `md5` of a folder ends in `.dir`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    md5: str
    size: int = 0
    nfiles: int = 1


class Snapshot(BaseModel):
    """State of a root: what DVC holds of it, and which runs, code and parameters made it.

    Attributes:
        run_id: the run of Dagster that took it.
        runs: the runs that were done since the snapshot before, as `id: what it made`.
        code: the commit of the program, with `+changes` where its files differed from it.
        params: sha256 of the file of parameters, which the tag holds whole.
        overrides: parameters that variables ECOAI_… set instead of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    at: datetime
    run_id: str
    runs: Mapping[str, str]
    code: str
    params: str
    overrides: Mapping[str, str]
    outs: Mapping[str, Out]
    partitions: int

    def made_as(self, other: Snapshot) -> bool:
        """Whether another one holds the same files, made by the same code and parameters."""
        mine, theirs = ((one.outs, one.code, one.params, one.overrides) for one in (self, other))
        return mine == theirs


@dataclass(frozen=True)
class TableChange:
    """What became of a partition between two snapshots: rows by key that came, went, or say something else."""

    table: str
    partition: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True)
class Difference:
    """From one snapshot to another; events have the columns of ANOMALIES, changed ones as they are in the other.

    An event is known by its id, that is by meter, category and start; that other data or another model say the same of it is no change.
    """

    tables: list[TableChange]
    gained: pl.DataFrame
    lost: pl.DataFrame
    changed: pl.DataFrame


def snapshots(lake: Lake) -> list[Snapshot]:
    """All snapshots of a root, oldest first.

    Raises:
        NotVersionedError: the root is no repository.
    """
    return [Snapshot.model_validate_json(text) for _, text in sorted(Repository.of(lake.root).kept(_MANIFEST).items())]


def find(lake: Lake, name: str) -> Snapshot:
    """The snapshot of a name or number; `last` is the newest one.

    Raises:
        NotVersionedError: the root is no repository.
        ValueError: there is none of that name; the message names those that are there.
    """
    entries = snapshots(lake)
    for entry in reversed(entries):
        if name in (entry.name, entry.name.rpartition("-")[2], entry.name.rpartition("-")[2].lstrip("0"), "last"):
            return entry
    known = ", ".join(entry.name for entry in entries[-5:]) or "none yet"
    raise ValueError(f"there is no snapshot {name!r}; the newest ones: {known}")


def take(lake: Lake, run_id: str, runs: Mapping[str, str]) -> tuple[Snapshot, bool]:
    """Record the root in DVC and as a tag; where nothing changed since the last snapshot, that one and False.

    Writers of tables are waited for, and wait; a second snapshot waits for the first.

    Raises:
        NotVersionedError: the root is no repository.
    """
    repository = Repository.of(lake.root)
    with alone(lake):
        repository.refresh()
        measure(lake)
        with repository.dvc() as repo:
            repo.commit(force=True, allow_missing=True, relink=False)
        tables, earlier = _digests(lake), snapshots(lake)
        now = _state(repository, f"snapshot-{_number(earlier) + 1:06d}", run_id, runs, sum(map(len, tables.values())))
        if earlier and earlier[-1].made_as(now):
            return earlier[-1], False
        documents = {_MANIFEST: now.model_dump_json(indent=1) + "\n", _PARTITIONS: json.dumps(tables, indent=0) + "\n"}
        repository.keep(now.name, {**_files(repository), **documents}, f"{now.name} of run {run_id}, code {now.code}")
    return now, True


def measure(lake: Lake) -> tuple[dict[str, Any], pl.DataFrame]:
    """Write the figures that DVC compares between versions, and return them: the summary, and alarms per meter by month."""
    document, counts = summary(lake), alarms(lake)
    write_text(lake.root / SUMMARY, json.dumps(document, indent=1, sort_keys=True) + "\n")
    write_text(lake.root / ALARMS, counts.write_csv())
    return document, counts


def restore(lake: Lake, name: str) -> Snapshot:
    """Bring tables, landed files, ledgers and models back to a snapshot; what the cache lacks is fetched from the remote.

    Records of detections, reviews and erasures stay: they tell what was said and done when.

    Raises:
        ValueError: there is no such snapshot.
        RuntimeError: some of its files are neither here nor in the remote; the root stays as it was.
    """
    repository, wanted = Repository.of(lake.root), find(lake, name)
    with alone(lake), repository.dvc() as repo:
        missing = Cache(repo).missing(wanted.outs)
        if missing:
            raise RuntimeError(
                f"{wanted.name} cannot be brought back: {len(missing)} of its files are neither in the cache of DVC nor in a remote, "
                f"such as {', '.join(missing[:3])}; run `ecoai versions push` where it was taken, and name the remote here"
            )
        write_text(repository.top / "dvc.lock", repository.kept("dvc.lock", [wanted.name])[wanted.name])
        with repository.dvc() as anew:
            anew.checkout(force=True)
    return wanted


def push(lake: Lake) -> int:
    """Copy the files of all snapshots to DVC's default remote, as far as it lacks them; how many were copied.

    Raises:
        NotVersionedError: the root is no repository.
        RuntimeError: no remote is named, or files of some snapshots are nowhere; those of the others have been copied.
    """
    copied, broken = 0, []
    with Repository.of(lake.root).dvc() as repo:
        for entry in snapshots(lake):
            new, nowhere = Cache(repo).push(entry.outs)
            copied += new
            broken += [f"{entry.name} lacks {len(nowhere)} files"] if nowhere else []
    if broken:
        raise RuntimeError(f"{copied} files copied, but {'; '.join(broken)}, neither here nor in the remote; it cannot be brought back")
    return copied


def difference(lake: Lake, before: Snapshot, after: Snapshot) -> Difference:
    """What changed from one snapshot to another, table by table and event by event, read from DVC's cache.

    Raises:
        RuntimeError: rows of a snapshot are neither in the cache nor in a remote.
    """
    repository = Repository.of(lake.root)
    digests = {name: json.loads(text) for name, text in repository.kept(_PARTITIONS, [before.name, after.name]).items()}
    with repository.dvc() as repo:
        old, new = (_Tables(lake, Cache(repo), shot, digests[shot.name]) for shot in (before, after))
        changes = [_compared(table, key, old.rows(table, key), new.rows(table, key)) for table, key in _differing(old.digests, new.digests)]
        were, are = (tables.all_rows(ANOMALIES.name) for tables in (old, new))
    stayed, said = are.join(were, on="event_id", how="semi"), [name for name in are.columns if name not in _PROVENANCE]
    return Difference(
        tables=changes,
        gained=are.join(were, on="event_id", how="anti").unique("event_id", keep="last", maintain_order=True),
        lost=were.join(are, on="event_id", how="anti").unique("event_id", keep="last", maintain_order=True),
        changed=stayed.join(were, on=said, how="anti", nulls_equal=True).unique("event_id", keep="last", maintain_order=True),
    )


@contextmanager
def alone(lake: Lake) -> Iterator[None]:
    """While every other writer of the root, and every other one who records it, waits."""
    with ExitStack() as locks:
        for lock in ("snapshot", "landing", *Industry):
            locks.enter_context(lake.lock(lock))
        yield


def _digests(lake: Lake) -> dict[str, dict[str, tuple[int, str]]]:
    return {
        table.name: {part.key: (info.rows, info.content) for part in lake.partitions(table) for info in [lake.info(table, part)]}
        for table in PARTITIONED
    }


def _number(earlier: Sequence[Snapshot]) -> int:
    return int(earlier[-1].name.rpartition("-")[2]) if earlier else 0


def _state(repository: Repository, name: str, run_id: str, runs: Mapping[str, str], partitions: int) -> Snapshot:
    recorded = {path: Out.model_validate(out) for path, out in lock_of(repository).items() if path in (*outs(), SUMMARY, ALARMS)}
    return Snapshot(
        name=name,
        at=datetime.now(UTC).replace(microsecond=0),
        run_id=run_id,
        runs=runs,
        code=code_revision(),
        params=params_digest(repository),
        overrides=variables_set(),
        outs=recorded,
        partitions=partitions,
    )


def params_digest(repository: Repository) -> str:
    """sha256 of the file of parameters in use."""
    return hashlib.sha256(params_file(repository.root).read_bytes()).hexdigest()


def _files(repository: Repository) -> dict[str, str]:
    """What the tag holds of the work tree as it is now."""
    present = [name for name in (*VERSIONED, "dvc.lock") if (repository.top / name).exists()]
    files = {name: (repository.top / name).read_text(encoding="utf-8") for name in present}
    return {**files, PARAMS: params_file(repository.root).read_text(encoding="utf-8")}


def _differing(before: Digests, after: Digests) -> Iterator[tuple[str, str]]:
    for table in _TABLES:
        old, new = before.get(table, {}), after.get(table, {})
        yield from ((table, key) for key in sorted({*old, *new}) if old.get(key) != new.get(key))


class _Tables:
    """The tables as a snapshot holds them.

    Raises:
        RuntimeError: some of them are neither in the cache nor in a remote.
    """

    def __init__(self, lake: Lake, cache: Cache, snapshot: Snapshot, digests: Digests) -> None:
        self.digests, self._lake, self._cache = digests, lake, cache
        self._outs = {name: snapshot.outs[name] for name in digests if name in snapshot.outs}
        missing = cache.missing(self._outs)
        if missing:
            raise RuntimeError(f"{len(missing)} files of {snapshot.name} are neither in the cache of DVC nor in a remote: {missing[0]}, …")
        self._places: dict[str, dict[str, Path]] = {}

    def _files(self, table: str) -> dict[str, Path]:
        if table not in self._places:
            self._places[table] = self._cache.files(self._outs[table].md5)
        return self._places[table]

    def rows(self, table: str, key: str) -> pl.DataFrame:
        """Rows of a partition; none where it did not stand then."""
        if key not in self.digests.get(table, {}):
            return empty(_TABLES[table])
        path = self._lake.path(_TABLES[table], Partition.parse(key)).relative_to(self._lake.root / table).as_posix()
        return pl.read_parquet(self._files(table)[path], hive_partitioning=False)

    def all_rows(self, table: str) -> pl.DataFrame:
        """Rows of all partitions."""
        return pl.concat([empty(_TABLES[table]), *(self.rows(table, key) for key in sorted(self.digests.get(table, {})))])


def _compared(table: str, partition: str, old: pl.DataFrame, new: pl.DataFrame) -> TableChange:
    keys = list(_TABLES[table].order)
    both = new.join(old, on=keys, how="semi").height
    equal = new.join(old, on=new.columns, how="semi", nulls_equal=True).height if old.columns == new.columns else 0
    return TableChange(table, partition, new.height - both, old.height - both, both - equal)
