"""What `ecoai status` reads of Dagster's records without importing Dagster: the last night, why it failed, and what is switched on."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from ecoai_pipeline.defs.build import build_definitions
from ecoai_pipeline.defs.glance import automations, daemon_seen, last_night
from ecoai_pipeline.defs.home import ON_BY_DEFAULT, SCHEDULES, SENSORS, home_of
from ecoai_pipeline.defs.runs import RunFailedError, Runner
from ecoai_pipeline.domain import FEATURES, SCORES, Industry, Month, MonthRange, Partition
from ecoai_pipeline.storage.lake import Lake

from .conftest import TABLES

MARCH = MonthRange.parse("2025-03")


def test_the_names_of_schedules_and_sensors_are_those_of_the_definitions() -> None:
    repository = build_definitions().get_repository_def()
    assert sorted(SCHEDULES) == sorted(schedule.name for schedule in repository.schedule_defs)
    assert sorted(SENSORS) == sorted(sensor.name for sensor in repository.sensor_defs)
    running = [one.name for one in repository.sensor_defs if one.default_status is dg.DefaultSensorStatus.RUNNING]
    assert sorted(ON_BY_DEFAULT) == sorted(running)


def test_without_records_there_is_no_night_and_all_is_as_the_code_says(tmp_path: Path) -> None:
    assert (last_night(tmp_path), daemon_seen(tmp_path)) == (None, None)
    assert [one.name for one in automations(tmp_path) if one.on] == list(ON_BY_DEFAULT)


def test_the_last_night_is_that_of_the_newest_day_with_its_run_per_industry(lake: Lake, scored: Runner) -> None:
    scored.tables(TABLES, {Industry.METAL: MARCH}, day="2025-03-17")
    done = scored.tables(TABLES, {Industry.METAL: MARCH, Industry.FOOD: MARCH}, day="2025-03-18")
    night = last_night(home_of(lake.root))

    assert night is not None
    assert (night.day, len(night.runs)) == (date(2025, 3, 18), 1)
    run = night.last_run(Industry.FOOD)
    assert run is not None
    assert (run.run_id, run.status, run.failures) == (done[0].run_id, "SUCCESS", ())
    assert night.started is not None
    assert night.ended is not None
    assert night.started < night.ended
    assert night.last_run(Industry.CHEMICAL) is None


def test_a_failed_night_says_why(lake: Lake, scored: Runner) -> None:
    march = Partition(Industry.METAL, MARCH.first)
    lake.path(SCORES, march).unlink()
    lake.path(FEATURES, Partition(Industry.METAL, Month(2025, 2))).write_bytes(b"not parquet")
    with pytest.raises(RunFailedError):
        scored.tables(["scores"], {Industry.METAL: MARCH}, day="2025-03-18")
    night = last_night(home_of(lake.root))

    assert night is not None
    run = night.last_run(Industry.METAL)
    assert run is not None
    assert run.status == "FAILURE"
    assert run.failures[0].startswith("metal 2025-03, scores: ")
    assert "is damaged: it holds features of metal in 2025-02 and cannot be read" in run.failures[0]


def test_a_status_imports_neither_dagster_nor_what_it_does_not_need() -> None:
    """Dagster takes three seconds to import, numba one."""
    code = (
        "import sys; import ecoai_pipeline.cli.status, ecoai_pipeline.defs.glance, ecoai_pipeline.detection.night; "
        "print([name for name in ('dagster', 'numba', 'torch', 'sklearn') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
