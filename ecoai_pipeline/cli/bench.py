"""Benchmarks: `ecoai bench …`; ratios are measured side by side in one run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.bench_detect import detect
from ecoai_pipeline.cli.bench_dtw import dtw
from ecoai_pipeline.cli.bench_ingest import ingest
from ecoai_pipeline.cli.bench_metrics import metrics
from ecoai_pipeline.cli.bench_partitions import partitions
from ecoai_pipeline.cli.bench_report import report
from ecoai_pipeline.cli.fresh import in_fresh_process, peak
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.domain import Industry, Month, MonthRange

if TYPE_CHECKING:
    from ecoai_pipeline.defs.runs import Materialized

app = typer.Typer(no_args_is_help=True, help="Measure speed and memory.")
app.command()(ingest)
app.command()(metrics)
app.command()(dtw)
app.command()(detect)
app.command()(report)
app.command()(partitions)

NIGHT = date(2025, 3, 31)
TRAINED = MonthRange(Month(2025, 1), Month(2025, 2))


@app.command("import")
def imports(
    runs: Annotated[int, typer.Option(min=1, help="Runs of each, in turn.")] = 5,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Time to import the definitions against time to import dagster alone."""
    statements = {"dagster": "import dagster", "definitions": "import ecoai_pipeline.definitions"}
    seconds: dict[str, list[float]] = {name: [] for name in statements}
    with progress_bar() as steps:
        steps.start("importing", runs)
        for _ in range(runs):
            for name, statement in statements.items():
                seconds[name].append(_timed(statement))
            steps.done()
    ratio = median(ours / theirs for ours, theirs in zip(seconds["definitions"], seconds["dagster"], strict=True))
    rows = [{"import": name, "seconds": round(median(values), 2)} for name, values in seconds.items()]
    document = {"seconds": {row["import"]: row["seconds"] for row in rows}, "ratio": round(ratio, 3), "runs": runs}
    Answer(document, rows, notes=[f"ratio {ratio:.2f}, median of {runs} pairs"]).show(form, as_json)


def _timed(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", statement], check=True)
    return time.perf_counter() - started


@app.command()
def nightly(
    meters: Annotated[int, typer.Option(min=8, help="Meters in all, spread over the eight industries.")] = 40,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """One night on the 31st of a month: the day's files arrive, the month to date is scored again.

    Simulation, training, the nights before and imports lie outside the timed part.
    """
    root = Path(tempfile.mkdtemp(prefix="ecoai-bench-"))
    try:
        with progress_bar() as steps:
            prepare_night(root, meters, steps)
            measured = in_fresh_process(measure_night, str(root / "night"))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    document = {"meters": meters, "readings": measured["readings"], **measured}
    notes = [
        f"{meters} meters, {measured['readings']:,} readings in the month: {measured['total_seconds']:.1f} s in all, "
        f"of which orchestration {measured['orchestration_seconds']:.1f} s "
        f"({100 * measured['orchestration_seconds'] / measured['total_seconds']:.0f} %)",
        "of scoring: " + ", ".join(f"{row['member']} {row['seconds']:.1f} s ({100 * row['share']:.0f} %)" for row in measured["scoring"]),
    ]
    Answer(document, measured["stages"], title="a night", notes=notes).show(form, as_json)


def prepare_night(root: Path, meters: int, steps: Steps) -> None:
    """A lake as it stands before the night: two months trained on, and the month without its last day scored."""
    from ecoai_pipeline.cli.pipeline import run_backfill, train_all
    from ecoai_pipeline.cli.readings import ingest_paths
    from ecoai_pipeline.sources.ingest import IngestOptions
    from ecoai_pipeline.sources.simulation.simulator import simulate

    os.environ["ECOAI_ROOT"] = str(root / "lake")
    steps.start("simulating", 1)
    made = simulate(
        root / "before",
        industries=list(Industry),
        meters_per_industry=-(-meters // len(Industry)),
        months=MonthRange(TRAINED.first, Month.of(NIGHT)),
        seed=1,
        last_day_apart=root / "night",
    )
    ingest_paths(list(made.files), IngestOptions(), made.registry, dry_run=False, steps=steps)
    train_all(None, None, TRAINED, steps)
    run_backfill(MonthRange(Month.of(NIGHT), Month.of(NIGHT)), list(Industry), steps)


def measure_night(folder: str) -> dict[str, Any]:
    """Body of the measured process: imports first, then the clock."""
    from ecoai_pipeline.cli.pipeline import run_night

    _import_everything()
    files = sorted(Path(folder).iterdir())
    with progress_bar() as steps:
        started = time.perf_counter()
        stages = [_land(files), *_stages(run_night(NIGHT, steps))]
        total = time.perf_counter() - started
    return {"stages": stages, **_totals(stages, total), "scoring": _scoring()}


def _scoring() -> list[dict[str, Any]]:
    """Seconds that each member, the expectation and the fusion take of a night's scoring: the same scored again, outside of the total."""
    from ecoai_pipeline.cli.pipeline import the_lake
    from ecoai_pipeline.detection.model import load_model
    from ecoai_pipeline.domain import Resolution
    from ecoai_pipeline.features.load import load_series
    from ecoai_pipeline.storage.bundles import Bundles
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    lake, seconds = the_lake(), dict[str, float]()
    months = MonthRange(Month.of(NIGHT).previous, Month.of(NIGHT))
    for industry in Industry:
        champion = ModelRegistry(lake).champion(industry, Resolution.MID, Month.of(NIGHT))
        if champion:
            model = load_model(Bundles(lake), champion.record)
            model.score(load_series(lake, industry, months))
            seconds = {name: seconds.get(name, 0.0) + model.seconds.get(name, 0.0) for name in {**seconds, **model.seconds}}
    whole = sum(seconds.values())
    ranked = sorted(seconds, key=lambda name: -seconds[name])
    return [{"member": name, "seconds": round(seconds[name], 3), "share": round(seconds[name] / whole, 3)} for name in ranked]


def _totals(stages: list[dict[str, Any]], total: float) -> dict[str, Any]:
    """What is not a stage's own work is orchestration."""
    return {
        "total_seconds": round(total, 3),
        "orchestration_seconds": round(total - sum(stage["seconds"] for stage in stages), 3),
        "readings": next(stage["rows"] for stage in stages if stage["stage"] == "validated_readings"),
    }


def _land(files: list[Path]) -> dict[str, Any]:
    """Land the day's files, as the inbox does."""
    from ecoai_pipeline.cli.pipeline import the_lake
    from ecoai_pipeline.settings import load_settings
    from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file

    started, lake, settings = time.perf_counter(), the_lake(), load_settings()
    results = [ingest_file(lake, settings, path, IngestOptions(), received_at=datetime.now(UTC)) for path in files]
    return {
        "stage": "landing",
        "seconds": round(time.perf_counter() - started, 3),
        "rows": sum(result.statement.accepted for result in results),
        **peak(),
    }


def _import_everything() -> None:
    for module in ("dagster", "great_expectations", "matplotlib.figure", "scipy.stats", "torch", "ecoai_pipeline.defs.build"):
        import_module(module)


def _stages(done: list[Materialized]) -> list[dict[str, Any]]:
    """Rows, seconds and memory of each table; what a run adds up stands with each of its partitions, so one of each run is read.

    Memory is the process's high-water mark when the table was done.
    """
    runs = {(made.asset, made.metadata["run_seconds"]): made for made in done}
    stages: dict[str, dict[str, Any]] = {}
    for (table, seconds), made in runs.items():
        stage = stages.setdefault(table, {"stage": table, "seconds": 0.0, "rows": 0, "peak_mb": 0})
        stage["seconds"] = round(stage["seconds"] + seconds, 3)
        stage["rows"] += made.metadata["run_rows"]
        stage["peak_mb"] = max(stage["peak_mb"], made.metadata["run_peak_mb"])
    return list(stages.values())
