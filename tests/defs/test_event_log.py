"""Batches of Dagster's events: the records are those that Dagster's own storage writes one by one."""

import sqlite3
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

from ecoai_pipeline.defs.event_log import BatchedEventLog, in_batches, overrides

KEYS = [f"2022-{month:02d}-01" for month in range(1, 8)]
MONTHS = dg.StaticPartitionsDefinition(KEYS)


@dg.asset(
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("fine", asset="table")],
)
def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    for key in context.partition_keys:
        context.add_asset_metadata({"month": key}, partition_key=key)
    return dg.MaterializeResult(metadata={"run_rows": 3}, check_results=[dg.AssetCheckResult(check_name="fine", passed=True)])


def materialize(instance: dg.DagsterInstance) -> str:
    tags = {"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[-1]}
    outcome = dg.Definitions([table]).resolve_implicit_global_asset_job_def().execute_in_process(instance=instance, tags=tags)
    assert outcome.success
    return outcome.run_id


def records(instance: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """What Dagster's own readers find."""
    asset = dg.AssetKey("table")
    events = [event.get_dagster_event() for event in instance.all_logs(run_id) if event.is_dagster_event]
    checks = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(asset, "fine"), limit=9)
    made = [one.asset_materialization for one in instance.fetch_materializations(asset, limit=99, ascending=True).records]
    latest = instance.get_latest_materialization_event(asset)
    assert latest is not None
    assert latest.asset_materialization is not None
    return {
        "events": [(event.event_type_value, event.partition) for event in events],
        "months": [(one.partition, one.metadata["month"].value) for one in made if one],
        "latest": latest.asset_materialization.partition,
        "partitions": instance.get_materialized_partitions(asset),
        "asset keys": instance.get_asset_keys(),
        "checks": [record.status for record in checks],
    }


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each connection to a database of events."""
    opened: list[int] = []
    connect = BatchedEventLog.__mro__[1]._connect  # type: ignore[attr-defined]
    monkeypatch.setattr(BatchedEventLog.__mro__[1], "_connect", lambda *arguments: opened.append(1) or connect(*arguments))
    return opened


def test_a_run_in_batches_leaves_the_records_of_one_event_at_a_time(tmp_path: Path, connections: list[int]) -> None:
    found, opened = {}, {}
    for name in ("plain", "batched"):
        home = tmp_path / name
        home.mkdir()
        connections.clear()
        if name == "plain":
            with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
                found[name] = records(instance, materialize(instance))
        else:
            with in_batches(), dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=overrides(home))) as instance:
                assert isinstance(instance.event_log_storage, BatchedEventLog)
                found[name] = records(instance, materialize(instance))
        opened[name] = len(connections)
    assert found["batched"] == found["plain"]
    assert len(found["plain"]["months"]) == 7
    assert opened["plain"] - opened["batched"] >= 2 * 2 * 6, "two events a partition, in two databases"
    # An instance without the override reads what the other wrote.
    home = tmp_path / "batched"
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("table")) == set(KEYS)
    with sqlite3.connect(home / "history" / "runs" / "index.db") as database:
        assert database.execute("select count(*) from event_logs where partition is not null").fetchone() == (14,)


def test_a_home_that_chooses_its_storage_keeps_it(tmp_path: Path) -> None:
    assert overrides(tmp_path)["storage"]["custom"]["class"] == "BatchedSqliteStorage"
    (tmp_path / "dagster.yaml").write_text("storage:\n  postgres:\n    postgres_url:\n      env: ECOAI_POSTGRES_URL\n")
    assert overrides(tmp_path) == {}
