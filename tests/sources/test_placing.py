"""Stamps slightly off the grid are read as the grid points that they mean; those that lie elsewhere keep their time and are counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.intake import grid_rules
from ecoai_pipeline.sources.placing import grids, onto_grid, usual_steps
from tests.sources.given import examples

ENDS = "meter=meter_id,timestamp=timestamp,kwh=kwh,stamp=end"
RULES = grid_rules(Settings())


@pytest.fixture
def starts(ingest, table, raw):
    """The local starts, the lengths and the warnings of readings with given local stamps."""

    def read(times, **options):
        result = ingest(table(*(f"m,{time},{n % 7}" for n, time in enumerate(times))), industry="metal", **options)
        assert result.statement.accepted == len(times)
        rows = raw(result)
        local = rows["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None).to_list()
        return local, rows["interval_s"].unique().to_list(), list(result.statement.warnings)

    return read


def quarters(count=96, first=datetime(2025, 4, 1)):
    return [first + timedelta(minutes=15 * n) for n in range(count)]


@pytest.mark.parametrize(
    "noise", [[0, 1, 2], [-2, 1, 3, -1, 2, -3], [0, 20, 7, 13], [0.029, -0.029, 0], [0.5], [-30, 10, 25, -5, 30, -20, 0]]
)
def test_noise_of_some_seconds_leaves_the_quarter_hours(starts, noise):
    times = [time + timedelta(seconds=noise[n % len(noise)]) for n, time in enumerate(quarters())]
    assert starts(times) == (quarters(), [900], [])


@pytest.mark.parametrize("early_s", [1, 60])
@pytest.mark.parametrize("interval", [5, 15, 30, 60])
def test_an_end_at_the_last_second_or_minute_is_the_next_full_minute(starts, interval, early_s):
    begins = [datetime(2025, 4, 1) + timedelta(minutes=interval * n) for n in range(24 * 60 // interval)]
    times = [begin + timedelta(minutes=interval, seconds=-early_s) for begin in begins]
    assert starts(times, columns=ENDS)[:2] == (begins, [interval * 60])


def test_the_first_reading_of_a_month_that_is_stamped_early_stays_in_its_month(ingest, table):
    times = ["2025-03-31 23:59:58", *(f"2025-04-01 {hour:02d}:00:01" for hour in range(1, 24))]
    statement = ingest(table(*(f"m,{time},1" for time in times)), industry="metal").statement
    assert (statement.months, statement.accepted) == (["2025-04"], 24)


def test_two_stamps_never_share_a_point_and_the_farther_one_is_counted(starts):
    times = sorted([*quarters(), datetime(2025, 4, 1, 10, 15, 3)])
    times[times.index(datetime(2025, 4, 1, 10, 15))] = datetime(2025, 4, 1, 10, 14, 58)
    local, lengths, warnings = starts(times)
    assert local == sorted([*quarters(), datetime(2025, 4, 1, 10, 15, 3)])
    assert lengths == [900]
    assert "1 readings of 1 meters (m) have no place of their own" in warnings[0]
    assert warnings[0].endswith("the first: row 44, m, 2025-04-01 10:15:03 KST")


def test_a_stamp_between_two_points_is_kept_and_counted(starts):
    local, _, warnings = starts([*quarters(), datetime(2025, 4, 1, 10, 22, 30)])
    assert datetime(2025, 4, 1, 10, 22, 30) in local
    assert "the first: row 98, m, 2025-04-01 10:22:30 KST" in warnings[0]


@pytest.mark.parametrize("step", [893, 907, 420, 45])
def test_an_even_step_of_another_length_is_the_meters_own(starts, step):
    times = [datetime(2025, 4, 1) + timedelta(seconds=step * n) for n in range(100)]
    assert starts(times)[:2] == (times, [step])


def test_a_grid_that_is_shifted_stays_shifted_and_noise_does_not_change_its_interval(starts):
    shifted = [time + timedelta(minutes=7) for time in quarters()]
    assert starts(shifted) == (shifted, [900], [])
    noisy = [time + timedelta(seconds=[0, 1, -2][n % 3]) for n, time in enumerate(shifted)]
    assert starts(noisy) == (noisy, [900], [])


def test_an_interval_that_changes_has_both_grids(starts):
    times = [*quarters(96), *(datetime(2025, 4, 2) + timedelta(hours=n) for n in range(72))]
    noisy = [time + timedelta(seconds=n % 3) for n, time in enumerate(times)]
    assert starts(noisy) == (times, [900, 3600], [])


@examples(60, full=2_000)
@given(
    interval=st.sampled_from([60, 300, 360, 600, 720, 900, 1800, 3600]),
    noise=st.lists(st.floats(-1, 1), min_size=5, max_size=40),
    shift=st.sampled_from([0, 0.5]),
)
def test_placing_moves_no_stamp_by_more_than_the_tolerance_and_no_two_to_one_point(interval, noise, shift):
    most = min(RULES.share * interval, RULES.most_s)
    first = datetime(2025, 4, 1)
    points = [first + timedelta(seconds=interval * (n + shift)) for n in range(len(noise))]
    times = [point + timedelta(seconds=most * share) for point, share in zip(points, noise, strict=True)]
    frame = pl.DataFrame({"meter": "m", "local": times, "interval_s": pl.Series([None] * len(times), dtype=pl.Int32), "usual": False})
    frame = frame.with_columns(
        pl.col("local").cast(pl.Datetime("us")), utc=pl.col("local").dt.replace_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
    )
    placed = onto_grid(frame, {"m": interval}, RULES, ends=False)["local"].to_list()
    assert placed == (times if shift else points)


@examples(60, full=2_000)
@given(interval=st.sampled_from([60, 300, 900, 3600]), noise=st.lists(st.integers(-3, 3), min_size=4, max_size=60))
def test_the_interval_is_that_of_the_grid_whatever_the_noise(interval, noise):
    stamps = [interval * n + off for n, off in enumerate(noise)]
    steps = pl.Series([later - earlier for earlier, later in pairwise(stamps)])
    counts = pl.DataFrame({"meter": "m", "step": steps}).group_by("meter", "step").len("times")
    assert grids(counts, RULES) == {"m": interval}
    step = usual_steps(counts, RULES, "meter")["step"].item()
    assert step == interval or counts.filter(step=step)["times"].item() * 2 >= len(steps)


def test_a_stamp_just_before_the_end_of_the_skipped_hour_is_the_first_after_it(ingest, table, raw):
    """Clocks of Berlin go from 2:00 to 3:00 on 30 March 2025."""
    times = ["01:30:01", "01:45:00", "02:59:58", "03:15:01", "03:30:00", "03:45:00"]
    rows = [f"m,2025-03-30 {time},{n}" for n, time in enumerate(times)]
    result = ingest(table(*rows), industry="metal", zone="Europe/Berlin")
    starts = raw(result)["timestamp"].dt.convert_time_zone("Europe/Berlin").dt.strftime("%H:%M:%S").to_list()
    assert (result.statement.quarantined, starts) == (0, ["01:30:00", "01:45:00", "03:00:00", "03:15:00", "03:30:00", "03:45:00"])


NOISE = [0, 1, -2, 2, -1, 3, -3]
"""Seconds; neighbours differ, so steps are uneven."""


def noisy(time: datetime, n: int) -> str:
    return f"{time + timedelta(seconds=NOISE[n % len(NOISE)]):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("columns", "stated"),
    [
        ("timestamp=a,kwh=kwh,interval=b", lambda start, _end, n: (noisy(start, n), "900")),
        ("timestamp=a,kwh=kwh,end=b", lambda start, end, n: (noisy(start, n), noisy(end, n + 1))),
        ("timestamp=a,kwh=kwh", lambda start, end, n: (f"{noisy(start, n)} - {noisy(end, n + 1)}", "")),
        ("timestamp=a,kwh=kwh,end=b", lambda start, end, n: (noisy(start, n), f"{end - timedelta(seconds=1):%Y-%m-%d %H:%M:%S}")),
    ],
    ids=["interval", "end", "range", "end at the last second"],
)
def test_readings_that_state_their_interval_lie_on_the_grid(ingest, table, raw, columns, stated):
    rows = [",".join([*stated(start, start + timedelta(minutes=15), n), str(n)]) for n, start in enumerate(quarters())]
    result = ingest(table(*rows, header="a,b,kwh"), columns=columns)
    readings = raw(result)
    assert readings["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None).to_list() == quarters()
    assert readings["interval_s"].unique().to_list() == [900]
    assert readings["kwh"].to_list() == [float(n) for n in range(96)]
    assert not [text for text in result.statement.warnings if "no place" in text]


def test_a_register_that_is_read_some_seconds_late_gives_the_energy_of_the_grid(ingest, table, raw):
    rows = [f"m,{noisy(time, n)},{1000 + n * 0.5}" for n, time in enumerate(quarters(97))]
    readings = raw(ingest(table(*rows), columns="meter=meter_id,timestamp=timestamp,kwh=kwh,register=true")).drop_nulls("kwh")
    assert readings["timestamp"].dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None).to_list() == quarters()
    assert (readings["interval_s"].unique().to_list(), readings["kwh"].unique().to_list()) == ([900], [0.5])


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/London", "2025-10-26"), ("Europe/Berlin", "2025-10-26"), ("America/Chicago", "2025-11-02")]
)
@pytest.mark.parametrize("noise", [(1, 0), (-1, 1), (0, 1), (-2, 2), (2, -1)])
@pytest.mark.parametrize("kind", ["start", "end", "range"])
def test_hourly_readings_with_jitter_keep_both_passes_of_the_hour_that_comes_twice(ingest, table, raw, zone, day, noise, kind):
    home = ZoneInfo(zone)
    first = datetime.fromisoformat(day).replace(tzinfo=home).astimezone(UTC)
    starts = [first + timedelta(hours=n) for n in range(25)]

    def shown(time, n):
        return f"{(time + timedelta(seconds=noise[n % 2] if n else 0)).astimezone(home):%Y-%m-%d %H:%M:%S}"

    hour = timedelta(hours=1)
    texts = {
        "start": [shown(start, n) for n, start in enumerate(starts)],
        "end": [shown(start + hour, n) for n, start in enumerate(starts)],
        "range": [f"{shown(start, n)} - {shown(start + hour, n + 1)}" for n, start in enumerate(starts)],
    }[kind]
    stamp = "end" if kind == "end" else "start"
    columns = f"meter=meter_id,timestamp=timestamp,kwh=kwh,stamp={stamp}"
    result = ingest(table(*(f"m,{text},{n}" for n, text in enumerate(texts))), columns=columns, zone=zone)
    readings = raw(result)
    assert readings["timestamp"].to_list() == starts
    assert readings["kwh"].to_list() == [float(n) for n in range(25)]
    assert readings["interval_s"].unique().to_list() == [3600]


@pytest.mark.parametrize("days", [2, 3, 5, 20])
def test_daily_readings_with_jitter_last_the_day(starts, days):
    times = [datetime(2025, 4, 1) + timedelta(days=n) for n in range(days)]
    shaken = [times[0], *(time + timedelta(seconds=5 if n % 2 else -5) for n, time in enumerate(times[1:]))]
    assert starts(shaken)[:2] == (times, [86_400])
