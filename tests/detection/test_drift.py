"""Drift: how far the last weeks lie from what a model was trained on, when that is drift, and when a new model is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecoai_pipeline.detection.drift import Distribution, Reference, learn, materialize_drift, reference_of, retraining_wanted
from ecoai_pipeline.detection.habit import Habits
from ecoai_pipeline.detection.model import forget
from ecoai_pipeline.detection.promotion import promote
from ecoai_pipeline.detection.scoring import materialize_scores
from ecoai_pipeline.detection.training import train
from ecoai_pipeline.domain import DRIFT, Industry, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.settings import DriftParams, HabitParams, Settings
from ecoai_pipeline.storage.bundles import FUSED, Bundles
from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRegistry

WINTER, MARCH, APRIL = MonthRange.parse("2022-01..2022-02"), Month(2022, 3), Month(2022, 4)
METAL_MID = (Industry.METAL, Resolution.MID)
HOUR = np.timedelta64(3600, "s")
PARAMS = DriftParams(days=28, least=0.25, own=1.5)


def hourly(days: int, load: Callable[[Any], Any]) -> tuple[Any, Any]:
    """(timestamps, kWh) of so many days from 2022 on."""
    hours = np.arange(24 * days)
    return np.datetime64("2022-01-01", "us") + hours * HOUR, load(hours).astype(float)


def shuffled(hours: Any) -> Any:
    """Probabilities of normal operation: all shares from 0 to 1, in no order."""
    return np.random.default_rng(0).permutation((np.arange(len(hours)) + 0.5) / len(hours))


def test_a_distance_is_in_parts_of_the_usual_range_and_has_no_unit() -> None:
    """A uniform load from 0 to 100: from 5 to 95 % it is 90 wide."""
    usual = np.linspace(0, 100, 5000)
    reference = Distribution.of(usual)

    assert reference.distance(usual) < 0.002
    assert reference.distance(usual + 22.5) == pytest.approx(0.25, abs=0.002)
    assert Distribution.of(1000 * usual).distance(1000 * (usual + 22.5)) == pytest.approx(reference.distance(usual + 22.5))
    assert reference.distance(np.full(10, 50.0)) == pytest.approx(25 / 90, abs=0.002)


def test_what_never_changed_is_measured_by_its_size() -> None:
    assert Distribution.of(np.full(100, 40.0)).distance(np.full(100, 50.0)) == pytest.approx(0.25)
    assert Distribution.of(np.zeros(100)).distance(np.ones(100)) == 1


def test_what_the_training_span_itself_saw_is_no_drift() -> None:
    """Of three months one is twice as high: as far as it lies from all three, and half as far again, is usual here."""
    quiet = {"a": hourly(84, lambda hour: 50 + 40 * np.sin(hour / 4))}
    moving = {"a": hourly(84, lambda hour: (50 + 40 * np.sin(hour / 4)) * np.where(hour < 28 * 24, 2, 1))}
    p = {"a": hourly(28, shuffled)}

    assert learn(quiet, p, PARAMS).limits == {"load": 0.25, "score": 0.25}
    reference = learn(moving, p, PARAMS)
    assert reference.limits["load"] == pytest.approx(1.5 * reference.loads["a"].distance(moving["a"][1][: 28 * 24]))
    assert reference.limits["load"] > 0.3


def test_a_reference_comes_back_as_it_was_and_without_a_meter(tmp_path: Path) -> None:
    p = {"a": hourly(28, shuffled)}
    reference = learn({name: hourly(56, lambda hour: hour % 24) for name in "ab"}, p, PARAMS)
    reference.save(tmp_path / "reference.parquet")
    again = Reference.load(tmp_path / "reference.parquet")

    assert (again.limits, list(again.loads), again.loads["b"].n) == (reference.limits, ["a", "b"], 56 * 24)
    assert np.array_equal(again.scores.quantiles, reference.scores.quantiles)
    assert list(again.without("a").loads) == ["b"]
    assert again.without("c") is again


@pytest.fixture
def judged(lake: Lake, settings: Settings, portfolio: ModuleType) -> Callable[..., pl.DataFrame]:
    """Train on the winter, then score and judge March, in which all meters but `c` use `times` as much from a day on."""
    portfolio.register(lake, ["a", "b", "c"])
    quiet = {meter: portfolio.noisy_load(number) for number, meter in enumerate("abc")}
    for month in WINTER:
        portfolio.write_features(lake, month, quiet)
    train(lake, settings, *METAL_MID, WINTER, at=datetime(2022, 3, 1, tzinfo=UTC))

    def judge(times: float, since: datetime = datetime(2022, 1, 1, tzinfo=UTC), month: Month = MARCH) -> pl.DataFrame:
        def changed(usual: Any) -> Any:
            return lambda t: usual(t) * np.where(t >= since.timestamp(), times, 1.0)

        portfolio.write_features(lake, month, {**{meter: changed(quiet[meter]) for meter in "ab"}, "c": quiet["c"]})
        part = Partition(Industry.METAL, month)
        materialize_scores(lake, settings, part)
        materialize_drift(lake, settings, part)
        return lake.read(DRIFT, part)

    return judge


def told(rows: pl.DataFrame, what: str, meter: str = "*") -> tuple[bool, bool]:
    ((drifted, sustained),) = rows.filter(meter_id=meter, what=what).select("drifted", "sustained").rows()
    return drifted, sustained


def test_an_equal_load_is_no_drift(judged: Callable[..., pl.DataFrame]) -> None:
    rows = judged(1.0)
    assert rows.select("meter_id", "what").rows() == [("*", "load"), ("*", "score"), ("a", "load"), ("b", "load"), ("c", "load")]
    assert not rows["drifted"].any()
    assert rows["distance"].max() < 0.15
    assert rows["readings"].to_list()[0] == 3 * 28 * 96


def test_a_load_that_is_another_one_is_drift_of_its_meters_and_of_most_of_them(judged: Callable[..., pl.DataFrame], lake: Lake) -> None:
    rows = judged(2.0)
    assert (told(rows, "load", "a"), told(rows, "load", "b"), told(rows, "load", "c")) == ((True, True), (True, True), (False, False))
    assert told(rows, "load") == (True, True)
    facts = lake.info(DRIFT, Partition(Industry.METAL, MARCH)).facts
    assert list(facts["drifted"]) >= ["mid load"]


def test_half_of_the_days_is_drift_that_is_not_sustained(judged: Callable[..., pl.DataFrame]) -> None:
    """The 28 days of March end with it; twice the load in the last twelve of them."""
    assert told(judged(3.0, datetime(2022, 3, 20, tzinfo=UTC)), "load", "a") == (True, False)


def test_a_new_model_is_asked_for_once_there_are_months_that_the_champion_has_not_seen(
    judged: Callable[..., pl.DataFrame], lake: Lake, settings: Settings
) -> None:
    judged(2.0)
    assert retraining_wanted(lake, Industry.METAL, MARCH) == [], "March is not complete, and all before it has been seen"
    (wanted,) = retraining_wanted(lake, Industry.METAL, APRIL)
    assert (wanted.resolution, wanted.months) == (Resolution.MID, MonthRange(WINTER.first, MARCH))
    assert retraining_wanted(lake, Industry.FOOD, APRIL) == []

    record = train(lake, settings, *METAL_MID, wanted.months, at=datetime(2022, 4, 1, tzinfo=UTC)).record
    assert record is not None
    assert len(retraining_wanted(lake, Industry.METAL, APRIL)) == 1, "the challenger is not in use: the same question, which is asked once"
    promote(lake, *METAL_MID, record.version, "it has seen March", datetime(2022, 4, 1, tzinfo=UTC))
    assert retraining_wanted(lake, Industry.METAL, APRIL) == []


def test_an_equal_load_asks_for_nothing(judged: Callable[..., pl.DataFrame], lake: Lake) -> None:
    judged(1.0)
    assert retraining_wanted(lake, Industry.METAL, APRIL) == []


@pytest.fixture
def aged(judged: Callable[..., pl.DataFrame], lake: Lake) -> Path:
    """The folder of a fused bundle as it was sealed before models had a reference, and their cards told of seeds."""
    bundles, (champion,) = Bundles(lake), ModelRegistry(lake).models(*METAL_MID)
    folder = bundles.open(*METAL_MID, FUSED, champion.version)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("reference.parquet", "manifest.json")}
    metrics = json.loads(files["metrics.json"])
    files["metrics.json"] = json.dumps({name: value for name, value in metrics.items() if name not in ("drift", "seed", "q")}).encode()

    def fill(fresh: Path) -> None:
        for name, data in files.items():
            (fresh / name).write_bytes(data)

    bundles.reseal(folder, fill)
    return folder


@pytest.mark.usefixtures("aged")
def test_a_model_from_before_there_were_references_has_no_drift_and_stops_no_night(judged: Callable[..., pl.DataFrame], lake: Lake) -> None:
    assert judged(2.0).height == 0
    assert retraining_wanted(lake, Industry.METAL, APRIL) == []


def test_a_meter_can_be_forgotten_by_a_model_from_before_there_were_references(aged: Path, lake: Lake) -> None:
    name = Name("b")
    assert forget(Bundles(lake), aged, "b", name.out_of_document)
    assert Habits.load(aged / "calibration.parquet", HabitParams()).laws.keys() == {"*", "a", "c"}
    assert not forget(Bundles(lake), aged, "b", name.out_of_document), "a second time there is nothing to forget"


def test_a_forgotten_meter_leaves_the_reference_to_the_others(judged: Callable[..., pl.DataFrame], lake: Lake) -> None:
    bundles, (champion,) = Bundles(lake), ModelRegistry(lake).models(*METAL_MID)
    folder = bundles.open(*METAL_MID, FUSED, champion.version)
    before = reference_of(folder)
    assert forget(bundles, folder, "b", Name("b").out_of_document)
    after = reference_of(bundles.open(*METAL_MID, FUSED, champion.version))
    assert before is not None
    assert after is not None
    assert (list(after.loads), after.limits) == (["a", "c"], before.limits)
