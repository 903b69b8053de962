"""Files that DVC keeps by their hash: in its cache on this machine, and in a remote if one is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol


class Recorded(Protocol):
    """A folder, whose hash ends in `.dir`, or a file, as DVC knows it."""

    @property
    def md5(self) -> str: ...


class Cache:
    """The cache of an opened repository of DVC, filled from the default remote where something lacks."""

    def __init__(self, repo: Any) -> None:
        self._repo, self._local = repo, repo.cache.local

    def missing(self, outs: Mapping[str, Recorded]) -> list[str]:
        """Names of those files of some outs that are neither in the cache nor in the remote; all others are in the cache then."""
        for _ in ("the lists of folders", "what stands in them"):
            self._fetch({oid for out in outs.values() for _, oid in self._absent(out.md5)})
        return [f"{path}/{name}".rstrip("/") for path, out in outs.items() for name, _ in self._absent(out.md5)]

    def push(self, outs: Mapping[str, Recorded]) -> tuple[int, list[str]]:
        """Copy what the remote lacks of some outs to it: the number of files copied, and hashes of those that are nowhere.

        DVC's own push reads each tag's own configuration, in which a remote that was named later does not stand.

        Raises:
            RuntimeError: no remote is named, or files could not be copied.
        """
        from dvc.exceptions import DvcException

        here: set[str] = set()
        absent: set[str] = set()
        for out in outs.values():
            for oid in (out.md5, *(found for _, found in self._entries(out.md5))):
                (here if self._local.exists(oid) else absent).add(oid)
        try:
            done = self._repo.cloud.push([_hash_info(oid) for oid in sorted(here)])
            absent -= set(self._repo.cloud.get_remote_odb().oids_exist(sorted(absent)))
        except DvcException as error:
            raise RuntimeError(f"nothing was pushed: {error}") from error
        if done.failed:
            raise RuntimeError(f"{len(done.failed)} files could not be pushed; the same command again ends the work")
        return len(done.transferred), sorted(absent)

    def files(self, recorded: str) -> dict[str, Path]:
        """Places in the cache of the files of a folder by their path in it; of a file, its own by an empty path."""
        if recorded.endswith(".dir"):
            return {path: self._place(oid) for path, oid in self._entries(recorded)}
        return {"": self._place(recorded)}

    def _absent(self, recorded: str) -> Iterator[tuple[str, str]]:
        """Path and hash of each file that the cache lacks of a folder; while it lacks the list of them, of the folder itself."""
        if not self._local.exists(recorded):
            yield "", recorded
        else:
            yield from ((path, oid) for path, oid in self._entries(recorded) if not self._local.exists(oid))

    def _entries(self, folder: str) -> Iterator[tuple[str, str]]:
        """Path and hash of each file of a folder; nothing of a file, or of a folder that the cache does not hold the list of."""
        from dvc_data.hashfile.tree import Tree

        if not folder.endswith(".dir") or not self._local.exists(folder):
            return
        for place, (_, found) in Tree.load(self._local, _hash_info(folder)).iteritems():
            yield "/".join(place), found.value

    def _fetch(self, oids: set[str]) -> None:
        if oids and self._repo.config["core"].get("remote"):
            self._repo.cloud.pull([_hash_info(oid) for oid in sorted(oids)])

    def _place(self, oid: str) -> Path:
        return Path(self._local.oid_to_path(oid))


def _hash_info(oid: str) -> Any:
    from dvc_data.hashfile.hash_info import HashInfo

    return HashInfo("md5", oid)
