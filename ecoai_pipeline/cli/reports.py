"""The pages about nights and months: `report`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.evaluate import Lang
from ecoai_pipeline.cli.nights import IndustryOption, parse_day
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.cli.pipeline import the_lake
from ecoai_pipeline.domain import SCORES, Industry, Month, Partition
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.reporting.night.contents import About


def report(
    day: Annotated[str | None, typer.Option("--date", help="A night, as 2022-03-31; else yesterday's.", show_default=False)] = None,
    month: Annotated[str | None, typer.Option(help="A month, as 2022-03, in place of a night.", show_default=False)] = None,
    industry: IndustryOption = None,
    lang: Annotated[Lang | None, typer.Option(help="One language; else both.", show_default=False)] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Write the pages about a night or a month again, from the tables as they are; says where they lie."""
    from ecoai_pipeline.defs.history import last_ran
    from ecoai_pipeline.defs.runs import instance_of
    from ecoai_pipeline.reporting.night.write import write_page
    from ecoai_pipeline.reporting.texts import LANGS
    from ecoai_pipeline.storage.registry import MeterRegistry

    if day and month:
        raise typer.BadParameter("a page is about a night or a month; leave --date or --month away")
    lake, settings, now = the_lake(), load_settings(), datetime.now(UTC)
    chosen = Industry.parse(industry) if industry else None
    pages = _months(month, chosen) if month else _nights(day, chosen, MeterRegistry(lake).zones() or {settings.time_zone}, now)
    rows, written, meters = list[dict[str, Any]](), list[Path](), 0
    with progress_bar() as steps, instance_of(settings.root) as instance:
        steps.start("pages", len(pages))
        for about in pages:
            ran = last_ran(instance, [about.industry] if about.industry else list(Industry), about.month)
            contents, places = write_page(lake, settings, about, now, ran, (lang.value,) if lang else LANGS, pages)
            meters += contents.meters
            named = about.industry.value if about.industry else "portfolio"
            figures = {"alarms": contents.alarms.shown, "data_events": contents.data_events.height}
            rows += [{"about": named, **figures, "lang": one, "page": str(path)} for one, path in places.items()]
            written += places.values()
            steps.done(named)
    notes = [] if meters else ["no industry has scores there; `ecoai status` shows what there is"]
    folder = os.path.commonpath([path.parent for path in written] or [lake.root])
    notes += [f"the files are in {folder}"] if written else []
    shown = [{**row, "file": os.path.relpath(path, folder)} for row, path in zip(rows, written, strict=True)]
    title, columns = f"pages about {month or pages[-1].day}", ("about", "alarms", "data_events", "lang", "file")
    Answer({"pages": rows}, shown, columns, title=title, notes=notes).show(form, as_json)


def _nights(day: str | None, industry: Industry | None, zones: set[str], now: datetime) -> list[About]:
    """The page of one industry, or that of the portfolio after those of its industries, which it links to; else of the newest day
    that is over in some zone."""
    from ecoai_pipeline.detection.due import last_day
    from ecoai_pipeline.reporting.night.contents import About

    night = parse_day(day) if day else max(last_day(zone, now) for zone in zones)
    month = Month.of(night)
    if industry:
        return [About(month, night, industry)]
    return [*(About(month, night, one) for one in _scored(month)), About(month, night, None)]


def _months(text: str, industry: Industry | None) -> list[About]:
    from ecoai_pipeline.reporting.night.contents import About

    month = Month.parse(text)
    return [About(month, None, one) for one in ([industry] if industry else _scored(month))]


def _scored(month: Month) -> list[Industry]:
    lake = the_lake()
    return [one for one in Industry if lake.info(SCORES, Partition(one, month)).rows]
