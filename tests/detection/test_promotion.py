"""Champion and challengers: judged on the same faults, refused when surely worse, and never changing a month that was scored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType

import numpy as np
import pytest

from ecoai_pipeline.detection import promotion
from ecoai_pipeline.detection.scoring import CHAMPION, NoModelError, materialize_scores
from ecoai_pipeline.detection.training import train
from ecoai_pipeline.domain import FEATURES, SCORES, Industry, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.bundles import FUSED, Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRecord, ModelRegistry, Standing

WINTER, MARCH = MonthRange.parse("2022-01..2022-02"), Month(2022, 3)
LONG_AFTER, METAL_MID = datetime(2025, 1, 1, tzinfo=UTC), (Industry.METAL, Resolution.MID)
IN_MARCH = datetime(2022, 3, 10, tzinfo=UTC)


def having(settings: Settings, **members: float) -> Settings:
    """Parameters by which models have these members."""
    weights = dict.fromkeys(Resolution, members)
    return settings.model_copy(
        update={
            "training": settings.training.model_copy(
                update={"members": weights, "guideline": dict.fromkeys(Resolution, next(iter(members)))}
            )
        }
    )


@pytest.fixture
def trained(lake: Lake, settings: Settings, portfolio: ModuleType) -> Callable[..., ModelRecord]:
    """Train on the winter with some members, at a time."""
    portfolio.register(lake, ["a", "b", "c"])
    for month in (Month(2022, 1), Month(2022, 2), MARCH):
        portfolio.write_features(lake, month, {meter: portfolio.noisy_load(number) for number, meter in enumerate("abc")})

    def make(at: datetime = LONG_AFTER, **members: float) -> ModelRecord:
        outcome = train(lake, having(settings, **members), *METAL_MID, WINTER, at=at)
        assert outcome.record is not None
        return outcome.record

    return make


def standings(lake: Lake) -> list[str]:
    return [record.standing.value for record in ModelRegistry(lake).models(*METAL_MID)]


def scored_by(lake: Lake) -> str:
    (version,) = lake.read(SCORES, Partition(Industry.METAL, MARCH))["model_version"].unique().to_list()
    assert lake.info(SCORES, Partition(Industry.METAL, MARCH)).facts["models"] == {"mid": version}
    return str(version)


def test_the_first_model_is_champion_and_the_next_one_is_judged(
    lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]
) -> None:
    first = trained(level=1)
    assert (first.standing, first.reason) == (Standing.CHAMPION, "the first model of its time")
    second = trained(kmeans_ad=1)
    assert second.standing is Standing.CHALLENGER
    third = trained(sub_pca=1)
    assert [one.version for one in promotion.decide(lake, settings, *METAL_MID, LONG_AFTER)] == [second.version, third.version]
    assert promotion.decide(lake, settings, *METAL_MID, LONG_AFTER) == [], "nothing waits any more"


def test_a_worse_challenger_is_refused_with_its_figures_and_a_better_one_is_champion(
    lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]
) -> None:
    """`value_change` alone sees hardly any of the simulator's faults; clusters of windows see three times as many."""
    trained(kmeans_ad=1)
    trained(value_change=1)
    (refused,) = promotion.decide(lake, settings, *METAL_MID, LONG_AFTER)
    assert refused.standing is Standing.REFUSED
    assert refused.verdict["high"] < 0
    assert refused.verdict["faults"] >= settings.training.backtest.faults
    assert "worse: average precision" in refused.reason
    assert standings(lake) == ["champion", "refused"]
    assert trained(value_change=1).standing is Standing.REFUSED, "equal inputs are not judged twice"


def test_a_better_challenger_takes_the_champions_place(lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]) -> None:
    trained(value_change=1)
    better = trained(kmeans_ad=1)
    (entry,) = promotion.decide(lake, settings, *METAL_MID, LONG_AFTER)
    assert (entry.version, entry.standing, entry.verdict["low"] > 0) == (better.version, Standing.CHAMPION, True)
    champion = ModelRegistry(lake).champion(*METAL_MID, MARCH)
    assert champion is not None
    assert champion.record.version == better.version


def test_a_model_against_itself_is_not_worse(lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]) -> None:
    record = trained(kmeans_ad=1)
    found = promotion.compare(lake, settings, record, record)
    assert (found.difference, found.low, found.high, found.worse) == (0, 0, 0, False)


def test_the_interval_of_a_difference_is_that_of_the_trials() -> None:
    """Of twenty pairs: about twice the standard error of their mean to each side."""
    apart = np.random.default_rng(1).normal(-0.1, 0.05, 20)
    found = promotion.verdict([1] * 20, list(0.5 + apart), [0.5] * 20)
    assert found.difference == pytest.approx(apart.mean())
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(3.92 * apart.std() / 20**0.5, rel=0.1)
    assert found.worse
    assert not promotion.verdict([1, 1], [0.1, None], [0.9, 0.9]).worse, "one pair proves nothing"


def test_a_promotion_leaves_a_month_that_was_scored_as_it_is(lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]) -> None:
    march = Partition(Industry.METAL, MARCH)
    old = trained(value_change=1)
    materialize_scores(lake, settings, march)
    new = trained(kmeans_ad=1)
    promotion.decide(lake, settings, *METAL_MID, LONG_AFTER)

    assert materialize_scores(lake, settings, march).skipped
    assert scored_by(lake) == old.version
    materialize_scores(lake, settings, march, CHAMPION)
    assert scored_by(lake) == new.version
    assert materialize_scores(lake, settings, march).skipped


def test_a_month_under_way_is_scored_by_the_new_champion(lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]) -> None:
    march = Partition(Industry.METAL, MARCH)
    trained(at=datetime(2022, 3, 1, tzinfo=UTC), value_change=1)
    materialize_scores(lake, settings, march)
    new = trained(at=IN_MARCH, kmeans_ad=1)
    promotion.decide(lake, settings, *METAL_MID, IN_MARCH)
    materialize_scores(lake, settings, march)
    assert scored_by(lake) == new.version


def test_a_model_that_was_asked_for_stays_whatever_comes(lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]) -> None:
    march = Partition(Industry.METAL, MARCH)
    old = trained(at=datetime(2022, 3, 1, tzinfo=UTC), value_change=1)
    trained(at=IN_MARCH, kmeans_ad=1)
    promotion.decide(lake, settings, *METAL_MID, IN_MARCH)
    materialize_scores(lake, settings, march, old.version)
    assert scored_by(lake) == old.version
    assert materialize_scores(lake, settings, march).skipped, "the champion was promoted in March, but a person asked for the other one"
    with pytest.raises(ValueError, match="no models are called 'x'"):
        materialize_scores(lake, settings, march, "x")


def test_a_model_that_was_asked_for_stays_when_another_resolution_is_asked_for_one(
    lake: Lake, settings: Settings, portfolio: ModuleType
) -> None:
    """Meters `a` read every quarter of an hour, meter `h` every hour; each resolution has an old model and a new champion."""
    portfolio.register(lake, ["a", "b", "h"])
    for month in (Month(2022, 1), Month(2022, 2), MARCH):
        intervals = {"a": 900, "b": 900, "h": 3600}
        frames = [portfolio.features_of(name, portfolio.starts(month, s), portfolio.noisy_load(s), s) for name, s in intervals.items()]
        lake.write(FEATURES, Partition(Industry.METAL, month), frames, fingerprint=str(month))
    old = {}
    for resolution in (Resolution.LOW, Resolution.MID):
        record = train(
            lake, having(settings, value_change=1), Industry.METAL, resolution, WINTER, at=datetime(2022, 3, 1, tzinfo=UTC)
        ).record
        assert record is not None
        old[resolution.value] = record.version
        train(lake, having(settings, kmeans_ad=1), Industry.METAL, resolution, WINTER, at=IN_MARCH)
        promotion.decide(lake, settings, Industry.METAL, resolution, IN_MARCH)

    march = Partition(Industry.METAL, MARCH)
    for version in old.values():
        materialize_scores(lake, settings, march, version)
    assert lake.info(SCORES, march).facts["models"] == old
    assert materialize_scores(lake, settings, march).skipped


def test_strict_mode_keeps_no_model_that_saw_the_month(lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]) -> None:
    """February stands scored by a model of the winter; strict mode takes the one of January that came later, or none."""
    february, strict = Partition(Industry.METAL, Month(2022, 2)), settings.strictly()
    winter = trained(kmeans_ad=1)
    materialize_scores(lake, settings, february)
    with pytest.raises(NoModelError, match="no model trained before its start, as strict mode asks"):
        materialize_scores(lake, strict, february)
    january = train(lake, having(settings, kmeans_ad=1), *METAL_MID, MonthRange.parse("2022-01"), at=LONG_AFTER).record
    assert january is not None
    assert materialize_scores(lake, settings, february).skipped
    assert materialize_scores(lake, strict, february).info.facts["models"] == {"mid": january.version}
    with pytest.raises(NoModelError, match=f"{winter.version} was trained on data until 2022-03, which strict mode refuses"):
        materialize_scores(lake, strict, february, winter.version)


def test_going_back_makes_the_former_champion_score_new_months_and_leaves_old_ones(
    lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]
) -> None:
    march = Partition(Industry.METAL, MARCH)
    old = trained(value_change=1)
    new = trained(kmeans_ad=1)
    promotion.decide(lake, settings, *METAL_MID, LONG_AFTER)
    materialize_scores(lake, settings, march)
    withdrawn, now = promotion.roll_back(lake, *METAL_MID, "too many alarms", LONG_AFTER)

    assert (withdrawn.version, withdrawn.standing, now.version) == (new.version, Standing.WITHDRAWN, old.version)
    assert materialize_scores(lake, settings, march).skipped
    assert scored_by(lake) == new.version
    materialize_scores(lake, settings, march, CHAMPION)
    assert scored_by(lake) == old.version
    with pytest.raises(ValueError, match="metal mid has no former champion to go back to"):
        promotion.roll_back(lake, *METAL_MID, "again", LONG_AFTER)
    assert promotion.promote(lake, *METAL_MID, new.version, "it was the data", LONG_AFTER).reason == "by hand: it was the data"
    with pytest.raises(ValueError, match="is champion of its time already"):
        promotion.promote(lake, *METAL_MID, new.version, "again", LONG_AFTER)
    with pytest.raises(ValueError, match=f"{old.version} is a model of metal mid, not of food mid"):
        promotion.promote(lake, Industry.FOOD, Resolution.MID, old.version, "by mistake", LONG_AFTER)


def test_a_champion_that_cannot_be_opened_is_in_nobodys_way(lake: Lake, settings: Settings, trained: Callable[..., ModelRecord]) -> None:
    """Training again is what the refusal of a damaged bundle asks for."""
    first = trained(kmeans_ad=1)
    (Bundles(lake).folder(*METAL_MID, FUSED, first.version) / "config.json").unlink()
    trained(value_change=1)
    (entry,) = promotion.decide(lake, settings, *METAL_MID, LONG_AFTER)
    assert entry.standing is Standing.CHAMPION
    assert "cannot be used" in entry.reason
    assert "config.json is missing" in entry.reason
