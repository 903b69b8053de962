"""Commands about models: which there are, which is in use, and changing that by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, in_zone, local_time, progress_bar
from ecoai_pipeline.cli.pipeline import decide, record, the_lake, zone_of_root
from ecoai_pipeline.domain import Industry, Month, Resolution

if TYPE_CHECKING:
    from ecoai_pipeline.storage.bundles import Bundles
    from ecoai_pipeline.storage.model_registry import ModelRecord

app = typer.Typer(no_args_is_help=True, help="Which models there are, which one is in use, and changing that.")

Version = Annotated[str, typer.Argument(help="Version of a model, or how it starts.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the registry.")]
LISTED = ("version", "industry", "resolution", "standing", "meters", "trained", "since", "average_precision", "reason")


@app.command("list")
def listing(form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """All models with what each is now: champion, challenger, refused or withdrawn; `in use` scores the newest months.

    The average precision is that on the faults of a model's own backtest, of other data for each; how two compare, the reason says.
    """
    from ecoai_pipeline.storage.bundles import Bundles
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    lake = the_lake()
    registry, bundles = ModelRegistry(lake), Bundles(lake)
    models = [one for industry in Industry for resolution in Resolution for one in registry.models(industry, resolution)]
    newest = {champion.version for one in models if (champion := registry.newest(one.industry, one.resolution))}
    said = {one.version: {"in_use": one.version in newest, "average_precision": _reached(bundles, one)} for one in models}
    rows = [{**_row(one, in_use=one.version in newest), **said[one.version]} for one in models]
    document = {"models": [{**one.model_dump(mode="json"), **said[one.version]} for one in models]}
    Answer(
        document, in_zone(rows, zone_of_root(lake), "since"), LISTED, title="models", notes=[f"{len(rows)} models, {len(newest)} in use"]
    ).show(form, as_json)


@app.command()
def show(version: Version, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """The card of a model, and what was decided of it when."""
    from ecoai_pipeline.detection.model import card_of, metrics_of
    from ecoai_pipeline.storage.bundles import Bundles
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    lake = the_lake()
    registry, bundles = ModelRegistry(lake), Bundles(lake)
    found = registry.find(version)
    entries = [one for one in registry.entries() if one.version == found.version]
    history = [f"{local_time(one.at, zone_of_root(lake))} {one.standing}: {one.reason or 'entered'}" for one in entries]
    document = {
        "model": found.model_dump(mode="json"),
        "history": [one.model_dump(mode="json") for one in entries],
        "metrics": metrics_of(bundles, found.industry, found.resolution, found.version),
        "card": card_of(bundles, found),
    }
    rows = [{"member": name, "version": member} for name, member in found.members.items()]
    Answer(document, rows, title=found.version, notes=[document["card"], *history]).show(form, as_json)  # type: ignore[list-item]


@app.command()
def promote(version: Version, reason: Reason, form: FormatOption = Format.TABLE, as_json: JsonOption = False) -> None:
    """Make a model champion by hand. Months that were scored keep their models until a backfill with --model."""
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    found = ModelRegistry(the_lake()).find(version)
    _decided(found, {"promote": found.version, "reason": reason}, form, as_json)


@app.command()
def rollback(
    industry: Annotated[str, typer.Argument(help="Industry.")],
    resolution: Annotated[Resolution, typer.Argument(help="Resolution.")],
    reason: Reason,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Take the newest champion out of use: the one before it is champion again. Months that were scored keep their models."""
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    registry, of = ModelRegistry(the_lake()), Industry.parse(industry)
    champion = registry.newest(of, resolution)
    if champion is None:
        raise ValueError(f"{of} {resolution} has no model; train one first: ecoai train --industry {of}")
    _decided(champion, {"roll_back": True, "reason": reason}, form, as_json)


def _decided(about: ModelRecord, decision: dict[str, Any], form: Format, as_json: bool) -> None:
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    with progress_bar() as steps:
        decide(about.industry, about.resolution, steps, **decision)
        recorded = record(steps)
    registry = ModelRegistry(the_lake())
    champion = registry.newest(about.industry, about.resolution)
    now = registry.find(about.version)
    notes = [f"{now.version} is {now.standing}: {now.reason}"]
    notes += [f"{champion.version} scores new months of {about.industry} {about.resolution}"] if champion else []
    notes.append("months that were scored keep their models; `ecoai backfill --model champion` scores them anew")
    document = {"model": now.model_dump(mode="json"), "in_use": champion.version if champion else None}
    Answer(document, notes=[*notes, *recorded]).show(form, as_json)


def _reached(bundles: Bundles, one: ModelRecord) -> float | None:
    """What a model reached in its own backtest; None where nothing could be judged, or its bundle cannot be opened."""
    from ecoai_pipeline.detection.model import metrics_of
    from ecoai_pipeline.storage.bundles import BundleError

    try:
        backtest = metrics_of(bundles, one.industry, one.resolution, one.version)["backtest"]
    except BundleError:
        return None
    reached: float | None = backtest["average_precision"][backtest["chosen"]]
    return reached


def _row(one: ModelRecord, *, in_use: bool) -> dict[str, Any]:
    until = Month.parse(one.trained_until).previous
    standing = f"{one.standing}, in use" if in_use else one.standing.value
    return {**one.model_dump(), "trained": f"{one.trained_from}..{until}", "standing": standing, "since": one.at}
