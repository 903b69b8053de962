"""Weights come from what lies before the test, from the other series where they are judged, and only where they gain."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ecoai_pipeline.detection.backtest import HYBRID
from ecoai_pipeline.domain import DETECTORS, Resolution
from ecoai_pipeline.evaluation import folds, weights
from ecoai_pipeline.evaluation.benchmark import Plan, score
from ecoai_pipeline.evaluation.cases import ALL, Case
from ecoai_pipeline.evaluation.honest import Judging
from ecoai_pipeline.evaluation.request import Request
from ecoai_pipeline.evaluation.scoring import Scored
from ecoai_pipeline.evaluation.weights import EQUAL, GAIN, LEARNED, LEFT_OUT, NOW, Learned, before_test, candidates, learn, weigh
from ecoai_pipeline.settings import Settings

from .conftest import two_shifts, with_outages

BEFORE, AFTER = (20, 53, 60, 66, 75), (92, 99)
"""Days with outages: the test begins on day 84, what is judged before it on day 50."""
TOLD = SimpleNamespace(start=lambda *_: None, done=lambda *_: None)


def series(meter: str = "a", days: tuple[int, ...] = BEFORE + AFTER) -> Case:
    return with_outages(two_shifts(meter, seed=ord(meter)), tuple(day * 24 + 8 for day in days))


@dataclass(frozen=True)
class Told:
    """Scores that are given, in place of a detector's; None is a detector that could not be fitted."""

    detector: str
    values: Scored | None

    def scored(self, _result: Any) -> list[Scored]:
        if self.values is None:
            raise ValueError("too short")
        return [self.values]


def told_by(values_of: Callable[[Case, str], np.ndarray | None]) -> Callable[..., list[Any]]:
    """What `score` gives where a detector's scores of a case are those of `values_of`."""

    def one(case: Case, name: str, settings: Settings) -> tuple[Told, dict[str, Any]]:
        (fold,) = folds.folds(case.load, folds.Protocol.FIXED, settings)
        values = values_of(case, name)
        if values is None:
            return Told(name, None), {}
        calibration, test = (values[slice(*span)].astype(np.float32) for span in (fold.calibration, fold.test))
        return Told(name, Scored(calibration, test, np.zeros_like(test))), {}

    def scored(cases: list[Case], plan: Plan, settings: Settings, *_: object) -> list[Any]:
        return [[one(case, name, settings) for name in plan.detectors] for case in cases]

    return scored


def noise(case: Case, name: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(f"{case.name}{name}".encode())).random(len(case.load))


def truth(case: Case, name: str) -> np.ndarray:
    return noise(case, name) + 0.6 * case.labels


def weighed(settings: Settings, tmp_path: Any, read: list[Case], *chosen: str, **request: Any) -> Learned:
    (found,) = weigh(read, Request(detectors=chosen, jobs=1, **request), settings, tmp_path, TOLD)
    return found


@pytest.fixture
def few(settings: Settings) -> Settings:
    """Two members that need no training of a network, so that what is judged beside the candidates is theirs."""
    members = {resolution: {"level": 1.0, "profile": 2.0} for resolution in Resolution}
    return settings.model_copy(update={"training": settings.training.model_copy(update={"members": members})})


def test_a_detector_that_knows_of_the_truth_weighs_most_and_noise_little(few, tmp_path, monkeypatch) -> None:
    knows = lambda case, name: truth(case, name) if name == "profile" else noise(case, name)  # noqa: E731
    monkeypatch.setattr(weights, "score", told_by(knows))
    found = weighed(few, tmp_path, [series(meter) for meter in "abc"], "profile", "level", "value_change")
    for learned in (found.weights, *found.left_out.values()):
        assert learned["profile"] == 3
        assert max(learned["level"], learned["value_change"]) <= 0.5
    by_name = {row["evidence"]: row for row in found.rows(200)}
    assert {tuple(row) for row in by_name.values()} == {tuple(by_name[NOW])}, "rows of one table"
    assert by_name[LEARNED]["vus_pr"] >= by_name["profile"]["vus_pr"] > by_name[NOW]["vus_pr"] > by_name[EQUAL]["vus_pr"]
    assert by_name["level"]["vus_pr"] < 0.2
    assert [by_name["profile"][key] for key in (LEARNED, NOW)] == [3.0, 2.0]
    assert [by_name["value_change"][key] for key in (LEARNED, NOW)] == [found.weights["value_change"], 0.0]
    assert by_name[LEFT_OUT]["above_equal_low"] > 0
    assert by_name[NOW]["above_now"] == 0


def test_the_line_is_for_the_file_of_parameters() -> None:
    line = Learned(Resolution.LOW, {"profile": 3.0, "level": 0.5, "usad": 0.0}, {}, {}, {}).line
    assert line == "low: {profile: 3, level: 0.5}"


@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "with faults put in"])
def test_the_test_span_is_never_looked_at(labelled, few, tmp_path) -> None:
    one, other = series(), series(days=BEFORE)
    stop = folds.borders(one.load, few)[1]
    one.load.kwh[stop:] = np.random.default_rng(0).random(len(one.load) - stop) * 1000
    assert not np.array_equal(one.labels, other.labels)
    read = [case if labelled else replace(case, labels=None) for case in (one, other)]
    found = [weighed(few, tmp_path / str(number), [case], "profile", "level", seeds=5) for number, case in enumerate(read)]
    assert found[0] == found[1]
    assert list(found[0].reached["profile"]) == ["made_up a"], "a meter is one however many seeds its faults have"


def test_a_case_ends_where_its_test_begins(settings) -> None:
    case = series()
    past = before_test(case, settings)
    assert len(past.load) == len(past.labels) == len(past.subsets[ALL]) == folds.borders(case.load, settings)[1] == 84 * 24


def test_what_the_others_teach_of_a_meter_does_not_depend_on_it(few, tmp_path, monkeypatch) -> None:
    def right(on_a: str) -> Callable[..., list[Any]]:
        return told_by(lambda case, name: (truth if name == (on_a if case.load.meter_id == "a" else "level") else noise)(case, name))

    found = []
    for on_a in ("profile", "level"):
        monkeypatch.setattr(weights, "score", right(on_a))
        found.append(weighed(few, tmp_path, [series(meter) for meter in "abc"], "profile", "level"))
    assert found[0].left_out["made_up a"] == found[1].left_out["made_up a"] == {"profile": 0.0, "level": 1.0}
    assert found[0].left_out["made_up b"] != found[1].left_out["made_up b"]
    assert found[0].reached[LEFT_OUT]["made_up a"] < 0.2, "a meter on which the others' best detector is wrong"
    told = {row["series"]: row.get("weights") for row in found[0].series() if row["evidence"] == LEFT_OUT}
    assert told["made_up a"] == "level: 1"


def test_one_meter_teaches_and_nobody_is_left_to_judge(few, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(weights, "score", told_by(truth))
    found = weighed(few, tmp_path, [series()], "profile", "level")
    assert LEFT_OUT not in found.reached
    assert {row["evidence"] for row in found.rows(200)} == {"profile", "level", EQUAL, LEARNED, NOW}


def ascent(objective: Callable[[dict[str, float]], float]) -> Any:
    return learn({"a": [SimpleNamespace(reached=objective)]}, ["profile", "level"])


def test_a_step_is_taken_only_where_it_gains() -> None:
    assert ascent(lambda _: 0.5) == {"profile": 1.0, "level": 1.0}, "a tie moves nothing"
    assert ascent(lambda w: 0.9 * GAIN * (w["level"] == 3)) == {"profile": 1.0, "level": 1.0}
    assert ascent(lambda w: 1.1 * GAIN * (w["level"] == 3)) == {"profile": 1.0, "level": 3.0}
    assert ascent(lambda w: float(w["level"] != 1)) == {"profile": 1.0, "level": 0.0}, "of equal gains the smallest weight"


def test_a_weight_is_looked_at_again_when_another_has_moved() -> None:
    assert ascent(lambda w: w["level"] + (w["profile"] == 2) * (w["level"] == 3)) == {"profile": 2.0, "level": 3.0}


def test_a_meter_counts_once_however_many_seeds_it_has() -> None:
    twice = [SimpleNamespace(reached=lambda w: 0.4 * (w["level"] == 2))] * 2
    once = [SimpleNamespace(reached=lambda w: 0.5 * (w["level"] == 3))]
    assert learn({"a": twice, "b": once}, ["level"]) == {"level": 3.0}


def test_weights_are_ranked_as_the_honest_protocol_ranks_the_members(few, tmp_path) -> None:
    whole = series()
    whole.load.kwh[whole.labels] *= 92  # of a hundredth: hardly an outage, so that no way of ranking finds all
    (scored,) = score([before_test(whole, few)], Plan(["profile", "level"]), few, tmp_path)
    (row,) = Judging(before_test(whole, few), HYBRID, scored, few).run()["rows"]
    assert 0.1 < row["vus_pr"] < 0.9
    assert weighed(few, tmp_path, [whole], "profile", "level").reached[NOW] == {"made_up a": row["vus_pr"]}


def test_a_detector_without_scores_of_a_series_says_nothing_of_it(few, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(weights, "score", told_by(lambda case, name: truth(case, name) if name == "profile" else None))
    found = weighed(few, tmp_path, [series()], "profile", "level")
    assert found.reached["level"] == {"made_up a": 0.0}
    assert found.reached[EQUAL] == found.reached["profile"]


def test_a_series_too_short_to_be_cut_again_is_left_out(few, tmp_path) -> None:
    short = with_outages(two_shifts("b", days=12), (32, 160))
    assert list(weighed(few, tmp_path, [series("a"), short], "profile").reached[EQUAL]) == ["made_up a"]


def test_series_without_anomalies_before_the_test_are_left_out(few, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(weights, "score", told_by(truth))
    quiet = series("b", days=(20, *AFTER))
    assert list(weighed(few, tmp_path, [series("a"), quiet], "profile").reached[EQUAL]) == ["made_up a"]
    with pytest.raises(ValueError, match="no series has labelled anomalies"):
        weighed(few, tmp_path, [quiet], "profile")


def test_candidates_are_the_members_and_whoever_is_cheap_and_untaught(settings) -> None:
    members = {resolution: {"usad": 1.0} for resolution in Resolution}
    changed = settings.model_copy(update={"training": settings.training.model_copy(update={"members": members})})
    found = candidates(Resolution.LOW, (), changed)
    assert found == [name for name in DETECTORS if name not in ("lstm_ae", "encdec_ad", "cnn_gru", "supervised")]
    assert candidates(Resolution.LOW, ("level", "profile"), changed) == ["profile", "level"]
    for nobody in (("lstm",), ("random",)):
        with pytest.raises(ValueError, match="profile"):
            candidates(Resolution.LOW, nobody, changed)
