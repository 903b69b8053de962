"""Stretches of the weeks before an event: what their energy varied by, and on which days they did the same."""

from __future__ import annotations

import numpy as np
import pytest

from ecoai_pipeline.detection.loads import Load
from ecoai_pipeline.detection.precedents import Precedents, share_of

HOURS, FIRST = 24 * 40, 24 * 35


def hourly(kwh: np.ndarray) -> Load:
    times = np.datetime64("2025-01-06", "us") + np.arange(len(kwh)) * np.timedelta64(1, "h")
    return Load(times, np.full(len(kwh), 3600), kwh, np.full(len(kwh), 10.0), np.full(len(kwh), 4.0))


def test_a_day_before_counts_once_where_it_differed_as_much_in_the_same_direction() -> None:
    kwh = np.full(HOURS, 10.0)
    for days_before, added in ((1, 8.0), (2, 7.0), (3, 9.0), (4, -8.0), (30, 8.0)):
        at = FIRST - 24 * days_before
        kwh[at : at + 6] += added
    found = Precedents.of(hourly(kwh), FIRST, 3)
    assert [found.days_like(8 / 4), found.days_like(7 / 4), found.days_like(-8 / 4), found.days_like(0.0)] == [2, 3, 1, 0]


def test_stretches_without_load_or_hardly_read_tell_nothing() -> None:
    kwh = np.full(HOURS, 10.0)
    kwh[FIRST - 100 : FIRST - 76] = 0.3
    kwh[FIRST - 60 : FIRST - 48] = np.nan
    kwh[FIRST - 54] = 30.0
    found = Precedents.of(hourly(kwh), FIRST, 4)
    assert found.days_like(5.0) == found.days_like(-2.4) == 0
    assert found.edges == (0.0, 0.0)


def test_an_event_without_weeks_before_it_has_no_precedents() -> None:
    found = Precedents.of(hourly(np.full(HOURS, 12.0)), 20, 12)
    assert found.edges is None
    assert found.days_like(0.1) == 0


def test_a_share_is_of_the_bands_of_what_was_read() -> None:
    kwh = np.array([12.0, np.nan, 14.0])
    assert share_of(hourly(kwh), slice(0, 3)) == pytest.approx(6 / 8)
    assert share_of(hourly(kwh), slice(1, 2)) is None
