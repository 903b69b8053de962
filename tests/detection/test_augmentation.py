"""Which industries' networks learn from adversarial windows as well, and what their bundles say of it."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from ecoai_pipeline.detection.training import TrainingOutcome, train
from ecoai_pipeline.domain import Industry, Month, MonthRange, Resolution
from ecoai_pipeline.settings import AugmentationParams, Settings
from ecoai_pipeline.storage.bundles import Bundles
from ecoai_pipeline.storage.lake import Lake

WINTER = MonthRange(Month(2022, 1), Month(2022, 2))
BOTH = (Industry.CHEMICAL, Industry.METAL)


@pytest.fixture
def usad_alone(settings: Settings) -> Settings:
    """The project's parameters, but for a short training of one member."""
    usad = settings.detectors.usad.model_copy(update={"max_windows": 128, "epochs": 3, "warmup_epochs": 1})
    training = settings.training.model_copy(update={"members": {key: {"usad": 1.0} for key in Resolution}})
    return settings.model_copy(update={"detectors": settings.detectors.model_copy(update={"usad": usad}), "training": training})


@pytest.fixture
def filled(lake: Lake, portfolio: ModuleType) -> Lake:
    """Two months of two quiet meters in either industry."""
    for industry in BOTH:
        meters = [f"{industry}-{number}" for number in range(2)]
        portfolio.register(lake, meters, industry)
        for month in WINTER:
            portfolio.write_features(lake, month, {m: portfolio.noisy_load(n) for n, m in enumerate(meters)}, industry=industry)
    return lake


def with_epsilon(settings: Settings, epsilon: float) -> Settings:
    return settings.model_copy(update={"augmentation": AugmentationParams(epsilon=epsilon, industries=(Industry.CHEMICAL,))})


def trained(lake: Lake, settings: Settings, industry: Industry) -> TrainingOutcome:
    outcome = train(lake, settings, industry, Resolution.MID, WINTER)
    assert outcome.record is not None, outcome.reason
    return outcome


def test_the_bundle_of_an_industry_named_says_what_was_made_and_another_has_none(filled: Lake, usad_alone: Settings) -> None:
    for industry in BOTH:
        record = trained(filled, with_epsilon(usad_alone, 0.1), industry).record
        folder = Bundles(filled).open(industry, Resolution.MID, "usad", record.members["usad"])
        config, card = json.loads((folder / "config.json").read_text()), (folder / "MODEL_CARD.md").read_text()
        assert config["params"]["adversarial_epsilon"] == (0.1 if industry is Industry.CHEMICAL else 0)
        made = config["facts"].get("adversarial")
        assert (made is not None) == ("denoising pairs" in card) == (industry is Industry.CHEMICAL)
        if made:
            assert (made["epsilon"], made["from_meters"]) == (0.1, 2)
            assert made["made_windows"] == config["facts"]["training_windows"] - config["facts"]["dropped_windows"]
            assert made["from"] == "2022-01-01T00:00:00.000000"
            assert made["to"] < "2022-02-04", "the held-out tail, the gap and the calibration span lie behind"


def test_another_epsilon_trains_the_industries_named_again_and_no_other(filled: Lake, usad_alone: Settings) -> None:
    first, other = with_epsilon(usad_alone, 0.1), with_epsilon(usad_alone, 0.05)
    before = {industry: trained(filled, first, industry) for industry in BOTH}
    after = {industry: trained(filled, other, industry) for industry in BOTH}
    assert [before[industry].trained for industry in BOTH] == [True, True]
    assert [after[industry].trained for industry in BOTH] == [True, False]
    assert before[Industry.CHEMICAL].record.version != after[Industry.CHEMICAL].record.version


def test_an_industry_no_longer_named_is_trained_as_if_it_never_was(filled: Lake, usad_alone: Settings) -> None:
    without = trained(filled, with_epsilon(usad_alone, 0.0), Industry.CHEMICAL)
    nobody = usad_alone.model_copy(update={"augmentation": AugmentationParams(epsilon=0.1, industries=())})
    assert not trained(filled, nobody, Industry.CHEMICAL).trained
    assert without.record.version == trained(filled, nobody, Industry.CHEMICAL).record.version


def test_the_switch_reaches_every_network_of_the_industry_and_nothing_else(settings: Settings) -> None:
    chosen = with_epsilon(settings, 0.2)
    chemical, metal = (chosen.for_training(industry).detectors for industry in BOTH)
    networks = ("usad", "lstm_ae", "encdec_ad", "cnn_gru")
    assert [getattr(chemical, name).adversarial_epsilon for name in networks] == [0.2] * 4
    assert [getattr(metal, name).adversarial_epsilon for name in networks] == [0.0] * 4
    assert chemical.profile == settings.detectors.profile
    assert chosen.for_training(Industry.CHEMICAL).model_copy(update={"detectors": settings.detectors}) == chosen
