"""Protocol B: what differencing does to a spectrum, what DTW forgives, and the forest's quota."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.periods import Periods, periodogram, signals
from ecoai_pipeline.evaluation.research.reconstruction import QUOTA, Reconstruction, band_steps, day_windows, dtw_distances

from .made import doubled, two_shifts


def test_the_peaks_of_a_sum_of_waves_are_its_waves_the_strongest_first():
    time = np.arange(96 * 28)
    share, top = periodogram(3 * np.sin(2 * np.pi * time / 96) + np.sin(2 * np.pi * time / 672) + 2 * np.sin(2 * np.pi * time / 24))
    assert (len(time) / top[:3]).tolist() == [96, 24, 672]
    assert share.sum() == pytest.approx(1)
    assert share[top[0]] == pytest.approx(9 / 14, abs=1e-6)


def test_differencing_promotes_harmonics_over_the_day(settings):
    """The day is the highest peak of a load of two shifts; of its first difference it is little, behind harmonics."""
    rows = Periods(Case("made", two_shifts(56), None), settings).run()["rows"]
    peaks = {
        signal: {row["samples"]: row["power_share"] for row in rows if (row["signal"], row["method"]) == (signal, "periodogram")}
        for signal in ("raw", "diff")
    }
    assert [len(found) for found in peaks.values()] == [5, 5]
    assert next(iter(peaks["raw"])) == 96
    assert next(iter(peaks["diff"])) < 10
    assert peaks["diff"].get(96, 0) < peaks["raw"][96] / 5


def test_the_periods_that_features_confirm_stand_beside_the_peaks(settings):
    rows = Periods(Case("made", two_shifts(56), None), settings).run()["rows"]
    for signal in ("raw", "diff"):
        confirmed = {row["samples"] for row in rows if (row["signal"], row["method"]) == (signal, "confirmed")}
        assert {96} <= confirmed <= {96, 672}


def test_gaps_are_closed_by_straight_lines_and_the_ends_cut():
    load = two_shifts(2)
    kwh = load.kwh.copy()
    kwh[:3], kwh[10:13], kwh[-2:] = np.nan, np.nan, np.nan
    raw = signals(replace(load, kwh=kwh))["raw"]
    assert len(raw) == 192 - 5
    assert raw[7:10] == pytest.approx(np.linspace(kwh[9], kwh[13], 5)[1:4])


def test_no_window_lies_over_the_seam_and_the_scale_is_that_of_training():
    load = doubled(two_shifts(50), (49 * 96 + 40, 49 * 96 + 50)).load
    windows, trained = day_windows(load)
    seam = int(0.6 * len(load))
    assert windows.rows[trained][-1, -1] == seam - 1
    assert windows.rows[~trained][0, 0] == seam
    assert windows.values[trained].max() == 1.0
    assert windows.values.max() > 1.5


def test_a_shift_of_the_schedule_within_the_band_is_forgiven_and_beyond_it_is_not():
    """Square days that start 1, 2 and 8 quarter hours late; the band is 2 steps. Without a band all would be 0."""
    day = np.zeros(96)
    day[24:80] = 1.0
    late = np.stack([np.roll(day, steps) for steps in (1, 2, 8)])
    distances = dtw_distances(np.stack([day] * 3), late, band_steps(900))
    assert distances[:2] == pytest.approx([0, 0])
    assert distances[2] == pytest.approx(np.sqrt(2 * 6))  # 6 steps at either end that the band does not reach
    assert dtw_distances(day[None], late[2:], 96) == pytest.approx([0])


def test_the_forest_flags_its_quota_of_training_and_a_load_that_doubled(settings):
    case = doubled(two_shifts(100), *((day * 96 + 40, day * 96 + 60) for day in (70, 80, 90)), times=8)
    found = Reconstruction(case, "pca", settings).run()
    (row,) = found["rows"]
    assert row["auc_dtw"] > 0.95
    assert row["recall_quota"] > 0.9
    assert row["train_windows"] + row["test_windows"] == 4 * 99 + 1 - 3
    assert QUOTA / 2 < row["flagged_by_quota"] < 2 * QUOTA + 0.1


def test_the_week_that_is_drawn_holds_a_labelled_reading_and_a_flagged_window(settings):
    case = doubled(two_shifts(100), (80 * 96 + 40, 80 * 96 + 60), times=8)
    (curve,) = Reconstruction(case, "pca", settings).run()["curves"]
    week = curve["week"]
    assert len(week["timestamp"]) == len(week["load"]) == len(week["expected"]) == 672
    assert sum(week["labelled"]) == 20
    inside = np.zeros(672, dtype=bool)
    for start, stop in week["flagged"]:
        assert 0 <= start < stop <= 672
        inside[start:stop] = True
    assert inside[np.array(week["labelled"])].all()
    assert sum(curve["distribution"]["normal"]) + sum(curve["distribution"]["anomalous"]) == curve["test_windows"]


@pytest.mark.parametrize("detector", ["knn", "profile"])
def test_who_reconstructs_nothing_is_absent(detector, settings):
    assert Reconstruction(doubled(two_shifts(100), (8000, 8010)), detector, settings).run() == {"rows": [], "curves": []}


def test_without_labels_there_are_verdicts_and_no_figures(settings):
    (row,) = Reconstruction(Case("made", two_shifts(60), None), "pca", settings).run()["rows"]
    assert row["auc_dtw"] is None
    assert row["flagged_by_quota"] > 0


def test_a_series_whose_last_part_is_a_gap_has_no_verdicts(settings):
    load = doubled(two_shifts(100), (8000, 8010)).load
    kwh = np.where(np.arange(len(load)) < 6000, load.kwh, np.nan)
    case = Case("made", replace(load, kwh=kwh, observed=np.isfinite(kwh)), np.zeros(len(load), dtype=bool))
    assert Reconstruction(case, "pca", settings).run()["rows"] == []


def test_a_curve_by_the_minute_has_no_day_windows(settings):
    minutes = Case("made", two_shifts(4, 60), None)
    assert Reconstruction(minutes, "pca", settings).run()["rows"] == []
