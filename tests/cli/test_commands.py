"""The commands as people and programs use them: one JSON document on stdout, exact balances, errors that say what to do."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecoai_pipeline.cli.output import Answer, Format

from .conftest import Ecoai, hours, lead_file

MAIN = "from ecoai_pipeline.cli import main; main()"


def test_json_is_one_document_on_stdout_and_nothing_else(tmp_path: Path) -> None:
    """In a process of its own, where logs and progress go where they go for a user."""
    path = lead_file(tmp_path / "lead.csv", hours("7", "2025-01-01", ["5"] * 24))
    command = [sys.executable, "-c", MAIN, "--root", str(tmp_path / "root"), "ingest", str(path), "--industry", "metal", "--json"]
    environment = {name: value for name, value in os.environ.items() if name not in ("DAGSTER_HOME", "ECOAI_ROOT")}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["accepted"] == 24
    assert ran.stderr.strip() == ""


def test_the_balance_of_a_file_with_good_and_bad_rows(ecoai: Ecoai, tmp_path: Path) -> None:
    """24 cells: 21 readings, one empty cell, one text and one dash."""
    values = ["5.5"] * 21 + ["", "n/a", "-"]
    ran = ecoai("ingest", str(lead_file(tmp_path / "lead.csv", hours("7", "2025-01-01", values))), "--industry", "metal", "--json")

    assert ran.code == 0, ran.err
    found = ran.document
    assert {name: found[name] for name in ("readings_in", "accepted", "quarantined", "added", "changed", "unchanged")} == {
        "readings_in": 24,
        "accepted": 22,
        "quarantined": 2,
        "added": 22,
        "changed": 0,
        "unchanged": 0,
    }
    assert (found["meters"], found["months"]) == (["7"], ["2025-01"])
    assert found["materialized"] == {"partitions": 2, "written": 2}


def test_the_same_file_again_rewrites_nothing_and_a_restated_one_counts_its_changes(ecoai: Ecoai, tmp_path: Path) -> None:
    first = lead_file(tmp_path / "first.csv", hours("7", "2025-01-01", ["5"] * 24))
    ecoai("ingest", str(first), "--industry", "metal", "--json")
    before = {path: path.stat().st_mtime_ns for path in ecoai.root.rglob("*.parquet")}

    again = ecoai("ingest", str(first), "--industry", "metal", "--json").document
    assert (again["added"], again["changed"], again["unchanged"], again["materialized"]["written"]) == (0, 0, 24, 0)
    assert {path: path.stat().st_mtime_ns for path in ecoai.root.rglob("*.parquet")} == before

    restated = lead_file(tmp_path / "second.csv", hours("7", "2025-01-01", ["5"] * 20 + ["6"] * 4))
    later = ecoai("ingest", str(restated), "--industry", "metal", "--json").document
    assert (later["added"], later["changed"], later["unchanged"], later["materialized"]["written"]) == (0, 4, 20, 2)


def test_a_dry_run_keeps_nothing(ecoai: Ecoai, tmp_path: Path) -> None:
    path = lead_file(tmp_path / "lead.csv", hours("7", "2025-01-01", ["5"] * 24))
    ran = ecoai("ingest", str(path), "--dry-run", "--json")

    assert (ran.code, ran.document["accepted"], ran.document["dry_run"]) == (0, 24, True)
    assert not list(ecoai.root.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("content", "arguments", "complaint"),
    [
        (b"", (), "empty"),
        (b"\x1f\x8b\x08\x00\x00\x00", (), "gz"),
        (b"a,b\n1,2\n", (), "--columns"),
        (b"building_id,timestamp,meter_reading,anomaly\n", ("--industry", "steelworks"), "steelworks"),
        (b"x,y\n1,2\n", ("--columns", "meter=x,timestamp=when,kwh=y"), "when"),
    ],
)
def test_a_file_that_cannot_be_used_gives_one_document_with_an_error(
    ecoai: Ecoai, tmp_path: Path, content: bytes, arguments: tuple[str, ...], complaint: str
) -> None:
    path = tmp_path / ("broken.csv.gz" if content.startswith(b"\x1f\x8b") else "broken.csv")
    path.write_bytes(content)
    ran = ecoai("ingest", str(path), *arguments, "--json")

    assert ran.code != 0
    assert complaint in ran.document["error"]


def test_a_green_button_file_of_gas_is_refused(ecoai: Ecoai, real_data: Path) -> None:
    ran = ecoai("ingest", str(real_data / "greenbutton" / "Gas.xml"), "--json")
    assert ran.code != 0
    assert "it has no readings of electricity, only 13 of natural gas (therm) at 9B6C7070:5446AF3F" in ran.document["error"]


def test_a_refused_file_does_not_stop_the_one_beside_it(ecoai: Ecoai, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    lead_file(folder / "good.csv", hours("7", "2025-01-01", ["5"] * 24))
    (folder / "empty.csv").write_bytes(b"")
    ran = ecoai("ingest", str(folder), "--json")

    assert ran.code == 1
    assert ran.document["accepted"] == 24
    assert [entry["file"] for entry in ran.document["files"] if "error" in entry] == ["empty.csv"]


def test_a_question_to_an_empty_lake_is_answered(ecoai: Ecoai) -> None:
    ecoai.root.mkdir()
    assert ecoai("events", "--json").document == {"events": []}
    assert ecoai("status", "--json").document["partitions"] == []
    backfill = ecoai("backfill", "--months", "2025-01..2025-02", "--json")
    assert backfill.code == 1
    assert "ecoai ingest" in backfill.document["error"]
    train = ecoai("train", "--json")
    assert train.code == 1
    assert "nothing to train on" in train.document["error"]


def test_an_inverted_range_is_refused_before_anything_runs(ecoai: Ecoai) -> None:
    ran = ecoai("backfill", "--months", "2025-03..2025-01", "--json")
    assert ran.code == 1
    assert "ends before it starts; did you mean 2025-01..2025-03?" in ran.document["error"]


def test_csv_has_a_header_and_all_columns(ecoai: Ecoai, tmp_path: Path) -> None:
    ecoai("ingest", str(lead_file(tmp_path / "lead.csv", hours("7", "2025-01-01", ["5"] * 24))), "--industry", "metal")
    rows = list(csv.DictReader(io.StringIO(ecoai("status", "--layers", "--format", "csv").out)))

    assert [(row["industry"], row["month"], row["validated_readings"], row["anomalies"]) for row in rows] == [
        ("metal", "2025-01", "24", "0")
    ]


def test_a_night_that_has_not_come_is_refused(ecoai: Ecoai) -> None:
    ecoai.root.mkdir()
    ran = ecoai("nightly", "--date", "2035-01-01", "--json")
    assert ran.code == 2
    assert "has not come yet" in ran.document["error"]


def test_csv_keeps_every_digit_and_offset(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"kwh": -12345.678, "at": datetime(2025, 1, 1, 0, 0, 7, tzinfo=UTC), "rule": None}]
    Answer({}, rows).show(Format.CSV)
    assert capsys.readouterr().out == "kwh,at,rule\n-12345.678,2025-01-01T00:00:07+00:00,\n"


def test_a_portfolio_from_files_to_last_nights_events(ecoai: Ecoai) -> None:
    """The main way on the simulator's files, small: simulate, ingest, train, nightly, events."""
    made = ecoai(
        "simulate", "--industry", "metal", "--meters", "2", "--months", "2025-01..2025-03", "--interval", "3600", "--seed", "2", "--json"
    )
    assert made.code == 0, made.err
    folder, registry = made.document["folder"], made.document["registry"]

    taken = ecoai("ingest", folder, "--meters", registry, "--json").document
    assert (len(taken["meters"]), taken["months"]) == (2, ["2025-01", "2025-02", "2025-03"])
    trained = ecoai("train", "--json").document["models"]
    assert [(m["industry"], m["resolution"], m["months"], m["meters"]) for m in trained] == [("metal", "low", "2025-01..2025-02", 2)]
    night = ecoai("nightly", "--date", "2025-03-31", "--json")
    assert night.code == 0, night.err
    tables = {row["industry"]: row for row in night.document["industries"]}
    assert len(tables) == 8
    assert tables["metal"]["scores"] == 2 * 31 * 24
    assert tables["food"]["scores"] == 0
    events = ecoai("events", "--industry", "metal", "--json").document["events"]
    assert events
    assert {"event_id", "meter_id", "start", "end", "kind", "category", "excess_kwh", "confidence", "model_version"} <= set(events[0])


@pytest.mark.full
def test_three_resolutions_of_real_data_train_three_models(ecoai: Ecoai, real_data: Path) -> None:
    """LEAD is hourly, the steel plant 15 minutes, the KPI curve 60 seconds."""
    files = {
        "other": "lead/train.csv.gz",
        "metal": "steel/Steel_industry_data.csv",
        "energy": "kpi/a07ac296-de40-3a7c-8df3-91f642cc14d0.csv.gz",
    }
    taken = {
        industry: ecoai("ingest", str(real_data / file), "--industry", industry, "--json").document for industry, file in files.items()
    }
    assert {industry: one["accepted"] for industry, one in taken.items()} == {"other": 52_662, "metal": 35_040, "energy": 106_475}

    trained = ecoai("train", "--json").document["models"]
    assert {(m["industry"], m["resolution"]) for m in trained} == {("other", "low"), ("metal", "mid"), ("energy", "high")}
    backfill = ecoai("backfill", "--months", "2016-12", "--industry", "other", "--json").document["industries"]
    assert [(row["industry"], row["scores"]) for row in backfill] == [("other", 6 * 31 * 24)]
    night = ecoai("nightly", "--date", "2018-12-30", "--json")
    assert night.code == 0, night.err
    assert {row["industry"]: row["scores"] for row in night.document["industries"] if row["scores"]} == {"metal": 31 * 96}
    events = ecoai("events", "--industry", "other", "--json").document["events"]
    assert events, "the six buildings of LEAD have 957 labelled hours"
    assert not any(event["hindsight"] for event in events)
