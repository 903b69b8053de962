"""MI-FGSM against algorithm 1 of its paper, and what a meter can read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.augmentation.mi_fgsm import mi_fgsm

CENTRE = np.linspace(0.2, 0.8, 8)


def away_from_centre(days):
    """Gradient of half the squared distance to CENTRE."""
    return days - CENTRE


def loss(days):
    return ((days - CENTRE) ** 2).sum(axis=1)


days_of_eight = st.lists(st.lists(st.floats(0, 1), min_size=8, max_size=8), min_size=1, max_size=5).map(np.array)


@given(days_of_eight, st.floats(0, 0.6))
def test_a_day_stays_within_epsilon_and_within_what_a_meter_can_read(days, epsilon):
    made = mi_fgsm(days, away_from_centre, epsilon=epsilon, low=0.0, high=1.0)
    assert np.abs(made.days - days).max() <= epsilon + 1e-12
    assert made.days.min() >= 0.0
    assert made.days.max() <= 1.0


@given(days_of_eight, st.floats(0.01, 0.6))
def test_the_loss_never_falls_and_grows_with_epsilon(days, epsilon):
    half, whole = (mi_fgsm(days, away_from_centre, epsilon=size, high=1.0) for size in (epsilon / 2, epsilon))
    assert np.all(loss(half.days) >= loss(days) - 1e-9)
    assert np.all(loss(whole.days) >= loss(half.days) - 1e-9)


def test_each_reading_may_have_bounds_of_its_own():
    """One that must stay, one that may rise only, one that may fall only; and a bound for all readings of a day."""
    days = np.full((2, 3), 0.5)
    low, high = np.array([[0.5, 0.5, 0.0], [0.45] * 3]), np.array([[0.5, 1.0, 0.5], [0.55] * 3])
    made = mi_fgsm(days, lambda days: np.tile([1.0, 1.0, -1.0], (len(days), 1)), epsilon=0.2, low=low, high=high)
    assert made.days.tolist() == [pytest.approx([0.5, 0.7, 0.3]), pytest.approx([0.55, 0.55, 0.45])]
    with pytest.raises(ValueError, match=r"reads from 0\.5 to 0\.5, outside of the possible 0 to 0\.4"):
        mi_fgsm(days, away_from_centre, epsilon=0.1, high=np.array([[0.4], [0.4]]))


def test_without_bounds_each_reading_moves_by_epsilon_in_the_direction_of_the_gradient():
    day = np.array([[0.5, 0.5, 0.5]])
    made = mi_fgsm(day, lambda days: np.tile([1.0, -2.0, 0.5], (len(days), 1)), epsilon=0.3, low=-np.inf)
    assert made.days[0].tolist() == pytest.approx([0.8, 0.2, 0.8])


def test_momentum_carries_a_reading_on_over_a_turn_of_the_gradient():
    """Up at the start, down once above it: with momentum the second step stands still (1 - 1), without it it goes back."""

    def gradient(days):
        return np.where(days > 0.5, -1.0, 1.0)

    day = np.array([[0.5]])
    with_momentum = mi_fgsm(day, gradient, epsilon=0.2, steps=2)
    without = mi_fgsm(day, gradient, epsilon=0.2, steps=2, decay=0.0)
    assert with_momentum.days[0, 0] == pytest.approx(0.6)
    assert without.days[0, 0] == pytest.approx(0.5)


def test_momentum_is_made_of_gradients_of_norm_one_per_day():
    """A day with steep gradients first and flat ones after would else never turn; and the days do not see each other."""
    calls = []

    def gradient(days):
        calls.append(len(calls))
        return np.full_like(days, 1000.0) if len(calls) == 1 else np.full_like(days, -0.001)

    made = mi_fgsm(np.array([[0.5, 0.5]]), gradient, epsilon=0.3, steps=3)
    assert made.days[0].tolist() == pytest.approx([0.5, 0.5])  # up, still (0 momentum), down


def test_a_day_without_a_gradient_stays_and_the_others_move():
    days = np.stack([CENTRE, CENTRE + 0.01])
    made = mi_fgsm(days, away_from_centre, epsilon=0.1, high=1.0)
    assert made.days[0].tolist() == CENTRE.tolist()
    assert made.days[1].tolist() == pytest.approx((CENTRE + 0.11).tolist())


def test_provenance_names_the_originals_which_are_left_alone():
    days = np.random.default_rng(0).random((6, 8))
    before = days.copy()
    made = mi_fgsm(days, away_from_centre, epsilon=0.05, origins=np.array([4, 1]))
    assert made.origins.tolist() == [4, 1]
    assert np.abs(made.days - days[[4, 1]]).max() <= 0.05 + 1e-12
    assert made.epsilon == 0.05
    assert np.array_equal(days, before)


def test_what_no_meter_can_read_and_senseless_parameters_are_refused():
    with pytest.raises(ValueError, match="reads from -1 to 2, outside of the possible 0 to 1"):
        mi_fgsm(np.array([[-1.0, 2.0]]), away_from_centre, epsilon=0.1, high=1.0)
    for wrong in ({"epsilon": -0.1}, {"epsilon": 0.1, "steps": 0}):
        with pytest.raises(ValueError, match="epsilon is at least 0"):
            mi_fgsm(np.zeros((1, 8)), away_from_centre, **wrong)
