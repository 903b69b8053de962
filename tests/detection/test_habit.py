"""What counts as an alarm: as rare as the budget says, whatever the meter, its drift, and the anomalies of the weeks before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.detection.calibration import POOLED, alarm_threshold
from ecoai_pipeline.detection.habit import Blocks, Habits, Law, learn
from ecoai_pipeline.settings import HabitParams

PARAMS = HabitParams()
HOUR = 3600
START = np.datetime64("2022-01-01", "us")


def stamps(n: int, interval_s: int = HOUR) -> np.ndarray:
    return START + np.arange(n) * np.timedelta64(interval_s, "s")


def quiet(days: int, seed: int = 0, interval_s: int = HOUR) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=days * 86_400 // interval_s)


def habits(evidence: np.ndarray, interval_s: int = HOUR) -> Habits:
    return learn({"m": (stamps(len(evidence), interval_s), evidence)}, interval_s, PARAMS)


def p_of(evidence: np.ndarray, meter: str = "m", known: np.ndarray | None = None) -> np.ndarray:
    calibrated = habits(quiet(30, seed=9) if known is None else known)
    return calibrated.p(meter, stamps(len(evidence)), HOUR, evidence)


def test_the_greatest_evidence_of_each_block_by_day() -> None:
    evidence = np.arange(48.0)
    blocks = Blocks.of(stamps(48), HOUR, evidence, 4)
    assert blocks.maxima.tolist() == [[3, 7, 11, 15, 19, 23], [27, 31, 35, 39, 43, 47]]
    assert blocks.length == 4
    assert blocks.day.tolist() == [0] * 24 + [1] * 24


def test_a_block_with_little_evidence_says_nothing_and_one_of_an_interval_is_that_interval() -> None:
    gappy = np.array([1.0, np.nan, np.nan, np.nan, 2.0, 3.0, np.nan, np.nan])
    assert Blocks.of(stamps(8), HOUR, gappy, 4).maxima[0, :2].tolist() == pytest.approx([np.nan, 3.0], nan_ok=True)
    daily = Blocks.of(stamps(3, 86_400), 86_400, np.array([1.0, 2.0, 3.0]), 4)
    assert (daily.maxima.tolist(), daily.length) == ([[1.0], [2.0], [3.0]], 1)


def test_a_series_that_begins_at_noon_has_its_blocks_where_the_clock_has_them() -> None:
    noon = stamps(48)[12:]
    blocks = Blocks.of(noon, HOUR, np.arange(36.0), 4)
    np.testing.assert_array_equal(blocks.maxima, [[np.nan, np.nan, np.nan, 3, 7, 11], [15, 19, 23, 27, 31, 35]])


@pytest.mark.parametrize("interval_s", [900, HOUR])
@pytest.mark.parametrize("factor", [0.1, 30])
def test_alarms_of_normal_operation_come_at_the_budget_whatever_the_scale(factor: float, interval_s: int) -> None:
    """Over some 18 meter-years, as many readings a month lie below the threshold as the budget of 1 allows."""
    q = alarm_threshold(1, interval_s)
    alarms = months = 0.0
    for seed in range(20):
        evidence = factor * quiet(360, seed, interval_s)
        day = 86_400 // interval_s
        p = habits(evidence[: 30 * day], interval_s).p("m", stamps(len(evidence), interval_s), interval_s, evidence)
        alarms += float((p[30 * day :] < q).sum())
        months += 11
    assert alarms / months == pytest.approx(1, abs=0.25)


def test_a_level_of_evidence_that_rose_for_good_is_no_alarm_after_a_few_days() -> None:
    q = alarm_threshold(1, HOUR)
    evidence = np.concatenate([quiet(40, 1), 15 + quiet(60, 2)])
    p = p_of(evidence)
    after = 40 * 24
    assert (p[after : after + 24 * 3] < q).mean() > 0.9
    assert (p[after + 24 * 5 :] < q).mean() < 0.01


def test_anomalies_of_the_weeks_before_do_not_hide_the_next_one() -> None:
    """One day in ten of the past is strange throughout, and the next one is an alarm as if it were the first."""
    q = alarm_threshold(1, HOUR)
    evidence = quiet(60, 3)
    for day in range(8, 58, 10):
        evidence[day * 24 : day * 24 + 24] += 20
    evidence[58 * 24 : 58 * 24 + 4] += 20
    assert (p_of(evidence)[58 * 24 : 58 * 24 + 4] < q).all()


def test_what_comes_more_often_than_three_days_in_four_weeks_is_a_habit_of_all_but_curves_by_the_minute() -> None:
    """A batch process bursts on every third day for four hours: the first three are alarms, and none of the last ones."""
    for interval_s, last_alarm in ((HOUR, False), (60, True)):
        day, evidence = 86_400 // interval_s, quiet(60, 10, interval_s)
        bursts = range(31, 58, 3)
        for number, burst in enumerate(bursts):
            evidence[burst * day : burst * day + day // 6] += 20 - 0.5 * number
        p = habits(quiet(30, 9, interval_s), interval_s).p("m", stamps(60 * day, interval_s), interval_s, evidence)
        alarmed = [bool((p[burst * day : burst * day + day // 6] < alarm_threshold(1, interval_s)).any()) for burst in bursts]
        assert alarmed[:3] == [True] * 3
        assert alarmed[-3:] == [last_alarm] * 3


def test_a_habit_is_spread_over_the_intervals_of_its_days() -> None:
    """Each of 28 days brings one burst: 25 of them are normal, so an interval of one is as likely as 25 in 28 days of 24."""
    evidence = np.zeros(60 * 24)
    evidence[12::24] = 20 + np.arange(60) % 2
    assert p_of(evidence)[59 * 24 + 12] == pytest.approx((14 - 3) / 28 / 24)


def test_nothing_later_changes_what_a_night_said() -> None:
    evidence = quiet(60, 4)
    whole, until = p_of(evidence), p_of(evidence[: 45 * 24])
    assert np.array_equal(whole[: 45 * 24], until)


def test_p_falls_as_evidence_rises_and_keeps_apart_what_is_far_beyond() -> None:
    evidence = quiet(40, 5)
    evidence[39 * 24 : 39 * 24 + 4] = [8, 12, 20, 40]
    assert (np.diff(p_of(evidence)[39 * 24 : 39 * 24 + 4]) < 0).all()


def test_p_is_a_probability_and_missing_where_evidence_is() -> None:
    evidence = quiet(30, 6)
    evidence[100:110] = np.nan
    p = p_of(evidence)
    assert np.isnan(p[100:110]).all()
    rest = np.delete(p, np.arange(100, 110))
    assert ((rest > 0) & (rest <= 1)).all()
    assert len(p_of(np.empty(0))) == 0


def test_a_meter_that_is_always_equal_has_no_law_of_no_width() -> None:
    law = habits(np.full(30 * 24, 0.7)).laws["m"]
    assert law.scale == PARAMS.least_scale


def test_a_new_meter_is_measured_against_all_and_after_two_days_against_itself() -> None:
    calm, loud = quiet(30, 7), 10 * quiet(30, 8)
    evidence = 10 * quiet(10, 9)
    with_calm = p_of(evidence, meter="new", known=calm)
    with_loud = p_of(evidence, meter="new", known=loud)
    for day in (slice(24), slice(24, 48)):
        assert not np.allclose(with_calm[day], with_loud[day])
    assert np.array_equal(with_calm[48:], with_loud[48:])


def test_a_short_calibration_span_takes_the_law_of_all() -> None:
    long, short = quiet(30, 1), 10 * quiet(1, 2)
    learned = learn({"long": (stamps(len(long)), long), "short": (stamps(len(short)), short)}, HOUR, PARAMS)
    assert learned.laws["short"] == Law(6, learned.laws[POOLED].location, learned.laws[POOLED].scale)
    assert learned.laws["long"] != learned.laws[POOLED]


def test_saved_and_loaded_they_say_the_same_and_one_can_be_forgotten(tmp_path: Path) -> None:
    known = habits(quiet(30, 1))
    known.save(tmp_path / "calibration.parquet")
    loaded = Habits.load(tmp_path / "calibration.parquet", PARAMS)
    assert loaded == known
    assert loaded.without("nobody") is loaded
    assert set(loaded.without("m").laws) == {POOLED}
    loaded.without("m").frame().filter(meter_id="m").write_parquet(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="no pooled row"):
        Habits.load(tmp_path / "none.parquet", PARAMS)


@pytest.mark.parametrize(
    ("given", "said"), [({"low": 0.75}, "low below high"), ({"strange_days": {"high": 28, "mid": 3}}, "says nothing of low")]
)
def test_parameters_that_no_night_could_use_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        HabitParams.model_validate(given)


def test_a_span_without_evidence_is_refused() -> None:
    with pytest.raises(ValueError, match="train on more months"):
        habits(np.full(100, np.nan))
