"""The git and DVC repository that a root lies in: making one, and recording in it without touching a user's index or branch."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecoai_pipeline.settings import PARAMS, PROJECT, params_file
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.versioning.stages import ALARMS, CODE, HEAD, SUMMARY, code_yaml, dvc_yaml, make_folders, outs

# What git holds of a root: everything else is DVC's.
VERSIONED = ("dvc.yaml", PARAMS, CODE, ".dvcignore", ".dvc/config", ".dvc/.gitignore")
_TAGS = "refs/tags/ecoai/"
_IDENTITY = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "ecoai"), ("EMAIL", "ecoai@localhost"))
}
_UNRECORDED = "landing/parsed/\n.*.tmp\n"
_RECORDED_BY_DVC = sorted({f"/{out}" for out in (*outs(), SUMMARY, ALARMS)})
_NEVER_RECORDED = [
    "dagster_home",
    "inbox",
    "locks",
    "processed",
    "rejected",
    "passed_over",
    "reports",
    "docs",
    "evaluation",
    "ledgers",
    "simulated",
    "*.tmp",
]


class NotVersionedError(ValueError):
    """The root lies in no repository of ours."""


@dataclass(frozen=True)
class Repository:
    """A git and DVC repository: `top` holds `dvc.yaml`, `root` is the lake in it."""

    top: Path
    root: Path

    @classmethod
    def of(cls, root: Path) -> Repository:
        """The repository of a root.

        Raises:
            NotVersionedError: there is none; the message says how to make one.
        """
        root = root.resolve()
        top = PROJECT if root == PROJECT / "data" else root
        if not (top / ".dvc").is_dir() or not (top / ".git").exists():
            raise NotVersionedError(f"{root} is not versioned; make it a repository of its own with: ecoai --root {root} versions init")
        return cls(top, root)

    @property
    def own(self) -> bool:
        """Whether the repository is the root's alone."""
        return self.top == self.root

    def refresh(self) -> None:
        """Make the folders that stages are about; in a repository of the root's own, write down the stages and the code in use."""
        make_folders(self.root)
        if self.own:
            _write(self.top / "dvc.yaml", dvc_yaml(".", None))
            _write(self.top / CODE, code_yaml())

    def git(self, *arguments: str, env: Mapping[str, str] | None = None, text: str | None = None) -> str:
        """Run git in the repository and return what it printed.

        Raises:
            RuntimeError: git failed; the message is its own.
        """
        done = subprocess.run(
            ["git", "-C", str(self.top), *arguments],
            env={**os.environ, **(env or {})},
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"git {arguments[0]} in {self.top}: {done.stderr.strip()}")
        return done.stdout

    def dvc(self) -> Any:
        """DVC's view of the repository; use it in a `with`."""
        return _quiet_dvc()(str(self.top))

    def keep(self, name: str, files: Mapping[str, str], message: str) -> None:
        """Tag a commit of the head's files with some of them replaced; index, branch and work tree stay as they are.

        The tag `ecoai/NAME` is what keeps DVC's objects from `dvc gc --all-tags`.
        """
        head = self._head()
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index"), **_IDENTITY}
            if head:
                self.git("read-tree", head, env=env)
            for file, content in files.items():
                blob = self.git("hash-object", "-w", "--stdin", text=content).strip()
                self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}", env=env)
            tree = self.git("write-tree", env=env).strip()
            parents = ["-p", head] if head else []
            commit = self.git("commit-tree", tree, *parents, "-m", message, env=env).strip()
        self.git("update-ref", f"{_TAGS}{name}", commit, "0" * 40)

    def kept(self, file: str, names: Sequence[str] | None = None) -> dict[str, str]:
        """A file as tags hold it, by the names that `keep` gave; of all tags unless some are named."""
        refs = [f"{_TAGS}{name}" for name in names] if names else self.git("for-each-ref", "--format=%(refname)", _TAGS).split()
        # The length of a blob counts bytes, so the answer is taken apart as bytes.
        rest = self.git("cat-file", "--batch", text="".join(f"{ref}:{file}\n" for ref in refs)).encode()
        found = {}
        for ref in refs:
            head, _, rest = rest.partition(b"\n")
            if not head.endswith(b" missing"):
                length = int(head.split()[-1])
                found[ref.removeprefix(_TAGS)], rest = rest[:length].decode(), rest[length + 1 :]
        return found

    def drop(self, names: Iterable[str]) -> None:
        """Remove tags that `keep` made."""
        for name in names:
            self.git("update-ref", "-d", f"{_TAGS}{name}")

    def _head(self) -> str:
        try:
            return self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
        except RuntimeError:
            return ""


def is_versioned(root: Path) -> bool:
    """Whether a root is recorded by us after runs; not inside a stage of `dvc repro`, which records what it ran."""
    try:
        Repository.of(root)
    except NotVersionedError:
        return False
    return "DVC_STAGE" not in os.environ


def init(root: Path) -> Repository:
    """Make a root a git and DVC repository of its own, unless it is one; the project's `data` belongs to the project.

    Where the root is a git repository already, its index and branch stay as they are. The parameters in use become the root's
    own, which are read from then on.

    Raises:
        ValueError: the root has a `dvc.yaml` of somebody else's.
    """
    root = root.resolve()
    if root == PROJECT / "data":
        return Repository.of(root)
    if (root / "dvc.yaml").exists() and not (root / "dvc.yaml").read_text(encoding="utf-8").startswith(HEAD):
        raise ValueError(f"{root / 'dvc.yaml'} is not ours and stays; move it away, or version another root")
    repository, new = Repository(root, root), not (root / ".git").exists()
    if new:
        root.mkdir(parents=True, exist_ok=True)
        repository.git("init", "--quiet", "--initial-branch=main")
        write_text(root / ".git" / "info" / "exclude", "\n".join([*_RECORDED_BY_DVC, *_NEVER_RECORDED]) + "\n")
    if not (root / ".dvc").is_dir():
        with _index_kept(root), _quiet_dvc().init(str(root)) as repo, repo.config.edit() as config:
            config["core"]["analytics"] = False
    if not (root / PARAMS).exists():
        write_text(root / PARAMS, params_file().read_text(encoding="utf-8"))
    _write(root / ".dvcignore", _UNRECORDED)
    repository.refresh()
    if new:
        # DVC compares revisions only where there is a first commit.
        repository.git("add", "--", *VERSIONED)
        repository.git("commit", "--quiet", "--message", "A lake of meter readings; tags ecoai/snapshot-* hold its states", env=_IDENTITY)
    return repository


@contextmanager
def _index_kept(root: Path) -> Iterator[None]:
    """Put git's index back as it was: DVC stages its own files."""
    index = root / ".git" / "index"
    before = index.read_bytes() if index.exists() else None
    yield
    if before is None:
        index.unlink(missing_ok=True)
    else:
        index.write_bytes(before)


def _quiet_dvc() -> Any:
    """DVC, which tells of its faults only: progress is ours to show, and stdout is a program's."""
    import logging

    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    return Repo


def code_revision() -> str:
    """The commit of the code in use, with `+changes` where files differ from it; where the package is no checkout, a digest of it."""
    from ecoai_pipeline.storage.fingerprint import code_digest

    checkout = Repository(PROJECT, PROJECT)
    if not (PROJECT / ".git").exists():
        return f"code {code_digest('')}"
    head = checkout.git("rev-parse", "HEAD").strip()
    changed = checkout.git("status", "--porcelain", "--untracked-files=no", "--", "ecoai_pipeline", PARAMS)
    return f"{head}+changes" if changed else head


def _write(path: Path, text: str) -> None:
    """Write a file unless it says that already, so that its time tells of changes."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def lock_of(repository: Repository) -> dict[str, Any]:
    """What DVC recorded of each out: hash, size and number of files, by path below the root."""
    import yaml

    document = yaml.safe_load((repository.top / "dvc.lock").read_text(encoding="utf-8"))
    found = {}
    for stage in document["stages"].values():
        for out in stage.get("outs", []):
            name = os.path.relpath(repository.top / out["path"], repository.root)
            found[name] = {key: out[key] for key in ("md5", "size", "nfiles") if key in out}
    return found
