"""What the readings of each stream become: of which meter, in which unit, over which interval, or why they are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from ecoai_pipeline.domain import Quality
from ecoai_pipeline.sources.greenbutton import codes
from ecoai_pipeline.sources.greenbutton.codes import Flow
from ecoai_pipeline.sources.greenbutton.local_time import zone_of
from ecoai_pipeline.sources.greenbutton.resolve import Belongings, meter_name, resolve
from ecoai_pipeline.sources.greenbutton.scan import Scan
from ecoai_pipeline.sources.reasons import Reason

Span = tuple[int, int]
_HOUR_S = 3600
_FOREVER = 1 << 60
_FIRST_S = 946_684_800 - 86_400
"""A day before 2000: what starts earlier is refused, and spans nothing."""
_LAST_S = 4_102_444_800
"""The year 2100."""
_DECISIVE = ("accumulationBehaviour", "commodity", "flowDirection", "powerOfTenMultiplier", "uom")
"""Numbers of a reading type without which nobody knows what its values are."""
_GREATEST_POWER = 30
"""Of a prefix of the SI, either way."""
_NO_ZONE = "nothing tells the time zone: give --zone or --meters REGISTRY.csv"


@dataclass(frozen=True)
class Extent:
    """What the readings of a stream span: how many there are, from when to when (epoch seconds), and their usual length.

    `length_s` is null where none of them has a duration; `step_s` is the usual time between starts, null where there is one.
    """

    readings: int
    first: int
    end: int
    length_s: int | None
    step_s: int | None = None


@dataclass(frozen=True)
class Part:
    """The readings of a stream.

    Attributes:
        commodity: what it is, `electricity` or the name of something else.
        meter: its name; `home` is that of its usage point, the zone's key.
        unit: by name; `per_kwh` values of it make a kWh, in an hour where it is `power`; null where the file does not tell.
        length_s: length of an interval that has no duration of its own.
        zero_is_none: whether a duration of 0 says nothing, because no reading of the stream has another.
        register: whether values are those of a register at the end of the interval.
        received: whether it is to be subtracted from another part of the same meter.
        covered: the time for which a finer part of the same meter speaks.
        reason: why none of it is a reading.
    """

    commodity: str
    meter: str
    unit: str
    extent: Extent
    per_kwh: float | None = None
    power: bool = False
    length_s: int | None = None
    zero_is_none: bool = False
    register: bool = False
    flow: str = codes.FORWARD
    received: bool = False
    signed: bool = False
    default_quality: str | None = None
    covered: Span | None = None
    reason: str | None = None
    zone: str | None = None
    zone_doubt: str | None = None


@dataclass(frozen=True)
class Plan:
    """`named_by_file`: whether the name of a meter is, or begins with, that of the file."""

    parts: list[Part]
    warnings: list[str]
    named_by_file: bool

    @property
    def electric(self) -> list[Part]:
        return [part for part in self.parts if part.commodity == codes.ELECTRICITY and part.extent.readings]

    def others(self) -> list[str]:
        """Readings of other commodities, counted by name."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for part in self.parts:
            if part.commodity != codes.ELECTRICITY:
                counts[part.commodity, part.unit, part.meter] += part.extent.readings
        return [f"{count} of {commodity} ({unit}) at {meter}" for (commodity, unit, meter), count in sorted(counts.items()) if count]


def make_plan(scan: Scan, stem: str, flow: Flow) -> Plan:
    """Decide about each stream of a file; `stem` names the meter where the file does not."""
    belongings, extents = resolve(scan), _extents(scan)
    points = {owned.point.number for owned in belongings if owned.point}
    doubts: dict[str, dict[str, None]] = {}
    parts = []
    for owned, extent in zip(belongings, extents, strict=True):
        part = _part(owned, extent, meter_name(owned, stem, alone=len(points) <= 1))
        parts.append(part)
        if extent.readings and part.commodity == codes.ELECTRICITY:
            for doubt in _doubts(owned):
                doubts.setdefault(doubt, {})[part.meter] = None
    parts = _directed(_without_the_same_energy(parts), flow)
    named_by_file = any(owned.named_by_file for owned in belongings)
    warnings = [f"{_shown(list(meters))}: {doubt}" for doubt, meters in doubts.items()]
    plan = Plan(parts, [*warnings, *_unknown_qualities(scan)], named_by_file)
    left_out = [f"left out: {said}; only electricity is read" for said in plan.others()]
    return replace(plan, warnings=[*plan.warnings, *left_out])


def _part(owned: Belongings, extent: Extent, meter: str) -> Part:
    """A stream for itself."""
    told = owned.reading_type.fields if owned.reading_type else {}
    number = {name: _int(text) for name, text in told.items()}
    uom = number.get("uom")
    commodity = _commodity(number, uom, owned)
    unit = codes.UNITS.get(uom, f"unit {uom}") if uom is not None else "Wh"
    zone, zone_doubt = zone_of(owned.clock.fields) if owned.clock else (None, _NO_ZONE)
    part = Part(
        commodity,
        meter + (_register_name(number) if commodity == codes.ELECTRICITY else ""),
        unit,
        extent,
        length_s=_positive(number.get("intervalLength")),
        zero_is_none=extent.length_s is None,
        power=uom == codes.W,
        register=uom != codes.W and _is_register(number),
        flow=codes.FLOWS.get(number.get("flowDirection") or 0, f"#flow{number.get('flowDirection')}"),
        default_quality=_default_quality(number.get("defaultQuality")),
        reason=_why_unread(told, number) or _why_no_energy(number, uom, unit),
        zone=zone,
        zone_doubt=zone_doubt,
    )
    return replace(part, per_kwh=_per_kwh(number, uom)) if told else part


def _default_quality(code: int | None) -> str | None:
    return codes.QUALITIES[code].quality.value if code in codes.QUALITIES else None


def _commodity(number: Mapping[str, int | None], uom: int | None, owned: Belongings) -> str:
    """What the reading type says, else its unit, else the usage point's kind of service."""
    told = number.get("commodity")
    if told:
        return codes.COMMODITIES.get(told, f"commodity {told}")
    if uom in codes.COMMODITY_OF_UNIT:
        return codes.COMMODITY_OF_UNIT[uom]
    service = _int(owned.point.fields.get("kind")) if owned.point else None
    return codes.SERVICES.get(service, f"service {service}") if service is not None else codes.ELECTRICITY


def _register_name(number: Mapping[str, int | None]) -> str:
    """Single phases and tariff registers are meters of their own: beside the whole they would be counted twice."""
    phase, tou = codes.PHASES.get(number.get("phase") or 0), number.get("tou")
    return (f"#phase_{phase}" if phase else "") + (f"#tou{tou}" if tou else "")


def _is_register(number: Mapping[str, int | None]) -> bool:
    return number.get("accumulationBehaviour") in codes.REGISTERS and not number.get("timeAttribute")


def _why_unread(told: Mapping[str, str], number: Mapping[str, int | None]) -> str | None:
    """A default in place of a number that is told and cannot be read would give energy that nobody sent."""
    for name in _DECISIVE:
        odd = number.get(name) is None or (name == "powerOfTenMultiplier" and abs(number[name] or 0) > _GREATEST_POWER)
        if told.get(name) and odd:
            return f"{Reason.NO_READING_TYPE}; {name} {told[name][:20]!r}"
    return None


def _why_no_energy(number: Mapping[str, int | None], uom: int | None, unit: str) -> str | None:
    extreme = codes.EXTREMES.get(number.get("dataQualifier") or 0)
    moment = codes.MOMENTARY.get(number.get("accumulationBehaviour") or 0) if uom != codes.W else None
    if uom not in (None, codes.W, codes.WH, codes.J):
        return f"{Reason.NOT_ENERGY}; {unit}"
    if extreme or moment:
        return f"{Reason.NOT_ENERGY}; {extreme or moment} {unit}"
    return None


def _per_kwh(number: Mapping[str, int | None], uom: int | None) -> float:
    """How many of the values make a kWh: powers of ten below 1 kWh are whole numbers, so that dividing by them is exact."""
    power = 3 - (number.get("powerOfTenMultiplier") or 0)
    units = float(10**power) if 0 <= power <= 22 else 10.0 ** max(min(power, 300), -300)
    return units * _HOUR_S if uom == codes.J else units


def _without_the_same_energy(parts: Sequence[Part]) -> list[Part]:
    """Let the finest part of each meter and direction speak for its time span, energy before mean power.

    Net and total give way to energy delivered, from which they are derived.
    """
    ranked: dict[str, list[tuple[int, Part]]] = {}
    for at, part in enumerate(parts):
        if part.commodity == codes.ELECTRICITY and part.reason is None and part.extent.readings:
            ranked.setdefault(part.meter, []).append((at, part))
    done = list(parts)
    for members in ranked.values():
        for at, part in members:
            finer = [other for _, other in members if other is not part and _speaks_for(other, part)]
            if finer:
                done[at] = replace(part, covered=_spoken_for(part, finer))
    return done


def _spoken_for(part: Part, finer: Sequence[Part]) -> Span:
    """The time for which finer parts speak: of a register all of it, else the energy over the gap would be counted twice."""
    if part.register and not any(other.register for other in finer):
        return -_FOREVER, _FOREVER
    return min(other.extent.first for other in finer), max(other.extent.end for other in finer)


def _speaks_for(other: Part, part: Part) -> bool:
    derived = {codes.NET, codes.TOTAL}
    if part.flow in derived and other.flow == codes.FORWARD:
        return True
    return other.flow == part.flow and _coarseness(other) < _coarseness(part)


def _coarseness(part: Part) -> tuple[int, bool, bool]:
    """Where nothing tells a length the steps do; a single reading of no length is the last to be asked."""
    length_s = part.extent.length_s or (None if part.register else part.length_s) or part.extent.step_s or _FOREVER
    return length_s, part.power, part.register


def _directed(parts: Sequence[Part], flow: Flow) -> list[Part]:
    """Name the meters of other directions, or make them one signed meter with energy delivered."""
    if flow == "apart":
        return [replace(part, meter=part.meter + part.flow, signed=part.flow == codes.NET) for part in parts]
    both = {codes.FORWARD, codes.REVERSE, codes.NET}
    return [
        replace(part, received=part.flow == codes.REVERSE, signed=True)
        if part.flow in both
        else replace(part, meter=part.meter + part.flow)
        for part in parts
    ]


def _doubts(owned: Belongings) -> Iterator[str]:
    if owned.reading_type is None:
        yield "no reading type tells the unit: taken as Wh, delivered; give --unit where it is another"
    elif owned.lost:
        yield f"its link to a reading type leads nowhere: the one of line {owned.reading_type.line} was taken; ask for the whole feed"
    if owned.reading_type and "uom" not in owned.reading_type.fields:
        yield "the reading type names no unit: taken as Wh"


def _shown(names: Sequence[str]) -> str:
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"


def _unknown_qualities(scan: Scan) -> Iterator[str]:
    known = [str(code) for code in codes.QUALITIES]
    counts: Counter[str] = Counter()
    for path in scan.pieces:
        codes_told = pl.read_ipc(path, columns=["quality"]).to_series().drop_nulls().str.split(" ").explode()
        counts.update(dict(codes_told.filter((codes_told != "") & ~codes_told.is_in(known)).value_counts().iter_rows()))
    for code, count in sorted(counts.items()):
        yield f"quality code {code[:20]!r} of {count} readings is unknown: taken as {Quality.MEASURED}"


def _extents(scan: Scan) -> list[Extent]:
    """Readings, span and usual length of each stream, a piece of the file at a time."""
    pieces = [_spans_of(scan, path) for path in scan.pieces]
    if not pieces:
        return []
    told = pl.concat(pieces).group_by("stream", "length").agg(pl.col("readings").sum(), pl.col("first", "step").min(), pl.col("end").max())
    usual = pl.col("length").sort_by("readings", "length", descending=[True, False]).drop_nulls().first()
    streams = told.group_by("stream").agg(
        pl.col("readings").sum(), pl.col("first").min().fill_null(0), pl.col("end").max().fill_null(0), usual, pl.col("step").min()
    )
    found = {stream: Extent(*rest) for stream, *rest in streams.iter_rows()}
    return [found.get(number, Extent(0, 0, 0, None)) for number in range(len(scan.streams))]


def _spans_of(scan: Scan, path: Path) -> pl.DataFrame:
    """Per stream and length the readings of a piece: how many, from when to when, and the step between the stream's starts."""
    rows = pl.read_ipc(path, columns=["block", "start", "duration"])
    start, length = pl.col("start"), number_of("duration")
    told = rows.select(
        stream=scan.stream_of.gather(rows["block"]), start=number_of("start"), length=pl.when(length.is_between(1, 1 << 31)).then(length)
    ).with_columns(start=pl.when(start.is_between(_FIRST_S, _LAST_S)).then(start))
    steps = told.group_by("stream").agg(step=start.drop_nulls().unique().sort().diff().median().cast(pl.Int64))
    spans = told.group_by("stream", "length").agg(readings=pl.len(), first=start.min(), end=(start + pl.col("length").fill_null(0)).max())
    return spans.join(steps, on="stream")


def number_of(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().cast(pl.Int64, strict=False)


def _int(text: str | None) -> int | None:
    """
    >>> _int(" 0 "), _int("-3"), _int(""), _int("9" * 30)
    (0, -3, None, None)
    """
    try:
        return int(text) if text and len(text) < 19 else None
    except ValueError:
        return None


def _positive(number: int | None) -> int | None:
    return number if number and 0 < number < 1 << 31 else None
