"""The commands assembled, and how an error is told: one sentence for people, one JSON document for programs."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ecoai_pipeline.cli import (
    bench,
    demo,
    evaluate,
    explain,
    layers,
    meters,
    models,
    nights,
    quality,
    readings,
    reports,
    simulate,
    statements,
    versions,
    views,
)
from ecoai_pipeline.cli.output import Format, print_error
from ecoai_pipeline.cli.pipeline import COMMAND

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Anomalies in the electricity readings of industrial meters: files in, last night's events out.",
)

app.command()(simulate.simulate)
app.command()(readings.ingest)
app.command()(layers.land)
app.command("materialize")(layers.materialize_layers)
app.command()(nights.train)
app.command()(nights.nightly)
app.command()(nights.backfill)
app.command()(views.events)
app.command()(explain.explain)
app.command()(reports.report)
app.command()(views.revisions)
app.command()(views.status)
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


@app.callback()
def common(
    ctx: typer.Context,
    root: Annotated[Path | None, typer.Option(help="Root of the lake; else ECOAI_ROOT, else data.", show_default=False)] = None,
) -> None:
    COMMAND.set(ctx.invoked_subcommand or "ecoai")
    if root is not None:
        os.environ["ECOAI_ROOT"] = str(root)


def main() -> None:
    """Run a command; what went wrong is told on stderr, or as `{"error": …}` on stdout where JSON was asked for."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING, stream=sys.stderr)
    asked = Format.asked_for(sys.argv[1:])
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        print_error(error.format_message(), asked)
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    except Exception as error:
        if os.environ.get("ECOAI_TRACEBACK"):
            raise
        print_error(f"{error}" if str(error) else type(error).__name__, asked)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
