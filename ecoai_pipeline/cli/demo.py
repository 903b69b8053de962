"""The whole way on a made-up portfolio, in one command: what `make demo` runs."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.cli.pipeline import new_lake, run_night, the_lake, train_all, zone_of_root
from ecoai_pipeline.cli.readings import ingest_paths
from ecoai_pipeline.cli.views import EVENT_COLUMNS, ending_after, event_rows, shown_events
from ecoai_pipeline.domain import SCORES, Category, EventStatus, Industry, Month, MonthRange, Partition
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

    from ecoai_pipeline.sources.simulation.simulator import Simulation
    from ecoai_pipeline.storage.lake import Lake

MONTHS = MonthRange(Month(2025, 1), Month(2025, 4))
SEED = 58
"""Of a portfolio with an outage that goes on when the last night ends."""


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
        night = MONTHS.last.next.first_day - timedelta(days=2)
        run_night(night, steps)
    _answer(root, made, night, meters).show(form, as_json)


def _bring_in(root: Path, meters: int, steps: Steps) -> Simulation:
    """Simulate, and ingest all but the last day."""
    from ecoai_pipeline.sources.ingest import IngestOptions
    from ecoai_pipeline.sources.simulation.simulator import simulate

    steps.start("simulating", 1)
    folder = root / "simulated"
    made = simulate(
        folder, industries=list(Industry), meters_per_industry=meters, months=MONTHS, seed=SEED, last_day_apart=folder / "last_day"
    )
    ingest_paths(list(made.files), IngestOptions(), made.registry, dry_run=False, steps=steps)
    return made


def _answer(root: Path, made: Simulation, night: date, meters: int) -> Answer:
    """The events of the night's month beside what had been put in."""
    import polars as pl

    month, lake = Month.of(night), the_lake()
    rows = [row for row in event_rows(lake, since=month.first_day) if row["category"] == Category.ENERGY]
    rows.sort(key=lambda row: (row["status"] != EventStatus.ONGOING, -row["severity"]))
    utc = pl.Datetime("us", "UTC")
    schema = {"event_id": pl.String(), "meter_id": pl.String(), "start": utc, "end": utc}
    events = pl.DataFrame([[row[name] for name in schema] for row in rows], schema, orient="row")
    figures = _figures(lake, made, events, night, meters)
    notes = [
        f"{_stake(rows)}; {ending_after(lake, events, night).height} events touch the last night, {night}",
        "{found} of {faults} faults injected in {month} were found, {findable} could be by someone who knows them; "
        "{false_alarms} of {alarms} alarms were false, {false_alarms_in_planned_stops} of them in planned stops".format(**figures),
        f"found by kind:  {_shares(figures['by_kind'], '{kind}')}",
        f"found by depth: {_shares(figures['by_depth'], '{least:.1f} to {most:.1f}')}",
        f"the page about {night}: {lake.night_report(night, None, 'en')}",
        f"the same on your screen: ecoai --root {root} ui   (Dagster on http://127.0.0.1:3000)",
        f"the events again:        ecoai --root {root} events --since {month.first_day}",
        f"the day after:           ecoai --root {root} ingest {root / 'simulated' / 'last_day'}, then ecoai --root {root} nightly",
    ]
    title = f"events of {month}, open ones first, then by severity"
    return Answer({**figures, "events": rows}, shown_events(lake, rows), EVENT_COLUMNS, title=title, notes=notes)


def _figures(lake: Lake, made: Simulation, events: pl.DataFrame, night: date, meters: int) -> dict[str, Any]:
    """Counts of the faults put in up to a night and of the events of its month, JSON-able."""
    import polars as pl

    from ecoai_pipeline.detection.due import day_bounds
    from ecoai_pipeline.evaluation.matching import during, match_events, read_faults, read_stops

    month, end = Month.of(night), day_bounds(night, zone_of_root(lake))[1]
    faults = ending_after(lake, read_faults(made.truth), month.first_day).filter(pl.col("start") < end)
    matched = match_events(events, faults)
    return {
        "month": str(month),
        "faults": faults.height,
        "found": matched.found.height,
        "findable": _findable(lake, faults, month, meters),
        "alarms": events.height,
        "false_alarms": matched.false_alarms.height,
        "false_alarms_in_planned_stops": during(matched.false_alarms, read_stops(made.maintenance)).height,
        "by_kind": matched.per_kind.to_dicts(),
        "by_depth": matched.per_depth.to_dicts(),
    }


def _stake(events: list[dict[str, Any]]) -> str:
    """What the events are about in sum: energy above and below the expected one, and the cost of the former."""
    import polars as pl

    from ecoai_pipeline.detection.anomalies import costs

    more, less = (sum(max(sign * (row["excess_kwh"] or 0), 0) for row in events) for sign in (1, -1))
    priced = pl.DataFrame([(row["cost"], row["currency"]) for row in events], {"cost": pl.Float64, "currency": pl.String}, orient="row")
    paid = " and ".join(f"{cost:,.0f} {currency}" for currency, cost in costs(priced.filter(pl.col("cost") > 0)).items())
    return f"{len(events)} events: {more:,.0f} kWh more than expected{f', worth {paid},' if paid else ''} and {less:,.0f} kWh less"


def _findable(lake: Lake, faults: pl.DataFrame, month: Month, meters: int) -> int:
    """How many of the faults a clairvoyant would find at as few false alarms (`evaluation.limit`), by the load expected that night."""
    import polars as pl

    from ecoai_pipeline.evaluation.limit import findable
    from ecoai_pipeline.features.load import load_series
    from ecoai_pipeline.sources.simulation.plan import standard_plan
    from ecoai_pipeline.sources.simulation.simulator import blocks

    months, none, count = MonthRange(month, month), standard_plan().model_copy(update={"share": 0.0}), 0
    budget = load_settings().detection.budget_per_meter_month
    for industry in Industry:
        clean = {
            meter: kwh.ravel()
            for block in blocks(industry, meters=meters, months=months, seed=SEED, plan=none)
            for meter, kwh in zip(block.meters, block.kwh, strict=True)
        }
        scores = lake.read(SCORES, Partition(industry, month)).sort("meter_id", "timestamp")
        for series in load_series(lake, industry, months):
            own = faults.filter(pl.col("meter_id") == series.meter_id)
            if own.height:
                without = replace(series, kwh=clean[series.meter_id][: len(series)])
                count += sum(findable(scores.filter(pl.col("meter_id") == series.meter_id), without, series, own, budget))
    return count


def _shares(counts: list[dict[str, Any]], name: str) -> str:
    """Faults found of those there are, as `surge 1 of 2, …`; `name` is a template of a row."""
    return ", ".join(f"{name.format(**row)} {row['found']} of {row['faults']}" for row in counts)
