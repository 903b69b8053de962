"""The page itself: one file that opens offline, on paper and on a telephone, and names no other place but those beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.detection.explanation import Similar
from ecoai_pipeline.domain import EventStatus
from ecoai_pipeline.escape import html as escape
from ecoai_pipeline.features.calendar import holiday_name
from ecoai_pipeline.quality.report import PartitionQuality
from ecoai_pipeline.reporting.night.charts import calendar, hours, legend, load_chart, share_bars
from ecoai_pipeline.reporting.night.contents import Card, Contents, clock
from ecoai_pipeline.reporting.night.style import STYLE
from ecoai_pipeline.reporting.night.words import Words
from ecoai_pipeline.reporting.texts import Lang, Told, kind_name, length, number, percent, rules_in_words, signed, span, tell, weekday_name

Cell = tuple[str, str]  # HTML of a cell, and its class
_NAMED = 40


@dataclass(frozen=True)
class Link:
    """A page beside this one: its name, and where it lies as seen from here."""

    name: str
    place: str


def page(contents: Contents, lang: Lang, links: Sequence[Link]) -> str:
    """The whole page."""
    words, about = Words(lang), contents.about
    title = words("anomalies_of_night", day=about.day) if about.day else words("anomalies_of_month", month=about.month)
    whose = words.known(about.industry.value) if about.industry else words("portfolio")
    body = _body(contents, words) if contents.industries else f"<p class=box>{words('no_scores', month=about.month)}</p>"
    mixed = len(set(contents.zones.values())) > 1
    made = words("made_mixed" if mixed else "made", moment=clock(contents.made_at, contents.zone), zone=contents.zone)
    nav = "".join(f'<a href="{escape(link.place)}">{escape(link.name)}</a>' for link in links)
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(f"{whose}: {title}")}</title>'
        f'<style>{STYLE}</style></head><body><a class="skip" href="#events">{words("skip")}</a><main>'
        f'<h1>{escape(whose)}: {escape(title)}</h1><p class="grey small">{escape(made)}</p><nav>{nav}</nav>{body}</main></body></html>\n'
    )


def _body(contents: Contents, words: Words) -> str:
    parts = [
        _glance(contents, words),
        _events(contents, words),
        _data_events(contents, words),
        _calendars(contents, words),
        _pivot(contents, words),
        _figures(contents, words),
        _quality(contents.quality, words),
        _drift(contents.drift, words),
        _ran(contents, words),
        _versions(contents, words),
        _section(words("how_to_read"), f"<p>{escape(words('how_text'))}</p>"),
    ]
    return "".join(parts)


def _section(title: str, inside: str, name: str = "") -> str:
    return f"<section{f' id={name}' if name else ''}><h2>{escape(title)}</h2>{inside}</section>"


def _glance(contents: Contents, words: Words) -> str:
    alarms, stake, night = contents.alarms, contents.stake, contents.about.day is not None
    late = sum(len(one.arrival.late) for one in contents.quality)
    pending = sum(one.arrival.pending for one in contents.quality)
    budget = words("budget_night", count=number(alarms.per_night)) if night else words("budget", count=number(alarms.budget))
    whole, single = _drifted(contents.drift)
    tiles = [
        (f"{contents.meters:,}", words("meters"), words("late", count=late, pending=pending)),
        (f"{alarms.shown:,}", words("tonight" if night else "of_month"), f"{words('ongoing', count=alarms.ongoing)}; {budget}"),
        (f"{alarms.in_month:,}", f"{words('alarms')}, {words('so_far')}", words("budget", count=number(alarms.budget))),
        (number(stake.excess_kwh), words("excess"), _money("cost_more", stake.cost_more, words)),
        (number(stake.missing_kwh), words("missing"), _money("cost_less", stake.cost_less, words)),
        (_signed(stake.co2e_kg), words("co2e"), ""),
        (_completeness(contents.quality), words("completeness"), words("data_quality")),
        (str(whole), words("drifted_industries"), words("drifted_meters", count=single)),
    ]
    free = "".join(f"<p class=box>{escape(line)}</p>" for line in _free(contents, words))
    waiting = "".join(
        f"<p class='grey small'>{escape(words('pending_zone', count=count, zone=zone, day=contents.about.day))}</p>"
        for zone, count in sorted(contents.pending.items())
    )
    missing = "".join(f"<p class='grey small'>{escape(line)}</p>" for line in _unpriced(contents, words))
    return _section(words("glance"), f"{free}<div class=tiles>{''.join(_tile(*tile) for tile in tiles)}</div>{waiting}{missing}")


def _money(name: str, sums: Mapping[str, float], words: Words) -> str:
    """A sum per currency; sums of different currencies are never added."""
    return "; ".join(words(name, cost=number(cost), currency=currency) for currency, cost in sums.items())


def _unpriced(contents: Contents, words: Words) -> list[str]:
    """Whose cost and CO2e are unknown, and what to add; a meter without a country lacks both."""
    lines = []
    for (tariff, country), count in sorted(contents.unpriced.items(), key=str):
        if tariff is not None:
            lines.append(words("tariff_missing", count=count, tariff=tariff))
        elif country is not None:
            lines.append(words("no_tariff", count=count, country=country))
        else:
            lines.append(words("no_country", count=count))
    found = sorted((country, count) for country, count in contents.without_factor.items() if country is not None)
    return lines + [words("no_factor", count=count, country=country) for country, count in found]


def _free(contents: Contents, words: Words) -> list[str]:
    """The public holidays among the days that the page is about, a line each, with the countries and subdivisions that have them."""
    about = contents.about
    first = about.day or about.month.first_day
    where: dict[str, list[str]] = {}
    for day in (first + timedelta(days=k) for k in range((about.until - first).days + 1)):
        for place in contents.places:
            if name := holiday_name(place, day, words.lang):
                where.setdefault(f"{day}, {name}", []).append("-".join(filter(None, (place.country, place.subdivision))))
    return [words("holiday", day=day, places=", ".join(places)) for day, places in where.items()]


def _drifted(drift: pl.DataFrame) -> tuple[int, int]:
    """Industries whose meters together have drifted for weeks, and single meters that have."""
    if not drift.height:
        return 0, 0
    lasting, whole = drift.filter("sustained"), pl.col("meter_id") == "*"
    return lasting.filter(whole)["industry"].n_unique(), lasting.filter(~whole)["meter_id"].n_unique()


def _tile(value: str, name: str, note: str) -> str:
    return f"<div class=tile><b>{escape(value)}</b><span>{escape(name)}</span><span>{escape(note)}</span></div>"


def _completeness(quality: Sequence[PartitionQuality]) -> str:
    known = [(one.summary["completeness"], one.summary.get("rows", 0)) for one in quality if one.summary.get("completeness") is not None]
    rows = sum(count for _, count in known)
    return percent(sum(share * count for share, count in known) / rows) if rows else "–"


def _events(contents: Contents, words: Words) -> str:
    if not contents.cards:
        return _section(words("act_first"), f"<p class=box>{words('no_events')}</p>", "events")
    cards = "".join(_card(card, number + 1, contents, words) for number, card in enumerate(contents.cards))
    rest = ""
    if contents.rest.height:
        table = _event_table(contents.rest, contents, words)
        rest = f"<details class=box><summary>{words('more', count=contents.rest.height)}</summary>{table}</details>"
    return _section(words("act_first"), f"{_chart_legend(words)}{cards}{rest}", "events")


def _chart_legend(words: Words) -> str:
    marks = (("load", "actual"), ("expected", "expected"), ("band", "band"), ("mark", "event"))
    named = (f'<span><i style="background:var(--{colour})"></i>{words(name)}</span>' for colour, name in marks)
    return f"<p class=legend>{''.join(named)}</p>"


def _card(card: Card, place: int, contents: Contents, words: Words) -> str:
    event, lang = card.event, words.lang
    told = tell(event, lang, card.zone, card.place)
    chart = load_chart(card.explanation.load, (event["start"], event["end"]), card.zone, told.sentence, lang)
    of_site = "" if event["site"] == event["meter_id"] else f"; {words('rank', rank=event['rank'], site=event['site'])}"
    zone = contents.zone_note(event["meter_id"])
    whose = f"{words.known(event['industry'])}, {words.known(event['usage_type'])}{of_site}{'; ' if zone else ''}{zone}"
    return (
        f'<article class=card id="e{event["event_id"]}">'
        f"<header><span class=badge>{place}</span><h3>{escape(event['meter_id'])}</h3><span class=grey>{escape(whose)}</span></header>"
        f"<p>{escape(told.sentence)}</p>{_worth(event, words)}<div class=wide>{chart}</div>"
        f"<details><summary>{words('why')}, {words('details')}</summary>{_why(card, told, words)}</details>"
        f"{_similar(card, contents, words)}"
        f"<footer><span>{event['event_id']}</span><span>{escape(event['model_version'] or '–')}</span></footer></article>"
    )


def _worth(event: Mapping[str, Any], words: Words) -> str:
    figures = [
        (words("severity"), number(event["severity"])),
        (words("confidence"), percent(event["confidence"])),
        (words("excess" if (event["excess_kwh"] or 0) >= 0 else "missing"), _amount(event["excess_kwh"])),
        (words("cost"), _cost(event)),
        (words("co2e"), _signed(event["co2e_kg"])),
    ]
    return f"<div class=figures>{''.join(f'<span>{escape(name)} <b>{escape(value)}</b></span>' for name, value in figures)}</div>"


def _why(card: Card, told: Told, words: Words) -> str:
    """Details in words, and the shares of detectors, of the lengths they look at, and of the times of day."""
    details = "".join(f"<li>{escape(line)}</li>" for line in told.details)
    scales = {words("looks_at", hours=number(hours)): share for hours, share in card.explanation.by_scale.items()}
    times = {f"{moment.astimezone(ZoneInfo(card.zone)):%H:%M}": 0.0 for moment in card.explanation.by_hour}
    for moment, share in card.explanation.by_hour.items():
        times[f"{moment.astimezone(ZoneInfo(card.zone)):%H:%M}"] += share
    columns = "".join(share_bars(shares) for shares in (card.explanation.by_detector, scales, times))
    return f"<ul>{details}</ul><div class=grid2>{columns}</div>"


def _similar(card: Card, contents: Contents, words: Words) -> str:
    found = [*card.explanation.similar, *card.explanation.similar_peers]
    if not found:
        return ""
    lines = (_likeness(one, contents.zones.get(one.meter_id, card.zone), words) for one in found)
    return f"<p class='grey small'>{words('like')} {escape('; '.join(lines))}</p>"


def _likeness(one: Similar, zone: str, words: Words) -> str:
    excess = "" if one.excess_kwh is None else f", {_signed(one.excess_kwh)} kWh"
    told = f"{kind_name(one.kind, words.lang)}, {length(one.end - one.start, words.lang)}{excess}"
    return f"{one.start.astimezone(ZoneInfo(zone)):%Y-%m-%d} {one.meter_id} ({told})"


def _event_table(events: pl.DataFrame, contents: Contents, words: Words) -> str:
    head = ("meter", "industry", "kind", "began", "duration", "severity", "energy", "cost")
    rows = []
    for event in events.to_dicts():
        when = _when(event, contents, words)
        cells = [
            (escape(event["meter_id"]), "id"),
            (words.known(event["industry"]), ""),
            (kind_name(event["kind"], words.lang), ""),
            (when, ""),
            (length(event["end"] - event["start"], words.lang), "n"),
            (number(event["severity"]), "n"),
            (f"{_signed(event['excess_kwh'])} kWh", "n"),
            (escape(_cost(event)), "n"),
        ]
        rows.append(cells)
    return _table([words(name) for name in head], rows)


def _when(event: Mapping[str, Any], contents: Contents, words: Words) -> str:
    ongoing = event["status"] == EventStatus.ONGOING
    zone = contents.zone_note(event["meter_id"])
    told = span(event["start"], event["end"], words.lang, contents.zones[event["meter_id"]], ongoing=ongoing)
    return f"{told} {zone}".strip()


def _data_events(contents: Contents, words: Words) -> str:
    events = contents.data_events
    if not events.height:
        return _section(words("data_events"), f"<p class=box>{words('no_data_events')}</p>")
    rows = [
        [
            (escape(event["meter_id"]), "id"),
            (words.known(event["industry"]), ""),
            (kind_name(event["kind"], words.lang), ""),
            (_when(event, contents, words), ""),
            (length(event["end"] - event["start"], words.lang), "n"),
            (escape(rules_in_words(event["rule"], words.lang)) if event["rule"] else "–", ""),
            (event["event_id"], ""),
        ]
        for event in events.head(_NAMED).to_dicts()
    ]
    more = f"<p class=grey>{words('and_more', count=events.height - _NAMED)}</p>" if events.height > _NAMED else ""
    head = [words(name) for name in ("meter", "industry", "kind", "began", "duration", "rule", "event")]
    return _section(words("data_events"), f"<div class=box>{_table(head, rows)}{more}</div>")


def _calendars(contents: Contents, words: Words) -> str:
    if not contents.calendars:
        return ""
    boxes = "".join(
        f"<div class=box><h3>{escape(f'{one.meter_id} {contents.zone_note(one.meter_id)}'.strip())}</h3>"
        f"{calendar(one.ratio, one.events, one.meter_id, words.lang)}</div>"
        for one in contents.calendars
    )
    note = f"<p class='grey small'>{escape(words('calendar_note'))}</p><p class=legend>{legend()}</p>"
    return _section(words("calendar"), f"{note}<div class=grid2>{boxes}</div>")


def _pivot(contents: Contents, words: Words) -> str:
    """A row per industry, usage type and season; weekdays and weekends side by side."""
    figures = ("kwh", "alarms", "missing_kwh", "excess_kwh")
    kept = ("industry", "usage_type", "season")
    both = {(*(row[name] for name in kept), row["weekend"]): row for row in contents.pivot.to_dicts()}
    rows = [
        "".join(f"<th scope=row>{words.known(name)}</th>" for name in key)
        + "".join(_pivot_cells(both.get((*key, weekend)), figures) for weekend in (False, True))
        for key in dict.fromkeys(key[:3] for key in both)
    ]
    top = "".join(f"<th scope=col rowspan=2>{words(name)}</th>" for name in kept)
    top += "".join(f'<th scope=colgroup colspan=4 class="n">{words(name)}</th>' for name in ("weekday", "weekend"))
    below = "".join(f'<th scope=col class="n">{words(name)}</th>' for name in ("kwh", "alarms", "lost", "over") * 2)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    table = f"<div class=wide><table class=pivot><thead><tr>{top}</tr><tr>{below}</tr></thead><tbody>{body}</tbody></table></div>"
    note = f"<p class='grey small'>{escape(words('pivot_note', day=contents.about.until))}</p>"
    return _section(words("pivot"), f"{note}<div class=box>{table}</div>")


def _pivot_cells(row: Mapping[str, Any] | None, figures: Sequence[str]) -> str:
    values = ["–"] * len(figures) if row is None else [number(row[name]) if row[name] else "–" for name in figures]
    return "".join(f'<td class="n">{value}</td>' for value in values)


def _figures(contents: Contents, words: Words) -> str:
    """What the month's alarms have in common: when they begin, and which detectors speak."""
    if not contents.by_hour:
        return ""
    monday = contents.about.month.first_day - timedelta(days=contents.about.month.first_day.weekday())
    names = [weekday_name(monday + timedelta(days=n), words.lang) for n in range(7)]
    when = f"<div class=box><h3>{words('hours')}</h3>{hours(contents.by_hour, names, words('hours'))}</div>"
    who = f"<div class=box><h3>{words('who_speaks')}</h3>{share_bars(contents.by_detector)}</div>"
    return f'<section class="grid2 apart">{when}{who}</section>'


def _quality(quality: Sequence[PartitionQuality], words: Words) -> str:
    rows = []
    for one in quality:
        row = one.row()
        share = row["completeness"]
        cells: list[Cell] = [(words.known(row["industry"]), ""), ("–" if share is None else percent(share), "n")]
        counts = ("meters", "readings", "suspect", "quarantined", "silent_meters", "late_meters")
        rows.append(cells + [(f"{row[name]:,}", "n") for name in counts])
    head = ["industry", "completeness", "meters", "readings", "suspect", "quarantined", "silent"]
    return _section(
        words("data_quality").capitalize(), f"<div class=box>{_table([words(name) for name in (*head, 'late_meters')], rows)}</div>"
    )


def _drift(drift: pl.DataFrame, words: Words) -> str:
    if not drift.height:
        return _section(words("drift"), f"<p class=box>{words('no_drift')}</p>")
    rows = [
        [
            (words.known(row["industry"]), ""),
            (words("all_meters") if row["meter_id"] == "*" else escape(row["meter_id"]), "id"),
            (words.known(row["what"]), ""),
            (number(row["distance"]), "n"),
            (number(row["limit"]), "n"),
            (words("drifted") if row["drifted"] else "–", ""),
        ]
        for row in drift.sort(pl.col("meter_id") != "*", "distance", descending=[False, True], maintain_order=True).head(_NAMED).to_dicts()
    ]
    head = [words(name) for name in ("industry", "meter", "what", "distance", "limit", "drifted")]
    return _section(words("drift"), f"<p class='grey small'>{words('drift_note')}</p><div class=box>{_table(head, rows)}</div>")


def _ran(contents: Contents, words: Words) -> str:
    if not contents.ran:
        return ""
    rows: list[list[Cell]] = [
        [(escape(one.asset), ""), (escape(one.partition), ""), (escape(one.outcome), ""), (f"{one.seconds:,.2f}", "n")]
        for one in contents.ran
    ]
    whole = sum(one.seconds for one in contents.ran)
    head = [words(name) for name in ("asset", "partition", "outcome", "seconds")]
    summary = f"{len(rows)} × {words('partition')}, {whole:,.1f} {words('seconds')}"
    return _section(words("ran"), f"<details class=box><summary>{summary}</summary>{_table(head, rows)}</details>")


def _versions(contents: Contents, words: Words) -> str:
    models = sorted({version for one in contents.scored for version in one.models.values()})
    tariffs = sorted({card.event["tariff_version"] for card in contents.cards if card.event["tariff_version"]})
    line = words("version_line", model=", ".join(models) or "–", tariff=", ".join(tariffs) or "–")
    told = [(one, words("hindsight")) for one in contents.scored if one.hindsight]
    told += [(one, words("without_model", count=one.without_model)) for one in contents.scored if one.without_model]
    notes = [f"{words.known(one.industry.value)}: {text}" for one, text in told]
    return _section(words("versions"), "".join(f"<p>{escape(text)}</p>" for text in (line, *notes)))


def _table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    listed = list(rows)
    kinds = [kind for _, kind in listed[0]] if listed else [""] * len(head)
    top = "".join(f"<th scope=col{' class=n' if kind == 'n' else ''}>{escape(name)}</th>" for name, kind in zip(head, kinds, strict=True))
    body = "".join("<tr>" + "".join(f"<td{f' class={kind}' if kind else ''}>{text}</td>" for text, kind in row) + "</tr>" for row in listed)
    return f"<div class=wide><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _amount(value: float | None) -> str:
    return "–" if value is None else number(abs(value))


def _cost(event: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (_signed(event["cost"]), event["currency"])))


def _signed(value: float | None) -> str:
    return "–" if value is None else signed(value)
