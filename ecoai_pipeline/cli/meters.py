"""Commands about meters: `meters list`, `meters show` and `meters erase`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, in_zone, local_time, progress_bar
from ecoai_pipeline.cli.pipeline import materialize_readings, record, the_lake, zone_of_root
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.sources.meters import KnownMeter
    from ecoai_pipeline.storage.lake import Lake

app = typer.Typer(no_args_is_help=True, help="What is known of meters, and forgetting one.")

LISTED = ("meter_id", "industry", "capacity", "first", "last", "readings", "time_zone", "country", "usage_type", "statements")


@app.command("list")
def listing(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """All meters with what holds of each now; `inferred` capacities come from readings and are not judged by."""
    from ecoai_pipeline.sources.meters import known_meters

    rows = [_row(meter) for meter in known_meters(the_lake())]
    guessed = sum(row["guessed"] for row in rows)
    notes = [f"{len(rows)} meters, of which nobody has said the industry of {guessed}: ingest --meters REGISTRY.csv tells it"]
    shown = in_zone([_in_words(row) for row in rows], lambda row: row["time_zone"], "first", "last")
    Answer({"meters": rows}, shown, LISTED, title="meters", notes=notes).show(form, as_json)


@app.command()
def show(
    meter: Annotated[str, typer.Argument(help="Id of the meter.")],
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """One meter: its registry rows by the day they hold from, and the statements that have readings of it."""
    from ecoai_pipeline.sources.meters import known_meters, statements_of

    lake = the_lake()
    (known,) = known_meters(lake, [meter])
    rows = [asdict(row) for row in known.rows]
    statements = [
        {"statement": one.statement_id, "received": one.received_at, "file": one.file, "months": one.months}
        for one in statements_of(lake, meter)
    ]
    zone = known.newest.time_zone
    span = f"from {local_time(known.first, zone)} to {local_time(known.last, zone)}" if known.first and known.last else ""
    lengths = ", ".join(f"{seconds} s" for seconds in known.intervals_s)
    notes = [f"{known.readings:,} readings {span}; intervals: {lengths or 'none'}"]
    notes += [
        f"statement {one.statement_id}, received {local_time(one.received_at, zone_of_root(lake))}: {one.file}"
        for one in statements_of(lake, meter)
    ]
    document = {**_row(known), "registry": rows, "statements": statements}
    columns = (
        "valid_from",
        "industry",
        "usage_type",
        "country",
        "subdivision",
        "time_zone",
        "tariff",
        "decimal",
        "capacity",
        "signed",
        "site",
        "region",
    )
    Answer(document, [_in_words(row) for row in rows], columns, title=meter, notes=notes).show(form, as_json)


def _row(known: KnownMeter) -> dict[str, Any]:
    counts = {"first": known.first, "last": known.last, "readings": known.readings, "statements": known.statements}
    return {**asdict(known.newest), **counts, "intervals_s": list(known.intervals_s)}


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its capacity and industry as people read them: what is inferred or guessed says so."""
    stated = f"{row['capacity_kw']:g} kW" if row["capacity_kw"] else None
    inferred = f"{row['inferred_kw']:g} kW (inferred)" if row["inferred_kw"] else None
    return {**row, "industry": f"{row['industry']}{' (guessed)' if row['guessed'] else ''}", "capacity": stated or inferred}


@app.command()
def erase(
    meter: Annotated[str, typer.Argument(help="Id of the meter.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this nothing happens. It cannot be undone.")] = False,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Forget a meter whose owner has withdrawn consent: readings, files, events, ledgers, models. It cannot be undone."""
    from ecoai_pipeline.defs.records import forget_records
    from ecoai_pipeline.detection.erase import erase_meter, still_holding

    if not yes:
        raise typer.BadParameter(f"erasing {meter!r} cannot be undone; say --yes to do it")
    lake = the_lake()
    with progress_bar() as steps:
        steps.start("erasing", 1)
        done = erase_meter(lake, load_settings(), meter, at=datetime.now(UTC))
        records = forget_records(lake.root, meter)
        materialized = materialize_readings(done.partitions, steps)
        versions = _forget_versions(lake, meter, steps)
    remaining = [*(str(path.relative_to(lake.root)) for path in still_holding(lake, meter)), *records.remaining]
    counts: dict[str, Any] = {
        "statements_remade": done.statements_remade,
        "statements_gone": done.statements_gone,
        "readings": done.readings,
        "rows": dict(done.rows),
        "bundles": done.bundles,
        "files_removed": done.files_removed,
        "records": records.changed,
        "snapshots": versions,
        "materialized": materialized,
        "remaining": remaining,
    }
    rows = [{"what": name.replace("_", " "), "erased": count} for name, count in {**counts, **done.rows}.items() if isinstance(count, int)]
    notes = [f"still holds the id, and is not this pipeline's to change: {place}" for place in remaining]
    if versions:
        notes.append(
            f"{len(versions)} snapshots held it and are gone, with their files in the cache of DVC and its remote: {versions[0]} …"
        )
    notes.append("what models learned from all meters together stays; train again for models that never saw this one")
    Answer(counts, rows, notes=notes).show(form, as_json)


def _forget_versions(lake: Lake, meter: str, steps: Steps) -> list[str]:
    """Record the root without the meter, then remove the snapshots that hold it; their names."""
    from ecoai_pipeline.versioning.erase import forget_versions
    from ecoai_pipeline.versioning.repository import is_versioned

    if not is_versioned(lake.root):
        return []
    record(steps)
    return forget_versions(lake, meter).snapshots
