"""Which detectors are used: the members, unless the guideline finds significantly more faults in a span that nobody learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.detection.backtest import GUIDELINE, HYBRID, Trial, choose, compared, trials, with_faults
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import BacktestParams

PARAMS = BacktestParams()
DAY = 96


def series(meter_id: str = "m", days: int = 60) -> Series:
    n = days * DAY
    slot = np.arange(n) % DAY
    load = 50 + 30 * np.sin(2 * np.pi * slot / DAY) + np.random.default_rng(1).normal(size=n)
    stamps = np.datetime64("2022-01-01", "us") + np.arange(n) * np.timedelta64(900, "s")
    week = (np.arange(n) % (7 * DAY)).astype(np.int32)
    return Series(meter_id, 900, stamps, load, np.ones(n, bool), slot.astype(np.int32), week, week >= 5 * DAY, np.zeros(n, bool))


def sees_all(true: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """The tail probability of someone who knows what the load should have been."""
    return np.where(true == changed, 0.5, 1e-6)


def judged_by(clean: Mapping[str, Series], blind: str, keen: str):
    def judge(portfolio: Sequence[Series]) -> list[dict[str, np.ndarray]]:
        return [{keen: sees_all(clean[one.meter_id].kwh, one.kwh), blind: np.full(len(one), 0.5)} for one in portfolio]

    return judge


def test_faults_lie_in_the_span_alone_and_are_the_same_every_time() -> None:
    whole, start = series(), 30 * DAY
    faulty, labels, faults = with_faults(whole, start, seed=2)
    assert faults, "another seed"
    assert np.array_equal(faulty.kwh[:start], whole.kwh[:start])
    assert np.array_equal(
        np.flatnonzero(faulty.kwh[start:] != whole.kwh[start:]), np.flatnonzero(labels & (faulty.kwh != whole.kwh)[start:])
    )
    again = with_faults(whole, start, seed=2)
    assert np.array_equal(again[0].kwh, faulty.kwh)
    assert not np.array_equal(with_faults(whole, start, seed=4)[0].kwh, faulty.kwh)


def test_where_no_reading_came_there_is_no_fault_and_nothing_to_find() -> None:
    whole, start = series(), 30 * DAY
    gappy = replace(whole, observed=np.arange(len(whole)) % 2 == 0)
    faulty, labels, faults = with_faults(gappy, start, seed=2)
    assert faults, "another seed"
    assert np.array_equal(faulty.kwh[1::2], whole.kwh[1::2])
    assert labels[::2].any()
    assert not labels[1::2].any()


@pytest.mark.parametrize(("blind", "keen", "taken"), [("usad", "profile", HYBRID), ("profile", "usad", GUIDELINE)])
def test_the_one_that_finds_the_faults_significantly_more_often_is_taken(blind: str, keen: str, taken: str) -> None:
    clean = {name: series(name) for name in ("a", "b", "c")}
    contexts = [(one, 30 * DAY) for one in clean.values()]
    made = trials(contexts, judged_by(clean, blind, keen), seed=1, params=PARAMS)
    choice = choose(made, {"profile": 1.0}, "usad", PARAMS)
    assert choice.name == taken
    assert choice.weights == {keen: 1.0}
    assert choice.faults >= PARAMS.faults
    assert choice.reached[keen] == pytest.approx(1.0, abs=0.05)
    found = choice.reached[blind]
    assert found is not None
    assert found < 0.2


def trial(hybrid: Sequence[float], guideline: Sequence[float], faults: int = 3) -> Trial:
    """One anomalous reading after two normal ones, and what each detector gives the three."""
    return Trial(np.array([False, False, True]), faults, {"profile": np.array(hybrid), "usad": np.array(guideline)})


# Average precision: 1 for the one that ranks the anomaly first, 1/2 where it is second, 1/3 where it is last.
FIRST, SECOND, LAST = (0.5, 0.4, 0.1), (0.5, 0.1, 0.4), (0.4, 0.1, 0.5)


def test_a_guideline_that_is_better_by_chance_does_not_replace_the_members() -> None:
    """Better in three trials of eight, worse in one: its mean is higher by .146, and the interval of the difference holds 0."""
    made = [trial(SECOND, FIRST)] * 2 + [trial(FIRST, SECOND)] + [trial(SECOND, SECOND)] * 4 + [trial(LAST, FIRST)]
    choice = choose(made, {"profile": 1.0}, "usad", PARAMS)
    assert choice.reached[GUIDELINE] == pytest.approx(0.6875)
    assert choice.reached[HYBRID] == pytest.approx(0.542, abs=0.001)
    assert choice.name == HYBRID
    assert "did not find significantly more of 24 faults" in choice.reason
    sure = choose([trial(SECOND, FIRST)] * 7 + [trial(SECOND, SECOND)], {"profile": 1.0}, "usad", PARAMS)
    assert sure.name == GUIDELINE
    assert "significantly more of 24 faults" in sure.reason


def test_the_difference_is_paired_over_trials_with_both_figures() -> None:
    apart = compared([0.6, None, 0.8, 0.7], [0.5, 0.9, 0.6, 0.4])
    assert apart is not None
    assert (apart.pairs, apart.ours, apart.theirs, apart.mean) == (3, *map(pytest.approx, (0.7, 0.5, 0.2)))
    assert (apart.low, apart.high) == (pytest.approx(0.1), pytest.approx(0.3))
    assert compared([None], [0.5]) is None
    alone = compared([0.6], [0.5])
    assert alone is not None
    assert (alone.low, alone.high) == (None, None), "one pair has no interval"


def test_with_too_few_faults_the_members_are_taken_and_the_reason_says_so() -> None:
    few = [trial(LAST, FIRST, faults=1)] * 4
    choice = choose(few, {"profile": 1.0}, "usad", PARAMS)
    assert (choice.name, choice.weights) == (HYBRID, {"profile": 1.0})
    assert choice.reason == "4 faults put into the calibration span are too few to judge by"
    assert choose([], {"profile": 1.0}, "usad", PARAMS).reached["profile"] is None
    assert choose([trial(LAST, FIRST, faults=9)], {"profile": 1.0}, "usad", PARAMS).name == HYBRID, "one trial has no interval"


def test_what_was_not_learned_is_not_taken() -> None:
    few = [Trial(np.array([False, True]), 9, {"profile": np.array([0.9, 0.5]), "usad": np.array([0.5, 0.9])})]
    assert choose(few, {"profile": 1.0}, "usad", PARAMS).name == HYBRID
    assert choose(few, {"profile": 1.0}, None, PARAMS).reason == "nothing else could be learned"
    assert choose([], {"profile": 1.0}, None, PARAMS).weights == {"profile": 1.0}
    assert choose(few, {"profile": 0.0}, "usad", PARAMS).name == GUIDELINE


def test_rounds_stop_when_there_are_faults_enough_and_at_the_last_one() -> None:
    clean = {"a": series("a")}
    contexts = [(clean["a"], 55 * DAY)]
    judge = judged_by(clean, "usad", "profile")
    enough = trials(contexts, judge, 1, PARAMS.model_copy(update={"faults": 3, "rounds": 200}))
    assert sum(trial.faults for trial in enough) >= 3 > sum(trial.faults for trial in enough[:-1])
    assert len(trials(contexts, judge, 1, PARAMS.model_copy(update={"faults": 1000, "rounds": 4}))) <= 4


def test_meters_are_drawn_from_the_whole_portfolio() -> None:
    clean = {f"m{number}": series(f"m{number}", days=40) for number in range(9)}
    seen: set[str] = set()

    def judge(portfolio: Sequence[Series]) -> list[dict[str, np.ndarray]]:
        seen.update(one.meter_id for one in portfolio)
        return [{"profile": np.full(len(one), 0.5)} for one in portfolio]

    trials([(one, 10 * DAY) for one in clean.values()], judge, 1, BacktestParams(meters=3, faults=1000, rounds=6))
    assert seen == {"m0", "m4", "m8"}
