"""What a sender should know of a file that was taken in: the warnings of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from ecoai_pipeline.domain import Meter, Month, UsageType, fixed_zone
from ecoai_pipeline.settings import EARLIEST_MONTH
from ecoai_pipeline.sources.intake import Intake
from ecoai_pipeline.sources.reasons import Reason
from ecoai_pipeline.sources.refusals import Refusals


def warnings(intake: Intake, fresh: Sequence[Meter]) -> Iterator[str]:
    """Doubts about industries, usage types and weather; `fresh` are the registry rows that the file adds."""
    industry = intake.options.industry
    guessed = [meter.meter_id for meter in fresh if industry is None and meter.meter_id not in intake.rulings]
    if guessed:
        yield f"industry unknown of {_shown(guessed)}: taken as other, capacity inferred; give --industry or --meters REGISTRY.csv"
    if intake.claimed:
        yield f"the file puts {_shown(intake.claimed)} into another industry than --industry {industry}, which was taken"
    yield from intake.prepared.traits.warnings
    yield from too_early(intake.refused, intake.settings.first_month)
    yield from intake.table_notes
    yield from _replaced_warnings(intake.refused)
    yield from _placeless_warnings(intake)
    yield from _clock_change_warnings(intake)
    yield from _zone_warnings(intake)
    yield from _usage_warnings(intake, fresh)
    yield from _weather_warnings(intake.weather)


def too_early(refused: Refusals, first: Month) -> Iterator[str]:
    """Name the line to set where readings were refused because they lie before the first month."""
    early = refused.each(lambda rows: rows.filter(reason=Reason.BEFORE_FIRST.value).group_by("month").len())
    months = [Month(key // 100, key % 100) for key in early["month"].unique().sort()]
    possible = [month for month in months if month >= EARLIEST_MONTH]
    if possible:
        yield (
            f"{early['len'].sum()} readings lie before {first}, the first month of this lake; to accept them set "
            f"`first_month: {possible[0]}` in params.yaml, or ECOAI_FIRST_MONTH={possible[0]}, and ingest the file again"
        )


def _replaced_warnings(refused: Refusals) -> Iterator[str]:
    """Count readings that the file gives again with other values."""
    replaced = refused.each(lambda rows: rows.filter(pl.col("reason").str.starts_with(Reason.REPLACED)))
    if replaced.height:
        count, first = replaced.height, min(replaced["line"].to_list())
        yield f"{count} readings come again with other values: the last row was taken; the first replaced: row {first}"


def _placeless_warnings(intake: Intake) -> Iterator[str]:
    """Count readings that no layer above the raw readings can use, with the first of them."""
    rows = intake.placeless.sort("line")
    if rows.is_empty():
        return
    line, meter, start = rows.row(0)
    shown = start.astimezone(ZoneInfo(intake.zones[meter]))
    names = _shown(rows["meter"].unique().sort().to_list())
    yield (
        f"{rows.height} readings of {names} have no place of their own in the meter's grid, because an earlier stamp lies in the same "
        f"interval; they are kept, and features leave them out; the first: row {line}, {meter}, {shown:%Y-%m-%d %H:%M:%S %Z}"
    )


def _clock_change_warnings(intake: Intake) -> Iterator[str]:
    """Hint at stamps that ignore the clock change: they have energy in the hour that the clocks of their zone skip."""
    skipped = intake.refused.each(lambda rows: rows.filter(reason=Reason.NO_SUCH_TIME.value)).sort("line")
    by_zone: dict[str, list[str]] = {}
    for meter in skipped["meter"].unique().sort().to_list():
        by_zone.setdefault(intake.stamps_zone(meter), []).append(meter)
    for zone, meters in by_zone.items():
        rows = skipped.filter(pl.col("meter").is_in(meters))
        advice = _without_changes(zone, rows["month"][0] // 100)
        yield (f"{rows.height} readings of {_shown(meters)} have times that clocks of {zone} skip, first row {rows['line'][0]}: {advice}")
    for zone, meters in intake.given_once.items():
        if meters:
            year = max(intake.meters).year
            yield f"{_shown(sorted(set(meters)))} give the hour that comes twice in {zone} once: {_without_changes(zone, year)}"


def _without_changes(zone: str, year: int) -> str:
    """What to do if stamps stay on the standard time of a zone."""
    offsets = [datetime(year, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta() for month in (1, 7)]
    other = fixed_zone(int(min(offsets).total_seconds())) or "and a zone that has no clock changes"
    return f"if the stamps ignore the clock change, give --zone {other}"


def _zone_warnings(intake: Intake) -> Iterator[str]:
    """Say by which zone meters were read that nobody names one of, and where the file says another than the one that stands above it."""
    traits, named = intake.prepared.traits, intake.options.zone
    alike: dict[str, list[str]] = {}
    for name, zone in sorted(intake.zones.items()):
        doubt, said = traits.zone_doubts.get(name), traits.zones.get(name)
        if named is None and name not in intake.registry and doubt:
            alike.setdefault(f"{doubt}; taken as {zone}", []).append(name)
        elif said and said != zone and not doubt:
            alike.setdefault(f"the file's clock is that of {said}; taken as {zone}, as given or registered", []).append(name)
    for doubt, names in alike.items():
        yield f"{_shown(names)}: {doubt}"


def _usage_warnings(intake: Intake, fresh: Sequence[Meter]) -> Iterator[str]:
    """Name usage types that could not be understood, of meters that the registry does not know better."""
    new = {meter.meter_id: meter.usage_type for meter in fresh if meter.meter_id not in intake.registry}
    alike: dict[tuple[str, UsageType], list[str]] = {}
    for name, text in sorted(intake.unknown_usage.items()):
        if name in new:
            alike.setdefault((text, new[name]), []).append(name)
    for (text, usage), names in alike.items():
        yield f"usage type {text!r} of {_shown(names)} is unknown: taken as {usage}; correct the file, or give --meters REGISTRY.csv"


def _weather_warnings(weather: pl.DataFrame) -> Iterator[str]:
    """Count texts that are no numbers; an empty text has no row."""
    unread = weather.filter(pl.col("value").is_null())["quantity"].value_counts(name="texts").sort("quantity")
    for quantity, texts in unread.iter_rows():
        yield f"weather: {texts} texts of {quantity} are no numbers: kept as unknown; correct the file"


def _shown(names: Sequence[str]) -> str:
    """How many meters, and the first three of them."""
    return f"{len(names)} meters ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
