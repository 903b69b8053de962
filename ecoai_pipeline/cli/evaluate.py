"""How good detectors are: `evaluate …`."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.cli.pipeline import new_lake, run_evaluation, the_lake
from ecoai_pipeline.cli.product import product
from ecoai_pipeline.domain import Industry, MonthRange
from ecoai_pipeline.settings import PROJECT, load_settings

app = typer.Typer(no_args_is_help=True, help="Measure how good detectors are, on public data or on files of your own.")

METRICS = PROJECT / "metrics" / "small.json"


class Lang(StrEnum):
    EN = "en"
    KO = "ko"


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
DetectorsOption = Annotated[
    str | None, typer.Option(help="Which of ours, such as profile,lstm_ae, or all; else those that run at night.", show_default=False)
]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Processes; else one per processor.", show_default=False)]


SeedsOption = Annotated[int, typer.Option(min=1, max=5, help="How often faults are injected into a series without labels.")]
ColumnsOption = Annotated[str | None, typer.Option(help="Column mapping of the files, as for `ingest`.", show_default=False)]
UnitOption = Annotated[str | None, typer.Option(help="Unit of the files, as for `ingest`.", show_default=False)]
ZoneOption = Annotated[str | None, typer.Option(help="Time zone of the files' clock.", show_default=False)]


@app.command()
def honest(
    path: PathsOption = None,
    labels: LabelsOption = None,
    data: DataOption = None,
    detectors: DetectorsOption = None,
    rolling: Annotated[bool, typer.Option(help="Train again at the start of each month of the test, as the pipeline does.")] = False,
    seeds: SeedsOption = 5,
    columns: ColumnsOption = None,
    unit: UnitOption = None,
    zone: ZoneOption = None,
    jobs: JobsOption = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Thresholds frozen before the test, alarms from what each night knew, simple references beside ours.

    Results, figures included, stay in reports/evaluation below the root, and in Dagster's records of the asset `evaluation`.
    """
    from ecoai_pipeline.reporting.evaluation import SUMMARY

    request = {"detectors": _words(detectors), **_series(path, labels, data, seeds, columns, unit, zone), "jobs": jobs}
    document, files = _run("rolling" if rolling else "honest", request)
    title = "means over series; false alarms pooled"
    Answer({**document, "files": files}, document["summary"], SUMMARY, title=title, notes=_notes(files)).show(form, as_json)


@app.command()
def ablate(
    knob: Annotated[
        list[str] | None,
        typer.Option(help="Parameter and value, such as detectors.usad.max_window=64, repeatable; else a list.", show_default=False),
    ] = None,
    path: PathsOption = None,
    labels: LabelsOption = None,
    data: DataOption = None,
    seeds: SeedsOption = 1,
    columns: ColumnsOption = None,
    unit: UnitOption = None,
    zone: ZoneOption = None,
    jobs: JobsOption = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """What single choices are worth: one parameter moved at a time, the difference over the same series and its interval."""
    from ecoai_pipeline.reporting.evaluation import EFFECTS

    request = {"knobs": knob or [], **_series(path, labels, data, seeds, columns, unit, zone), "jobs": jobs}
    document, files = _run("ablation", request)
    title = "change against the present parameters, paired over series"
    Answer({**document, "files": files}, document["rows"], EFFECTS, title=title, notes=_notes(files)).show(form, as_json)


@app.command()
def research(
    protocol: Annotated[list[str] | None, typer.Option(help="A, B, C or D, repeatable; else all.", show_default=False)] = None,
    path: PathsOption = None,
    labels: LabelsOption = None,
    data: Annotated[
        str | None,
        typer.Option(help="Public data sets, and chemical,metal (simulated); else kpi,lead,steel and both.", show_default=False),
    ] = None,
    detectors: Annotated[
        str | None, typer.Option(help="Names, such as pca,lstm_ae; else the references and what the pipeline runs.", show_default=False)
    ] = None,
    columns: ColumnsOption = None,
    unit: UnitOption = None,
    zone: ZoneOption = None,
    lang: Annotated[Lang, typer.Option(help="Language of the figures.")] = Lang.EN,
    jobs: JobsOption = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Protocols A to D of the original research: shuffled windows, thresholds chosen on the test set, and what that flatters."""
    from ecoai_pipeline.reporting.research_lines import LINE

    named = {"protocols": protocol or [], "detectors": _words(detectors), "lang": lang.value, "jobs": jobs}
    document, files = _run("research", {**named, **_series(path, labels, data, None, columns, unit, zone)})
    lines = document.pop("lines")
    title = "the research's protocols; thresholds chosen on the test set"
    Answer({**document, "files": files}, lines, LINE, title=title, notes=[f"{len(files)} files in {Path(files[0]).parent}"]).show(
        form, as_json
    )


@app.command()
def weights(
    path: PathsOption = None,
    labels: LabelsOption = None,
    data: DataOption = None,
    detectors: Annotated[
        str | None, typer.Option(help="Candidates; else those that run at night and all that are cheap and untaught.", show_default=False)
    ] = None,
    seeds: SeedsOption = 5,
    columns: ColumnsOption = None,
    unit: UnitOption = None,
    zone: ZoneOption = None,
    jobs: JobsOption = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """What the evidence of each member should weigh, learned on what lies before the test, and how sure that is.

    Nothing is changed: the lines below the table are for `training.members` of params.yaml, if the figures speak for them.
    """
    from ecoai_pipeline.reporting.evaluation import WEIGHTS

    request = {"detectors": _words(detectors), **_series(path, labels, data, seeds, columns, unit, zone), "jobs": jobs}
    document, files = _run("weights", request)
    title = "VUS-PR of detectors alone and together, before the test"
    notes = [*document["lines"], *_notes(files)]
    Answer({**document, "files": files}, document["rows"], WEIGHTS, title=title, notes=notes).show(form, as_json)


@app.command()
def guard(
    store: Annotated[bool, typer.Option(help="Store the figures of today, with the noise of three seeds.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why a stored figure is lowered.", show_default=False)] = None,
    jobs: JobsOption = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Today's figures on the small real set against those stored in metrics/; fails where one fell by more than chance explains."""
    from ecoai_pipeline.evaluation import guard as stored
    from ecoai_pipeline.evaluation.benchmark import Plan
    from ecoai_pipeline.evaluation.request import real_data
    from ecoai_pipeline.evaluation.scoring import names

    settings, cache, count = load_settings(), new_lake().evaluations[0], jobs or os.cpu_count() or 1
    with progress_bar() as steps:
        steps.start("reading", 1)
        cases = stored.small_cases(real_data(), settings)
        steps.start("scoring and judging", Plan(names(settings)).pieces(cases, settings))
        now = stored.measure(cases, settings, cache, jobs=count, done=steps.done)
        book = stored.Book.read(METRICS) if METRICS.exists() else stored.Book(detectors={})
        drops = book.drops(now)
        if store:
            book.updated(now, stored.seed_noise(cases, settings, cache, (1, 2, 3), jobs=count), reason).write(METRICS)
    rows = [{"detector": name, "series": len(own), "stored": book.mean_of(name), "now": fmean(own.values())} for name, own in now.items()]
    Answer({"rows": rows, "drops": drops}, rows, title="mean VUS-PR of the small set", notes=drops).show(form, as_json)
    raise typer.Exit(1 if drops and not store else 0)


@app.command()
def kinds(
    months: Annotated[str, typer.Option(help="Scored months A..B to put faults into.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often faults are drawn anew.")] = 10,
    seed: Annotated[int, typer.Option(help="Equal seed, equal faults.")] = 0,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Whether events are named rightly: faults put into the readings of the lake, found by the models in use, kind against kind."""
    from ecoai_pipeline.evaluation.kinds import Named, joined, name_faults

    span, parts = MonthRange.parse(months), list[Named]()
    with progress_bar() as steps:
        steps.start("industries", len(Industry))
        for industry, part in name_faults(the_lake(), load_settings(), span, rounds, seed):
            parts.append(part)
            steps.done(industry.value)
    named = joined(parts)
    if named.macro_f1 is None:
        raise ValueError(f"no fault was found in {span}: it takes months with features, and models; see `ecoai status`")
    quartiles = [f"depth {row['least']:.1f} to {row['most']:.1f}: {row['macro_f1']:.3f}" for row in named.by_depth.to_dicts()]
    notes = [f"macro-F1 {named.macro_f1:.3f} on {named.found.height} of {named.faults} faults found; {', '.join(quartiles)}"]
    document = {"macro_f1": named.macro_f1, "faults": named.faults, "found": named.found.height, "by_depth": named.by_depth.to_dicts()}
    rows = named.confusion.to_dicts()
    Answer({**document, "confusion": rows}, rows, title="kinds put in, by the kind that events were named", notes=notes).show(form, as_json)


app.command()(product)


def _run(name: str, request: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Run an evaluation; its document and the files it left."""
    with progress_bar() as steps:
        files = run_evaluation(name, request, steps)
    return json.loads(Path(files[0]).read_text(encoding="utf-8")), files


def _series(
    path: list[Path] | None,
    labels: Path | None,
    data: str | None,
    seeds: int | None,
    columns: str | None,
    unit: str | None,
    zone: str | None,
) -> dict[str, Any]:
    """Which series to judge on, as fields of a request."""
    from ecoai_pipeline.sources.options import IngestOptions

    return {
        "paths": [str(one.resolve()) for one in path or []],
        "labels": str(labels.resolve()) if labels else None,
        "data": _words(data),
        "seeds": seeds,
        "options": IngestOptions.of(columns=columns, unit=unit, zone=zone).model_dump(mode="json", exclude_none=True),
    }


def _notes(files: list[str]) -> list[str]:
    return [f"results: {file}" for file in files]


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]
