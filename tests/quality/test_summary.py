"""The meter × day summary: days of 23 and 25 hours, gaps, runs, overlaps, and until when readings can be expected."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import ARRIVALS, Month
from ecoai_pipeline.quality.measures import examine
from ecoai_pipeline.quality.rules import mark, meter_frame
from ecoai_pipeline.quality.summary import by_day, day_start, horizons, silent_meters
from ecoai_pipeline.settings import QualityParams
from ecoai_pipeline.storage.schema import empty

PARAMS = QualityParams()
JANUARY = Month(2022, 1)


def summary(readings, *meters, month=JANUARY, before=None, arrivals=None, silent=None, missing_days=1):
    known = meter_frame({meter.meter_id: meter for meter in meters})
    examined = examine(readings, known, PARAMS, default_zone="Asia/Seoul", before=before)
    horizon = horizons(readings.lazy(), known, "Asia/Seoul")
    more = {"arrivals": arrived(arrivals), "silent": silent, "missing_days": missing_days}
    return by_day(mark(examined, PARAMS), month, horizon, before, **more)


def arrived(readings):
    return empty(ARRIVALS) if readings is None else readings.select(ARRIVALS.names)


def test_a_full_month_is_complete(make_readings, working):
    days = summary(make_readings(working(31 * 24 * 4), interval_s=900))
    assert days["day"].to_list() == [date(2022, 1, n) for n in range(1, 32)]
    assert set(days["readings"]) == {96}
    assert set(days["expected"]) == {96}
    assert set(days["completeness"]) == {1.0}
    assert days["null_run_h"].sum() == days["missing"].sum() == days["overlaps"].sum() == days["off_grid"].sum() == 0
    assert days["kwh"].sum() == pytest.approx(sum(working(31 * 24 * 4)))


@pytest.mark.parametrize(("month", "day", "hours"), [(Month(2021, 3), date(2021, 3, 28), 23), (Month(2021, 10), date(2021, 10, 31), 25)])
def test_a_day_has_as_many_readings_as_hours(make_readings, make_meter, working, month, day, hours):
    start, stop = day_start(month.first_day, "Europe/Berlin"), day_start(month.next.first_day, "Europe/Berlin")
    readings = make_readings(working(int((stop - start).total_seconds() // 3600)), start=start)
    days = summary(readings, make_meter(zone="Europe/Berlin"), month=month)
    row = days.row(by_predicate=pl.col("day") == day, named=True)
    assert (row["readings"], row["expected"], row["completeness"]) == (hours, hours, 1.0)
    assert set(days.filter(pl.col("day") != day)["expected"]) == {24}


def test_a_clock_that_skips_midnight_begins_its_day_at_the_skip():
    """Beirut went from 2022-03-26 24:00 straight to 01:00."""
    assert day_start(date(2022, 3, 27), "Asia/Beirut") == datetime(2022, 3, 26, 22, tzinfo=UTC)


def test_absent_and_empty_readings_are_missing_alike(make_readings, working):
    values = working(24 * 5)
    empty = make_readings([None if 30 <= n < 40 else v for n, v in enumerate(values)])
    absent = empty.filter(pl.col("kwh").is_not_null())
    for readings in (empty, absent):
        second = summary(readings).row(1, named=True)
        assert (second["readings"], second["missing"], second["null_run_h"]) == (14, 10, 10.0)
        assert second["completeness"] == pytest.approx(14 / 24)


def test_a_gap_shows_its_whole_length_on_every_day_it_touches(make_readings, working):
    readings = make_readings(working(24 * 6)).filter(~pl.int_range(pl.len()).is_between(40, 99))
    days = summary(readings)
    assert days["day"].to_list() == [date(2022, 1, n) for n in range(1, 7)]
    assert days["null_run_h"].to_list() == [0, 60, 60, 60, 60, 0]
    assert days["readings"].to_list() == [24, 16, 0, 0, 20, 24]


def test_a_meter_that_fell_silent_is_missed_until_the_others_end(make_readings, working):
    readings = pl.concat([make_readings(working(24 * 4)), make_readings(working(24 * 2), meter="silent")])
    silent = summary(readings).filter(pl.col("meter_id") == "silent")
    assert silent["completeness"].to_list() == [1, 1, 0, 0]
    assert silent["null_run_h"].to_list() == [0, 0, 48, 48]


def test_a_whole_local_day_without_a_value_is_missing_and_a_part_of_one_is_not(make_readings, make_meter, working):
    """The meter falls silent on the 3rd at noon and reads again on the 6th at noon; another one ends on the 8th at noon."""
    hour = pl.int_range(pl.len())
    gappy = make_readings(working(24 * 7 + 12)).filter(~hour.is_between(60, 131))
    empty = make_readings([None if 60 <= n < 132 else 1.0 + n % 5 for n in range(24 * 7 + 12)], meter="empty")
    days = summary(pl.concat([gappy, empty]))
    for meter in ("m1", "empty"):
        found = days.filter(pl.col("meter_id") == meter, pl.col("missing_day") == 1)["day"].to_list()
        assert found == [date(2022, 1, 4), date(2022, 1, 5)]
    assert summary(gappy, missing_days=3)["missing_day"].sum() == 0
    started_late = make_readings(working(30), start=datetime(2022, 1, 3, 15, tzinfo=UTC), meter="new")
    assert summary(pl.concat([gappy, started_late])).filter(pl.col("meter_id") == "new")["missing_day"].to_list() == [0, 0, 1, 1, 0]


def test_a_meter_of_the_month_before_that_is_silent_all_month_misses_every_day(make_readings, make_meter, working):
    readings = make_readings(working(24 * 3))
    known = meter_frame({name: make_meter(name) for name in ("m1", "gone", "moved on")})
    past = pl.concat([make_readings(working(9), meter=name) for name in ("m1", "gone", "sold")])
    silent = silent_meters(readings.lazy(), past.lazy(), known)
    assert silent.rows() == [("gone", "Asia/Seoul", 3600)]
    days = summary(readings, silent=silent).filter(pl.col("meter_id") == "gone")
    assert days.select("day", "expected", "readings", "missing", "missing_day", "null_run_h").rows() == [
        (date(2022, 1, n), 24, 0, 24, 1, 72.0) for n in (1, 2, 3)
    ]


def test_a_zone_whose_day_is_not_over_is_pending_not_missing(make_readings, make_meter, working):
    ahead = make_readings(working(24 * 4))
    behind = make_readings(working(24 * 4 - 20), meter="berlin", start=day_start(date(2022, 1, 1), "Europe/Berlin"))
    days = summary(pl.concat([ahead, behind]), make_meter(), make_meter("berlin", zone="Europe/Berlin"))
    assert set(days["completeness"]) == {1.0}
    assert days.filter(pl.col("meter_id") == "berlin")["expected"].to_list() == [24, 24, 24, 4]


def test_a_meter_is_expected_from_its_first_reading_or_from_the_months_start_if_it_read_before(make_readings, working):
    late = make_readings(working(48), start=datetime(2022, 1, 3, 3, tzinfo=UTC))  # noon of 3 January in Seoul
    assert summary(late)["expected"].to_list() == [12, 24, 12]
    december = make_readings(working(5), start=datetime(2021, 12, 31, 8, tzinfo=UTC))
    assert summary(late, before=december)["expected"].to_list() == [24, 24, 24, 24, 12]


def test_runs_and_mixed_intervals_and_overlaps_are_told_by_day(make_readings, working):
    hours = make_readings([*working(24), *[0.0] * 30, *[5.0] * 10, *working(8)])
    extra = make_readings([1.0], start=hours["timestamp"][3] + timedelta(minutes=7), interval_s=900)
    days = summary(pl.concat([hours, extra]))
    assert days["zero_run_h"].to_list() == [0, 30, 30]
    assert days["flat_run_h"][2] == 10
    assert days["intervals"].to_list() == [2, 1, 1]
    assert days["overlaps"].to_list() == [1, 0, 0]
    assert days["off_grid"].to_list() == [1, 0, 0]
    assert days["suspect"].to_list() == [1, 0, 0]


def test_readings_out_of_order_are_counted_on_their_own_local_day(make_readings, make_meter, working):
    seoul = make_readings(working(24 * 3))
    berlin = make_readings(working(24 * 3), meter="berlin", start=day_start(date(2022, 1, 1), "Europe/Berlin"))
    absent = make_readings(working(24 * 3), meter="of another chunk")
    arrivals = pl.concat([seoul[23:26], berlin[46:48], absent])
    days = summary(pl.concat([seoul, berlin]), make_meter("berlin", zone="Europe/Berlin"), arrivals=arrivals)
    assert days.select("meter_id", "order_breaks").rows() == [
        (name, n) for name, counts in [("berlin", (0, 2, 0)), ("m1", (1, 2, 0))] for n in counts
    ]
    assert days.schema["order_breaks"] == pl.Int32


def test_a_reading_of_another_month_is_not_lost_from_sight(make_readings, working):
    days = summary(make_readings(working(24 * 32)))
    assert days["day"].max() == date(2022, 2, 1)
