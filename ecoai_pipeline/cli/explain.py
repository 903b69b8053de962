"""Why an event was found, on the terminal: `explain`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ecoai_pipeline.cli.evaluate import Lang
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption
from ecoai_pipeline.cli.pipeline import the_lake
from ecoai_pipeline.domain import Industry, Month
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

    from ecoai_pipeline.detection.explanation import Explanation, Similar
    from ecoai_pipeline.features.calendar import Place
    from ecoai_pipeline.reporting.figures import Form
    from ecoai_pipeline.storage.lake import Lake

_BAR = 30
_TIMES_SHOWN = 12


def explain(
    event: Annotated[str, typer.Argument(help="Id of the event, or as much of it as no other has; `ecoai events` shows it.")],
    plot: Annotated[Path | None, typer.Option(help="Write its week as a picture to this file, .png or .svg.", show_default=False)] = None,
    lang: Annotated[Lang, typer.Option(help="Language of text and picture.")] = Lang.EN,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """What an event is, what it cost, which detectors, scales and hours raised it, and similar earlier events."""
    from ecoai_pipeline.detection.anomalies import merged_events
    from ecoai_pipeline.detection.explanation import explanations
    from ecoai_pipeline.domain import Category
    from ecoai_pipeline.reporting.texts import phrase, tell

    form_of_plot = _form(plot) if plot else None
    lake, settings = the_lake(), load_settings()
    events = merged_events(lake, list(Industry))
    row = found(events, event)
    place = _place(lake, row, settings.time_zone)
    zone = place.zone
    told = tell(row, lang.value, zone, place)
    explanation = explanations(lake, events.filter(event_id=row["event_id"]), events, zones={row["meter_id"]: zone})[row["event_id"]]
    rows = _contributions(explanation, zone, lang.value)
    notes = [f"{row['meter_id']}  {row['industry']}  {row['event_id']}  times in {zone}", told.sentence, *told.details]
    if row["category"] == Category.DATA_QUALITY:
        notes.append(phrase("by_rule", lang.value))
    notes += [phrase("like", lang.value, what=_like(one, zone, lang.value)) for one in (*explanation.similar, *explanation.similar_peers)]
    if plot and form_of_plot:
        labels = phrase("expected_load", lang.value), phrase("band", lang.value)
        _draw(plot, form_of_plot, explanation, row, f"{row['meter_id']}: {told.kind}", zone, labels)
        notes.append(f"picture: {plot}")
    document = {
        "event": row,
        "text": {"kind": told.kind, "headline": told.headline, "sentence": told.sentence, "details": told.details},
        "by_detector": explanation.by_detector,
        "by_scale_h": explanation.by_scale,
        "by_hour": {moment.isoformat(): share for moment, share in explanation.by_hour.items()},
        "similar": [vars(one) for one in explanation.similar],
        "similar_peers": [vars(one) for one in explanation.similar_peers],
        "load": explanation.load.to_dicts(),
    }
    Answer(document, rows, ("of", "what", "share", ""), title=phrase("shares", lang.value), notes=notes).show(form, as_json)


def found(events: pl.DataFrame, prefix: str) -> dict[str, Any]:
    """The one event whose id begins so.

    Raises:
        ValueError: none does, or several do; the message says which.
    """
    import polars as pl

    matching = events.filter(pl.col("event_id").str.starts_with(prefix.lower())) if prefix else events.clear()
    if matching.height == 1:
        return matching.row(0, named=True)
    if not matching.height:
        raise ValueError(f"there is no event {prefix!r}; `ecoai events` lists the events with their ids")
    some = ", ".join(f"{row['event_id']} ({row['meter_id']}, {row['kind']})" for row in matching.head(5).iter_rows(named=True))
    raise ValueError(f"{matching.height} events begin with {prefix!r}: {some}{' …' if matching.height > 5 else ''}; give more of the id")


def _place(lake: Lake, row: dict[str, Any], default: str) -> Place:
    from ecoai_pipeline.features.calendar import Place
    from ecoai_pipeline.storage.registry import MeterRegistry

    meter = MeterRegistry(lake).at(row["meter_id"], Month.of(row["end"].date()))
    return Place.of_meter(meter) if meter else Place.of(default)


def _contributions(explanation: Explanation, zone: str, lang: Literal["en", "ko"]) -> list[dict[str, Any]]:
    from ecoai_pipeline.reporting.texts import phrase

    scales = {f"{hours:g} h": share for hours, share in explanation.by_scale.items()}
    times = _strongest(explanation.by_hour, zone, lang)
    parts = {"detector": explanation.by_detector, "looks_at": scales, "hour": times}
    return [
        {"of": phrase(of, lang), "what": what, "share": round(share, 3), "": "█" * round(_BAR * share)}
        for of, shares in parts.items()
        for what, share in shares.items()
    ]


def _strongest(by_hour: Mapping[datetime, float], zone: str, lang: Literal["en", "ko"]) -> dict[str, float]:
    """The times of most evidence, in their order, and the others as one: an event of weeks has hundreds."""
    from zoneinfo import ZoneInfo

    from ecoai_pipeline.reporting.texts import day_and_time, phrase

    shown = sorted(sorted(by_hour, key=lambda moment: -by_hour[moment])[:_TIMES_SHOWN])
    # Where clocks go back, an hour comes twice.
    told = {moment: day_and_time(moment.astimezone(ZoneInfo(zone)), lang) for moment in shown}
    twice = {text for text in told.values() if list(told.values()).count(text) > 1}
    found = {f"{text} ({moment:%H:%M} UTC)" if text in twice else text: by_hour[moment] for moment, text in told.items()}
    rest = len(by_hour) - len(shown)
    return {**found, phrase("other_hours", lang, count=str(rest)): sum(by_hour.values()) - sum(found.values())} if rest else found


def _like(one: Similar, zone: str, lang: Literal["en", "ko"]) -> str:
    from zoneinfo import ZoneInfo

    from ecoai_pipeline.reporting.texts import kind_name, length, number, phrase, signed

    excess = "" if one.excess_kwh is None else f", {signed(one.excess_kwh)} kWh"
    what = f"{one.start.astimezone(ZoneInfo(zone)):%Y-%m-%d}: {kind_name(one.kind, lang)}, {length(one.end - one.start, lang)}{excess}"
    return f"{one.event_id}  {one.meter_id}, {what} ({phrase('distance', lang, distance=number(one.distance))})"


def _form(file: Path) -> Form:
    forms: dict[str, Form] = {".png": "png", ".svg": "svg"}
    if file.suffix not in forms:
        raise typer.BadParameter(f"a picture is a .png or an .svg file, not {file.name}")
    return forms[file.suffix]


def _draw(file: Path, form: Form, explanation: Explanation, row: dict[str, Any], title: str, zone: str, labels: tuple[str, str]) -> None:
    import polars as pl

    from ecoai_pipeline.reporting.figures import load_figure
    from ecoai_pipeline.storage.atomic import write_bytes

    interval = pl.DataFrame({"start": [row["start"]], "end": [row["end"]]})
    write_bytes(file, load_figure(explanation.load, interval, title=title, zone=zone, form=form, labels=labels))
