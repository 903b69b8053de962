"""Means over series with their intervals, and who wins how often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.evaluation.intervals import Estimate, Wins, bootstrap_mean, paired_difference, wins

FIGURES = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12)
PAIRS = st.lists(st.tuples(st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1))), max_size=12)


@pytest.mark.parametrize(("k", "least", "most"), [(6, 0.82, 0.92), (30, 0.90, 0.96)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(k: int, least: float, most: float) -> None:
    """Of normal data, 1,000 times: 87 % with 6 series, 93 % with 30, as the docstring says."""
    rng = np.random.default_rng(1)
    estimates = [bootstrap_mean(rng.normal(0.4, 0.1, k), draws=500, seed=number) for number in range(1000)]
    assert least < np.mean([low <= 0.4 <= high for _, low, high in estimates]) < most


def test_the_interval_is_as_wide_as_the_standard_error_says() -> None:
    values = np.random.default_rng(2).normal(size=400)
    mean, low, high = bootstrap_mean(values)
    assert mean == values.mean()
    assert (mean - low, high - mean) == pytest.approx([1.96 * values.std() / 20] * 2, abs=0.006)


def test_equal_seeds_give_equal_intervals_whatever_else_was_drawn() -> None:
    values = [0.1, 0.4, 0.35, 0.8]
    first = bootstrap_mean(values)
    np.random.default_rng().random(5)
    assert bootstrap_mean(values) == first
    assert bootstrap_mean(values, seed=1) != first


def test_what_is_absent_is_left_out_and_few_values_have_no_interval() -> None:
    assert bootstrap_mean([0.2, None, 0.4, float("nan")]) == bootstrap_mean([0.2, 0.4])
    assert bootstrap_mean([None, 0.2]) == Estimate(0.2, None, None)
    assert bootstrap_mean([]) == bootstrap_mean([None]) == Estimate(None, None, None)


@given(FIGURES)
def test_the_interval_lies_within_the_values_and_holds_their_mean_where_they_agree(values: list[float | None]) -> None:
    known = [value for value in values if value is not None]
    mean, low, high = bootstrap_mean(values, draws=200)
    assert (low is None) == (high is None) == (len(known) < 2)
    if low is not None:
        assert min(known) - 1e-9 <= low <= high <= max(known) + 1e-9
        assert mean == pytest.approx(np.mean(known))


def test_a_difference_that_all_series_share_is_certain_however_far_they_lie_apart() -> None:
    theirs = [0.1, 0.9, 0.4, 0.2]
    difference = paired_difference([value + 0.05 for value in theirs], theirs)
    assert difference == pytest.approx((0.05, 0.05, 0.05))
    assert paired_difference([0.3, None, 0.5], [0.1, 0.2, None]) == Estimate(pytest.approx(0.2), None, None)


@given(PAIRS)
def test_the_difference_turns_its_sign_with_its_sides(pairs: list[tuple[float, float | None]]) -> None:
    ours, theirs = [one for one, _ in pairs], [other for _, other in pairs]
    there, back = paired_difference(ours, theirs, draws=200), paired_difference(theirs, ours, draws=200)
    assert (there.mean is None) == (back.mean is None)
    if there.mean is not None:
        assert there.mean == pytest.approx(-back.mean)
    if there.low is not None:
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_wins_ties_and_losses() -> None:
    """A tie is a difference of up to .01, with what binary numbers make of .51 - .50."""
    assert wins([0.51, 0.50, 0.52, 0.10, 0.3], [0.50, 0.51, 0.50, 0.20, None]) == Wins(wins=1, ties=2, losses=1)
    assert wins([0.51, 0.50], [0.50, 0.50], tie=0) == Wins(1, 1, 0)


@given(PAIRS)
def test_whose_wins_are_the_others_losses(pairs: list[tuple[float, float | None]]) -> None:
    ours, theirs = [one for one, _ in pairs], [other for _, other in pairs]
    there, back = wins(ours, theirs), wins(theirs, ours)
    assert there == (back.losses, back.ties, back.wins)
    assert sum(there) == sum(other is not None for other in theirs)


def test_figures_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(ValueError, match="2 figures stand against 1; both take one per series"):
        wins([0.1, 0.2], [0.3])
