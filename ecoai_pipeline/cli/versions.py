"""Commands about versions: `ecoai versions …`, and those that the stages of DVC run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, in_zone, local_time, progress_bar
from ecoai_pipeline.cli.pipeline import new_lake, record, the_lake, zone_of_meter, zone_of_root

if TYPE_CHECKING:
    from ecoai_pipeline.versioning.snapshots import Snapshot

app = typer.Typer(no_args_is_help=True, help="Which data and which model made a number, and having it again.")

Name = Annotated[str, typer.Argument(help="Name or number of a snapshot; `last` is the newest.")]


@app.command()
def init(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Make the root a git and DVC repository of its own; nothing happens where it is one, or where it is the project's `data`."""
    from ecoai_pipeline.versioning.repository import init as make

    made = make(new_lake().root)
    notes = [f"{made.root} is versioned in {made.top}; `ecoai versions snapshot` records it, nights and backfills do so by themselves"]
    Answer({"root": str(made.root), "repository": str(made.top)}, notes=notes).show(form, as_json)


@app.command()
def snapshot(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Record every table and bundle in DVC, with the runs, code and parameters that made them."""
    from ecoai_pipeline.versioning.repository import Repository
    from ecoai_pipeline.versioning.snapshots import find

    lake = the_lake()
    Repository.of(lake.root)  # says how to make it one
    with progress_bar() as steps:
        notes = record(steps)
    taken = find(lake, "last")
    Answer(taken.model_dump(mode="json"), _outs(taken), title=taken.name, notes=notes).show(form, as_json)


@app.command("list")
def listing(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """All snapshots, oldest first."""
    from ecoai_pipeline.versioning.snapshots import snapshots

    lake = the_lake()
    entries = snapshots(lake)
    rows = [
        {
            "name": entry.name,
            "at": entry.at,
            "runs": len(entry.runs),
            "code": entry.code[:12],
            "parameters": entry.params[:12],
            "partitions": entry.partitions,
            "bytes": sum(out.size for out in entry.outs.values()),
        }
        for entry in entries
    ]
    document = {"snapshots": [entry.model_dump(mode="json") for entry in entries]}
    Answer(document, in_zone(rows, zone_of_root(lake), "at"), title="snapshots", notes=[f"{len(rows)} snapshots"]).show(form, as_json)


@app.command()
def show(name: Name, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """One snapshot: run, code, parameters, and the hash of each folder as DVC knows it."""
    from ecoai_pipeline.versioning.snapshots import find

    lake = the_lake()
    found = find(lake, name)
    notes = [f"taken {local_time(found.at, zone_of_root(lake))} by run {found.run_id}, code {found.code}, parameters {found.params[:12]}"]
    notes += [f"run {run}: {made}" for run, made in found.runs.items()]
    notes += [f"instead of params.yaml: {name}={value}" for name, value in found.overrides.items()]
    Answer(found.model_dump(mode="json"), _outs(found), title=found.name, notes=notes).show(form, as_json)


@app.command()
def diff(before: Name, after: Name, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """What changed from one snapshot to another: rows by partition, and the events gained and lost, one by one."""
    from dataclasses import asdict

    from ecoai_pipeline.versioning.snapshots import difference, find

    lake = the_lake()
    one, other = find(lake, before), find(lake, after)
    found = difference(lake, one, other)
    events = [{"what": what, **row} for what in ("gained", "lost", "changed") for row in getattr(found, what).to_dicts()]
    document = {"from": one.name, "to": other.name, "tables": [asdict(change) for change in found.tables], "events": events}
    zone = zone_of_meter(lake)
    notes = [
        f"{event['what']}: {event['meter_id']} {event['kind']}, "
        f"{local_time(event['start'], zone(event))} to {local_time(event['end'], zone(event))}"
        for event in events
    ]
    counts = ", ".join(f"{len(getattr(found, what))} {what}" for what in ("gained", "lost", "changed"))
    notes.append(f"{len(found.tables)} partitions differ; events: {counts}")
    Answer(document, document["tables"], title=f"{one.name} to {other.name}", notes=notes).show(form, as_json)  # type: ignore[arg-type]


@app.command()
def restore(name: Name, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Bring tables, landed files, ledgers and models back to a snapshot; what was said when stays in the ledgers."""
    from ecoai_pipeline.versioning.repository import Repository, code_revision
    from ecoai_pipeline.versioning.snapshots import params_digest
    from ecoai_pipeline.versioning.snapshots import restore as bring_back

    lake = the_lake()
    found = bring_back(lake, name)
    repository = Repository.of(lake.root)
    taken = local_time(found.at, zone_of_root(lake))
    notes = [f"the root is as it was at {found.name}, {taken}; a run with the same code and parameters keeps it so"]
    if found.code != code_revision():
        notes.append(f"the code of then was another one: git checkout {found.code.removesuffix('+changes')} in the project")
    if found.params != params_digest(repository):
        notes.append(f"the parameters of then were others: git -C {repository.top} show ecoai/{found.name}:params.yaml")
    Answer({"restored": found.name, "code": found.code, "parameters": found.params}, notes=notes).show(form, as_json)


@app.command()
def push(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Copy the files of all snapshots to DVC's default remote; `git push` takes their tags along."""
    from ecoai_pipeline.versioning.snapshots import push as copy

    copied = copy(the_lake())
    Answer({"files": copied}, notes=[f"{copied} files copied to the remote; it has all snapshots"]).show(form, as_json)


@app.command()
def measure(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Write the figures that DVC compares between versions: alarms per meter, and what the backtests of the models found."""
    from ecoai_pipeline.versioning.snapshots import measure as write

    document, counts = write(the_lake())
    Answer(document, counts.to_dicts(), title="energy events per meter").show(form, as_json)


def _outs(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [{"what": name, **out.model_dump()} for name, out in snapshot.outs.items()]
