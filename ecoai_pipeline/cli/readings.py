"""The command that brings readings in: `ingest`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.cli.understood import understanding_lines
from ecoai_pipeline.domain import Industry, Partition
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.names import readable_name
from ecoai_pipeline.sources.reasons import IngestError, NoTableError
from ecoai_pipeline.sources.simulation import FAULTS, MAINTENANCE

if TYPE_CHECKING:
    from ecoai_pipeline.sources.gather import Found
    from ecoai_pipeline.sources.ingest import IngestOptions, IngestResult
    from ecoai_pipeline.sources.understanding import Understanding

SHOWN_NAMES = 10
COUNTS = ("readings_in", "accepted", "quarantined", "added", "changed", "unchanged")


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.")],
    source: Annotated[str | None, typer.Option(help="Format of the files; else recognised by content.", show_default=False)] = None,
    industry: Annotated[str | None, typer.Option(help="Industry of all meters in the files.", show_default=False)] = None,
    meters: Annotated[Path | None, typer.Option(help="Meter registry, CSV.", show_default=False)] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of local stamps and of new meters.", show_default=False)] = None,
    unit: Annotated[str | None, typer.Option(help="kWh, Wh, MWh, kW, W, MW, J, …; else what the file says.", show_default=False)] = None,
    columns: Annotated[
        str | None, typer.Option(help="Mapping: a YAML file, or meter=@filename,timestamp=…,kwh=….", show_default=False)
    ] = None,
    flow: Annotated[
        str | None,
        typer.Option(help="Green Button: apart (delivered and received are two meters) or net (one signed meter).", show_default=False),
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign: , or .; else as the whole column shows.", show_default=False)] = None,
    missing: Annotated[str | None, typer.Option(help="Values of missing readings: -999|n/a; none: no value.", show_default=False)] = None,
    skip_rows: Annotated[int | None, typer.Option(help="Lines above the header, where it is not found.", show_default=False)] = None,
    header_row: Annotated[
        int | None, typer.Option(help="Line of the header, the first being 1; 0: there is none, columns are 1, 2, ….", show_default=False)
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook.", show_default=False)] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a text: utf-8, cp949, cp1252, ….", show_default=False)] = None,
    start: Annotated[str | None, typer.Option(help="Time of the first value, where the file has values alone.", show_default=False)] = None,
    interval: Annotated[str | None, typer.Option(help="Step from one such value to the next: 15min, 1h.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option(help="Show how the files are understood, and keep nothing.")] = False,
    allow_again: Annotated[bool, typer.Option("--allow-again", help="Let meters in again that were erased.")] = False,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Land files, and materialize the raw and validated readings of the months they touch."""
    options = options_of(
        source=source,
        industry=industry,
        zone=zone,
        unit=unit,
        columns=columns,
        flow=flow,
        decimal=decimal,
        missing=missing,
        skip_rows=skip_rows,
        header_row=header_row,
        sheet=sheet,
        encoding=encoding,
        start=start,
        interval=interval,
    )
    with progress_bar() as steps:
        answer = ingest_paths(paths, options, meters, dry_run=dry_run, steps=steps, allow_again=allow_again, explained=dry_run)
    answer.show(form, as_json)
    if any("error" in entry for entry in answer.document["files"]):
        raise typer.Exit(1)


def options_of(**texts: Any) -> IngestOptions:
    """Options as a person writes them.

    Raises:
        typer.BadParameter: one of them cannot be understood.
    """
    from ecoai_pipeline.sources.ingest import IngestOptions

    try:
        return IngestOptions.of(**texts)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def ingest_paths(
    paths: list[Path],
    options: IngestOptions,
    registry: Path | None,
    *,
    dry_run: bool,
    steps: Steps,
    allow_again: bool = False,
    choose: Callable[[set[Partition]], set[Partition]] = lambda touched: touched,
    explained: bool = False,
) -> Answer:
    """Ingest files and materialize what they touch, or what `choose` leaves of it; a refused file does not stop the others.

    `explained` adds lines about how each file was understood.
    """
    from ecoai_pipeline.cli.pipeline import materialize_readings
    from ecoai_pipeline.detection.staleness import unread_months
    from ecoai_pipeline.sources.gather import read_members
    from ecoai_pipeline.sources.ingest import ingest_file
    from ecoai_pipeline.sources.registry_file import read_registry, register_file
    from ecoai_pipeline.storage.lake import Lake

    settings = load_settings()
    lake, now = Lake(settings.root, settings.storage), datetime.now(UTC)
    if registry and dry_run:
        read_registry(registry, zone=settings.time_zone, since=settings.registry_start, tariffs=settings.impact.tariffs)
    moved = bool(registry and not dry_run and register_file(lake, settings, registry, at=now).fresh)
    taken = _Taken([], set(), [])
    files = _files(paths, registry, taken.passed)
    steps.start("reading", len(files))
    with TemporaryDirectory(prefix="ecoai-archive-") as folder:
        for found in files:
            for one in read_members(found, Path(folder), taken.passed, settings.sources):
                take = partial(ingest_file, lake, settings, options=options, received_at=now, dry_run=dry_run, allow_again=allow_again)
                taken.add(one, take, named=found.named and one is found)
            steps.done(f"read {found.file}")
    if not taken.entries:
        raise IngestError(paths[0], f"no file of it holds readings; passed over: {', '.join(taken.passed)}")
    touched = taken.touched
    if moved:  # months of meters that the files do not name may now be those of another industry or zone
        for industry in Industry:
            unread = unread_months(lake, settings, industry)
            touched.update(Partition(industry, month) for month in (unread.span if unread else ()))
    materialized = {} if dry_run else materialize_readings(choose(touched), steps)
    return _balance(taken.entries, taken.passed, materialized, dry_run=dry_run, explained=explained)


@dataclass
class _Taken:
    """What became of the files: an entry each of those read or refused, the partitions touched, and the names of those passed over."""

    entries: list[dict[str, Any]]
    touched: set[Partition]
    passed: list[str]

    def add(self, one: Found | IngestError, take: Callable[..., IngestResult], *, named: bool) -> None:
        """Take in a file; one that nobody named and that holds no table is passed over."""
        try:
            if isinstance(one, IngestError):
                raise one
            result = take(one.path, file=one.file)
        except IngestError as error:
            if isinstance(error, NoTableError) and not named:
                self.passed.append(error.file)
            else:
                self.entries.append({"file": error.file, "error": str(error)})
        else:
            self.entries.append({**result.summary(), "understanding": result.understanding})
            self.touched.update(result.partitions)


def _files(paths: list[Path], registry: Path | None, passed: list[str]) -> list[Found]:
    """The files named, folders opened, in order of name; names of files that other programs left there are added to `passed`.

    The named registry, and the simulator's records in its folder, are no readings.
    """
    from ecoai_pipeline.sources.gather import Found, files_in

    found: list[Found] = []
    records = (registry, registry.with_name(FAULTS), registry.with_name(MAINTENANCE)) if registry else ()
    left_out = {record.resolve() for record in records}
    for path in paths:
        if path.is_dir():
            inside, junk = files_in(path)
            found += [Found(file, readable_name(file.name)) for file in inside if file.resolve() not in left_out]
            passed += [readable_name(file.name) for file in junk]
        else:
            found.append(Found(path, readable_name(path.name), named=True))
    if not found:
        raise typer.BadParameter(f"there is no file with readings in {', '.join(str(path) for path in paths)}")
    return found


def _refused_rows(entry: dict[str, Any]) -> Iterator[str]:
    """Why rows of a file that was accepted are in quarantine: each reason with its count and its first row."""
    for reason, count in entry["quarantined_by_reason"].items():
        yield f"{entry['file']}: {count:,} readings in quarantine, the first in row {entry['first_row_by_reason'][reason]}: {reason}"


def _balance(entries: list[dict[str, Any]], passed: list[str], materialized: dict[str, Any], *, dry_run: bool, explained: bool) -> Answer:
    read = [entry for entry in entries if "error" not in entry]
    refused = [entry for entry in entries if "error" in entry]
    totals = {name: sum(entry[name] for entry in read) for name in COUNTS}
    document: dict[str, Any] = {
        **totals,
        "meters": sorted({meter for entry in read for meter in entry["meters"]}),
        "months": sorted({month for entry in read for month in entry["months"]}),
        "dry_run": dry_run,
        "files": [{**entry, "understanding": _document(entry.get("understanding"))} for entry in entries],
        "passed_over": passed,
        "materialized": materialized,
    }
    if refused and not read:
        document["error"] = "; ".join(entry["error"] for entry in refused)
    rows = [{"file": e["file"], "source": e["source"], "meters": len(e["meters"]), **{n: e[n] for n in COUNTS}} for e in read]
    understood = [entry["understanding"] for entry in read if explained and entry["understanding"]]
    notes = [line for one in understood for line in understanding_lines(one)]
    notes += [f"refused {entry['file']}: {entry['error']}" for entry in refused]
    notes += [note for entry in read for note in _refused_rows(entry)]
    if passed:
        shown = ", ".join(passed[:SHOWN_NAMES]) + (", …" if len(passed) > SHOWN_NAMES else "")
        notes.append(f"passed over {len(passed)} files that hold no readings: {shown}")
    notes += [f"{entry['file']}: {warning}" for entry in read for warning in entry["warnings"]]
    unused = [] if understood else [entry for entry in read if entry["unmapped"]]
    notes += [f"{entry['file']}: columns not used: {', '.join(entry['unmapped'])}" for entry in unused]
    notes.append(
        f"{totals['readings_in']:,} readings in = {totals['accepted']:,} accepted + {totals['quarantined']:,} quarantined; "
        f"accepted = {totals['added']:,} added + {totals['changed']:,} changed + {totals['unchanged']:,} unchanged"
    )
    if materialized:
        notes.append(f"materialized {materialized['written']} of {materialized['partitions']} partitions, the others had no change")
    return Answer(document, rows, notes=notes)


def _document(understanding: Understanding | None) -> dict[str, Any] | None:
    """Without the meters, which the statement names."""
    return {**asdict(understanding), "meters": len(understanding.meters)} if understanding else None
