"""Scores of a case: nights know nothing of the days after them, nobody sees a label, and work is done once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from ecoai_pipeline import detectors
from ecoai_pipeline.domain import EVIDENCE, Resolution, UsageType
from ecoai_pipeline.evaluation.folds import Protocol, folds
from ecoai_pipeline.evaluation.references import REFERENCES
from ecoai_pipeline.evaluation.scoring import Scoring, digest, names, score_fold

from .conftest import two_shifts, with_outages


class Looking:
    """Notes what it is given; its score of a reading is the last energy that it can see."""

    name: ClassVar[str] = "looking"
    supervised: ClassVar[bool] = False

    def fit(self, portfolio, plan, *, labels=None):
        self.fitted, self.plan, self.labels = list(portfolio), plan, labels
        return self

    def score(self, portfolio):
        return [np.full(len(load), load.kwh[-1], dtype=np.float32) for load in portfolio]


def scoring(case, detector, settings, tmp_path, protocol=Protocol.FIXED, others=()):
    return Scoring(case, detector, protocol, settings, tmp_path, others)


def test_a_night_is_scored_from_what_had_come_by_its_end(case, settings) -> None:
    (fold,) = folds(case.load, Protocol.FIXED, settings)
    scored = score_fold(Looking(), case.load, fold, look_back_days=31)
    kwh, start = case.load.kwh.astype(np.float32), fold.test[0]
    assert set(scored.batch) == {kwh[-1]}
    days = scored.nightly.reshape(-1, 24)
    assert (days == days[:, :1]).all()
    np.testing.assert_array_equal(days[:, 0], kwh[start + 23 :: 24])


@pytest.mark.parametrize("detector", ["flat_run_plain", "kmeans_ad_plain", "profile", "usad"])
def test_later_readings_change_no_score_of_a_night_before(detector, case, quick, tmp_path) -> None:
    later = 2016 + 20 * 24
    other = replace(case, load=replace(case.load, kwh=np.where(np.arange(len(case.load)) < later, case.load.kwh, 55.0)))
    nights = []
    for number, one in enumerate((case, other)):
        unit = scoring(one, detector, quick, tmp_path / str(number))
        nights.append(unit.scored(unit.run())[0].nightly)
    np.testing.assert_array_equal(nights[0][: 20 * 24], nights[1][: 20 * 24])
    assert not np.array_equal(nights[0], nights[1])


def test_an_unsupervised_detector_is_given_the_training_span_and_no_label(case, settings, tmp_path, monkeypatch) -> None:
    spy = Looking()
    monkeypatch.setattr(detectors, "make", lambda *_: spy)
    scoring(case, "profile", settings, tmp_path).run()
    assert spy.labels is None
    assert [(len(load), load.meter_id) for load in spy.fitted] == [(1680, "a")]


def test_a_supervised_detector_learns_from_other_meters_alone(case, settings, tmp_path, monkeypatch) -> None:
    spy = Looking()
    spy.supervised = True  # type: ignore[misc]
    monkeypatch.setattr(detectors, "make", lambda *_: spy)
    other = with_outages(two_shifts("b", seed=1), (500,))
    unlabelled = replace(with_outages(two_shifts("c", seed=2), (500,)), labels=None)
    scoring(case, "profile", settings, tmp_path, others=(case, other, unlabelled)).run()
    assert [load.meter_id for load in spy.fitted] == ["b"]
    assert {meter: int(marks.sum()) for meter, marks in spy.labels.items()} == {"b": 6}
    assert "made_up a: no other meter" in scoring(case, "profile", settings, tmp_path, others=(case,)).run()["note"]


def test_scores_whose_file_is_gone_or_damaged_are_made_again(case, settings, tmp_path) -> None:
    unit = scoring(case, "change", settings, tmp_path)
    result = unit.run()
    (before,) = unit.scored(result)
    (file,) = tmp_path.glob("*.npz")
    for spoil in (file.unlink, lambda: file.write_bytes(b"PK cut off")):
        spoil()
        np.testing.assert_array_equal(unit.scored(result)[0].nightly, before.nightly)


def test_a_series_too_short_for_a_detector_is_noted_and_stops_nothing(settings, tmp_path) -> None:
    short = with_outages(two_shifts().part(0, 100), ())
    result = scoring(short, "sub_pca_plain", settings, tmp_path).run()
    assert result["folds"] == 0
    assert "100 readings" in result["note"] or "no room" in result["note"]


def test_the_key_follows_series_parameters_and_protocol_and_not_labels(case, settings, tmp_path) -> None:
    key = scoring(case, "sub_pca_plain", settings, tmp_path).key
    assert scoring(replace(case, labels=~case.labels), "sub_pca_plain", settings, tmp_path).key == key
    assert scoring(case, "kmeans_ad_plain", settings, tmp_path).key != key
    assert scoring(case, "sub_pca_plain", settings, tmp_path, Protocol.ROLLING).key != key
    for change in ({"kwh": case.load.kwh + 1}, {"usage_type": UsageType.GENERAL}):
        assert scoring(replace(case, load=replace(case.load, **change)), "sub_pca_plain", settings, tmp_path).key != key
    params = settings.evaluation.references.sub_pca_plain.model_copy(update={"size": 3})
    references = settings.evaluation.references.model_copy(update={"sub_pca_plain": params})
    other = settings.model_copy(update={"evaluation": settings.evaluation.model_copy(update={"references": references})})
    assert scoring(case, "sub_pca_plain", other, tmp_path).key != key
    assert scoring(case, "change", other, tmp_path).key == scoring(case, "change", settings, tmp_path).key
    assert digest(case.load) != digest(case.load, case.labels)


@pytest.mark.parametrize("file", ["detectors/windowed/training.py", "detectors/dtw/kernel.py", "detection/spans.py", "features/windows.py"])
def test_the_key_follows_the_code_that_scores_depend_on(case, settings, tmp_path, monkeypatch, file) -> None:
    from ecoai_pipeline.storage import fingerprint

    original = Path.read_bytes
    keys = []
    for more in (b"", b"# changed"):
        fingerprint.code_digest.cache_clear()
        monkeypatch.setattr(Path, "read_bytes", lambda self, more=more: original(self) + (more if self.as_posix().endswith(file) else b""))
        keys.append(scoring(case, "usad", settings, tmp_path).key)
    fingerprint.code_digest.cache_clear()
    assert keys[0] != keys[1]


def test_references_are_always_judged_and_ours_by_choice(settings) -> None:
    two = settings.training.model_copy(update={"members": {resolution: {"profile": 1.0, "usad": 1.0} for resolution in Resolution}})
    assert names(settings.model_copy(update={"training": two})) == [*REFERENCES, "profile", "usad", "segment"], (
        "without a choice what the pipeline runs"
    )
    own = two.model_copy(update={"members_of": {"metal": {"mid": {"usage_z": 1.0}}}})
    assert names(settings.model_copy(update={"training": own})) == [*REFERENCES, "profile", "usad", "usage_z", "segment"]
    assert names(settings, ["all"]) == [*REFERENCES, *EVIDENCE]
    assert names(settings, ["usad"]) == [*REFERENCES, "usad"]
    with pytest.raises(ValueError, match="no detector 'lstm'; known are profile"):
        names(settings, ["lstm"])
