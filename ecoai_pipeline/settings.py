"""One typed, frozen tree of parameters, read from params.yaml and ECOAI_* variables; each room has its own branch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

PROJECT = Path(__file__).resolve().parents[1]


class Params(BaseModel):
    """A branch of the tree: frozen, and strict about names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageParams(Params):
    row_group_rows: int = Field(1_000_000, gt=0, description="rows of a chunk of whole meters")
    lock_timeout_s: float = Field(3600, gt=0, description="longest wait for another writer of the industry, seconds")


class SourceParams(Params):
    block_mb: int = Field(32, gt=0, description="text parsed at once, MiB")
    future_tolerance_h: float = Field(24, ge=0, description="readings later than this after receipt are quarantined, hours")


class QualityParams(Params):
    pass


class FeatureParams(Params):
    gap_cap_h: float = Field(6, ge=0, description="gaps up to this long are filled, longer ones stay empty, hours")
    neighbours: int = Field(5, gt=0, description="days most alike that a gap is filled from")
    peaks: int = Field(5, gt=0, description="periods kept per meter and signal")
    min_acf: float = Field(0.4, gt=0, le=1, description="autocorrelation from which a period counts as validated")
    max_scales: int = Field(4, gt=0, description="window lengths of a plan at most")
    min_support: float = Field(0.2, ge=0, le=1, description="share of the meters that must have a period for it to become a window")


class TrainingParams(Params):
    seed: int = 20250101
    threads: int = Field(2, gt=0, description="torch threads; fixed so that a bundle is reproducible")
    calibration_share: float = Field(0.3, gt=0, lt=1, description="last share of the span, kept for calibration")
    min_days: float = Field(7, gt=0, description="observed days that a meter needs before the gap to be learned from")


class ProfileParams(Params):
    min_days: int = Field(7, gt=0, description="observed days below which a meter is scored by the pooled profile")
    prior_readings: float = Field(1, ge=0, description="weight of the coarser day type in a slot's expectation, readings")
    scale_prior_readings: float = Field(8, ge=0, description="the same for the scale, which needs more readings")
    smooth_min: float = Field(30, ge=0, description="scales are averaged over this long before and after a slot, minutes")
    drift_days: int = Field(28, ge=0, description="days before a day whose median residual moves the level; 0 for none")
    scale_floor: float = Field(0.1, gt=0, description="least scale of a slot, as a share of the meter's overall scale")


class DetectorParams(Params):
    profile: ProfileParams = ProfileParams()


class CalibrationParams(Params):
    tail_quantile: float = Field(0.98, gt=0.5, lt=1, description="scores above this quantile are the tail that is fitted")
    min_exceedances: int = Field(10, gt=1, description="fewer scores in the tail, and the meter takes its peers' curve")
    max_shape: float = Field(0.5, ge=0, lt=1, description="upper bound of the tail's shape; the lower one is 0")
    trim: float = Field(4, gt=0, description="runs above q98 + trim (q98 - q90) are taken for anomalies and left out")


class EventParams(Params):
    hysteresis: float = Field(10, ge=1, description="an open event goes on while p is below this multiple of q")
    merge_gap_h: float = Field(2, ge=0, description="events closer than this are one, hours; at least one interval")
    min_alarmed: int = Field(1, gt=0, description="readings below q that make an event")
    min_excess_kwh: float = Field(0, ge=0, description="smaller excess or shortfall is no event, kWh")
    missing_h: float = Field(3, gt=0, description="a gap of this length is a data quality event, hours")
    tail_days: float = Field(7, gt=0, description="scores of the month before that are looked at again, days")


class DetectionParams(Params):
    budget_per_meter_month: float = Field(1, gt=0, description="false alarms allowed per meter in 30 days")
    strict: bool = Field(False, description="refuse to score a month with a model trained on later data")
    calibration: CalibrationParams = CalibrationParams()
    events: EventParams = EventParams()


class Settings(BaseSettings):
    """All parameters, and the root of the lake."""

    model_config = SettingsConfigDict(env_prefix="ECOAI_", env_nested_delimiter="__", frozen=True, extra="forbid")

    root: Path = Field(Path("data"), description="root of the lake, relative to the working directory")
    time_zone: str = Field("Asia/Seoul", description="zone of meters whose registry or file names none")
    storage: StorageParams = StorageParams()
    sources: SourceParams = SourceParams()
    quality: QualityParams = QualityParams()
    features: FeatureParams = FeatureParams()
    training: TrainingParams = TrainingParams()
    detectors: DetectorParams = DetectorParams()
    detection: DetectionParams = DetectionParams()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        params = Path(os.environ.get("ECOAI_PARAMS", PROJECT / "params.yaml"))
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, yaml_file=params)


def load_settings(**overrides: Any) -> Settings:
    """Read the parameters as they are now; nothing is read at import.

    Raises:
        pydantic.ValidationError: a name is unknown or a value out of its range.
    """
    return Settings(**overrides)
