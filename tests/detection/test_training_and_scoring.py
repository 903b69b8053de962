"""A model is trained once per data, parameters and code, and a month is scored by the champion as of that month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from ecoai_pipeline.detection.model import load_model
from ecoai_pipeline.detection.promotion import promote
from ecoai_pipeline.detection.scoring import NoModelError, materialize_scores
from ecoai_pipeline.detection.spans import cut, within
from ecoai_pipeline.detection.training import TrainingOutcome, resolutions_present, train
from ecoai_pipeline.detectors.contract import Expectation
from ecoai_pipeline.domain import DETECTORS, FEATURES, SCORES, Industry, Month, MonthRange, Partition, Resolution, UsageType
from ecoai_pipeline.features.load import load_series
from ecoai_pipeline.settings import Settings, StorageParams
from ecoai_pipeline.storage.bundles import FUSED, BundleError, Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRegistry

from .conftest import Distance

pytestmark = pytest.mark.usefixtures("plain_detectors")


class _Clairvoyant(Distance):
    def expect(self, portfolio):
        return [Expectation(series.kwh, series.kwh - 1, series.kwh + 1) for series in portfolio]


class _Blind(Distance):
    def score(self, portfolio):
        return [np.where(series.observed, np.arange(len(series)) % 7, np.nan).astype(np.float32) for series in portfolio]


JANUARY, FEBRUARY, MARCH = Month(2022, 1), Month(2022, 2), Month(2022, 3)
WINTER = MonthRange(JANUARY, FEBRUARY)


def metal(month: Month) -> Partition:
    return Partition(Industry.METAL, month)


@pytest.fixture
def filled(lake: Lake, portfolio: ModuleType) -> Lake:
    """Three months of three quiet meters; `c` reads 100 kWh on the morning of 10 March."""
    portfolio.register(lake, ["a", "b", "c"])
    loads = {meter: portfolio.noisy_load(number) for number, meter in enumerate("abc")}
    strange = datetime(2022, 3, 10, 6, tzinfo=UTC).timestamp()
    quiet = loads["c"]
    loads["c"] = lambda t: np.where((t >= strange) & (t < strange + 7200), 100.0, quiet(t))
    for month in (JANUARY, FEBRUARY, MARCH):
        portfolio.write_features(lake, month, loads)
    return lake


def train_metal(lake: Lake, settings: Settings, months: MonthRange = WINTER) -> TrainingOutcome:
    return train(lake, settings, Industry.METAL, Resolution.MID, months)


def test_training_writes_complete_bundles_and_promotes_them(filled: Lake, settings: Settings) -> None:
    outcome = train_metal(filled, settings)
    assert outcome.trained
    assert outcome.record is not None
    assert (outcome.record.trained_from, outcome.record.trained_until, outcome.record.meters) == ("2022-01", "2022-03", 3)
    bundles = Bundles(filled)
    champion = ModelRegistry(filled).champion(Industry.METAL, Resolution.MID, MARCH)
    assert champion is not None
    assert champion.record == outcome.record
    common = {"config.json", "calibration.parquet", "metrics.json", "MODEL_CARD.md", "manifest.json"}
    fused = bundles.open(Industry.METAL, Resolution.MID, FUSED, outcome.record.version)
    assert {file.name for file in fused.iterdir()} == common | {"reference.parquet"}
    for name, version in outcome.record.members.items():
        folder = bundles.open(Industry.METAL, Resolution.MID, name, version)
        assert {file.name for file in folder.iterdir()} == common | {"weights.safetensors"}


def test_equal_inputs_are_not_trained_again_and_give_the_equal_version_elsewhere(filled: Lake, settings: Settings) -> None:
    first, again = train_metal(filled, settings), train_metal(filled, settings)
    assert (again.trained, again.record, again.reason) == (False, first.record, "trained on the same data already")
    assert len(ModelRegistry(filled).entries()) == 1
    (filled.root / "ledgers" / "models" / "000001.json").unlink()
    afresh = train_metal(filled, settings)
    assert afresh.trained
    assert afresh.record is not None
    assert first.record is not None
    assert afresh.record.version == first.record.version


def test_other_parameters_are_trained(filled: Lake, settings: Settings) -> None:
    train_metal(filled, settings)
    for training in ({"calibration_share": 0.4}, {"guideline": dict.fromkeys(Resolution, "lstm_ae")}):
        other = settings.model_copy(update={"training": settings.training.model_copy(update=training)})
        assert train_metal(filled, other).trained
    habit = settings.detection.habit.model_copy(update={"days": 14})
    assert train_metal(filled, settings.model_copy(update={"detection": settings.detection.model_copy(update={"habit": habit})})).trained


def test_the_law_of_a_meter_is_of_its_calibration_span_alone(filled: Lake, settings: Settings) -> None:
    """18 of 59 days calibrate, with a month before them to look back into; each has six blocks of four hours."""
    record = train_metal(filled, settings).record
    assert record is not None
    habits = load_model(Bundles(filled), record).habits
    assert {meter: law.n for meter, law in habits.laws.items()} == {"*": 3 * 18 * 6, "a": 18 * 6, "b": 18 * 6, "c": 18 * 6}


def test_an_industry_may_have_members_of_its_own(filled: Lake) -> None:
    own = Settings(training={"members_of": {"metal": {"mid": {"usage_z": 1}}, "food": {"mid": {"usad": 1}}}})
    record = train_metal(filled, own).record
    assert record is not None
    assert list(record.members) == ["usage_z"]
    assert own.training.members_in(Industry.METAL, Resolution.LOW) == own.training.members[Resolution.LOW]
    others = Settings(training={"members_of": {"metal": {"mid": {"usage_z": 1}}}})
    assert not train_metal(filled, others).trained, "what another industry has is no reason to train"
    for wrong, said in (({}, "name at least one of"), ({"oracle": 1}, "name at least one of"), ({"usad": 0}, "a weight is 0 or more")):
        with pytest.raises(ValueError, match=f"metal low: {said}"):
            Settings(training={"members_of": {"metal": {"low": wrong}}})


def test_another_usage_type_is_trained_and_scored_and_another_meter_or_a_later_change_is_not(
    filled: Lake, settings: Settings, portfolio: ModuleType
) -> None:
    train_metal(filled, settings)
    materialize_scores(filled, settings, metal(MARCH))
    portfolio.register(filled, ["without features"])
    portfolio.register(filled, ["a"], usage=UsageType.GENERAL, since=date(2022, 4, 1))
    assert not train_metal(filled, settings).trained
    assert materialize_scores(filled, settings, metal(MARCH)).skipped
    portfolio.register(filled, ["a"], usage=UsageType.GENERAL, since=date(2022, 3, 1))
    assert not train_metal(filled, settings).trained
    assert not materialize_scores(filled, settings, metal(MARCH)).skipped
    portfolio.register(filled, ["a"], usage=UsageType.GENERAL, since=date(2022, 2, 1))
    assert train_metal(filled, settings).trained


def test_training_gap_and_calibration_follow_each_other(filled: Lake) -> None:
    series = load_series(filled, Industry.METAL, WINTER)
    spans = cut(series, calibration_share=0.3, gap_intervals=672)
    days = np.timedelta64(1, "D")
    assert (spans.last - spans.calibration, spans.calibration - spans.train_end) == (18 * days, 7 * days)
    assert spans.first == series[0].timestamps[0]
    parts = [within(series[0], spans.first, spans.train_end), within(series[0], spans.calibration, spans.last)]
    assert [len(part) for part in parts] == [(59 - 18 - 7) * 96, 18 * 96]


def test_a_resolution_without_meters_is_said_and_is_no_error(filled: Lake, settings: Settings) -> None:
    outcome = train(filled, settings, Industry.METAL, Resolution.HIGH, WINTER)
    assert (outcome.record, outcome.trained) == (None, False)
    assert "no meter of this resolution has features" in outcome.reason
    assert resolutions_present(filled, Industry.METAL, WINTER) == [Resolution.MID]


def test_meters_that_cannot_be_learned_from_are_named(filled: Lake, settings: Settings, portfolio: ModuleType) -> None:
    quiet = portfolio.noisy_load(1)
    late = datetime(2022, 2, 20, tzinfo=UTC).timestamp()
    loads = {"a": quiet, "late": lambda t: np.where(t < late, np.nan, quiet(t))}
    for month in WINTER:
        portfolio.write_features(filled, month, loads)
    outcome = train_metal(filled, settings)
    assert outcome.left_out == {"late": "0.0 observed days to learn from, 7 are needed"}
    assert "late (0.0 observed days" in _card(filled, outcome)


def _card(lake: Lake, outcome: TrainingOutcome) -> str:
    assert outcome.record is not None
    return (Bundles(lake).open(Industry.METAL, Resolution.MID, FUSED, outcome.record.version) / "MODEL_CARD.md").read_text()


def test_too_little_data_is_said_and_is_no_error(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    portfolio.write_features(lake, JANUARY, {"m": lambda t: np.where(t % 86_400 < 3600, 1.0, np.nan)})
    outcome = train_metal(lake, settings)
    assert outcome.record is None
    assert "none of 1 meters has 7 observed days" in outcome.reason


def unlearnable(portfolio: ModuleType, *names: str) -> Callable[[str, Settings], Any]:
    """Makes detectors, of which those of these names find nothing to learn."""

    class Unlearnable(portfolio.Distance):  # type: ignore[misc, name-defined]
        def fit(self, *_: Any, **__: Any) -> Any:
            raise ValueError("none of 3 meters has enough")

    return lambda name, _: Unlearnable() if name in names else portfolio.Distance()


def test_a_detector_that_cannot_be_learned_is_left_out_and_named(
    filled: Lake, settings: Settings, portfolio: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecoai_pipeline.detectors.make", unlearnable(portfolio, "sub_pca", "usad"))
    outcome = train_metal(filled, settings)
    assert outcome.metrics["not_learned"] == {"sub_pca": "none of 3 meters has enough", "usad": "none of 3 meters has enough"}
    assert outcome.metrics["backtest"]["chosen"] == "hybrid"
    assert set(outcome.metrics["weights"]) == set(settings.training.members[Resolution.MID]) - {"sub_pca"}
    assert "could not be learned: sub_pca (none of 3 meters has enough)" in _card(filled, outcome)
    assert materialize_scores(filled, settings, metal(MARCH)).info.rows == 3 * 31 * 96


def test_where_no_member_can_be_learned_the_guideline_stands(
    filled: Lake, settings: Settings, portfolio: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecoai_pipeline.detectors.make", unlearnable(portfolio, *settings.training.members[Resolution.MID]))
    outcome = train_metal(filled, settings)
    assert outcome.metrics["backtest"]["reason"] == "nothing else could be learned"
    assert outcome.metrics["weights"] == {"usad": 1.0}


def test_where_no_detector_can_be_learned_that_is_said_and_is_no_error(
    filled: Lake, settings: Settings, portfolio: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecoai_pipeline.detectors.make", unlearnable(portfolio, *DETECTORS))
    outcome = train_metal(filled, settings)
    assert outcome.record is None
    assert "none of 3 meters has enough" in outcome.reason


def test_meters_that_fell_silent_before_the_calibration_span_are_no_error(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    silent, quiet = datetime(2022, 2, 1, tzinfo=UTC).timestamp(), portfolio.noisy_load(1)
    for month in WINTER:
        portfolio.write_features(lake, month, {"m": lambda t: np.where(t < silent, quiet(t), np.nan)})
    outcome = train_metal(lake, settings)
    assert outcome.record is None
    assert "no score in the calibration span of 1 meters" in outcome.reason


def test_a_month_is_scored_row_by_row(filled: Lake, settings: Settings) -> None:
    train_metal(filled, settings)
    written = materialize_scores(filled, settings, metal(MARCH))
    scores = filled.read(SCORES, metal(MARCH))
    assert (written.info.rows, written.info.meters) == (3 * 31 * 96, 3)
    assert scores["p"].null_count() == 0
    assert scores["q"].unique().to_list() == pytest.approx([1 / 2880])
    assert scores["expected_kwh"].mean() == pytest.approx(10, abs=0.05)
    hot = scores.filter(pl.col("kwh") == 100)
    assert hot.height == 8
    assert (hot["p"] < 1e-6).all()
    assert 0 <= scores.filter(pl.col("kwh") != 100, pl.col("p") < pl.col("q")).height <= 12


def with_members(settings: Settings, members: dict[str, float], share: float = 0.2) -> Settings:
    training = settings.training.model_copy(update={"members": dict.fromkeys(Resolution, members), "expected_load": "profile"})
    fusion = settings.detection.fusion.model_copy(update={"costly_share": share})
    return settings.model_copy(update={"training": training, "detection": settings.detection.model_copy(update={"fusion": fusion})})


def test_a_costly_member_looks_at_strange_days_and_says_there_what_it_says_of_all(filled: Lake, settings: Settings) -> None:
    tables = []
    for share in (0.2, 1):
        chosen = with_members(settings, {"profile": 1.0, "usad": 1.0}, share)
        trained = train_metal(filled, chosen)
        assert trained.record is not None
        materialize_scores(filled, chosen, metal(MARCH), trained.record.version)
        tables.append(filled.read(SCORES, metal(MARCH)).with_columns(day=pl.col("timestamp").dt.date()))
    some, every = tables
    assert every["s_usad"].null_count() == 0
    looked = some.group_by("meter_id", "day").agg(share=pl.col("s_usad").is_not_null().mean())
    assert set(looked["share"]) == {0.0, 1.0}, "whole days"
    assert 0.05 < (looked["share"] == 1).mean() < 0.4
    assert looked.filter(meter_id="c", day=date(2022, 3, 10))["share"].item() == 1
    seen = some["s_usad"].is_not_null()
    assert some.filter(seen)["s_usad"].equals(every.filter(seen)["s_usad"])
    assert some["p_profile"].equals(every["p_profile"])


def test_who_says_what_was_expected_need_not_be_a_member_and_has_no_share(filled: Lake, settings: Settings, monkeypatch) -> None:
    """Of two detectors the second expects what was read; the first alone is a member."""
    made = {"profile": Distance, "usad": _Clairvoyant}
    monkeypatch.setattr("ecoai_pipeline.detectors.make", lambda name, _: made[name]())
    monkeypatch.setattr("ecoai_pipeline.detectors.load", lambda name, folder: made[name].load(folder))
    outcome = train_metal(filled, with_members(settings, {"profile": 1.0, "usad": 0.0}))
    assert outcome.record is not None
    assert set(outcome.record.members) == {"profile", "usad"}
    assert outcome.metrics["expectation"]["from"] == "usad"
    materialize_scores(filled, settings, metal(MARCH))
    scores = filled.read(SCORES, metal(MARCH))
    assert scores["expected_kwh"].equals(scores["kwh"].cast(scores.schema["expected_kwh"]))
    assert (scores["p_usad"].null_count(), scores["s_usad"].null_count()) == (scores.height, 0)
    assert "Expected load: usad" in _card(filled, outcome)


def test_the_guideline_is_trained_and_kept_where_it_finds_more(filled: Lake, settings: Settings, monkeypatch) -> None:
    made = {"profile": _Blind, "usad": Distance}
    monkeypatch.setattr("ecoai_pipeline.detectors.make", lambda name, _: made[name]())
    monkeypatch.setattr("ecoai_pipeline.detectors.load", lambda name, folder: made[name].load(folder))
    outcome = train_metal(filled, with_members(settings, {"profile": 1.0}))
    assert outcome.record is not None
    assert (outcome.metrics["backtest"]["chosen"], outcome.metrics["weights"]["usad"]) == ("guideline", 1.0)
    assert "Chosen: guideline; it found significantly more of" in _card(filled, outcome)
    materialize_scores(filled, settings, metal(MARCH))
    assert filled.read(SCORES, metal(MARCH))["p_usad"].null_count() == 0, "alone it looks at every day"


def test_events_have_an_expected_load_whoever_the_members_are(filled: Lake, settings: Settings) -> None:
    outcome = train_metal(filled, with_members(settings, {"kmeans_ad": 1.0}))
    assert outcome.metrics["expectation"]["from"] in {"kmeans_ad", "usad", "profile"}
    assert "profile" in outcome.metrics["expectation"]["missed"]
    with pytest.raises(ValueError, match="expected_load: name at least one of"):
        Settings(training={"expected_load": "oracle"})


def test_the_same_month_again_is_not_scored_again(filled: Lake, settings: Settings) -> None:
    train_metal(filled, settings)
    first = materialize_scores(filled, settings, metal(MARCH))
    again = materialize_scores(filled, settings, metal(MARCH))
    assert (first.changed, again.changed, again.skipped) == (True, False, True)


def test_chunks_of_meters_give_the_same_rows_as_one_chunk(filled: Lake, settings: Settings) -> None:
    train_metal(filled, settings)
    materialize_scores(filled, settings, metal(MARCH))
    whole = filled.read(SCORES, metal(MARCH))
    chunked = Lake(filled.root, StorageParams(row_group_rows=1))
    chunked.write(FEATURES, metal(MARCH), list(filled.read(FEATURES, metal(MARCH)).partition_by("meter_id")), fingerprint="by meter")
    assert len(list(chunked.chunks(FEATURES, metal(MARCH)))) == 3
    filled.path(SCORES, metal(MARCH)).unlink()
    materialize_scores(chunked, settings, metal(MARCH))
    assert chunked.read(SCORES, metal(MARCH)).equals(whole)


def test_the_champion_is_the_newest_model_trained_before_the_month(filled: Lake, settings: Settings) -> None:
    early = train_metal(filled, settings, MonthRange(JANUARY, JANUARY)).record
    late = train_metal(filled, settings, WINTER).record
    assert early is not None
    assert late is not None
    promote(filled, Industry.METAL, Resolution.MID, late.version, "newer", at=datetime(2022, 3, 1, tzinfo=UTC))
    versions = {}
    for month in (JANUARY, FEBRUARY, MARCH):
        materialize_scores(filled, settings, metal(month))
        versions[month] = filled.read(SCORES, metal(month)).select("model_version", "hindsight").unique().rows()
    assert versions == {JANUARY: [(early.version, True)], FEBRUARY: [(early.version, False)], MARCH: [(late.version, False)]}


def test_strict_mode_refuses_hindsight(filled: Lake) -> None:
    strict = Settings(detection={"strict": True})
    train_metal(filled, strict)
    materialize_scores(filled, strict, metal(MARCH))
    with pytest.raises(NoModelError, match="no model trained before its start, as strict mode asks"):
        materialize_scores(filled, strict, metal(JANUARY))


def test_data_without_a_model_is_an_error_that_says_what_to_do(filled: Lake, settings: Settings) -> None:
    with pytest.raises(
        NoModelError, match="metal 2022-03 has meters of mid resolution and no model; train first: ecoai train --industry metal"
    ):
        materialize_scores(filled, settings, metal(MARCH))


def test_a_month_without_data_succeeds_with_no_rows(lake: Lake, settings: Settings) -> None:
    assert materialize_scores(lake, settings, metal(MARCH)).info.rows == 0


def test_meters_of_a_resolution_without_a_model_keep_null_scores(filled: Lake, settings: Settings, portfolio: ModuleType) -> None:
    train_metal(filled, settings)
    quarter = portfolio.features_of("a", portfolio.starts(MARCH), portfolio.noisy_load(0), 900)
    hour = portfolio.features_of("h", portfolio.starts(MARCH, 3600), portfolio.noisy_load(9), 3600)
    filled.write(FEATURES, metal(MARCH), [quarter, hour], fingerprint="mixed")
    written = materialize_scores(filled, settings, metal(MARCH))
    scores = filled.read(SCORES, metal(MARCH), ["h"])
    assert written.info.facts["without_model"] == ["h"]
    assert (scores.height, scores["p"].null_count(), scores["model_version"].null_count()) == (744, 744, 744)


def test_a_changed_bundle_is_not_scored_with(filled: Lake, settings: Settings) -> None:
    record = train_metal(filled, settings).record
    assert record is not None
    name, version = next(iter(record.members.items()))
    folder = Bundles(filled).folder(Industry.METAL, Resolution.MID, name, version)
    (folder / "config.json").write_text('{"mean": 50}')
    with pytest.raises(BundleError, match="is not the file that was trained"):
        materialize_scores(filled, settings, metal(MARCH))
