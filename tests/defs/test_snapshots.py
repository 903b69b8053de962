"""Recording through Dagster: one snapshot after the runs, what it says of them, and what a restated month or an erased meter does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.defs.runs import Materialized, Runner
from ecoai_pipeline.defs.sensors import versions
from ecoai_pipeline.detection.erase import erase_meter
from ecoai_pipeline.domain import ANOMALIES, Industry, MonthRange, Partition
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.versioning import snapshots as versioning
from ecoai_pipeline.versioning.erase import forget_versions
from ecoai_pipeline.versioning.repository import Repository, init
from ecoai_pipeline.versioning.snapshots import difference, find, restore, take

from .conftest import TABLES, take_in, write_readings

MARCH = MonthRange.parse("2025-03")


@pytest.fixture
def versioned(lake: Lake, scored: Runner) -> Runner:
    """Runs on a copy of the finished lake that is a repository of its own."""
    init(lake.root)
    return scored


def restate(lake: Lake, folder: Path, runner: Runner) -> None:
    """Meter m2 stands still on the 6th of March, says its provider."""
    take_in(lake, write_readings(folder / "anew.csv", datetime(2025, 3, 6), datetime(2025, 3, 7), meters=("m2",), factor=0.0))
    runner.tables(TABLES, {Industry.METAL: MARCH})


def observed(asset: str) -> dict[str, Any]:
    """What stands at a table in the UI since the last snapshot."""
    with dg.DagsterInstance.get() as instance:
        (record,) = instance.fetch_observations(dg.AssetKey(asset), limit=1).records
    assert record.asset_observation is not None
    return {name: value.value for name, value in record.asset_observation.metadata.items()}


def test_a_snapshot_names_runs_code_and_parameters_and_leaves_dvc_nothing_to_say(lake: Lake, versioned: Runner) -> None:
    made = versioned.snapshot()
    taken = find(lake, "last")

    assert made.metadata["snapshot"] == taken.name == "snapshot-000001"
    assert len(taken.runs) == 3, "readings and features, a model, scores and events"
    assert "scores, drift, anomalies of metal|2025-03-01 to metal|2025-03-01" in taken.runs.values()
    assert taken.overrides == {}
    assert len(taken.params) == 64
    recorded = yaml.safe_load((lake.root / "dvc.lock").read_text())["stages"]["anomalies"]["outs"]
    scores = next(out for out in recorded if out["path"] == "scores")
    told = observed("scores")
    assert (told["snapshot"], told["dvc"], told["files"]) == (taken.name, scores["md5"], 1)
    assert told["dvc"].endswith(".dir")
    with Repository.of(lake.root).dvc() as repo:
        assert repo.status() == {}


def test_a_second_snapshot_of_the_same_state_is_none(lake: Lake, versioned: Runner) -> None:
    versioned.snapshot()
    again = versioned.snapshot()

    assert again.metadata["outcome"] == "nothing has changed"
    assert [one.name for one in versioning.snapshots(lake)] == ["snapshot-000001"]


def test_what_was_set_beside_the_file_of_parameters_is_told(lake: Lake, versioned: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    versioned.snapshot()
    monkeypatch.setenv("ECOAI_DETECTION__TOP_PER_SITE", "3")
    versioned.snapshot()

    assert [dict(one.overrides) for one in versioning.snapshots(lake)] == [{}, {"ECOAI_DETECTION__TOP_PER_SITE": "3"}]


def test_two_at_the_same_time_make_one(lake: Lake, versioned: Runner) -> None:
    command = [
        sys.executable,
        "-c",
        "from ecoai_pipeline.cli import main; main()",
        "--root",
        str(lake.root),
        "versions",
        "snapshot",
        "--json",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True, env=environment, check=False), range(2)))

    assert [one.returncode for one in done] == [0, 0], done
    assert [one.name for one in versioning.snapshots(lake)] == ["snapshot-000001"]


def test_a_restated_month_is_told_by_rows_and_by_events(lake: Lake, versioned: Runner, tmp_path: Path) -> None:
    versioned.snapshot()
    restate(lake, tmp_path, versioned)
    versioned.snapshot()
    found = difference(lake, find(lake, "1"), find(lake, "2"))

    counts = {change.table: (change.added, change.removed, change.changed) for change in found.tables}
    assert counts["raw_readings"] == (0, 0, 24)
    assert {change.partition for change in found.tables} == {"metal|2025-03-01"}
    assert ("m2", datetime(2025, 3, 5, 15, tzinfo=UTC)) in found.gained.select("meter_id", "start").rows()
    assert set(found.gained["meter_id"]) == {"m2"}
    assert set(found.lost["event_id"]).isdisjoint(lake.read(ANOMALIES, Partition(Industry.METAL, MARCH.first))["event_id"])
    back = difference(lake, find(lake, "2"), find(lake, "1"))
    assert (back.lost.rows(), back.gained.rows()) == (found.gained.rows(), found.lost.rows())


def test_a_state_that_is_not_whole_is_not_brought_back(lake: Lake, versioned: Runner, tmp_path: Path) -> None:
    versioned.snapshot()
    first = Path(lake.root / "dvc.lock").read_text()
    restate(lake, tmp_path, versioned)
    versioned.snapshot()
    lost = next(out["md5"] for stage in yaml.safe_load(first)["stages"].values() for out in stage["outs"] if out["path"] == "raw_readings")
    (lake.root / ".dvc" / "cache" / "files" / "md5" / lost[:2] / lost[2:]).unlink()
    before = {path: path.read_bytes() for path in lake.root.rglob("*.parquet")} | {"lock": (lake.root / "dvc.lock").read_bytes()}

    with pytest.raises(RuntimeError, match=r"snapshot-000001 cannot be brought back: 1 of its files .* raw_readings"):
        restore(lake, "1")
    assert {path: path.read_bytes() for path in lake.root.rglob("*.parquet")} | {"lock": (lake.root / "dvc.lock").read_bytes()} == before


def test_an_unknown_snapshot_is_answered_with_those_that_are_there(lake: Lake, versioned: Runner) -> None:
    versioned.snapshot()
    with pytest.raises(ValueError, match="there is no snapshot '7'; the newest ones: snapshot-000001"):
        find(lake, "7")


def test_an_erased_meter_leaves_snapshots_cache_and_remote(lake: Lake, versioned: Runner, tmp_path: Path) -> None:
    """A state from before the meter came stays; those with it go, and with them its rows, from both places."""
    remote = tmp_path / "remote"
    with Repository.of(lake.root).dvc() as repo, repo.config.edit() as config:
        config["core"]["remote"] = "store"
        config["remote"]["store"] = {"url": str(remote)}
    versioned.snapshot()
    take_in(lake, write_readings(tmp_path / "new.csv", datetime(2025, 3, 6), datetime(2025, 3, 9), meters=("m3",)))
    versioned.tables(TABLES, {Industry.METAL: MARCH})
    versioned.snapshot()
    versioning.push(lake)
    name, places = Name("m3"), (lake.root / ".dvc" / "cache", remote)

    def holding() -> int:
        return sum(name.stands_in(path) for place in places for path in place.rglob("*") if path.is_file())

    assert holding() > 10
    erase_meter(lake, load_settings(), "m3", at=datetime(2025, 4, 2, tzinfo=UTC))
    versioned.snapshot()
    gone = forget_versions(lake, "m3")

    assert (gone.snapshots, gone.remote) == (["snapshot-000002"], True)
    assert holding() == 0
    assert [one.name for one in versioning.snapshots(lake)] == ["snapshot-000001", "snapshot-000003"]
    restore(lake, "1")
    restore(lake, "3")


@pytest.fixture
def look(lake: Lake) -> Callable[[], dg.RunRequest | dg.SkipReason]:
    """What the sensor asks for now."""

    def evaluate() -> dg.RunRequest | dg.SkipReason:
        resources = {"lakehouse": Lakehouse(root=str(lake.root))}
        with dg.DagsterInstance.get() as instance, dg.build_sensor_context(instance=instance, resources=resources) as context:
            found: dg.RunRequest | dg.SkipReason = versions(context)  # type: ignore[assignment]
            return found

    return evaluate


def test_a_snapshot_is_asked_for_once_the_last_run_has_ended(
    lake: Lake, versioned: Runner, look: Callable[[], Any], tmp_path: Path
) -> None:
    first = look()
    assert isinstance(first, dg.RunRequest)
    versioned.snapshot()
    assert look().run_key == first.run_key, "the snapshot itself is no run to record, and Dagster asks once for a key"
    restate(lake, tmp_path, versioned)
    assert look().run_key != first.run_key
    with dg.DagsterInstance.get() as instance:
        instance.add_run(
            dg.DagsterRun(job_name="nightly", run_id="00000000-0000-4000-8000-000000000000", status=dg.DagsterRunStatus.STARTED)
        )
    assert "under way" in look().skip_message


def test_a_root_that_is_not_versioned_is_left_alone(lake: Lake, scored: Runner, look: Callable[[], Any]) -> None:
    assert "versions init" in look().skip_message


def test_a_failed_recording_names_what_to_do(lake: Lake, scored: Runner) -> None:
    with pytest.raises(Exception, match="versions init"):
        scored.snapshot()


def partitions_made(done: list[Materialized]) -> int:
    return sum(made.metadata["outcome"] == "written" for made in done)


def test_after_going_back_the_tables_are_up_to_date(lake: Lake, versioned: Runner, tmp_path: Path) -> None:
    take(lake, "a run", {})
    restate(lake, tmp_path, versioned)
    take(lake, "another", {})
    restore(lake, "1")
    assert partitions_made(versioned.tables(TABLES, {Industry.METAL: MARCH})) == 0
