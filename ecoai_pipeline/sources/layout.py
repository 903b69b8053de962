"""From the rows of a file to rough readings: what every layout yields, and the layout of all long tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from ecoai_pipeline.domain import Decimal, Quality
from ecoai_pipeline.sources import ends
from ecoai_pipeline.sources.around import named_meter, named_unit, named_zone, unit_column
from ecoai_pipeline.sources.files import OpenFile, ParquetRows
from ecoai_pipeline.sources.lengths import lasting_s
from ecoai_pipeline.sources.mapping import FILE_STEM, ColumnMapping
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.stamps import DAY_END, StampForm, Stamps, clock_of, date_of, form_of, joined, lengths_to
from ecoai_pipeline.sources.typed import TYPED, local_and_utc, number_of, row_texts, text_of
from ecoai_pipeline.sources.units import SPELLINGS, Unit, factors_of, minutes_of_unit, unit_in
from ecoai_pipeline.sources.vocabulary import Role, roles_of

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
_DATE_AND_TIME = 2
_MOST_PARTS, _PARTS_OF_DATE = 6, 3
_MOST_HOURS, _MOST_HALF_HOURS, _MOST_PERIODS = 25, 50, 100
"""Periods of the longest day, on which clocks go back."""
_USUAL_HOURS, _FEWEST_HOURS = 24, 23
_HALF_A_CLOCK = 12
SURVEY_BYTES = 8 << 20
ZERO_LENGTH, SECOND_PART = 1, 2
"""A reading that lasts no time and belongs to the one that starts with it; the other one of two directions."""
"""What a source may say of each reading beyond ROUGH; a layout that knows nothing of a column leaves it out."""


@dataclass(frozen=True)
class Traits:
    """What holds for all readings of a file; `zones` and `signed_meters` for those of some meters.

    `decimal` is the decimal sign, `missing` the texts of readings that are missing, as the user states them.
    `stamp_zone` is the zone that the file names for its stamps, which may be another one than the meter's, as UTC.
    `zone_doubts` says of a meter why its zone is but a guess, where neither the sender nor the registry names it.
    """

    unit: Unit = Unit.KWH
    signed: bool = False
    ends: bool = False
    interval_s: int | None = None
    fixed_interval: bool = False
    zone: str | None = None
    stamp_zone: str | None = None
    zones: Mapping[str, str] = field(default_factory=dict)
    zone_doubts: Mapping[str, str] = field(default_factory=dict)
    signed_meters: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    decimal: Decimal | None = None
    missing: tuple[str, ...] = ()
    weather: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    elapsed: bool = False  # intervals are numbered by the time that passes, also where clocks change
    last_wins: bool = False  # of two rows about one interval the later one corrects the earlier one
    counted_from: datetime | None = None  # the first time, from which the others are counted on


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


class Periods(NamedTuple):
    """Periods of a day that a column numbers: their length in seconds, and the number of the first one."""

    length_s: int
    first: int = 1


class _Numbered(NamedTuple):
    """Times of numbered periods on days without a change of clocks, and the seconds of their days that have passed (i64)."""

    stamps: Stamps
    passed_s: pl.Series


@dataclass(frozen=True)
class LongLayout:
    """One reading per row; `units` is the column that gives the unit of each, those without one are in the unit of the file.

    `types` are those of the columns of rows that come as `as_columns` gives them; other rows have fields.
    """

    header: tuple[str, ...]
    mapping: ColumnMapping
    stem: str
    form: StampForm
    traits: Traits = field(default_factory=Traits)
    units: str | None = None
    periods: Periods | None = None  # of a day, which the second column of the time numbers
    types: Mapping[str, pl.DataType] = field(default_factory=dict)

    def of_columns(self, opened: OpenFile) -> LongLayout | None:
        """The layout that takes the typed columns of a file as they are; None where their texts must be read.

        Times and energy are of their types then, and mean by themselves what they mean as texts.
        """
        if not isinstance(opened, ParquetRows) or self.form not in _TYPED_FORMS or self.periods or self._marked:
            return None
        stamp, value = opened.types.get(self.mapping.timestamp), opened.types.get(self.mapping.kwh)
        is_number = value is not None and (value.is_integer() or value in (pl.Float32, pl.Float64))
        return replace(self, types=opened.types) if isinstance(stamp, pl.Datetime) and is_number else None

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.mapping.kwh,)

    @property
    def named_by_file(self) -> bool:
        return self.mapping.meter == FILE_STEM

    @property
    def needed(self) -> Sequence[int]:
        return [self.header.index(name) for name in mapped_columns(self.mapping, self.header)]

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self.types:
            return self._rough_of_columns(rows)
        times = times_of(rows, self.header, self.mapping.timestamp)
        numbered = self._passed(rows)
        stamps = self.form.read(times) if numbered is None else numbered.stamps
        others: dict[str, pl.Expr | pl.Series] = {"value": self._value(), **({} if numbered is None else {"passed_s": numbered.passed_s})}
        return self._rough(rows, stamps, ~times.str.contains(DAY_END), pl.col("text"), others)

    def _rough_of_columns(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rough readings whose numbers are read already; only rows without a time or a meter have texts."""
        stamps = Stamps(*local_and_utc(rows[TYPED + self.mapping.timestamp]))
        meter = rows.select("line", meter=self._meter())["meter"]
        nameless = (stamps.local.is_null() & stamps.utc.is_null()) | (meter == "")
        texts = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
        if nameless.any():
            texts = texts.scatter(nameless.arg_true(), row_texts(rows.filter(nameless)))
        number = number_of(TYPED + self.mapping.kwh, self.types[self.mapping.kwh])
        infinite = number.is_infinite().fill_null(value=False)
        numbers = {
            "number": pl.when(~infinite).then(number),
            "number_reason": pl.when(infinite).then(pl.lit(Reason.NOT_FINITE.value)),
        }
        return self._rough(rows, stamps, pl.Series([True]), pl.lit(texts), numbers)

    def _rough(
        self, rows: pl.DataFrame, stamps: Stamps, may_close: pl.Series, text: pl.Expr, others: Mapping[str, pl.Expr | pl.Series]
    ) -> pl.DataFrame:
        """Rough readings; `may_close` is false of a midnight that is written as the end of its day."""
        local = stamps.local
        if self.mapping.midnight_closes_day:
            closes = (local.dt.time() == time(0)) & may_close
            local = local.dt.offset_by("1d").zip_with(closes, local)
        weather = {f"weather:{name}": self._field(column) for name, column in self.mapping.weather.items()}
        stated = self._stated() | self._lasting(rows, stamps)
        return rows.select(
            "line",
            pl.lit(0, pl.Int32).alias("cell"),
            text=text,
            meter=self._meter(),
            local=local,
            utc=stamps.utc,
            label=self._field(self.mapping.label) if self.mapping.label else pl.lit(None, pl.String),
            reason=self._stated_wrongly(stated),
            **others,
            **stated,
            **weather,
        )

    def claims(self, rows: pl.DataFrame) -> None:  # noqa: ARG002 - long tables say nothing of industries
        return None

    def _passed(self, rows: pl.DataFrame) -> _Numbered | None:
        """The times of periods that are numbered in each day."""
        if self.periods is None:
            return None
        dates, numbers = dates_and_clocks(rows, self.header, self.mapping.timestamp)
        assert numbers is not None
        number = numbers.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
        passed = (number - self.periods.first) * self.periods.length_s
        day = self.form.days(dates)
        local = pl.select(pl.when(passed >= 0).then(day + pl.duration(seconds=pl.lit(passed)))).to_series()
        return _Numbered(Stamps(local, pl.repeat(None, len(local), dtype=pl.Datetime("us", "UTC"), eager=True)), passed.fill_null(0))

    def _meter(self) -> pl.Expr:
        name = self.mapping.meter
        if name == FILE_STEM or name.startswith("="):
            return pl.lit(self.stem if name == FILE_STEM else name[1:], pl.String)
        return self._field(name)

    def _value(self) -> pl.Expr:
        """The text of the value, without a code of quality behind the number."""
        text = self._field(self.mapping.kwh)
        return text.str.replace(self._marked, "${1}") if self._marked else text

    @property
    def _marked(self) -> str | None:
        """What a value with a code of quality behind it looks like, where the column of the values has codes, too."""
        if self.mapping.quality != self.mapping.kwh:
            return None
        return rf"^(.*\d[.,]?)\s?({'|'.join(map(re.escape, self.mapping.quality_codes or {}))})$"

    def _quality_text(self) -> pl.Expr:
        text = self._field(self.mapping.quality or "")
        return text.str.extract(self._marked, 2).fill_null("") if self._marked else text

    def _stated(self) -> dict[str, pl.Expr]:
        """Those columns of STATED that are mapped."""
        found: dict[str, pl.Expr] = {}
        if self.mapping.interval:
            seconds = lasting_s(self._field(self.mapping.interval))
            found["interval_s"] = seconds
        if self.mapping.quality:
            found["quality"] = self._quality(self._quality_text())
        if self.mapping.is_register:
            found["register"] = pl.lit(value=True)
        if self.mapping.rule:
            rule = self._field(self.mapping.rule)
            found["rule"] = pl.when(rule != "").then(rule)
        if self.units:
            found |= factors_of(self._field(self.units), own=self.traits.unit)
        return found

    def _lasting(self, rows: pl.DataFrame, stamps: Stamps) -> dict[str, pl.Expr]:
        """Lengths of intervals whose ends are given; they follow the wall clock as the ends do."""
        length = stamps.length_s
        if self.mapping.end:
            length = lengths_to(rows.select(self._field(self.mapping.end)).to_series(), stamps, self.form)
        return {"interval_s": pl.lit(length), "usual": pl.lit(value=True)} if length is not None else {}

    def _quality(self, text: pl.Expr) -> pl.Expr:
        """The quality that a code of the mapping or a word of ours means; else null."""
        word = text.str.to_lowercase()
        quality = pl.when(word.is_in([quality.value for quality in Quality])).then(word)
        codes = {code: meaning.value for code, meaning in (self.mapping.quality_codes or {}).items()}
        return pl.coalesce(text.replace_strict(codes, default=None, return_dtype=pl.String), quality) if codes else quality

    def _stated_wrongly(self, stated: Mapping[str, pl.Expr]) -> pl.Expr:
        """Why a row is refused that says something of its reading which cannot be understood."""
        reasons = [pl.lit(None, pl.String)]
        if self.mapping.interval:
            wrong = (self._field(self.mapping.interval) != "") & stated["interval_s"].is_null()
            reasons.append(pl.when(wrong).then(pl.lit(Reason.BAD_INTERVAL.value)))
        if self.mapping.quality:
            text = self._quality_text()
            reason = pl.format(f"{Reason.UNKNOWN_QUALITY}; say what {{}} means: quality.{{}}=measured in --columns", text, text)
            reasons.append(pl.when((text != "") & stated["quality"].is_null()).then(reason))
        if self.units:
            unit = self._field(self.units)
            reasons.append(pl.when((unit != "") & ~unit.is_in(list(SPELLINGS))).then(pl.lit(Reason.NOT_KWH.value)))
        return pl.coalesce(reasons)

    def _field(self, column: str) -> pl.Expr:
        if self.types:
            return text_of(TYPED + column, self.types[column]).str.strip_chars()
        return pl.col("fields").list.get(self.header.index(column)).str.strip_chars()


_TYPED_FORMS = (StampForm("%Y-%m-%d %H:%M:%S%.f"), StampForm("%Y-%m-%d %H:%M:%S%.f%#z"))
"""How typed times are written as texts."""


def long_layout(opened: OpenFile, mapping: ColumnMapping) -> LongLayout:
    """The layout that a mapping gives to a file.

    Raises:
        IngestError: a mapped column is absent, or the form of its times is not recognised.
    """
    if mapping.meter == FILE_STEM and (meter := named_meter(opened)):
        mapping = mapping.model_copy(update={"meter": f"={meter}"})
    used = mapped_columns(mapping, opened.header)
    require_columns(opened, used)
    traits = Traits(
        unit=_unit(opened, mapping),
        signed=mapping.signed,
        ends=mapping.stamp == "end" and not mapping.is_register,  # a register is read at a moment
        interval_s=mapping.interval_s,
        zone=mapping.zone,
        stamp_zone=None if mapping.zone else named_zone(opened, time_columns(opened.header, mapping.timestamp)),
        decimal=mapping.decimal,
        weather=tuple(mapping.weather),
        unmapped=tuple(name for name in opened.header if name not in used),
    )
    periods = _periods(opened, mapping)
    if periods:
        traits = replace(traits, interval_s=periods.length_s, fixed_interval=True, elapsed=True, ends=False)
    column = "+".join(time_columns(opened.header, mapping.timestamp)[:-1]) if periods else mapping.timestamp
    form = StampForm.named(mapping.format) if mapping.format else column_form(opened, column)
    if not periods:
        traits = replace(traits, warnings=doubts(opened, mapping, form))
        if "unit" not in mapping.model_fields_set:
            require_named_minutes(opened, mapping, form)
    return LongLayout(opened.header, mapping, stem_of(opened.file), form, traits, _units(opened, mapping), periods)


def require_named_minutes(opened: OpenFile, mapping: ColumnMapping, form: StampForm) -> None:
    """
    Raises:
        IngestError: the name of the value's column says that it is the energy of so many minutes, and its times lie further apart, or less.
    """
    minutes = minutes_of_unit(mapping.kwh)
    if minutes is None:
        return
    stamps = form.read(times_of(opened.sample, opened.header, mapping.timestamp).drop_nulls())
    moments = stamps.local.zip_with(stamps.local.is_not_null(), stamps.utc.dt.replace_time_zone(None)).drop_nulls()
    steps = moments.unique().sort().diff().drop_nulls().dt.total_minutes().mode().sort()
    if len(steps) and minutes not in steps:
        seen = f"column {mapping.kwh!r} is called the energy of {minutes} min, and its times lie {steps[0]} min apart"
        energy = f"if each value is all the energy of its {steps[0]} min, say unit={unit_in(mapping.kwh)} in --columns"
        power = f"if it is that of {minutes} min, it is a power: write it as kW, {60 / minutes:g} times as much"
        raise IngestError(opened.file, f"{seen}; {energy}; {power}")


def doubts(opened: OpenFile, mapping: ColumnMapping, form: StampForm) -> tuple[str, ...]:
    """Whether the stamps of the sample, which are read as starts, look like ends."""
    times = times_of(opened.sample, opened.header, mapping.timestamp).drop_nulls()
    doubt = ends.warning(mapping, times, form.read(times))
    return (doubt,) if doubt else ()


def _periods(opened: OpenFile, mapping: ColumnMapping) -> Periods | None:
    """The periods that a column numbers in each day: half hours, unless days have 24 or 96 of them.

    Raises:
        IngestError: a day has more periods than quarter hours.
    """
    columns = time_columns(opened.header, mapping.timestamp)
    if len(columns) not in (_DATE_AND_TIME, _PARTS_OF_DATE + 1):
        return None
    date, clock = columns[0], columns[-1]
    if Role.PERIOD not in roles_of(clock):
        return _counted_hours(opened, mapping.timestamp)
    places = [opened.header.index(name) for name in (date, clock)]
    rows = [[fields[place].strip() for place in places] for fields in opened.sample["fields"].to_list() if len(fields) > max(places)]
    most = max((int(float(number)) for _, number in rows if number.replace(".", "", 1).isdecimal()), default=0)
    if mapping.interval_s or most > _MOST_PERIODS:
        if not mapping.interval_s:
            advice = "say their length: interval_s= in --columns"
            raise IngestError(opened.file, f"column {clock!r} numbers {most} periods of a day; {advice}")
        return Periods(mapping.interval_s)
    if most > _MOST_HALF_HOURS:
        return Periods(900)
    return Periods(3600 if most <= _MOST_HOURS and len({day for day, _ in rows}) > 1 else 1800)


def _counted_hours(opened: OpenFile, timestamp: str) -> Periods | None:
    """The hours of a column that numbers those that pass in each day, so that days on which clocks change have 23 or 25 of them.

    Either days end at such a number among days of 24 hours, or no day of the file is whole on the clock, as where a day of 23 hours
    stands alone. Numbers up to 12 may be those of half a clock.
    """
    given = dates_and_clocks(opened.sample, opened.header, timestamp)[1]
    if given is None or given.is_empty() or not given.str.contains(r"^(0?\d|1\d|2[0-5])$").all():
        return None
    blocks = (dates_and_clocks(block.rows, opened.header, timestamp) for block in opened.blocks(SURVEY_BYTES))
    pieces = (pl.DataFrame({"day": days, "hour": hours}) for days, hours in blocks)
    hours = pl.concat([piece.select("day", pl.col("hour").cast(pl.Int64, strict=False)).unique() for piece in pieces]).drop_nulls()
    first = int(hours["hour"].min())  # type: ignore[arg-type]
    days = hours.group_by("day").agg(last=pl.col("hour").max() + 1 - first, count=pl.col("hour").n_unique())
    last, short = pl.col("last"), pl.col("count") == _FEWEST_HOURS
    ended = days.select(
        long=(last == _MOST_HOURS).any(),
        usual=(last == _USUAL_HOURS).any(),
        counted=(short & (last == _FEWEST_HOURS)).any(),
        skipped=(short & (last == _USUAL_HOURS)).any(),
        whole=(pl.col("count") == last).all() & (last > _HALF_A_CLOCK).any(),
    ).row(0, named=True)
    by_change = ended["long"] or (ended["usual"] and ended["counted"] and not ended["skipped"])
    alone = not ended["usual"] and ended["whole"]
    return Periods(3600, first) if first <= 1 and (by_change or alone) else None


def _cells(rows: pl.DataFrame, place: int) -> pl.Series:
    """The texts of a column in some rows."""
    return rows["fields"].list.get(place, null_on_oob=True).str.strip_chars()


def _unit(opened: OpenFile, mapping: ColumnMapping) -> Unit:
    """The unit that the mapping states, else that in the column's name, else that of the lines around the table, else kWh."""
    if "unit" in mapping.model_fields_set:
        return mapping.unit
    return named_unit(opened, mapping.kwh) or mapping.unit


def _units(opened: OpenFile, mapping: ColumnMapping) -> str | None:
    """The column of units, where neither the mapping nor the name of the column says the unit."""
    return None if "unit" in mapping.model_fields_set or unit_in(mapping.kwh) else unit_column(opened.header)


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


def time_columns(header: Sequence[str], timestamp: str) -> tuple[str, ...]:
    """The columns that a mapping's `timestamp` names: one, or `DATE+TIME` or `YEAR+MONTH+DAY+HOUR` where no column has such a name.

    >>> time_columns(["a", "DATE", "START TIME"], "DATE+START TIME"), time_columns(["t+0"], "t+0")
    (('DATE', 'START TIME'), ('t+0',))
    """
    parts = tuple(part.strip() for part in timestamp.split("+"))
    return parts if timestamp not in header and _DATE_AND_TIME <= len(parts) <= _MOST_PARTS else (timestamp,)


def value_columns(kwh: str, header: Sequence[str]) -> tuple[str, ...]:
    """The columns that a mapping's `kwh` names: one, or `M1|M2` where no column has a name with that sign.

    >>> value_columns("M1|M2", ["t", "M1", "M2"]), value_columns("a|b", ["t", "a|b"])
    (('M1', 'M2'), ('a|b',))
    """
    return (kwh,) if kwh in header else tuple(part.strip() for part in kwh.split("|"))


def times_of(rows: pl.DataFrame, header: Sequence[str], timestamp: str) -> pl.Series:
    """The stamps of rows as texts, those of several columns as one."""
    dates, clocks = dates_and_clocks(rows, header, timestamp)
    return dates if clocks is None else joined(dates, clocks)


def dates_and_clocks(rows: pl.DataFrame, header: Sequence[str], timestamp: str) -> tuple[pl.Series, pl.Series | None]:
    """The texts of the dates of rows, or of their whole stamps, and of the times of the day where these have columns of their own."""
    texts = [_cells(rows, header.index(name)) for name in time_columns(header, timestamp)]
    if len(texts) <= _DATE_AND_TIME:
        return texts[0], texts[1] if len(texts) == _DATE_AND_TIME else None
    clock = texts[_PARTS_OF_DATE:]
    return date_of(texts[:_PARTS_OF_DATE]), clock_of(clock) if clock else None


def column_form(opened: OpenFile, timestamp: str) -> StampForm:
    """The form of the stamps in a column of a file, or in two; reads the whole file only where its head leaves the order of days open.

    Raises:
        IngestError: the stamps are of no known form, or day and month cannot be told apart.
    """

    def texts(rows: pl.DataFrame) -> pl.Series:
        return times_of(rows, opened.header, timestamp).drop_nulls()

    return form_of(opened.file, timestamp, texts(opened.sample), lambda: (texts(block.rows) for block in opened.blocks(SURVEY_BYTES)))


def mapped_columns(mapping: ColumnMapping | None, header: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns of a file that a mapping names."""
    if mapping is None:
        return ()
    meter = [] if mapping.meter == FILE_STEM or mapping.meter.startswith("=") else [mapping.meter]
    told = [column for column in (mapping.interval, mapping.end, mapping.quality, mapping.rule, mapping.label) if column]
    return (*meter, *time_columns(header, mapping.timestamp), *value_columns(mapping.kwh, header), *told, *mapping.weather.values())
