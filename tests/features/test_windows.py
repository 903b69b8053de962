"""Window lengths, windows as views, and the way back from windows to readings."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.domain import SPECTRA
from ecoai_pipeline.features.windows import choose_plan, covering_starts, overlap_mean, strided
from ecoai_pipeline.settings import FeatureParams
from ecoai_pipeline.storage.schema import schema_of

PARAMS = FeatureParams()


def found(periods: dict[str, list[int]], interval_s: int = 900, *, validated: bool = True) -> pl.DataFrame:
    rows = [
        (meter_id, "raw", rank, float(samples * interval_s), samples, 0.1, 0.5, validated)
        for meter_id, lengths in periods.items()
        for rank, samples in enumerate(lengths, start=1)
    ]
    return pl.DataFrame(rows, schema=schema_of(SPECTRA), orient="row")


@pytest.mark.parametrize(
    ("interval_s", "scales"), [(60, (60, 1440, 10080)), (900, (96, 672)), (3600, (24, 168)), (86_400, (7,)), (604_800, (4,))]
)
def test_the_calendar_alone_gives_hour_day_and_week(interval_s: int, scales: tuple[int, ...]) -> None:
    assert choose_plan(found({}), interval_s, PARAMS).scales == scales


def test_a_period_most_meters_share_joins_as_their_median() -> None:
    assert choose_plan(found({"a": [31], "b": [32], "c": [34]}), 900, PARAMS).scales == (32, 96, 672)


def test_one_near_the_calendar_is_the_calendars() -> None:
    assert choose_plan(found({"a": [98, 660]}), 900, PARAMS).scales == (96, 672)


def test_periods_of_few_meters_not_validated_of_another_interval_or_beyond_a_week_are_no_windows() -> None:
    few = {"a": [32], **{f"m{i}": [96] for i in range(9)}}
    assert choose_plan(found(few), 900, PARAMS).scales == (96, 672)
    assert choose_plan(found({"a": [32]}, validated=False), 900, PARAMS).scales == (96, 672)
    assert choose_plan(found({"a": [32]}, interval_s=3600), 900, PARAMS).scales == (96, 672)
    assert choose_plan(found({"a": [1344]}), 900, PARAMS).scales == (96, 672)


def test_at_most_four_scales_of_which_the_calendar_comes_first() -> None:
    periods = {"a": [12, 20, 32], "b": [12, 20], "c": [12]}
    assert choose_plan(found(periods), 900, PARAMS).scales == (12, 20, 96, 672)


def test_windows_are_views() -> None:
    x = np.arange(10.0)
    windows = strided(x, 4, 3)
    assert windows.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert np.shares_memory(windows, x)
    assert strided(x, 11, 1).shape == (0, 11)
    assert strided(np.ones((10, 2)), 4, 3).shape == (3, 4, 2)


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 60))
def test_strided_windows_are_the_slices_they_stand_for(n: int, length: int, stride: int) -> None:
    x = np.arange(n)
    starts = range(0, n - length + 1, stride)
    assert strided(x, length, stride).tolist() == [x[start : start + length].tolist() for start in starts]


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 60))
def test_covering_windows_reach_the_end(n: int, length: int, stride: int) -> None:
    starts = covering_starts(n, length, stride)
    if n < length:
        assert len(starts) == 0
        return
    assert (starts[0], starts[-1]) == (0, n - length)
    assert (np.diff(starts) <= stride).all()


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.randoms(use_true_random=False))
def test_the_mean_over_windows_is_that_of_every_window_that_holds_the_reading(n: int, length: int, stride: int, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    starts = covering_starts(n, length, stride)
    errors = rng.normal(size=(len(starts), length))
    errors[rng.random(errors.shape) < 0.2] = np.nan
    per_reading: list[list[float]] = [[] for _ in range(n)]
    for start, window in zip(starts, errors, strict=True):
        for offset, error in enumerate(window):
            if not np.isnan(error):
                per_reading[start + offset].append(error)
    expected = [np.mean(values) if values else np.nan for values in per_reading]
    np.testing.assert_allclose(overlap_mean(errors, starts, n), expected)


def test_errors_that_depend_on_the_reading_alone_come_back_unchanged() -> None:
    x = np.arange(20.0)
    starts = covering_starts(20, 6, 4)
    windows = np.lib.stride_tricks.sliding_window_view(x, 6)[starts]
    np.testing.assert_allclose(overlap_mean(windows, starts, 20), x)
