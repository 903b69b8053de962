"""From a detector's name to the detector; each is imported only when asked for, because torch takes seconds to load."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ecoai_pipeline.detectors.contract import Detector
from ecoai_pipeline.domain import DETECTORS
from ecoai_pipeline.features.series import WindowPlan
from ecoai_pipeline.settings import Settings

_CLASSES = {
    "profile": "Profile",
    "usad": "Usad",
    "lstm_ae": "LstmAe",
    "encdec_ad": "EncDecAd",
    "cnn_gru": "CnnGru",
    "usage_z": "UsageZ",
    "kmeans_ad": "KMeansAD",
    "sub_pca": "SubPca",
    "value_change": "ValueChange",
    "level": "Level",
    "flat_run": "FlatRun",
    "forecast": "Forecast",
    "load_shape": "LoadShape",
    "past_days": "PastDays",
    "supervised": "Supervised",
}
_SEEDLESS = ("profile", "usage_z", "value_change", "level", "flat_run", "past_days")
_COSTLY = ("usad", "lstm_ae", "encdec_ad", "cnn_gru")
_CALENDAR = ("profile", "usage_z", "level", "forecast")
_TAUGHT = ("supervised",)
# What those without windows compare a reading with, in days; 0 is the reading itself, or its neighbours.
_COMPARED_DAYS = {"load_shape": (0, 1), "value_change": (0, 1, 7), "past_days": (0, 7), "supervised": (0, 1, 7)}


def make(name: str, settings: Settings) -> Detector:
    """An unfitted detector with the parameters of `settings`.

    Raises:
        ValueError: the name is none of `domain.DETECTORS`.
    """
    kind, params, training = _class(name), getattr(settings.detectors, name), settings.training
    detector: Detector = kind(params, seed=training.seed, threads=training.threads) if draws(name) else kind(params)
    return detector


def draws(name: str) -> bool:
    """Whether a fit depends on a seed; other names than those of `domain.DETECTORS` draw nothing."""
    return name in DETECTORS and name not in _SEEDLESS


def costly(name: str) -> bool:
    """Whether scores take so long that a night of many meters looks at their strangest days only: true of networks."""
    return name in _COSTLY


def taught(name: str) -> bool:
    """Whether a detector learns from labelled anomalies, and so has to be given some."""
    return name in _TAUGHT


def knows_calendar(name: str) -> bool:
    """Whether a detector compares a day with days that the calendar says are alike; the others compare it with any day."""
    return name in _CALENDAR


def load(name: str, folder: Path) -> Detector:
    """The detector that was saved to `folder`.

    Raises:
        ValueError: the name is none of `domain.DETECTORS`.
        StateError: the folder does not hold that detector.
    """
    detector: Detector = _class(name).load(folder)
    return detector


def windows(detector: Detector, plan: WindowPlan) -> tuple[int, ...]:
    """Over how many intervals a fitted detector looks to score one, shortest first; several numbers where it looks at several lengths.

    What only tells the load to expect, such as weeks of a profile, is not counted, nor how long a run of equal readings happens to be.
    """
    if hasattr(detector, "scales_"):
        return tuple(sorted(detector.scales_))
    if hasattr(detector, "length_"):
        return (int(detector.length_),)
    window: int | None = getattr(getattr(detector, "params", None), "window", None)
    return (window,) if window else tuple(max(1, days * plan.slots_per_day) for days in _COMPARED_DAYS.get(detector.name, (0,)))


def _class(name: str) -> Any:
    """The class of a detector, which stands in `detector.py` of the folder of its name."""
    if name not in _CLASSES:
        raise ValueError(f"there is no detector {name!r}; known are {', '.join(DETECTORS)}")
    return getattr(import_module(f"ecoai_pipeline.detectors.{name}.detector"), _CLASSES[name])
