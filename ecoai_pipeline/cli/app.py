"""The commands assembled, and how an error is reported: one sentence for people, one JSON document for programs."""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ecoai_pipeline.cli import (
    bench,
    demo,
    evaluate,
    explain,
    first_look,
    formats,
    layers,
    meters,
    models,
    nights,
    quality,
    readings,
    reports,
    simulate,
    statements,
    status,
    versions,
    views,
)
from ecoai_pipeline.cli.next_step import suggest
from ecoai_pipeline.cli.output import Format, VisibleLines, print_error
from ecoai_pipeline.cli.pipeline import COMMAND
from ecoai_pipeline.cli.stop import EXIT_CODE
from ecoai_pipeline.faults import explained

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Anomalies in the electricity readings of industrial meters: files in, last night's events out.",
)

app.command()(simulate.simulate)
app.command()(readings.ingest)
app.command()(formats.formats)
app.command("try")(first_look.first_look)
app.command()(layers.land)
app.command("materialize")(layers.materialize_layers)
app.command()(nights.train)
app.command()(nights.nightly)
app.command()(nights.backfill)
app.command()(views.events)
app.command()(explain.explain)
app.command()(reports.report)
app.command()(views.revisions)
app.command()(status.status)
app.command()(quality.quality)
app.command()(views.ui)
app.command()(demo.demo)
app.add_typer(meters.app, name="meters")
app.add_typer(statements.app, name="statements")
app.add_typer(statements.readings, name="readings")
app.add_typer(models.app, name="models")
app.add_typer(versions.app, name="versions")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    root: Annotated[Path | None, typer.Option(help="Root of the lake; else ECOAI_ROOT, else data.", show_default=False)] = None,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and end.", is_eager=True)] = False,
) -> None:
    COMMAND.set(context.invoked_subcommand or "ecoai")
    if version:
        typer.echo(f"ecoai {installed_version('ecoai-pipeline')}")
        raise typer.Exit
    if root is not None:
        os.environ["ECOAI_ROOT"] = str(root)
    if context.invoked_subcommand is None:
        suggest()


def root_first(arguments: list[str]) -> list[str]:
    """The arguments with --root before the command, where the parser looks for it; people write it behind as well.

    >>> root_first(["events", "--root", "lake", "--json"]), root_first(["events", "--root=lake"])
    (['--root', 'lake', 'events', '--json'], ['--root=lake', 'events'])
    """
    for place, argument in enumerate(arguments):
        if argument == "--":
            break
        length = 2 if argument == "--root" else 1 if argument.startswith("--root=") else 0
        if length:
            return [*arguments[place : place + length], *arguments[:place], *arguments[place + length :]]
    return arguments


def run(arguments: list[str]) -> int:
    """Run a command; what went wrong is one sentence on stderr, or `{"error": …}` on stdout where JSON was asked for.

    Returns:
        the exit code: 0, 1 for an error, 2 for a wrong call, 130 where the user ended it.
    """
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(VisibleLines("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[lines])
    asked = Format.asked_for(arguments)
    try:
        code = app(root_first(arguments), standalone_mode=False)
    except TyperException as error:
        print_error(error.format_message(), asked)
        return int(error.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        if os.environ.get("ECOAI_TRACEBACK"):
            raise
        print_error(explained(error), asked)
        return 1
    if code == EXIT_CODE:  # typer turns Ctrl-C into this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0
