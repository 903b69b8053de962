"""Forgetting a meter in what versions keep: snapshots that hold it go, and with them what only they need of cache and remote."""

from __future__ import annotations

from dataclasses import dataclass

from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.versioning.cache import Cache
from ecoai_pipeline.versioning.repository import Repository
from ecoai_pipeline.versioning.snapshots import Snapshot, alone, snapshots

# Every row of every table comes from a statement, and the ledger names the meters of each.
_NAMED_IN = ("ledgers/statements", "ledgers/meters")


@dataclass(frozen=True)
class Forgotten:
    """What was removed: snapshots by name, and whether a remote was cleared too."""

    snapshots: list[str]
    remote: bool


def forget_versions(lake: Lake, meter_id: str) -> Forgotten:
    """Remove every snapshot that holds a meter, and from cache and remote all that no other snapshot needs.

    The root must have been recorded without the meter before. What commits of a user's own refer to goes too, unless a snapshot
    needs it: it may hold the meter. A snapshot of which the ledgers can no longer be read is removed.

    Raises:
        NotVersionedError: the root is no repository.
        DvcException: the remote could not be reached; the same call again ends the work.
    """
    repository, name = Repository.of(lake.root), Name(meter_id)
    with alone(lake), repository.dvc() as repo:
        remote = bool(repo.config["core"].get("remote"))
        gone = [entry.name for entry in snapshots(lake) if _holds(Cache(repo), entry, name)]
        repository.drop(gone)
        repo.gc(workspace=True, all_tags=True, cloud=remote, force=True)
    return Forgotten(gone, remote)


def _holds(cache: Cache, snapshot: Snapshot, name: Name) -> bool:
    ledgers = {path: out for path, out in snapshot.outs.items() if path in _NAMED_IN}
    if cache.missing(ledgers):
        return True
    return any(name.stands_in(file) for out in ledgers.values() for file in cache.files(out.md5).values())
