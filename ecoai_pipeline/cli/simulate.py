"""The command that makes a portfolio up: `simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.domain import Industry, MonthRange
from ecoai_pipeline.settings import load_settings

FORMATS = "kepco, kepco-cp949, table, table-parquet, greenbutton, lead, kpi or steel"


def simulate(
    out: Annotated[Path | None, typer.Option(help="Folder for the files; else simulated under the root.", show_default=False)] = None,
    industry: Annotated[list[str] | None, typer.Option(help="Industry, repeatable; else all eight.", show_default=False)] = None,
    meters: Annotated[int, typer.Option(min=1, help="Meters per industry.")] = 3,
    months: Annotated[str, typer.Option(help="Months, as 2025-01..2025-04.")] = "2025-01..2025-04",
    interval: Annotated[int, typer.Option(help="Length of an interval, seconds: whole minutes that divide the day.")] = 900,
    seed: Annotated[int, typer.Option(help="Equal seed, equal files.")] = 0,
    written_as: Annotated[str, typer.Option("--as", help=f"Format of the files: {FORMATS}.")] = "kepco",
    faults: Annotated[
        str | None, typer.Option(help="Faults to put in: v1 (standard), v2 (other shapes) or a YAML file.", show_default=False)
    ] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Write the files of a made-up portfolio as a provider would send them, with faults in them and a record of the faults."""
    from ecoai_pipeline.sources.simulation.plan import find_plan
    from ecoai_pipeline.sources.simulation.simulator import simulate as run

    industries = [Industry.parse(name) for name in industry] if industry else list(Industry)
    folder = out or load_settings().root / "simulated"
    with progress_bar() as steps:
        steps.start("simulating", 1)
        made = run(
            folder,
            industries=industries,
            meters_per_industry=meters,
            months=MonthRange.parse(months),
            interval_s=interval,
            seed=seed,
            written_as=written_as,
            plan=find_plan(faults) if faults else None,
        )
    files = [{"file": str(path), "bytes": path.stat().st_size} for path in made.files]
    records = {"registry": made.registry, "truth": made.truth, "maintenance": made.maintenance}
    document = {"folder": str(folder), "files": files, **{name: str(path) for name, path in records.items()}}
    notes = [
        f"registry: {made.registry}",
        f"truth of the faults: {made.truth}",
        f"planned stops, which are no faults: {made.maintenance}",
        f"next: ecoai ingest {folder} --meters {made.registry}",
    ]
    Answer(document, files, notes=notes).show(form, as_json)
