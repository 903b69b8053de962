"""What DVC is told: the stages cover every table, and `dvc.yaml` of the project says what the code says."""

from __future__ import annotations

from typing import Any

import yaml

from ecoai_pipeline.domain import PARTITIONED
from ecoai_pipeline.settings import PARAMS, PROJECT, Settings
from ecoai_pipeline.storage.fingerprint import PACKAGE
from ecoai_pipeline.versioning.stages import STAGES, dvc_yaml, outs


def stages(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["stages"]
    return found


def test_the_projects_file_is_what_the_code_says() -> None:
    assert (PROJECT / "dvc.yaml").read_text(encoding="utf-8") == dvc_yaml("data", "ecoai_pipeline")


def test_every_table_is_recorded_and_no_out_is_deleted_before_a_stage_runs() -> None:
    recorded = outs()
    assert {table.name for table in PARTITIONED} <= set(recorded)
    assert len(recorded) == len(set(recorded)), "an out belongs to one stage"
    for stage in stages(dvc_yaml(".", None)).values():
        for out in [*stage.get("outs", []), *stage.get("metrics", [])]:
            ((_, options),) = out.items()
            assert options["persist"] is True


def test_what_a_stage_reads_an_earlier_one_writes() -> None:
    written: set[str] = set()
    for stage in STAGES:
        assert set(stage.reads) <= written, stage.name
        written |= set(stage.outs)


def test_parameters_and_rooms_of_stages_exist() -> None:
    for stage in STAGES:
        assert set(stage.params) <= set(Settings.model_fields), stage.name
        assert all((PACKAGE / room).is_dir() for room in stage.code), stage.name


def test_parameters_of_stages_are_values_that_dvc_records() -> None:
    """It stops at a date, which YAML makes of one without quotes."""

    def plain(value: Any) -> bool:
        if isinstance(value, dict | list):
            return all(plain(one) for one in (value.values() if isinstance(value, dict) else value))
        return value is None or isinstance(value, str | int | float)

    params = yaml.safe_load((PROJECT / PARAMS).read_text(encoding="utf-8"))
    assert [name for stage in STAGES for name in stage.params if not plain(params[name])] == []


def test_the_file_of_another_root_reads_digests_in_place_of_code_that_lies_outside() -> None:
    raw = stages(dvc_yaml(".", None))["raw"]
    assert raw["deps"] == ["landing", "ledgers/statements", "ledgers/meters"]
    assert {"code.yaml": ["sources", "storage"]} in raw["params"]
