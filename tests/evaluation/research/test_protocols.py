"""Which protocol works on which data, and that its work is done once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.domain import DETECTORS, Industry, Month, MonthRange, UsageType
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.effect import AugmentationEffect
from ecoai_pipeline.evaluation.research.participants import NAMES, standard
from ecoai_pipeline.evaluation.research.protocols import PROTOCOLS, Material, pieces, put_together
from ecoai_pipeline.evaluation.research.simulated import simulated
from ecoai_pipeline.evaluation.work import run_all

from .made import doubled, two_shifts

QUICK = ("random", "pca", "profile")


def material():
    quarter = doubled(two_shifts(100), (90 * 96, 90 * 96 + 8))
    hourly = Case("hours", two_shifts(100, 3600), None)
    metal = replace(two_shifts(200), usage_type=UsageType.INDUSTRIAL)
    return Material((quarter, hourly), (), (Case("metal", metal, None),))


def kinds(units):
    return Counter(type(unit).__name__ for unit in units)


def test_a_labelled_series_is_taken_as_it_is_and_another_gets_faults_of_each_seed(settings):
    units = pieces(material(), ["A"], ["pca"], settings)
    assert [unit.case.seed for unit in units] == [None, 0, 1, 2, 3, 4]
    assert all(unit.case.labels is not None for unit in units)


def test_what_depends_on_a_seed_is_trained_with_three_and_with_another_for_each_seed_of_faults(settings):
    units = pieces(material(), ["A"], ["usad", "profile"], settings)
    runs = {name: [(unit.case.seed, unit.run_number) for unit in units if unit.detector == name] for name in ("usad", "profile")}
    faults = [(seed, seed) for seed in range(5)]
    assert runs == {"usad": [(None, 0), (None, 1), (None, 2), *faults], "profile": [(None, 0), *faults]}
    assert len({unit.key for unit in units}) == len(units)


def test_what_stands_empty_around_a_series_is_no_part_of_it(settings):
    """The grid of meters of one file ends with the last of them: a month without readings would else be the whole test span."""
    load = two_shifts(100)
    there = (np.arange(len(load)) >= 10) & (np.arange(len(load)) < 6000)
    material = Material((Case("made", replace(load, observed=there), there & False),))
    loads = [unit.case.load for unit in pieces(material, ["A", "B", "C"], ["pca"], settings)]
    assert {len(load) for load in loads} == {5990}
    assert {load.timestamps[0] for load in loads} == {two_shifts(1).timestamps[10]}


def test_each_protocol_has_its_work(settings):
    counts = {protocol: kinds(pieces(material(), [protocol], ["pca"], settings)) for protocol in PROTOCOLS}
    assert counts == {
        "A": {"ShuffledWindows": 6},
        "B": {"Periods": 2, "Reconstruction": 2},
        "C": {"EpsilonCurve": 1, "AugmentationEffect": 1 + 20},  # no curve by the hour; one labelled series, twenty seeds
        "D": {"UsageThresholds": 1},
    }


def test_recurrent_networks_get_fewer_pairs_of_faults_and_all_labelled_series(settings):
    seeds = [unit.case.seed for unit in pieces(material(), ["C"], ["lstm_ae"], settings) if isinstance(unit, AugmentationEffect)]
    assert seeds == [None, *range(8)]


def test_simulated_plants_stand_in_where_there_is_no_other_series(settings):
    chemical = Material((), (Case("simulated chemical", two_shifts(100), None),))
    assert kinds(pieces(chemical, ["A", "D"], ["pca"], settings)) == {"ShuffledWindows": 5}
    both = Material(material().cases, chemical.chemical)
    assert {unit.case.dataset for unit in pieces(both, ["A", "B"], ["pca"], settings)} == {"made", "hours"}
    assert {unit.case.dataset for unit in pieces(both, ["C"], ["pca"], settings)} == {"made", "hours", "simulated chemical"}


def test_what_is_unknown_is_named_with_what_is_known(settings):
    with pytest.raises(ValueError, match="no protocol 'E' of the research; known are A, B, C, D"):
        pieces(material(), ["E"], NAMES, settings)
    with pytest.raises(ValueError, match="no detector 'lstm' of the research; known are random, difference, pca, knn, profile, usad"):
        pieces(material(), ["A"], ["lstm"], settings)


def test_where_nobody_is_named_recurrent_networks_stay_away(settings):
    members = [name for name in DETECTORS if name in settings.training.detectors]
    assert standard(settings) == ("random", "difference", "pca", "knn", "usad", *members, "hybrid")


def test_results_are_json_the_same_twice_and_kept(settings, tmp_path):
    units = pieces(material(), ["A", "B"], QUICK, settings)
    assert len({unit.key for unit in units}) == len(units)
    first = run_all(units, tmp_path / "one")
    again = run_all(units, tmp_path / "two")
    assert json.dumps(first) == json.dumps(again)
    for unit in units:
        object.__setattr__(unit, "case", None)  # work that is done again would fail; its key is asked before
    assert len(list((tmp_path / "one").iterdir())) == len(units)


def test_findings_hold_every_table_and_pairs_become_their_mean(settings, tmp_path):
    findings = put_together(run_all(pieces(material(), PROTOCOLS, ["pca", "profile"], settings), tmp_path))
    shuffled, others = ["shuffled_windows", "shuffled_depth"], ["periods", "dtw_verdicts", "epsilon_curve", "usage_thresholds"]
    assert findings.tables == [*shuffled, *others, "augmentation_effect"]
    quarters = [row for row in findings.table("shuffled_depth") if (row["detector"], row["fault_seed"]) == ("profile", 0)]
    assert [row["quartile"] for row in quarters] == [1, 2, 3, 4]
    assert [row["most_depth"] for row in quarters[:3]] == [row["least_depth"] for row in quarters[1:]]
    assert quarters[3]["auc_shuffled"] > quarters[0]["auc_shuffled"], "what is deeper is easier to find"
    assert {row["protocol"] for row in findings.rows} == set(PROTOCOLS)
    effect = findings.table("augmentation_effect")
    assert {row["dataset"] for row in effect} == {"made", "hours"}
    assert len(effect) == 2 * 5 * 2 * 3
    assert [curve["epsilon"] for curve in findings.drawn("epsilon_curve")] == [0.0, 0.01, 0.05, 0.1, 0.25, 0.5]


def test_a_simulated_portfolio_has_no_faults_and_knows_its_usage_types(settings):
    made = simulated(Industry.METAL, settings, meters=6, months=MonthRange(Month(2021, 1), Month(2021, 1)))
    assert {case.dataset for case in made} == {"simulated metal"}
    assert [case.labels for case in made] == [None] * 6
    assert {case.load.usage_type for case in made} == set(UsageType)
    assert {case.load.interval_s for case in made} == {900}
