"""What came in, in order of receipt: statements, withdrawals of them and registry files; and what holds after all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, RootModel

from ecoai_pipeline.domain import Decimal, Industry, Meter, Month, UsageType
from ecoai_pipeline.storage.ledger import Ledger


class MeterRow(BaseModel):
    """A row of the registry as it is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meter_id: str
    industry: Industry
    usage_type: UsageType
    time_zone: str
    signed: bool
    valid_from: date
    capacity_kw: float | None = None
    site: str | None = None
    region: str | None = None
    country: str | None = None
    subdivision: str | None = None
    tariff: str | None = None
    decimal: Decimal | None = None
    guessed: bool = False
    inferred_kw: float | None = None

    @classmethod
    def of(cls, meter: Meter) -> Self:
        return cls(**asdict(meter))

    def meter(self) -> Meter:
        return Meter(**self.model_dump())


class RegistryEntry(BaseModel):
    """Meters that a registry file made known, or knew better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    registered_at: datetime
    meters: list[MeterRow]


class Statement(BaseModel):
    """One file a provider sent, as it was understood when it came.

    The balance holds: `readings_in = accepted + quarantined` and `accepted = added + changed + unchanged`.
    `order_breaks` of the accepted readings stood after a later one; the table ARRIVALS holds them.
    `lengths` are intervals, in seconds, of meters with a single reading in the file, as earlier files gave them;
    `zones` are those by which the meters' months were cut; `decimals` the decimal signs that the registry stated for meters;
    `elsewhere` the meters and months that were refused because the meter was registered in another industry; `registers` the
    registry rows that came with it.
    Where a meter of it was erased, `sha256` names a file written anew that gives the `remade` readings of the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement_id: str
    sha256: str
    file: str
    source: str
    options: dict[str, Any]
    received_at: datetime
    readings_in: int
    accepted: int
    quarantined: int
    added: int
    changed: int
    unchanged: int
    order_breaks: int
    meters: list[str]
    months: list[str]
    zones: dict[str, str] = {}
    decimals: dict[str, Decimal] = {}
    lengths: dict[str, int] = {}
    elsewhere: dict[str, list[str]] = {}
    unmapped: list[str] = []
    warnings: list[str] = []
    registers: list[MeterRow] = []
    remade: int | None = None


class Withdrawal(BaseModel):
    """A statement that is no longer believed: `readings` only it gave, `fell_back` to what an older one says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    withdrawn: str
    withdrawn_at: datetime
    reason: str
    readings: int
    fell_back: int


class Erased(BaseModel):
    """The place of a receipt that was about erased meters alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    erased_at: datetime


class Receipt(RootModel[Statement | RegistryEntry | Withdrawal | Erased]):
    """A record of the ledger; the kinds have no needed field in common, so each is known by its fields."""


@dataclass(frozen=True)
class _Entry:
    """A registry row and the statement it came with, if any; `first` is the row that made its meter known."""

    meter: Meter
    owner: str | None
    first: bool


class Book:
    """What holds after the receipts applied so far. Applying one costs as much as the record is long, whatever came before.

    A registry row of a statement holds while the statement does. The row that first made a meter known holds on after its
    statement was withdrawn while other statements have readings of the meter: they must stay somewhere.
    """

    def __init__(self) -> None:
        self.last = 0
        self.meters: dict[str, tuple[Meter, ...]] = {}
        self._in_force: dict[str, tuple[int, Statement]] = {}
        self._withdrawn: dict[str, tuple[int, Statement, Withdrawal]] = {}
        self._by_month: dict[str, dict[str, None]] = {}
        self._readers: dict[str, Counter[str]] = {}
        self._held: Counter[str] = Counter()
        self._entries: dict[str, list[_Entry]] = {}
        self._newest: Statement | None = None

    def apply(self, number: int, record: Statement | RegistryEntry | Withdrawal | Erased) -> None:
        """Take the next receipt into account."""
        self.last = max(self.last, number)
        if isinstance(record, Erased):
            return
        if isinstance(record, RegistryEntry):
            self._register(None, record.meters)
            self._settle({row.meter_id for row in record.meters})
        elif isinstance(record, Withdrawal):
            found = self._remove(record.withdrawn)
            if found:
                self._withdrawn[record.withdrawn] = (*found, record)
                self._settle(_meters_of(found[1]))
        else:
            self._enter(number, self._sharing(record))

    def statement(self, statement_id: str) -> Statement | None:
        """A statement in force."""
        found = self._in_force.get(statement_id)
        return found[1] if found else None

    def number(self, statement_id: str) -> int:
        """Number of the last receipt of a statement in force."""
        return self._in_force[statement_id][0]

    def in_force(self) -> list[Statement]:
        """Statements in order of receipt; of one that came several times only the last receipt, which makes it newest."""
        return [statement for _, statement in self._in_force.values()]

    def touching(self, *months: Month) -> list[Statement]:
        """Statements in force that have readings of any of some months, in order of receipt."""
        ids = {name for month in months for name in self._by_month.get(str(month), ())}
        return [statement for _, statement in sorted((self._in_force[name] for name in ids), key=lambda pair: pair[0])]

    def withdrawn(self) -> list[tuple[Statement, Withdrawal]]:
        return [(statement, withdrawal) for _, statement, withdrawal in self._withdrawn.values()]

    def ever(self) -> list[Statement]:
        """Statements in force and withdrawn ones, in order of their last receipt."""
        gone = [(number, statement) for number, statement, _ in self._withdrawn.values()]
        return [statement for _, statement in sorted([*self._in_force.values(), *gone], key=lambda pair: pair[0])]

    def readers(self) -> Mapping[str, Collection[str]]:
        """By month the meters that statements in force have readings of, as far as a statement's meters and months tell."""
        return self._readers

    def _enter(self, number: int, statement: Statement) -> None:
        name = statement.statement_id
        self._remove(name)
        self._withdrawn.pop(name, None)
        self._register(name, statement.registers)
        self._in_force[name] = (number, statement)
        for month in statement.months:
            self._by_month.setdefault(month, {})[name] = None
            self._readers.setdefault(month, Counter()).update(statement.meters)
        self._held.update(statement.meters)
        self._settle(_meters_of(statement))

    def _remove(self, name: str) -> tuple[int, Statement] | None:
        found = self._in_force.pop(name, None)
        if found is None:
            return None
        statement = found[1]
        for month in statement.months:
            self._by_month[month].pop(name)
            _discount(self._readers[month], statement.meters)
        _discount(self._held, statement.meters)
        return found

    def _register(self, owner: str | None, rows: Sequence[MeterRow]) -> None:
        known = {row.meter_id for row in rows if self.meters.get(row.meter_id)}
        for row in sorted(rows, key=lambda row: row.valid_from):
            first = row.meter_id not in known
            known.add(row.meter_id)
            self._entries.setdefault(row.meter_id, []).append(_Entry(row.meter(), owner, first))

    def _settle(self, meters: Iterable[str]) -> None:
        """Work out the rows that hold of some meters."""
        for name in meters:
            held = self._held[name] > 0
            entries = [e for e in self._entries.get(name, ()) if e.owner is None or e.owner in self._in_force or (e.first and held)]
            told = [e.meter for e in entries if not e.meter.guessed] or [e.meter for e in entries]
            rows = sorted({meter.valid_from: meter for meter in told}.values(), key=lambda meter: meter.valid_from)
            self.meters[name] = tuple(rows)
            if not rows:
                del self.meters[name]

    def _sharing(self, statement: Statement) -> Statement:
        """The statement, holding the meters of the one before where they are the same: a provider's nights are alike."""
        newest, self._newest = self._newest, statement
        if newest is None:
            return statement
        alike = {name: getattr(newest, name) for name in ("meters", "zones") if getattr(newest, name) == getattr(statement, name)}
        self._newest = statement.model_copy(update=alike) if alike else statement
        return self._newest


def _meters_of(statement: Statement) -> set[str]:
    return {*statement.meters, *(row.meter_id for row in statement.registers)}


def _discount(counts: Counter[str], names: Sequence[str]) -> None:
    counts.subtract(names)
    for name in names:
        if counts[name] <= 0:
            del counts[name]


def receipts(root: Path) -> Ledger[Receipt]:
    return Ledger(root / "ledgers" / "statements", Receipt)


def first_registry(root: Path) -> Ledger[RegistryEntry]:
    """What an earlier version knew of meters, before receipts and registry were one ledger."""
    return Ledger(root / "ledgers" / "meters", RegistryEntry)


_books: dict[Path, tuple[tuple[int, ...], Book]] = {}
_lock = Lock()


def book_of(root: Path) -> Book:
    """What holds in a lake now. Records never change, so each is read once by a process.

    A ledger that was replaced, or whose records were rewritten, is read anew: its mark tells.
    """
    ledger = receipts(root)
    with _lock:
        mark, book = _books.get(ledger.folder, ((), None))
        if book is None or mark != ledger.mark(book.last):
            book = Book()
            for _, entry in first_registry(root).read():
                book.apply(0, entry)
        for number, receipt in ledger.since(book.last):
            book.apply(number, receipt.root)
        _books[ledger.folder] = (ledger.mark(book.last), book)
        return book


def zoned(rows: Sequence[Meter]) -> list[Meter]:
    """Rows of one meter, all in the zone of the newest: by two zones its months would overlap or leave a gap."""
    return [meter if meter.time_zone == rows[-1].time_zone else replace(meter, time_zone=rows[-1].time_zone) for meter in rows]
