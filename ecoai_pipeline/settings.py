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
    pass


class TrainingParams(Params):
    seed: int = 20250101
    threads: int = Field(2, gt=0, description="torch threads; fixed so that a bundle is reproducible")


class DetectorParams(Params):
    pass


class DetectionParams(Params):
    pass


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
