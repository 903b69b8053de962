"""The asset graph as it is meant to be; a change of it is made here too, on purpose."""

from __future__ import annotations

import dagster as dg
import pytest

from ecoai_pipeline.defs.build import build_definitions
from ecoai_pipeline.defs.partitions import all_of_the_industry, industry_month, industry_resolution
from ecoai_pipeline.domain import EVALUATIONS, PARTITIONED, SPECTRA, Month

GRAPH = {
    "raw_readings": [],
    "validated_readings": ["raw_readings"],
    "features": ["validated_readings"],
    "models": ["features"],
    "champions": ["models"],
    "scores": ["champions", "features"],
    "drift": ["scores"],
    "anomalies": ["scores"],
    "report": ["anomalies", "drift"],
    "evaluation": [],
    "snapshot": ["anomalies", "champions", "drift", "features", "models", "raw_readings", "scores", "validated_readings"],
}
TABLES = industry_month(Month(2010, 1))
CHECKS = {
    "validated_readings": ["data_is_complete", "lateness", "readings_are_sound"],
    "champions": ["not_worse"],
    "scores": ["no_hindsight"],
    "drift": ["no_drift"],
    "anomalies": ["alarm_budget"],
}


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return build_definitions().get_repository_def()


def test_assets_and_what_they_depend_on(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    found = {
        key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys) for key in graph.get_all_asset_keys()
    }
    assert found == GRAPH


def test_every_table_is_partitioned_by_industry_and_month_and_models_by_resolution(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    for name in GRAPH.keys() - {"evaluation", "snapshot"}:
        node = graph.get(dg.AssetKey(name))
        assert node.partitions_def == (industry_resolution if name in ("models", "champions") else TABLES)
        assert node.backfill_policy == dg.BackfillPolicy.single_run(), f"{name}: one run per partition would cost an hour"


def test_every_asset_names_owners_kinds_and_the_job_that_runs_it(repository: dg.RepositoryDefinition) -> None:
    jobs = {"models": "training", "champions": "training", "evaluation": "evaluate", "snapshot": "record"}
    for name in GRAPH:
        node = repository.asset_graph.get(dg.AssetKey(name))
        assert (node.owners, bool(node.kinds), bool(node.description)) == (["team:energy-analytics"], True, True), name
        assert node.tags["ecoai/runs"] == jobs.get(name, "nightly")


def test_columns_of_tables_are_those_of_the_domain_with_their_units(repository: dg.RepositoryDefinition) -> None:
    for table in (one for one in PARTITIONED if one is not SPECTRA):
        schema = repository.asset_graph.get(dg.AssetKey(table.name)).metadata["dagster/column_schema"]
        assert [(column.name, column.description) for column in schema.columns] == [(one.name, one.meaning) for one in table.columns]
    (excess,) = (column for column in schema.columns if column.name == "excess_kwh")
    assert (excess.type, excess.description) == ("float64", "actual less expected, kWh; negative for a shortfall")


def test_checks(repository: dg.RepositoryDefinition) -> None:
    found: dict[str, list[str]] = {}
    for key in sorted(repository.asset_graph.asset_check_keys, key=str):
        found.setdefault(key.asset_key.to_user_string(), []).append(key.name)
    assert {asset: sorted(names) for asset, names in found.items()} == CHECKS


def test_jobs_schedules_and_sensors(repository: dg.RepositoryDefinition) -> None:
    assert {job.name for job in repository.get_all_jobs()} >= {"ingest", "nightly", "backfill", "training", "record", "land_inbox"}
    assert {s.name: (s.cron_schedule, s.execution_timezone) for s in repository.schedule_defs} == {
        "nightly": ("*/15 * * * *", "UTC"),
        "monthly_training": ("0 * * * *", "UTC"),
    }
    assert [sensor.name for sensor in repository.sensor_defs] == ["follow_ups", "inbox", "retraining", "versions"]


def test_an_evaluation_is_partitioned_by_the_way_it_judges(repository: dg.RepositoryDefinition) -> None:
    partitions = repository.asset_graph.get(dg.AssetKey("evaluation")).partitions_def
    assert partitions is not None
    assert partitions.get_partition_keys() == list(EVALUATIONS)


def test_a_month_of_a_table_leads_to_the_same_month_alone(repository: dg.RepositoryDefinition) -> None:
    """A mapping that reached into the next month would let a backfill run months that nobody asked for."""
    graph = repository.asset_graph
    for name in GRAPH.keys() - {"evaluation", "snapshot", "raw_readings", "models", "champions"}:
        for parent in graph.get(dg.AssetKey(name)).parent_keys - {dg.AssetKey("champions")}:
            assert isinstance(graph.get_partition_mapping(dg.AssetKey(name), parent), dg.IdentityPartitionMapping), (name, parent)


def test_scores_need_all_models_of_their_industry() -> None:
    needed = all_of_the_industry.get_upstream_mapped_partitions_result_for_partitions(
        TABLES.subset_with_partition_keys(["metal|2022-03-01"]), TABLES, industry_resolution
    )
    assert sorted(map(str, needed.partitions_subset.get_partition_keys())) == ["metal|high", "metal|low", "metal|mid"]


def test_tables_start_at_the_parameter_first_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAI_FIRST_MONTH", "1997-01")
    partitions = build_definitions().get_repository_def().asset_graph.get(dg.AssetKey("anomalies")).partitions_def
    assert partitions is not None
    assert partitions.get_first_partition_key() == "energy_supplier|1997-01-01"
