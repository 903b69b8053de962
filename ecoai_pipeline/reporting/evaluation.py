"""Evaluations for people: what was asked is run, and comes back as one document, tables, and figures worth a look."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecoai_pipeline import escape
from ecoai_pipeline.evaluation.ablation import STANDARD, Knob, ablate
from ecoai_pipeline.evaluation.cases import ALL, Case
from ecoai_pipeline.evaluation.datasets import LABELLED
from ecoai_pipeline.evaluation.folds import Protocol
from ecoai_pipeline.evaluation.request import Request, Told, cases_of, evaluate, read_series
from ecoai_pipeline.evaluation.research.participants import standard
from ecoai_pipeline.evaluation.research.protocols import PROTOCOLS, material_of, put_together
from ecoai_pipeline.evaluation.research.protocols import pieces as research_pieces
from ecoai_pipeline.evaluation.weights import weigh
from ecoai_pipeline.evaluation.work import run_all
from ecoai_pipeline.reporting.benchmark import Figures, Row, ablation_figure, benchmark_figures, series_figure
from ecoai_pipeline.reporting.research import figures
from ecoai_pipeline.reporting.research_lines import LINE, lines_of, published_rows
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.atomic import replacing, write_text

SUMMARY = (
    "dataset",
    "subset",
    "detector",
    "series",
    "vus_pr",
    "vus_pr_nightly",
    "event_f1",
    "false_alarms_per_meter_month",
    "wins",
    "ties",
    "losses",
)
WEIGHTS = (
    "resolution",
    "evidence",
    "series",
    "vus_pr",
    "learned",
    "now",
    "above_equal",
    "above_equal_low",
    "above_equal_high",
    "above_now",
    "above_now_low",
    "above_now_high",
)
EFFECTS = ("knob", "from", "to", "detector", "dataset", "subset", "vus_pr", "vus_pr_low", "vus_pr_high")


@dataclass(frozen=True)
class Report:
    """What came of an evaluation.

    Attributes:
        name: its folder.
        document: all of it, JSON-able, `rows` among it.
        tables: rows by the name of a CSV file.
        summary: the table that the UI shows, in markdown.
        figures: PNG by name.
        shown: which of them the UI shows, where there are too many.
    """

    name: str
    document: Mapping[str, Any]
    tables: Mapping[str, Sequence[Row]]
    summary: str
    figures: Figures
    shown: Sequence[str] | None = None

    @property
    def pictures(self) -> Figures:
        """The figures that the UI shows."""
        return {name: self.figures[name] for name in (self.figures if self.shown is None else self.shown)}


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
    return Report(name, document, {"rows": benchmark.rows, "summary": summary}, markdown(summary, SUMMARY), figures)


def _ablation(request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    knobs = [Knob.parse(text) for text in request.knobs] or list(STANDARD)
    asked = _of_labelled(request)

    def read(changed: Settings) -> list[Case]:
        return cases_of(asked, changed, lambda what: told.start(what, 1))

    def started(pieces: int) -> None:
        told.start("turning one knob at a time", pieces)

    rows = ablate(read, knobs, settings, cache, jobs=request.jobs, started=started, done=told.done)
    return Report("ablation", {"rows": rows}, {"rows": rows}, markdown(rows, EFFECTS), {"effects": ablation_figure(rows)})


def _of_labelled(request: Request) -> Request:
    """The request, for the public data whose publishers say what is anomalous where it names nothing."""
    return request if request.paths or request.data else request.model_copy(update={"data": LABELLED})


def _weights(request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    read = read_series(_of_labelled(request), settings, lambda what: told.start(what, 1))
    found = weigh(read, request, settings, cache, told)
    rows = [row for one in found for row in one.rows(settings.evaluation.draws)]
    series = [row for one in found for row in one.series()]
    document = {"rows": rows, "series": series, "lines": [one.line for one in found]}
    figures = {f"series_{one.resolution}": series_figure([_drawn(row) for row in one.series()]) for one in found}
    return Report("weights", document, {"rows": rows, "series": series}, markdown(rows, WEIGHTS), figures)


def _drawn(row: Row) -> Row:
    """A row of what weights reach as one of a benchmark."""
    return {**row, "dataset": f"{row['resolution']}, before the test", "subset": ALL, "detector": row["evidence"]}


def _research(request: Request, settings: Settings, cache: Path, told: Told) -> Report:
    chosen = request.protocols or PROTOCOLS
    material = material_of(request, settings, lambda what: told.start(what, 1))
    units = research_pieces(material, chosen, request.detectors or standard(settings), settings)
    told.start("evaluating", len(units))
    findings = put_together(run_all(units, cache, jobs=request.jobs, done=told.done))
    drawn = dict(figures(findings, request.lang))
    tables = {name: findings.table(name) for name in findings.tables}
    document = {"rows": list(findings.rows), "published": published_rows(chosen), "lines": lines_of(findings)}
    name = "research" if request.lang == "en" else f"research-{request.lang}"
    return Report(name, document, tables, markdown(lines_of(findings), LINE), drawn, _first_of_each_kind(drawn))


def _first_of_each_kind(titles: Iterable[str]) -> list[str]:
    """Of figures whose names begin alike (`A-roc-…`) the first."""
    first: dict[str, str] = {}
    for title in titles:
        first.setdefault("-".join(title.split("-")[:2]), title)
    return list(first.values())


REPORTS: Mapping[str, Callable[[Request, Settings, Path, Told], Report]] = {
    "honest": _honest,
    "rolling": _rolling,
    "ablation": _ablation,
    "research": _research,
    "weights": _weights,
}


def write_report(folder: Path, report: Report) -> list[Path]:
    """Write the document as JSON, the tables as CSV, and the figures, into a folder of its own; returns the files, the document first.

    Tables and figures that an earlier run left there and this one has not are removed, so that the folder shows one run alone.
    """
    place = folder / report.name
    texts = {"report.json": json.dumps(report.document, indent=1, ensure_ascii=False) + "\n"}
    texts |= {f"{table}.csv": as_csv(rows) for table, rows in report.tables.items()}
    pictures = {f"{title}.png": png for title, png in report.figures.items()}
    for file, text in texts.items():
        write_text(place / file, text)
    for file, png in pictures.items():
        with replacing(place / file) as temporary:
            temporary.write_bytes(png)
    for old in place.iterdir():
        if old.is_file() and old.suffix in (".png", ".csv") and old.name not in texts and old.name not in pictures:
            old.unlink()
    return [place / file for file in (*texts, *pictures)]


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV; a column that only some rows have is empty in the others."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: escape.csv(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows)
    return text.getvalue()


def markdown(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Some columns of rows as a table."""
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(_shown(row.get(name)) for name in names) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else escape.markdown(str(value))
