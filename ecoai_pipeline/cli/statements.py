"""Commands about what was received: `statements list`, `statements withdraw` and `readings history`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.nights import parse_day
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, in_zone, local_time, progress_bar
from ecoai_pipeline.cli.pipeline import materialize_readings, the_lake, zone_of_meter, zone_of_root
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.storage.receipts import Statement, Withdrawal

app = typer.Typer(no_args_is_help=True, help="Files as they were received, and taking one back.")
readings = typer.Typer(no_args_is_help=True, help="Single readings and what was said of them.")

COUNTS = ("readings_in", "accepted", "quarantined", "added", "changed", "unchanged")
LISTED = (
    "statement",
    "received",
    "file",
    "accepted",
    "state",
    "quarantined",
    "months",
    "meters",
    "source",
    "added",
    "changed",
    "unchanged",
    "withdrawn",
)


@app.command("list")
def listing(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Every statement in order of its last receipt, with its counts; those that were withdrawn last."""
    from ecoai_pipeline.storage.landing import Landing

    lake = the_lake()
    book, zone = Landing(lake).book, zone_of_root(lake)
    rows = [_row(statement, None, zone) for statement in book.in_force()]
    rows += [_row(statement, withdrawal, zone) for statement, withdrawal in book.withdrawn()]
    shown = in_zone([{**row, "meters": len(row["meters"]), "months": _span(row["months"])} for row in rows], zone, "received")
    notes = [f"{len(book.in_force())} statements in force, {len(book.withdrawn())} withdrawn"]
    Answer({"statements": rows}, shown, LISTED, title="statements", notes=notes).show(form, as_json)


def _row(statement: Statement, withdrawal: Withdrawal | None, zone: str) -> dict[str, Any]:
    return {
        "statement": statement.statement_id,
        "received": statement.received_at,
        "file": statement.file,
        "source": statement.source,
        **{name: getattr(statement, name) for name in COUNTS},
        "withdrawn": withdrawal.readings if withdrawal else 0,
        "fell_back": withdrawal.fell_back if withdrawal else 0,
        "meters": statement.meters,
        "months": statement.months,
        "state": f"withdrawn {local_time(withdrawal.withdrawn_at, zone)}" if withdrawal else "in force",
        "reason": withdrawal.reason if withdrawal else "",
    }


def _span(months: list[str]) -> str:
    return months[0] if len(set(months)) == 1 else f"{min(months)}..{max(months)}"


@app.command("withdraw")
def withdrawing(
    statement: Annotated[str, typer.Argument(help="Id of the statement, or the beginning of it.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Take a statement out of force: what only it said disappears, what it changed falls back; its file stays in landing."""
    from ecoai_pipeline.sources.withdraw import withdraw

    lake = the_lake()
    with progress_bar() as steps:
        done = withdraw(lake, load_settings(), statement, reason=reason, at=datetime.now(UTC))
        materialized = materialize_readings(done.partitions, steps)
    zone = zone_of_root(lake)
    row = _row(done.statement, done.withdrawal, zone)
    document = {**row, "partitions": [partition.key for partition in done.partitions], "materialized": materialized}
    notes = [
        f"withdrawn {row['withdrawn']:,} readings that only {row['file']} gave; {row['fell_back']:,} fell back to an older statement",
        f"materialized {materialized['written']} of {materialized['partitions']} partitions, the others had no change",
        f"ingest {row['file']} again to bring it back into force",
    ]
    Answer(
        document,
        in_zone([row], zone, "received"),
        ("statement", "received", "file", "withdrawn", "fell_back", "state"),
        notes=notes,
    ).show(form, as_json)


@readings.command()
def history(
    meter: Annotated[str, typer.Argument(help="Id of the meter.")],
    day: Annotated[str, typer.Argument(help="Local day, as 2025-03-01.")],
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Per interval of a local day what each statement said, in order of receipt, and which word is in force."""
    from ecoai_pipeline.sources.history import readings_history

    lake = the_lake()
    rows = readings_history(lake, load_settings(), meter, parse_day(day)).to_dicts()
    notes = [] if rows else [f"no statement has readings of {meter} on {day}"]
    columns = ["start", "interval_s", "kwh", "quality", "state", "file", "statement_id", "received_at"]
    # Energy is shown with all its digits: a table rounds.
    named = [{**row, "meter_id": meter, "start": row["timestamp"], "kwh": None if row["kwh"] is None else str(row["kwh"])} for row in rows]
    shown = in_zone(in_zone(named, zone_of_meter(lake), "start"), zone_of_root(lake), "received_at")
    Answer({"meter": meter, "day": day, "readings": rows}, shown, columns, title=f"{meter} on {day}", notes=notes).show(form, as_json)
