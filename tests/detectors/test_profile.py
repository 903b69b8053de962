"""What the profile expects, and how it follows a changing plant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoai_pipeline.detectors.contract import Predictive
from ecoai_pipeline.detectors.profile.detector import Profile
from ecoai_pipeline.detectors.robust import day_profile, grouped_quantile, trailing_median
from ecoai_pipeline.settings import ProfileParams


@pytest.fixture
def profile() -> Profile:
    return Profile(ProfileParams())


def test_it_expects_the_load_of_the_hour_and_nine_readings_in_ten_lie_in_the_band(profile, make_meter, plan):
    meter = make_meter(days=224)
    (band,) = profile.fit([meter.part(0, 112 * 24)], plan).expect([meter])
    later = slice(112 * 24, None)
    assert isinstance(profile, Predictive)
    assert np.abs(band.expected / np.where(meter.kwh > 50, 100, 20) - 1).max() < 0.05
    inside = (meter.kwh >= band.low) & (meter.kwh <= band.high)
    assert 0.85 < inside[later].mean() < 0.96


def test_a_holiday_is_expected_to_be_a_sunday(profile, make_meter, plan):
    meter = make_meter()
    holiday = np.zeros(len(meter), dtype=bool)
    holiday[45 * 24 : 46 * 24] = True
    (band,) = profile.fit([meter.part(0, 42 * 24)], plan).expect([replace(meter, holiday=holiday)])
    assert band.expected[45 * 24 : 46 * 24].max() < 25
    assert band.expected[46 * 24 : 47 * 24].max() > 90


def test_it_follows_a_level_that_stays_but_not_from_later_readings(profile, make_meter, plan):
    meter = make_meter(days=84)
    grown = replace(meter, kwh=meter.kwh + 30 * (np.arange(len(meter)) >= 56 * 24))
    (band,) = profile.fit([meter.part(0, 42 * 24)], plan).expect([grown])
    error = (grown.kwh - band.expected).reshape(84, 24).mean(axis=1)
    assert 25 < error[56] < 35
    assert abs(error[83]) < 8
    (known,) = profile.expect([grown.part(0, 60 * 24)])
    np.testing.assert_array_equal(known.expected, band.expected[: 60 * 24])


@pytest.mark.parametrize("days", [3, 10])
def test_an_outage_of_days_does_not_move_what_is_expected_after_it(profile, make_meter, plan, days):
    meter = make_meter()
    dark = replace(meter, kwh=np.where((np.arange(len(meter)) >= 45 * 24) & (np.arange(len(meter)) < (45 + days) * 24), 0, meter.kwh))
    profile.fit([meter.part(0, 42 * 24)], plan)
    (normal,), (after,) = profile.expect([meter]), profile.expect([dark])
    np.testing.assert_allclose(after.expected[45 * 24 :], normal.expected[45 * 24 :], atol=2)


def test_the_band_of_a_load_does_not_go_below_zero_but_that_of_a_signed_meter_does(profile, make_meter, plan):
    meter = make_meter(size=1, noise=2)
    load = replace(meter, kwh=np.abs(meter.kwh))
    profile.fit([load, replace(meter, meter_id="signed")], plan)
    one, signed = profile.expect([load, replace(meter, meter_id="signed")])
    assert one.low.min() == 0
    assert signed.low.min() < 0


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6) | st.just(np.nan)), max_size=60), st.floats(0, 1))
def test_grouped_quantile_is_numpys_quantile_of_each_group(rows, q):
    groups = np.array([group for group, _ in rows], dtype=np.intp)
    values = np.array([value for _, value in rows], dtype=np.float64)
    found, counts = grouped_quantile(values, groups, 5, q)
    for group in range(5):
        own = values[(groups == group) & ~np.isnan(values)]
        assert counts[group] == len(own)
        expected = np.quantile(own, q) if len(own) else np.nan
        np.testing.assert_allclose(found[group], expected, rtol=1e-9, atol=1e-6)


@settings(max_examples=50)
@given(st.lists(st.floats(-1e3, 1e3) | st.just(np.nan), max_size=40), st.integers(1, 10))
def test_trailing_median_sees_only_the_days_before(daily, days):
    values = np.array(daily, dtype=np.float64)
    median, count = trailing_median(values, days)
    for day in range(len(values)):
        before = values[max(0, day - days) : day]
        before = before[~np.isnan(before)]
        assert count[day] == len(before)
        np.testing.assert_allclose(median[day], np.median(before) if len(before) else 0, atol=1e-9)


def test_an_unseen_time_of_the_week_takes_the_next_coarser_one():
    values, slot = np.array([1.0, 9.0, 20.0]), np.array([0, 1, 1])
    cells = day_profile(values, np.array([0, 0, 5]), slot, 2, 0.5, 0.0)
    assert cells[4].tolist() == [1.0, 9.0]
    assert cells[6].tolist() == [1.0, 20.0]
    assert cells[7].tolist() == [1.0, 20 + (20 - 1) / 2]  # of a holiday nobody has seen, the busiest that it may be
