"""What a night found: the events of one day as they were known then, beside those of the night before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

import polars as pl
from pydantic import BaseModel, ConfigDict

from ecoai_pipeline.detection.due import day_bounds, is_over
from ecoai_pipeline.domain import ANOMALIES, Category, Industry, Kind, Meter, Month, Partition
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.ledger import Ledger
from ecoai_pipeline.storage.registry import MeterRegistry


class Relation(StrEnum):
    """What a detection is to those of the night before."""

    NEW = "new"
    CONTINUED = "continued"
    SPLIT = "split"
    MERGED = "merged"


class Detection(BaseModel):
    """An event as a night knew it; `predecessors` are the events of the night before that it goes on from.

    `rank` counts the energy events of its site in this night from the most severe on; events about data have none. `shown` is false where
    the site had more severe ones than a night shows: it stays on record and is kept from those who have to act.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str
    meter_id: str
    category: Category
    start: datetime
    end: datetime
    kind: Kind
    excess_kwh: float | None
    relation: Relation
    predecessors: list[str]
    severity: float | None = None
    rank: int | None = None
    shown: bool = True


class DetectionRun(BaseModel):
    """The events of an industry that touch a day, recorded by one run; `data_version` is the table's content then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    industry: Industry
    day: date
    run_id: str
    at: datetime
    data_version: str
    detections: list[Detection]


def detections_ledger(lake: Lake) -> Ledger[DetectionRun]:
    return Ledger(lake.root / "ledgers" / "detections", DetectionRun)


def record_detections(lake: Lake, industry: Industry, day: date, run_id: str, at: datetime, *, top_per_site: int = 0) -> DetectionRun:
    """Append the events that touch a local day to the ledger, each beside those of the latest earlier day recorded.

    Only meters are judged whose day is over at `at`; the day's last record, made after its last time zone, holds those of all meters.
    Of a site's energy events the `top_per_site` most severe are shown, all where it is 0; those that are about data always.

    Beside each other are events of one name, and those of the same meter and category that overlap in time, since a start may move
    when more data arrive. Where the day's newest record says the same already, nothing is appended and that record is returned:
    its `run_id` is then not the one given.
    """
    ledger = detections_ledger(lake)
    earlier = [run for _, run in ledger.read() if run.industry == industry]
    before = _latest([run for run in earlier if run.day < day])
    meters = judged(MeterRegistry(lake).of(industry, Month.of(day)), day, at)
    events = events_of_day(lake, industry, day, meters)
    rank_of = dict(ranked(events, meters).select("event_id", "rank").iter_rows())
    detections = [
        one.model_copy(update={"rank": rank_of[one.event_id], "shown": _is_shown(rank_of[one.event_id], top_per_site)})
        for one in related(events, before.detections if before else [])
    ]
    version = lake.info(ANOMALIES, Partition(industry, Month.of(day))).content
    same = _latest([run for run in earlier if run.day == day])
    if same and same.detections == detections:
        return same
    run = DetectionRun(industry=industry, day=day, run_id=run_id, at=at, data_version=version, detections=detections)
    ledger.append(run)
    return run


def related(events: pl.DataFrame, before: Sequence[Detection]) -> list[Detection]:
    """Name what each event (columns of ANOMALIES) is to the detections before.

    New without a predecessor, merged with several; split where its one predecessor goes on in several events; else continued.
    """
    found = [(row, [old for old in before if _beside(old, row)]) for row in events.iter_rows(named=True)]
    heirs: dict[str, int] = {}
    for _, old in found:
        for one in old:
            heirs[one.event_id] = heirs.get(one.event_id, 0) + 1
    return [
        Detection(
            **{name: row[name] for name in ("event_id", "meter_id", "category", "start", "end", "kind", "excess_kwh", "severity")},
            relation=_relation([heirs[one.event_id] for one in old]),
            predecessors=[one.event_id for one in old],
        )
        for row, old in found
    ]


def ranked(events: pl.DataFrame, meters: Mapping[str, Meter]) -> pl.DataFrame:
    """Events (columns of ANOMALIES) with `site` and, of energy events, their `rank` within it, most severe first.

    Of equally severe ones the costlier, then the less likely comes first. A meter of no known site is a site of its own.
    """
    sites = {meter_id: meter.site or meter_id for meter_id, meter in meters.items()}
    site = pl.col("meter_id").replace_strict(list(sites), list(sites.values()), default=pl.col("meter_id"), return_dtype=pl.String)
    energy = pl.col("category") == Category.ENERGY
    order = events.with_columns(site=site).sort(
        energy, "severity", pl.col("cost").abs().fill_null(0), "p", descending=[True, True, True, False], nulls_last=True
    )
    return order.with_columns(rank=pl.when(energy).then(pl.int_range(pl.len()).over("site") + 1).cast(pl.Int32))


def _is_shown(rank: int | None, top: int) -> bool:
    return rank is None or not top or rank <= top


def _latest(runs: Sequence[DetectionRun]) -> DetectionRun | None:
    """The last record of the last day; runs stand in the order they were recorded."""
    last = max((run.day for run in runs), default=None)
    return next((run for run in reversed(runs) if run.day == last), None)


def judged(meters: Mapping[str, Meter], day: date, moment: datetime) -> dict[str, Meter]:
    """The meters whose local day is over at a moment; those of the others are pending."""
    over = {zone for zone in {meter.time_zone for meter in meters.values()} if is_over(day, zone, moment)}
    return {meter_id: meter for meter_id, meter in meters.items() if meter.time_zone in over}


def events_of_day(lake: Lake, industry: Industry, day: date, meters: Mapping[str, Meter]) -> pl.DataFrame:
    """Events of some meters that overlap the day in the zone of their meter, as known from the months up to the day's."""
    from ecoai_pipeline.detection.anomalies import merged_events  # imports numba; readers of the ledger do not wait for it

    return touching(merged_events(lake, [industry], day - timedelta(days=1), until=Month.of(day)), meters, day)


def touching(events: pl.DataFrame, meters: Mapping[str, Meter], day: date) -> pl.DataFrame:
    """Those of the events that overlap a day in the zone of their meter; meters that are not given have none."""
    zones = {meter_id: meter.time_zone for meter_id, meter in meters.items()}
    bounds = {zone: day_bounds(day, zone) for zone in set(zones.values())}
    rows = events.select("meter_id", "start", "end").iter_rows()
    touches = [meter in zones and start < bounds[zones[meter]][1] and end > bounds[zones[meter]][0] for meter, start, end in rows]
    return events.filter(pl.Series(touches, dtype=pl.Boolean))


def _beside(old: Detection, row: dict[str, object]) -> bool:
    same = old.meter_id == row["meter_id"] and old.category == row["category"]
    overlap = old.start < row["end"] and row["start"] < old.end  # type: ignore[operator]
    return old.event_id == row["event_id"] or (same and bool(overlap))


def _relation(heirs_of_predecessors: Sequence[int]) -> Relation:
    if not heirs_of_predecessors:
        return Relation.NEW
    if len(heirs_of_predecessors) > 1:
        return Relation.MERGED
    return Relation.SPLIT if heirs_of_predecessors[0] > 1 else Relation.CONTINUED
