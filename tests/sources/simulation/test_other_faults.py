"""Faults of other shapes than those that detection knows: each does what its name says, by the depth asked for."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from ecoai_pipeline.domain import Kind
from ecoai_pipeline.evaluation.kinds import NAMED_AS
from ecoai_pipeline.sources.simulation.changes import CHANGES, Floats, Place
from ecoai_pipeline.sources.simulation.faults import inject
from ecoai_pipeline.sources.simulation.plan import PACKAGED, find_plan, read_plan, standard_plan

V2 = find_plan("v2")
BY_SIZE = ["raise_low", "cycle", "add_decay", "beat", "fade"]


def plant(days: int, per_hour: int, seed: int = 0) -> tuple[Floats, np.ndarray]:
    """A plant that works from eight to six on five days of seven, and the slot of each reading."""
    hours = np.arange(days * 24 * per_hour) / per_hour
    at_work = (hours % 24 >= 8) & (hours % 24 < 18) & (hours // 24 % 7 < 5)
    noise = np.exp(np.random.default_rng(seed).normal(0, 0.1, len(hours)))
    return np.where(at_work, 10.0, 3.0) * noise, np.tile(np.arange(24 * per_hour), days)


def place(load: Floats, start_h: float, stop_h: float, size: float, per_hour: int = 4, seed: int = 0) -> Place:
    return Place(load, round(start_h * per_hour), round(stop_h * per_hour), size, 0, per_hour, np.random.default_rng(seed))


def changed(change: str, at: Place) -> Floats:
    after = CHANGES[change](at)
    assert after is not None
    return after - at.part


@pytest.mark.parametrize("change", BY_SIZE)
@pytest.mark.parametrize("per_hour", [1, 4])
@pytest.mark.parametrize("seed", range(8))
def test_the_mean_change_is_the_size_asked_for(change: str, per_hour: int, seed: int) -> None:
    load, _ = plant(14, per_hour, seed)
    at = place(load, 7 * 24 + 18, 8 * 24 + 8, 0.8, per_hour, seed)
    assert np.abs(changed(change, at)).mean() == pytest.approx(0.8)


def test_a_missing_setback_raises_the_low_hours_alone_and_keeps_their_noise() -> None:
    load = np.r_[np.full(40, 10.0), np.tile([2.0, 2.2], 16), np.full(40, 10.0)]
    added = changed("raise_low", Place(load, 40, 80, 4.0, 0, 4, np.random.default_rng(0)))
    assert added[-6:] == pytest.approx(0)  # the next day's work
    assert (added[2:30] > 5).all()
    assert np.ptp(load[40:70] + added[:30]) > 0.1  # not one value for hours, as a meter that hangs would have


def test_a_setback_that_would_lie_above_the_work_before_is_none() -> None:
    load = np.r_[np.full(40, 10.0), np.full(40, 2.0)]
    assert CHANGES["raise_low"](Place(load, 40, 80, 7.5, 0, 4, np.random.default_rng(0))) is not None
    assert CHANGES["raise_low"](Place(load, 40, 80, 8.1, 0, 4, np.random.default_rng(0))) is None
    assert CHANGES["raise_low"](Place(load, 0, 30, 1.0, 0, 4, np.random.default_rng(0))) is None  # nothing is known before


@pytest.mark.parametrize("per_hour", [1, 4])
def test_a_day_of_rest_is_worked_by_hours_of_days_before_and_copies_none(per_hour: int) -> None:
    load, _ = plant(14, per_hour)
    day = 24 * per_hour
    after = CHANGES["work_on"](place(load, 12 * 24, 13 * 24, 1.0, per_hour))
    assert after is not None
    week = load[5 * day : 12 * day].reshape(7, day)
    assert (after == week).any(axis=0).all()
    assert not (after == week).all(axis=1).any()
    assert after.mean() == pytest.approx(week[2:].mean(), rel=0.05)


def test_a_working_day_and_the_first_week_hold_no_work_on_a_day_of_rest() -> None:
    load, _ = plant(14, 4)
    assert CHANGES["work_on"](place(load, 10 * 24, 11 * 24, 1.0)) is None
    assert CHANGES["work_on"](place(load, 5 * 24, 6 * 24, 1.0)) is None
    load[: 12 * 96] = np.nan
    assert CHANGES["work_on"](place(load, 12 * 24, 13 * 24, 1.0)) is None


def test_a_duty_cycle_adds_as_often_as_it_takes_for_an_hour_or_two_each() -> None:
    load = np.full(96, 5.0)
    for seed in range(10):
        added = changed("cycle", place(load, 1, 20, 2.0, seed=seed))
        turns = np.flatnonzero(np.diff(added)) + 1
        assert set(added) == {-2.0, 2.0}
        assert len(set(np.diff(turns))) == 1
        assert 0.75 <= np.diff(turns)[0] / 4 <= 2


def test_what_is_not_there_is_not_taken_and_periods_are_resolved() -> None:
    load = np.full(96, 5.0)
    assert CHANGES["cycle"](place(load, 1, 20, 5.1)) is None
    assert CHANGES["cycle"](place(load, 1, 2, 1.0)) is None
    assert CHANGES["beat"](place(load, 1, 20, 5.0)) is None
    assert CHANGES["beat"](Place(load, 1, 80, 1.0, 0, 1 / 24, np.random.default_rng(0))) is None
    assert CHANGES["fade"](place(load, 1, 20, 2.3)) is None
    assert CHANGES["fade"](place(-load, 1, 20, 1.0)) is None
    assert CHANGES["add_decay"](Place(load, 1, 3, 1.0, 0, 4, np.random.default_rng(0))) is None
    signed = np.r_[-9.0, load]
    assert CHANGES["cycle"](place(signed, 1, 20, 5.1)) is not None


def test_a_decay_falls_to_a_twentieth_and_a_lost_unit_takes_ever_more() -> None:
    load = np.full(960, 5.0)
    left = changed("add_decay", place(load, 10, 200, 1.0))
    assert (np.diff(left) < 0).all()
    assert left[-1] / left[0] == pytest.approx(np.exp(-3), rel=0.01)
    taken = changed("fade", place(load, 10, 30, 1.0))
    assert (np.diff(taken) < 0).all()
    assert (taken[0], taken[-1]) == (0.0, pytest.approx(-2.0))


def test_two_machines_are_in_step_at_times_and_against_each_other_at_others() -> None:
    added = changed("beat", place(np.full(96 * 8, 50.0), 1, 180, 1.0))
    swing = np.array([np.ptp(added[at : at + 28]) for at in range(0, len(added) - 28, 4)])
    assert swing.min() < 0.3 * swing.max()


@pytest.mark.parametrize("per_hour", [1, 4])
def test_all_kinds_of_the_file_are_drawn_by_their_lengths_and_least_depth(per_hour: int) -> None:
    load, slots = plant(84, per_hour)
    plan, found = V2.model_copy(update={"share": 0.06}), []
    for seed in range(6):
        faulty, faults = inject(load, slots, 3600 // per_hour, np.random.default_rng(seed), plan)
        assert (faulty >= 0).all()
        found += faults
    assert {fault.kind for fault in found} == set(V2.kinds)
    for fault in found:
        least, most = V2.kinds[fault.kind].hours
        assert least <= (fault.stop - fault.start) / per_hour <= most
        assert fault.depth >= 0.5 * (1 - 1e-6)
    neutral = [fault for fault in found if fault.kind == "duty_cycle"]
    assert np.median([abs(fault.kwh) / (fault.stop - fault.start) for fault in neutral]) < 0.2


def test_plans_of_the_package_have_names_and_files_are_read_as_well(tmp_path: Path) -> None:
    assert find_plan("v1") is standard_plan()
    content = files("ecoai_pipeline.sources.simulation").joinpath(PACKAGED["v2"]).read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(content, encoding="utf-8")
    assert read_plan(own) == find_plan(str(own)) == V2
    assert (V2.version, V2.share, V2.depth, V2.seeds) == (2, 0.01, (0.5, 4.0), standard_plan().seeds)
    with pytest.raises(ValueError, match=r"faults v3: there is no such file; name one of v1, v2"):
        find_plan("v3")


def test_no_kind_is_one_of_the_catalogue_and_two_have_a_name_in_it() -> None:
    assert not set(V2.kinds) & {kind.value for kind in Kind}
    assert {kind: NAMED_AS[kind] for kind in V2.kinds if kind in NAMED_AS} == {"lost_unit": "sag", "work_on_rest_day": "surge"}
