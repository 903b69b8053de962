"""Snapshots: every table and bundle recorded in DVC after a run, with what made them, and the way back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from ecoai_pipeline.domain import ANOMALIES, PARTITIONED, Industry
from ecoai_pipeline.evaluation.portfolio import alarms, summary
from ecoai_pipeline.settings import params_file
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.ledger import Ledger
from ecoai_pipeline.versioning.repository import Repository, code_revision, lock_of
from ecoai_pipeline.versioning.stages import ALARMS, CODE, SUMMARY, outs

_TABLES = {table.name: table for table in PARTITIONED}


class Out(BaseModel):
    """A folder or file as DVC recorded it; `md5` of a folder ends in `.dir`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    md5: str
    size: int = 0
    nfiles: int = 1


class Snapshot(BaseModel):
    """State of a root: what DVC holds of it, and which run, code and parameters made it.

    Attributes:
        params: sha256 of the file of parameters, which the tag holds whole.
        tables: by table and partition the number of rows and the digest of their content.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    at: datetime
    run_id: str
    code: str
    params: str
    outs: Mapping[str, Out]
    tables: Mapping[str, Mapping[str, tuple[int, str]]]


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
    """From one snapshot to another; events have the columns of ANOMALIES."""

    tables: list[TableChange]
    gained: pl.DataFrame
    lost: pl.DataFrame


def snapshots(lake: Lake) -> Ledger[Snapshot]:
    return Ledger(lake.root / "ledgers" / "snapshots", Snapshot)


def find(lake: Lake, name: str) -> Snapshot:
    """The snapshot of a name; `last` is the newest one.

    Raises:
        ValueError: there is none of that name; the message names those that are there.
    """
    entries = [entry for _, entry in snapshots(lake).read()]
    for entry in reversed(entries):
        if name in (entry.name, entry.name.rpartition("-")[2]) or name == "last":
            return entry
    known = ", ".join(entry.name for entry in entries[-5:]) or "none yet"
    raise ValueError(f"there is no snapshot {name!r}; the newest ones: {known}")


def take(lake: Lake, run_id: str) -> tuple[Snapshot, bool]:
    """Record the root in DVC and in the ledger of snapshots; where nothing changed since the last one, that one and False.

    Writers of tables are waited for, and wait; a second snapshot waits for the first.

    Raises:
        NotVersionedError: the root is no repository.
    """
    repository = Repository.of(lake.root)
    with _alone(lake):
        repository.refresh()
        measure(lake)
        with repository.dvc() as repo:
            repo.commit(force=True, allow_missing=True, relink=False)
        now = _state(lake, repository, run_id)
        earlier = [entry for _, entry in snapshots(lake).read()]
        if earlier and _same(earlier[-1], now):
            return earlier[-1], False
        repository.keep(f"ecoai/{now.name}", _files(repository), f"{now.name} of run {run_id}, code {now.code}")
        snapshots(lake).append(now)
    return now, True


def measure(lake: Lake) -> tuple[dict[str, Any], pl.DataFrame]:
    """Write the figures that DVC compares between versions, and return them: the summary, and alarms per meter by month."""
    document, counts = summary(lake), alarms(lake)
    write_text(lake.root / SUMMARY, json.dumps(document, indent=1, sort_keys=True) + "\n")
    write_text(lake.root / ALARMS, counts.write_csv())
    return document, counts


def restore(lake: Lake, name: str) -> Snapshot:
    """Bring tables, landed files, ledgers and models back to a snapshot; what the cache lacks is fetched from the remote.

    Records of detections, reviews and snapshots stay: they tell what was said when.

    Raises:
        ValueError: there is no such snapshot.
        RuntimeError: DVC could not find some of its files, here or in the remote.
    """
    from dvc.exceptions import DvcException

    repository, wanted = Repository.of(lake.root), find(lake, name)
    with _alone(lake):
        lock = repository.git("show", f"refs/tags/ecoai/{wanted.name}:{_beside(repository, 'dvc.lock')}")
        (repository.top / "dvc.lock").write_text(lock + "\n", encoding="utf-8")
        try:
            with repository.dvc() as repo:
                if repo.config["core"].get("remote"):
                    repo.fetch()
                repo.checkout(force=True, allow_missing=False)
        except DvcException as error:
            raise RuntimeError(
                f"{wanted.name} cannot be brought back whole: {error}; push it from where it was taken, or name a remote"
            ) from error
    return wanted


def difference(lake: Lake, before: Snapshot, after: Snapshot) -> Difference:
    """What changed from one snapshot to another, table by table and event by event, read from DVC's cache."""
    repository = Repository.of(lake.root)
    changes, gained, lost = [], [], []
    with repository.dvc() as repo:
        for table, key in _changed(before, after):
            old, new = (_rows(repo, repository, shot, table, key) for shot in (before, after))
            changes.append(_compared(table, key, old, new))
            if table == ANOMALIES.name:
                gained.append(new.join(old, on=["event_id"], how="anti"))
                lost.append(old.join(new, on=["event_id"], how="anti"))
    none = pl.DataFrame()
    return Difference(changes, pl.concat(gained) if gained else none, pl.concat(lost) if lost else none)


@contextmanager
def _alone(lake: Lake) -> Iterator[None]:
    with ExitStack() as locks:
        for lock in ("snapshot", "landing", *Industry):
            locks.enter_context(lake.lock(lock))
        yield


def _state(lake: Lake, repository: Repository, run_id: str) -> Snapshot:
    number = len(snapshots(lake).read()) + 1
    tables = {
        table.name: {part.key: (info.rows, info.content) for part in lake.partitions(table) for info in [lake.info(table, part)]}
        for table in PARTITIONED
    }
    recorded = {name: Out.model_validate(out) for name, out in lock_of(repository).items() if name in (*outs(), SUMMARY, ALARMS)}
    params = hashlib.sha256(params_file().read_bytes()).hexdigest()
    at = datetime.now(UTC).replace(microsecond=0)
    return Snapshot(name=f"snapshot-{number:06d}", at=at, run_id=run_id, code=code_revision(), params=params, outs=recorded, tables=tables)


def _same(one: Snapshot, other: Snapshot) -> bool:
    return (one.outs, one.params, one.code) == (other.outs, other.params, other.code)


def _files(repository: Repository) -> dict[str, str]:
    """What the tag holds of the work tree as it is now."""
    names = ("dvc.yaml", "dvc.lock", "params.yaml", CODE, ".dvcignore", ".dvc/config", ".dvc/.gitignore")
    return {
        _beside(repository, name): (repository.top / name).read_text(encoding="utf-8") for name in names if (repository.top / name).exists()
    }


def _beside(repository: Repository, name: str) -> str:
    """A file's name as git knows it: the top of the repository is that of git."""
    return repository.git("rev-parse", "--show-prefix") + name


def _changed(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    for table in _TABLES:
        old, new = before.tables.get(table, {}), after.tables.get(table, {})
        yield from ((table, key) for key in sorted({*old, *new}) if old.get(key) != new.get(key))


def _rows(repo: Any, repository: Repository, shot: Snapshot, table: str, key: str) -> pl.DataFrame:
    """Rows of a partition as a snapshot holds them; none where it did not stand then."""
    from ecoai_pipeline.domain import Partition
    from ecoai_pipeline.storage.schema import empty

    if key not in shot.tables.get(table, {}):
        return empty(_TABLES[table])
    path = Lake(repository.root).path(_TABLES[table], Partition.parse(key)).relative_to(repository.root / table).as_posix()
    return pl.read_parquet(_cached(repo, shot.outs[table].md5, path), hive_partitioning=False)


def _cached(repo: Any, folder: str, path: str) -> str:
    """Place in DVC's cache of a file of a recorded folder; fetched where it is only in the remote."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    cache = repo.cache.local
    tree = Tree.load(cache, HashInfo("md5", folder))
    _, found = tree.get(tuple(path.split("/"))) or (None, None)
    if found is None:
        raise ValueError(f"{path} is not in the recorded folder {folder}; the snapshot's ledger and the cache do not belong together")
    return str(cache.oid_to_path(found.value))


def _compared(table: str, partition: str, old: pl.DataFrame, new: pl.DataFrame) -> TableChange:
    keys = list(_TABLES[table].order)
    both = new.join(old, on=keys, how="semi").height
    equal = new.join(old, on=new.columns, how="semi", nulls_equal=True).height if old.height else 0
    return TableChange(table, partition, new.height - both, old.height - both, both - equal)
