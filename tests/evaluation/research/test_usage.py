"""Protocol D: a threshold per usage type, best on the test span and named so, beside the published one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.evaluation.research import usage
from ecoai_pipeline.evaluation.research.usage import GRID, UsageThresholds, standardised

from .made import doubled, quick, two_shifts

TYPES = {"plant": UsageType.INDUSTRIAL, "office": UsageType.GENERAL, "office 2": UsageType.GENERAL}


def portfolio():
    """Three meters of two usage types; in the test span of each, which begins on day 33, a load that doubled."""
    loads = [replace(two_shifts(56, meter_id=name, seed=k), usage_type=usage) for k, (name, usage) in enumerate(TYPES.items())]
    return tuple(doubled(load, (48 * 96 + 40 + k, 48 * 96 + 60)) for k, load in enumerate(loads))


def test_each_usage_type_has_a_row_of_its_own_meters_and_a_load_that_doubled_is_found(settings):
    rows = {row["usage_type"]: row for row in UsageThresholds(portfolio(), "profile", settings).run()["rows"]}
    assert {usage: row["meters"] for usage, row in rows.items()} == {"industrial": 1, "general": 2}
    assert rows["industrial"]["anomalous_readings"] == 20
    assert rows["general"]["anomalous_readings"] == 19 + 18
    assert (rows["industrial"]["threshold_published"], rows["general"]["threshold_published"]) == (3.0, 3.1)
    assert all(row["f1_oracle"] > 0.95 for row in rows.values())
    assert all(row["f1_oracle"] >= row["f1_at_published"] for row in rows.values())


def test_another_usage_type_is_other_work(settings):
    one, *others = portfolio()
    other = replace(one, load=replace(one.load, usage_type=UsageType.GENERAL))
    keys = {UsageThresholds((first, *others), "profile", settings).key for first in (one, other)}
    assert len(keys) == 2


def test_only_the_test_span_is_judged(settings):
    rows = UsageThresholds(portfolio(), "profile", settings).run()["rows"]
    assert [row["test_readings"] for row in rows] == [56 * 96 - int(0.6 * 56 * 96), 2 * (56 * 96 - int(0.6 * 56 * 96))]


def test_a_score_that_is_no_z_is_put_into_spreads_of_its_training_span():
    scores = np.concatenate([np.random.default_rng(0).normal(50, 4, 10_000), [90.0, np.nan]])
    z = standardised(scores, 10_000)
    assert z[10_000] == pytest.approx(10, abs=0.3)
    assert np.isnan(z[-1])
    assert np.nanmedian(z[:10_000]) == pytest.approx(0, abs=1e-9)


def test_the_profiles_score_is_a_z_and_stays_as_it_is(settings, monkeypatch):
    as_it_is = UsageThresholds(portfolio(), "profile", settings).run()["rows"]
    monkeypatch.setattr(usage, "Z_SCORES", ())
    changed = UsageThresholds(portfolio(), "profile", settings).run()["rows"]
    assert [row["f1_at_published"] for row in as_it_is] != [row["f1_at_published"] for row in changed]


def test_of_a_detector_with_thresholds_of_its_own_z_is_judged_and_its_learned_threshold_stands_beside_the_others(settings):
    own = settings.detectors.usage_z.model_copy(update={"thresholds": "published"})
    published = settings.model_copy(update={"detectors": settings.detectors.model_copy(update={"usage_z": own})})
    rows, same = (UsageThresholds(portfolio(), "usage_z", each).run()["rows"] for each in (settings, published))
    assert [row["usage_type"] for row in rows] == ["industrial", "general"]
    for row, other in zip(rows, same, strict=True):
        assert row["threshold_oracle"] > 4, "in spreads, not in thresholds"
        assert row["f1_oracle"] > 0.95
        assert 1 < row["threshold_learned"] < row["threshold_oracle"]
        assert row["f1_at_published"] <= row["f1_at_learned"] <= row["f1_oracle"]
        assert row == pytest.approx(other), "Z is the same whatever its score is divided by"
    (profile, *_) = UsageThresholds(portfolio(), "profile", settings).run()["rows"]
    assert (profile["threshold_learned"], profile["f1_at_learned"]) == (None, None)


def test_any_detector_takes_part_and_a_model_of_windows_is_absent(settings):
    found = UsageThresholds(portfolio(), "usad", quick(settings)).run()
    assert [row["usage_type"] for row in found["rows"]] == ["industrial", "general"]
    assert all(curve["grid"] == list(GRID) and len(curve["f1"]) == len(GRID) for curve in found["curves"])
    assert UsageThresholds(portfolio(), "pca", settings).run() == {"rows": [], "curves": []}
