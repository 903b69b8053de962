"""How good the readings are: `quality`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption
from ecoai_pipeline.cli.pipeline import the_lake
from ecoai_pipeline.domain import Industry, MonthRange
from ecoai_pipeline.settings import load_settings

COLUMNS = ("industry", "month", "meters", "readings", "completeness", "estimated", "missing", "suspect", "restated", "quarantined")
MORE_COLUMNS = ("missing_days", "silent_meters", "late_meters")


def quality(
    months: Annotated[str | None, typer.Option("--months", "--month", help="Months A..B, or one; else all.", show_default=False)] = None,
    industry: Annotated[str | None, typer.Option(help="One industry; else all.", show_default=False)] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page to this file, too.", show_default=False)] = None,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """How complete and believable the readings are, by industry and month; what was quarantined, what is late, and which meters."""
    from ecoai_pipeline.quality.report import chosen_partitions, quality_report
    from ecoai_pipeline.reporting.data_quality import report_page
    from ecoai_pipeline.storage.atomic import write_text
    from ecoai_pipeline.storage.registry import MeterRegistry

    lake, settings = the_lake(), load_settings()
    span = MonthRange.parse(months) if months else None
    partitions = chosen_partitions(lake, Industry.parse(industry) if industry else None, span)
    report = quality_report(lake, settings, partitions, datetime.now(UTC))
    rows = [one.row() for one in report.partitions]
    document = {
        "as_of": report.as_of,
        "partitions": [one.document() for one in report.partitions],
        "quarantined_unassigned": dict(report.unassigned),
    }
    notes = [
        f"{one.partition}: {count:,} x {rule}"
        for one in report.partitions
        for rule, count in one.summary.get("suspect_by_rule", {}).items()
    ]
    notes += [
        f"quarantined in {one.partition}: {count:,} x {reason}" for one in report.partitions for reason, count in one.quarantined.items()
    ]
    notes += [f"quarantined, of no month or no known meter: {count:,} x {reason}" for reason, count in report.unassigned.items()]
    if html:
        registry = MeterRegistry(lake)
        write_text(html, report_page(report, registry.common_zone(registry)))
        notes.append(f"page: {html}")
    if not rows:
        notes.append("no readings there")
    Answer(document, rows, (*COLUMNS, *MORE_COLUMNS), title="data quality", notes=notes).show(form, as_json)
