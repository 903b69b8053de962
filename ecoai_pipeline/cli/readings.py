"""Commands that bring readings in: `simulate` and `ingest`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.domain import Industry, MonthRange, Partition
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.sources.ingest import IngestOptions

FAULTS = "faults.csv"
COUNTS = ("readings_in", "accepted", "quarantined", "added", "changed", "unchanged")


def simulate(
    out: Annotated[Path | None, typer.Option(help="Folder for the files; else simulated under the root.", show_default=False)] = None,
    industry: Annotated[list[str] | None, typer.Option(help="Industry, repeatable; else all eight.", show_default=False)] = None,
    meters: Annotated[int, typer.Option(min=1, help="Meters per industry.")] = 3,
    months: Annotated[str, typer.Option(help="Months, as 2025-01..2025-04.")] = "2025-01..2025-04",
    interval: Annotated[int, typer.Option(help="Length of an interval, seconds.")] = 900,
    seed: Annotated[int, typer.Option(help="Equal seed, equal files.")] = 0,
    encoding: Annotated[str, typer.Option(help="utf-8 or cp949.")] = "utf-8",
    layout: Annotated[str, typer.Option(help="kepco (a row per meter and day) or table (a row per reading).")] = "kepco",
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Write the files of a made-up portfolio as a provider would send them, with faults in them and a record of the faults."""
    from ecoai_pipeline.sources.simulator import simulate as run

    industries = [Industry.parse(name) for name in industry] if industry else list(Industry)
    folder = out or load_settings().root / "simulated"
    with progress_bar() as steps:
        steps.start("simulating", 1)
        made = run(
            folder,
            industries=industries,
            meters_per_industry=meters,
            months=MonthRange.parse(months),
            interval_s=interval,
            seed=seed,
            encoding=encoding,
            layout=layout,
        )
    files = [{"file": str(path), "bytes": path.stat().st_size} for path in made.files]
    document = {"folder": str(folder), "files": files, "registry": str(made.registry), "truth": str(made.truth)}
    notes = [f"registry: {made.registry}", f"truth of the faults: {made.truth}", f"next: ecoai ingest {folder} --meters {made.registry}"]
    Answer(document, files, notes=notes).show(form, as_json)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.")],
    source: Annotated[str | None, typer.Option(help="Format of the files; else recognised by content.", show_default=False)] = None,
    industry: Annotated[str | None, typer.Option(help="Industry of all meters in the files.", show_default=False)] = None,
    meters: Annotated[Path | None, typer.Option(help="Meter registry, CSV.", show_default=False)] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of local stamps and of new meters.", show_default=False)] = None,
    unit: Annotated[str | None, typer.Option(help="kWh, Wh or kW; else what the format says.", show_default=False)] = None,
    columns: Annotated[
        str | None, typer.Option(help="Mapping: a YAML file, or meter=@filename,timestamp=…,kwh=….", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Read and judge, but keep nothing.")] = False,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Land files, and materialize the raw and validated readings of the months they touch."""
    from ecoai_pipeline.sources.ingest import IngestOptions

    try:
        options = IngestOptions.of(source=source, industry=industry, zone=zone, unit=unit, columns=columns)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with progress_bar() as steps:
        answer = ingest_paths(paths, options, meters, dry_run=dry_run, steps=steps)
    answer.show(form, as_json)
    if any("error" in entry for entry in answer.document["files"]):
        raise typer.Exit(1)


def ingest_paths(paths: list[Path], options: IngestOptions, registry: Path | None, *, dry_run: bool, steps: Steps) -> Answer:
    """Ingest files and materialize what they touch; a file that is refused does not stop the others."""
    from ecoai_pipeline.cli.pipeline import materialize_readings
    from ecoai_pipeline.sources.ingest import IngestError, ingest_file
    from ecoai_pipeline.sources.registry_file import read_registry, register_file
    from ecoai_pipeline.storage.lake import Lake

    settings = load_settings()
    lake, now = Lake(settings.root, settings.storage), datetime.now(UTC)
    if registry and dry_run:
        read_registry(registry, zone=settings.time_zone)
    elif registry:
        register_file(lake, settings, registry, at=now)
    entries: list[dict[str, Any]] = []
    touched: set[Partition] = set()
    files = _files(paths, registry)
    steps.start("reading", len(files))
    for path in files:
        try:
            result = ingest_file(lake, settings, path, options, received_at=now, dry_run=dry_run)
        except IngestError as error:
            entries.append({"file": path.name, "error": str(error)})
        else:
            entries.append(result.summary())
            touched.update(result.partitions)
        steps.done(f"read {path.name}")
    materialized = {} if dry_run else materialize_readings(touched, steps)
    return _balance(entries, materialized, dry_run)


def _files(paths: list[Path], registry: Path | None) -> list[Path]:
    """The files named, folders opened, in order of name; the registry that was named, and the simulator's record of faults
    beside it, are no readings."""
    found: list[Path] = []
    left_out = {registry.resolve(), registry.resolve().with_name(FAULTS)} if registry else set()
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
            found += [file for file in inside if file.resolve() not in left_out]
        else:
            found.append(path)
    if not found:
        raise typer.BadParameter(f"there is no file in {', '.join(str(path) for path in paths)}")
    return found


def _balance(entries: list[dict[str, Any]], materialized: dict[str, Any], dry_run: bool) -> Answer:
    read = [entry for entry in entries if "error" not in entry]
    refused = [entry for entry in entries if "error" in entry]
    totals = {name: sum(entry[name] for entry in read) for name in COUNTS}
    document: dict[str, Any] = {
        **totals,
        "meters": sorted({meter for entry in read for meter in entry["meters"]}),
        "months": sorted({month for entry in read for month in entry["months"]}),
        "dry_run": dry_run,
        "files": entries,
        "materialized": materialized,
    }
    if refused and not read:
        document["error"] = "; ".join(entry["error"] for entry in refused)
    rows = [{"file": e["file"], "source": e["source"], **{n: e[n] for n in COUNTS}, "meters": len(e["meters"])} for e in read]
    notes = [f"refused {entry['file']}: {entry['error']}" for entry in refused]
    notes += [f"{entry['file']}: {warning}" for entry in read for warning in entry["warnings"]]
    notes += [f"{entry['file']}: columns not used: {', '.join(entry['unmapped'])}" for entry in read if entry["unmapped"]]
    notes.append(
        f"{totals['readings_in']:,} readings in = {totals['accepted']:,} accepted + {totals['quarantined']:,} quarantined; "
        f"accepted = {totals['added']:,} added + {totals['changed']:,} changed + {totals['unchanged']:,} unchanged"
    )
    if materialized:
        notes.append(f"materialized {materialized['written']} of {materialized['partitions']} partitions, the others had no change")
    return Answer(document, rows, notes=notes)
