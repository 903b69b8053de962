"""Meters from the command line: what is known of them, and what was only guessed."""

from __future__ import annotations

from pathlib import Path

from .conftest import Ecoai, hours, lead_file


def test_a_meter_that_nobody_registered_is_listed_with_what_was_guessed(ecoai: Ecoai, tmp_path: Path) -> None:
    """24 hours of 8 kWh: a load of 8 kW, and a quarter on top."""
    ecoai("ingest", str(lead_file(tmp_path / "a.csv", hours("7", "2025-01-01", ["8"] * 24))))
    (row,) = ecoai("meters", "list", "--json").document["meters"]
    told = ("meter_id", "industry", "guessed", "capacity_kw", "inferred_kw", "readings", "statements", "first", "intervals_s")
    assert [row[name] for name in told] == ["7", "other", True, None, 10.0, 24, 1, "2024-12-31T15:00:00+00:00", [3600]]
    table = ecoai("meters", "list").out
    assert "10 kW (inferred)" in table
    assert "other (guessed)" in table

    registry = tmp_path / "r.csv"
    registry.write_text("meter_id,industry,capacity_kw,valid_from\n7,metal,50,\n7,food,60,2025-03-01\n", encoding="utf-8")
    ecoai("ingest", str(tmp_path / "a.csv"), "--meters", str(registry))
    shown = ecoai("meters", "show", "7", "--json").document
    assert [(one["industry"], one["capacity_kw"]) for one in shown["registry"]] == [("metal", 50.0), ("food", 60.0)]
    assert [one["file"] for one in shown["statements"]] == ["a.csv"]


def test_an_unknown_meter_is_told_so(ecoai: Ecoai) -> None:
    ecoai.root.mkdir()
    assert ecoai("meters", "list", "--json").document == {"meters": []}
    shown = ecoai("meters", "show", "x", "--json").document
    assert shown["error"] == "meter 'x' is unknown; `ecoai meters list` shows those that are known"


def test_an_erased_meter_leaves_no_trace_in_tables_ledgers_and_dagsters_records(ecoai: Ecoai, tmp_path: Path) -> None:
    """Its id stands in the details of the lateness check, since its readings end a month before."""
    rows = [*hours("plant-7", "2025-01-01", ["5"] * 24), *hours("plant-77", "2025-01-01", ["5"] * 24)]
    ecoai("ingest", str(lead_file(tmp_path / "a.csv", rows)), "--industry", "metal")
    assert ecoai("meters", "erase", "plant-7", "--json").code == 2, "not without --yes"
    erased = ecoai("meters", "erase", "plant-7", "--yes", "--json")
    assert erased.code == 0, erased.err
    done = erased.document
    assert (done["statements_remade"], done["readings"], done["rows"]["raw_readings"], done["remaining"]) == (1, 24, 24, [])
    assert done["records"] > 0
    for path in (path for path in ecoai.root.rglob("*") if path.is_file()):
        assert b"plant-7" not in path.read_bytes().replace(b"plant-77", b""), path
    assert [meter["meter_id"] for meter in ecoai("meters", "list", "--json").document["meters"]] == ["plant-77"]

    again = ecoai("ingest", str(tmp_path / "a.csv"), "--industry", "metal", "--json").document
    assert again["meters"] == ["plant-77"]
    allowed = ecoai("ingest", str(tmp_path / "a.csv"), "--industry", "metal", "--allow-again", "--json").document
    assert (allowed["meters"], allowed["added"]) == (["plant-7", "plant-77"], 24)
