"""What can be read: `formats`. Everything is taken from the sources and the fields of the mapping themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption


def formats(
    name: Annotated[str | None, typer.Argument(help="A source, for its columns and options; else all.", show_default=False)] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """List the formats that are read; with a NAME its columns, and for `table` every key of --columns with an example."""
    from ecoai_pipeline.sources.catalog import SOURCES

    if name is None:
        rows = [{"source": one.name, "columns": one.about} for one in SOURCES]
        notes = ["`ecoai formats table` lists the keys of --columns; `ecoai ingest FILE --dry-run` shows how a file is understood"]
        Answer({"sources": rows}, rows, title="formats", notes=notes).show(form, as_json)
        return
    about = {one.name: one.about for one in SOURCES}
    if name not in about:
        raise typer.BadParameter(f"there is no source {name!r}; known are {', '.join(about)}")
    rows = _rows(name)
    columns = [column for column in ("name", "meaning", "example", "here") if rows and column in rows[0]]
    Answer({"source": name, "about": about[name], "keys": rows}, rows, columns, title=f"{name}: {about[name]}").show(form, as_json)


def _rows(name: str) -> list[dict[str, Any]]:
    """The keys of a mapping with their meaning, and an example or what the source sets them to."""
    from ecoai_pipeline.sources.catalog import keys, mapping_of
    from ecoai_pipeline.sources.table import TableSource

    if name == TableSource.name:
        return [{**asdict(key), "meaning": key.meaning + (" (needed)" if key.needed else "")} for key in keys()]
    mapping = mapping_of(name)
    values = mapping.model_dump(exclude_defaults=True) if mapping else {}
    return [{"name": key.name, "meaning": key.meaning, "here": values[key.name]} for key in keys() if key.name in values]
