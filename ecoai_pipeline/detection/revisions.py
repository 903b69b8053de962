"""Events that differ from what was published about them: an append-only ledger, written when a month's table is made again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from ecoai_pipeline.domain import RAW_READINGS, Category, Industry, Kind, Partition
from ecoai_pipeline.storage.lake import Lake, PartitionInfo
from ecoai_pipeline.storage.ledger import Ledger
from ecoai_pipeline.storage.receipts import Receipt, Statement, Withdrawal, receipts

_SAID = ("kind", "end", "expected_kwh", "actual_kwh", "excess_kwh")
_SAME_KWH = 3
"""Decimals of kWh: smaller differences are rounding of another program version and no other statement about the event."""


class Because(StrEnum):
    """Why a month's events were made again."""

    READINGS = "readings"  # statements were received or withdrawn
    MODEL = "model"  # another model scored the month
    PARAMETERS = "parameters"
    PROGRAM = "program"


class RevisedEvent(BaseModel):
    """The month's part of an event, with its excess energy before and after; none where it was, or is, no event."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str
    meter_id: str
    category: Category
    kind: Kind
    start: datetime
    end: datetime
    before_kwh: float | None
    after_kwh: float | None


class Revision(BaseModel):
    """What changed in the events of an industry and month from one version of the table to the next.

    `received` and `withdrawn` are the statements since the version before that concern the month or the month before it, which
    its events depend on. `because` lists the reasons; entries of earlier program versions have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    industry: Industry
    month: str
    revised_at: datetime
    gained: list[RevisedEvent]
    lost: list[RevisedEvent]
    changed: list[RevisedEvent]
    received: list[str]
    withdrawn: list[str]
    because: list[Because] = []

    def counts(self) -> dict[str, int]:
        return {"gained": len(self.gained), "lost": len(self.lost), "changed": len(self.changed)}


def revisions_ledger(lake: Lake) -> Ledger[Revision]:
    return Ledger(lake.root / "ledgers" / "revisions", Revision)


def receipts_of(lake: Lake, partition: Partition) -> int:
    """Up to which receipt the readings of a partition know what came in."""
    return int(lake.info(RAW_READINGS, partition).facts.get("receipts", 0))


def revisions_since(lake: Lake, moment: datetime) -> dict[str, dict[str, int]]:
    """How many events were gained, lost and changed since a moment, by industry and month."""
    entries = [entry for _, entry in revisions_ledger(lake).read() if entry.revised_at >= moment]
    return {f"{entry.industry} {entry.month}": entry.counts() for entry in entries}


@dataclass(frozen=True)
class Version:
    """A version of a month's events, and what it was made from.

    Attributes:
        events: ANOMALIES.
        facts: those of the partition's footer: `receipts`, `scores_made_from` and `until` (ISO, UTC), where it has them.
        fingerprint: that of the partition.
    """

    events: pl.DataFrame
    facts: dict[str, Any]
    fingerprint: str

    @classmethod
    def stored(cls, events: pl.DataFrame, info: PartitionInfo) -> Version:
        return cls(events, dict(info.facts), info.fingerprint)

    @property
    def until(self) -> datetime | None:
        """Up to where readings were judged; of a version without that fact, the last end of its events."""
        said = self.facts.get("until")
        last: datetime | None = self.events["end"].max()  # type: ignore[assignment]
        return datetime.fromisoformat(said) if said else last


def revise(lake: Lake, partition: Partition, old: Version, new: Version) -> None:
    """Enter into the ledger how the events of a partition change, if they do.

    The entry is written before the table is replaced, so that a kill loses none; a repeated run does not enter it twice. The
    table itself holds nothing of it: but for the names of events, equal readings give equal bytes, whatever stood there before.
    """
    months = {str(partition.month), str(partition.month.previous)}
    received, withdrawn = _between(lake, months, int(old.facts.get("receipts", 0)), receipts_of(lake, partition))
    remade = _remade(old, new)
    parts = compared(old.events, new.events, remade_until=old.until if remade else None)
    if not any(frame.height for frame in parts.values()):
        return
    events = {name: [RevisedEvent(**row) for row in frame.iter_rows(named=True)] for name, frame in parts.items()}
    found = Revision(
        industry=partition.industry,
        month=str(partition.month),
        revised_at=datetime.now(UTC),
        received=received,
        withdrawn=withdrawn,
        because=[*([Because.READINGS] if received or withdrawn else []), *remade],
        **events,
    )
    ledger = revisions_ledger(lake)
    same = [one for _, one in ledger.read() if (one.industry, one.month) == (found.industry, found.month)]
    if not same or same[-1].model_copy(update={"revised_at": found.revised_at}) != found:
        ledger.append(found)


def _remade(old: Version, new: Version) -> list[Because]:
    """What else than readings differs between two versions: the model, parameters or code of the scores or of the events."""
    made = [(old.fingerprint, new.fingerprint)]
    if "scores_made_from" in old.facts:
        made.append((old.facts["scores_made_from"], new.facts.get("scores_made_from", "")))
    parts = [(before.split("-"), after.split("-")) for before, after in made]
    differs = [any(before[i : i + 1] != after[i : i + 1] for before, after in parts) for i in range(3)]
    models = [set(version.events["model_version"].drop_nulls()) for version in (old, new)]
    found = {Because.MODEL: all(models) and models[0] != models[1], Because.PARAMETERS: differs[1], Because.PROGRAM: differs[2]}
    return [reason for reason, holds in found.items() if holds]


def compared(old: pl.DataFrame, new: pl.DataFrame, *, remade_until: datetime | None = None) -> dict[str, pl.DataFrame]:
    """Events gained, lost and changed between two versions of a month (ANOMALIES), as rows of `RevisedEvent`.

    New nights that extend a month do not count as revisions. An event is changed where the number of its restated readings
    differs, or where it has as many readings as before, restated ones among them, and other energy or another kind. It is gained
    where it has restated readings, and lost whenever it has vanished, since somebody may have acted on it.

    Args:
        remade_until: up to where the old version had judged the readings, if more than readings differs between the two. Events
            before it that are new, or that have other energy or another kind, count as well.
    """
    both = new.join(old, on="event_id", suffix="_old", maintain_order="left")
    other = pl.any_horizontal(_rounded(both, name).ne_missing(_rounded(both, f"{name}_old")) for name in _SAID)
    again = (pl.col("restated") > 0) | pl.lit(remade_until is not None)
    judged_before = pl.lit(False) if remade_until is None else pl.col("end") <= remade_until
    grown = (pl.col("readings") != pl.col("readings_old")) & ~judged_before
    changed = both.filter((pl.col("restated") != pl.col("restated_old")) | again & ~grown & other)
    lost = old.join(new, on="event_id", how="anti", maintain_order="left")
    fresh = new.join(old, on="event_id", how="anti", maintain_order="left")
    gained = fresh.filter((pl.col("restated") > 0) | judged_before)
    return {
        "gained": _rows(gained, before=None, after="excess_kwh"),
        "lost": _rows(lost, before="excess_kwh", after=None),
        "changed": _rows(changed, before="excess_kwh_old", after="excess_kwh"),
    }


def _rounded(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).round(_SAME_KWH) if frame.schema[name].is_float() else pl.col(name)


def _rows(events: pl.DataFrame, *, before: str | None, after: str | None) -> pl.DataFrame:
    none = pl.lit(None, pl.Float64)
    energy = {"before_kwh": pl.col(before) if before else none, "after_kwh": pl.col(after) if after else none}
    return events.select("event_id", "meter_id", "category", "kind", "start", "end", **energy)


def _between(lake: Lake, months: set[str], since: int, until: int) -> tuple[list[str], list[str]]:
    """Ids of the statements received and withdrawn after one receipt and up to another that are about some months."""
    about: dict[str, bool] = {}
    received: dict[str, None] = {}
    withdrawn: dict[str, None] = {}
    for number, record in _told(receipts(lake.root)):
        if isinstance(record, Statement):
            about[record.statement_id] = not months.isdisjoint(record.months)
        name = record.statement_id if isinstance(record, Statement) else record.withdrawn
        if since < number <= until and about.get(name):
            (received if isinstance(record, Statement) else withdrawn)[name] = None
    return list(received), list(withdrawn)


def _told(ledger: Ledger[Receipt]) -> list[tuple[int, Statement | Withdrawal]]:
    return [(number, record.root) for number, record in ledger.read() if isinstance(record.root, Statement | Withdrawal)]
