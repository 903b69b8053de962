"""`ecoai evaluate`: on a file of one's own, with and without labels, with records in Dagster."""

from __future__ import annotations

import csv
import math
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ecoai_pipeline.defs.runs import prepare_home

from .conftest import Ecoai

FIRST = datetime(2024, 1, 1)
OUTAGES = (65, 72, 80)
MAPPED = ("--columns", "meter=meter,timestamp=start,kwh=kwh", "--zone", "UTC", "--detectors", "profile", "--jobs", "1")


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """Three months of hours, with three outages of six hours in the last two fifths."""
    lines = []
    for hour in range(24 * 91):
        day, at = divmod(hour, 24)
        kwh = (0.1 if day in OUTAGES and 8 <= at < 14 else 1.0) * (50 + 30 * math.sin(at / 4) + (hour * 7919 % 101) / 50)
        lines.append(f"press,{FIRST + timedelta(hours=hour)},{kwh:.3f}")
    path = tmp_path / "plant.csv"
    path.write_text("meter,start,kwh\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    spans = (FIRST + timedelta(days=day, hours=8) for day in OUTAGES)
    path = tmp_path / "labels.csv"
    path.write_text("meter_id,start,end\n" + "".join(f"press,{s},{s + timedelta(hours=6)}\n" for s in spans), encoding="utf-8")
    return path


def test_detectors_are_judged_on_a_labelled_file(ecoai: Ecoai, plant: Path, labels: Path) -> None:
    ran = ecoai("evaluate", "honest", "--path", str(plant), "--labels", str(labels), *MAPPED, "--json")
    assert ran.code == 0, ran.out
    rows = {row["detector"]: row for row in ran.document["rows"]}
    assert set(rows) == {"random", "change", "slot_z", "flat_run_plain", "sub_pca_plain", "kmeans_ad_plain", "isolation_forest", "profile"}
    assert (rows["profile"]["dataset"], rows["profile"]["series"], rows["profile"]["anomalies_found"]) == ("table", "press", 3)
    wanted = {"subset", "vus_pr", "vus_pr_nightly", "vus_roc", "auc_pr", "auc_roc", "event_precision", "event_recall", "event_f1"}
    assert wanted | {"false_alarms_per_meter_month", "delay_hours"} <= rows["profile"].keys()
    assert [summary["series"] for summary in ran.document["summary"]] == [1] * len(rows)
    files = [Path(file) for file in ran.document["files"]]
    assert all(file.parent == ecoai.root / "reports" / "evaluation" / "honest" for file in files)
    with next(file for file in files if file.name == "rows.csv").open(encoding="utf-8") as lines:
        assert len(list(csv.DictReader(lines))) == len(rows)

    with dg.DagsterInstance.from_config(str(prepare_home(ecoai.root))) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("evaluation"))
        materialization = event.asset_materialization
        assert materialization.partition == "honest"
        assert "profile" in materialization.metadata["summary"].value
        assert materialization.metadata["ranking"].value.startswith("![ranking](data:image/png")

    again = ecoai("evaluate", "honest", "--path", str(plant), "--labels", str(labels), *MAPPED, "--json")
    assert again.document["rows"] == ran.document["rows"], "what is kept was made again"


def test_a_file_without_labels_gets_faults_and_tells_which_kinds_were_found(ecoai: Ecoai, plant: Path) -> None:
    ran = ecoai("evaluate", "honest", "--path", str(plant), *MAPPED, "--seeds", "2", "--json")
    assert ran.code == 0, ran.out
    assert {row["series"] for row in ran.document["rows"]} == {"press #0", "press #1"}
    assert all(row["false_alarms_per_meter_month"] is not None for row in ran.document["rows"])
    kinds = [row for row in ran.document["by_kind"] if row["detector"] == "profile"]
    assert sum(row["faults"] for row in kinds) == sum(row["faults"] for row in ran.document["by_depth"] if row["detector"] == "profile") > 0


def test_a_knob_is_turned_from_the_command_line(ecoai: Ecoai, plant: Path, labels: Path) -> None:
    knob = "evaluation.references.kmeans_ad_plain.normalise=window"
    where = [argument for argument in MAPPED if argument not in ("--detectors", "profile")]
    ran = ecoai("evaluate", "ablate", "--knob", knob, "--path", str(plant), "--labels", str(labels), *where, "--json")
    assert ran.code == 0, ran.out
    (row,) = ran.document["rows"]
    assert (row["knob"], row["to"], row["detector"], row["series"]) == (knob.split("=")[0], "window", "kmeans_ad_plain", 1)
    wrong = ecoai("evaluate", "ablate", "--knob", "detectors.usad.alfa=1", "--path", str(plant), *where, "--json")
    assert wrong.code == 1
    assert "there is no parameter detectors.usad.alfa" in wrong.document["error"]


def test_there_is_nothing_to_judge_on_without_files_and_public_data(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECOAI_REAL_DATA", raising=False)
    ran = ecoai("evaluate", "honest", "--json")
    assert ran.code == 1
    assert "name files with --path" in ran.document["error"]


def test_weights_are_learned_on_what_lies_before_the_test(ecoai: Ecoai, plant: Path) -> None:
    where = [argument if argument != "profile" else "profile,value_change" for argument in MAPPED]
    ran = ecoai("evaluate", "weights", "--path", str(plant), *where, "--seeds", "2", "--json")
    assert ran.code == 0, ran.out
    rows = {row["evidence"]: row for row in ran.document["rows"]}
    assert {"profile", "value_change", "equal", "learned", "now"} <= rows.keys()
    assert rows["learned"]["vus_pr"] >= rows["equal"]["vus_pr"]
    (line,) = ran.document["lines"]
    assert yaml.safe_load(line)["low"] == {name: rows[name]["learned"] for name in ("profile", "value_change") if rows[name]["learned"] > 0}
    assert [Path(file).name for file in ran.document["files"]] == ["report.json", "rows.csv", "series.csv", "series_low.png"]
