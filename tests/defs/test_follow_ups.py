"""Months that a change reaches: runs of their own that name the run they follow, and never months without readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from ecoai_pipeline.defs.backfills import IndustryRunCoordinator, tags_of
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.defs.runs import Runner
from ecoai_pipeline.defs.sensors import follow_ups
from ecoai_pipeline.domain import RAW_READINGS, Industry, MonthRange, Partition
from ecoai_pipeline.storage.lake import Lake

from .conftest import MONTHS, TABLES, take_in, write_readings

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
Look = Callable[[], list[dg.RunRequest | dg.SkipReason]]


@pytest.fixture
def look(lake: Lake) -> Look:
    """What the sensor asks for now."""

    def evaluate() -> list[dg.RunRequest | dg.SkipReason]:
        resources = {"lakehouse": Lakehouse(root=str(lake.root))}
        with dg.DagsterInstance.get() as instance, dg.build_sensor_context(instance=instance, resources=resources) as context:
            return list(follow_ups(context))  # type: ignore[call-overload]

    return evaluate


@pytest.fixture
def quarter(lake: Lake, scored: Runner) -> Runner:
    """All three months scored."""
    scored.tables(TABLES, {Industry.METAL: MONTHS})
    return scored


def month_of(text: str) -> dict[Industry, MonthRange]:
    return {Industry.METAL: MonthRange.parse(text)}


def test_a_changed_month_is_followed_by_the_next_one_alone(lake: Lake, quarter: Runner, look: Look, tmp_path: Path) -> None:
    """m2 is restated in January; March is reached only if February changes."""
    assert look() == []
    take_in(lake, write_readings(tmp_path / "again.csv", datetime(2025, 1, 8), datetime(2025, 1, 20), meters=("m2",), factor=0.0))
    made = quarter.tables(TABLES, month_of("2025-01"))
    (asked,), (again,) = look(), look()

    assert isinstance(asked, dg.RunRequest)
    assert (asked.tags[START], asked.tags[END]) == ("metal|2025-02-01", "metal|2025-02-01")
    assert (asked.tags["follow_up_of"], asked.tags["ecoai/kind"]) == (made[0].run_id, "follow-up")
    assert asked.run_key == again.run_key, "Dagster asks once for a key"
    quarter.run(TABLES, asked.tags, {})
    for follow in look():
        assert isinstance(follow, dg.RunRequest)
        assert (follow.tags[START], follow.tags["follow_up_of"]) == ("metal|2025-03-01", made[0].run_id)


def test_months_without_readings_are_never_followed(lake: Lake, quarter: Runner, look: Look) -> None:
    """An explicit run of May succeeds without rows; neither it nor a change of March leads to another month."""
    quarter.tables(TABLES, month_of("2025-05"))
    assert look() == []
    (lake.root / RAW_READINGS.name / "industry=metal" / "month=2025-03" / "part.parquet").unlink()
    quarter.tables(TABLES, month_of("2025-03"))

    assert look() == []
    assert lake.info(RAW_READINGS, Partition(Industry.METAL, MonthRange.parse("2025-05").first)).rows == 0


def test_readings_that_came_after_a_month_was_made_are_left_to_the_night(lake: Lake, quarter: Runner, look: Look, tmp_path: Path) -> None:
    quarter.tables(TABLES, month_of("2025-03"))
    take_in(lake, write_readings(tmp_path / "again.csv", datetime(2025, 3, 8), datetime(2025, 3, 9), factor=1.1))
    assert look() == []


def test_nothing_is_asked_for_while_runs_are_under_way(quarter: Runner, look: Look) -> None:
    with dg.DagsterInstance.get() as instance:
        instance.add_run(
            dg.DagsterRun(job_name="nightly", run_id="00000000-0000-4000-8000-000000000000", status=dg.DagsterRunStatus.STARTED)
        )
    assert [type(answer) for answer in look()] == [dg.SkipReason]


def test_runs_of_the_ui_get_the_tags_of_their_industry(quarter: Runner) -> None:
    """The queue's limit of one run per industry counts by that tag."""
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.run_coordinator, IndustryRunCoordinator)
    backfill = {"dagster/backfill": "abcdefgh", START: "metal|2025-03-01", END: "metal|2025-04-01"}
    assert tags_of(dg.DagsterRun("job", tags=backfill)) == {"ecoai/kind": "backfill", "ecoai/industry": "metal"}
    by_hand = {"dagster/partition": "food|2025-03-01"}
    assert tags_of(dg.DagsterRun("job", tags=by_hand)) == {"ecoai/kind": "by hand", "ecoai/industry": "food"}


def test_runs_of_a_command_have_the_name_of_a_job_and_its_tags(lake: Lake, quarter: Runner) -> None:
    quarter.tables([*TABLES, "report"], month_of("2025-03"), day="2025-03-30")
    with dg.DagsterInstance.get() as instance:
        night, *_, training, readings = instance.get_runs()

    assert [run.job_name for run in (night, training, readings)] == ["nightly", "training", "backfill"]
    kept = {name: value for name, value in night.tags.items() if not name.startswith("dagster/") and not name.startswith(".")}
    assert kept == {"ecoai/kind": "ecoai", "ecoai/industry": "metal", "ecoai/day": "2025-03-30"}
