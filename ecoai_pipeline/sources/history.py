"""What was ever said of a meter's readings on a day: each statement's word, which one is in force, and which is not and why."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import polars as pl

from ecoai_pipeline.domain import Month
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.merge import KEY, VALUES, merged
from ecoai_pipeline.sources.restore import ensure_pieces
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.receipts import Statement
from ecoai_pipeline.storage.registry import MeterRegistry
from ecoai_pipeline.storage.schema import DTYPES


class State(StrEnum):
    """What became of a statement's word on a reading."""

    IN_FORCE = "in force"
    REPEATED = "repeated"  # a newer statement says what the one before it said: the older one's word stays in force
    OVERRULED = "overruled"
    WITHDRAWN = "withdrawn"


def readings_history(lake: Lake, settings: Settings, meter_id: str, day: date) -> pl.DataFrame:
    """All that statements say of a meter on a day of its own zone, by interval and then in order of receipt.

    Columns: local (start on the meter's wall clock), timestamp (UTC), interval_s, kwh, quality, state, statement_id, file,
    received_at. Without readings on that day it has no rows.

    Raises:
        ValueError: no registry and no statement knows the meter.
        IngestError: what a statement said can no longer be read.
    """
    registry, book, month = MeterRegistry(lake), Landing(lake).book, Month.of(day)
    gone = [statement for statement, _ in book.withdrawn()]
    zone = registry.home_zone(meter_id) or next((one.zones[meter_id] for one in gone if meter_id in one.zones), None)
    if zone is None:
        raise ValueError(f"meter {meter_id!r} is unknown; `ecoai meters list` shows those that are known")
    near = {str(one) for one in (month.previous, month, month.next)}
    told = [one for one in book.ever() if meter_id in one.meters and not near.isdisjoint(one.months)]
    ensure_pieces(lake, settings, told, month)
    frames = [_said(lake, statement, order, month, meter_id, withdrawn=statement in gone) for order, statement in enumerate(told)]
    local = pl.col("timestamp").dt.convert_time_zone(zone)
    rows = pl.concat([_nothing(), *frames]).with_columns(local=local.dt.replace_time_zone(None)).filter(local.dt.date() == day)
    standing = merged(Landing(lake), [one for one in told if one not in gone], month, [meter_id])["timestamp"]
    return _with_states(rows, standing).select(
        "local", "timestamp", "interval_s", "kwh", "quality", "state", "statement_id", "file", "received_at"
    )


def _said(lake: Lake, statement: Statement, order: int, month: Month, meter_id: str, *, withdrawn: bool) -> pl.DataFrame:
    piece = Landing(lake).scan_piece(statement.statement_id, month, [meter_id]).collect()
    beside = {"file": pl.lit(statement.file), "received_at": pl.lit(statement.received_at, DTYPES["time"])}
    return piece.with_columns(**beside, order=pl.lit(order, pl.Int32), withdrawn=pl.lit(withdrawn)).select(_nothing().columns)


def _nothing() -> pl.DataFrame:
    text, time, whole = DTYPES["str"], DTYPES["time"], DTYPES["i32"]
    names = {"meter_id": text, "timestamp": time, "interval_s": whole, "kwh": DTYPES["f64"], "quality": text, "statement_id": text}
    return pl.DataFrame(schema={**names, "file": text, "received_at": time, "order": whole, "withdrawn": DTYPES["bool"]})


def _with_states(rows: pl.DataFrame, standing: pl.Series) -> pl.DataFrame:
    """Name what each word is: among those not withdrawn the last that says something new of an interval is in force.

    `standing` are the starts of the readings in force: an interval may be overruled by one that starts beside it.
    """
    ordered = rows.sort("timestamp", "order").with_row_index()
    valid = ordered.filter(~pl.col("withdrawn"))
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in VALUES)
    repeats = valid.with_columns(repeat=same.over(KEY).fill_null(value=False) & (pl.int_range(pl.len()).over(KEY) > 0))
    news = repeats.filter(~pl.col("repeat"), pl.col("timestamp").is_in(standing.implode()))
    in_force = news.group_by(KEY).agg(pl.col("index").max())["index"].implode()
    repeated = repeats.filter("repeat")["index"].implode()
    state = (
        pl.when("withdrawn").then(pl.lit(State.WITHDRAWN.value))
        .when(pl.col("index").is_in(in_force)).then(pl.lit(State.IN_FORCE.value))
        .when(pl.col("index").is_in(repeated)).then(pl.lit(State.REPEATED.value))
        .otherwise(pl.lit(State.OVERRULED.value))
    )  # fmt: skip
    return ordered.with_columns(state=state)
