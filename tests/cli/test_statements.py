"""Statements from the command line: listed, taken back, and told apart by day."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.sources.given import put

from .conftest import Ecoai, hours, lead_file


def test_statements_are_listed_withdrawn_and_brought_back(ecoai: Ecoai, tmp_path: Path) -> None:
    """The second file changes four hours and adds one."""
    first = lead_file(tmp_path / "first.csv", hours("7", "2025-01-01", ["5"] * 24))
    second = lead_file(tmp_path / "second.csv", [*hours("7", "2025-01-01", ["6"] * 4), "7,2025-02-01 00:00:00,1,0"])
    for path in (first, second):
        assert ecoai("ingest", str(path), "--industry", "metal", "--json").code == 0
    listed = ecoai("statements", "list", "--json").document["statements"]
    counts = ("file", "accepted", "added", "changed", "unchanged", "quarantined", "months", "meters", "state")
    assert [[row[name] for name in counts] for row in listed] == [
        ["first.csv", 24, 24, 0, 0, 0, ["2025-01"], ["7"], "in force"],
        ["second.csv", 5, 1, 4, 0, 0, ["2025-01", "2025-02"], ["7"], "in force"],
    ]

    gone = ecoai("statements", "withdraw", listed[1]["statement"][:8], "--reason", "test data", "--json").document
    assert (gone["withdrawn"], gone["fell_back"], gone["partitions"]) == (1, 4, ["metal|2025-01-01", "metal|2025-02-01"])
    assert gone["materialized"]["written"] == 4, "raw and validated readings of both months"
    state = ecoai("statements", "list", "--json").document["statements"][1]
    assert (state["state"].split()[0], state["reason"], state["withdrawn"]) == ("withdrawn", "test data", 1)
    told = list(csv.DictReader(io.StringIO(ecoai("readings", "history", "7", "2025-01-01", "--format", "csv").out)))
    assert [(row["file"], row["kwh"], row["state"]) for row in told[:2]] == [
        ("first.csv", "5.0", "in force"),
        ("second.csv", "6.0", "withdrawn"),
    ]
    again = ecoai("ingest", str(second), "--industry", "metal", "--json").document
    assert (again["added"], again["changed"]) == (1, 4)


def test_the_history_shows_energy_as_it_was_said(ecoai: Ecoai, tmp_path: Path) -> None:
    said = lead_file(tmp_path / "said.csv", hours("7", "2025-01-01", ["3.02", "1234.5678", "0.00004"] * 8))
    assert ecoai("ingest", str(said), "--industry", "metal", "--json").code == 0
    told = ecoai("readings", "history", "7", "2025-01-01").out
    assert all(told.count(energy) == 8 for energy in (" 3.02 ", " 1234.5678 ", " 4e-05 "))


def test_a_registry_takes_a_meter_out_of_the_industry_it_was_guessed_into(ecoai: Ecoai, tmp_path: Path) -> None:
    """The second file does not name the meter; its readings are in one industry all the same."""
    for meter in ("7", "8"):
        said = lead_file(tmp_path / f"{meter}.csv", hours(meter, "2025-01-01", ["5"] * 24))
        registry = put(tmp_path / "r.csv", "meter_id,industry\n7,metal\n8,metal\n")
        assert ecoai("ingest", str(said), *(["--meters", str(registry)] if meter == "8" else []), "--json").code == 0
    found = ecoai("quality", "--json").document["partitions"]
    assert [(row["industry"], row["readings"]) for row in found] == [("metal", 48)]


def test_what_cannot_be_meant_is_told_in_one_sentence(ecoai: Ecoai) -> None:
    ecoai.root.mkdir()
    unknown = ecoai("statements", "withdraw", "abc", "--json")
    assert (unknown.code, unknown.document["error"]) == (1, "there is no statement 'abc'; `ecoai statements list` shows all")
    assert "is unknown" in ecoai("readings", "history", "7", "2025-01-01", "--json").document["error"]
    assert ecoai("statements", "list", "--json").document == {"statements": []}
