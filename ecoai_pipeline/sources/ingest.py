"""Taking in a provider's file: read it, compare it with what others said, land it, and enter its statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from ecoai_pipeline.domain import QUARANTINE, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.capacity import Inference, Weighing
from ecoai_pipeline.sources.intake import Intake, Prepared
from ecoai_pipeline.sources.layout import LongLayout
from ecoai_pipeline.sources.merge import merged
from ecoai_pipeline.sources.names import readable_name
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.sources.reader import Progress
from ecoai_pipeline.sources.reasons import FileChangedError, IngestError
from ecoai_pipeline.sources.refusals import by_reason, first_rows
from ecoai_pipeline.sources.remade import land_remade
from ecoai_pipeline.sources.remarks import too_early, warnings
from ecoai_pipeline.sources.restore import can_be_read, ensure_pieces, months_of, partitions_of
from ecoai_pipeline.sources.rising import Rising
from ecoai_pipeline.sources.understanding import Ends, Understanding, understood
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing, OtherBytesError
from ecoai_pipeline.storage.receipts import MeterRow, Statement
from ecoai_pipeline.storage.registry import MeterRegistry

__all__ = ["IngestError", "IngestOptions", "IngestResult", "ingest_file"]

_BEFORE = "the date lies before"  # Reason.BEFORE_FIRST, and what lakes hold in which the first month was fixed
_NOT_SHOWN = {"sha256", "options", "received_at", "zones", "decimals", "lengths", "elsewhere", "registers", "remade"}


@dataclass(frozen=True)
class IngestResult:
    """What became of a file: the statement, and the partitions of raw_readings that it touches."""

    statement: Statement
    already: bool
    partitions: list[Partition]
    quarantined_by_reason: dict[str, int] = field(default_factory=dict)
    first_row_by_reason: dict[str, int] = field(default_factory=dict)
    understanding: Understanding | None = None  # none where the file was known and has not been read again

    @property
    def holds_erased(self) -> bool:
        """Whether the file itself must not be kept, because it holds a meter that was erased."""
        return self.statement.remade is not None

    def summary(self) -> dict[str, Any]:
        """The result as JSON-able values."""
        statement = self.statement.model_dump(mode="json", exclude=_NOT_SHOWN)
        reasons = {"quarantined_by_reason": self.quarantined_by_reason, "first_row_by_reason": self.first_row_by_reason}
        return {**statement, "already": self.already, **reasons}


def ingest_file(
    lake: Lake,
    settings: Settings,
    path: Path,
    options: IngestOptions,
    *,
    received_at: datetime,
    dry_run: bool = False,
    allow_again: bool = False,
    progress: Progress | None = None,
    file: str | None = None,
) -> IngestResult:
    """Take in one file, or with `dry_run` say what would come of it; `file` is its name where `path` has another.

    The counts balance: `readings_in = accepted + quarantined`, where a line of a wide file counts as many readings as it
    has interval columns and each refused one has its own row in `quarantine`; `accepted = added + changed + unchanged`,
    where an equal repeat within the file is unchanged. The same file with the same options changes nothing.
    Rows of meters that were erased are counted in quarantine and nothing of them is kept, not even the file, unless
    `allow_again` lets these meters in once more.

    Raises:
        IngestError: the file cannot be used at all; nothing is left behind.
    """
    prepared = Prepared.of(path, file or readable_name(path.name), options)
    options = prepared.options
    with nullcontext() if dry_run else lake.lock("landing"):
        landing = Landing(lake)
        earlier = landing.statement(prepared.statement_id)
        if earlier is not None and earlier.remade is None and not _is_read_otherwise(lake, earlier, settings):
            if not dry_run:
                _land(landing, path, prepared.sha256)
            if can_be_read(lake, settings, earlier):
                return _again(lake, settings, earlier, received_at, write=not dry_run)
        return _Entry(lake, settings, prepared, options, received_at, write=not dry_run, allow_again=allow_again).run(path, progress)


def _is_read_otherwise(lake: Lake, earlier: Statement, settings: Settings) -> bool:
    """Whether a known file gives other readings now: the first month or the registry's decimal signs have changed since."""
    stated = MeterRegistry(lake).decimals_of({*earlier.zones, *earlier.decimals})
    return stated != earlier.decimals or _more_is_accepted(Landing(lake), earlier, settings)


def _more_is_accepted(landing: Landing, earlier: Statement, settings: Settings) -> bool:
    """Whether rows of a known file were refused for a first month that has been set earlier since."""
    early = pl.col("reason").str.starts_with(_BEFORE) & (pl.col("month") >= str(settings.first_month))
    return bool(landing.table_of(QUARANTINE, earlier.statement_id).select(early.any()).item())


def _land(landing: Landing, path: Path, sha256: str) -> None:
    """
    Raises:
        FileChangedError: the file is no longer what was read.
    """
    try:
        landing.land(path, sha256)
    except OtherBytesError:
        raise FileChangedError(path, "it was written to while it was read; nothing was kept; try again when it is whole") from None


def _again(lake: Lake, settings: Settings, earlier: Statement, received_at: datetime, *, write: bool) -> IngestResult:
    """The same file as before: nothing, unless newer statements say otherwise; then a new receipt makes it the newest."""
    landing, counts = Landing(lake), Counter[str]()
    for month in months_of(lake, earlier) if _newer(landing, earlier) else []:
        counts.update(_compared(lake, settings, landing.touching(month), month, landing.scan_piece(earlier.statement_id, month).collect()))
    refused = _refused_of(landing, earlier)
    partitions, reasons, rows = partitions_of(lake, earlier), by_reason([refused]), first_rows([refused])
    added, changed = counts["added"], counts["changed"]
    told = {"added": added, "changed": changed, "unchanged": earlier.accepted - added - changed}
    if not added + changed:
        return IngestResult(earlier.model_copy(update=told), True, partitions, reasons, rows)
    # The registry rows hold from the first receipt on: a file that comes again knows no more of its meters than it did.
    statement = earlier.model_copy(update={**told, "received_at": received_at.astimezone(UTC), "registers": []})
    if write:
        landing.enter(statement)
    return IngestResult(statement, False, partitions, reasons, rows)


def _newer(landing: Landing, earlier: Statement) -> bool:
    """Whether a statement that came after the last receipt of this one is about a meter and a month of it."""
    book, meters = landing.book, set(earlier.meters)
    about = book.touching(*map(Month.parse, earlier.months))
    return any(not meters.isdisjoint(one.meters) for one in about if book.number(one.statement_id) > book.number(earlier.statement_id))


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


def _refused_of(landing: Landing, earlier: Statement) -> pl.DataFrame:
    """Reason (str) and line (i64) of the rows of a statement that are in quarantine."""
    return landing.table_of(QUARANTINE, earlier.statement_id).select("reason", pl.col("row").alias("line"))


class _Entry:
    """The making of one statement: an intake, and beside it what it means to those before it."""

    def __init__(
        self,
        lake: Lake,
        settings: Settings,
        prepared: Prepared,
        options: IngestOptions,
        received_at: datetime,
        *,
        write: bool,
        allow_again: bool,
    ) -> None:
        self.lake, self.settings, self.prepared, self.options = lake, settings, prepared, options
        self.write = write
        self.landing = Landing(lake)
        earlier = self.landing.statement(prepared.statement_id)
        # One that lost a meter says what it says of the others still, and more if the meter may come again; any other is judged anew.
        self.lessened = earlier if earlier and earlier.remade is not None else None
        self.intake = Intake(lake, settings, prepared, options, received_at, write=write, watch=self._compare, allow_again=allow_again)
        self.counts: Counter[str] = Counter()
        self.weighing, self.inference, self.ends = Weighing(), Inference(settings.sources), Ends()
        self.rising = Rising()

    def run(self, path: Path, progress: Progress | None) -> IngestResult:
        """Read the file and enter it, or leave everything as it was."""
        try:
            self.intake.read(progress)
            if self.lessened and self.lessened.meters == self.intake.all_meters:
                return self._judged_anew(_again(self.lake, self.settings, self.lessened, self.intake.received_at, write=self.write))
            if not self.intake.accepted:
                advice = "".join(f"; {line}" for line in too_early(self.intake.refused, self.settings.first_month))
                raise IngestError(
                    self.prepared.opened.file,
                    f"no row of it is a usable reading; nothing was kept{advice}",
                    by_reason(self.intake.refused),
                )
            return self._enter(path)
        except BaseException:
            if self.write:
                self.intake.forget()
            raise

    def _judged_anew(self, result: IngestResult) -> IngestResult:
        """Rows of an erased meter are refused now, though the receipt, which stays, counts them as accepted at its time."""
        accepted, refused, told = self.intake.accepted, self.intake.refused, result.statement
        counts = {"accepted": accepted, "quarantined": refused.height, "unchanged": accepted - told.added - told.changed}
        return replace(
            result,
            statement=told.model_copy(update=counts),
            quarantined_by_reason=by_reason(refused),
            first_row_by_reason=first_rows(refused),
        )

    def _compare(self, month: Month, rows: pl.DataFrame) -> None:
        own = None if self.lessened else self.prepared.statement_id
        about = [one for one in self.landing.touching(month) if one.statement_id != own]
        self.counts.update(_compared(self.lake, self.settings, about, month, rows))
        known = ((name, self.intake.registry.at(name, month)) for name in rows["meter_id"].unique().sort())
        capacities = {name: meter.capacity_kw for name, meter in known if meter and meter.capacity_kw}
        self.weighing.weigh(rows, capacities)
        self.rising.look(rows)
        self.ends.look(rows)
        self.inference.look(rows.filter(~pl.col("meter_id").is_in(list(capacities))))

    def _enter(self, path: Path) -> IngestResult:
        fresh = self._fresh_meters()
        statement = self._statement(fresh)
        if self.write:
            self.intake.write_tables()
            if self.intake.holds_erased:
                landed = land_remade(self.landing, self.prepared.statement_id, sorted(self.intake.meters))
                statement = statement.model_copy(update={"sha256": landed.sha256, "remade": landed.readings})
            else:
                _land(self.landing, path, self.prepared.sha256)
            for name in self.intake.tombstones.erased(statement.meters):
                self.intake.tombstones.lift(name, self.intake.received_at)
            self.landing.enter(statement)
        refused, about = self.intake.refused, understood(self.intake, self.ends)
        return IngestResult(statement, False, self._partitions(fresh), by_reason(refused), first_rows(refused), about)

    def _statement(self, fresh: Sequence[Meter]) -> Statement:
        intake, quarantined = self.intake, self.intake.refused.height
        return Statement(
            statement_id=self.prepared.statement_id,
            sha256=self.prepared.sha256,
            file=self.prepared.opened.file,
            source=self.prepared.source.name,
            options=self.options.model_dump(mode="json"),
            received_at=intake.received_at,
            readings_in=intake.accepted + quarantined,
            accepted=intake.accepted,
            quarantined=quarantined,
            added=self.counts["added"],
            changed=self.counts["changed"],
            unchanged=self.counts["unchanged"] + intake.repeats,
            order_breaks=intake.arrivals.height,
            meters=intake.all_meters,
            months=[str(month) for month in sorted(intake.meters)],
            zones=intake.zones,
            decimals=intake.decimals,
            lengths=intake.lengths,
            elsewhere=intake.elsewhere,
            unmapped=list(self.prepared.traits.unmapped),
            warnings=[*warnings(intake, fresh), *self.weighing.warnings(), *self._registers()],
            registers=[MeterRow.of(meter) for meter in fresh],
        )

    def _registers(self) -> Iterator[str]:
        layout = self.prepared.layout
        if isinstance(layout, LongLayout) and not layout.mapping.is_register:
            named = layout.mapping
            yield from self.rising.warnings(f"meter={named.meter},timestamp={named.timestamp},kwh={named.kwh}")

    def _fresh_meters(self) -> list[Meter]:
        """Registry rows for meters that are new, or whose change of industry the file shows.

        What first makes a meter known holds from the beginning, so that a registry that does not name a day takes its place.
        """
        intake, fresh = self.intake, []
        for name in intake.all_meters:
            first = min(month for month, names in intake.meters.items() if name in names)
            known, ruling = intake.registry.at(name, first), intake.rulings.get(name)
            rows = ruling.rows if ruling else [] if known else [(self.settings.registry_start, self.options.industry or Industry.OTHER)]
            fresh += [self._meter(name, known, industry, valid_from) for valid_from, industry in rows]
        return fresh

    def _meter(self, name: str, known: Meter | None, industry: Industry, valid_from: date) -> Meter:
        if known:
            return replace(known, industry=industry, valid_from=valid_from)
        usage = self.intake.usage.get(name, UsageType.INDUSTRIAL)
        guessed = self.options.industry is None and name not in self.intake.rulings
        inferred, traits = self.inference.capacity_kw(name), self.prepared.traits
        zone, signed = self.intake.zones[name], traits.signed or name in traits.signed_meters
        return Meter(name, industry, usage, zone, signed, valid_from, guessed=guessed, inferred_kw=inferred)

    def _partitions(self, fresh: Iterable[Meter]) -> list[Partition]:
        """Industry × month of all readings, as the registry is with the new rows."""
        rows: dict[str, list[Meter]] = {}
        for meter in fresh:
            rows.setdefault(meter.meter_id, []).append(meter)

        def industry(name: str, month: Month) -> Industry:
            known = self.intake.registry.at(name, month)
            candidates = ([known] if known else []) + rows.get(name, [])
            in_force = [meter for meter in candidates if meter.valid_from <= month.first_day]
            return max(in_force, key=lambda meter: meter.valid_from).industry if in_force else candidates[0].industry

        return sorted({Partition(industry(name, month), month) for month, names in self.intake.meters.items() for name in names})
