"""Commands that look: `events`, `status` and `ui`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.next_step import next_step
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, in_zone
from ecoai_pipeline.cli.pipeline import the_lake, zone_of_meter, zone_of_root
from ecoai_pipeline.cli.stop import run_to_the_end
from ecoai_pipeline.domain import ANOMALIES, Industry, Month, MonthRange

if TYPE_CHECKING:
    import polars as pl

    from ecoai_pipeline.detection.revisions import Revision
    from ecoai_pipeline.storage.lake import Lake

EVENT_COLUMNS = (
    "event", "meter_id", "start", "duration", "kind", "excess_kwh", "cost", "severity", "status", "category", "confidence", "restated"
)  # fmt: skip
_SHORTEST_ID = 6


def events(
    industry: Annotated[str | None, typer.Option(help="One industry; else all.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option(help="Only events that end after this day began at their meter.", show_default=False)] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """The events found so far, one row each, whatever months they touch."""
    from ecoai_pipeline.cli.nights import parse_day

    chosen = Industry.parse(industry) if industry else None
    lake = the_lake()
    rows = event_rows(lake, industry=chosen, since=parse_day(since) if since else None)
    notes = [f"{len(rows)} events"] + (["`ecoai explain EVENT` says why one was found"] if rows else next_step(lake.root).lines())
    Answer({"events": rows}, shown_events(lake, rows), EVENT_COLUMNS, title="events", notes=notes).show(form, as_json)


def revisions(
    industry: Annotated[str | None, typer.Option(help="One industry; else all.", show_default=False)] = None,
    months: Annotated[str | None, typer.Option(help="Only revisions of months A..B.", show_default=False)] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Events that were lost, gained or changed when their month was made again, and why."""
    from ecoai_pipeline.detection.revisions import revisions_ledger

    chosen, span = Industry.parse(industry) if industry else None, MonthRange.parse(months) if months else None
    lake = the_lake()
    entries = [entry for _, entry in revisions_ledger(lake).read() if chosen in (None, entry.industry)]
    entries = [entry for entry in entries if span is None or span.first <= Month.parse(entry.month) <= span.last]
    rows = [row for entry in entries for row in _revised_rows(entry)]
    columns = ("revised_at", "month", "what", "meter_id", "start", "kind", "before_kwh", "after_kwh", "because", "received", "withdrawn")
    document = {"revisions": [entry.model_dump(mode="json") for entry in entries]}
    shown = in_zone(in_zone(rows, zone_of_meter(lake), "start"), zone_of_root(lake), "revised_at")
    Answer(document, shown, columns, title="revised events", notes=[f"{len(entries)} revisions"]).show(form, as_json)


def _revised_rows(revision: Revision) -> Iterator[dict[str, Any]]:
    because = {"because": revision.because, "received": revision.received, "withdrawn": revision.withdrawn}
    head = {"revised_at": revision.revised_at, "industry": revision.industry.value, "month": revision.month}
    for what in ("lost", "gained", "changed"):
        yield from ({**head, "what": what, **event.model_dump(mode="python"), **because} for event in getattr(revision, what))


def event_rows(lake: Lake, *, industry: Industry | None = None, since: date | None = None) -> list[dict[str, Any]]:
    """Events as rows, the parts of one event merged; `since` leaves out those that ended before that local day of their meter."""
    from ecoai_pipeline.detection.anomalies import merged_events

    frame = merged_events(lake, [industry] if industry else list(Industry))
    return with_durations(ending_after(lake, frame, since) if since else frame)


def ending_after(lake: Lake, rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """Rows (`meter_id`, `end`) that end after a day began, on the clock of their meter."""
    import polars as pl

    from ecoai_pipeline.detection.due import day_bounds

    zone = zone_of_meter(lake)
    begins = [day_bounds(day, zone({"meter_id": meter_id}))[0] for meter_id in rows["meter_id"]]
    return rows.filter(pl.col("end") > pl.Series(begins, dtype=pl.Datetime("us", "UTC")))


def with_durations(frame: pl.DataFrame) -> list[dict[str, Any]]:
    rows = frame.sort("start", "meter_id").to_dicts()
    return [{**row, "duration": row["end"] - row["start"]} for row in rows]


def shown_events(lake: Lake, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events as a table shows them: in the time of their meters, and with as much of the id as `ecoai explain` needs."""
    if not rows:
        return []
    length = shortest_prefix(lake.scan(ANOMALIES, lake.partitions(ANOMALIES)).select("event_id").collect()["event_id"].to_list())
    named = [{"event": row["event_id"][:length], **row} for row in rows]
    return in_zone(named, zone_of_meter(lake), "start", "end")


def shortest_prefix(ids: Sequence[str]) -> int:
    """How many characters of the ids tell them apart, at least six.

    >>> shortest_prefix(["a1b2c3d4e5", "a1b2c3d9e5"]), shortest_prefix(["a1b2c3d4e5"])
    (8, 6)
    """
    ordered = sorted(set(ids))
    alike = [next(n for n in range(len(one) + 1) if one[n : n + 1] != other[n : n + 1]) + 1 for one, other in pairwise(ordered)]
    return max([_SHORTEST_ID, *alike])


def ui(
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Dagster's web server and daemon on this project and root; ends with Ctrl-C."""
    from ecoai_pipeline.defs.home import ENVIRONMENT
    from ecoai_pipeline.defs.runs import prepare_home

    root = the_lake().root.resolve()
    environment = {**ENVIRONMENT, **os.environ, "DAGSTER_HOME": str(prepare_home(root).resolve()), "ECOAI_ROOT": str(root)}
    command = [sys.executable, "-m", "dagster", "dev", "-m", "ecoai_pipeline.definitions", "-h", host, "-p", str(port)]
    raise typer.Exit(run_to_the_end(command, environment))
