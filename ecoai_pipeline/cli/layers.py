"""Commands that DVC's stages run, and people who want one layer made: `land` and `materialize`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ecoai_pipeline.cli.nights import MODEL_HELP, chosen_model
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.cli.pipeline import materialize, the_lake
from ecoai_pipeline.domain import NIGHT_ASSETS
from ecoai_pipeline.settings import load_settings


def land(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Land the files that have come to rest in the inbox; `materialize raw_readings` makes readings of them."""
    from ecoai_pipeline.sources.inbox import Fate, land_inbox
    from ecoai_pipeline.versioning.stages import make_folders

    lake = the_lake()
    make_folders(lake.root)
    landed = land_inbox(lake, load_settings())
    rows = [one.summary() for one in landed]
    left = sum(one.fate is Fate.LEFT for one in landed)
    Answer({"files": rows}, rows, title="inbox", notes=[f"{len(landed) - left} files landed, {left} left for the next time"]).show(
        form, as_json
    )
    raise typer.Exit(1 if left else 0)


def materialize_layers(
    layers: Annotated[list[str], typer.Argument(help=f"Of {', '.join(NIGHT_ASSETS)}.")],
    model: Annotated[str | None, typer.Option(help=MODEL_HELP, show_default=False)] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Make layers for all months there are readings of; partitions whose inputs, parameters and code are unchanged stay."""
    unknown = [layer for layer in layers if layer not in NIGHT_ASSETS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no layer; there are {', '.join(NIGHT_ASSETS)}")
    with progress_bar() as steps:
        done = materialize([name for name in NIGHT_ASSETS if name in layers], steps, chosen_model(model)[1])
    outcomes: dict[str, dict[str, Any]] = {}
    for made in done:
        row = outcomes.setdefault(made.asset, {"layer": made.asset, "partitions": 0, "written": 0, "unchanged": 0, "up to date": 0})
        row["partitions"] += 1
        row[made.metadata["outcome"]] += 1
    Answer({"layers": list(outcomes.values())}, list(outcomes.values()), title="layers").show(form, as_json)
