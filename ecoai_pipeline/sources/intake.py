"""Reading a provider's file to its end: what it says is kept in landing, by month and by table."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import polars as pl

from ecoai_pipeline.domain import ARRIVALS, LABELS, QUARANTINE, WEATHER, Decimal, Industry, Month, UsageType, zones_meant
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.by_name import with_day_end
from ecoai_pipeline.sources.canonical import Zones, split
from ecoai_pipeline.sources.catalog import Source, choose
from ecoai_pipeline.sources.clock import falls_back, given_once
from ecoai_pipeline.sources.encoding import LATIN, other_reading
from ecoai_pipeline.sources.ends import with_named_side
from ecoai_pipeline.sources.files import OpenFile, ParquetRows, open_file
from ecoai_pipeline.sources.index_columns import row_numbers
from ecoai_pipeline.sources.industries import Ruling, rule, said_by_lines
from ecoai_pipeline.sources.kept import arrivals, quarantined, readings, weather, weather_texts
from ecoai_pipeline.sources.labels import labelled, runs
from ecoai_pipeline.sources.layout import Layout, LongLayout, Traits, mapped_columns, stem_of
from ecoai_pipeline.sources.lengths_before import lengths_of
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.sources.placing import GridRules
from ecoai_pipeline.sources.reader import Progress, Reader, Terms
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.refusals import Refusals
from ecoai_pipeline.sources.tables import of_file
from ecoai_pipeline.sources.units import UnknownUnitError, unit_in
from ecoai_pipeline.sources.values import Values
from ecoai_pipeline.sources.wide import WideLayout
from ecoai_pipeline.storage.erasure import WORD, Tombstones
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing, digest_of
from ecoai_pipeline.storage.receipts import Statement
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import empty
from ecoai_pipeline.storage.side_by_side import one_ahead, side_by_side

Watch = Callable[[Month, pl.DataFrame], None]


@dataclass(frozen=True)
class Prepared:
    """A file that was opened and recognised, and the id its statement has."""

    opened: OpenFile
    source: Source
    layout: Layout
    traits: Traits
    sha256: str
    statement_id: str
    options: IngestOptions

    @classmethod
    def of(cls, path: Path, file: str, options: IngestOptions, meters: Collection[str] = ()) -> Self:
        """Open a file; `meters` are those that an earlier reading of it found, where it is read again."""
        if options.columns is not None:  # the statement records how the file was understood
            options = options.model_copy(update={"columns": with_named_side(options.columns)})
        opened = open_file(path, file, options.opening(mapped_columns(options.columns)))
        if options.columns is not None:
            options = options.model_copy(update={"columns": with_day_end(opened, options.columns)})
        source = _said_by_options(options) or choose(opened, options.source, options.columns, options.flow)
        layout = source.layout(opened)
        if stem_of(file) in meters:
            layout = of_file(layout, stem_of(file))
        if isinstance(layout, WideLayout) and options.industry is not None:
            layout = replace(layout, industry_told=True)
        if isinstance(layout, LongLayout) and options.unit is not None:
            layout = replace(layout, units=None)
        warnings = (
            *layout.traits.warnings,
            *_doubtful_encoding(options, opened),
            *_row_numbers(opened, layout),
            *_contradicted_unit(options, layout),
            *_contradicted_zone(options, layout),
            *_unclear_zone(options, layout),
        )
        options = _with_named_unit(options, layout)
        unit = options.unit or layout.traits.unit
        if unit.is_power and isinstance(layout, LongLayout) and layout.mapping.is_register:
            raise IngestError(file, f"register=true needs a unit of energy, {unit} is one of power; correct the unit")
        decimal = options.decimal or layout.traits.decimal
        missing = options.missing or (options.columns and options.columns.missing)
        traits = replace(
            layout.traits,
            missing=tuple(missing.split("|")) if missing else (),
            zone=options.zone or layout.traits.zone,
            unit=unit,
            decimal=decimal,
            warnings=warnings,
        )
        sha256 = digest_of(path)
        return cls(opened, source, layout, traits, sha256, _statement_id(sha256, source, layout, options, file), options)


def _with_named_unit(options: IngestOptions, layout: Layout) -> IngestOptions:
    """Options with the unit that the name of the mapped column names, so that the statement records how it was understood."""
    columns, unit = options.columns, layout.traits.unit
    silent = options.unit is None and columns is not None and "unit" not in columns.model_fields_set
    return options.model_copy(update={"unit": unit}) if silent and columns and unit is not columns.unit else options


def _doubtful_encoding(options: IngestOptions, opened: OpenFile) -> Iterator[str]:
    """A warning where names were read as Windows-1252 and are other names in the encoding of Central Europe."""
    stated = options.encoding or (options.columns and options.columns.encoding)
    if stated or getattr(opened, "encoding", None) != LATIN:
        return
    texts = [*opened.header, *opened.sample["text"].to_list()]
    if found := next((other for text in texts if not text.isascii() and (other := other_reading(text))), None):
        yield f"it is not UTF-8 and was read as Windows-1252: {found[0]!r}; if that is {found[1]!r}, withdraw it and give --encoding cp1250"


def _row_numbers(opened: OpenFile, layout: Layout) -> Iterator[str]:
    """A line about columns that only number the rows."""
    for name in row_numbers(opened) if "fields" in opened.sample.columns else ():
        if name in layout.traits.unmapped:
            yield f"column {name!r} only numbers the rows and was left out"


def _contradicted_unit(options: IngestOptions, layout: Layout) -> Iterator[str]:
    """A warning where the name of the column names another unit than the one that is stated."""
    mapped = options.columns.unit if options.columns and "unit" in options.columns.model_fields_set else None
    stated = options.unit or mapped
    if stated is None or not isinstance(layout, LongLayout):
        return
    try:
        named = unit_in(layout.mapping.kwh)
    except UnknownUnitError:
        named = None
    if named and named is not stated:
        yield f"column {layout.mapping.kwh!r} names the unit {named}, but {stated} is stated: {stated} was taken"


def _contradicted_zone(options: IngestOptions, layout: Layout) -> Iterator[str]:
    """A warning where the file names another zone for its stamps than the one that is stated."""
    named = layout.traits.stamp_zone
    if options.zone and named and named != options.zone:
        yield f"the file names the time zone {named} for its stamps, but --zone {options.zone} is stated: {options.zone} was taken"


def _unclear_zone(options: IngestOptions, layout: Layout) -> Iterator[str]:
    """A warning where the name of the stamps bears an abbreviation that means several zones, and nobody states one."""
    if options.zone or layout.traits.zone or layout.traits.stamp_zone or not isinstance(layout, LongLayout):
        return
    column = layout.mapping.timestamp
    for word in re.findall(r"(?<![A-Z])[A-Z]{3,4}(?![A-Za-z])", column):
        if zones := zones_meant(word):
            yield f"column {column!r} names {word}, which is no zone by itself and was not used: give --zone {zones}"


def _said_by_options(options: IngestOptions) -> Source | None:
    """Values without times are a source that the sender's options alone make one."""
    return Values(options.start, options.interval_s) if options.start and options.interval_s else None


def _statement_id(sha256: str, source: Source, layout: Layout, options: IngestOptions, file: str) -> str:
    """Depends on the bytes and on how they are understood, not on order or time; the file's name counts where it names the meter."""
    stem = stem_of(file) if layout.named_by_file else None
    understood = {**options.model_dump(mode="json"), "source": source.name, "stem": stem}
    return hashlib.sha256((sha256 + json.dumps(understood, sort_keys=True)).encode()).hexdigest()[:16]


def grid_rules(settings: Settings) -> GridRules:
    return GridRules(settings.quality.intervals_s, settings.sources.grid_share, settings.sources.grid_most_s)


def piece_fingerprint(statement_id: str, zones: Mapping[str, str], decimals: Mapping[str, str], grid: GridRules) -> str:
    """What the pieces of a statement would be made from now."""
    inputs = {"statement": statement_id, "zones": dict(zones), **({"decimals": dict(decimals)} if decimals else {})}
    return fingerprint(inputs=inputs, params={"grid": asdict(grid)}, code=code_digest("sources"))


class Intake:
    """One reading of a file. Nothing is compared with other statements here; `watch` is shown the readings of each month,
    some meters at a time.

    Attributes:
        accepted, repeats: readings, and those among them that repeat an earlier one of the file.
        meters: which meters have readings in which month.
        zones: by which zone the months of each meter were cut.
        decimals: the decimal signs that the registry states for meters of the file, or stated when the file came.
        elsewhere: meters and months that were refused because the meter is registered in another industry.
        rulings: what the file's own lines say of each meter's industry, against the registry.
        erased: meters of the file that were erased and may not come again; nothing but their number is kept of their rows.
        claimed: meters that the file puts into another industry than the sender.
        decimal: the decimal sign of the numbers, where they are texts with one.
        table_notes: the same of tables below the first one.
        given_once: by zone, meters that give the hour that comes twice once.
        placeless: readings whose interval another stamp of the meter has taken (line, meter, timestamp).
        lengths: intervals of meters that the file itself does not tell, taken from earlier files, seconds.
        usage, unknown_usage: contract classes that the file names, and texts that name none.
    """

    def __init__(
        self,
        lake: Lake,
        settings: Settings,
        prepared: Prepared,
        options: IngestOptions,
        received_at: datetime,
        *,
        write: bool,
        watch: Watch = lambda _month, _rows: None,
        restoring: Statement | None = None,
        allow_again: bool = False,
    ) -> None:
        self.tombstones, self._erased_may_come = Tombstones(lake), allow_again or restoring is not None
        self.landing, self.registry = Landing(lake), MeterRegistry(lake)
        self.settings, self.prepared, self.options = settings, prepared, options
        self.received_at, self.write, self.watch, self.restoring = received_at.astimezone(UTC), write, watch, restoring
        self.statement_id = restoring.statement_id if restoring else prepared.statement_id
        self.accepted = self.repeats = 0
        self.meters: dict[Month, list[str]] = {}
        self.zones: dict[str, str] = {}
        self.decimals: dict[str, Decimal] = dict(restoring.decimals) if restoring else {}
        self.lengths: dict[str, int] = {}
        self.elsewhere: dict[str, list[str]] = {}
        self.rulings: dict[str, Ruling] = {}
        self.erased: set[str] = set()
        self.table_notes: tuple[str, ...] = ()
        self.decimal: Decimal | None = None
        self._telling: list[str] = []
        self.claimed: list[str] = []
        self.usage: dict[str, UsageType] = {}
        self.unknown_usage: dict[str, str] = {}
        self.refused = Refusals()
        self._labels: list[pl.DataFrame] = []
        self._weather: list[pl.DataFrame] = []
        self._arrivals: list[pl.DataFrame] = [empty(ARRIVALS)]
        self.given_once: dict[str, list[str]] = {}
        self.placeless = pl.DataFrame(schema={"line": pl.Int64, "meter": pl.String, "timestamp": pl.Datetime("us", "UTC")})

    def _forget_words_of_erased(self) -> None:
        """Leave out of refused readings the words of rows that may be about an erased meter."""
        if self.tombstones.any and not self._erased_may_come:
            nameless = self.refused.each(lambda rows: rows.filter(pl.col("meter").is_null()).select("text").drop_nulls().unique())
            self._telling = [text for text in nameless["text"].unique() if self.tombstones.erased(WORD.findall(text))]
        if not self.holds_erased:
            return
        about = pl.col("meter").is_in(list(self.erased)) | (pl.col("meter").is_null() & pl.col("text").is_in(self._telling))
        keep = ~about.fill_null(value=False)
        words = pl.when(keep).then("meter").alias("meter"), pl.when(keep).then("text").otherwise(pl.lit("")).alias("text")
        self.refused = self.refused.changed(lambda rows: rows.with_columns(words))

    @property
    def holds_erased(self) -> bool:
        """Whether the file names an erased meter, be it in a line that is torn."""
        return bool(self.erased or self._telling)

    @property
    def weather(self) -> pl.DataFrame:
        return weather(self._weather, self.statement_id, self.prepared.opened.delimiter)

    @property
    def arrivals(self) -> pl.DataFrame:
        return pl.concat(self._arrivals)

    @property
    def all_meters(self) -> list[str]:
        return sorted({name for names in self.meters.values() for name in names})

    def read(self, progress: Progress | None = None) -> None:
        """Read all months and, when writing, keep them as pieces."""
        with tempfile.TemporaryDirectory(prefix="ecoai-ingest-") as folder:
            latest = self.received_at + timedelta(hours=self.settings.sources.future_tolerance_h)
            rules = grid_rules(self.settings)
            terms = Terms(
                self.prepared.traits,
                self._zones_of,
                self.settings.first_month,
                rules,
                latest,
                decimal_of=self._decimal_of,
                lengths_before=self._lengths_before,
                unit_stated=self.options.unit is not None,
                columns_stated=self.options.columns is not None,
                was_accepted=self.restoring is not None,
            )
            reader = Reader(self.prepared.opened, self.prepared.layout, terms, Path(folder), self.settings.storage.piece_rows)
            kept = _Kept(Path(folder) / "kept")
            reader.read(self.settings.sources.block_mb << 20, progress)
            self.decimal = reader.numbers.sign
            self.table_notes = tuple(reader.tables.notes())
            self.erased = set() if self._erased_may_come else self.tombstones.erased(self.zones)
            self.zones = {name: zone for name, zone in self.zones.items() if name not in self.erased}
            self._rule(reader.claims.filter(~pl.col("meter").is_in(list(self.erased))))
            zones = self.registry.zones_of(self.restoring.zones) if self.restoring else self.zones
            if not self.restoring:
                self.decimals |= self.registry.decimals_of(self.zones)
            self.made_from = piece_fingerprint(self.statement_id, zones, self.decimals, grid_rules(self.settings))
            for number, (month, rows) in enumerate(one_ahead(self._all_taken(reader)), start=1):
                if self.write and rows.height:
                    self._write_piece(month, [rows]) if reader.months_are_whole else kept.put(month, rows)
                if progress:
                    progress(f"sorting {month}", 1 - 1 / (number + 1))
            side_by_side(lambda month: self._write_piece(month, kept.take(month)), kept.months)
            self.refused.take_over(reader.refused)
            self._forget_words_of_erased()

    def _all_taken(self, reader: Reader) -> Iterator[tuple[Month, pl.DataFrame]]:
        """The accepted readings of some meters in a month after those of another month."""
        return ((month, self._taken(month, settled)) for month, settled in one_ahead(reader.months()))

    def _write_piece(self, month: Month, readings: Iterable[pl.DataFrame]) -> None:
        self.landing.write_piece(self.statement_id, month, readings, self.made_from)

    def write_tables(self) -> None:
        """Replace the tables that belong to the statement."""
        cells, file = self.prepared.layout.cells, self.prepared.opened.file
        refused = (quarantined(self._with_texts(rows), cells, file, self.statement_id) for rows in self.refused.in_order())
        self.landing.write_table(QUARANTINE, self.statement_id, refused)
        self.landing.write_table(LABELS, self.statement_id, [runs(self._labels, self.statement_id)])
        self.landing.write_table(WEATHER, self.statement_id, [self.weather])
        self.landing.write_table(ARRIVALS, self.statement_id, [self.arrivals])

    def _with_texts(self, refused: pl.DataFrame) -> pl.DataFrame:
        opened = self.prepared.opened
        return opened.with_texts(refused) if isinstance(opened, ParquetRows) else refused

    def forget(self) -> None:
        """Remove what was written for a statement that will not be entered; of one that has been, its pieces, a cache."""
        shutil.rmtree(self.landing.piece_path(self.statement_id, Month(2000, 1)).parent, ignore_errors=True)
        if self.landing.is_known(self.statement_id):
            return
        for table in (QUARANTINE, LABELS, WEATHER, ARRIVALS):
            shutil.rmtree(self.landing.table_path(table, self.statement_id).parent, ignore_errors=True)

    def stamps_zone(self, meter_id: str) -> str:
        """Stamps are in the zone that the sender names, else the one that the file names, the registry's, the source's, the settings'."""
        registered, traits = self.registry.home_zone(meter_id), self.prepared.traits
        return self.options.zone or traits.stamp_zone or registered or traits.zones.get(meter_id) or traits.zone or self.settings.time_zone

    def _zones_of(self, meter_id: str) -> Zones:
        """The zone of the stamps, and the registry's, which months are those of."""
        registered, stamps = self.registry.home_zone(meter_id), self.stamps_zone(meter_id)
        in_utc = self.options.zone is None and self.prepared.traits.stamp_zone == "UTC"
        home = registered or (self.settings.time_zone if in_utc else stamps)
        self.zones[meter_id] = home
        return Zones(stamps, home)

    def _lengths_before(self, meters: Sequence[str]) -> dict[str, int]:
        """The usual interval of each meter in the newest earlier file that has readings of it, seconds."""
        if self.restoring:
            self.lengths = {name: length for name, length in self.restoring.lengths.items() if name in meters}
        else:
            self.lengths = lengths_of(self.landing, meters)
        return self.lengths

    def _decimal_of(self, meter_id: str) -> Decimal | None:
        """The decimal sign of the registry; of a file that is read again the one that it stated then."""
        if not self.restoring and meter_id not in self.decimals:
            self.decimals |= self.registry.decimals_of([meter_id])
        return self.decimals.get(meter_id)

    def _rule(self, claims: pl.DataFrame) -> None:
        if self.options.industry is not None:
            self.claimed = claims.filter(pl.col("industry") != self.options.industry.value)["meter"].unique().sort().to_list()
        if self.options.industry is None and claims.height:
            self.rulings = {
                name: rule(name, said, self.registry, self.settings.registry_start) for name, said in said_by_lines(claims).items()
            }
        first = claims.drop_nulls("usage").unique("meter", keep="first", maintain_order=True)
        self.usage = {meter: UsageType(usage) for meter, usage in first.select("meter", "usage").iter_rows()}
        unknown = claims.drop_nulls("unknown_usage").unique("meter", keep="first", maintain_order=True)
        self.unknown_usage = dict(unknown.select("meter", "unknown_usage").iter_rows())

    def _taken(self, month: Month, settled: pl.DataFrame) -> pl.DataFrame:
        """STATED_READINGS of some meters in a month, those left out that must not come, and all that is told by them."""
        names = settled["meter"].unique().to_list()
        strangers = [name for name in names if name not in self.erased and self._is_elsewhere(name, month)]
        for name in strangers:
            self.elsewhere.setdefault(name, []).append(str(month))
        is_erased, is_stranger = pl.col("meter").is_in(list(self.erased)), pl.col("meter").is_in(strangers)
        reason = pl.when(is_erased).then(pl.lit(Reason.ERASED.value)).when(is_stranger).then(pl.lit(Reason.OTHER_INDUSTRY.value))
        parts = split(settled.with_columns(reason=reason))
        self.refused.add(parts.refused)
        single = parts.good.filter(~pl.col("repeat"))
        rows = readings(single, self.statement_id)
        if parts.good.height == 0:
            return rows
        self.meters[month] = sorted([*self.meters.get(month, []), *rows["meter_id"].unique().to_list()])
        self.accepted += parts.good.height
        self.repeats += parts.good.height - single.height
        self._look_at_the_fold(month, single)
        self.placeless = pl.concat([self.placeless, single.filter("placeless").select(self.placeless.columns)])
        self._labels.append(labelled(single))
        if self.prepared.traits.weather:
            self._weather.append(weather_texts(single, self.prepared.traits.weather))
        self._arrivals.append(arrivals(parts.good, self.statement_id))
        self.watch(month, rows)
        return rows

    def _look_at_the_fold(self, month: Month, single: pl.DataFrame) -> None:
        """Note the meters that give the hour that comes twice once."""
        by_zone: dict[str, list[str]] = {}
        for meter in single["meter"].unique().to_list():
            by_zone.setdefault(self.stamps_zone(meter), []).append(meter)
        for zone, meters in by_zone.items():
            if change := falls_back(zone, month):
                once = given_once(single.filter(pl.col("meter").is_in(meters)), *change)
                self.given_once.setdefault(zone, []).extend(once)

    def _is_elsewhere(self, meter_id: str, month: Month) -> bool:
        """Whether the meter is, or was at receipt, registered in another industry than the sender or the file says."""
        if self.restoring:
            return str(month) in self.restoring.elsewhere.get(meter_id, [])
        said: Industry | None = self.options.industry
        if said is not None:
            known = [meter for meter in (self.registry.at(meter_id, month), self.registry.at(meter_id, month.next)) if meter]
            return bool(known) and all(meter.industry != said for meter in known)
        ruling = self.rulings.get(meter_id)
        return ruling is not None and month in ruling.refused


class _Kept:
    """Accepted readings by month, on disk until a month is whole; they come in order of their meters."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._parts: dict[Month, list[Path]] = {}

    @property
    def months(self) -> list[Month]:
        return sorted(self._parts)

    def put(self, month: Month, rows: pl.DataFrame) -> None:
        parts = self._parts.setdefault(month, [])
        parts.append(self._folder / f"{month}-{len(parts):06d}.arrow")
        rows.write_ipc(parts[-1], compression="lz4")

    def take(self, month: Month) -> Iterator[pl.DataFrame]:
        return (pl.read_ipc(path) for path in self._parts[month])
