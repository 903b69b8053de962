"""Dynamic time warping: tslearn's distances pair by pair, and what must hold of any such distance."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from tslearn.metrics import dtw as tslearn_dtw
from tslearn.metrics import dtw_path as tslearn_path

from ecoai_pipeline.detectors.dtw import band_steps, dtw, mean_shift, workers

Windows = NDArray[Any]
BANDS = (0, 1, 2, 8, 96, 1000)
PAIRS = 45  # once the lanes of the kernel, and some


def by_tslearn(a: Windows, b: Windows, band: int) -> list[float]:
    return [tslearn_dtw(x, y, global_constraint="sakoe_chiba", sakoe_chiba_radius=band) for x, y in zip(a, b, strict=True)]


def paths_by_tslearn(a: Windows, b: Windows, band: int) -> list[float]:
    paths = (tslearn_path(x, y, global_constraint="sakoe_chiba", sakoe_chiba_radius=band)[0] for x, y in zip(a, b, strict=True))
    return [float(np.mean([column - row for row, column in path])) for path in paths]


def days(pairs: int, *, late_hours: float = 0.0, noise: float = 3.0, length: int = 96, seed: int = 0) -> Windows:
    """Days of two shifts from 6 to 22 h, 100 kWh in them and 20 outside."""
    hour = np.arange(length) * 24 / length - late_hours
    load = np.where((hour >= 6) & (hour < 22), 100.0, 20.0)
    return load + noise * np.random.default_rng(seed).standard_normal((pairs, length))


def drawn(kind: str, pairs: int = PAIRS, length: int = 96) -> tuple[Windows, Windows]:
    chance = np.random.default_rng(2)
    if kind == "random":
        return chance.random((pairs, length)), chance.random((pairs, length))
    if kind == "daily load":
        return days(pairs, length=length, seed=3), days(pairs, length=length, late_hours=1, seed=4)
    if kind == "constant":
        return np.full((pairs, length), 0.1), np.full((pairs, length), 0.3)
    if kind == "offset":
        return 1e6 + chance.random((pairs, length)), 1e6 + chance.random((pairs, length))
    walk = chance.standard_normal((pairs, length + 5)).cumsum(axis=1)
    return walk[:, 5:], walk[:, :-5]


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("kind", ["random", "daily load", "constant", "offset", "shifted"])
def test_distances_are_those_of_tslearn(kind: str, band: int) -> None:
    a, b = drawn(kind)
    np.testing.assert_allclose(dtw(a, b, band), by_tslearn(a, b, band), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 97, 288])
@pytest.mark.parametrize("band", [0, 1, 8, 300])
def test_windows_may_be_of_any_length(length: int, band: int) -> None:
    a, b = drawn("random", pairs=3, length=length)
    np.testing.assert_allclose(dtw(a, b, band), by_tslearn(a, b, band), rtol=1e-12)


@pytest.mark.parametrize("pairs", [1, 7, 31, 32, 33, 64, 65])
def test_any_number_of_pairs_fills_the_lanes(pairs: int) -> None:
    a, b = drawn("random", pairs=pairs, length=20)
    np.testing.assert_allclose(dtw(a, b, 3), by_tslearn(a, b, 3), rtol=1e-12)


def test_no_pairs_have_no_distances() -> None:
    assert dtw(np.empty((0, 96)), np.empty((0, 96)), 8).shape == (0,)
    assert mean_shift(np.empty((0, 96)), np.empty((0, 96)), 8).shape == (0,)


@pytest.mark.parametrize("kinds", [(np.float32, np.float32), (np.float32, np.float64), (np.int64, np.float32)])
def test_readings_of_less_precision_are_summed_in_double(kinds: tuple[type, type]) -> None:
    """In single precision 288 equal squares miss the root of their sum by up to 2e-6."""
    a, b = days(PAIRS, length=288).astype(kinds[0]), days(PAIRS, length=288, seed=9).astype(kinds[1])
    found = dtw(a, b, 4)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, by_tslearn(a.astype(float), b.astype(float), 4), rtol=1e-12)


def test_views_are_read_as_what_they_show() -> None:
    series = np.random.default_rng(5).random(400)
    windows = sliding_window_view(series, 96)[::7]
    others = np.random.default_rng(6).random((96, len(windows))).T
    expected = by_tslearn(np.ascontiguousarray(windows), np.ascontiguousarray(others), 8)
    np.testing.assert_allclose(dtw(windows, others, 8), expected, rtol=1e-12)
    np.testing.assert_allclose(dtw(windows[::-1, ::-1], others[::-1, ::-1], 8), expected[::-1], rtol=1e-12)
    np.testing.assert_allclose(
        dtw(windows[:, ::2], np.broadcast_to(series[:48], (len(windows), 48)), 8)[0], dtw(windows[:1, ::2], series[None, :48], 8)[0]
    )


def test_a_late_shift_is_forgiven_without_a_band_and_not_with_one() -> None:
    """A shift that starts two hours late costs energy; a day of two shifts in units of its height."""
    usual = days(1, noise=0.0) / 80
    late = usual.copy()
    late[0, 24:32] = usual[0, 0]
    assert dtw(late, usual, 96)[0] == 0.0
    assert dtw(late, usual, band_steps(30, 900))[0] == pytest.approx(np.sqrt(6))  # six of the eight late quarters stay unmatched
    assert dtw(late, usual, 0)[0] == pytest.approx(np.sqrt(8))
    assert dtw(late, usual, band_steps(120, 900))[0] == 0.0


shapes = st.tuples(st.integers(1, 40), st.integers(1, 30))
seeds = st.integers(0, 2**32 - 1)


def of_seed(seed: int, shape: tuple[int, int]) -> tuple[Windows, Windows]:
    """Few different values, so that many paths cost the same."""
    chance = np.random.default_rng(seed)
    return chance.integers(-2, 3, shape).astype(float), chance.integers(-2, 3, shape).astype(float)


@given(seeds, shapes, st.integers(0, 40))
def test_what_holds_of_any_windows(seed: int, shape: tuple[int, int], band: int) -> None:
    a, b = of_seed(seed, shape)
    found = dtw(a, b, band)
    assert np.array_equal(found, dtw(b, a, band))
    assert not dtw(a, a, band).any()
    assert np.all(found <= dtw(a, b, 0))
    assert np.all(dtw(a, b, band + 1) <= found)
    np.testing.assert_allclose(dtw(a, b, 0), np.linalg.norm(a - b, axis=1), rtol=1e-12)


@given(seeds, shapes, st.integers(0, 40))
def test_the_shift_is_the_mean_along_the_path_of_tslearn(seed: int, shape: tuple[int, int], band: int) -> None:
    a, b = of_seed(seed, shape)
    np.testing.assert_allclose(mean_shift(a, b, band), paths_by_tslearn(a, b, band), atol=1e-12)


def test_the_shift_is_positive_where_the_second_window_lies_later() -> None:
    hour = np.arange(96) / 4
    bump, later = (np.exp(-((hour - at) ** 2) / 2)[None] for at in (11.0, 12.0))
    assert 1 < mean_shift(bump, later, 8)[0] <= 4
    assert mean_shift(later, bump, 8)[0] == pytest.approx(-mean_shift(bump, later, 8)[0])
    assert mean_shift(bump, bump, 8)[0] == 0.0


@pytest.mark.parametrize("threads", [1, 2, 3, None])
@pytest.mark.parametrize("function", [dtw, mean_shift])
def test_the_number_of_threads_changes_nothing(function: Any, threads: int | None) -> None:
    a, b = drawn("random", pairs=5003)
    assert workers(5003, 96, 8, 3) == 3
    assert np.array_equal(
        function(a, b, 8, threads=threads), function(a[:400], b[:400], 8).tolist() + function(a[400:], b[400:], 8, threads=1).tolist()
    )


def test_little_work_stays_on_one_thread() -> None:
    assert workers(64, 96, 8, 4) == 1
    assert workers(100_000, 96, 8, 4) == 4


@pytest.mark.parametrize("function", [dtw, mean_shift])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (34, 95), (17, 50)])
def test_a_reading_that_is_not_finite_is_refused_with_its_pair(function: Any, value: float, place: tuple[int, int]) -> None:
    for both in (False, True):
        a, b = drawn("random")
        b[place] = value
        a[place] = value if both else a[place]
        with pytest.raises(ValueError, match=rf"pair {place[0]} \(and 0 more\) has no distance: a window holds NaN"):
            function(a, b, 8)
        with pytest.raises(ValueError, match=f"pair {place[0]} "):
            function(b, a, 8)


@pytest.mark.parametrize("function", [dtw, mean_shift])
def test_what_cannot_be_compared_is_refused(function: Any) -> None:
    a = np.zeros((3, 8))
    for one, other in ((a, a[:, :7]), (a, a[:2]), (a[0], a[0]), (a[:, :0], a[:, :0])):
        with pytest.raises(ValueError, match=r"windows of shapes .* expected twice the same \(pairs, steps\)"):
            function(one, other, 2)
    with pytest.raises(ValueError, match="a band of -1 steps: give 0 or more"):
        function(a, a, -1)


def test_a_band_is_given_in_minutes_and_has_a_step_at_least() -> None:
    assert [band_steps(30, interval) for interval in (60, 900, 1800, 3600)] == [30, 2, 1, 1]
    assert band_steps() == 2
    assert band_steps(0, 900) == 1
    with pytest.raises(ValueError, match="a band of -5 minutes"):
        band_steps(-5, 900)
    with pytest.raises(ValueError, match="an interval of 0 s"):
        band_steps(30, 0)


def run(code: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_numba_is_imported_at_the_first_distance_only() -> None:
    code = "import sys, ecoai_pipeline.detectors.dtw; print('numba' in sys.modules)"
    assert run(code) == "False"


def test_no_place_for_the_compiled_code_is_no_failure(tmp_path: Path) -> None:
    """Nothing can be written below a file, not even by root; of numba's other places none is tried here."""
    blocked = tmp_path / "file"
    blocked.touch()
    code = """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = [caching.UserProvidedCacheLocator]
import numpy as np
from ecoai_pipeline.detectors.dtw import dtw
from ecoai_pipeline.detectors.dtw.kernel import distances
print(dtw(np.zeros((2, 4)), np.ones((2, 4)), 1).tolist(), distances.stats.cache_path)
"""
    assert run(code, NUMBA_CACHE_DIR=str(blocked)) == "[2.0, 2.0] None"
