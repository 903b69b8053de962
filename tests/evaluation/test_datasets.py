"""From files to cases: the pipeline's own way, labels beside the load and never in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.evaluation.cases import ALL
from ecoai_pipeline.evaluation.datasets import WITHOUT_ONES, public_cases, read_cases
from ecoai_pipeline.evaluation.request import Request, cases_of
from ecoai_pipeline.sources.options import IngestOptions

COLUMNS = IngestOptions.of(columns="meter=meter,timestamp=start,kwh=kwh", zone="UTC")


def table(path: Path, meters: str = "ab", hours: int = 24 * 30) -> Path:
    first = datetime(2024, 1, 1)
    lines = [f"{meter},{first + timedelta(hours=hour)},{hour % 24 + 1}.5" for meter in meters for hour in range(hours)]
    path.write_text("meter,start,kwh\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def span(path: Path, *rows: str) -> Path:
    path.write_text("meter_id,start,end\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_case_per_meter_on_its_regular_grid(tmp_path: Path, settings) -> None:
    cases = read_cases([table(tmp_path / "plant.csv")], settings, COLUMNS)
    assert [(case.dataset, case.name, len(case.load), case.labels) for case in cases] == [
        ("table", "a", 720, None),
        ("table", "b", 720, None),
    ]
    assert cases[0].load.kwh[:3].tolist() == [1.5, 2.5, 3.5]
    assert cases[0].load.timestamps[0] == np.datetime64("2024-01-01T00:00")


def test_labels_beside_the_files_mark_the_readings_that_start_in_them(tmp_path: Path, settings) -> None:
    labels = span(tmp_path / "labels.csv", "a,2024-01-02T03:00:00,2024-01-02T05:00:00")
    a, b = read_cases([table(tmp_path / "plant.csv")], settings, COLUMNS, labels=labels)
    assert np.flatnonzero(a.labels).tolist() == [27, 28]
    assert not b.labels.any()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["c,2024-01-02T03:00:00,2024-01-02T05:00:00"], "meter 'c' is none of the files' meters: a, b"),
        (["a,yesterday,2024-01-02T05:00:00"], "cannot be read"),
        (["a,2024-01-02T05:00:00,2024-01-02T03:00:00"], "line 2: `start` and `end` are both needed"),
        (["a,2024-01-02T03:00:00,2024-01-02T05:00:00", "a,2024-01-02T05:00:00,"], "line 3: `start` and `end` are both needed"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused_by_name(tmp_path: Path, settings, rows: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=f"labels .*{said}"):
        read_cases([table(tmp_path / "plant.csv")], settings, COLUMNS, labels=span(tmp_path / "labels.csv", *rows))


def test_a_span_within_an_interval_marks_its_reading(tmp_path: Path, settings) -> None:
    labels = span(tmp_path / "labels.csv", "a,2024-01-02T03:10:00,2024-01-02T03:50:00")
    a, _ = read_cases([table(tmp_path / "plant.csv")], settings, COLUMNS, labels=labels)
    assert np.flatnonzero(a.labels).tolist() == [27]


def test_a_file_that_tells_labels_speaks_for_its_own_meters_alone(tmp_path: Path, settings) -> None:
    lead = tmp_path / "lead.csv"
    rows = [f"7,2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00:00,{hour % 7 + 2},{int(hour == 30)}" for hour in range(48)]
    lead.write_text("building_id,timestamp,meter_reading,anomaly\n" + "\n".join(rows) + "\n", encoding="utf-8")
    plain = read_cases([table(tmp_path / "plant.csv", meters="b")], settings, COLUMNS)
    (seven,) = read_cases([lead], settings, IngestOptions.of(zone="UTC"))
    assert (plain[0].labels, int(seven.labels.sum()), seven.dataset) == (None, 1, "lead")


def test_series_without_labels_get_faults_of_each_seed(tmp_path: Path, settings) -> None:
    request = Request(paths=(str(table(tmp_path / "plant.csv")),), options=COLUMNS, seeds=2)
    cases = cases_of(request, settings, lambda _: None)
    assert [case.name for case in cases] == ["a #0", "a #1", "b #0", "b #1"]
    assert all(case.labels is not None for case in cases)


def test_lead_is_judged_with_and_without_the_readings_that_its_copy_filled_in(real_data: Path, settings) -> None:
    cases = public_cases(real_data, ["lead"], settings, lambda _: None)
    assert [case.name for case in cases] == ["117", "136", "623", "710", "879", "884"]
    assert sum(int(case.labels.sum()) for case in cases) == 957
    assert all(case.buffer == 24 for case in cases)
    for case in cases:
        assert (case.load.kwh[case.subset(ALL) & ~case.subset(WITHOUT_ONES)] == 1.0).all()
    # Counted in the file itself, line by line.
    assert sum(int((case.labels & ~case.subset(WITHOUT_ONES)).sum()) for case in cases) == 687


def test_unknown_and_absent_data_sets_are_told(tmp_path: Path, settings) -> None:
    with pytest.raises(ValueError, match="no data set 'ukdale'; known are lead"):
        public_cases(tmp_path, ["ukdale"], settings)
    with pytest.raises(ValueError, match=r"no such file; docs/real-data\.md says where to get lead"):
        public_cases(tmp_path, ["lead"], settings, lambda _: None)


def test_without_files_and_without_public_data_the_way_on_is_told(settings, monkeypatch) -> None:
    monkeypatch.delenv("ECOAI_REAL_DATA", raising=False)
    with pytest.raises(ValueError, match="name files with --path, or set ECOAI_REAL_DATA"):
        cases_of(Request(), settings, lambda _: None)


def test_a_path_that_is_not_there_is_named(settings) -> None:
    with pytest.raises(ValueError, match=r"/nowhere/x\.csv: no such file"):
        cases_of(Request(paths=("/nowhere/x.csv",)), settings, lambda _: None)


def test_scratch_lakes_leave_nothing_behind(tmp_path: Path, settings, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    read_cases([table(tmp_path / "plant.csv")], settings, COLUMNS)
    assert list((tmp_path / "scratch").iterdir()) == []
