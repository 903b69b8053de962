"""What events are named: the simulator's faults put into a two-shift load that is known but for its noise."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.detection.kinds import kernel
from ecoai_pipeline.detection.kinds.around import Around
from ecoai_pipeline.detection.kinds.judge import LESS, MORE, Judged, judge
from ecoai_pipeline.domain import Kind
from ecoai_pipeline.sources.simulation.changes import CHANGES, Place

A_DAY, DAYS, NOISE = 96, 32, 1.5
DAY = 29  # of the fault
# Kind, change, first interval of the day, length, size in kWh, intervals moved.
FAULTS: dict[Kind, tuple[str, int, int, float, int]] = {
    Kind.OUTAGE: ("zero", 40, 10, 0, 0),
    Kind.SAG: ("take", 36, 20, 40, 0),
    Kind.SURGE: ("add", 40, 16, 30, 0),
    Kind.SPIKE: ("add", 40, 2, 60, 0),
    Kind.LEAK: ("add", 10, 200, 9, 0),
    Kind.RAMP: ("add_ramp", 36, 30, 25, 0),
    Kind.NOISY: ("add_noise", 40, 24, 25, 0),
    Kind.SAWTOOTH: ("add_teeth", 36, 40, 20, 0),
    Kind.BROWNOUT: ("scale_down", 14, 22, 30, 0),
    Kind.PLATEAU: ("hold", 36, 24, 25, 0),
    Kind.FLAT: ("repeat", 30, 40, 0, 0),
    Kind.LONGER_SHIFT: ("extend", 88, 12, 0, 0),
    Kind.SHIFTED_SCHEDULE: ("move", 0, 96, 0, 8),
}


def profile() -> np.ndarray[Any, Any]:
    """Night 20 kWh, two shifts of 100 and 80 from 06:00 to 22:00, with a break."""
    slot = np.arange(A_DAY)
    day = np.where((slot >= 24) & (slot < 56), 100.0, np.where((slot >= 56) & (slot < 88), 80.0, 20.0))
    day[48:51] = 60.0
    return np.tile(day, DAYS)


def loads(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A load and what was expected of it."""
    expected, rng = profile(), np.random.default_rng(seed)
    noise = np.zeros(len(expected))
    for i in range(1, len(noise)):
        noise[i] = 0.5 * noise[i - 1] + rng.normal(scale=NOISE)
    return np.round(expected + noise, 3), expected


def named(kwh: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], first: int, stop: int) -> Judged:
    return judge(Around.of(kwh, expected, np.full(len(kwh), 3.29 * NOISE), 900, (first, stop)))


def faulty(kind: Kind, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int, int]:
    change, slot, length, size, by = FAULTS[kind]
    kwh, expected = loads(seed)
    first = DAY * A_DAY + slot
    after = CHANGES[change](Place(kwh, first, first + length, size, by, 4.0, np.random.default_rng(seed)))
    assert after is not None
    kwh[first : first + length] = np.round(np.maximum(after, 0), 3)
    return kwh, expected, first, first + length


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", FAULTS)
def test_a_clear_fault_is_named(kind: Kind, seed: int) -> None:
    found = named(*faulty(kind, seed))
    assert found.kind is kind
    assert found.fit is not None
    assert 0.3 < found.fit <= 1


@pytest.mark.parametrize("kind", [Kind.LEAK, Kind.SURGE, Kind.SAG, Kind.RAMP, Kind.NOISY])
def test_it_is_named_when_the_event_is_only_a_part_of_it(kind: Kind) -> None:
    kwh, expected, first, stop = faulty(kind, 0)
    third = (stop - first) // 3
    assert named(kwh, expected, first + third, stop - third // 2).kind is kind


def test_a_shift_is_told_in_hours_whichever_of_its_edges_was_seen() -> None:
    kwh, expected, first, _ = faulty(Kind.SHIFTED_SCHEDULE, 0)
    morning, evening = named(kwh, expected, first + 24, first + 32), named(kwh, expected, first + 88, first + 96)
    assert (morning.kind, morning.shift_h) == (evening.kind, evening.shift_h) == (Kind.SHIFTED_SCHEDULE, 2.0)


def test_a_load_as_expected_has_an_unusual_shape_at_most() -> None:
    kwh, expected = loads(0)
    assert named(kwh, expected, DAY * A_DAY + 40, DAY * A_DAY + 50) == Judged(Kind.UNUSUAL_SHAPE, 0.0)


def test_without_an_expected_load_there_is_no_shape_to_tell() -> None:
    kwh, expected = loads(0)
    assert named(kwh, np.full_like(expected, np.nan), DAY * A_DAY, DAY * A_DAY + 8) == Judged(Kind.UNUSUAL_SHAPE, None)


def test_a_coarse_counter_repeats_itself_and_is_not_flat_for_that() -> None:
    kwh, expected, first, stop = faulty(Kind.SAG, 0)
    coarse = np.round(kwh / 20) * 20
    assert named(coarse, expected, first, stop).kind is Kind.SAG


def test_readings_that_are_missing_say_nothing() -> None:
    kwh, expected, first, stop = faulty(Kind.SURGE, 0)
    kwh[first + 4 : first + 7] = np.nan
    assert named(kwh, expected, first, stop).kind is Kind.SURGE


@pytest.mark.parametrize("interval_s", [60, 300, 3600])
def test_hours_count_and_not_intervals(interval_s: int) -> None:
    """An outage and a surge of some hours at the resolution of other meters."""
    hours = np.arange(0, 24 * 30, interval_s / 3600)
    expected = np.where((hours % 24 >= 6) & (hours % 24 < 22), 100.0, 20.0) * interval_s / 900
    unit = NOISE * interval_s / 900
    kwh = expected + np.random.default_rng(0).normal(scale=unit, size=len(expected))
    at = np.searchsorted(hours, [24 * 27 + 9, 24 * 27 + 14])
    for change, kind in ((-expected, Kind.OUTAGE), (np.full(len(hours), 20 * unit), Kind.SURGE)):
        with_it = kwh.copy()
        with_it[at[0] : at[1]] += change[at[0] : at[1]]
        with_it = np.maximum(with_it, 0)
        band = np.full(len(hours), 3.29 * unit)
        assert judge(Around.of(with_it, expected, band, interval_s, (int(at[0]), int(at[1])))).kind is kind


def test_a_meter_of_daily_readings_has_no_spikes() -> None:
    """A day with half as much again is a surge: what is over within an hour cannot be seen by it."""
    expected = np.full(60, 100.0)
    kwh = expected + np.random.default_rng(0).normal(size=60)
    kwh[50] *= 1.5
    assert judge(Around.of(kwh, expected, np.full(60, 3.29), 86_400, (50, 51))).kind is Kind.SURGE


@pytest.mark.parametrize("kind", [Kind.OUTAGE, Kind.SURGE, Kind.SAG])
def test_of_a_meter_that_feeds_in_kinds_are_of_what_it_feeds_in(kind: Kind) -> None:
    kwh, expected, first, stop = faulty(kind, 0)
    assert named(-kwh, -expected, first, stop).kind is kind


def cost(deviation: np.ndarray[Any, Any], phi: float, known: np.ndarray[Any, Any], scale: np.ndarray[Any, Any]) -> float:
    """Negative log likelihood by the definition: Student's t with four degrees of freedom on what an autoregression leaves."""
    left = (deviation - phi * np.concatenate(([0.0], deviation[:-1]))) / scale
    counted = known & np.concatenate(([True], known[:-1]))
    return float((2.5 * np.log1p(left[counted] ** 2 / 4) + np.log(scale[counted])).sum())


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.95), st.integers(1, 20), st.integers(2, 15))
def test_the_gain_of_a_shape_is_the_difference_of_the_log_likelihoods(seed: int, phi: float, start: int, length: int) -> None:
    rng, n = np.random.default_rng(seed), 40
    expected, unit = rng.uniform(5, 10, n), rng.uniform(0.5, 2, n)
    known = rng.random(n) > 0.1
    kwh = np.where(known, expected + rng.normal(size=n) * unit, 0.0)
    kwh[start : start + length] += 8
    segment = (np.array([start]), np.array([start + length]))
    event = (start, start + length)
    sums = kernel.sums_of(kwh, expected, unit, known, phi)
    gain, *_, size = kernel.scaled(kwh, expected, unit, known, phi, event, sums, segment, (kernel.CONSTANT, 0), (0.0, np.inf), -np.inf)
    added = np.zeros(n)
    added[start : start + length] = size
    plain, left = (np.where(known, (kwh - expected - part) / unit, 0.0) for part in (0.0, added))
    without, inside = cost(plain, phi, known, np.ones(n)), added != 0
    gains = [without - cost(left, phi, known, np.where(inside, scale, 1.0)) - 2 * (scale != 1) for scale in (1.0, 3.0, 10.0, 30.0)]
    if size:
        assert gain == pytest.approx(max(gains), abs=1e-9)


@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 0.95),
    st.integers(0, 20),
    st.integers(2, 20),
    st.sampled_from([(kernel.CONSTANT, 0), (kernel.SHARE, 0), (kernel.RAMP, 0), (kernel.TEETH, 3), (kernel.TEETH, 6)]),
)
def test_a_shape_is_fitted_from_sums_as_by_least_squares(seed: int, phi: float, start: int, length: int, shape: tuple[int, int]) -> None:
    rng, n = np.random.default_rng(seed), 40
    expected, unit, known = rng.uniform(5, 10, n), rng.uniform(0.5, 2, n), rng.random(n) > 0.1
    kwh = np.where(known, expected + rng.normal(size=n) * unit, 0.0)
    added = np.zeros(n)
    kernel.write(*shape, expected, start, added[start : start + length])
    counted = known & np.concatenate(([True], known[:-1]))
    deviation, along = (part - phi * np.concatenate(([0.0], part[:-1])) for part in ((kwh - expected) / unit, added / unit))
    found = kernel.fitted(kernel.sums_of(kwh, expected, unit, known, phi), phi, *shape, start, start + length)
    square, both = float((along[counted] ** 2).sum()), float((along * deviation)[counted].sum())
    if square > 1e-9:
        assert found == pytest.approx((both / square, both**2 / square / 2), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("share", "days", "kind"), [(2.0, 6, Kind.LEVEL_SHIFT), (0.5, 10, Kind.LEVEL_SHIFT), (0.5, 3, Kind.SAG)])
def test_what_lasts_for_more_than_four_days_is_a_new_level(share: float, days: int, kind: Kind) -> None:
    expected, first = np.tile(profile(), 2), DAY * A_DAY
    kwh, stop = expected + np.random.default_rng(0).normal(0, 1, len(expected)), first + A_DAY * days
    kwh[first:stop] *= share
    assert named(kwh, expected, first, stop).kind is kind


@pytest.mark.parametrize("number", [300, pytest.param(5000, marks=pytest.mark.full)])
def test_a_name_agrees_with_the_energy_and_fits_best_whatever_the_event(number: int) -> None:
    """Loads with changes of any shape and size, and events of any place and length, most of them beside a fault."""
    rng = np.random.default_rng(number)
    for _ in range(number):
        kwh, expected = loads(int(rng.integers(1 << 30)))
        first, length = DAY * A_DAY + int(rng.integers(-96, 96)), int(np.exp(rng.uniform(0, 4.5)))
        change = (
            rng.choice([0, 1, 1, 1])
            * rng.normal(0, 30)
            * rng.choice([np.ones(length), rng.normal(0, 1, length), np.linspace(0, 1, length)])
        )
        kwh[first : first + length] = np.maximum(kwh[first : first + length] + change, 0)
        event = first + int(rng.integers(-8, 8)), first + length + int(rng.integers(0, 8))
        found = judge(Around.of(kwh, expected, np.full(len(kwh), 3.29 * NOISE), 900, event), whole=True)
        excess = float((kwh - expected)[slice(*event)].sum())
        assert not (found.kind in MORE and excess < 0), (found, excess)
        assert not (found.kind in LESS and excess > 0), (found, excess)
        assert found.next_kind is not found.kind
        assert found.next_fit is None or found.fit is None or found.next_fit <= found.fit


def test_a_quarter_of_an_hour_of_a_leak_is_told_as_no_leak() -> None:
    kwh, expected, first, stop = faulty(Kind.LEAK, 0)
    around = Around.of(kwh, expected, np.full(len(kwh), 3.29 * NOISE), 900, (first + 20, first + 21))
    assert judge(around).kind is Kind.LEAK
    assert judge(around, whole=True).kind is not Kind.LEAK
    assert judge(Around.of(kwh, expected, np.full(len(kwh), 3.29 * NOISE), 900, (first, stop)), whole=True).kind is Kind.LEAK


def hourly(kwh: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], first: int, stop: int, noise: float = 0.5) -> Judged:
    return judge(Around.of(kwh, expected, np.full(len(kwh), 3.29 * noise), 3600, (first, stop)), whole=True)


def of_a_steady_plant(seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Thirty kWh in each hour of forty days, and what was expected."""
    expected = np.full(40 * 24, 30.0)
    return expected + np.random.default_rng(seed).normal(0, 0.5, len(expected)), expected


def test_a_bump_of_some_hours_is_no_scatter_and_no_longer_shift() -> None:
    """What is above what was expected throughout scatters to no side, and a plant that never stops has no end of a shift."""
    for bump in ([3.0, 7.0, 3.0, 1.0], [5.0, 4.5], [2.0, 4.0, 8.0, 8.0, 4.0]):
        kwh, expected = of_a_steady_plant()
        kwh[700 : 700 + len(bump)] = 30 + np.array(bump)
        assert hourly(kwh, expected, 700, 700 + len(bump)).kind in (Kind.SPIKE, Kind.SURGE)


def test_ninety_five_hours_are_no_new_level() -> None:
    kwh, expected = of_a_steady_plant()
    kwh[700:795] += 20
    assert hourly(kwh, expected, 700, 795).kind is Kind.LEAK
    kwh[795:800] += 20
    assert hourly(kwh, expected, 700, 800).kind is Kind.LEVEL_SHIFT


def test_hours_of_less_alone_are_no_other_time_of_day() -> None:
    """A day that comes two hours later has less energy in the morning and more in the evening; the morning by itself is less."""
    kwh, expected, first, stop = faulty(Kind.SHIFTED_SCHEDULE, 0)
    of = partial(Around.of, kwh, expected, np.full(len(kwh), 3.29 * NOISE), 900)
    assert judge(of((first, stop)), whole=True).kind is Kind.SHIFTED_SCHEDULE
    assert judge(of((first + 24, first + 32)), whole=True).kind in LESS


def test_an_outage_holds_the_hour_in_which_hardly_anything_was_left() -> None:
    """Four readings of nought are equal; the one of 0.7 before them is none of these, and still a part of the outage."""
    kwh, expected = of_a_steady_plant()
    kwh[700:707] = [16.4, 0.7, 0, 0, 0, 0, 8.7]
    found = judge(Around.of(kwh, expected, np.full(len(kwh), 3.29 * 0.5), 3600, (700, 707)))
    assert (found.kind, found.segment) == (Kind.OUTAGE, (701, 706))
