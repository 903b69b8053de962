"""Commands that compute: `train`, `nightly` and `backfill`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.cli.pipeline import record, run_backfill, run_night, the_lake, train_all, walk_forward
from ecoai_pipeline.cli.views import EVENT_COLUMNS, shown_events, with_durations
from ecoai_pipeline.domain import NIGHT_ASSETS, VALIDATED_READINGS, Industry, Month, MonthRange, Resolution
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

    from ecoai_pipeline.defs.runs import Materialized
    from ecoai_pipeline.storage.lake import Lake

MODEL_HELP = "`champion`: that of each month as of now; or a version. Else a month that was scored keeps the model it had."
IndustryOption = Annotated[str | None, typer.Option("--industry", help="One industry; else all.", show_default=False)]


def train(
    industry: IndustryOption = None,
    resolution: Annotated[Resolution | None, typer.Option(help="One resolution; else all present.", show_default=False)] = None,
    months: Annotated[
        str | None, typer.Option(help="Months A..B; else all up to the start of the last one present.", show_default=False)
    ] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Fit and calibrate the detectors of each industry and resolution; the models are champions unless they are worse than those in use."""
    chosen = Industry.parse(industry) if industry else None
    span = MonthRange.parse(months) if months else None
    with progress_bar() as steps:
        trained = train_all(chosen, resolution, span, steps)
        recorded = record(steps)
    columns = ["industry", "resolution", "months", "meters", "chosen", "version", "outcome", "standing"]
    refused = [entry for entry in trained if entry.get("standing") == "refused"]
    told = [f"{entry['industry']} {entry['resolution']}: refused, {entry['because']}" for entry in refused]
    rows = [{**entry, "chosen": entry.get("backtest", {}).get("chosen")} for entry in trained]
    Answer({"models": trained}, rows, columns, title="models", notes=[*told, *recorded]).show(form, as_json)


def nightly(
    day: Annotated[
        str | None, typer.Option("--date", help="The day, as 2022-03-31; else each meter's yesterday.", show_default=False)
    ] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """The nightly run of a day: its month for each industry and every month whose inputs changed; prints the day's events."""
    import polars as pl

    asked, lake = parse_day(day) if day else None, the_lake()
    nights = _nights(lake, asked)
    with progress_bar() as steps:
        done = [one for night in nights for one in run_night(night, steps)]
        recorded = record(steps)
    events = with_durations(pl.concat([_events(lake, night, zones) for night, zones in nights.items()]))
    tables, days = _tables(done), " and ".join(map(str, nights))
    document = {"date": max(nights), "nights": {str(night): sorted(zones) for night, zones in nights.items()}, "industries": tables}
    notes = [*(_without_readings(tables, night) for night in nights), f"{len(events)} events touch {days}", *recorded]
    if len(nights) > 1:
        notes += [f"{night}: {', '.join(sorted(zones))}" for night, zones in nights.items()]
    shown = [note for note in notes if note]
    Answer({**document, "events": events}, shown_events(lake, events), EVENT_COLUMNS, title=f"events of {days}", notes=shown).show(
        form, as_json
    )


def _nights(lake: Lake, asked: date | None) -> dict[date, set[str]]:
    """The days to run and their time zones: the day asked for in those where it has begun, else yesterday of each zone.

    Raises:
        typer.BadParameter: the day has come nowhere yet.
    """
    from ecoai_pipeline.detection.due import DAY, last_day
    from ecoai_pipeline.storage.registry import MeterRegistry

    now = datetime.now(UTC)
    yesterday = {zone: last_day(zone, now) for zone in MeterRegistry(lake).zones() or {load_settings().time_zone}}
    if asked is None:
        return {night: {zone for zone, day in yesterday.items() if day == night} for night in sorted(set(yesterday.values()))}
    begun = {zone for zone, day in yesterday.items() if asked <= day + DAY}
    if not begun:
        raise typer.BadParameter(f"{asked} has not come yet; the newest night is {max(yesterday.values())}")
    return {asked: begun}


def _events(lake: Lake, night: date, zones: set[str]) -> pl.DataFrame:
    """Events that touch a day, of the meters in some time zones."""
    import polars as pl

    from ecoai_pipeline.detection.night import events_of_day
    from ecoai_pipeline.storage.registry import MeterRegistry

    registry, found = MeterRegistry(lake), []
    for industry in Industry:
        meters = registry.of(industry, Month.of(night))
        own = {meter_id: meter for meter_id, meter in meters.items() if meter.time_zone in zones}
        found.append(events_of_day(lake, industry, night, own))
    return pl.concat(found)


def backfill(
    months: Annotated[str, typer.Option(help="Months A..B, both included.")],
    industry: IndustryOption = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP, show_default=False)] = None,
    forward: Annotated[bool, typer.Option("--walk-forward", help="Train on what lies before each month, then score it.")] = False,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """All tables of past months, one run per industry; months after them follow as far as their inputs changed."""
    if model and forward:
        raise typer.BadParameter("--walk-forward trains the model of each month; leave --model away")
    span, lake = MonthRange.parse(months), the_lake()
    chosen, choice = chosen_model(model)
    industries = [Industry.parse(industry)] if industry else [one for one in chosen if lake.months(VALIDATED_READINGS, one)]
    if not industries:
        raise ValueError("there are no readings yet; bring some in with `ecoai ingest`")
    with progress_bar() as steps:
        done = walk_forward(span, industries, steps) if forward else run_backfill(span, industries, steps, choice)
        recorded = record(steps)
    rows = _tables(done)
    Answer({"months": str(span), "industries": rows}, rows, title=f"backfill of {span}", notes=recorded).show(form, as_json)


def chosen_model(model: str | None) -> tuple[list[Industry], dict[str, str]]:
    """The industries that a model can score, and how the asset `scores` is told of it."""
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    if model in (None, "champion"):
        return list(Industry), {"model": model} if model else {}
    found = ModelRegistry(the_lake()).find(str(model))
    return [found.industry], {"model": found.version}


def parse_day(text: str) -> date:
    """Read a day.

    Raises:
        typer.BadParameter: the text is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write it as 2022-03-31") from None


def _tables(done: list[Materialized]) -> list[dict[str, Any]]:
    """One row per industry: the rows of each table, how many partitions were written, and the seconds they took."""
    rows: dict[str, dict[str, Any]] = {}
    for made in (one for one in done if one.asset in NIGHT_ASSETS):
        industry = made.partition.split("|")[0]
        row = rows.setdefault(industry, {"industry": industry, **dict.fromkeys(NIGHT_ASSETS, 0), "written": 0, "seconds": 0.0})
        row[made.asset] += made.metadata["dagster/row_count"]
        row["written"] += made.metadata["outcome"] == "written"
        row["seconds"] = round(row["seconds"] + made.metadata["seconds"], 2)
    return [rows[industry.value] for industry in Industry if industry.value in rows]


def _without_readings(tables: list[dict[str, Any]], night: date) -> str:
    empty = [row["industry"] for row in tables if row["raw_readings"] == 0]
    return f"no readings in {night:%Y-%m}: {', '.join(empty)}" if empty else ""
