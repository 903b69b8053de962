"""Sums over series: means with their interval, pooled alarms, wins against the best reference."""

from __future__ import annotations

import pytest

from ecoai_pipeline.domain import DETECTORS
from ecoai_pipeline.evaluation.benchmark import Benchmark, Plan, run, summaries
from ecoai_pipeline.evaluation.references import REFERENCES
from ecoai_pipeline.evaluation.scoring import names

from .conftest import two_shifts, with_outages

RANDOM_LEVEL = 0.3


def row(series: str, detector: str, vus_pr: float | None, **more):
    counts = {"anomalies": 2, "anomalies_found": 1, "events": 3, "right_events": 1, "false_alarms": 2, "meter_months": 4.0}
    return {
        "dataset": "d",
        "subset": "all",
        "series": series,
        "meter": series[0],
        "detector": detector,
        "vus_pr": vus_pr,
        "anomalous": 30,
        **counts,
        **more,
    }


def test_wins_are_counted_against_the_reference_with_the_best_mean(settings) -> None:
    rows = [row(series, "random", 0.1) for series in "abcd"] + [row(series, "slot_z", 0.5) for series in "abcd"]
    rows += [row("a", "usad", 0.7), row("b", "usad", 0.505), row("c", "usad", 0.2), row("d", "usad", 0.9, anomalous=19)]
    found = {one["detector"]: one for one in summaries(rows, settings.evaluation)}
    usad = found["usad"]
    assert usad["against"] == "slot_z"
    assert (usad["wins"], usad["ties"], usad["losses"]) == (1, 1, 1), "series d has too few anomalous readings to count"
    assert usad["vus_pr"] == pytest.approx((0.7 + 0.505 + 0.2 + 0.9) / 4)
    assert usad["vus_pr_low"] < usad["vus_pr"] < usad["vus_pr_high"]
    assert usad["difference"] == pytest.approx((0.2 + 0.005 - 0.3) / 3)


def test_f1_of_events_is_compared_with_the_same_reference_over_all_series(settings) -> None:
    rows = [row(series, "slot_z", 0.5, event_f1=0.2) for series in "abc"]
    rows += [row("a", "usad", 0.7, event_f1=0.4), row("b", "usad", 0.7, event_f1=0.5), row("c", "usad", 0.7, anomalous=5, event_f1=0.1)]
    usad = next(one for one in summaries(rows, settings.evaluation) if one["detector"] == "usad")
    assert usad["f1_difference"] == pytest.approx((0.2 + 0.3 - 0.1) / 3)
    assert usad["f1_difference_low"] < usad["f1_difference"] < usad["f1_difference_high"]


def test_false_alarms_are_pooled_over_series_and_a_series_without_figure_counts_nowhere(settings) -> None:
    rows = [row("a", "random", 0.1), row("b", "random", None, false_alarms=8, meter_months=1.0)]
    rows.append({"dataset": "d", "subset": "all", "series": "c", "meter": "c", "detector": "random", "note": "no score"})
    (one,) = summaries(rows, settings.evaluation)
    assert (one["series"], one["vus_pr"], one["vus_pr_low"]) == (3, 0.1, None)
    assert (one["false_alarms"], one["meter_months"], one["false_alarms_per_meter_month"]) == (10, 5.0, 2.0)
    assert one["false_alarms_low"] == pytest.approx(4.795 / 5, abs=1e-3)
    assert one["false_alarms_high"] == pytest.approx(18.39 / 5, abs=1e-3)


def test_seeds_of_one_meter_are_no_further_meters(settings) -> None:
    rows = [row(f"{meter} #{seed}", "random", value) for meter, value in (("a", 0.1), ("b", 0.5)) for seed in range(50)]
    (one,) = summaries(rows, settings.evaluation)
    assert (one["series"], one["vus_pr"]) == (2, pytest.approx(0.3))
    assert (one["vus_pr_low"], one["vus_pr_high"]) == (pytest.approx(0.1), pytest.approx(0.5))
    assert (one["false_alarms"], one["meter_months"]) == (4, 8)
    (alone,) = summaries(rows[:50], settings.evaluation)
    assert (alone["series"], alone["vus_pr_low"]) == (1, None), "what the seeds of one meter say of others is nothing"


def test_a_detector_gets_what_chance_gets_on_a_series_that_it_cannot_judge(settings) -> None:
    rows = [row("easy", "random", 0.1), row("hard", "random", 0.2), row("easy", "usad", 0.9)]
    rows.append({"dataset": "d", "subset": "all", "series": "hard", "meter": "hard", "detector": "usad", "note": "no score"})
    rows = [{**one, "meter": one["series"]} for one in rows]
    usad = next(one for one in summaries(rows, settings.evaluation) if one["detector"] == "usad")
    assert (usad["vus_pr"], usad["series"], usad["judged"]) == (pytest.approx((0.9 + 0.2) / 2), 2, 1)


def test_found_faults_by_kind_and_by_quarter_of_depth() -> None:
    faults = [{"kind": kind, "depth": depth, "found": depth > 1} for kind, depth in zip("aabb", (0.5, 1.5, 2.5, 3.5), strict=True)]
    book = Benchmark([], {("d", "s1", "usad"): {"faults": faults[:2]}, ("d", "s2", "usad"): {"faults": faults[2:]}})
    assert [(one["kind"], one["faults"], one["found"]) for one in book.by_kind()] == [("a", 2, 1), ("b", 2, 2)]
    assert [(one["quarter"], one["least_depth"], one["found"]) for one in book.by_depth()] == [
        (1, 0.5, 0),
        (2, 1.5, 1),
        (3, 2.5, 1),
        (4, 3.5, 1),
    ]


def test_all_detectors_on_two_series_end_to_end(case, quick, tmp_path) -> None:
    cases = [case, with_outages(two_shifts("b", seed=1), tuple(day * 24 + 8 for day in (95, 110, 120, 131)))]
    plan, told = Plan(names(quick)), list[str]()
    found = run(cases, plan, quick, tmp_path, told.append)
    assert len(told) == plan.pieces(cases, quick)
    members = [name for name in DETECTORS if name in quick.training.detectors]
    assert len(members) > 1
    detectors = [*REFERENCES, *members, "segment", "hybrid"]
    assert [(one["series"], one["detector"]) for one in found.rows] == [(series, name) for series in "ab" for name in detectors]
    means = {one["detector"]: one["vus_pr"] for one in found.summary(quick.evaluation)}
    assert means["random"] < RANDOM_LEVEL < min(means["slot_z"], means["kmeans_ad"], means["hybrid"])
    again = run(cases, Plan(names(quick, ["level"])), quick, tmp_path)
    assert [one for one in again.rows if one["detector"] == "level"] == [one for one in found.rows if one["detector"] == "level"]
    assert not any(one["detector"] == "hybrid" for one in again.rows), "the hybrid's row needs all that are fused"
