"""The whole way on a made-up portfolio, in one command: what `make demo` runs."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.cli.pipeline import new_lake, run_night, the_lake, train_all
from ecoai_pipeline.cli.readings import ingest_paths
from ecoai_pipeline.cli.views import EVENT_COLUMNS, ending_after, event_rows, shown_events
from ecoai_pipeline.domain import Category, Industry, Month, MonthRange

if TYPE_CHECKING:
    import polars as pl

    from ecoai_pipeline.sources.simulation.simulator import Simulation

MONTHS = MonthRange(Month(2025, 1), Month(2025, 4))
SEED = 0


def demo(
    meters: Annotated[int, typer.Option(min=1, help="Meters per industry.")] = 3,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Simulate a portfolio with recorded faults, run everything up to the last night, and count what was found."""
    root = new_lake().root / "demo"
    os.environ["ECOAI_ROOT"] = str(root)
    with progress_bar() as steps:
        made = _bring_in(root, meters, steps)
        train_all(None, None, None, steps)
        night = MONTHS.last.next.first_day - timedelta(days=1)
        run_night(night, steps)
    _answer(root, made, night).show(form, as_json)


def _bring_in(root: Path, meters: int, steps: Steps) -> Simulation:
    """Simulate and ingest."""
    from ecoai_pipeline.sources.ingest import IngestOptions
    from ecoai_pipeline.sources.simulation.simulator import simulate

    steps.start("simulating", 1)
    made = simulate(root / "simulated", industries=list(Industry), meters_per_industry=meters, months=MONTHS, seed=SEED)
    ingest_paths(list(made.files), IngestOptions(), made.registry, dry_run=False, steps=steps)
    return made


def _answer(root: Path, made: Simulation, night: date) -> Answer:
    """The events of the night's month beside what had been put in."""
    import polars as pl

    from ecoai_pipeline.evaluation.matching import during, match_events, read_faults, read_stops

    month, lake = Month.of(night), the_lake()
    rows = [row for row in event_rows(lake, since=month.first_day) if row["category"] == Category.ENERGY]
    utc = pl.Datetime("us", "UTC")
    schema = {"event_id": pl.String(), "meter_id": pl.String(), "start": utc, "end": utc}
    events = pl.DataFrame([[row[name] for name in schema] for row in rows], schema, orient="row")
    faults = ending_after(lake, read_faults(made.truth), month.first_day)
    matched = match_events(events, faults)
    stopped = during(matched.false_alarms, read_stops(made.maintenance)).height
    figures: dict[str, Any] = {
        "month": str(month),
        "faults": faults.height,
        "found": matched.found.height,
        "alarms": len(rows),
        "false_alarms": matched.false_alarms.height,
        "false_alarms_in_planned_stops": stopped,
        "by_kind": matched.per_kind.to_dicts(),
        "by_depth": matched.per_depth.to_dicts(),
    }
    tonight = ending_after(lake, events, night).height
    notes = [
        f"{matched.found.height} of {faults.height} faults injected in {month} were found; {matched.false_alarms.height} of {len(rows)} "
        f"alarms were false, {stopped} of them in planned stops; {tonight} events touch the last night, {night}",
        f"found by kind:  {_shares(matched.per_kind, pl.col('kind'))}",
        f"found by depth: {_shares(matched.per_depth, pl.format('{} to {}', pl.col('least').round(1), pl.col('most').round(1)))}",
        f"the page about {night}: {lake.night_report(night, None, 'en')}",
        f"the same on your screen: ecoai --root {root} ui   (Dagster on http://127.0.0.1:3000)",
        f"the events again:        ecoai --root {root} events --since {month.first_day}",
    ]
    return Answer({**figures, "events": rows}, shown_events(lake, rows), EVENT_COLUMNS, title=f"events of {month}", notes=notes)


def _shares(counts: pl.DataFrame, name: pl.Expr) -> str:
    """Faults found of those there are, as `surge 1 of 2, …`."""
    return ", ".join(f"{what} {found} of {faults}" for what, found, faults in counts.select(name, "found", "faults").iter_rows())
