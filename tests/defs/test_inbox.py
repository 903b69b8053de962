"""The inbox through Dagster: the sensor asks for one run that lands all files, and then for the readings of what was landed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from ecoai_pipeline.defs.build import build_definitions
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.defs.runs import Runner
from ecoai_pipeline.defs.sensors import inbox
from ecoai_pipeline.domain import RAW_READINGS, Industry, Month, MonthRange, Partition
from ecoai_pipeline.storage.lake import Lake

from .conftest import READINGS

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture
def look(lake: Lake, run: Runner, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dg.RunRequest | dg.SkipReason]]:
    """What the sensor asks for now; files count as at rest at once."""
    monkeypatch.setenv("ECOAI_SOURCES__INBOX_REST_S", "0")

    def evaluate() -> list[dg.RunRequest | dg.SkipReason]:
        resources = {"lakehouse": Lakehouse(root=str(lake.root))}
        with dg.DagsterInstance.get() as instance, dg.build_sensor_context(instance=instance, resources=resources) as context:
            return list(inbox(context))  # type: ignore[call-overload]

    return evaluate


def drop(lake: Lake, name: str, meter: str = "7") -> Path:
    path = lake.root / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{meter},2025-01-01 {hour:02d}:00:00,{20 + hour},0" for hour in range(24)]
    path.write_text("\n".join(["building_id,timestamp,meter_reading,anomaly", *rows]) + "\n", encoding="utf-8")
    return path


def land(lake: Lake) -> dg.ExecuteInProcessResult:
    job = build_definitions(Lakehouse(root=str(lake.root))).resolve_job_def("land_inbox")
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(instance=instance, raise_on_error=False)


def test_the_inbox_is_landed_first_and_read_then(lake: Lake, run: Runner, look: Callable[[], list[dg.RunRequest]]) -> None:
    drop(lake, "metal/m.csv")
    drop(lake, "metal/still-copying.csv.part")

    assert [request.job_name for request in look()] == ["land_inbox"]
    assert land(lake).success
    assert [path.name for path in (lake.root / "processed").glob("*.csv")] == ["m.csv"]
    assert (lake.root / "processed" / "m.csv.reason.json").exists()
    assert [path.name for path in (lake.root / "inbox" / "metal").iterdir()] == ["still-copying.csv.part"]
    (asked,) = look()
    assert (asked.job_name, asked.tags[START], asked.tags[END]) == ("ingest", "metal|2025-01-01", "metal|2025-01-01")

    run.tables(READINGS, {Industry.METAL: MonthRange.parse("2025-01")})
    assert look() == []


def test_many_files_are_one_run_and_one_run_per_industry_reads_them(
    lake: Lake, run: Runner, look: Callable[[], list[dg.RunRequest]]
) -> None:
    for number in range(12):
        drop(lake, f"{'metal' if number % 2 else '식품'}/{number}.csv", meter=str(number))
    (lake.root / "inbox" / "metal" / "empty.csv").touch()
    assert [request.job_name for request in look()] == ["land_inbox"]
    (first,), (second,) = look(), look()
    assert first.run_key == second.run_key, "the same files must not be landed by two runs"

    landed = land(lake)
    metadata = landed.get_step_success_events()[0].step_success_data
    assert (landed.success, metadata is not None) == (True, True)
    (output,) = [event for event in landed.all_events if event.event_type_value == "STEP_OUTPUT"]
    told = output.event_specific_data.metadata  # type: ignore[union-attr]
    assert {name: told[name].value for name in ("processed", "rejected", "left", "vanished")} == {
        "processed": 12,
        "rejected": 1,
        "left": 0,
        "vanished": 0,
    }
    asked = look()
    assert sorted(request.tags["ecoai/industry"] for request in asked) == ["food", "metal"]
    for request in asked:
        run.run(READINGS, request.tags, {})
    assert [lake.info(RAW_READINGS, Partition(Industry(name), Month(2025, 1))).rows for name in ("food", "metal")] == [144, 144]
    assert look() == []


def test_while_files_are_landed_nothing_is_asked_for(lake: Lake, run: Runner, look: Callable[[], list[dg.RunRequest]]) -> None:
    """Readings are asked for when the whole batch has landed, not once per half minute of it."""
    drop(lake, "m.csv")
    with dg.DagsterInstance.get() as instance:
        job = build_definitions(Lakehouse(root=str(lake.root))).resolve_job_def("land_inbox")
        under_way = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert [type(answer) for answer in look()] == [dg.SkipReason]
        instance.delete_run(under_way.run_id)
    assert [request.job_name for request in look()] == ["land_inbox"]


def test_a_file_that_cannot_be_landed_fails_the_run_by_name_after_the_others(
    lake: Lake, run: Runner, look: Callable[[], list[dg.RunRequest]], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(lake, "a.csv")
    drop(lake, "b.csv", meter="8")
    from ecoai_pipeline.sources import inbox as room

    real = room.ingest_file

    def full(lake, settings, path, *args, **named):  # type: ignore[no-untyped-def]
        if path.name == "a.csv":
            raise OSError(28, "No space left on device")
        return real(lake, settings, path, *args, **named)

    monkeypatch.setattr(room, "ingest_file", full)
    landed = land(lake)
    (failure,) = [event for event in landed.all_events if event.event_type_value == "STEP_FAILURE"]
    assert "1 of 2 files could not be landed\na.csv: [Errno 28] No space left on device; it stays in the inbox" in str(
        failure.event_specific_data.error  # type: ignore[union-attr]
    )
    assert (lake.root / "processed" / "b.csv").exists()
    asked = look()
    assert [request.job_name for request in asked] == ["land_inbox", "ingest"]
