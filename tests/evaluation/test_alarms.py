"""What alarms are worth: series are drawn as text, a sign per hour, so that each rule can be seen.

Truth: `.` a normal reading, `#` an anomalous one, `-` and `+` the same where they do not count, a blank where no reading came.
Events: `=` the first to the last interval of one.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline.evaluation.alarms import Alarms, Truth, judge, poisson_interval
from ecoai_pipeline.features.runs import seeded_runs

HOUR = 3600
TRUTHS = st.text("..##-+ ", min_size=1, max_size=40)
MARKS = st.lists(st.booleans(), min_size=40, max_size=40)


def truth_of(drawn: str, interval_s: int = HOUR) -> Truth:
    signs = np.array(list(drawn))
    return Truth(np.isin(signs, ["#", "+"]), signs != " ", np.isin(signs, [".", "#"]), interval_s)


def judged(truth: str, events: str, kwh: list[float] | None = None, interval_s: int = HOUR) -> Alarms:
    marks = np.array([sign == "=" for sign in events.ljust(len(truth))])
    deviation = np.ones(len(truth)) if kwh is None else np.array(kwh)
    return judge(*seeded_runs(marks, marks, np.zeros(len(truth), bool)), truth_of(truth, interval_s), deviation)


def counts(alarms: Alarms) -> tuple[int, int, int, int, int]:
    return alarms.events, alarms.right, alarms.false, alarms.anomalies, alarms.found


def test_an_event_over_an_anomaly_is_right_and_any_other_is_false() -> None:
    alarms = judged("..###......##...", "..=....==.......")
    assert counts(alarms) == (2, 1, 1, 2, 1)
    assert (alarms.precision, alarms.recall, alarms.f1) == (0.5, 0.5, 0.5)


def test_an_event_beside_an_anomaly_is_false() -> None:
    assert counts(judged("..###..", ".=...=.")) == (2, 0, 2, 1, 0)


def test_several_events_find_an_anomaly_once_and_one_event_finds_several() -> None:
    assert counts(judged(".######.", ".=.=.==.")) == (3, 3, 0, 1, 1)
    assert counts(judged(".##..##.", "..====..")) == (1, 1, 0, 2, 2)


def test_hours_without_a_reading_do_not_end_an_anomaly_and_a_normal_reading_does() -> None:
    assert judged(".##   ##.", "").anomalies == 1
    assert judged(".## . ##.", "").anomalies == 2
    assert judged(".##-##.", "").anomalies == 2
    assert judged(".##++##.", "").anomalies == 1


def test_only_anomalies_and_events_with_readings_that_count_are_judged() -> None:
    """Four events: on anomalous readings that do not count, on normal ones that do not, on none at all, and a false one."""
    assert counts(judged(".++..--..  ..##..", ".==..==..==.....=")) == (4, 0, 1, 1, 0)


def test_an_event_that_touches_anomalous_readings_which_do_not_count_is_not_false_for_lying_over_normal_ones_too() -> None:
    assert counts(judged("..++..", ".====.")) == (1, 0, 0, 0, 0)


def test_an_anomaly_is_not_found_by_its_readings_that_do_not_count() -> None:
    assert counts(judged(".++##.", ".==...")) == (1, 0, 0, 1, 0)
    assert counts(judged(".++##.", ".===..")) == (1, 1, 0, 1, 1)


def test_the_delay_runs_from_the_first_anomalous_reading_that_counts_to_the_event_within() -> None:
    assert judged(".######.", "....===.").delay_hours == 3
    assert judged(".######.", "....=.=.", interval_s=900).delay_hours == 0.75
    assert judged(".++####.", "....===.").delay_hours == 1
    assert judged(".##  ##.", ".....=..").delay_hours == 4


def test_there_is_no_delay_where_the_event_had_begun_before() -> None:
    assert judged("..####..", "=====...").delay_hours == 0
    assert judged(".++####.", ".=====..").delay_hours == 0


def test_the_delay_counts_from_where_the_event_opens_also_if_on_a_reading_that_does_not_count() -> None:
    assert judged(".##++##.", "....==..").delay_hours == 3


def test_the_delay_is_the_median_over_what_was_found() -> None:
    assert judged(".##.####.####.###", ".=.....=.=.......").delay_hours == 0
    assert judged(".##.####.####", "..=....=.=...").delay_hours == 1


def test_energy_is_what_deviates_either_way_in_anomalous_readings_that_count() -> None:
    alarms = judged(".##+#.", "..===.", [9, -3, 4, 50, 1, 9])
    assert alarms.energy_found == pytest.approx(5 / 8)
    assert judged(".##.", ".=..", [9, np.nan, 4, 9]).energy_found == 0
    assert judged(".##.", ".=..", [9, 0, 0, 9]).energy_found is None


def test_exposure_is_what_counts_in_months_of_30_days() -> None:
    alarms = judged("." * 720 + "-" * 50 + " " * 50 + "#" * 720, "=.=.=")
    assert alarms.meter_months == 2
    assert alarms.false_per_meter_month == 1.5
    assert alarms.false_interval == pytest.approx((0.619 / 2, 8.767 / 2), abs=0.001)


def test_without_alarms_nothing_is_found_and_nothing_is_false() -> None:
    alarms = judged("..##..", "")
    assert counts(alarms) == (0, 0, 0, 1, 0)
    assert (alarms.precision, alarms.recall, alarms.f1, alarms.delay_hours, alarms.energy_found) == (None, 0, 0, None, 0)
    assert alarms.false_per_meter_month == 0


def test_without_anomalies_there_is_no_recall_and_every_event_is_false() -> None:
    alarms = judged("......", ".=..=.")
    assert (alarms.precision, alarms.recall, alarms.f1, alarms.delay_hours, alarms.energy_found) == (0, None, None, None, None)


def test_where_nothing_counts_there_are_no_rates() -> None:
    alarms = judged("--  ++", "===.==")
    assert counts(alarms) == (2, 0, 0, 0, 0)
    assert (alarms.precision, alarms.recall, alarms.false_per_meter_month, alarms.false_interval) == (None, None, None, None)


@given(TRUTHS)
def test_alarming_everything_finds_everything_at_once(drawn: str) -> None:
    alarms, truth = judged(drawn, "=" * len(drawn)), truth_of(drawn)
    assert alarms.found == alarms.anomalies
    assert alarms.events == 1
    if alarms.anomalies:
        assert (alarms.right, alarms.false, alarms.recall, alarms.f1, alarms.delay_hours, alarms.energy_found) == (1, 0, 1, 1, 0, 1)
    else:
        assert alarms.false == (truth.counted.any() and not truth.labels.any())


@given(TRUTHS, MARKS)
def test_events_are_right_false_or_set_aside_and_right_where_they_find(drawn: str, marks: list[bool]) -> None:
    alarms = judged(drawn, "".join("=" if mark else "." for mark in marks[: len(drawn)]))
    assert alarms.right + alarms.false <= alarms.events
    assert 0 <= alarms.found <= alarms.anomalies
    assert (alarms.right > 0) == (alarms.found > 0) == (alarms.delay_hours is not None)


@given(TRUTHS, MARKS)
def test_where_every_reading_counts_no_event_is_set_aside(drawn: str, marks: list[bool]) -> None:
    whole = drawn.replace("-", ".").replace("+", "#").replace(" ", ".")
    alarms = judged(whole, "".join("=" if mark else "." for mark in marks[: len(whole)]))
    assert alarms.right + alarms.false == alarms.events


@given(TRUTHS, MARKS)
def test_energy_that_is_found_and_energy_that_is_not_add_up(drawn: str, marks: list[bool]) -> None:
    alarmed = "".join("=" if mark else "." for mark in marks[: len(drawn)])
    kwh = list(np.random.default_rng(len(drawn)).normal(size=len(drawn)))
    found, missed = (judged(drawn, events, kwh).energy_found for events in (alarmed, alarmed.translate(str.maketrans("=.", ".="))))
    assert (found is None) == (missed is None) == (not truth_of(drawn).anomalous.any())
    if found is not None:
        assert found + missed == pytest.approx(1)


@given(TRUTHS, MARKS)
def test_time_turned_round_finds_the_same(drawn: str, marks: list[bool]) -> None:
    events = "".join("=" if mark else "." for mark in marks[: len(drawn)])
    assert counts(judged(drawn[::-1], events[::-1])) == counts(judged(drawn, events))


@pytest.mark.parametrize("events", [([3], [2]), ([0, 2], [2, 3]), ([3, 0], [3, 1]), ([-1], [1]), ([2], [6])])
def test_events_out_of_order_are_refused(events: tuple[list[int], list[int]]) -> None:
    with pytest.raises(ValueError, match="it takes events of the grid, one after another"):
        judge(*map(np.array, events), truth_of("......"), np.zeros(6))


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39), (100, 81.36, 121.63)])
def test_the_poisson_interval_is_the_tabulated_one(count: int, low: float, high: float) -> None:
    """Garwood's table, as in Ulm, "A simple method to calculate the confidence interval of a standardized mortality ratio" (1990)."""
    assert poisson_interval(count, 1) == pytest.approx((low, high), abs=0.006)
    assert poisson_interval(count, 4) == pytest.approx((low / 4, high / 4), abs=0.002)


@given(st.integers(0, 500), st.floats(0.1, 100))
def test_the_poisson_interval_leaves_out_a_fortieth_at_each_end(count: int, exposure: float) -> None:
    from scipy.stats import poisson

    low, high = poisson_interval(count, exposure)
    assert low <= count / exposure < high
    assert poisson.cdf(count, high * exposure) == pytest.approx(0.025)
    if count:
        assert poisson.sf(count - 1, low * exposure) == pytest.approx(0.025)


@pytest.mark.parametrize(("count", "exposure"), [(-1, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_rate_of_nothing_is_refused(count: int, exposure: float) -> None:
    with pytest.raises(ValueError, match="a rate takes a count from 0 and an exposure above 0"):
        poisson_interval(count, exposure)
