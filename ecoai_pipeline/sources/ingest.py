"""Taking in a provider's file: land it, read it, keep its readings by month, and enter the statement."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from ecoai_pipeline.domain import ARRIVALS, LABELS, QUARANTINE, RAW_READINGS, WEATHER, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.canonical import REFUSED, Zones, split
from ecoai_pipeline.sources.catalog import Source, choose
from ecoai_pipeline.sources.files import OpenFile, open_file
from ecoai_pipeline.sources.industries import Ruling, rule, said_by_lines
from ecoai_pipeline.sources.kepco import WideLayout
from ecoai_pipeline.sources.labels import labelled, runs
from ecoai_pipeline.sources.layout import Layout, Traits, stem_of
from ecoai_pipeline.sources.mapping import FILE_STEM, ColumnMapping, Unit
from ecoai_pipeline.sources.merge import merged
from ecoai_pipeline.sources.reader import Progress, Reader, Terms
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing, Statement, digest_of
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import empty

__all__ = ["IngestError", "IngestOptions", "IngestResult", "ensure_pieces", "ingest_file"]

IMPLAUSIBLE = 1.2
"""A reading above this multiple of what the connection can carry is not believed."""


_LAST = Month(9999, 12)
T = TypeVar("T")


class IngestOptions(BaseModel):
    """What the sender of a file says about it; all of it may be left to the file itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = None
    industry: Industry | None = None
    zone: str | None = None
    unit: Unit | None = None
    columns: ColumnMapping | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        try:
            return zone and ZoneInfo(zone).key
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{zone!r} is no time zone; write it like Asia/Seoul") from None

    @classmethod
    def of(
        cls,
        *,
        source: str | None = None,
        industry: str | None = None,
        zone: str | None = None,
        unit: str | None = None,
        columns: str | None = None,
    ) -> Self:
        """Options as a person writes them: Korean names of industries, a mapping as a file or inline.

        Raises:
            ValueError: one of them cannot be understood; the message lists what is known.
        """
        if unit and unit.lower() not in (known.value.lower() for known in Unit):
            raise ValueError(f"--unit: unknown unit {unit!r}; known are {', '.join(Unit)}")
        try:
            return cls(
                source=source or None,
                industry=_option("industry", Industry.parse, industry),
                zone=zone or None,
                unit=_option("unit", Unit, unit),
                columns=_option("columns", ColumnMapping.parse, columns),
            )
        except ValidationError as error:
            raise ValueError("; ".join(f"--{fault['loc'][0]}: {_plain(fault['msg'])}" for fault in error.errors())) from None


def _option(name: str, read: Callable[[str], T], text: str | None) -> T | None:
    """Read an option's text; an error names the option."""
    try:
        return read(text) if text else None
    except ValueError as error:
        raise ValueError(f"--{name}: {error}") from None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


@dataclass(frozen=True)
class IngestResult:
    """What became of a file: the statement, and the partitions of raw_readings that it touches."""

    statement: Statement
    already: bool
    partitions: list[Partition]
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """The result as JSON-able values."""
        statement = self.statement.model_dump(mode="json", exclude={"sha256", "options", "received_at", "zones", "elsewhere"})
        return {**statement, "already": self.already, "quarantined_by_reason": self.quarantined_by_reason}


@dataclass(frozen=True)
class Prepared:
    """A file that was opened and recognised, and the id its statement has."""

    opened: OpenFile
    source: Source
    layout: Layout
    traits: Traits
    sha256: str
    statement_id: str

    @classmethod
    def of(cls, path: Path, file: str, options: IngestOptions) -> Self:
        opened = open_file(path, file)
        source = choose(opened, options.source, options.columns)
        layout = source.layout(opened)
        if isinstance(layout, WideLayout) and options.industry is not None:
            layout = replace(layout, industry_told=True)
        traits = replace(layout.traits, zone=options.zone or layout.traits.zone, unit=options.unit or layout.traits.unit)
        sha256 = digest_of(path)
        return cls(opened, source, layout, traits, sha256, _statement_id(sha256, source, layout, options, file))


def ingest_file(
    lake: Lake,
    settings: Settings,
    path: Path,
    options: IngestOptions,
    *,
    received_at: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> IngestResult:
    """Take in one file, or with `dry_run` say what would come of it.

    The counts balance: `readings_in = accepted + quarantined`, where a line of a wide file counts as many readings as it
    has interval columns and each refused one has its own row in `quarantine`; `accepted = added + changed + unchanged`,
    where an equal repeat within the file is unchanged. The same file with the same options changes nothing.

    Raises:
        IngestError: the file cannot be used at all; nothing is left behind.
    """
    prepared = Prepared.of(path, path.name, options)
    with nullcontext() if dry_run else lake.lock("landing"):
        landing = Landing(lake)
        earlier = landing.statement(prepared.statement_id)
        if earlier is not None and not dry_run:
            landing.land(path, prepared.sha256)
        if earlier is not None and _can_be_read(lake, settings, earlier):
            return _again(lake, settings, earlier, received_at, write=not dry_run)
        intake = _Intake(lake, settings, landing, prepared, options, received_at, write=not dry_run)
        return intake.run(path, progress)


def home_zone(registry: MeterRegistry, meter_id: str) -> str | None:
    """The time zone that a meter's days and months are those of, as its newest registry row has it; none where it is unknown."""
    known = registry.at(meter_id, _LAST)
    return known.time_zone if known else None


def ensure_pieces(lake: Lake, settings: Settings, statements: Sequence[Statement], month: Month) -> None:
    """Read landed files again whose order breaks are gone, or whose pieces of a month are gone or made by other code or zones.

    Raises:
        IngestError: the landed file is gone too, or gives fewer readings than it did.
    """
    landing, registry = Landing(lake), MeterRegistry(lake)
    for statement in statements:
        wanted = _piece_fingerprint(statement.statement_id, zones_now(statement, registry))
        if landing.lacks_arrivals(statement) or landing.piece_fingerprint(statement.statement_id, month) != wanted:
            _restore(lake, settings, landing, statement)


def zones_now(statement: Statement, registry: MeterRegistry) -> dict[str, str]:
    """By which zones the months of a statement's meters are to be cut as the registry is now."""
    return {name: home_zone(registry, name) or before for name, before in statement.zones.items()}


def _piece_fingerprint(statement_id: str, zones: Mapping[str, str]) -> str:
    return fingerprint(inputs={"statement": statement_id, "zones": dict(zones)}, params={}, code=code_digest("sources"))


def _restore(lake: Lake, settings: Settings, landing: Landing, statement: Statement) -> None:
    """Read a landed file again as its statement took it; months that have no reading any more get an empty piece."""
    landed = landing.folder / statement.sha256
    if not landed.exists():
        message = f"its landed copy {landed} is gone, and so is what was read from it; restore it from a backup or ingest the file again"
        raise IngestError(statement.file, message)
    options = IngestOptions.model_validate(statement.options)
    prepared = Prepared.of(landed, statement.file, options.model_copy(update={"source": statement.source}))
    intake = _Intake(lake, settings, landing, prepared, options, statement.received_at, write=True, restoring=statement)
    intake.read(None)
    accepted, zones = intake.counts["accepted"], zones_now(statement, intake.registry)
    if accepted < statement.accepted and zones == statement.zones:
        intake.forget()
        message = f"reading its landed copy again gives {accepted} readings, but {statement.accepted} were accepted when it came"
        raise IngestError(statement.file, f"{message}; ingest the file again to have it judged anew")
    around = {near for month in map(Month.parse, statement.months) for near in (month.previous, month, month.next)}
    for month in around - intake.meters.keys():
        landing.write_piece(statement.statement_id, month, empty(RAW_READINGS), intake.made_from)
    intake.write_tables()


def _statement_id(sha256: str, source: Source, layout: Layout, options: IngestOptions, file: str) -> str:
    """Depends on the bytes and on how they are understood, not on order or time; the file's name counts where it names the meter."""
    mapping = getattr(layout, "mapping", None)
    stem = stem_of(file) if mapping is not None and mapping.meter == FILE_STEM else None
    understood = {**options.model_dump(mode="json"), "source": source.name, "stem": stem}
    return hashlib.sha256((sha256 + json.dumps(understood, sort_keys=True)).encode()).hexdigest()[:16]


def _can_be_read(lake: Lake, settings: Settings, statement: Statement) -> bool:
    """Whether a statement still says what it said; else its file has to be judged anew."""
    try:
        for text in statement.months:
            ensure_pieces(lake, settings, [statement], Month.parse(text))
    except IngestError:
        return False
    return True


def _again(lake: Lake, settings: Settings, earlier: Statement, received_at: datetime, *, write: bool) -> IngestResult:
    """The same file as before: nothing, unless newer statements say otherwise; then a new receipt makes it the newest."""
    landing, counts = Landing(lake), Counter[str]()
    for text in earlier.months if _newer(landing, earlier) else []:
        month = Month.parse(text)
        counts.update(_compared(lake, settings, landing.touching(month), month, landing.scan_piece(earlier.statement_id, month).collect()))
    partitions, reasons = _partitions_of(lake, earlier), _by_reason(_reasons_of(landing, earlier))
    added, changed = counts["added"], counts["changed"]
    told = {"added": added, "changed": changed, "unchanged": earlier.accepted - added - changed}
    if not added + changed:
        return IngestResult(earlier.model_copy(update=told), True, partitions, reasons)
    statement = earlier.model_copy(update={**told, "received_at": received_at.astimezone(UTC)})
    if write:
        landing.statements.append(statement)
    return IngestResult(statement, False, partitions, reasons)


def _newer(landing: Landing, earlier: Statement) -> bool:
    """Whether a statement that came after the last receipt of this one is about a meter and a month of it."""
    receipts = landing.in_force()
    after = receipts[receipts.index(earlier) + 1 :]
    return any(not (set(one.meters).isdisjoint(earlier.meters) or set(one.months).isdisjoint(earlier.months)) for one in after)


def _compared(lake: Lake, settings: Settings, about: Sequence[Statement], month: Month, rows: pl.DataFrame) -> dict[str, int]:
    """Count the readings of a month that are new, that change what some statements say, and that repeat it."""
    meters = rows["meter_id"].unique().sort().to_list()
    about = [statement for statement in about if not set(meters).isdisjoint(statement.meters)]
    if not about:
        return {"added": rows.height}
    ensure_pieces(lake, settings, about, month)
    before = merged(Landing(lake), about, month, meters).with_columns(known=True)
    both = rows.join(before, on=["meter_id", "timestamp"], how="left", suffix="_before")
    equal = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in ("kwh", "quality", "interval_s"))
    known = pl.col("known").is_not_null()
    counts = both.select(added=(~known).sum(), changed=(known & ~equal).sum(), unchanged=(known & equal).sum())
    return counts.row(0, named=True)


def _partitions_of(lake: Lake, earlier: Statement) -> list[Partition]:
    landing, registry, partitions = Landing(lake), MeterRegistry(lake), set()
    for text in earlier.months:
        month = Month.parse(text)
        meters = landing.scan_piece(earlier.statement_id, month).select(pl.col("meter_id").unique()).collect().to_series()
        partitions |= {Partition(meter.industry, month) for name in meters if (meter := registry.at(name, month))}
    return sorted(partitions)


def _reasons_of(landing: Landing, earlier: Statement) -> pl.Series:
    refused = landing.table_path(QUARANTINE, earlier.statement_id)
    return pl.read_parquet(refused, hive_partitioning=False)["reason"] if refused.exists() else pl.Series([], dtype=pl.String)


def _by_reason(reasons: pl.Series) -> dict[str, int]:
    """Counts by the closed list of reasons; what follows `; ` is detail."""
    plain = reasons.str.split("; ").list.first()
    return dict(sorted(plain.value_counts().iter_rows(), key=lambda item: (-item[1], item[0])))


class _Intake:
    """The making of one statement."""

    def __init__(
        self,
        lake: Lake,
        settings: Settings,
        landing: Landing,
        prepared: Prepared,
        options: IngestOptions,
        received_at: datetime,
        *,
        write: bool,
        restoring: Statement | None = None,
    ) -> None:
        self.lake, self.settings, self.landing, self.prepared, self.options = lake, settings, landing, prepared, options
        self.received_at, self.write = received_at.astimezone(UTC), write
        self.restoring = restoring
        self.statement_id = restoring.statement_id if restoring else prepared.statement_id
        self.registry = MeterRegistry(lake)
        self.earlier = [] if restoring else [one for one in landing.in_force() if one.statement_id != self.statement_id]
        self.counts: Counter[str] = Counter()
        self.meters: dict[Month, list[str]] = {}
        self.refused: list[pl.DataFrame] = []
        self.labels: list[pl.DataFrame] = []
        self.weather: list[pl.DataFrame] = []
        self.arrivals: list[pl.DataFrame] = [empty(ARRIVALS)]
        self.over_capacity: Counter[str] = Counter()
        self.measured: Counter[str] = Counter()
        self.zones: dict[str, str] = {}
        self.elsewhere: dict[str, list[str]] = {}
        self.rulings: dict[str, Ruling] = {}
        self.claimed: list[str] = []
        self.usage: dict[str, UsageType] = {}
        self.unknown_usage: dict[str, str] = {}

    def run(self, path: Path, progress: Progress | None) -> IngestResult:
        """Read the file and enter it, or leave everything as it was."""
        try:
            self.read(progress)
            if not self.counts["accepted"]:
                raise IngestError(path, "no row of it is a usable reading; nothing was kept", _by_reason(self._reasons()))
            return self._enter(path)
        except BaseException:
            if self.write:
                self.forget()
            raise

    def read(self, progress: Progress | None) -> None:
        """Read all months and, when writing, keep them as pieces."""
        with tempfile.TemporaryDirectory(prefix="ecoai-ingest-") as folder:
            terms = Terms(self.prepared.traits, self._zones_of, self.received_at + self._tolerance)
            reader = Reader(self.prepared.opened, self.prepared.layout, terms, Path(folder))
            reader.read(self.settings.sources.block_mb << 20, progress)
            self._rule(reader.claims)
            zones = zones_now(self.restoring, self.registry) if self.restoring else self.zones
            self.made_from = _piece_fingerprint(self.statement_id, zones)
            for number, (month, readings) in enumerate(reader.months(), start=1):
                self._take_month(month, readings)
                if progress:
                    progress(f"sorting {month}", 1 - 1 / (number + 1))
            self.refused += reader.refused

    @property
    def _tolerance(self) -> timedelta:
        return timedelta(hours=self.settings.sources.future_tolerance_h)

    def _zones_of(self, meter_id: str) -> Zones:
        """Stamps are in the zone that the sender names, else the registry's, the source's, the settings'; months in the registry's."""
        registered = home_zone(self.registry, meter_id)
        stamps = self.options.zone or registered or self.prepared.traits.zone or self.settings.time_zone
        self.zones[meter_id] = registered or stamps
        return Zones(stamps, registered or stamps)

    def _rule(self, claims: pl.DataFrame) -> None:
        if self.options.industry is not None:
            self.claimed = claims.filter(pl.col("industry") != self.options.industry.value)["meter"].unique().sort().to_list()
        if self.options.industry is None and claims.height:
            self.rulings = {name: rule(name, said, self.registry) for name, said in said_by_lines(claims).items()}
        first = claims.drop_nulls("usage").unique("meter", keep="first", maintain_order=True)
        self.usage = {meter: UsageType(usage) for meter, usage in first.select("meter", "usage").iter_rows()}
        unknown = claims.drop_nulls("unknown_usage").unique("meter", keep="first", maintain_order=True)
        self.unknown_usage = dict(unknown.select("meter", "unknown_usage").iter_rows())

    def _take_month(self, month: Month, readings: pl.DataFrame) -> None:
        names = readings["meter"].unique().to_list()
        strangers = [name for name in names if self._elsewhere(name, month)]
        for name in strangers:
            self.elsewhere.setdefault(name, []).append(str(month))
        reason = pl.when(pl.col("meter").is_in(strangers)).then(pl.lit(Reason.OTHER_INDUSTRY.value))
        parts = split(readings.with_columns(reason=reason))
        self.refused.append(parts.refused)
        if parts.good.height == 0:
            return
        single = parts.good.filter(~pl.col("repeat"))
        rows = _readings(single, self.statement_id)
        self.meters[month] = sorted(rows["meter_id"].unique().to_list())
        self.counts["accepted"] += parts.good.height
        self.counts["unchanged"] += parts.good.height - single.height
        about = [statement for statement in self.earlier if str(month) in statement.months]
        self.counts.update(_compared(self.lake, self.settings, about, month, rows))
        self.labels.append(labelled(single))
        self.weather.append(_weather(single, self.prepared.traits.weather, self.statement_id))
        self.arrivals.append(_arrivals(parts.good, self.statement_id))
        self._weigh(month, rows)
        if self.write:
            self.landing.write_piece(self.statement_id, month, rows, self.made_from)

    def _elsewhere(self, meter_id: str, month: Month) -> bool:
        """Whether the meter is, or was at receipt, registered in another industry than the sender or the file says."""
        if self.restoring:
            return str(month) in self.restoring.elsewhere.get(meter_id, [])
        said = self.options.industry
        if said is not None:
            known = [meter for meter in (self.registry.at(meter_id, month), self.registry.at(meter_id, month.next)) if meter]
            return bool(known) and all(meter.industry != said for meter in known)
        ruling = self.rulings.get(meter_id)
        return ruling is not None and month in ruling.refused

    def _weigh(self, month: Month, rows: pl.DataFrame) -> None:
        """Count readings above what a meter's connection can carry."""
        known = {name: meter.capacity_kw for name in self.meters[month] if (meter := self.registry.at(name, month)) and meter.capacity_kw}
        if not known:
            return
        limit = pl.col("meter_id").replace_strict(known, default=None, return_dtype=pl.Float64) * pl.col("interval_s") / 3600 * IMPLAUSIBLE
        over = rows.group_by("meter_id").agg(over=(pl.col("kwh") > limit).sum(), measured=pl.col("kwh").count())
        for name, above, measured in over.iter_rows():
            self.over_capacity[name] += above
            self.measured[name] += measured

    def _enter(self, path: Path) -> IngestResult:
        fresh = self._fresh_meters()
        statement = self._statement(fresh)
        if self.write:
            self.landing.land(path, self.prepared.sha256)
            self.write_tables()
            self.registry.register(fresh, origin=path.name, at=self.received_at)
            self.landing.statements.append(statement)
        return IngestResult(statement, False, self._partitions(fresh), _by_reason(self._reasons()))

    def write_tables(self) -> None:
        """Replace the tables that belong to the statement."""
        quarantine = _quarantined(self._all_refused(), self.prepared, self.statement_id)
        self.landing.write_table(QUARANTINE, self.statement_id, quarantine)
        self.landing.write_table(LABELS, self.statement_id, runs(self.labels, self.statement_id))
        self.landing.write_table(WEATHER, self.statement_id, pl.concat(self.weather))
        self.landing.write_table(ARRIVALS, self.statement_id, pl.concat(self.arrivals))

    def _statement(self, fresh: Sequence[Meter]) -> Statement:
        counts = {name: self.counts[name] for name in ("accepted", "added", "changed", "unchanged")}
        quarantined = len(self._reasons())
        return Statement(
            statement_id=self.statement_id,
            sha256=self.prepared.sha256,
            file=self.prepared.opened.file,
            source=self.prepared.source.name,
            options=self.options.model_dump(mode="json"),
            received_at=self.received_at,
            readings_in=counts["accepted"] + quarantined,
            quarantined=quarantined,
            order_breaks=sum(frame.height for frame in self.arrivals),
            meters=sorted({name for names in self.meters.values() for name in names}),
            months=[str(month) for month in sorted(self.meters)],
            zones=self.zones,
            elsewhere=self.elsewhere,
            unmapped=list(self.prepared.traits.unmapped),
            warnings=[*self._warnings(fresh)],
            **counts,
        )

    def _fresh_meters(self) -> list[Meter]:
        """Registry rows for meters that are new, or whose change of industry the file shows."""
        fresh = []
        for name in sorted({name for names in self.meters.values() for name in names}):
            first = min(month for month, names in self.meters.items() if name in names)
            known, ruling = self.registry.at(name, first), self.rulings.get(name)
            rows = ruling.rows if ruling else [] if known else [(first.first_day, self.options.industry or Industry.OTHER)]
            fresh += [self._meter(name, known, industry, valid_from) for valid_from, industry in rows]
        return fresh

    def _meter(self, name: str, known: Meter | None, industry: Industry, valid_from: Any) -> Meter:
        if known:
            return replace(known, industry=industry, valid_from=valid_from)
        usage = self.usage.get(name, UsageType.INDUSTRIAL)
        return Meter(name, industry, usage, self.zones[name], self.prepared.traits.signed, valid_from)

    def _warnings(self, fresh: Sequence[Meter]) -> Iterator[str]:
        guessed = [meter.meter_id for meter in fresh if self.options.industry is None and meter.meter_id not in self.rulings]
        if guessed:
            yield f"industry unknown of {_shown(guessed)}: taken as other; give --industry or --meters REGISTRY.csv"
        if self.claimed:
            yield f"the file puts {_shown(self.claimed)} into another industry than --industry {self.options.industry}, which was taken"
        yield from self._usage_warnings(fresh)
        yield from _weather_warnings(pl.concat(self.weather))
        for name, over in sorted(self.over_capacity.items()):
            if over > self.measured[name] / 2:
                yield (
                    f"meter {name}: {over} of {self.measured[name]} readings exceed {IMPLAUSIBLE} times what its capacity allows: "
                    "implausible, perhaps the values are kW: use --unit kW"
                )

    def _usage_warnings(self, fresh: Sequence[Meter]) -> Iterator[str]:
        """Name usage types that could not be understood, of meters that the registry does not know better."""
        new = {meter.meter_id: meter.usage_type for meter in fresh if meter.meter_id not in self.registry}
        alike: dict[tuple[str, UsageType], list[str]] = {}
        for name, text in sorted(self.unknown_usage.items()):
            if name in new:
                alike.setdefault((text, new[name]), []).append(name)
        for (text, usage), names in alike.items():
            yield f"usage type {text!r} of {_shown(names)} is unknown: taken as {usage}; correct the file, or give --meters REGISTRY.csv"

    def _partitions(self, fresh: Sequence[Meter]) -> list[Partition]:
        """Industry × month of all readings, as the registry is with the new rows."""
        rows: dict[str, list[Meter]] = {}
        for meter in fresh:
            rows.setdefault(meter.meter_id, []).append(meter)

        def industry(name: str, month: Month) -> Industry:
            known = self.registry.at(name, month)
            candidates = ([known] if known else []) + rows.get(name, [])
            in_force = [meter for meter in candidates if meter.valid_from <= month.first_day]
            return max(in_force, key=lambda meter: meter.valid_from).industry if in_force else candidates[0].industry

        return sorted({Partition(industry(name, month), month) for month, names in self.meters.items() for name in names})

    def _all_refused(self) -> pl.DataFrame:
        return pl.concat([REFUSED.to_frame(), *self.refused])

    def _reasons(self) -> pl.Series:
        return self._all_refused()["reason"]

    def forget(self) -> None:
        """Remove what was written for a statement that will not be entered; of one that has been, its pieces, a cache."""
        shutil.rmtree(self.landing.piece_path(self.statement_id, Month(2000, 1)).parent, ignore_errors=True)
        if self.landing.statement(self.statement_id) is not None:
            return
        for table in (QUARANTINE, LABELS, WEATHER, ARRIVALS):
            shutil.rmtree(self.landing.table_path(table, self.statement_id).parent, ignore_errors=True)


def _readings(single: pl.DataFrame, statement_id: str) -> pl.DataFrame:
    """RAW_READINGS from settled readings without repeats."""
    rows = single.rename({"meter": "meter_id"}).with_columns(rule=pl.lit(None, pl.String), statement_id=pl.lit(statement_id))
    return rows.select(RAW_READINGS.names)


def _arrivals(good: pl.DataFrame, statement_id: str) -> pl.DataFrame:
    """ARRIVALS from settled readings; a repeat that stands behind counts, too."""
    rows = good.filter("behind").rename({"meter": "meter_id"}).with_columns(statement_id=pl.lit(statement_id))
    return rows.select(ARRIVALS.names)


def _shown(names: Sequence[str]) -> str:
    """How many meters, and the first three of them."""
    return f"{len(names)} meters ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"


def _weather_warnings(weather: pl.DataFrame) -> Iterator[str]:
    """Count texts that are no numbers; an empty text has no row."""
    unread = weather.filter(pl.col("value").is_null())["quantity"].value_counts(name="texts").sort("quantity")
    for quantity, texts in unread.iter_rows():
        yield f"weather: {texts} texts of {quantity} are no numbers: kept as unknown; correct the file"


def _weather(single: pl.DataFrame, quantities: Sequence[str], statement_id: str) -> pl.DataFrame:
    """WEATHER from the texts that came along; a text that is no number gives null."""
    if not quantities:
        return empty(WEATHER)
    wide = single.select("meter", "timestamp", *(pl.col(f"weather:{name}").alias(name) for name in quantities))
    long = wide.unpivot(index=["meter", "timestamp"], variable_name="quantity", value_name="text").filter(pl.col("text") != "")
    return long.select(
        pl.col("meter").alias("meter_id"),
        "timestamp",
        "quantity",
        value=pl.col("text").cast(pl.Float64, strict=False),
        statement_id=pl.lit(statement_id),
    )


def _quarantined(refused: pl.DataFrame, prepared: Prepared, statement_id: str) -> pl.DataFrame:
    """QUARANTINE from refused readings."""
    cells = dict(enumerate(prepared.layout.cells))
    month = pl.format("{}-{}", pl.col("month") // 100, (pl.col("month") % 100).cast(pl.String).str.zfill(2))
    return refused.select(
        statement_id=pl.lit(statement_id),
        file=pl.lit(prepared.opened.file),
        row="line",
        meter_id="meter",
        month=pl.when(pl.col("month").is_not_null()).then(month),
        column=pl.col("cell").replace_strict(cells, default=None, return_dtype=pl.String),
        text=pl.col("text"),
        reason="reason",
    )
