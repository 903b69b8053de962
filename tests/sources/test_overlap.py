"""Statements of one meter in intervals of different lengths: a newer word stands for all of its interval."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.domain import RAW_READINGS, Industry, Month, Partition
from ecoai_pipeline.sources.history import readings_history
from ecoai_pipeline.sources.overlap import without_overruled
from ecoai_pipeline.sources.raw import materialize_raw
from tests.sources.given import hours

MARCH = Partition(Industry.OTHER, Month(2025, 3))
START = datetime(2025, 3, 1, tzinfo=UTC)


def quarters(value: float = 1.0) -> list[str]:
    return [f"m,2025-03-01 {quarter // 4:02d}:{quarter % 4 * 15:02d}:00,{value}" for quarter in range(96)]


def readings(lake, settings):
    materialize_raw(lake, settings, MARCH)
    return lake.read(RAW_READINGS, MARCH)


def test_hours_restate_all_four_quarter_hours_of_each(ingest, table, lake, settings, withdraw):
    ingest(table(*quarters()))
    newer = ingest(table(*hours()[:12], name="hours.csv")).statement
    day = readings(lake, settings)
    assert day["interval_s"].to_list() == [3600] * 12 + [900] * 48
    assert day["kwh"].sum() == sum(5.0 + hour for hour in range(12)) + 48
    assert day["restated"].to_list() == [True] * 12 + [False] * 48
    said = readings_history(lake, settings, "m", date(2025, 3, 1))
    counts = dict(said["state"].value_counts().iter_rows())
    assert counts == {"in force": 60, "overruled": 48}
    withdraw(newer.statement_id)
    assert readings(lake, settings)["kwh"].to_list() == [1.0] * 96


def test_quarter_hours_sent_again_after_the_hours_hold(ingest, table, lake, settings):
    path = table(*quarters())
    ingest(path)
    ingest(table(*hours(), name="hours.csv"))
    again = ingest(path).statement
    assert (again.added, again.changed) == (72, 24)
    assert readings(lake, settings)["kwh"].to_list() == [1.0] * 96


Reading = tuple[str, int, int, int]


@st.composite
def told(draw: st.DrawFn) -> list[Reading]:
    """Readings (meter, start, length in quarter hours, order of receipt), one per meter and start."""
    one = st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.sampled_from([1, 2, 4, 7]), st.integers(0, 3))
    return sorted(draw(st.lists(one, max_size=25, unique_by=lambda reading: reading[:2])))


@given(told())
@hypothesis_settings(deadline=None)
def test_a_reading_stands_where_no_standing_newer_one_shares_its_time(rows):
    """Against the definition, applied reading by reading from the newest statement to the oldest."""

    def share(one: Reading, other: Reading) -> bool:
        return one[0] == other[0] and one[1] < other[1] + other[2] and other[1] < one[1] + one[2]

    standing: list[Reading] = []
    for said in range(3, -1, -1):
        standing += [row for row in rows if row[3] == said and not any(share(row, other) for other in standing if other[3] > said)]
    dropped = [row for row in rows if row not in standing]
    frame = pl.DataFrame(
        [(meter, START + timedelta(minutes=15 * start), 900 * length, said, False) for meter, start, length, said in rows],
        schema={
            "meter_id": pl.String,
            "timestamp": pl.Datetime("us", "UTC"),
            "interval_s": pl.Int32,
            "said": pl.Int32,
            "restated": pl.Boolean,
        },
        orient="row",
    )
    found = without_overruled(frame)
    expected = [(row[0], row[1], any(share(row, other) for other in dropped)) for row in sorted(standing)]
    quarter = (pl.col("timestamp") - START).dt.total_minutes() // 15
    assert found.select("meter_id", quarter, "restated").rows() == expected
