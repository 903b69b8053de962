"""From the rows of a file to rough readings: what every layout yields, and the layout of all long tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Protocol

import polars as pl

from ecoai_pipeline.domain import Quality
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.mapping import FILE_STEM, ColumnMapping, Unit
from ecoai_pipeline.sources.reasons import IngestError, Reason

ROUGH = pl.Schema(
    {
        "line": pl.Int64(),  # line of the file
        "cell": pl.Int32(),  # index into the layout's `cells`
        "text": pl.String(),  # the row, or the cell where a row holds many readings
        "meter": pl.String(),
        "local": pl.Datetime("us"),  # stamp as a local time, where the file gives local times
        "utc": pl.Datetime("us", "UTC"),  # stamp as an instant, where the file gives instants
        "value": pl.String(),
        "label": pl.String(),
        "reason": pl.String(),  # a reason to refuse that the layout has found already
    }
)
STATED = pl.Schema(
    {
        "interval_s": pl.Int32(),  # length of the interval, seconds; null: as the times of the readings tell
        "usual": pl.Boolean(),  # the length is but the usual one: it follows the wall clock, as where none is stated
        "quality": pl.String(),  # null: measured where there is a number, else missing
        "rule": pl.String(),  # why the sender doubts it
        "per_kwh": pl.Float64(),  # how many of the value make a kWh; null: as the unit of the file says
        "power": pl.Boolean(),  # the value is mean power: `per_kwh` is that of an hour
        "register": pl.Boolean(),  # the value is that of a register at the end of the interval
        "part": pl.Int8(),  # readings of a meter that start together and are different parts of it are added up; null: the first
    }
)
ZERO_LENGTH, SECOND_PART = 1, 2
"""A reading that lasts no time and belongs to the one that starts with it; the other one of two directions."""
"""What a source may say of each reading beyond ROUGH; a layout that knows nothing of a column leaves it out."""
_DAY_END = r"(^|[ T]|^\d{8})24(:00(?::00(?:[.,]0+)?)?|0000|00)\b"
EPOCH = {"epoch": "s", "epoch_ms": "ms"}
_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
)


@dataclass(frozen=True)
class Traits:
    """What holds for all readings of a file; `zones` and `signed_meters` for those of some meters.

    `zone_doubts` says of a meter why its zone is but a guess, where neither the sender nor the registry names it.
    """

    unit: Unit = Unit.KWH
    signed: bool = False
    ends: bool = False
    interval_s: int | None = None
    fixed_interval: bool = False
    zone: str | None = None
    zones: Mapping[str, str] = field(default_factory=dict)
    zone_doubts: Mapping[str, str] = field(default_factory=dict)
    signed_meters: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    thousands: bool = True
    weather: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()


class Layout(Protocol):
    """How the rows of one file become rough readings.

    `cells` names the columns that a row's readings stand in: one for a long table, 96 for a wide one. `named_by_file` is true
    where the name of the file is that of a meter.
    """

    @property
    def traits(self) -> Traits: ...
    @property
    def cells(self) -> tuple[str, ...]: ...
    @property
    def named_by_file(self) -> bool: ...
    @property
    def needed(self) -> Sequence[int]:
        """The places in the header of the columns that each row must have; a row may end before the others."""
        ...

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows (line, text, fields; as many fields as the header) to the columns of ROUGH, any of STATED, and `weather:NAME` texts."""
        ...

    def claims(self, rows: pl.DataFrame) -> pl.DataFrame | None:
        """What the rows say of the meters' industries (line, meter, date, industry, usage, unknown_usage), where they say it."""
        ...


@dataclass(frozen=True)
class LongLayout:
    """One reading per row."""

    header: tuple[str, ...]
    mapping: ColumnMapping
    stem: str
    format: str
    traits: Traits = field(default_factory=Traits)

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.mapping.kwh,)

    @property
    def named_by_file(self) -> bool:
        return self.mapping.meter == FILE_STEM

    @property
    def needed(self) -> Sequence[int]:
        return [self.header.index(name) for name in mapped_columns(self.mapping)]

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        times = rows.select(self._field(self.mapping.timestamp)).to_series()
        local, utc = stamps(times, self.format)
        if self.mapping.midnight_closes_day:
            closes = (local.dt.time() == time(0)) & ~times.str.contains(_DAY_END)
            local = local.dt.offset_by("1d").zip_with(closes, local)
        weather = {f"weather:{name}": self._field(column) for name, column in self.mapping.weather.items()}
        stated = self._stated()
        return rows.select(
            "line",
            pl.lit(0, pl.Int32).alias("cell"),
            "text",
            meter=self._meter(),
            local=local,
            utc=utc,
            value=self._field(self.mapping.kwh),
            label=self._field(self.mapping.label) if self.mapping.label else pl.lit(None, pl.String),
            reason=self._stated_wrongly(stated),
            **stated,
            **weather,
        )

    def claims(self, rows: pl.DataFrame) -> None:  # noqa: ARG002 - long tables say nothing of industries
        return None

    def _meter(self) -> pl.Expr:
        name = self.mapping.meter
        if name == FILE_STEM or name.startswith("="):
            return pl.lit(self.stem if name == FILE_STEM else name[1:], pl.String)
        return self._field(name)

    def _stated(self) -> dict[str, pl.Expr]:
        """Those columns of STATED that are mapped."""
        found: dict[str, pl.Expr] = {}
        if self.mapping.interval:
            seconds = self._field(self.mapping.interval).cast(pl.Float64, strict=False).cast(pl.Int32, strict=False)
            found["interval_s"] = pl.when(seconds > 0).then(seconds)
        if self.mapping.quality:
            word = self._field(self.mapping.quality).str.to_lowercase()
            found["quality"] = pl.when(word.is_in([quality.value for quality in Quality])).then(word)
        if self.mapping.rule:
            rule = self._field(self.mapping.rule)
            found["rule"] = pl.when(rule != "").then(rule)
        return found

    def _stated_wrongly(self, stated: Mapping[str, pl.Expr]) -> pl.Expr:
        """Why a row is refused that says something of its reading which cannot be understood."""
        reasons = [pl.lit(None, pl.String)]
        for column, name, reason in (
            (self.mapping.interval, "interval_s", Reason.BAD_INTERVAL),
            (self.mapping.quality, "quality", Reason.UNKNOWN_QUALITY),
        ):
            if column:
                wrong = (self._field(column) != "") & stated[name].is_null()
                reasons.append(pl.when(wrong).then(pl.lit(reason.value)))
        return pl.coalesce(reasons)

    def _field(self, column: str) -> pl.Expr:
        return pl.col("fields").list.get(self.header.index(column)).str.strip_chars()


def long_layout(opened: OpenFile, mapping: ColumnMapping) -> LongLayout:
    """The layout that a mapping gives to a file.

    Raises:
        IngestError: a mapped column is absent, or the form of its times is not recognised.
    """
    used = mapped_columns(mapping)
    require_columns(opened, used)
    traits = Traits(
        unit=mapping.unit,
        signed=mapping.signed,
        ends=mapping.stamp == "end",
        interval_s=mapping.interval_s,
        zone=mapping.zone,
        thousands=opened.delimiter == ",",
        weather=tuple(mapping.weather),
        unmapped=tuple(name for name in opened.header if name not in used),
    )
    sample = opened.sample.filter(pl.col("fields").list.len() == len(opened.header))
    times = sample["fields"].list.get(opened.header.index(mapping.timestamp)).str.strip_chars()
    form = mapping.format or _guess_format(opened.file, mapping.timestamp, times)
    return LongLayout(opened.header, mapping, stem_of(opened.file), form, traits)


def stem_of(file: str) -> str:
    """The file's name without its endings.

    >>> stem_of("plant 1.csv.gz"), stem_of("meter.v2.parquet")
    ('plant 1', 'meter.v2')
    """
    name = file.removesuffix(".gz")
    return Path(name).stem.strip()


def require_columns(opened: OpenFile, wanted: Sequence[str]) -> None:
    """
    Raises:
        IngestError: a column is absent or stands there twice; the message names it, what was found and what to do.
    """
    twice = sorted({name for name in wanted if opened.header.count(name) > 1})
    if twice:
        message = f"column {', '.join(map(repr, twice))} stands more than once in its header; rename or remove all but the right one"
        raise IngestError(opened.file, message)
    missing = [name for name in wanted if name not in opened.header]
    if missing:
        message = f"column {', '.join(map(repr, missing))} is missing; found {show_header(opened.header)}; "
        raise IngestError(opened.file, message + "correct the file, or say which column means what with --columns")


def show_header(header: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in header[:12])
    return f"{len(header)} columns: {shown}{', …' if len(header) > 12 else ''}"


def stamps(texts: pl.Series, form: str) -> tuple[pl.Series, pl.Series]:
    """Texts of time as (local, utc); one of the two is null throughout, and both where a text cannot be read.

    24:00, as some write the end of a day, is 00:00 of the next day.
    """
    no_local, no_utc = (pl.repeat(None, len(texts), dtype=ROUGH[name], eager=True) for name in ("local", "utc"))
    if form in EPOCH:
        return no_local, _instants(texts, 1_000_000 if form == "epoch" else 1_000)
    read = texts.str.to_datetime(form, time_unit="us", strict=False)
    if read.null_count():
        # Looked for only among what could not be read: the search costs ten times what reading does.
        midnight = texts.str.replace(_DAY_END, "${1}00${2}").str.to_datetime(form, time_unit="us", strict=False)
        next_day = midnight.dt.offset_by("1d").zip_with(texts.str.contains(_DAY_END), read)
        read = read.zip_with(read.is_not_null(), next_day)
    return (no_local, read) if "z" in form else (read, no_utc)


def _instants(texts: pl.Series, factor: int) -> pl.Series:
    """Numbers since 1970 in UTC as instants; `factor` of a microsecond each."""
    micros = texts.cast(pl.Float64, strict=False) * factor
    sane = micros.zip_with(micros.abs() < 4e18, pl.Series([None], dtype=pl.Float64))
    return sane.cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def mapped_columns(mapping: ColumnMapping | None) -> tuple[str, ...]:
    """The columns that a mapping names."""
    if mapping is None:
        return ()
    meter = [] if mapping.meter == FILE_STEM or mapping.meter.startswith("=") else [mapping.meter]
    told = [column for column in (mapping.interval, mapping.quality, mapping.rule, mapping.label) if column]
    return (*meter, mapping.timestamp, mapping.kwh, *told, *mapping.weather.values())


def _guess_format(file: str, column: str, times: pl.Series) -> str:
    """The form that reads most of the sample."""
    if len(times) and times.str.contains(r"^1\d{9}(\.\d+)?$").all():
        return "epoch"
    if len(times) and times.str.contains(r"^1\d{12}$").all():
        return "epoch_ms"
    counts = {form: max(read.count() for read in stamps(times, form)) for form in _FORMATS}
    best = max(counts, key=lambda form: counts[form])
    if not counts[best]:
        seen = repr(times[0]) if len(times) else "no rows"
        hint = "name its form, for example format='%d/%m/%Y %H:%M' in --columns"
        raise IngestError(file, f"the times in column {column!r} are of no known form ({seen}); {hint}")
    return best
