"""Going back: real readings of a steel plant, one day of them restated, and both states had again from a remote of DVC."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.versioning.repository import Repository
from ecoai_pipeline.versioning.snapshots import push

from .conftest import Ecoai

MADE = ("raw_readings", "validated_readings", "features", "spectra", "models", "scores", "anomalies")
DAY = "20/04/2018"


def four_months(real_data: Path, folder: Path) -> Path:
    """January to April of the plant, a reading every 15 minutes."""
    rows = (real_data / "steel" / "Steel_industry_data.csv").read_text(encoding="utf-8-sig").splitlines()
    path = folder / "plant.csv"
    path.write_text("\n".join(rows[: 1 + 120 * 96]) + "\n", encoding="utf-8")
    return path


def with_an_outage(source: Path) -> Path:
    """The rows of one day, as the provider says them anew: nothing was used in the hours of its shift."""
    header, *rows = source.read_text(encoding="utf-8").splitlines()
    day = [row.split(",") for row in rows if row.startswith(f"{DAY} ")]
    said = [[when, "0" if 36 <= place < 72 else kwh, *rest] for place, (when, kwh, *rest) in enumerate(day)]
    path = source.parent / "said-anew" / source.name
    path.parent.mkdir()
    path.write_text("\n".join([header, *map(",".join, said)]) + "\n", encoding="utf-8")
    return path


def digests(root: Path) -> dict[str, str]:
    files = [path for name in MADE for path in (root / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def status(root: Path) -> Any:
    with Repository.of(root).dvc() as repo:
        return repo.status()


def name_remote(root: Path, url: str, **options: str) -> None:
    with Repository.of(root).dvc() as repo, repo.config.edit() as config:
        config["core"]["remote"] = "store"
        config["remote"]["store"] = {"url": url, **options}


def goes_back(ecoai: Ecoai, real_data: Path, folder: Path, remote: dict[str, str]) -> None:
    """The whole way: a night, a restated day, a push, a wiped cache, and both states again, bit for bit, also when made anew."""
    plant, root = four_months(real_data, folder), ecoai.root
    assert ecoai("versions", "init", "--json").code == 0
    assert ecoai("ingest", str(plant), "--industry", "metal", "--json").code == 0
    assert ecoai("train", "--industry", "metal", "--months", "2018-01..2018-03", "--json").code == 0
    night = ecoai("nightly", "--date", "2018-04-30")
    assert "recorded in DVC as snapshot-000002" in night.out, "training was the first"
    before = digests(root)
    assert status(root) == {}
    name_remote(root, **remote)

    assert ecoai("ingest", str(with_an_outage(plant)), "--industry", "metal", "--json").code == 0
    assert "recorded in DVC as snapshot-000003" in ecoai("nightly", "--date", "2018-04-30").out
    after = digests(root)
    diff = ecoai("versions", "diff", "2", "3", "--json").document
    changed = {(row["table"], row["partition"]): (row["added"], row["removed"], row["changed"]) for row in diff["tables"]}
    assert changed["raw_readings", "metal|2018-04-01"] == (0, 0, 36)
    assert {partition for _, partition in changed} == {"metal|2018-04-01"}
    gained = [event for event in diff["events"] if event["what"] == "gained"]
    assert any(event["start"].startswith("2018-04-20") and event["meter_id"] == "plant" for event in gained)

    kept = sum(path.is_file() for path in (root / ".dvc" / "cache" / "files").rglob("*"))
    assert ecoai("versions", "push", "--json").document["files"] == kept, "all three snapshots, a file that they share once"
    assert push(Lake(root)) == 0
    shutil.rmtree(root / ".dvc" / "cache")
    for name in MADE:
        shutil.rmtree(root / name)
    for number, state in (("2", before), ("3", after)):
        assert ecoai("versions", "restore", number, "--json").code == 0
        assert digests(root) == state
        assert status(root) == {}
    again = ecoai("backfill", "--months", "2018-04..2018-04", "--json").document["industries"]
    assert [row["written"] for row in again] == [0], "what is restored is up to date"
    for name in ("scores", "anomalies"):
        shutil.rmtree(root / name)
    assert ecoai("backfill", "--months", "2018-04..2018-04", "--json").code == 0
    made = digests(root)
    assert {name: made[name] for name in made if "2018-04" in name} == {name: after[name] for name in after if "2018-04" in name}


@pytest.mark.full
def test_a_state_of_real_data_comes_back_from_a_folder_bit_for_bit(ecoai: Ecoai, real_data: Path, tmp_path: Path) -> None:
    goes_back(ecoai, real_data, tmp_path, {"url": str(tmp_path / "remote")})


@contextmanager
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A server that speaks S3, in a process of its own."""
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            said = next(line for line in server.stderr if "Running on" in line)
            yield {"url": "s3://lake", "endpointurl": said.split()[-1]}
        finally:
            server.terminate()


@pytest.mark.full
def test_a_state_of_real_data_comes_back_from_s3_bit_for_bit(
    ecoai: Ecoai, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3 = pytest.importorskip("boto3", reason="needs the server and the client of `make test-full`")
    with s3(monkeypatch) as remote:
        boto3.client("s3", endpoint_url=remote["endpointurl"]).create_bucket(Bucket="lake")
        goes_back(ecoai, real_data, tmp_path, remote)
