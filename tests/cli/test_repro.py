"""`dvc repro`: it builds everything from landed files, does nothing a second time, and runs again what a change is about and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ecoai_pipeline.versioning.repository import Repository

from .conftest import Ecoai

LAYERS = ("raw_readings", "validated_readings", "features", "models", "scores", "drift", "anomalies")


def repro(root: Path) -> list[str]:
    """Names of the stages that ran, as DVC tells them."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("ECOAI_ROOT", None)
    done = subprocess.run(
        [Path(sys.executable).with_name("dvc"), "repro"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


def written(root: Path) -> dict[str, int]:
    """When each file of the tables and models was last written."""
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for name in LAYERS for path in (root / name).rglob("*") if path.is_file()}


def changed(root: Path, before: dict[str, int]) -> set[str]:
    """Layer and month, or layer and detector, of what was written since."""
    names = [name for name, moment in written(root).items() if before.get(name) != moment]
    return {f"{Path(name).parts[0]} {Path(name).parts[2 if Path(name).parts[0] != 'models' else 3]}" for name in names}


@pytest.mark.full
def test_repro_runs_what_a_change_is_about(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    root = ecoai.root
    monkeypatch.delenv("ECOAI_DETECTORS__USAD__EPOCHS")
    assert ecoai("versions", "init", "--json").code == 0
    assert ecoai("simulate", "--industry", "metal", "--meters", "2", "--months", "2025-01..2025-04", "--json").code == 0
    files = sorted(str(path) for path in (root / "simulated").glob("metal-*.csv"))
    assert ecoai("ingest", *files, "--meters", str(root / "simulated" / "meters.csv"), "--json").code == 0

    assert repro(root) == ["landing", "raw", "validated", "features", "models", "anomalies", "evaluation"]
    assert repro(root) == []
    with Repository.of(root).dvc() as repo:
        assert repo.status() == {}

    # A month after the training span, said anew: its partitions, and of no other month; no model.
    before = written(root)
    last = (root / "simulated" / "metal-2025-04.csv").read_text(encoding="utf-8").splitlines()
    day = [row if number == 0 else ",".join([*row.split(",")[:4], *["1.5"] * 96]) for number, row in enumerate(last[:2])]
    (root / "simulated" / "anew.csv").write_text("\n".join(day) + "\n", encoding="utf-8")
    assert ecoai("ingest", str(root / "simulated" / "anew.csv"), "--json").code == 0
    assert repro(root) == ["landing", "raw", "validated", "features", "models", "anomalies", "evaluation"]
    assert changed(root, before) == {f"{name} month=2025-04" for name in LAYERS if name != "models"}

    # One parameter of one detector: models, and what they score.
    before = written(root)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["detectors"]["sub_pca"]["size"] += 1
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    assert repro(root) == ["models", "anomalies", "evaluation"]
    assert {name.split()[0] for name in changed(root, before)} <= {"models", "scores", "drift", "anomalies"}

    # A price: the anomalies alone, from the scores there are.
    before = written(root)
    params["impact"]["tariffs"]["kepco"]["versions"][0]["prices"]["industrial"]["spring_autumn"]["mid"] += 1
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    assert repro(root)[0] == "anomalies"
    assert {name.split()[0] for name in changed(root, before)} <= {"anomalies"}

    # The code of one room, as its digest tells: its layer is made again, says the same, and nothing follows.
    code = yaml.safe_load((root / "code.yaml").read_text(encoding="utf-8"))
    (root / "code.yaml").write_text(yaml.safe_dump({**code, "quality": "another digest"}), encoding="utf-8")
    before = written(root)
    assert repro(root) == ["validated"]
    assert changed(root, before) == set()
