"""The data-quality report as a page: one file that opens offline, on a telephone too, and names no other place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ecoai_pipeline.domain import Partition
from ecoai_pipeline.escape import html as escape
from ecoai_pipeline.quality.report import PartitionQuality, QualityReport, quality_report
from ecoai_pipeline.quality.rules import MEANINGS, DayRule, Rule
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

KIND = "quality"
_NAMED = 20
_GOOD, _POOR = 0.99, 0.9  # completeness from which a day is green, and below which it is red
_STYLE = """
:root{--ink:#1c2733;--grey:#65717e;--line:#dde2e7;--paper:#fff;--back:#f4f6f8;--good:#3c8c5a;--fair:#d39a00;--poor:#c0392b}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf0;--grey:#9aa7b4;--line:#34404c;--paper:#1b232b;--back:#12181e}}
*{box-sizing:border-box}
body{margin:0;padding:1rem;background:var(--back);color:var(--ink);
 font:15px/1.45 system-ui,"Noto Sans KR","Apple SD Gothic Neo","Malgun Gothic",NanumGothic,sans-serif}
main{max-width:62rem;margin:auto}
h1{font-size:1.35rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:0 0 .6rem}h3{font-size:.95rem;margin:1.2rem 0 .3rem}
section{background:var(--paper);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}
.grey{color:var(--grey)}p{margin:.2rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(7.6rem,1fr));gap:.5rem}
.tile{border:1px solid var(--line);border-radius:.5rem;padding:.45rem .6rem}
.tile b{display:block;font-size:1.15rem;font-variant-numeric:tabular-nums}.tile span{color:var(--grey);font-size:.82rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.28rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--grey);font-weight:600}td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.id{min-width:7rem;overflow-wrap:anywhere}
svg{width:100%;height:4.8rem;display:block}
.ends{display:flex;justify-content:space-between;color:var(--grey);font-size:.8rem}
.good{fill:var(--good)}.fair{fill:var(--fair)}.poor{fill:var(--poor)}.rest{fill:var(--line)}
"""


def write_reports(lake: Lake, settings: Settings, partitions: Iterable[Partition], now: datetime) -> dict[Partition, str]:
    """Write the page of each partition beside the tables; returns where they lie."""
    report, places, registry = quality_report(lake, settings, partitions, now), {}, MeterRegistry(lake)
    for one in report.partitions:
        place = lake.report(KIND, one.partition)
        zone = registry.common_zone(registry.of(one.partition.industry, one.partition.month))
        write_text(place, report_page(QualityReport([one], {}, now), zone))
        places[one.partition] = str(place)
    return places


def report_page(report: QualityReport, zone: str) -> str:
    """The page of a report; times stand in `zone`."""
    names = ", ".join(str(one.partition) for one in report.partitions[:3]) + (" …" if len(report.partitions) > 3 else "")
    title = f"Data quality: {names or 'no readings'}"
    overview = [_overview(report)] if len(report.partitions) > 1 or report.unassigned else []
    sections = [*overview, *(_section(one, zone) for one in report.partitions)]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f'<p class="grey">as of {_clock(report.as_of, zone)} {escape(zone)}</p>{"".join(sections)}</main></body></html>\n'
    )


def _overview(report: QualityReport) -> str:
    columns = ("industry", "month", "meters", "readings", "completeness", "suspect", "quarantined", "missing_days", "late_meters")
    rows = [one.row() for one in report.partitions]
    unassigned = _named_table("Quarantined rows that name no month or no known meter", "reason", report.unassigned, {})
    return f"<section><h2>Months</h2>{_table(columns, rows)}{unassigned}</section>"


def _section(one: PartitionQuality, zone: str) -> str:
    rules, days = one.summary.get("suspect_by_rule", {}), one.summary.get("days_by_rule", {})
    meanings = {rule.value: meaning for rule, meaning in MEANINGS.items()}
    found = {**rules, **days}
    order = [*(rule.value for rule in (*Rule, *DayRule)), *found]  # what sources said of readings comes last
    by_rule = {rule: found[rule] for rule in order if found.get(rule)}
    late = [
        {"meter": m.meter_id, "read until": _clock(m.reached, zone), "due until": _clock(m.due, zone)} for m in one.arrival.late[:_NAMED]
    ]
    failed = [
        {"expectation": f["meaning"], "failed": f["unexpected"], "of": f["checked"], "meters": _named(f["meters"], f["meters_failed"])}
        for f in one.failed
    ]
    worst = [
        {name: m[name] for name in ("meter_id", "sound", "completeness", "missing", "suspect", "missing_day")}
        for m in one.summary.get("worst_meters", [])
    ]
    parts = [
        _tiles(one),
        _bars(one.days),
        _named_table("Suspicious, by rule", "rule", by_rule, meanings),
        _named_table("Quarantined, by reason", "reason", one.quarantined, {}),
        _titled("Worst meters", worst, note="sound: share of what was expected that came and is believed"),
        _titled("Late", late, more=len(one.arrival.late) - _NAMED),
        _titled("Silent all month", [{"meter": name} for name in one.silent[:_NAMED]], more=len(one.silent) - _NAMED),
        _titled("Expectations that failed", failed),
    ]
    return f"<section><h2>{escape(str(one.partition))}</h2>{''.join(parts)}</section>"


def _tiles(one: PartitionQuality) -> str:
    row = one.row()
    shown = ("completeness", "meters", "readings", "measured", "estimated", "missing", "suspect", "restated", "quarantined")
    more = ("missing_days", "intervals_changed", "silent_meters", "late_meters", "pending_meters")
    tiles = [f"<div class=tile><b>{_value(name, row.get(name, 0))}</b><span>{name.replace('_', ' ')}</span></div>" for name in shown + more]
    return f"<div class=tiles>{''.join(tiles)}</div>"


def _bars(days: Sequence[Mapping[str, Any]]) -> str:
    """Completeness by day, a bar each."""
    if not days:
        return ""
    step = 310 / max(len(days), 1)
    bars = "".join(_bar(day, n * step, step * 0.8) for n, day in enumerate(days))
    ends = f"<div class=ends><span>{days[0]['day']}</span><span>{days[-1]['day']}</span></div>"
    return f'<h3>Readings that came, by day</h3><svg viewBox="0 0 310 76" preserveAspectRatio="none" role="img">{bars}</svg>{ends}'


def _bar(day: Mapping[str, Any], x: float, width: float) -> str:
    share = min(max(float(day["completeness"]), 0.0), 1.0)
    kind = "good" if share >= _GOOD else "fair" if share >= _POOR else "poor"
    told = f"<title>{day['day']}: {share:.1%}, {day['missing']} missing, {day['suspect']} suspect</title>"
    full = f'<rect class="rest" x="{x:.1f}" y="0" width="{width:.1f}" height="76"/>'
    return f'<g>{told}{full}<rect class="{kind}" x="{x:.1f}" y="{76 * (1 - share):.1f}" width="{width:.1f}" height="{76 * share:.1f}"/></g>'


def _named_table(title: str, what: str, counts: Mapping[str, int], meanings: Mapping[str, str]) -> str:
    rows = [{what: name, "count": count, **({"meaning": meanings[name]} if name in meanings else {})} for name, count in counts.items()]
    return _titled(title, rows)


def _titled(title: str, rows: Sequence[Mapping[str, Any]], *, note: str = "", more: int = 0) -> str:
    if not rows:
        return ""
    below = [note] * bool(note) + [f"and {more} more"] * (more > 0)
    return f"<h3>{escape(title)}</h3>{_table(tuple(rows[0]), rows)}" + "".join(f'<p class="grey">{escape(text)}</p>' for text in below)


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    numeric = {name for name in columns if all(isinstance(row.get(name), int | float | None) for row in rows)}
    head = "".join(f"<th{' class=n' if name in numeric else ''}>{escape(name.replace('_', ' '))}</th>" for name in columns)
    body = "".join("<tr>" + "".join(_cell(name, row.get(name), name in numeric) for name in columns) + "</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(name: str, value: Any, numeric: bool) -> str:
    kind = " class=n" if numeric else " class=id" if name in ("meter", "meter_id", "meters") else ""
    return f"<td{kind}>{_value(name, value)}</td>"


def _value(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name in ("completeness", "sound"):
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _named(meters: Sequence[str], count: int) -> str:
    return ", ".join(meters) + (f" and {count - len(meters)} more" if count > len(meters) else "")


def _clock(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
