"""The model card: every part that a reader asks for, from the metrics alone."""

from __future__ import annotations

from types import ModuleType

from ecoai_pipeline.detection.model import card_of, metrics_of
from ecoai_pipeline.detection.training import train
from ecoai_pipeline.domain import Industry, MonthRange, Resolution
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.bundles import Bundles
from ecoai_pipeline.storage.lake import Lake


def test_a_card_tells_data_making_thresholds_drift_and_limits(lake: Lake, settings: Settings, portfolio: ModuleType) -> None:
    """USAD learns in epochs, and so has a training curve."""
    portfolio.register(lake, ["a", "b"])
    months = MonthRange.parse("2022-01..2022-02")
    for month in months:
        portfolio.write_features(lake, month, {meter: portfolio.noisy_load(number) for number, meter in enumerate("ab")})
    usad = settings.detectors.usad.model_copy(update={"epochs": 3})
    training = settings.training.model_copy(update={"members": {Resolution.MID: {"usad": 1.0}}})
    chosen = settings.model_copy(update={"training": training, "detectors": settings.detectors.model_copy(update={"usad": usad})})
    record = train(lake, chosen, Industry.METAL, Resolution.MID, months).record
    assert record is not None
    card = card_of(Bundles(lake), record)
    metrics = metrics_of(Bundles(lake), Industry.METAL, Resolution.MID, record.version)

    assert [line for line in card.splitlines() if line.startswith("#")] == [
        "# fused, metal, mid resolution",
        "## Data",
        "## How it was made",
        "## Thresholds",
        "## Drift",
        "## Use and limits",
        "## Parameters and facts",
    ]
    for said in (
        "Learned from 2 meters, 2022-01-01",
        metrics["fingerprint"],
        f"Seed {settings.training.seed}, {settings.training.threads} threads",
        "Training curve of usad",
        "over 3 epochs",
        "average precision: usad 0.",
        "peaks_over_threshold on 2 meters; each rests on 17",
        "Drift is a distance above",
        '"epochs": 3',
    ):
        assert said in card, said
