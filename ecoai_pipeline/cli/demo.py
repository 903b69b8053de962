"""The whole way on a made-up portfolio, in one command: what `make demo` runs."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.cli.pipeline import run_night, the_lake, train_all
from ecoai_pipeline.cli.readings import ingest_paths
from ecoai_pipeline.cli.views import EVENT_COLUMNS, event_rows
from ecoai_pipeline.domain import Category, Industry, Month, MonthRange
from ecoai_pipeline.settings import load_settings

MONTHS = MonthRange(Month(2025, 1), Month(2025, 4))
SEED = 0


def demo(
    meters: Annotated[int, typer.Option(min=1, help="Meters per industry.")] = 3,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Simulate a portfolio with recorded faults, run everything up to the last night, and count what was found."""
    root = the_lake().root / "demo"
    os.environ["ECOAI_ROOT"] = str(root)
    with progress_bar() as steps:
        truth = _bring_in(root, meters, steps)
        train_all(None, None, None, steps)
        night = MONTHS.last.next.first_day - timedelta(days=1)
        run_night(night, steps)
    answer = _answer(root, truth, night)
    answer.show(form, as_json)


def _bring_in(root: Path, meters: int, steps: Steps) -> Path:
    """Simulate and ingest; returns the record of the injected faults."""
    from ecoai_pipeline.sources.ingest import IngestOptions
    from ecoai_pipeline.sources.simulation.simulator import simulate

    steps.start("simulating", 1)
    made = simulate(root / "simulated", industries=list(Industry), meters_per_industry=meters, months=MONTHS, seed=SEED)
    ingest_paths(list(made.files), IngestOptions(), made.registry, dry_run=False, steps=steps)
    return made.truth


def _answer(root: Path, truth: Path, night: date) -> Answer:
    import polars as pl

    from ecoai_pipeline.evaluation.matching import match_events, read_faults

    lake = the_lake()
    month, zone = Month.of(night), load_settings().time_zone
    rows = [row for row in event_rows(lake, since=month.first_day) if row["category"] == Category.ENERGY]
    faults = read_faults(truth).filter(pl.col("end").dt.convert_time_zone(zone).dt.date() >= month.first_day)
    matched = match_events(pl.DataFrame(rows, infer_schema_length=None), faults)
    tonight = [row for row in rows if row["end"].date() >= night]
    meters = len({row["meter_id"] for row in rows} | set(faults["meter_id"]))
    figures: dict[str, Any] = {
        "month": str(month),
        "faults": faults.height,
        "found": matched.found.height,
        "alarms": len(rows),
        "false_alarms": matched.false_alarms.height,
        "by_kind": matched.per_kind.to_dicts(),
        "by_depth": matched.per_depth.to_dicts(),
    }
    notes = [
        f"{matched.found.height} of {faults.height} faults injected in {month} were found; "
        f"{matched.false_alarms.height} of {len(rows)} alarms were false; {len(tonight)} events touch the last night, {night}",
        f"the same on your screen: ecoai --root {root} ui   (Dagster on http://127.0.0.1:3000)",
        f"the events again:        ecoai --root {root} events --since {month.first_day}",
    ]
    return Answer({**figures, "meters": meters, "events": rows}, rows, EVENT_COLUMNS, title=f"events of {month}", notes=notes)
