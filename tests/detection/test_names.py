"""An event keeps its name from the night it is first told, whatever later readings change of its start and end."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecoai_pipeline.detection.events import OPEN_SCHEMA, event_id, find_events
from ecoai_pipeline.detection.segments.search import searched
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.domain import Month
from ecoai_pipeline.settings import EventParams, HabitParams, SegmentParams

MARCH, DAY, DAYS = Month(2022, 3), 24, 90
NONE = pl.DataFrame(schema=OPEN_SCHEMA)
NOON = datetime.fromisoformat("2022-03-10T12:00Z")
ALARM = 1e-6
EXPECTED = np.tile(20 + 8 * np.sin(np.arange(DAY) * 2 * np.pi / DAY), DAYS)
Floats = NDArray[np.float64]


def faulty(seed: int) -> Floats:
    """Ninety days at an hour: a daily course, noise, and every few days a fault of some length, from the thirtieth day on."""
    rng = np.random.default_rng(seed)
    kwh = EXPECTED + rng.normal(0, 1.0, len(EXPECTED))
    at = 30 * DAY
    while at < len(kwh):
        length = int(rng.choice([1, 3, 8, 24, 56]))
        kwh[at : at + length] += rng.choice([-1, 1]) * rng.choice([4.0, 8.0, 16.0]) * rng.choice([1.0, np.nan], p=[0.97, 0.03])
        at += length + int(rng.integers(3, 5 * DAY))
    return kwh


def scores(portfolio: ModuleType, kwh: Floats) -> pl.DataFrame:
    """SCORES of one long month that ends with the last reading, the detectors silent: segments alone alarm."""
    n = len(kwh)
    times = np.datetime64("2022-03-01", "us") + np.arange(n) * np.timedelta64(1, "h")
    band = Expectation(EXPECTED[:n], EXPECTED[:n] - 1.645, EXPECTED[:n] + 1.645)
    found = searched(kwh, band, band, times, np.arange(n) // DAY, 3600, SegmentParams(), HabitParams())
    told = {"kwh": kwh, "expected_kwh": band.expected, "low_kwh": band.low, "high_kwh": band.high, "p_segment": found.p}
    frame = portfolio.scored("m", MARCH).head(1).with_columns(interval_s=pl.lit(3600, pl.Int32)).drop("timestamp", "strange_day", *told)
    columns = {"timestamp": pl.Series(times).dt.replace_time_zone("UTC"), "strange_day": found.strange, **told}
    return frame.join(pl.DataFrame(columns), how="cross").with_columns(pl.col("kwh", "p_segment").fill_nan(None)).sort("timestamp")


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.full), pytest.param(4, marks=pytest.mark.full)])
def test_no_name_changes_over_sixty_nights(portfolio: ModuleType, seed: int) -> None:
    kwh, before, first = faulty(seed), NONE, {}
    for night in range(31, DAYS + 1):
        rows = scores(portfolio, kwh[: night * DAY])
        tonight = find_events(rows, rows.clear(), NONE, before, EventParams())
        assert tonight["event_id"].is_unique().all()
        both = before.join(tonight.select("meter_id", "category", now="event_id", since="start", until="end"), on=["meter_id", "category"])
        both = both.filter(pl.col("since") < pl.col("end"), pl.col("until") > pl.col("start"))
        renamed = both.filter(~pl.col("event_id").is_in(tonight["event_id"].implode()), ~pl.col("now").is_in(before["event_id"].implode()))
        assert renamed.is_empty(), f"night {night}: {renamed}"
        merged = both.filter(pl.col("now").is_in(before["event_id"].implode()), pl.col("now") != pl.col("event_id"))
        assert all(first[now] <= first[old] for now, old in merged.select("now", "event_id").iter_rows()), "the older name stays"
        first |= {name: first.get(name, start) for name, start in tonight.select("event_id", "start").iter_rows()}
        before = tonight.select(OPEN_SCHEMA.names())
    assert len(first) >= 5


def test_a_known_event_keeps_its_name_when_its_first_alarm_moves(portfolio: ModuleType) -> None:
    def found(p: dict[datetime, float], known: pl.DataFrame) -> pl.DataFrame:
        rows = portfolio.scored("m", MARCH, p)
        return find_events(rows, rows.clear(), NONE, known, EventParams())

    step = timedelta(minutes=15)
    alarms = {NOON + step * k: ALARM for k in range(8)}
    known = found(alarms, NONE)
    earlier = {NOON - step * k: ALARM for k in range(6)} | alarms
    assert found(earlier, known.select(OPEN_SCHEMA.names()))["event_id"].to_list() == known["event_id"].to_list()
    assert found(earlier, NONE)["event_id"].to_list() != known["event_id"].to_list()


def test_of_two_events_that_became_one_the_older_name_stays_and_of_one_that_became_two_each_has_its_own(portfolio: ModuleType) -> None:
    def found(hours: list[int], known: pl.DataFrame) -> list[str]:
        rows = portfolio.scored("m", MARCH, {NOON + timedelta(hours=h, minutes=15 * k): ALARM for h in hours for k in range(4)})
        return find_events(rows, rows.clear(), NONE, known, EventParams())["event_id"].to_list()

    def known(*spans: tuple[int, int]) -> pl.DataFrame:
        edges = [(NOON + timedelta(hours=a), NOON + timedelta(hours=b)) for a, b in spans]
        rows = [(event_id("m", "energy", start), "m", "energy", start, end) for start, end in edges]
        return pl.DataFrame(rows, schema=OPEN_SCHEMA, orient="row")

    names = [event_id("m", "energy", NOON + timedelta(hours=h)) for h in (0, 8)]
    assert found([0, 2, 4, 6, 8], known((0, 1), (8, 9))) == names[:1]
    assert found([-1, 0, 2, 4, 6, 8], known((0, 1), (8, 9))) == names[:1]
    assert found([0, 8], known((0, 9))) == names
    assert found([-1, 0, 8], known((8, 9), (0, 9))) == names
