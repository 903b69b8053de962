"""From a detector's name to the detector; each is imported only when asked for, because torch takes seconds to load."""

from __future__ import annotations

from pathlib import Path

from ecoai_pipeline.detectors.contract import Detector
from ecoai_pipeline.domain import DETECTORS
from ecoai_pipeline.settings import Settings


def make(name: str, settings: Settings) -> Detector:
    """An unfitted detector with the parameters of `settings`.

    Raises:
        ValueError: the name is none of `domain.DETECTORS`.
    """
    if name == "profile":
        from ecoai_pipeline.detectors.profile.detector import Profile

        return Profile(settings.detectors.profile)
    if name == "usad":
        from ecoai_pipeline.detectors.usad.detector import Usad

        return Usad(settings.detectors.usad, seed=settings.training.seed, threads=settings.training.threads)
    if name == "lstm_ae":
        from ecoai_pipeline.detectors.lstm_ae.detector import LstmAe

        return LstmAe(settings.detectors.lstm_ae, seed=settings.training.seed, threads=settings.training.threads)
    if name == "encdec_ad":
        from ecoai_pipeline.detectors.encdec_ad.detector import EncDecAd

        return EncDecAd(settings.detectors.encdec_ad, seed=settings.training.seed, threads=settings.training.threads)
    if name == "cnn_gru":
        from ecoai_pipeline.detectors.cnn_gru.detector import CnnGru

        return CnnGru(settings.detectors.cnn_gru, seed=settings.training.seed, threads=settings.training.threads)
    raise _unknown(name)


def load(name: str, folder: Path) -> Detector:
    """The detector that was saved to `folder`.

    Raises:
        ValueError: the name is none of `domain.DETECTORS`.
        StateError: the folder does not hold that detector.
    """
    if name == "profile":
        from ecoai_pipeline.detectors.profile.detector import Profile

        return Profile.load(folder)
    if name == "usad":
        from ecoai_pipeline.detectors.usad.detector import Usad

        return Usad.load(folder)
    if name == "lstm_ae":
        from ecoai_pipeline.detectors.lstm_ae.detector import LstmAe

        return LstmAe.load(folder)
    if name == "encdec_ad":
        from ecoai_pipeline.detectors.encdec_ad.detector import EncDecAd

        return EncDecAd.load(folder)
    if name == "cnn_gru":
        from ecoai_pipeline.detectors.cnn_gru.detector import CnnGru

        return CnnGru.load(folder)
    raise _unknown(name)


def _unknown(name: str) -> ValueError:
    return ValueError(f"there is no detector {name!r}; known are {', '.join(DETECTORS)}")
