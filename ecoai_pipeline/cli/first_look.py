"""A first look at files of one's own, in one command: `try`."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecoai_pipeline.cli.next_step import program
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.cli.pipeline import NothingToTrainError, new_lake, run_backfill, train_all
from ecoai_pipeline.cli.readings import ingest_paths, options_of
from ecoai_pipeline.cli.views import EVENT_COLUMNS, event_rows, shown_events
from ecoai_pipeline.domain import SCORES, VALIDATED_READINGS, Category, Industry, Month, MonthRange, Partition
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    pass

MOST_TRAINED, MOST_SCORED = 12, 6
"""Months that a first look trains on and looks for events in at most: a year knows the seasons, and both take about a minute."""
_EVENTS_SHOWN = 15


@dataclass(frozen=True)
class Plan:
    """The months that a first look trains on and those it looks for events in, and a remark about them."""

    train: MonthRange
    score: MonthRange
    remark: str

    @classmethod
    def of(cls, months: Collection[Month]) -> Plan:
        """The last third of the months is looked at, at most six; the year before it is trained on.

        >>> plan = Plan.of([Month(2018, month) for month in range(1, 13)])
        >>> str(plan.train), str(plan.score)
        ('2018-01..2018-08', '2018-09..2018-12')
        >>> Plan.of([Month(2018, 1)]).remark
        'there is one month only: events are found by a model that has seen them, so treat them as examples'
        """
        present = sorted(months)
        if len(present) == 1:
            whole = MonthRange(present[0], present[0])
            remark = "there is one month only: events are found by a model that has seen them, so treat them as examples"
            return cls(whole, whole, remark)
        scored = present[-min(MOST_SCORED, max(1, len(present) // 3)) :]
        trained = [month for month in present if month < scored[0]][-MOST_TRAINED:]
        train, score = MonthRange(trained[0], trained[-1]), MonthRange(scored[0], scored[-1])
        remark = f"trained on {train}, looked for events in {score}"
        return cls(train, score, remark + ("" if len(trained) > 2 else "; with more months before them, events are more reliable"))

    def needs(self, month: Month) -> bool:
        return self.train.first <= month <= self.train.last or self.score.first <= month <= self.score.last


def first_look(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.")],
    columns: Annotated[
        str | None, typer.Option(help="Mapping: a YAML file, or meter=@filename,timestamp=…,kwh=….", show_default=False)
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of the stamps.", show_default=False)] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of the values; else what the format says.", show_default=False)] = None,
    industry: Annotated[str | None, typer.Option(help="Industry of all meters in the files.", show_default=False)] = None,
    source: Annotated[str | None, typer.Option(help="Format of the files; else recognised by content.", show_default=False)] = None,
    meters: Annotated[Path | None, typer.Option(help="Meter registry, CSV.", show_default=False)] = None,
    flow: Annotated[str | None, typer.Option(help="Green Button: apart or net.", show_default=False)] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign: , or .; else as the whole column shows.", show_default=False)] = None,
    missing: Annotated[str | None, typer.Option(help="Values of missing readings: -999|n/a; none: no value.", show_default=False)] = None,
    skip_rows: Annotated[int | None, typer.Option(help="Lines above the header, where it is not found.", show_default=False)] = None,
    header_row: Annotated[int | None, typer.Option(help="Line of the header; 0: there is none.", show_default=False)] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook.", show_default=False)] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a text.", show_default=False)] = None,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser, where there is one.")] = True,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """A first look at readings of yours: understand the files, train on the first months, find the events of the last ones, open a page.

    Everything is written into a folder of its own, which stays: --root, else a new one among the temporary files.
    """
    options = options_of(
        source=source, industry=industry, zone=zone, unit=unit, columns=columns, flow=flow,
        decimal=decimal, missing=missing, skip_rows=skip_rows, header_row=header_row, sheet=sheet, encoding=encoding,
    )  # fmt: skip
    root = _scratch(context.find_root().params.get("root"), paths)
    with progress_bar() as steps:
        plans = list[Plan]()
        taken = ingest_paths(
            paths, options, meters, dry_run=False, steps=steps, explained=True, choose=lambda touched: _needed(touched, plans)
        )
        if not plans:
            taken.show(form, as_json)
            raise typer.Exit(1)
        remarks = _found(plans[0], steps)
        page = _page(plans[0], steps)
    answer = _answer(taken, plans[0], remarks, page, root)
    answer.show(form, as_json)
    if opens and page:
        _open(page)


def _scratch(root: Path | None, paths: Iterable[Path]) -> Path:
    """The folder to work in. One that holds other readings already is no place for a try.

    Raises:
        typer.BadParameter: the named folder holds readings of other files.
    """
    from ecoai_pipeline.storage.landing import Landing

    chosen = root or Path(tempfile.mkdtemp(prefix="ecoai-try-"))
    os.environ["ECOAI_ROOT"] = str(chosen)
    os.environ.pop("DAGSTER_HOME", None)  # its records are its own as well
    names = {file.name for path in paths for file in ([path] if path.is_file() else path.rglob("*"))}
    if root and any(statement.file not in names for statement in Landing(new_lake()).in_force()):
        raise typer.BadParameter(f"{root} holds other readings; leave --root away, or name a new folder")
    return chosen


def _needed(touched: set[Partition], plans: list[Plan]) -> set[Partition]:
    """The partitions that the first look needs, by a plan that is put into `plans`."""
    if not touched:
        return touched
    plans.append(Plan.of({partition.month for partition in touched}))
    return {partition for partition in touched if plans[0].needs(partition.month)}


def _found(plan: Plan, steps: Steps) -> list[str]:
    """Train and look for events; what a person must know of how that went."""
    lake = new_lake()
    try:
        train_all(None, None, plan.train, steps)
    except NothingToTrainError as error:
        return [f"no events were looked for: {error}"]
    industries = [one for one in Industry if any(plan.needs(month) for month in lake.months(VALIDATED_READINGS, one))]
    run_backfill(plan.score, industries, steps)
    return [plan.remark]


def _page(plan: Plan, steps: Steps) -> Path | None:
    """Write the pages about the months looked at, and return that of the newest one with events; without scores that on data quality."""
    from ecoai_pipeline.reporting.data_quality import KIND
    from ecoai_pipeline.reporting.night.contents import About
    from ecoai_pipeline.reporting.night.write import write_page

    lake, settings = new_lake(), load_settings()
    scored = [Partition(industry, month) for month in plan.score for industry in Industry]
    scored = [partition for partition in scored if lake.info(SCORES, partition).rows]
    steps.start("pages", len(scored))
    best, quietest = None, None
    for partition in scored:
        contents, places = write_page(lake, settings, About(partition.month, None, partition.industry), datetime.now(UTC))
        quietest = places["en"]
        best = places["en"] if contents.alarms.shown else best
        steps.done(str(partition))
    quality = [lake.report(KIND, partition) for partition in lake.partitions(VALIDATED_READINGS)]
    return best or quietest or next((path for path in reversed(quality) if path.exists()), None)


def _answer(taken: Answer, plan: Plan, remarks: list[str], page: Path | None, root: Path) -> Answer:
    lake = new_lake()
    rows = [row for row in event_rows(lake) if row["category"] == Category.ENERGY]
    others = len(event_rows(lake)) - len(rows)
    worst = sorted(sorted(rows, key=lambda row: -(row["severity"] or 0))[:_EVENTS_SHOWN], key=lambda row: (row["start"], row["meter_id"]))
    ecoai = program(root)
    more = f", the {len(worst)} most severe above" if len(worst) < len(rows) else ""
    notes = [*taken.notes, *remarks, f"{len(rows)} energy events{more}; {others} events about the data"]
    notes += [f"page: {page}"] if page else []
    notes += [
        f"why an event was found: {ecoai} explain EVENT",
        f"all events:             {ecoai} events",
        f"the runs in Dagster:    {ecoai} ui",
        f"everything lies in {root}; remove that folder when you are done",
    ]
    document = {
        "root": str(root),
        "files": taken.document["files"],
        "trained": str(plan.train),
        "looked_at": str(plan.score),
        "remarks": remarks,
        "events": rows,
        "page": str(page) if page else None,
    }
    return Answer(document, shown_events(lake, worst), EVENT_COLUMNS, title="events", notes=notes)


def _open(page: Path) -> None:
    """Open the page where a person sits before a screen; elsewhere its path has been printed."""
    has_screen = sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if sys.stdout.isatty() and has_screen:
        webbrowser.open(page.absolute().as_uri())
