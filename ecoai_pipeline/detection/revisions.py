"""Events that are no longer what was said of them: an append-only ledger, written when a month's table is made again."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from pydantic import BaseModel, ConfigDict

from ecoai_pipeline.domain import RAW_READINGS, Category, Industry, Kind, Partition
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.ledger import Ledger
from ecoai_pipeline.storage.receipts import Receipt, Statement, Withdrawal, receipts

_SAID = ("kind", "end", "expected_kwh", "actual_kwh", "excess_kwh")


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

    `received` and `withdrawn` are the statements since the version before that are about the month or the one before it,
    into which it looks.
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


def revise(lake: Lake, partition: Partition, old: pl.DataFrame, new: pl.DataFrame, since: int) -> None:
    """Enter into the ledger how the table of a partition (ANOMALIES) changes, if it does; `since` is the old one's last receipt.

    It is entered before the table is replaced, so that none is lost to a kill; made again, the same is not entered twice. The
    table itself does not tell of it: equal readings give equal bytes, whatever stood there before.
    """
    parts = compared(old, new)
    if not any(frame.height for frame in parts.values()):
        return
    months = {str(partition.month), str(partition.month.previous)}
    received, withdrawn = _between(lake, months, since, receipts_of(lake, partition))
    events = {name: [RevisedEvent(**row) for row in frame.iter_rows(named=True)] for name, frame in parts.items()}
    found = Revision(
        industry=partition.industry,
        month=str(partition.month),
        revised_at=datetime.now(UTC),
        received=received,
        withdrawn=withdrawn,
        **events,
    )
    ledger = revisions_ledger(lake)
    same = [one for _, one in ledger.read() if (one.industry, one.month) == (found.industry, found.month)]
    if not same or same[-1].model_copy(update={"revised_at": found.revised_at}) != found:
        ledger.append(found)


def compared(old: pl.DataFrame, new: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Events gained, lost and changed between two versions of a month (ANOMALIES), as rows of `RevisedEvent`.

    A month that grows by a night is no revision. An event is changed where the number of its restated readings differs, or
    where it has as many readings as before, restated ones among them, and other energy or another kind; gained where it has
    restated readings, or takes the place of a lost one (its start, and so its name, may have moved); lost whenever it has
    vanished, since somebody may have acted on it.
    """
    both = new.join(old, on="event_id", suffix="_old", maintain_order="left")
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_old")) for name in _SAID)
    again = (pl.col("restated") > 0) & (pl.col("readings") == pl.col("readings_old")) & other
    changed = both.filter((pl.col("restated") != pl.col("restated_old")) | again)
    lost = old.join(new, on="event_id", how="anti", maintain_order="left")
    fresh = new.join(old, on="event_id", how="anti", maintain_order="left")
    gained = fresh.filter((pl.col("restated") > 0) | pl.col("event_id").is_in(_beside(fresh, lost).implode()))
    return {
        "gained": _rows(gained, before=None, after="excess_kwh"),
        "lost": _rows(lost, before="excess_kwh", after=None),
        "changed": _rows(changed, before="excess_kwh_old", after="excess_kwh"),
    }


def _beside(fresh: pl.DataFrame, lost: pl.DataFrame) -> pl.Series:
    """Ids of the fresh events that overlap a lost one of their meter and category."""
    keys = ["meter_id", "category"]
    pairs = fresh.select("event_id", *keys, "start", "end").join(lost.select(*keys, "start", "end"), on=keys, suffix="_old")
    return pairs.filter(pl.col("start") < pl.col("end_old"), pl.col("start_old") < pl.col("end"))["event_id"]


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
