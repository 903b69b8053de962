"""`ecoai evaluate research`: the protocols of the original research, on public, simulated or one's own data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.evaluation.research.protocols import Findings, Material

PUBLIC = ("kpi", "lead", "steel")
SIMULATED = ("chemical", "metal")
COLUMNS = ("protocol", "dataset", "series", "detector", "what", "f1", "auc", "f1_published", "auc_published")


class Lang(StrEnum):
    EN = "en"
    KO = "ko"


def research(
    protocol: Annotated[list[str] | None, typer.Option(help="A, B, C or D, repeatable; else all.", show_default=False)] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="kpi, lead, steel, cnu, cambridge (of ECOAI_REAL_DATA), chemical, metal (simulated); repeatable."),
    ] = None,
    path: Annotated[
        list[Path] | None, typer.Option(help="A file of one's own, as ingest takes it; repeatable.", show_default=False)
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="CSV of its anomalies: meter_id, start, end (UTC).", show_default=False)] = None,
    detectors: Annotated[str | None, typer.Option(help="Names, as pca,profile; else all that are there.", show_default=False)] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    lang: Annotated[Lang, typer.Option(help="Language of the figures.")] = Lang.EN,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Protocols A to D of the original research: shuffled windows, thresholds chosen on the test set, and what that flatters.

    Tables and figures go to reports/evaluation/research under the root. Series without labels get the simulator's faults.
    """
    from ecoai_pipeline.evaluation.research.participants import NAMES
    from ecoai_pipeline.evaluation.research.protocols import PROTOCOLS, pieces, put_together
    from ecoai_pipeline.evaluation.work import run_all
    from ecoai_pipeline.reporting.research_files import published_rows, write_findings

    settings, chosen = load_settings(), tuple(protocol or PROTOCOLS)
    names = tuple(detectors.split(",")) if detectors else NAMES
    folder = settings.root / "reports" / "evaluation" / "research"
    with progress_bar() as steps:
        units = pieces(_material(data, path, labels, settings, steps), chosen, names, settings)
        steps.start("evaluating", len(units))
        findings = put_together(run_all(units, folder / "cache", jobs=jobs, done=steps.done))
        steps.start("drawing", 1)
        files = write_findings(findings, chosen, folder, lang.value, lambda name: steps.start(f"drawing {name}", 1))
    document = {"rows": list(findings.rows), "published": published_rows(chosen), "files": [str(file) for file in files]}
    notes = [*_effect_notes(findings), f"{len(files)} files in {folder}"]
    Answer(document, _summary(findings), COLUMNS, title="the research's protocols", notes=notes).show(form, as_json)


def _material(data: list[str] | None, path: list[Path] | None, labels: Path | None, settings: Settings, steps: Steps) -> Material:
    from ecoai_pipeline.evaluation.datasets import public_cases, read_cases
    from ecoai_pipeline.evaluation.research.protocols import with_simulated

    def told(what: str) -> None:
        steps.start(what, 1)

    if labels and not path:
        raise typer.BadParameter("--labels says what is anomalous in the files of --path; name one")
    place = os.environ.get("ECOAI_REAL_DATA", "")
    names = data or ([] if path else [*(PUBLIC if place else ()), *SIMULATED])
    real = [name for name in names if name not in SIMULATED]
    if real and not place:
        raise typer.BadParameter(f"--data {real[0]} needs real data: set ECOAI_REAL_DATA to its folder (see README, Real data)")
    cases = public_cases(Path(place), real, settings, told) if real else []
    if path:
        told("reading files")
        cases += read_cases(path, settings, labels=labels)
    return with_simulated(cases, names, settings, told)


def _summary(findings: Findings) -> list[dict[str, Any]]:
    """A line per figure for people; all columns are in the files."""
    from ecoai_pipeline.evaluation.research.shuffled import headline

    lines = [_line(row, row["aggregation"], "f1_oracle_shuffled", "auc_shuffled") for row in headline(findings.table("shuffled_windows"))]
    lines += [_line(row, "DTW verdicts", "f1_quota", "auc_dtw") for row in findings.table("dtw_verdicts")]
    lines += [_line(row, f"ε {row['epsilon']:g}", "f1_oracle_shuffled", "auc_shuffled") for row in findings.table("epsilon_curve")]
    lines += [_line(row, f"Z ≥ {row['threshold_oracle']}", "f1_oracle", "auc_roc") for row in findings.table("usage_thresholds")]
    return lines


def _line(row: Mapping[str, Any], what: str, f1: str, auc: str) -> dict[str, Any]:
    return {
        "protocol": row["protocol"],
        "dataset": row["dataset"],
        "series": row.get("series") or row.get("usage_type"),
        "detector": row["detector"],
        "what": what if row.get("fault_seed") is None else f"{what}, faults {row['fault_seed']}",
        "f1": row[f1],
        "auc": row[auc],
        "f1_published": row.get(f"{f1}_published"),
        "auc_published": row.get(f"{auc}_published"),
    }


def _effect_notes(findings: Findings) -> list[str]:
    """Per data set and use, for which epsilons adversarial days helped, harmed, or neither."""
    rows = [row for row in findings.table("augmentation_effect") if row["augmentation"] == "adversarial"]
    keys = dict.fromkeys((row["dataset"], row["detector"], row["use"]) for row in rows)
    return [_effect_note(key, [row for row in rows if (row["dataset"], row["detector"], row["use"]) == key]) for key in keys]


def _effect_note(key: tuple[str, str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    helped = [f"{row['epsilon']:g}" for row in rows if row["low"] > 0]
    harmed = [f"{row['epsilon']:g}" for row in rows if row["high"] < 0]
    dataset, detector, use = key
    told = f"helps at ε {', '.join(helped) or 'none'}, harms at ε {', '.join(harmed) or 'none'} of {len(rows)}"
    return f"C, adversarial days in training, {dataset}, {detector}, {use}: {told} ({rows[0]['pairs']} pairs)"
