"""What runs by itself, and on which day: the schedules over a month's end, a backfill through the daemon."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.test_utils import MockedRunLauncher, create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration

from ecoai_pipeline.defs.build import build_definitions
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.defs.runs import Runner
from ecoai_pipeline.defs.schedules import monthly_training, nightly
from ecoai_pipeline.domain import NIGHT_ASSETS, REPORT, Industry, Meter, UsageType
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

from .conftest import take_in, write_readings

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def tick(schedule: dg.ScheduleDefinition, lake: Lake, moment: str, instance: dg.DagsterInstance | None = None) -> list[dg.RunRequest]:
    """What a schedule asks for at a moment on Seoul's clock."""
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Seoul"))
    resources = {"lakehouse": Lakehouse(root=str(lake.root))}
    with ExitStack() as stack:
        own = instance or stack.enter_context(dg.instance_for_test())
        context = dg.build_schedule_context(instance=own, scheduled_execution_time=at, resources=resources)
        return [one for one in schedule(stack.enter_context(context)) if isinstance(one, dg.RunRequest)]  # type: ignore[call-overload]


def register(lake: Lake, **zones: str) -> None:
    """A meter of metal per zone, and one of food in the first."""
    meters = [(name, Industry.METAL, zone) for name, zone in zones.items()] + [("food", Industry.FOOD, next(iter(zones.values())))]
    rows = [Meter(name, industry, UsageType.INDUSTRIAL, zone, signed=False, valid_from=date(2000, 1, 1)) for name, industry, zone in meters]
    MeterRegistry(lake).register(rows, origin="test", at=datetime(2025, 1, 1, tzinfo=UTC))


def asked(requests: list[dg.RunRequest]) -> list[tuple[str, str, str]]:
    """Industry, day and first partition of each run asked for."""
    return [(r.tags["ecoai/industry"], str(r.run_config["ops"]["anomalies"]["config"]["day"]), r.tags[START]) for r in requests]


@pytest.mark.parametrize(
    ("moment", "day", "month"),
    [
        ("2025-03-31T02:30", "2025-03-30", "2025-03-01"),
        ("2025-04-01T02:30", "2025-03-31", "2025-03-01"),
        ("2025-04-02T02:30", "2025-04-01", "2025-04-01"),
        ("2025-01-01T02:30", "2024-12-31", "2024-12-01"),
    ],
)
def test_a_night_is_about_yesterday_and_its_month_for_each_industry_with_meters(lake: Lake, moment: str, day: str, month: str) -> None:
    register(lake, seoul="Asia/Seoul")
    requests = tick(nightly(load_settings()), lake, moment)

    assert asked(requests) == [(one, day, f"{one}|{month}") for one in ("metal", "food")]
    assert [r.tags[END] for r in requests] == [f"metal|{month}", f"food|{month}"]
    assert len({r.run_key for r in requests}) == 2


@pytest.fixture
def done() -> Iterator[dg.DagsterInstance]:
    """Records of runs."""
    with dg.instance_for_test() as instance:
        yield instance


def test_each_time_zone_has_its_own_night(lake: Lake, done: dg.DagsterInstance) -> None:
    """All for the 31st of March; food has its one meter in Seoul."""
    register(lake, seoul="Asia/Seoul", london="Europe/London", york="America/New_York", nepal="Asia/Kathmandu")
    job, found = build_definitions(Lakehouse(root=str(lake.root))).resolve_job_def("nightly"), {}
    before, *moments = ("02:15", "02:30", "02:45", "05:30", "05:45", "10:15", "10:30", "15:15", "15:30", "23:45")
    for moment in (before, *moments):  # at the first, the nights of the 30th are asked for
        requests = tick(nightly(load_settings()), lake, f"2025-04-01T{moment}", done)
        for request in requests:
            done.create_run_for_job(job, tags=dict(request.tags))
        found |= {moment: asked(requests)} if requests and moment != before else {}
    day, month = "2025-03-31", "metal|2025-03-01"
    assert found == {
        "02:30": [("metal", day, month), ("food", day, "food|2025-03-01")],
        "05:45": [("metal", day, month)],
        "10:30": [("metal", day, month)],  # London, in summer time since the 30th
        "15:30": [("metal", day, month)],
    }


def test_a_daemon_that_was_down_asks_for_the_night_it_missed_and_not_twice(lake: Lake, done: dg.DagsterInstance) -> None:
    register(lake, seoul="Asia/Seoul")
    job = build_definitions(Lakehouse(root=str(lake.root))).resolve_job_def("nightly")
    late = tick(nightly(load_settings()), lake, "2025-04-01T09:00", done)
    assert asked(late) == [("metal", "2025-03-31", "metal|2025-03-01"), ("food", "2025-03-31", "food|2025-03-01")]
    for request in late:
        done.create_run_for_job(job, tags=dict(request.tags))
    assert tick(nightly(load_settings()), lake, "2025-04-01T09:15", done) == []


def test_without_meters_no_night_runs(lake: Lake) -> None:
    assert tick(nightly(load_settings()), lake, "2025-04-01T02:30") == []


def test_a_night_takes_a_restated_month_along_in_a_run_before_its_own(lake: Lake, scored: Runner, tmp_path: Path) -> None:
    take_in(lake, write_readings(tmp_path / "march.csv", datetime(2025, 3, 6), datetime(2025, 3, 7), factor=1.1))
    metal = [r for r in tick(nightly(load_settings()), lake, "2025-04-05T02:30") if r.tags["ecoai/industry"] == "metal"]

    assert [(r.run_key, r.tags[START], r.tags[END]) for r in metal] == [
        ("metal:2025-04-04 due 2025-04-04T17:30Z:late:2025-03", "metal|2025-03-01", "metal|2025-03-01"),
        ("metal:2025-04-04 due 2025-04-04T17:30Z", "metal|2025-04-01", "metal|2025-04-01"),
    ]


def test_training_on_the_first_takes_all_that_lies_before(lake: Lake, scored: Runner) -> None:
    requests = tick(monthly_training(load_settings()), lake, "2025-03-01T04:00")

    assert [(r.tags[START], r.tags[END]) for r in requests] == [("metal|low", "metal|low")]
    assert requests[0].run_config["ops"]["models"]["config"]["months"] == "2025-01..2025-02"


def test_training_waits_for_the_end_of_the_month_of_every_meter_and_is_asked_for_once(
    lake: Lake, scored: Runner, done: dg.DagsterInstance
) -> None:
    """At 04:00 in Seoul it is still February in London, and March has begun there for four hours at 13:00 in Seoul."""
    register(lake, seoul="Asia/Seoul", london="Europe/London")
    job, found = build_definitions(Lakehouse(root=str(lake.root))).resolve_job_def("training"), {}
    for moment in ("2025-03-01T03:00", "2025-03-01T04:00", "2025-03-01T12:00", "2025-03-01T13:00", "2025-03-01T14:00"):
        requests = tick(monthly_training(load_settings()), lake, moment, done)
        for request in requests:
            done.create_run_for_job(job, tags=dict(request.tags))
        found |= {moment[-5:]: [str(r.run_config["ops"]["models"]["config"]["months"]) for r in requests]}
    assert found == {"03:00": ["2025-01..2025-01"], "04:00": [], "12:00": [], "13:00": ["2025-01..2025-02"], "14:00": []}


def backfilled(folder: Path, assets: Sequence[str], keys: Sequence[str]) -> tuple[list[dg.DagsterRun], set[tuple[str, str]]]:
    """The runs that Dagster's daemon requests for a backfill from the UI, without executing them, and their partitions."""
    overrides = {"run_launcher": {"module": MockedRunLauncher.__module__, "class": "MockedRunLauncher"}, "telemetry": {"enabled": False}}
    target = ModuleTarget("ecoai_pipeline.definitions", None, None, None)
    with ExitStack() as stack:
        instance = stack.enter_context(dg.instance_for_test(overrides=overrides, temp_dir=str(folder)))
        workspace = stack.enter_context(create_test_daemon_workspace_context(target, instance))
        instance.add_backfill(
            PartitionBackfill.from_asset_partitions(
                backfill_id="b",
                asset_graph=build_definitions().get_repository_def().asset_graph,
                partition_names=list(keys),
                asset_selection=[dg.AssetKey(asset) for asset in assets],
                backfill_timestamp=datetime.now().timestamp(),
                tags={},
                dynamic_partitions_store=instance,
                all_partitions=False,
                title=None,
                description=None,
                run_config=None,
            )
        )
        errors = [error for error in execute_backfill_iteration(workspace, logging.getLogger("test")) if error]
        assert errors == []
        backfill = instance.get_backfill("b")
        assert backfill is not None
        assert backfill.asset_backfill_data is not None
        meant = backfill.asset_backfill_data.target_subset.iterate_asset_partitions()
        return list(instance.get_runs()), {(one.asset_key.to_user_string(), str(one.partition_key)) for one in meant}


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")  # Dagster's own, in its own daemon
def test_a_backfill_of_scores_through_the_daemon_asks_for_its_keys_in_one_run_per_industry(tmp_path: Path) -> None:
    """With an identity mapping to models Dagster's daemon raises here, although direct runs pass."""
    keys = [f"{industry}|2021-{month:02d}-01" for industry in ("metal", "food") for month in range(1, 7)]
    runs, _ = backfilled(tmp_path, ["scores"], keys)

    assert sorted((run.tags[START], run.tags[END]) for run in runs) == [
        ("food|2021-01-01", "food|2021-06-01"),
        ("metal|2021-01-01", "metal|2021-06-01"),
    ]


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["ceramics|2025-03", "ceramics|2025-04", "metal|2025-04"], ["ceramics|2025-03..04", "metal|2025-04..04"]),
        ([f"{industry}|2025-0{month}" for industry in Industry for month in (3, 4)], [f"{one}|2025-03..04" for one in Industry]),
        (["metal|2025-01", "metal|2025-03"], ["metal|2025-01..01", "metal|2025-03..03"]),
    ],
    ids=["different months", "fewer months than industries", "a month between is not asked for"],
)
def test_a_backfill_of_all_tables_is_one_run_per_industry_over_exactly_its_months(
    tmp_path: Path, keys: list[str], expected: list[str]
) -> None:
    """With mappings that reached into the month before, the first of these made 15 runs and touched four later months."""
    tables = [*NIGHT_ASSETS, REPORT]
    runs, meant = backfilled(tmp_path, tables, [f"{key}-01" for key in keys])

    assert sorted(f"{run.tags[START][:-3]}..{run.tags[END][-5:-3]}" for run in runs) == sorted(expected)
    assert [run.asset_selection for run in runs] == [{dg.AssetKey(table) for table in tables}] * len(expected)
    assert meant == {(table, f"{key}-01") for table in tables for key in keys}
