"""The posters' figures: PNGs with a glyph for every letter in both languages, the same bytes for the same findings."""

from __future__ import annotations

import re
import struct
import warnings

import numpy as np
import pytest

from ecoai_pipeline.evaluation.research.curves import histogram, roc
from ecoai_pipeline.evaluation.research.protocols import Findings
from ecoai_pipeline.reporting import figures, research
from ecoai_pipeline.reporting.research import figures as drawn
from ecoai_pipeline.reporting.research_lines import lines_of
from ecoai_pipeline.reporting.words import _WORDS, Words

DETECTORS = ("random", "pca", "profile", "lstm_ae")


def shuffled(dataset, series, resolution, seed=None):
    rng = np.random.default_rng(len(series))
    labels = rng.random(2000) < 0.1
    for number, detector in enumerate(DETECTORS):
        scores = np.exp(rng.standard_normal(2000) + number * labels)
        curve = roc(scores, labels)
        chosen = curve.youden()
        yield {
            "protocol": "A",
            "table": "shuffled_windows",
            "dataset": dataset,
            "series": series,
            "fault_seed": seed,
            "run": 0,
            "resolution": resolution,
            "detector": detector,
            "aggregation": "max",
            "recall_oracle_shuffled": chosen.recall,
            "f1_oracle_shuffled": chosen.f1,
            "auc_shuffled": curve.auc,
            "roc": curve.points(),
            "histogram": histogram(scores, labels, chosen.threshold),
            "confusion": chosen.counts,
        }


def periods(signal):
    hours = np.geomspace(0.5, 4000, 300)
    peaks = [24.0, 168.0, 6.0, 8.0, 4.8]
    told = {"protocol": "B", "table": "periods", "dataset": "steel", "series": "plant", "signal": signal, "interval_s": 900}
    power = np.exp(-(np.log(hours / 24) ** 2))
    return told | {"period_h": hours.tolist(), "power_share": power.tolist(), "peak_h": peaks, "peak_share": [0.9, 0.5, 0.4, 0.35, 0.3]}


def verdicts():
    told = {"protocol": "B", "table": "dtw_verdicts", "dataset": "steel", "series": "plant", "detector": "pca", "band_min": 30.0}
    times = np.datetime_as_string(np.datetime64("2022-01-03T00:00:00") + np.arange(672) * np.timedelta64(900, "s"), unit="s").tolist()
    load = (0.5 + 0.4 * np.sin(np.arange(672) / 96 * 2 * np.pi)).tolist()
    week = {"timestamp": times, "load": load, "expected": [None, *load[1:]], "labelled": [100 < k < 120 for k in range(672)]}
    bins = {"edges": np.linspace(-2, 5, 11).tolist(), "normal": list(range(10)), "anomalous": list(range(10))}
    return told | {"distribution": bins, "week": week | {"flagged": [[90, 186], [114, 210], [600, 672]]}}


def epsilons():
    for k, epsilon in enumerate((0.0, 0.01, 0.05, 0.1, 0.25, 0.5)):
        edges = np.geomspace(1e-4, 1, 11).tolist()
        bins = {"edges": edges, "normal": [5] * 10, "anomalous": [1] * 10, "adversarial": [10 * (k > 0)] * 10}
        f1 = {"f1_oracle_shuffled": 0.6 + 0.07 * k, "f1_of_alarm_always": 0.5, "threshold_oracle": 0.01}
        told = {"protocol": "C", "table": "epsilon_curve", "dataset": "steel", "series": "plant", "detector": "pca", "epsilon": epsilon}
        yield told | f1 | {"errors": bins}


def effect():
    for use, measure in (("threshold", "f1_frozen"), ("classifier", "auc_pr"), ("pairs", "auc_pr")):
        for augmentation in ("adversarial", "noise"):
            for epsilon in (0.01, 0.05, 0.1, 0.25, 0.5):
                told = {"protocol": "C", "table": "augmentation_effect", "dataset": "simulated chemical", "detector": "pca", "pairs": 20}
                yield told | {
                    "use": use,
                    "measure": measure,
                    "augmentation": augmentation,
                    "epsilon": epsilon,
                    "difference": 0.1 - epsilon,
                    "low": -epsilon,
                    "high": 0.2 - epsilon,
                }


def usage(detector="profile", learned=None):
    for kind, best, published in (("industrial", 4.0, 3.0), ("general", 3.0, 3.1), ("midnight", 2.0, 2.3), ("agricultural", 1.8, 1.7)):
        grid = np.arange(0.5, 8, 0.1)
        told = {"protocol": "D", "table": "usage_thresholds", "dataset": "simulated metal", "detector": detector, "usage_type": kind}
        yield told | {
            "grid": grid.tolist(),
            "f1": np.exp(-((grid - best) ** 2)).tolist(),
            "f1_oracle": 1.0,
            "auc_roc": 0.9,
            "threshold_oracle": best,
            "threshold_published": published,
            "threshold_learned": learned,
            "f1_at_learned": learned and 0.4,
        }


@pytest.fixture(scope="module")
def findings():
    of_windows = [
        *shuffled("kpi", "a07ac296-de40-3a7c-8df3-91f642cc14d0", "high"),
        *shuffled("steel", "plant", "mid", 0),
        *shuffled("steel", "plant", "mid", 1),
        *shuffled("lead", "117", "low"),
    ]
    others = [periods("raw"), periods("diff"), verdicts(), *epsilons(), *usage(), *usage("usage_z", 5.0)]
    return Findings([*of_windows, *others, *effect()], [*of_windows, *others])


NAMES = {
    "A-roc-kpi-a07ac296",
    "A-scores-kpi-a07ac296",
    "A-roc-steel-plant",
    "A-scores-steel-plant",
    "A-roc-lead-117",
    "A-scores-lead-117",
    "A-by-resolution",
    "B-periods-steel-plant",
    "B-dtw-steel-plant-pca",
    "B-week-steel-plant-pca",
    "C-errors-steel-plant-pca",
    "C-epsilon-pca",
    "C-effect-simulated-chemical-pca",
    "D-thresholds-profile",
    "D-thresholds-usage_z",
}


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_figure_of_the_posters_is_drawn_with_a_glyph_for_every_letter(findings, lang):
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        pictures = dict(drawn(findings, lang))
    assert [str(w.message) for w in raised] == []
    assert set(pictures) == NAMES
    for png in pictures.values():
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", png[16:24])
        assert 400 <= width <= 1200
        assert 200 <= height <= 700
        assert len(png) < 120_000


def test_equal_findings_give_equal_bytes_and_the_languages_differ(findings):
    some = Findings(findings.rows, [row for row in findings.curves if row["table"] != "shuffled_windows"])
    once, again, korean = (dict(drawn(some, lang)) for lang in ("en", "en", "ko"))
    assert once == again
    assert all(once[name] != korean[name] for name in once)


def test_a_threshold_learned_without_labels_is_drawn_and_told_where_there_is_one(findings):
    assert research.usage_figure(list(usage())) != research.usage_figure(list(usage(learned=5.0)))
    rows = [*usage(), *usage("usage_z", 5.0)]
    told = [(line["detector"], line["what"], line["f1"]) for line in lines_of(Findings(rows)) if line["series"] == "industrial"]
    assert told == [
        ("profile", "Z ≥ 4.0", 1.0),
        ("usage_z", "Z ≥ 4.0", 1.0),
        ("usage_z", "Z ≥ 5.00, learned without labels", 0.4),
    ]


def test_without_a_korean_font_the_letters_would_be_missing(findings, monkeypatch):
    """So the test above can fail."""
    monkeypatch.setattr(figures, "_fonts", lambda: ["DejaVu Sans"])
    with pytest.warns(UserWarning, match="Glyph"):
        research.usage_figure(list(usage()), "ko")


def test_without_findings_there_is_no_figure():
    assert list(drawn(Findings([], []))) == []


def test_every_word_is_there_in_both_languages():
    # An abbreviation may be the same; a word of English letters in lower case has a Korean one.
    for name, (english, korean) in _WORDS.items():
        assert english
        assert re.search("[가-힣]", korean) or korean == english == "AUC-PR", name
    assert Words("ko")("load") == "부하"
    assert Words("ko").dataset("simulated metal") == "모의 금속"
    assert Words("ko").dataset("a file of mine") == "a file of mine"
