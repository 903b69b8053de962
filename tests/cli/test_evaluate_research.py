"""`ecoai evaluate research` on a file of one's own: rows, published figures, files; and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from .conftest import Ecoai, lead_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Forty days of an hourly building; on four of the last days two labelled hours are ten times as high."""
    rows = []
    for hour in range(24 * 40):
        day, strange = f"2025-01-{hour // 24 + 1:02d}" if hour < 744 else f"2025-02-{hour // 24 - 30:02d}", hour // 24 in (30, 33, 36, 39)
        label = int(strange and hour % 24 in (12, 13))
        value = (10 if 6 <= hour % 24 < 20 else 3) + hour % 7 / 10
        rows.append(f"7,{day} {hour % 24:02d}:00:00,{value * (10 if label else 1):.1f},{label}")
    return lead_file(tmp_path / "mine.csv", rows)


def test_rows_published_figures_and_files_of_a_file_of_ones_own(ecoai: Ecoai, file: Path) -> None:
    ran = ecoai("evaluate", "research", "--path", str(file), "--protocol", "A", "--detectors", "pca,profile", "--jobs", "1", "--json")
    assert ran.code == 0, ran.out
    document = ran.document
    rows = {(row["detector"], row["aggregation"]): row for row in document["rows"]}
    assert {detector for detector, _ in rows} == {"pca", "profile"}
    assert rows["pca", "max"]["test_windows"] == 937 - 562 - 187  # 40 days of windows of a day
    assert rows["pca", "max"]["auc_shuffled"] > 0.9
    assert {one["protocol"] for one in document["published"]} == {"A"}
    files = [Path(name) for name in document["files"]]
    assert {file.name for file in files} == {
        "report.json",
        "shuffled_windows.csv",
        "A-roc-lead-7.png",
        "A-scores-lead-7.png",
        "A-by-resolution.png",
    }
    assert all(file.parent == ecoai.root / "reports" / "evaluation" / "research" for file in files)
    assert json.loads(files[0].read_text(encoding="utf-8"))["rows"] == document["rows"]
    assert len(list(csv.DictReader(files[1].read_text(encoding="utf-8").splitlines()))) == len(rows)


def test_a_table_for_people_and_korean_figures_beside_the_others(ecoai: Ecoai, file: Path) -> None:
    chosen = ("evaluate", "research", "--path", str(file), "--protocol", "B", "--detectors", "pca", "--jobs", "1")
    ran = ecoai(*chosen, "--lang", "ko")
    assert ran.code == 0, ran.out
    assert "DTW verdicts" in ran.out
    pictures = (ecoai.root / "reports" / "evaluation" / "research-ko").glob("*.png")
    assert {"B-dtw-lead-7-pca.png", "B-week-lead-7-pca.png"} <= {file.name for file in pictures}


def test_labels_of_ones_own(ecoai: Ecoai, file: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("meter_id,start,end\n7,2025-02-05 00:00:00,2025-02-05 06:00:00\n", encoding="utf-8")
    chosen = (
        "evaluate",
        "research",
        "--path",
        str(file),
        "--labels",
        str(labels),
        "--protocol",
        "A",
        "--detectors",
        "random",
        "--jobs",
        "1",
    )
    assert ecoai(*chosen, "--json").document["rows"][0]["anomalous_windows"] == 6 + 23


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--protocol", "E"], "no protocol 'E'"),
        (["--detectors", "nobody"], "no detector 'nobody'"),
        (["--labels", "x.csv"], "says what is anomalous in the files of --path"),
        (["--data", "kpi"], "or set ECOAI_REAL_DATA"),
    ],
)
def test_what_it_refuses_is_told(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    monkeypatch.delenv("ECOAI_REAL_DATA", raising=False)
    if arguments[0] not in ("--data", "--labels"):
        arguments = [*arguments, "--data", "metal"]
    ran = ecoai("evaluate", "research", *arguments, "--json")
    assert ran.code != 0
    assert told in ran.document["error"]
