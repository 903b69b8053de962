"""Profiles shifted by an hour over a clock change, and loads that move by themselves."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from ecoai_pipeline.quality.measures import examine
from ecoai_pipeline.quality.rules import Rule, conditions, meter_frame
from ecoai_pipeline.settings import QualityParams

PARAMS = QualityParams()
SPRING = datetime(2025, 3, 30, 1, tzinfo=UTC)  # the clock goes forward in Berlin and London
AUTUMN = datetime(2025, 10, 26, 1, tzinfo=UTC)
IN_CHICAGO = datetime(2025, 3, 9, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def plant(hour, weekday):
    """Two shifts from 06:00 to 22:00 over a base load, none on weekends."""
    return 20 + 60 * ((hour >= 6) & (hour < 22) & (weekday < 5))


def every_day(hour, weekday):
    return 20 + 60 * ((hour >= 6) & (hour < 22))


@pytest.fixture
def stamped(make_readings):
    """Gives readings of a load by the local clock of a zone; stamps from `change` to `undone` are some hours off."""

    def make(change, off=0, *, zone="Europe/Berlin", load=plant, undone=None, interval_s=900, days=(40, 33), noise=0.05):
        start, count = change.replace(hour=0) - days[0] * DAY, sum(days) * 86_400 // interval_s
        stamps = [start + timedelta(seconds=interval_s * n) for n in range(count)]
        is_off = [change <= stamp < (undone or stamps[-1] + DAY) for stamp in stamps]
        local = [(stamp - off * HOUR * wrong).astimezone(ZoneInfo(zone)) for stamp, wrong in zip(stamps, is_off, strict=True)]
        hour, weekday = (np.array(values) for values in zip(*((t.hour + t.minute / 60, t.weekday()) for t in local), strict=True))
        kwh = load(hour, weekday) * np.exp(np.random.default_rng(3).normal(0, noise, count)) * interval_s / 3600
        return make_readings(kwh.tolist(), start=start, interval_s=interval_s)

    return make


@pytest.fixture
def marked(make_meter):
    """Gives the times of the marked readings of a month, by the local clock; the month before is known."""

    def mark(readings, month, zone="Europe/Berlin"):
        local = readings["timestamp"].dt.convert_time_zone(zone)
        own, past = (readings.filter(local.dt.month() == m) for m in (month, month - 1))
        known = meter_frame({"m1": make_meter(zone=zone)})
        examined = examine(own, known, PARAMS, default_zone=zone, before=past)
        return examined.filter(conditions(PARAMS)[Rule.SHIFTED_CLOCK])["timestamp"]

    return mark


def within(readings, month, zone="Europe/Berlin"):
    stamp = readings["timestamp"]
    return stamp.filter(stamp.dt.convert_time_zone(zone).dt.month() == month)


@pytest.mark.parametrize(
    ("change", "month", "off"),
    [
        pytest.param(SPRING, 4, -1, id="the logger stays on standard time"),
        pytest.param(SPRING, 4, 1, id="the logger goes forward twice"),
        pytest.param(AUTUMN, 11, 1, id="the logger stays on summer time"),
        pytest.param(AUTUMN, 11, -1, id="the logger goes back twice"),
    ],
)
@pytest.mark.parametrize("interval_s", [300, 900, 1800, 3600])
def test_the_month_after_a_clock_change_that_was_not_followed_is_marked(stamped, marked, change, month, off, interval_s):
    readings = stamped(change, off, interval_s=interval_s)
    assert marked(readings, month).to_list() == within(readings, month).to_list()


def test_the_month_of_the_change_is_marked_from_the_change_on(stamped, marked):
    """In America the clock changes early in the month: on 9 March 2025."""
    readings = stamped(IN_CHICAGO, -1, zone="America/Chicago", days=(38, 21))
    found = marked(readings, 3, "America/Chicago")
    assert (found[0], found[-1]) == (IN_CHICAGO, readings["timestamp"][-1])


def test_it_is_marked_as_soon_as_five_workdays_are_over(stamped, marked):
    assert marked(stamped(SPRING, -1, days=(40, 5)), 4).is_empty()  # up to Friday, 4 April, 02:00
    assert marked(stamped(SPRING, -1, days=(40, 6)), 4)[0] == datetime(2025, 3, 31, 22, tzinfo=UTC)


def test_the_marks_end_when_the_logger_is_set_right(stamped, marked):
    undone = datetime(2025, 4, 15, 22, tzinfo=UTC)  # midnight in Berlin
    assert marked(stamped(SPRING, -1, undone=undone), 4)[-1] == undone - timedelta(minutes=15)


@pytest.mark.parametrize(
    "quiet", [pytest.param(True, id="base load"), pytest.param(False, id="hours that look like those without a shift")]
)
def test_holidays_beside_the_change_do_not_hide_it(stamped, marked, quiet):
    """Good Friday and Easter Monday 2018 are five and eight days after the change."""
    change = datetime(2018, 3, 25, 1, tzinfo=UTC)
    readings, usual = stamped(change, -1), stamped(change)
    free = readings["timestamp"].dt.convert_time_zone("Europe/Berlin").dt.date().is_in([date(2018, 3, 30), date(2018, 4, 2)])
    readings = readings.with_columns(
        kwh=pl.when(free).then(5 + pl.int_range(pl.len()) % 7 / 10 if quiet else usual["kwh"] / 2).otherwise("kwh")
    )
    assert marked(readings, 4).to_list() == within(readings, 4).to_list()


@pytest.mark.parametrize("month", [3, 4])
def test_a_followed_clock_change_is_not_marked(stamped, marked, month):
    assert marked(stamped(SPRING), month).is_empty()


@pytest.mark.parametrize("zone", ["Asia/Seoul", "Europe/Berlin"])
def test_a_shift_without_a_clock_change_is_not_marked(stamped, marked, zone):
    moment = SPRING if zone == "Asia/Seoul" else SPRING - 21 * DAY
    assert marked(stamped(moment, -1, zone=zone), 4, zone).is_empty()


@pytest.mark.parametrize("days", [-4, -3, 1, 2, 8])
def test_a_plant_that_changes_its_hours_on_another_date_is_not_marked(stamped, marked, days):
    change = SPRING.replace(hour=22) + days * DAY
    assert marked(stamped(change, -1, days=(40 + days, 33 - days)), 4).is_empty()


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.parametrize(
    "load",
    [
        pytest.param(lambda hour, _: 50 + 0 * hour, id="a constant load"),
        pytest.param(lambda hour, _: 50 + 0.5 * np.cos(hour / 24 * np.pi * 2), id="a wave within the noise"),
    ],
)
def test_a_load_without_a_profile_is_not_marked(stamped, marked, load, off):
    assert marked(stamped(SPRING, off, load=load), 4).is_empty()


def test_a_plant_that_keeps_its_hours_by_utc_every_day_is_not_marked(stamped, marked):
    assert marked(stamped(SPRING, 1, load=every_day), 4).is_empty()
    assert len(marked(stamped(SPRING, -1, load=every_day), 4))  # no plant starts an hour earlier by itself


def test_lamps_that_follow_the_sun_are_not_marked(make_readings, marked):
    """Sunset in Berlin moves from 17:40 UTC by two minutes a day, over the change."""
    start, count = datetime(2025, 3, 1, tzinfo=UTC), 96 * 60
    day, hour = np.divmod(np.arange(count) / 4, 24)
    night = (hour > 16.7 + day * 1.75 / 60) | (hour < 5.8 - day * 2.25 / 60)
    for month in (3, 4):
        assert marked(make_readings((0.1 + 5 * night).tolist(), start=start, interval_s=900), month).is_empty()


@pytest.mark.parametrize("minutes", [-30, -90, -120])
def test_a_shift_of_another_length_is_not_marked(stamped, marked, minutes):
    assert marked(stamped(SPRING, minutes / 60), 4).is_empty()


def test_half_a_plant_that_moves_is_not_marked(stamped, marked):
    """The office starts an hour earlier, the works do not."""
    early, usual = stamped(SPRING, -1), stamped(SPRING)
    assert marked(usual.with_columns(kwh=(early["kwh"] + usual["kwh"]) / 2), 4).is_empty()


def test_a_building_in_cambridge_that_lies_an_hour_early_from_a_clock_change_on(cambridge, make_meter):
    """Building b12 has its peak at 06:00 and its dip at 18:00 and 19:00 until 27 October 2019, an hour earlier in November; b5 does not."""
    for name, hours in (("b12", 720), ("b5", 0)):
        november, before = cambridge(name, datetime(2019, 10, 1), datetime(2019, 12, 1))
        known = meter_frame({"m1": make_meter(zone="Europe/London")})
        examined = examine(november, known, PARAMS, default_zone="Europe/London", before=before)
        assert examined.select(conditions(PARAMS)[Rule.SHIFTED_CLOCK].sum()).item() == hours


def test_a_plant_that_starts_an_hour_earlier_and_stops_as_before_is_not_marked(stamped, marked):
    """Its load fades from 14:00 to 22:00, so an hour matters at the start alone."""
    before, after = (
        stamped(
            SPRING, load=lambda hour, weekday, starts=starts: 20 + 60 * (hour >= starts) * (weekday < 5) * np.clip((22 - hour) / 8, 0, 1)
        )
        for starts in (6, 5)
    )
    kwh = pl.when(pl.col("timestamp") < SPRING).then(before["kwh"]).otherwise(after["kwh"])
    assert marked(before.with_columns(kwh=kwh), 4).is_empty()


def test_readings_without_values_are_compared_with_nothing(make_readings, marked):
    start = datetime(2025, 3, 1, tzinfo=UTC)
    for value in (None, 0.0):
        assert marked(make_readings([value] * 24 * 60, start=start), 4).is_empty()
    assert marked(make_readings([1.0 + n % 5 for n in range(60)], start=start, interval_s=86_400), 4).is_empty()
