"""Reports of evaluations: every file is there, old figures go, and pictures are drawn without a warning."""

from __future__ import annotations

import csv
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.domain import EVALUATIONS
from ecoai_pipeline.evaluation.benchmark import Benchmark
from ecoai_pipeline.evaluation.cases import ALL, Case
from ecoai_pipeline.evaluation.request import Request
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.reporting.benchmark import ablation_figure, benchmark_figures
from ecoai_pipeline.reporting.evaluation import REPORTS, Report, as_csv, make_report, markdown, write_report

DETECTORS = ("random", "slot_z", "usad", "fused")


def row(dataset: str, series: str, detector: str, vus_pr: float | None) -> dict[str, object]:
    counts = {"anomalies": 2, "anomalies_found": 1, "events": 3, "right_events": 1, "false_alarms": 2, "meter_months": 4.0}
    shares = {"event_precision": None, "event_recall": 0.5, "event_f1": 0.4, "vus_pr_nightly": vus_pr, "vus_pr": vus_pr}
    return {"dataset": dataset, "subset": ALL, "series": series, "meter": series, "detector": detector, "anomalous": 30, **counts, **shares}


@pytest.fixture
def case() -> Case:
    hours = np.arange(600)
    calendar = {"slot_of_day": hours % 24, "slot_of_week": hours % 168}
    slots = {name: values.astype(np.int32) for name, values in calendar.items()}
    never = np.zeros(600, dtype=bool)
    stamps = np.datetime64("2022-01-03", "us") + hours * np.timedelta64(1, "h")
    load = Series("공장 1", 3600, stamps, 50 + 20 * np.sin(hours / 4), ~never, weekend=never, holiday=never, **slots)
    return Case("steel", load, hours % 250 < 5, {ALL: load.observed}, seed=0)


@pytest.fixture
def judged(case: Case) -> Benchmark:
    rows = [row("steel", case.name, name, 0.2 * number) for number, name in enumerate(DETECTORS)]
    rows += [row("lead", series, name, None if series == "b" else 0.3) for series in "ab" for name in DETECTORS]
    faults = [
        {"kind": kind, "depth": 0.6 * number + 0.5, "found": number > 2} for number, kind in enumerate(("leak", "sag", "surge", "outage"))
    ]
    judged = {"rows": [], "start": 360, "events": [[400, 410], [500, 504]], "faults": faults}
    judgements = {("steel", case.name, name): judged for name in DETECTORS}
    return Benchmark(rows, judgements)


def test_every_figure_of_a_benchmark_is_a_picture(judged: Benchmark, case: Case, settings) -> None:
    figures = benchmark_figures(judged, [case], settings.evaluation)
    assert set(figures) == {"ranking", "alarms", "series_steel", "series_lead", "faults_steel", "events_steel"}
    for png in figures.values():
        width, height = struct.unpack(">II", png[16:24])
        assert png.startswith(b"\x89PNG")
        assert width > 400
        assert height > 150


def test_effects_of_knobs_are_drawn_also_where_an_interval_is_missing() -> None:
    effect = {"knob": "detectors.usad.alpha", "from": 0.5, "to": 1.0, "detector": "usad", "dataset": "lead", "subset": "all"}
    rows = [effect | {"vus_pr": 0.02, "vus_pr_low": -0.01, "vus_pr_high": 0.04}, effect | {"to": 0.0, "vus_pr": 0.1, "vus_pr_low": None}]
    assert ablation_figure(rows).startswith(b"\x89PNG")


def test_a_report_is_a_document_tables_and_figures_of_one_run(tmp_path: Path) -> None:
    rows = [{"detector": "usad", "vus_pr": 0.5}, {"detector": "fused", "note": "없음, none"}]
    first = Report("honest", {"rows": rows}, {"rows": rows}, "", {"ranking": b"png", "faults_steel": b"png"})
    write_report(tmp_path, first)
    files = write_report(tmp_path, Report("honest", {"rows": rows}, {"rows": rows}, "", {"ranking": b"new"}))
    assert [file.name for file in files] == ["report.json", "rows.csv", "ranking.png"]
    assert sorted(file.name for file in (tmp_path / "honest").iterdir()) == sorted(file.name for file in files)
    assert json.loads(files[0].read_text(encoding="utf-8"))["rows"] == rows
    with files[1].open(encoding="utf-8") as lines:
        assert list(csv.DictReader(lines))[1] == {"detector": "fused", "vus_pr": "", "note": "없음, none"}


def test_tables_show_what_is_there() -> None:
    assert markdown([{"a": 0.12345, "b": None}], ("a", "b")).splitlines() == ["| a | b |", "| --- | --- |", "| 0.123 |  |"]
    assert as_csv([]) == "\n"


def test_each_way_of_judging_is_a_partition_of_the_asset(settings, tmp_path: Path) -> None:
    assert tuple(REPORTS) == EVALUATIONS
    with pytest.raises(ValueError, match="no evaluation 'flattering'; known are honest"):
        make_report("flattering", Request(), settings, tmp_path, None)  # type: ignore[arg-type]
