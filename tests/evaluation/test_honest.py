"""The honest judgement of a case: thresholds of the calibration span, alarms of the nights, figures over what counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.detection.backtest import HYBRID
from ecoai_pipeline.detection.calibration import alarm_threshold
from ecoai_pipeline.domain import Resolution
from ecoai_pipeline.evaluation.cases import ALL, Case, with_faults
from ecoai_pipeline.evaluation.folds import Protocol, folds
from ecoai_pipeline.evaluation.honest import Judging, alarm_events, calibrated, deviation, tails
from ecoai_pipeline.evaluation.scoring import Scoring

from .conftest import two_shifts, with_outages

TEST = 2016


def judging(case, settings, tmp_path, detector="slot_z", members=None, protocol=Protocol.FIXED):
    units = [Scoring(case, name, protocol, settings, tmp_path) for name in members or [detector]]
    return Judging(case, detector, [(unit, unit.run()) for unit in units], settings)


def test_outages_that_stand_out_are_found_at_once_and_cost_no_false_alarm(case, settings, tmp_path) -> None:
    result = judging(case, settings, tmp_path).run()
    (row,) = result["rows"]
    assert (row["dataset"], row["series"], row["subset"], row["protocol"]) == ("made_up", "a", "all", "fixed")
    assert (row["readings"], row["anomalous"], row["anomalies"], row["anomalies_found"]) == (1344, 24, 4, 4)
    assert (row["event_recall"], row["delay_hours"], row["energy_found"]) == (1.0, 0.0, 1.0)
    assert row["auc_pr"] > 0.99
    assert row["meter_months"] == pytest.approx(1344 / 720)
    assert row["false_alarms_low"] <= row["false_alarms_per_meter_month"] <= row["false_alarms_high"]
    assert all(first >= TEST for first, _ in result["events"])
    assert row["vus_pr"] == row["vus_pr_nightly"], "slot_z looks at no later reading"


def test_alarms_are_those_of_the_nights_and_not_of_hindsight(case, settings, tmp_path) -> None:
    judged = judging(case, settings, tmp_path)
    evidence = judged._evidence()
    hindsight = replace(evidence, batch=np.zeros_like(evidence.batch))
    assert np.array_equal(*(np.stack(alarm_events(case, one, settings)) for one in (evidence, hindsight)))
    quiet = replace(evidence, p=np.ones_like(evidence.p))
    assert len(alarm_events(case, quiet, settings)[0]) == 0


def test_an_event_opens_below_the_budgets_threshold_and_lasts_while_it_is_warm(case, settings, tmp_path) -> None:
    evidence = judging(case, settings, tmp_path)._evidence()
    q = alarm_threshold(settings.detection.budget_per_meter_month, 3600)
    p = np.ones(len(evidence.p))
    p[100:104], p[101] = 5 * q, q / 2  # warm from 100 to 103, hot at 101
    p[200] = 5 * q  # warm, and never hot
    first, last = alarm_events(case, replace(evidence, p=p), settings)
    assert (first.tolist(), last.tolist()) == ([TEST + 100], [TEST + 103])


def test_the_threshold_does_not_move_with_the_test_span(settings, tmp_path) -> None:
    quiet, loud = with_outages(two_shifts(), (30 * 24 + 8,)), with_outages(two_shifts(), (30 * 24 + 8, 100 * 24 + 8, 110 * 24 + 8))
    laws = [judging(case, settings, tmp_path / str(number))._evidence().law for number, case in enumerate((quiet, loud))]
    assert laws[0] == laws[1]


def test_a_subset_leaves_its_readings_out_of_figures_and_alarms_over_them_are_no_mistake(case, settings, tmp_path) -> None:
    without = np.ones(len(case.load), dtype=bool)
    without[92 * 24 + 8 : 92 * 24 + 14] = False  # the first outage of the test
    rows = judging(replace(case, subsets={ALL: case.load.observed, "some": without}), settings, tmp_path).run()["rows"]
    whole, some = rows
    assert (whole["anomalies"], some["anomalies"]) == (4, 3)
    assert (whole["readings"] - some["readings"], whole["anomalous"] - some["anomalous"]) == (6, 6)
    assert (whole["right_events"] - some["right_events"], whole["false_alarms"] - some["false_alarms"]) == (1, 0)


def test_ours_together_are_fused_and_calibrated_as_the_pipeline_does(case, quick, tmp_path) -> None:
    members = {key: {"profile": 1.0, "usad": 1.0} for key in Resolution}
    both = quick.model_copy(update={"training": quick.training.model_copy(update={"members": members})})
    (row,) = judging(case, both, tmp_path, HYBRID, members=["profile", "usad"]).run()["rows"]
    assert row["detector"] == HYBRID
    assert row["event_recall"] == 1.0
    assert row["fit_seconds"] > 0


def test_members_weigh_what_the_parameters_say(case, quick, tmp_path) -> None:
    members = {key: {"profile": 1.0, "usad": 0.0} for key in Resolution}
    both = quick.model_copy(update={"training": quick.training.model_copy(update={"members": members})})
    fused = judging(case, both, tmp_path, HYBRID, members=["profile", "usad"])._evidence()
    alone = judging(case, both, tmp_path, "profile")._evidence()
    np.testing.assert_array_equal(fused.p, alone.p)


def test_several_detectors_are_ranked_by_their_evidence_and_p_together(case, quick, tmp_path) -> None:
    members = {key: {"profile": 1.0, "level": 0.0} for key in Resolution}
    both = quick.model_copy(update={"training": quick.training.model_copy(update={"members": members})})
    judged = judging(case, both, tmp_path, HYBRID, members=["profile", "level"])
    (fold,) = folds(case.load, Protocol.FIXED, both)
    alone = {"profile": judged.members[0][0].scored(judged.members[0][1])[0]}
    evidence = -np.log(tails(case, fold, alone, "nightly", calibrated(case, alone, both))["profile"])[-1344:]
    found = judged._evidence()
    np.testing.assert_allclose(found.nightly, evidence + np.log1p(-np.log(found.p)))


def test_a_stuck_hourly_counter_is_not_outvoted(settings, tmp_path) -> None:
    """Thirty equal readings from the morning on; only `flat_run` sees all of them."""
    load = two_shifts()
    stuck = np.zeros(len(load), dtype=bool)
    for start in (100 * 24 + 9, 120 * 24 + 10):
        load.kwh[start : start + 30] = load.kwh[start]
        stuck[start : start + 30] = True
    case = Case("made_up", load, stuck, {ALL: load.observed})
    ours = settings.training.members[Resolution.LOW]
    reached = []
    for members in (ours, {name: weight for name, weight in ours.items() if name != "flat_run"}):
        training = settings.training.model_copy(update={"members": {**settings.training.members, Resolution.LOW: members}})
        some = settings.model_copy(update={"training": training})
        (row,) = judging(case, some, tmp_path, HYBRID, members=list(members)).run()["rows"]
        reached.append(row["vus_pr"])
    assert reached[0] > 0.4
    assert reached[1] < 0.2


def test_rolling_models_are_put_behind_each_other_by_probability(case, settings, tmp_path) -> None:
    judged = judging(case, settings, tmp_path, protocol=Protocol.ROLLING)
    evidence = judged._evidence()
    assert evidence.start == TEST
    assert len(evidence.nightly) == 1344
    np.testing.assert_array_equal(evidence.nightly, -np.log(evidence.p))
    # An outage of April lies in the span that May is calibrated on, as it would in use.
    assert judged.run()["rows"][0]["event_recall"] >= 0.75


def test_a_series_without_a_score_to_calibrate_on_has_no_figures_and_says_why(case, settings, tmp_path, monkeypatch) -> None:
    judged = judging(case, settings, tmp_path)
    (scored,) = judged.members[0][0].scored(judged.members[0][1])
    blind = replace(scored, calibration=np.full_like(scored.calibration, np.nan))
    monkeypatch.setattr(Scoring, "scored", lambda *_: [blind])
    result = judged.run()
    assert "no score in the calibration span" in result["rows"][0]["note"]
    assert "vus_pr" not in result["rows"][0]
    assert result["events"] == []


def test_equal_scores_under_another_name_are_another_judgement(case, settings, tmp_path) -> None:
    one = judging(case, settings, tmp_path)
    renamed = Judging(replace(case, dataset="other"), "slot_z", one.members, settings)
    assert one.key != renamed.key


def test_injected_faults_are_their_own_truth(settings, tmp_path) -> None:
    plain = replace(with_outages(two_shifts(), ()), labels=None)
    case = with_faults(plain, 3)
    assert case.name == "a #3"
    assert case.labels.sum() == sum(fault.stop - fault.start for fault in case.faults)
    changed = deviation(case, (0, 1680))
    assert (changed[~case.labels] == 0).all()
    assert (case.load.kwh - case.clean_kwh).sum() == pytest.approx(sum(fault.kwh for fault in case.faults))
    found = judging(case, settings, tmp_path).run()["faults"]
    assert [fault["kind"] for fault in found] == [fault.kind for fault in case.faults if fault.start >= TEST]
    again = with_faults(plain, 3)
    np.testing.assert_array_equal(case.load.kwh, again.load.kwh)
    assert not np.array_equal(case.load.kwh, with_faults(plain, 4).load.kwh)
    assert np.array_equal(plain.load.kwh, two_shifts().kwh)


def test_the_usual_load_of_a_slot_stands_for_what_labelled_readings_should_have_been(case) -> None:
    missing = deviation(case, (0, 1680))
    assert missing[92 * 24 + 8] == pytest.approx(99, rel=0.1)
    assert missing[TEST + 30 : TEST + 34].max() < 15
