"""Evaluations for people: what was asked is run, and comes back as one document, tables, and figures worth a look."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecoai_pipeline.evaluation.ablation import STANDARD, Knob, ablate
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.datasets import LABELLED
from ecoai_pipeline.evaluation.folds import Protocol
from ecoai_pipeline.evaluation.request import Request, Told, cases_of, evaluate
from ecoai_pipeline.reporting.benchmark import Figures, Row, ablation_figure, benchmark_figures
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.atomic import replacing, write_text

_SUMMARY = (
    "dataset",
    "subset",
    "detector",
    "vus_pr",
    "vus_pr_nightly",
    "event_f1",
    "false_alarms_per_meter_month",
    "wins",
    "ties",
    "losses",
)
_EFFECTS = ("knob", "from", "to", "detector", "dataset", "subset", "vus_pr", "vus_pr_low", "vus_pr_high")


@dataclass(frozen=True)
class Report:
    """What came of an evaluation.

    Attributes:
        name: what its files begin with.
        document: all of it, JSON-able, `rows` among it.
        tables: rows by the end of the name of a CSV file.
        summary: the table that the UI shows, in markdown.
        figures: PNG by name.
    """

    name: str
    document: Mapping[str, Any]
    tables: Mapping[str, Sequence[Row]]
    summary: str
    figures: Figures


def make_report(name: str, request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    """Run one of `REPORTS`.

    Raises:
        ValueError: there is no such evaluation, or nothing to judge on.
        RuntimeError: a piece of work failed; the rest is kept for the next try.
    """
    if name not in REPORTS:
        raise ValueError(f"there is no evaluation {name!r}; known are {', '.join(REPORTS)}")
    return REPORTS[name](request, settings, cache, told)


def _honest(request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    return _benchmark("honest", Protocol.FIXED, request, settings, cache, told)


def _rolling(request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    return _benchmark("rolling", Protocol.ROLLING, request, settings, cache, told)


def _benchmark(name: str, protocol: Protocol, request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    evaluated, params = evaluate(request, protocol, settings, cache, told), settings.evaluation
    benchmark = evaluated.benchmark
    summary = benchmark.summary(params)
    document = {"rows": benchmark.rows, "summary": summary, "by_depth": benchmark.by_depth(), "by_kind": benchmark.by_kind()}
    figures = benchmark_figures(benchmark, evaluated.cases, params)
    return Report(name, document, {"rows": benchmark.rows, "summary": summary}, markdown(summary, _SUMMARY), figures)


def _ablation(request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    knobs = [Knob.parse(text) for text in request.knobs] or list(STANDARD)
    asked = request if request.paths or request.data else request.model_copy(update={"data": LABELLED})

    def read(changed: Settings) -> list[Case]:
        return cases_of(asked, changed, lambda what: told.start(what, 1))

    def started(pieces: int) -> None:
        told.start("turning one knob at a time", pieces)

    rows = ablate(read, knobs, settings, cache, jobs=request.jobs, started=started, done=told.done)
    return Report("ablation", {"rows": rows}, {"rows": rows}, markdown(rows, _EFFECTS), {"effects": ablation_figure(rows)})


REPORTS: Mapping[str, Callable[[Request, Settings, Path, Told], Report]] = {"honest": _honest, "rolling": _rolling, "ablation": _ablation}


def write_report(folder: Path, report: Report) -> list[Path]:
    """Write the document as JSON, the tables as CSV, and the figures; returns the files, the document first.

    A figure of an earlier run that this one does not have is removed, so that the folder shows one run alone.
    """
    texts = {f"{report.name}.json": json.dumps(report.document, indent=1, ensure_ascii=False) + "\n"}
    texts |= {f"{report.name}_{table}.csv": as_csv(rows) for table, rows in report.tables.items()}
    pictures = {f"{report.name}_{title}.png": png for title, png in report.figures.items()}
    for file, text in texts.items():
        write_text(folder / file, text)
    for file, png in pictures.items():
        with replacing(folder / file) as temporary:
            temporary.write_bytes(png)
    for old in folder.glob(f"{report.name}_*.png"):
        if old.name not in pictures:
            old.unlink()
    return [folder / file for file in (*texts, *pictures)]


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV; a column that only some rows have is empty in the others."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def markdown(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Some columns of rows as a table."""
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(_shown(row.get(name)) for name in names) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
