"""A knob moves one parameter and nothing else."""

from __future__ import annotations

import pytest

from ecoai_pipeline.evaluation.ablation import STANDARD, Knob, ablate

from .conftest import two_shifts, with_outages


def test_a_knob_reads_its_value_as_params_yaml_would() -> None:
    assert [Knob.parse(text).value for text in ("a.b=64", "a.b=0.5", "a.b=window", "a.b=false")] == [64, 0.5, "window", False]
    with pytest.raises(ValueError, match="write it like"):
        Knob.parse("detectors.usad.max_window")


def test_a_knob_turns_its_parameter_alone(settings) -> None:
    turned = Knob("detectors.usad.alpha", 0.9).turned(settings)
    assert turned.detectors.usad.alpha == 0.9
    back = Knob("detectors.usad.alpha", settings.detectors.usad.alpha).turned(turned)
    assert back == settings


@pytest.mark.parametrize(
    ("path", "value", "said"), [("detectors.usad.alfa", 1, "no parameter"), ("detectors.usad.alpha", 7, "less than or equal")]
)
def test_what_is_no_parameter_or_no_value_is_refused(settings, path, value, said) -> None:
    with pytest.raises(ValueError, match=said):
        Knob(path, value).turned(settings)


def test_a_detectors_knob_moves_that_detector_and_any_other_all(settings) -> None:
    assert Knob("evaluation.references.sub_pca_plain.size", 3).detectors(settings) == ["sub_pca_plain"]
    assert Knob("detectors.usad.alpha", 1).detectors(settings) == ["usad"]
    assert "kmeans_ad" in Knob("features.gap_cap_h", 0).detectors(settings)
    assert all(knob.now(settings) != knob.value for knob in STANDARD), "a knob that stands where it is moved to shows nothing"


def test_the_effect_is_paired_over_series(settings, tmp_path) -> None:
    cases = [with_outages(two_shifts(name, seed=seed), tuple(day * 24 + 8 for day in (90, 101, 115))) for seed, name in enumerate("ab")]
    knobs = [Knob("evaluation.references.kmeans_ad_plain.normalise", "window"), Knob("evaluation.references.kmeans_ad_plain.window", 20)]
    told, expected = list[str](), list[int]()
    rows = ablate(lambda _: cases, knobs, settings, tmp_path, started=expected.append, done=told.append)
    assert [len(told)] == expected
    assert [(row["knob"].rsplit(".", 1)[1], row["from"], row["to"], row["detector"], row["series"]) for row in rows] == [
        ("normalise", "meter", "window", "kmeans_ad_plain", 2),
        ("window", 20, 20, "kmeans_ad_plain", 2),
    ]
    assert rows[0]["vus_pr"] < -0.05, "a window brought to its own mean hides outages"
    assert rows[0]["vus_pr_low"] <= rows[0]["vus_pr"] <= rows[0]["vus_pr_high"]
    assert rows[1]["vus_pr"] == 0


def test_series_are_read_again_where_a_knob_changes_what_they_are(settings, tmp_path) -> None:
    asked: list[float] = []

    def read(changed):
        asked.append(changed.features.gap_cap_h)
        return [with_outages(two_shifts(gap=(40, 44)), (90 * 24,))]

    rows = ablate(read, [Knob("features.gap_cap_h", 0)], settings, tmp_path)
    assert asked == [settings.features.gap_cap_h, 0]
    assert {row["vus_pr"] for row in rows} == {0}, "no detector looks at a filled reading"
