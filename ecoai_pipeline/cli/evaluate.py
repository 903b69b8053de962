"""How good detectors are: `evaluate …`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.cli.pipeline import run_evaluation

app = typer.Typer(no_args_is_help=True, help="Measure how good detectors are, on public data or on files of your own.")

SHOWN = (
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

PathsOption = Annotated[
    list[Path] | None, typer.Option("--path", help="File or folder as `ingest` takes it, repeatable; else public data.", show_default=False)
]
DataOption = Annotated[
    str | None, typer.Option(help="Public data sets, such as lead,kpi; else all in ECOAI_REAL_DATA.", show_default=False)
]
LabelsOption = Annotated[
    Path | None,
    typer.Option(help="CSV of anomalies: meter_id, start, end in UTC; else what files say, else injected faults.", show_default=False),
]
DetectorsOption = Annotated[str | None, typer.Option(help="Which of ours, such as profile,usad; else all.", show_default=False)]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Processes; else one per processor.", show_default=False)]


@app.command()
def honest(
    path: PathsOption = None,
    labels: LabelsOption = None,
    data: DataOption = None,
    detectors: DetectorsOption = None,
    rolling: Annotated[bool, typer.Option(help="Train again at the start of each month of the test, as the pipeline does.")] = False,
    seeds: Annotated[int, typer.Option(min=1, max=5, help="How often faults are injected into a series without labels.")] = 5,
    columns: Annotated[str | None, typer.Option(help="Column mapping of the files, as for `ingest`.", show_default=False)] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of the files, as for `ingest`.", show_default=False)] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of the files' clock.", show_default=False)] = None,
    jobs: JobsOption = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Thresholds frozen before the test, alarms from what each night knew, simple references beside ours.

    Results, figures included, stay in reports/evaluation below the root, and in Dagster's records as the asset `evaluation`.
    """
    from ecoai_pipeline.sources.options import IngestOptions

    options = IngestOptions.of(columns=columns, unit=unit, zone=zone)
    config: dict[str, Any] = {
        "paths": [str(one.resolve()) for one in path or []],
        "labels": str(labels.resolve()) if labels else None,
        "data": _words(data),
        "detectors": _words(detectors),
        "protocol": "rolling" if rolling else "fixed",
        "seeds": seeds,
        "options": options.model_dump(mode="json", exclude_none=True),
        "jobs": jobs,
    }
    with progress_bar() as steps:
        files = run_evaluation(config, steps)
    document = json.loads(Path(files[0]).read_text(encoding="utf-8"))
    notes = [f"results: {file}" for file in files]
    answer = Answer({**document, "files": files}, document["summary"], SHOWN, title="means over series; false alarms pooled", notes=notes)
    answer.show(form, as_json)


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]
