"""`ecoai quality`: the figures of validation and quarantine, as a table, JSON, CSV and a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Ecoai, hours, lead_file


@pytest.fixture
def ingested(ecoai: Ecoai, tmp_path: Path) -> Ecoai:
    january = [*hours("7", "2025-01-30", ["1.5", "x", *map(str, range(22))]), *hours("7", "2025-01-31", ["-1", *map(str, range(2, 25))])]
    path = lead_file(tmp_path / "lead.csv", [*january, *hours("7", "2025-02-01", [str(value) for value in range(24)])])
    assert ecoai("ingest", str(path), "--industry", "metal", "--zone", "UTC", "--json").code == 0
    return ecoai


def test_quality_tells_every_month_and_its_figures_agree_with_the_balance(ingested: Ecoai) -> None:
    answer = ingested("quality", "--json").document
    rows = {row["month"]: row for row in answer["partitions"]}
    assert list(rows) == ["2025-01", "2025-02"]
    assert [(row["readings"], row["quarantined"], row["suspect"]) for row in rows.values()] == [(47, 1, 1), (24, 0, 0)]
    assert rows["2025-01"]["suspect_by_rule"] == {"negative": 1}
    assert rows["2025-01"]["quarantined_by_reason"] == {"the value is not a number": 1}
    assert answer["quarantined_unassigned"] == {}
    assert [entry["expectation"] for entry in rows["2025-01"]["failed"]] == ["not_negative"]


def test_quality_of_one_month_or_industry_alone_and_as_csv(ingested: Ecoai) -> None:
    assert [row["month"] for row in ingested("quality", "--month", "2025-02", "--json").document["partitions"]] == ["2025-02"]
    assert ingested("quality", "--industry", "food", "--json").document["partitions"] == []
    header, *rows = ingested("quality", "--months", "2025-01..2025-02", "--format", "csv").out.splitlines()
    assert header.startswith("industry,month,meters,readings,completeness,measured,estimated,missing,suspect,restated,quarantined")
    assert len(rows) == 2
    wrong = ingested("quality", "--month", "January", "--json")
    assert (wrong.code, "is not a month" in wrong.document["error"]) == (1, True)


def test_quality_writes_a_page(ingested: Ecoai, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "quality.html"
    assert ingested("quality", "--html", str(page)).code == 0
    text = page.read_text(encoding="utf-8")
    assert "<h2>metal 2025-01</h2>" in text
    assert "<h2>metal 2025-02</h2>" in text
