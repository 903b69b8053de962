"""The layer `anomalies`: the nightly table of events of an industry and month, and the reader's view over months."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import polars as pl

from ecoai_pipeline.detection.events import OPEN_SCHEMA, find_events
from ecoai_pipeline.detection.evidence import ModelWeights, consumed
from ecoai_pipeline.detection.loads import READINGS
from ecoai_pipeline.detection.revisions import Version, receipts_of, revise
from ecoai_pipeline.detection.surroundings import surroundings
from ecoai_pipeline.domain import ANOMALIES, SCORES, Category, EventStatus, Industry, Meter, Month, Partition
from ecoai_pipeline.features.calendar import Place
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake, PartitionInfo, Written
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import schema_of
from ecoai_pipeline.tariffs import ImpactParams

_SUMMED = ("expected_kwh", "actual_kwh", "excess_kwh", "low_kwh", "high_kwh", "usual_low_kwh", "usual_high_kwh", "co2e_kg")
_OF_STRONGEST = ("kind", "rule", "shift_min", "fit", "next_kind", "next_fit")
_COUNTED = ("readings", "alarmed", "restated")
_ROOM = ("anomalies", "events", "evidence", "impact", "surroundings", "precedents", "loads", "segments/extents")
_CODE = ("features/runs.py", "features/calendar.py", "tariffs.py", "detection/kinds", *(f"detection/{name}.py" for name in _ROOM))


def materialize_anomalies(lake: Lake, settings: Settings, partition: Partition) -> Written:
    """Write `anomalies` of a partition from its scores, the last days of those of the month before, and its open events.

    Where a version stood before, its events keep their names, and the ledger of revisions says which are no longer what they were.

    Raises:
        ValueError: a scored meter is not in the meter registry.
    """
    scores, former = lake.info(SCORES, partition), lake.info(ANOMALIES, partition)
    if scores.rows == 0:
        _revise(lake, partition, former, Version(_no_rows().drop("month"), {}, ""))
        return lake.write(ANOMALIES, partition, [], fingerprint="")
    before = MeterRegistry(lake).partitions_before(partition)
    members = MeterRegistry(lake).of(partition.industry, partition.month)

    def make(facts: dict[str, Any]) -> Iterator[pl.DataFrame]:
        statuses: dict[str, int] = {status.value: 0 for status in EventStatus}
        kinds: dict[str, int] = {}
        found: list[pl.DataFrame] = [_no_rows().drop("month")]
        until = datetime.min.replace(tzinfo=UTC)
        for chunk in lake.chunks(SCORES, partition):
            events = _chunk_events(lake, settings, partition, chunk, before, members, scores.facts.get("weights", {}))
            for column, counts in (("status", statuses), ("kind", kinds)):
                for value, count in events.group_by(column).len().sort(column).iter_rows():
                    counts[value] = counts.get(value, 0) + count
            found.append(_completed(events, partition, members, scores.content))
            until = max(until, chunk.select((pl.col("timestamp") + pl.duration(seconds="interval_s")).max()).item())
            yield found[-1]
        facts.update(statuses, kinds=kinds, scores_made_from=scores.fingerprint, until=until.isoformat())
        _revise(lake, partition, former, Version(pl.concat(found), facts, made_from))

    made_from = anomalies_fingerprint(lake, settings, partition)
    return lake.refresh(ANOMALIES, partition, made_from, make)


def _revise(lake: Lake, partition: Partition, former: PartitionInfo, found: Version) -> None:
    """Note how the events found differ from those that stood, and up to which receipt they know what came in."""
    found.facts["receipts"] = receipts_of(lake, partition)
    if former.fingerprint:
        revise(lake, partition, Version.stored(lake.read(ANOMALIES, partition), former), found)


def anomalies_fingerprint(lake: Lake, settings: Settings, partition: Partition) -> str:
    """What `anomalies` of a partition would be made from now."""
    registry = MeterRegistry(lake)
    before, members = registry.partitions_before(partition), registry.of(partition.industry, partition.month)
    inputs = {
        "scores": lake.info(SCORES, partition).content,
        "before": {part.key: [lake.info(SCORES, part).content, lake.info(ANOMALIES, part).content] for part in before},
        "tariffs": {meter_id: [meter.tariff, Place.of_meter(meter).country] for meter_id, meter in members.items()},
        "meters": {meter_id: [meter.usage_type, *astuple(Place.of_meter(meter))] for meter_id, meter in members.items()},
    }
    params = {"events": settings.detection.events.model_dump(mode="json"), "impact": _prices_of(members.values(), settings.impact)}
    return fingerprint(inputs=inputs, params=params, code=code_digest(*_CODE))


def _prices_of(meters: Iterable[Meter], params: ImpactParams) -> dict[str, Any]:
    """The tariffs and factors that some meters have: a change of others makes nothing stale."""
    places = {(meter.tariff, Place.of_meter(meter).country) for meter in meters}
    tables = [params.tariff(*place) for place in places]
    return {
        "tariffs": sorted({table.model_dump_json() for table in tables if table}),
        "emission_factors": {str(country): [one.model_dump(mode="json") for one in params.factors(country)] for _, country in places},
    }


def _chunk_events(
    lake: Lake,
    settings: Settings,
    partition: Partition,
    chunk: pl.DataFrame,
    before: Sequence[Partition],
    registered: Mapping[str, Meter],
    weights: ModelWeights,
) -> pl.DataFrame:
    meters = chunk["meter_id"].unique(maintain_order=True).to_list()
    params = settings.detection.events
    since: datetime = chunk["timestamp"].min()  # type: ignore[assignment]
    # A day more than asked for, because meters of other zones start their month earlier or later.
    tail = lake.scan(SCORES, before, meters).filter(pl.col("timestamp") >= since - timedelta(days=params.tail_days + 1)).collect()
    still_open = lake.scan(ANOMALIES, before, meters).filter(pl.col("status") == EventStatus.ONGOING)
    weeks = partial(_compared, lake, chunk, before)
    known = lake.scan(ANOMALIES, [partition], meters)
    opened, named = (frame.select(OPEN_SCHEMA.names()).collect() for frame in (still_open, known))
    events = find_events(chunk, tail, opened, named, params, weights, weeks)
    _require_registered(events, partition, registered)
    months = dict(chunk.group_by("meter_id").agg(pl.col("timestamp").min()).iter_rows())
    return surroundings(weeks(events["meter_id"].unique().to_list()), events, months, registered, params, settings.impact)


def _compared(lake: Lake, chunk: pl.DataFrame, before: Sequence[Partition], meters: Sequence[str]) -> pl.DataFrame:
    """Readings of some meters beside what was expected, of the month and the one before."""
    own = chunk.lazy().filter(pl.col("meter_id").is_in(meters))
    frames = [frame.with_columns(consumed()).select(READINGS) for frame in (lake.scan(SCORES, before, meters), own)]
    return pl.concat(frames).sort("meter_id", "timestamp").collect()


def _completed(events: pl.DataFrame, partition: Partition, members: Mapping[str, Meter], content: str) -> pl.DataFrame:
    usage = {meter_id: members[meter_id].usage_type.value for meter_id in events["meter_id"].unique()}
    return events.with_columns(
        pl.lit(partition.industry.value).alias("industry"),
        pl.col("meter_id").replace_strict(list(usage), list(usage.values()), return_dtype=pl.String).alias("usage_type"),
        pl.lit(content).alias("data_version"),
    ).select(ANOMALIES.names)


def _require_registered(events: pl.DataFrame, partition: Partition, members: Mapping[str, Meter]) -> None:
    unknown = [meter_id for meter_id in events["meter_id"].unique().sort() if meter_id not in members]
    if unknown:
        raise ValueError(
            f"{partition}: meter {unknown[0]!r} has scores and is not in the meter registry for this industry and month; "
            f"materialize raw_readings of {partition} and what follows again"
        )


@dataclass(frozen=True)
class Figures:
    """What an operator asks of a month's events first; energy events only.

    Attributes:
        meters: with scores, that the alarms are spread over.
        cost: by currency.
        worst: the meter of the most severe event, with its kind.
    """

    alarms: int
    meters: int
    excess_kwh: float
    missing_kwh: float
    cost: Mapping[str, float]
    worst: str


def figures(lake: Lake, partition: Partition) -> Figures:
    """The figures of a partition as it stands."""
    energy = lake.read(ANOMALIES, partition).filter(pl.col("category") == Category.ENERGY)
    excess = energy["excess_kwh"].fill_null(0)
    worst = energy.sort("severity", "meter_id", descending=[True, False]).head(1)
    named = "".join(f"{meter}: {kind}" for meter, kind in worst.select("meter_id", "kind").iter_rows())
    return Figures(
        alarms=energy.height,
        meters=lake.info(SCORES, partition).meters,
        excess_kwh=round(float(excess.clip(lower_bound=0).sum()), 1),
        missing_kwh=round(-float(excess.clip(upper_bound=0).sum()), 1),
        cost={currency: round(cost) for currency, cost in costs(energy).items()},
        worst=named or "–",
    )


def costs(events: pl.DataFrame) -> dict[str, float]:
    """Costs by currency, which are never added together; of events without a cost nothing."""
    sums = events.filter(pl.col("cost").is_not_null()).group_by(pl.col("currency").fill_null("")).agg(pl.col("cost").sum()).sort("currency")
    return dict(sums.iter_rows())


def merged_events(lake: Lake, industries: Iterable[Industry], since: date | None = None, *, until: Month | None = None) -> pl.DataFrame:
    """One row per event over all its months, columns of ANOMALIES, in order of start.

    Energies, cost, CO2e and counts are summed; costs of two currencies give null. Start is the true one; end, status and versions are
    those of the latest month; kind, its fit, rule and shares those of the part with the largest excess; p, severity and confidence the
    strongest. An event that a later month of its meter does not go on with is closed.

    Args:
        since: only events that end after the start of this day, UTC.
        until: months after this one are not looked at.
    """
    rows = pl.concat([_rows(lake, industry, until) for industry in industries] or [_no_rows()])
    ordered = rows.sort("event_id", "month")
    merged = ordered.group_by("event_id", maintain_order=True).agg(_merge(name) for name in ANOMALIES.names if name != "event_id")
    events = merged.select(ANOMALIES.names).sort("start", "meter_id", "category")
    if since is None:
        return events
    return events.filter(pl.col("end") > datetime.combine(since, time(), UTC))


def _merge(name: str) -> pl.Expr:
    column = pl.col(name)
    strongest = pl.col("excess_kwh").abs().fill_null(0).arg_max()
    if name == "cost":
        return pl.when((column.count() > 0) & (pl.col("currency").drop_nulls().n_unique() <= 1)).then(column.sum())
    if name in _SUMMED:
        return pl.when(column.count() > 0).then(column.sum())
    if name in _COUNTED:
        return column.sum()
    if name in ("severity", "confidence", "longest_equal_run"):
        return column.max()
    if name in ("p", "start", "usual_weeks"):
        return column.min()
    if name == "before_ratio":
        return column.first()
    if name in ("tariff_version", "currency"):
        return column.drop_nulls().last()
    if name == "hindsight":
        return column.any()
    if name in _OF_STRONGEST or name.startswith("share_"):
        return column.get(strongest)
    return column.last()


def _rows(lake: Lake, industry: Industry, until: Month | None) -> pl.DataFrame:
    """Rows of an industry with the month they stand in; ongoing only in the last month that the meter has scores of."""
    months = [month for month in lake.months(ANOMALIES, industry) if until is None or month <= until]
    parts = [_settled(lake, Partition(industry, month), until).with_columns(month=pl.lit(str(month))) for month in months]
    return pl.concat([_no_rows(), *parts])


def _settled(lake: Lake, partition: Partition, until: Month | None) -> pl.DataFrame:
    part, following = lake.read(ANOMALIES, partition), Partition(partition.industry, partition.month.next)
    meters = part.filter(pl.col("status") == EventStatus.ONGOING)["meter_id"].unique().to_list()
    if not meters or (until is not None and following.month > until):
        return part
    later = lake.scan(SCORES, following, meters).select(pl.col("meter_id").unique()).collect()["meter_id"].to_list()
    over = pl.col("meter_id").is_in(later)
    return part.with_columns(status=pl.when(over).then(pl.lit(EventStatus.CLOSED.value)).otherwise("status"))


def _no_rows() -> pl.DataFrame:
    return pl.DataFrame(schema={**schema_of(ANOMALIES), "month": pl.String()})
