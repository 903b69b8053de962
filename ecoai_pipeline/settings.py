"""One typed, frozen tree of parameters, read from params.yaml and ECOAI_* variables; each room has its own branch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from ecoai_pipeline import domain
from ecoai_pipeline.tariffs import ImpactParams

PROJECT = Path(__file__).resolve().parents[1]
PARAMS = "params.yaml"


class Params(BaseModel):
    """A branch of the tree: frozen, and strict about names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageParams(Params):
    row_group_rows: int = Field(1_000_000, gt=0, description="rows of a chunk of whole meters")
    piece_rows: int = Field(100_000, gt=0, description="readings of a month of a landed file that are settled and kept at once")
    lock_timeout_s: float = Field(3600, gt=0, description="longest wait for another writer of the industry, seconds")


class SourceParams(Params):
    block_mb: int = Field(32, gt=0, description="text parsed at once, MiB")
    future_tolerance_h: float = Field(24, ge=0, description="readings later than this after receipt are quarantined, hours")
    capacity_quantile: float = Field(0.98, gt=0.5, le=1, description="of a month's load that an unknown capacity is inferred from")
    capacity_margin: float = Field(1.25, ge=1, description="an inferred capacity above that load")
    grid_share: float = Field(0.1, gt=0, lt=0.5, description="share of the interval that a stamp may lie beside its grid point")
    grid_most_s: float = Field(60, gt=0, le=60, description="seconds that a stamp may lie beside its grid point at most")
    archive_gb: float = Field(64, gt=0, description="an archive that unpacks to more is refused, GiB")
    archive_files: int = Field(100_000, gt=0, description="an archive of more files is refused")
    archive_ratio: float = Field(500, gt=1, description="a member that unpacks to more than this multiple of its size is refused")
    inbox_rest_s: float = Field(30, ge=0, description="a file of the inbox is landed when unchanged for this long, seconds")


class QualityParams(Params):
    zero_run_h: float = Field(72, gt=0, description="zeros on end longer than this are suspect, hours")
    flat_run_h: float = Field(12, gt=0, description="equal readings other than zero on end longer than this are suspect, hours")
    run_readings: int = Field(4, gt=0, description="fewer equal readings are no run, however long each of them is")
    null_run_h: float = Field(6, gt=0, description="empty readings on end longer than this are reported, hours")
    capacity_factor: float = Field(1.2, ge=1, description="energy above capacity times interval times this is suspect")
    kwh_max: float = Field(1_000_000, gt=0, description="largest plausible size of a reading, kWh")
    reset_factor: float = Field(2.5, gt=1, description="load after zeros or nothing above this multiple of the usual one was caught up")
    reset_silence_h: float = Field(1, gt=0, description="shorter zeros or gaps are not a counter's that stood, hours")
    history_factor: float = Field(20, gt=1, description="load above this multiple of the meter's usual one is suspect")
    history_readings: int = Field(12, gt=0, description="readings other than zero in two months that make a history")
    interval_kept_h: float = Field(48, gt=0, description="another interval that lasts longer than this is the meter's new one, hours")
    day_edge_h: float = Field(2, ge=0, le=6, description="so long after midnight a day begins that was collected as one, at most, hours")
    filled_zero_share: float = Field(0.01, ge=0, lt=1, description="share of other zeros in the past of a meter with filled days")
    copied_values: int = Field(10, gt=0, description="different values in a day that can be called a copy of another")
    copied_share: float = Field(0.25, gt=0, lt=1, description="share of equal readings above which a meter repeats itself by habit")
    copied_chance: float = Field(1e-9, gt=0, lt=1, description="probability up to which equal days are not equal by chance")
    factor_tolerance: float = Field(0.2, gt=0, lt=0.3, description="logarithm by which a jump may differ from that of a factor at most")
    clock_days: int = Field(5, ge=3, description="workdays on either side of a clock change that show whether it was followed")
    clock_misfit: float = Field(0.1, gt=0, lt=1, description="misfit of a daily profile, 1 - r², up to which it is only shifted")
    drift_share: float = Field(0.02, gt=0, lt=0.5, description="steps off by at most this share of the interval are a drifting clock's")
    completeness_min: float = Field(0.9, ge=0, le=1, description="share of a meter's day that must have readings")
    missing_days: int = Field(1, gt=0, description="whole local days on end without a value that are reported")
    late_after_h: float = Field(
        2, ge=0, description="readings of a local day are late when this long after its end they have not come, hours"
    )
    late_after_h_of: Mapping[domain.Industry, float] = Field({}, description="the same of industries whose readings usually take longer")
    docs_kept: int = Field(7, gt=0, description="runs whose Data Docs are kept")
    docs_partitions: int = Field(16, gt=0, description="partitions of a run with pages in its Data Docs: the worst, then the newest")
    intervals_s: tuple[int, ...] = Field(
        (1, 5, 10, 15, 30, 60, 120, 180, 300, 360, 600, 720, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, 86_400),
        description="plausible lengths of an interval, seconds",
    )

    def late_after(self, industry: domain.Industry) -> float:
        """Hours after the end of a local day by which an industry's readings of it usually have come."""
        return self.late_after_h_of.get(industry, self.late_after_h)

    def meant_interval_s(self, seconds: int) -> int:
        """The plausible length that one is meant to be, where it misses it by no more than a drifting clock does.

        >>> [QualityParams().meant_interval_s(seconds) for seconds in (900, 907, 893, 930, 3600)]
        [900, 900, 900, 930, 3600]
        """
        near = [length for length in self.intervals_s if abs(seconds - length) <= self.drift_share * length]
        return min(near, key=lambda length: abs(seconds - length), default=seconds)


class FeatureParams(Params):
    gap_cap_h: float = Field(6, ge=0, description="gaps up to this long are filled, longer ones stay empty, hours")
    neighbours: int = Field(5, gt=0, description="days most alike that a gap is filled from")
    peaks: int = Field(5, gt=0, description="periods kept per meter and signal")
    min_acf: float = Field(0.4, gt=0, le=1, description="autocorrelation from which a period counts as validated")
    max_scales: int = Field(4, gt=0, description="window lengths of a plan at most")
    min_support: float = Field(0.2, ge=0, le=1, description="share of the meters that must have a period for it to become a window")


Weights = Mapping[str, float]


class BacktestParams(Params):
    meters: int = Field(12, gt=0, description="meters that faults are put into, spread over the portfolio")
    faults: int = Field(30, gt=0, description="faults to be judged on; each round of them has another seed")
    rounds: int = Field(40, gt=0, description="rounds at most")
    least_faults: int = Field(5, gt=0, description="fewer prove nothing, and the members are taken")


_MEMBERS = {"kmeans_ad": 3.0, "sub_pca": 2.0, "value_change": 1.0, "level": 1.0, "forecast": 1.0}
_OF_CURVES = {**_MEMBERS, "past_days": 2.0}
_WITH_STUCK = {**_MEMBERS, "flat_run": 1.0}
_OF_HOURS = {"kmeans_ad": 3.0, "sub_pca": 2.0, "value_change": 1.0, "flat_run": 1.0, "level": 0.1, "forecast": 0.1}


class TrainingParams(Params):
    seed: int = 20250101
    threads: int = Field(1, gt=0, description="torch threads; fixed so that a bundle is reproducible")
    calibration_share: float = Field(0.3, gt=0, lt=1, description="last share of the span, kept for calibration")
    min_days: float = Field(7, gt=0, description="observed days that a meter needs before the gap to be learned from")
    members: dict[domain.Resolution, Weights] = Field(
        {domain.Resolution.HIGH: _OF_CURVES, domain.Resolution.MID: _WITH_STUCK, domain.Resolution.LOW: _OF_HOURS},
        description="detectors that are fitted and fused, by resolution, and what the evidence of each weighs",
    )
    members_of: Mapping[domain.Industry, Mapping[domain.Resolution, Weights]] = Field(
        {}, description="the same of industries that need others; a resolution that is not named there has those above"
    )
    guideline: dict[domain.Resolution, str] = Field(
        {domain.Resolution.HIGH: "lstm_ae", domain.Resolution.MID: "usad", domain.Resolution.LOW: "usad"},
        description="the detector that the original research advises, by resolution; the members must be better to be taken",
    )
    expected_load: str = Field("forecast", description="a detector that is fitted for what it expects, whoever the members are")
    backtest: BacktestParams = BacktestParams()

    def members_in(self, industry: domain.Industry, resolution: domain.Resolution) -> Weights:
        """Detectors of an industry's meters of one resolution with their weights."""
        return self.members_of.get(industry, {}).get(resolution, self.members[resolution])

    @field_validator("members")
    @classmethod
    def _known_members(cls, members: dict[domain.Resolution, Weights]) -> dict[domain.Resolution, Weights]:
        for resolution in domain.Resolution:
            _refuse_unknown(members.get(resolution, {}), resolution)
        return members

    @field_validator("guideline")
    @classmethod
    def _known_guideline(cls, guideline: dict[domain.Resolution, str]) -> dict[domain.Resolution, str]:
        for resolution in domain.Resolution:
            _refuse_unknown({guideline[resolution]: 1.0} if resolution in guideline else {}, resolution)
        return guideline

    @field_validator("expected_load")
    @classmethod
    def _known_expected_load(cls, name: str) -> str:
        _refuse_unknown({name: 1.0}, "expected_load")
        return name

    @property
    def detectors(self) -> tuple[str, ...]:
        """The members of any resolution, and of any industry that has its own."""
        named = {name for some in (self.members, *self.members_of.values()) for names in some.values() for name in names}
        return tuple(name for name in domain.DETECTORS if name in named)

    @field_validator("members_of")
    @classmethod
    def _known_members_of(
        cls, members_of: Mapping[domain.Industry, Mapping[domain.Resolution, Weights]]
    ) -> Mapping[domain.Industry, Mapping[domain.Resolution, Weights]]:
        for industry, members in members_of.items():
            for resolution, weights in members.items():
                _refuse_unknown(weights, f"{industry} {resolution}")
        return members_of


def _refuse_unknown(weights: Weights, where: str) -> None:
    unknown = [name for name in weights if name not in domain.DETECTORS]
    if unknown or not weights:
        raise ValueError(f"{where}: name at least one of {', '.join(domain.DETECTORS)}; found {unknown or 'none'}")
    if min(weights.values()) < 0 or not max(weights.values()) > 0:
        raise ValueError(f"{where}: a weight is 0 or more, and one of them is more; found {dict(weights)}")


class ProfileParams(Params):
    min_days: int = Field(7, gt=0, description="observed days below which a meter is scored by the pooled profile")
    prior_readings: float = Field(2, ge=0, description="readings from which a slot of a day of the week outweighs the coarser day type")
    scale_prior_readings: float = Field(30, ge=0, description="the same for its scale, which needs more of them")
    smooth_min: float = Field(30, ge=0, description="scales are averaged over this long before and after a slot, minutes")
    drift_days: int = Field(14, ge=0, description="days before a day whose median residual moves the level; 0 for none")
    scale_floor: float = Field(0.1, gt=0, description="least scale of a slot, as a share of the meter's overall scale")


class ForecastParams(ProfileParams):
    """Those of the profile that is corrected, and of what corrects it."""

    trees: int = Field(60, gt=0, description="boosted trees, for all meters together")
    depth: int = Field(4, gt=0, le=8, description="questions that a tree asks at most")
    learning_rate: float = Field(0.1, gt=0, le=1, description="share of a tree's correction that is made")
    min_leaf_readings: int = Field(200, gt=0, description="readings that a correction is learned from at least")
    max_readings: int = Field(100_000, gt=0, description="readings of all meters that trees are learned from at most")
    reach: float = Field(1, gt=0, description="distances of earlier days from the profile count up to so many half widths of its band")
    clip: float = Field(4, gt=0, description="the same of distances that are to be forecast")
    trim: float = Field(0.05, ge=0, lt=0.1, description="share of a meter's training readings, the farthest off, that is left out")
    side_floor: float = Field(0.25, gt=0, description="least side of the band, as a share of the profile's")


class LoadShapeParams(Params):
    min_days: int = Field(7, gt=0, description="observed days below which a meter is compared with what all meters have in common")
    max_shapes: int = Field(8, gt=0, description="typical days at most")
    gain: float = Field(0.02, gt=0, lt=1, description="share by which one more must shorten the mean distance of a day to its typical day")
    max_days: int = Field(5_000, gt=0, description="days of all meters that typical days are learned from at most")
    trim: float = Field(
        0.05, ge=0, lt=0.5, description="share of the days that makes no typical one, and of the others that is left out, the farthest"
    )
    prior_days: float = Field(3, ge=0, description="days of a shape from which a meter's own version of it outweighs the common one")
    level_days: int = Field(14, gt=0, description="days before a day whose median level is the meter's recent one")
    level_prior_days: float = Field(3, ge=0, description="days from which the recent level outweighs the usual one")
    known_h: float = Field(4, ge=0, le=24, description="hours of a day below which the day before stands for the rest of it")
    spread_floor: float = Field(0.1, gt=0, description="least spread of a time of the day, as a share of the meter's median one")


class UsageZParams(Params):
    thresholds: Literal["learned", "published"] = Field("learned", description="whose |Z| a score of 1 stands for, per usage type")
    alarm_share: float = Field(0.0027, gt=0, lt=0.5, description="share of held-out readings above the learned threshold of their type")
    held_out_share: float = Field(0.2, gt=0, lt=1, description="last share of each series' readings, which thresholds are learned on")
    trim: float = Field(6, gt=0, description="runs of |Z| above q98 + trim (q98 - q90) are taken for anomalies and left out")
    min_days: int = Field(7, gt=0, description="observed days below which a meter is not learned from")
    level_days: int = Field(28, gt=0, description="days before a day whose median level is the meter's recent one")
    level_prior_days: float = Field(3, ge=0, description="days from which the recent level outweighs the usual one")
    prior_readings: float = Field(2, ge=0, description="readings from which a slot of a day of the week outweighs the coarser day type")
    spread_prior_readings: float = Field(30, ge=0, description="the same for its spread, which needs more of them")
    spread_prior_weeks: float = Field(4, ge=0, description="weeks from which a meter's spread outweighs that of its usage type")
    smooth_min: float = Field(30, ge=0, description="spreads are averaged over this long before and after a slot, minutes")
    spread_floor: float = Field(0.1, gt=0, description="least spread of a slot, as a share of the meter's median one")


class ByMeterParams(Params):
    """What detectors share that learn each meter by itself."""

    min_days: int = Field(7, gt=0, description="days, of which half must be observed, or the meter is scored by the pooled state")


class ByWindowParams(ByMeterParams):
    window: int = Field(gt=1, description="readings of a window")
    size: int = Field(gt=0, description="centres, or components kept")
    refits: int = Field(ge=0, description="times that the windows farthest from the model are dropped and it is fitted again")
    trim: float = Field(0.05, ge=0, lt=0.5, description="share of the windows that is dropped")
    max_windows: int = Field(20_000, gt=0, description="windows drawn of a meter; of all meters together for the pooled state")


class LevelParams(ByMeterParams):
    prior_readings: float = Field(20, ge=0, description="readings from which a slot of a day of the week outweighs the coarser day type")
    ratio_weight: float = Field(0.25, ge=0, description="weight of |log ratio to the median| beside the ranges beyond the quantiles")


class FlatRunParams(ByMeterParams):
    habit_quantile: float = Field(0.98, gt=0, lt=1, description="share of a meter's runs that are shorter than a long one")


class PastDaysParams(ByMeterParams):
    days: int = Field(7, gt=0, description="days before that a reading is compared with, at the same time of day")
    readings: int = Field(5, gt=0, description="neighbouring readings that the distance is averaged over; odd")


class SupervisedParams(Params):
    min_days: int = Field(7, gt=0, description="observed days below which a meter is not learned from")
    lags_h: tuple[float, ...] = Field((1, 2, 3, 6, 12, 24, 48, 168), min_length=1, description="changes back and ahead by so much, hours")
    max_readings: int = Field(200_000, gt=0, description="readings of all meters that trees are learned from at most")
    trees: int = Field(150, gt=0)
    depth: int = Field(3, gt=0, le=8, description="questions that a tree asks at most")
    columns_share: float = Field(0.3, gt=0, le=1, description="share of what is told of a reading that a question is drawn from")
    learning_rate: float = Field(0.05, gt=0, le=1, description="share of a tree's correction that is made")
    l2: float = Field(10, ge=0, description="weight that keeps corrections small")
    min_leaf_readings: int = Field(50, gt=0, description="readings that a correction is learned from at least")


class NetworkParams(Params):
    """What all networks that rebuild windows share."""

    max_window: int = Field(128, gt=1, description="the window is the plan's longest scale of at most so many intervals")
    max_windows: int = Field(8_192, gt=0, description="windows drawn for training, and of an epoch, which repeats fewer")
    epochs: int = Field(20, gt=0, description="rounds of `max_windows` windows at most")
    patience: int = Field(5, gt=0, description="epochs without a smaller error on the held-out tail, then stop")
    batch: int = Field(128, gt=0)
    learning_rate: float = Field(0.003, gt=0)
    clip_norm: float = Field(1.0, gt=0, description="gradients are scaled down to this norm")
    validation_share: float = Field(0.15, gt=0, lt=1, description="last share of each series, held out for early stopping")
    warmup_epochs: int = Field(4, ge=0, description="epochs before the strangest windows are dropped")
    trim: float = Field(0.1, ge=0, lt=0.5, description="share of training windows, the strangest, dropped after the warm-up")
    windows_per_length: int = Field(8, gt=0, description="windows that hold each reading when scoring")
    adversarial_epsilon: float = Field(
        0, ge=0, le=1, description="largest change of a reading in adversarial windows, as a share of the meter's range; 0 trains without"
    )


class UsadParams(NetworkParams):
    form: Literal["joint", "adversarial"] = Field("joint", description="whether decoder 2 helps or opposes decoder 1")
    latent_share: float = Field(0.125, gt=0, lt=1, description="size of the latent vector as a share of the window")
    max_adversarial: float = Field(0.2, gt=0, lt=1, description="cap of the weight 1 - 1/n of AE2(AE1(W)) at epoch n")
    alpha: float = Field(0.5, ge=0, le=1, description="weight of |W - AE1(W)|^2 in the score; the rest is that of |W - AE2(AE1(W))|^2")


class LstmAeParams(NetworkParams):
    encoder: int = Field(64, gt=0, description="size of the encoder's state")
    latent: int = Field(32, gt=0, description="size of the vector that a window is narrowed to")
    decoder: int = Field(32, gt=0, description="size of the decoder's state")


class EncDecParams(NetworkParams):
    hidden: int = Field(32, gt=0, description="size of the state that is handed from encoder to decoder")


POSTER = {
    "channels": 32,
    "kernel": 7,
    "hidden": 64,
    "latent": 32,
    "dropout": 0.1,
    "epochs": 50,
    "batch": 128,
    "learning_rate": 1e-4,
    "windows_per_length": 4,
    # What the poster has none of: an end before the last epoch, windows left out, anything beside the forest.
    "patience": 50,
    "trim": 0.0,
    "excess": 0.0,
}


class CnnGruParams(NetworkParams):
    preset: Literal["ours", "poster"] = Field(
        "ours", description="whether the numbers of the original research's table replace those below"
    )
    channels: int = Field(32, gt=0, description="of the convolution")
    kernel: int = Field(7, gt=0, description="readings that the convolution looks at; odd")
    hidden: int = Field(64, gt=0, description="size of the state of both GRUs")
    latent: int = Field(32, gt=0, description="size of the vector that a window is narrowed to")
    dropout: float = Field(0.1, ge=0, lt=1)
    max_scales: int = Field(3, gt=0, description="window lengths of the plan, the shortest first, each with a network of its own")
    band_minutes: float = Field(30, gt=0, description="delay that time warping forgives; at least one step")
    trees: int = Field(100, gt=0, description="of the isolation forest")
    excess: float = Field(1.0, ge=0, description="weight of the mean excess of the distances beside the isolation")

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, given: Any) -> Any:
        poster = isinstance(given, dict) and given.get("preset") == "poster"
        return {**given, **POSTER} if poster else given


class DetectorParams(Params):
    profile: ProfileParams = ProfileParams()
    usad: UsadParams = UsadParams()
    lstm_ae: LstmAeParams = LstmAeParams()
    encdec_ad: EncDecParams = EncDecParams()
    cnn_gru: CnnGruParams = CnnGruParams()
    usage_z: UsageZParams = UsageZParams()
    kmeans_ad: ByWindowParams = ByWindowParams(window=8, size=20, refits=1)
    sub_pca: ByWindowParams = ByWindowParams(window=24, size=3, refits=2)
    value_change: ByMeterParams = ByMeterParams()
    level: LevelParams = LevelParams()
    flat_run: FlatRunParams = FlatRunParams()
    forecast: ForecastParams = ForecastParams()
    load_shape: LoadShapeParams = LoadShapeParams()
    past_days: PastDaysParams = PastDaysParams()
    supervised: SupervisedParams = SupervisedParams()

    @property
    def networks(self) -> dict[str, NetworkParams]:
        """The parameters of those that rebuild windows with a network, by name."""
        return {name: params for name, params in self if isinstance(params, NetworkParams)}


class AugmentationParams(Params):
    epsilon: float = Field(0.1, ge=0, le=1, description="`adversarial_epsilon` of all networks of the industries named; 0 for none")
    industries: tuple[domain.Industry, ...] = Field(
        (domain.Industry.CHEMICAL,), description="those whose networks learn from adversarial windows as well"
    )


class CalibrationParams(Params):
    tail_quantile: float = Field(0.98, gt=0.5, lt=1, description="scores above this quantile are the tail that is fitted")
    min_exceedances: int = Field(10, gt=1, description="fewer scores in the tail, and the meter takes its peers' curve")
    max_shape: float = Field(0.5, ge=0, lt=1, description="upper bound of the tail's shape; the lower one is 0")
    trim: float = Field(6, gt=0, description="runs above q98 + trim (q98 - q90) are taken for anomalies and left out")


def _require_each_resolution(given: Mapping[domain.Resolution, object], name: str) -> None:
    absent = [str(resolution) for resolution in domain.Resolution if resolution not in given]
    if absent:
        raise ValueError(f"{name} says nothing of {', '.join(absent)}; name every resolution")


class EventParams(Params):
    hysteresis: float = Field(10, ge=1, description="an open event goes on while p is below this multiple of q")
    segment_looks: dict[domain.Resolution, float] = Field(
        {domain.Resolution.HIGH: 2, domain.Resolution.MID: 2, domain.Resolution.LOW: 4},
        description="so many times the p of a segment has to lie below q as well",
    )
    alike: float = Field(0.7, gt=0, le=1, description="of an event's energy off, from which on what a day before did is like it ...")
    most_alike: int = Field(2, ge=0, description="... and days of the 28 before that may be like it; more make it a habit of the meter")
    spreads: float = Field(
        2.5, ge=0, description="standard deviations of what like days used at the same hours, by which an event must differ from them, too"
    )
    shape_fit: float = Field(0.3, ge=0, le=1, description="share that a shape must explain of an event whose energy is as expected")
    merge_gap_h: float = Field(2, ge=0, description="events closer than this are one, hours; at least one interval")
    min_alarmed: int = Field(1, gt=0, description="readings below q that make an event")
    min_excess_kwh: float = Field(0, ge=0, description="smaller excess or shortfall is no event, kWh")
    missing_h: float = Field(3, gt=0, description="a gap of this length is a data quality event, hours")
    tail_days: float = Field(7, gt=0, description="scores of the month before that are looked at again, days")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        _require_each_resolution(self.segment_looks, "segment_looks")
        return self


class FusionParams(Params):
    costly_share: float = Field(
        0.2, gt=0, le=1, description="share of a meter's days, the strangest to the cheap detectors, that costly ones look at; 1 for all"
    )


class HabitParams(Params):
    block_h: float = Field(
        4, gt=0, le=24, description="the greatest evidence of each stretch of so many hours is what an alarm must exceed"
    )
    days: int = Field(28, gt=0, description="days before a day that its alarms are measured against")
    min_days: float = Field(2, gt=0, description="of them with evidence, below which the calibration span stands in")
    low: float = Field(0.25, gt=0, lt=1, description="quantile of the blocks that their law is fitted through")
    high: float = Field(0.75, gt=0, lt=1, description="the other one; the share above it may be anomalous")
    strange_days: dict[domain.Resolution, int] = Field(
        {domain.Resolution.HIGH: 28, domain.Resolution.MID: 3, domain.Resolution.LOW: 3},
        description="of the days before, the strangest that may be anomalies; evidence that more of them brought is the meter's habit",
    )
    least_scale: float = Field(
        0.05, gt=0, description="of the law, so that a meter that is always equal does not make every change infinite"
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"the law is fitted through two quantiles, low below high; found {self.low:g} and {self.high:g}")
        _require_each_resolution(self.strange_days, "strange_days")
        return self


class BandParams(Params):
    days: int = Field(28, gt=0, description="days before a day whose readings tell how wide its band has to be")
    min_days: int = Field(7, gt=0, description="of them with readings, below which the band stays as it was learned")
    far: float = Field(2, gt=1, description="days of which most readings lie farther out than so many sides of the band count nothing")
    least: float = Field(0.5, gt=0, le=1, description="a side is scaled by this at least")
    most: float = Field(3, ge=1, description="and by this at most")
    reach: float | None = Field(
        0.5, ge=0, description="sides of the band by which it holds more than the median of like days; none: it does not"
    )
    like_days: int = Field(42, gt=0, description="days before a day among which its like ones are looked for")


class BaselineParams(Params):
    matched: int = Field(5, ge=2, description="last days of the same kind whose median a day is expected to follow")
    days: int = Field(28, gt=0, description="days before a day in which they may lie, and that tell what to expect by")
    min_days: int = Field(14, gt=0, description="of them with readings, below which the load that was learned is expected")
    better: float = Field(0.7, ge=0, le=1, description="share of the learned load's error, below which they are expected instead; 0: never")


class StrangeDayParams(Params):
    outside: float = Field(0.5, gt=0, lt=1, description="share of a day's readings outside the band, above which it may be strange")
    below: float = Field(0.75, gt=0, lt=1, description="and its energy by the expected one, below this ...")
    above: float = Field(4 / 3, gt=1, description="... or above this")
    nothing: float = Field(0.1, gt=0, lt=1, description="energy by the expected one, below which a day is strange, whatever the band")
    p: float = Field(1e-5, gt=0, lt=1, description="probability that such a day is given: less than the smallest q")
    most: int = Field(8, ge=0, description="times in the `days` before it; what comes more often is what the meter does")
    days: int = Field(28, gt=0, description="days that are looked back at")
    level_shift_days: int = Field(14, gt=0, description="strange days among them from which on they are the new level of the load")


class SegmentParams(Params):
    shortest_h: float = Field(0.25, gt=0, description="length of the shortest segments, hours; at least one interval")
    longest_h: float = Field(72, gt=0, description="length of the longest segments, hours")
    lengths: int = Field(24, gt=0, description="lengths between them, on a logarithmic scale")
    flank: float = Field(0.5, gt=0, description="length of what a segment is compared with on either side, by its own length")
    least_flank_h: float = Field(1, gt=0, description="the shortest flanks, hours")
    flanked_h: float = Field(24, gt=0, description="longer segments are compared with the expected load alone, hours")
    farthest: float = Field(40, gt=0, description="a reading's distance from the expected load counts up to this, units of noise")
    least_scale: float = Field(0.05, gt=0, description="of the law of a length, units of noise")
    min_days: float = Field(7, gt=0, description="days of its own that a meter needs before its segments are judged")
    strange_day: StrangeDayParams = StrangeDayParams()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.shortest_h > self.longest_h:
            raise ValueError(f"segments are {self.shortest_h:g} to {self.longest_h:g} h long; put the shorter one first")
        return self


class DriftParams(Params):
    days: int = Field(28, ge=2, description="last days that are compared; whole weeks, so that all weekdays count alike")
    least: float = Field(0.25, gt=0, description="distance from the reference below which nothing is drift, in parts of the usual range")
    own: float = Field(1.5, ge=1, description="times what the training span itself drifted, where that is more")


class DetectionParams(Params):
    budget_per_meter_month: float = Field(1, gt=0, description="false alarms allowed per meter in 30 days")
    strict: bool = Field(False, description="refuse to score a month with a model trained on later data")
    calibration: CalibrationParams = CalibrationParams()
    fusion: FusionParams = FusionParams()
    habit: HabitParams = HabitParams()
    baseline: BaselineParams = BaselineParams()
    band: BandParams = BandParams()
    segments: SegmentParams = SegmentParams()
    events: EventParams = EventParams()
    drift: DriftParams = DriftParams()
    top_per_site: int = Field(20, ge=0, description="energy events that a night shows per site, the most severe first; 0 for all")


class ReportParams(Params):
    events_shown: int = Field(60, ge=0, description="energy events that a page shows with their week; the others stand in a table")
    calendar_meters: int = Field(24, ge=0, description="meters with a calendar, those with the most severe events first")
    calendar_weeks: int = Field(13, gt=0, description="weeks of a calendar")


class WindowReferenceParams(Params):
    window: int | None = Field(None, gt=1, description="readings; without it an hour of a curve by the minute, else 24")
    normalise: Literal["meter", "window", "none"] = Field("meter", description="whose mean and deviation a window is brought to")
    average: bool = Field(True, description="whether a reading gets the mean of all windows that hold it, or the error of the last one")
    size: int = Field(gt=0, description="components kept, or centres")


class ReferenceParams(Params):
    sub_pca_plain: WindowReferenceParams = WindowReferenceParams(size=10)
    kmeans_ad_plain: WindowReferenceParams = WindowReferenceParams(window=20, size=20)


class EvaluationParams(Params):
    test_share: float = Field(0.4, gt=0, lt=1, description="last share of a series' readings, which is judged")
    calibration_share: float = Field(0.1, gt=0, lt=1, description="share before it that thresholds are frozen on; the rest is learned from")
    look_back_days: int = Field(31, gt=0, description="days before a night that its scores may look back into")
    draws: int = Field(2000, gt=0, description="resamples of a bootstrap interval")
    tie: float = Field(0.01, ge=0, description="difference of VUS-PR within which two detectors are level on a series")
    min_anomalous: int = Field(20, gt=0, description="anomalous test readings below which a series counts for no win and no loss")
    references: ReferenceParams = ReferenceParams()


EARLIEST_MONTH = domain.Month(1900, 1)
_REGISTRY_START = date(2000, 1, 1)  # every lake holds registry rows with this day; another day would compete with them


def _first_month(value: Any) -> domain.Month:
    month = value if isinstance(value, domain.Month) else domain.Month.parse(str(value))
    if month < EARLIEST_MONTH:
        raise ValueError(f"{month} is too early; the earliest is {EARLIEST_MONTH}")
    return month


FirstMonth = Annotated[domain.Month, NoDecode, BeforeValidator(_first_month), PlainSerializer(str)]


class ScheduleParams(Params):
    nightly: str = Field("*/15 * * * *", description="when it is looked which nights are due, as cron in UTC")
    night_after_h: float = Field(2.5, ge=0, description="when a day is run: hours after the midnight that ends it in its time zone")
    training: str = Field("0 * * * *", description="when it is looked which trainings are due, as cron in UTC")
    train_after_h: float = Field(
        4, ge=0, description="when models are trained: hours after a month has ended for all meters of an industry"
    )


class CatalogueParams(Params):
    owners: tuple[str, ...] = Field(("team:energy-analytics",), description="who is asked about a table: team:NAME or an e-mail address")


class Settings(BaseSettings):
    """All parameters, and the root of the lake."""

    model_config = SettingsConfigDict(env_prefix="ECOAI_", env_nested_delimiter="__", frozen=True, extra="forbid")

    root: Path = Field(Path("data"), description="root of the lake, relative to the working directory")
    time_zone: str = Field("Asia/Seoul", description="zone of meters whose registry or file names none")
    first_month: FirstMonth = Field(domain.Month(2010, 1), description="first partition; readings from before it are quarantined")
    schedules: ScheduleParams = ScheduleParams()
    catalogue: CatalogueParams = CatalogueParams()
    storage: StorageParams = StorageParams()
    sources: SourceParams = SourceParams()
    quality: QualityParams = QualityParams()
    features: FeatureParams = FeatureParams()
    training: TrainingParams = TrainingParams()
    detectors: DetectorParams = DetectorParams()
    augmentation: AugmentationParams = AugmentationParams()
    detection: DetectionParams = DetectionParams()
    impact: ImpactParams = ImpactParams()
    report: ReportParams = ReportParams()
    evaluation: EvaluationParams = EvaluationParams()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return domain.time_zone(zone)

    @property
    def registry_start(self) -> date:
        """The day from which a row of the registry holds that names none."""
        return min(_REGISTRY_START, self.first_month.first_day)

    def require_partitions_from(self, month: domain.Month, what: str) -> None:
        """
        Raises:
            ValueError: `what` begins with a month that lies before the first partition; the message names the line to set.
        """
        if month < self.first_month:
            line = f"`first_month: {month}` in params.yaml, or ECOAI_FIRST_MONTH={month}"
            raise ValueError(f"{what} from {month} on, but first_month is {self.first_month}; nothing is lost: set {line}")

    def for_training(self, industry: domain.Industry) -> Settings:
        """These parameters as the models of an industry are trained with them: `augmentation` sets the epsilon of its networks."""
        if industry not in self.augmentation.industries:
            return self
        epsilon = {"adversarial_epsilon": self.augmentation.epsilon}
        networks = {name: params.model_copy(update=epsilon) for name, params in self.detectors.networks.items()}
        return self.model_copy(update={"detectors": self.detectors.model_copy(update=networks)})

    def strictly(self) -> Settings:
        """These parameters, with models refused that saw data from after the month's start."""
        return self.model_copy(update={"detection": self.detection.model_copy(update={"strict": True})})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = params_file(init_settings().get("root"))
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, yaml_file=file)


def load_settings(root: Path | None = None) -> Settings:
    """Read the parameters as they are now; nothing is read at import. `root` wins over all other sources of it.

    Raises:
        ValueError: the file cannot be read, a name is unknown or a value out of its range; the message names the file and the entry.
    """
    environment = frozenset((name, value) for name, value in os.environ.items() if name.startswith("ECOAI_"))
    file = params_file(root)
    try:
        return _settings(environment, file, file.stat().st_mtime_ns, root)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ValueError(f"parameters {file}, or a variable ECOAI_*: {wrong}") from None
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError, RecursionError) as error:  # what a text that is no table brings
        raise ValueError(f"parameters {file}: it cannot be read ({error})") from None


def variables_set() -> dict[str, str]:
    """The variables ECOAI_* that set parameters, but for the root: it says where things are, not what is made."""
    prefix = str(Settings.model_config["env_prefix"])
    names = {f"{prefix}{name}".upper() for name in Settings.model_fields if name != "root"}
    return {key: value for key, value in sorted(os.environ.items()) if key.upper().partition("__")[0] in names}


@lru_cache(maxsize=8)
def _settings(_environment: frozenset[tuple[str, str]], _file: Path, _changed_ns: int, root: Path | None) -> Settings:
    """Settings of one state of the environment and the file; reading them takes 20 ms, and assets ask often."""
    return Settings(root=root) if root else Settings()


def params_file(root: Path | None = None) -> Path:
    """The file of parameters: ECOAI_PARAMS, else the root's own (a root with a repository of its own has one), else the project's."""
    if "ECOAI_PARAMS" in os.environ:
        return Path(os.environ["ECOAI_PARAMS"])
    lake = root or (Path(os.environ["ECOAI_ROOT"]) if "ECOAI_ROOT" in os.environ else None)
    return own if lake and (own := lake / PARAMS).exists() else PROJECT / PARAMS
