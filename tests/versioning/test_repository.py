"""A repository of a root's own, and what happens to one that a user made: nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ecoai_pipeline.settings import load_settings, params_file
from ecoai_pipeline.versioning.repository import NotVersionedError, Repository, init, is_versioned


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    return subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A repository with one commit, one staged file and one that is neither."""
    root = tmp_path / "users"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=mine")
    for name in ("committed", "staged", "loose"):
        (root / name).write_text(name)
    git(root, "add", "committed")
    git(root, "commit", "--quiet", "--message", "first")
    git(root, "add", "staged")
    return root


def test_a_new_root_has_a_first_commit_a_quiet_dvc_and_parameters_of_its_own(tmp_path: Path) -> None:
    repository = init(tmp_path / "root")

    assert Repository.of(tmp_path / "root") == repository == init(tmp_path / "root"), "a second time changes nothing"
    assert git(repository.root, "status", "--short") == ""
    assert len(git(repository.root, "log", "--oneline").splitlines()) == 1
    with repository.dvc() as repo:
        assert repo.config["core"]["analytics"] is False
    (repository.root / "params.yaml").write_text("time_zone: Europe/Berlin\n")
    assert load_settings(repository.root).time_zone == "Europe/Berlin", "what DVC compares is what runs read"
    assert params_file(tmp_path / "other") != params_file(repository.root)


def test_a_users_index_and_branch_stay_as_they_are(users: Path) -> None:
    before = [git(users, *asked) for asked in (("diff", "--cached"), ("log", "--all", "--format=%H"), ("ls-files", "--stage"))]
    repository = init(users)
    repository.keep("one", {"snapshot.json": "{}", "committed": "anew\n"}, "a state")

    assert git(users, "diff", "--cached") == before[0]
    assert git(users, "log", "mine", "--format=%H") == before[1]
    assert git(users, "ls-files", "--stage") == before[2]
    assert (users / "committed").read_text() == "committed"
    assert git(users, "show", "ecoai/one:committed") == "anew\n"


def test_what_was_kept_is_read_from_tags_and_gone_when_they_are_dropped(users: Path) -> None:
    repository = init(users)
    texts = {"one": "é\n", "two": "한국어 and more\n", "three": ""}
    for name, text in texts.items():
        repository.keep(name, {"said": text}, name)

    assert repository.kept("said") == texts
    assert repository.kept("said", ["two"]) == {"two": texts["two"]}
    assert repository.kept("committed", ["one"]) == {"one": "committed"}, "the rest of the head comes along"
    assert repository.kept("unknown") == {}
    repository.drop(["one", "three"])
    assert repository.kept("said") == {"two": texts["two"]}


def test_a_tag_is_never_replaced(users: Path) -> None:
    repository = init(users)
    repository.keep("one", {"said": "first"}, "one")
    with pytest.raises(RuntimeError, match="update-ref"):
        repository.keep("one", {"said": "second"}, "one")


def test_a_root_without_a_repository_says_how_to_make_one(tmp_path: Path) -> None:
    assert not is_versioned(tmp_path)
    with pytest.raises(NotVersionedError, match=f"ecoai --root {tmp_path} versions init"):
        Repository.of(tmp_path)


def test_inside_a_stage_of_dvc_nothing_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init(tmp_path)
    assert is_versioned(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "models")
    assert not is_versioned(tmp_path)


def test_a_pipeline_of_somebody_elses_stays(users: Path) -> None:
    (users / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(ValueError, match=r"dvc\.yaml is not ours"):
        init(users)
    assert not (users / ".dvc").exists()
