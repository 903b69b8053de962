"""Commands about versions: `ecoai versions …`, and those that the stages of DVC run."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption
from ecoai_pipeline.cli.pipeline import the_lake

app = typer.Typer(no_args_is_help=True, help="Which data and which model made a number, and having it again.")

Name = Annotated[str, typer.Argument(help="Name or number of a snapshot; `last` is the newest.")]


@app.command()
def init(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Make the root a git and DVC repository of its own; nothing happens where it is one, or where it is the project's `data`."""
    from ecoai_pipeline.versioning.repository import init as make

    made = make(the_lake().root)
    notes = [f"{made.root} is versioned in {made.top}; `ecoai versions snapshot` records it, nights and backfills do so by themselves"]
    Answer({"root": str(made.root), "repository": str(made.top)}, notes=notes).show(form, as_json)


@app.command()
def snapshot(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Record every table and bundle in DVC, with the run, code and parameters that made them."""
    from ecoai_pipeline.versioning.snapshots import take

    taken, new = take(the_lake(), f"cli-{uuid.uuid4().hex[:8]}")
    notes = [f"{taken.name}, taken {taken.at:%Y-%m-%d %H:%M} UTC" + ("" if new else ": nothing has changed since")]
    Answer({**taken.model_dump(mode="json"), "new": new}, _outs(taken.model_dump()), title=taken.name, notes=notes).show(form, as_json)


@app.command("list")
def listing(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """All snapshots, oldest first."""
    from ecoai_pipeline.versioning.snapshots import snapshots

    entries = [entry for _, entry in snapshots(the_lake()).read()]
    rows = [
        {
            "name": entry.name,
            "at": entry.at,
            "run_id": entry.run_id,
            "code": entry.code[:12],
            "partitions": sum(len(parts) for parts in entry.tables.values()),
            "bytes": sum(out.size for out in entry.outs.values()),
        }
        for entry in entries
    ]
    document = {"snapshots": [entry.model_dump(mode="json") for entry in entries]}
    Answer(document, rows, title="snapshots", notes=[f"{len(rows)} snapshots"]).show(form, as_json)


@app.command()
def show(name: Name, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """One snapshot: run, code, parameters, and the hash of each folder as DVC knows it."""
    from ecoai_pipeline.versioning.snapshots import find

    found = find(the_lake(), name)
    notes = [f"taken {found.at:%Y-%m-%d %H:%M} UTC by run {found.run_id}, code {found.code}, parameters {found.params[:12]}"]
    Answer(found.model_dump(mode="json"), _outs(found.model_dump()), title=found.name, notes=notes).show(form, as_json)


@app.command()
def diff(before: Name, after: Name, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """What changed from one snapshot to another: rows by partition, and the events gained and lost, one by one."""
    from dataclasses import asdict

    from ecoai_pipeline.versioning.snapshots import difference, find

    lake = the_lake()
    one, other = find(lake, before), find(lake, after)
    found = difference(lake, one, other)
    events = [{"what": what, **row} for what in ("gained", "lost") for row in getattr(found, what).to_dicts()]
    document = {"from": one.name, "to": other.name, "tables": [asdict(change) for change in found.tables], "events": events}
    notes = [
        f"{event['what']}: {event['meter_id']} {event['kind']} {event['start']:%Y-%m-%d %H:%M} to {event['end']:%Y-%m-%d %H:%M} UTC"
        for event in events
    ]
    notes.append(f"{len(found.tables)} partitions differ, {found.gained.height} events gained, {found.lost.height} lost")
    Answer(document, document["tables"], title=f"{one.name} to {other.name}", notes=notes).show(form, as_json)  # type: ignore[arg-type]


@app.command()
def restore(name: Name, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Bring tables, landed files, ledgers and models back to a snapshot; what was said when stays in the ledgers."""
    from ecoai_pipeline.versioning.snapshots import restore as bring_back

    found = bring_back(the_lake(), name)
    notes = [f"the root is as it was at {found.name}, {found.at:%Y-%m-%d %H:%M} UTC; the code that made it: {found.code}"]
    Answer({"restored": found.name, "code": found.code}, notes=notes).show(form, as_json)


@app.command()
def measure(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Write the figures that DVC compares between versions: alarms per meter, and what the backtests of the models found."""
    from ecoai_pipeline.versioning.snapshots import measure as write

    document, counts = write(the_lake())
    Answer(document, counts.to_dicts(), title="energy events per meter").show(form, as_json)


def _outs(snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"what": name, **out} for name, out in snapshot["outs"].items()]
