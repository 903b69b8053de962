"""Which model becomes champion: a challenger that is not worse than the champion on faults put into a span it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from ecoai_pipeline.detection import backtest
from ecoai_pipeline.detection.fusion import Probabilities
from ecoai_pipeline.detection.model import Model, load_model, metrics_of
from ecoai_pipeline.detection.training import contexts
from ecoai_pipeline.domain import Industry, Month, MonthRange, Resolution
from ecoai_pipeline.features.load import load_series
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.bundles import BundleError, Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRecord, ModelRegistry, Standing

_NEW, _OLD = "challenger", "champion"
# The detectors of a challenger were chosen on faults of the seed itself; it is judged on others.
_OTHER_FAULTS = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """Average precision of both on the same faults, mean over the trials, and their difference with its 95 % interval.

    A trial is a meter's calibration span with one draw of faults; the interval is of the draws, for these meters.
    """

    faults: int
    trials: int
    challenger: float | None
    champion: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def worse(self) -> bool:
        """Whether the challenger is surely worse: its interval lies below nothing."""
        return self.high is not None and self.high < 0

    @property
    def words(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def decide(lake: Lake, settings: Settings, industry: Industry, resolution: Resolution, at: datetime) -> list[ModelRecord]:
    """Judge all challengers, those trained on the oldest data first, and enter what becomes of them.

    One is refused where it is surely worse than the champion of its time. With too few faults nothing is proved, and the newer data
    speak for it; a champion that cannot be opened is in nobody's way.

    Raises:
        BundleError: a challenger's bundle is not what was trained.
    """
    registry = ModelRegistry(lake)
    waiting = [one for one in registry.models(industry, resolution) if one.standing is Standing.CHALLENGER]
    entries = []
    for challenger in sorted(waiting, key=lambda one: one.trained_until):
        entries.append(_decided(lake, settings, registry, challenger, at))
        registry.enter(entries[-1])
    return entries


def _decided(lake: Lake, settings: Settings, registry: ModelRegistry, challenger: ModelRecord, at: datetime) -> ModelRecord:
    champion = registry.champion(challenger.industry, challenger.resolution, Month.parse(challenger.trained_until), strict=True)
    damage = _damage(lake, champion.record) if champion else ""
    if champion is None or damage:
        return challenger.as_(Standing.CHAMPION, at, damage or "no other model of its time is in use")
    return _judged(challenger, champion.record, compare(lake, settings, challenger, champion.record), settings, at)


def promote(lake: Lake, industry: Industry, resolution: Resolution, version: str, reason: str, at: datetime) -> ModelRecord:
    """Make a model champion by a person's word.

    Raises:
        ValueError: there is no such model, it is of another industry or resolution, or it is in use already.
    """
    registry = ModelRegistry(lake)
    record = registry.find(version)
    if (record.industry, record.resolution) != (industry, resolution):
        raise ValueError(f"{record.version} is a model of {record.industry} {record.resolution}, not of {industry} {resolution}")
    champion = registry.champion(record.industry, record.resolution, Month.parse(record.trained_until), strict=True)
    if champion and champion.record.version == record.version:
        raise ValueError(f"{record.version} is champion of its time already, since {record.at:%Y-%m-%d}")
    entry = record.as_(Standing.CHAMPION, at, f"by hand: {reason}")
    registry.enter(entry)
    return entry


def roll_back(lake: Lake, industry: Industry, resolution: Resolution, reason: str, at: datetime) -> tuple[ModelRecord, ModelRecord]:
    """Take the newest champion out of use, so that the one before it is champion again; both, the one withdrawn first.

    Raises:
        ValueError: there is no other champion to go back to.
    """
    registry = ModelRegistry(lake)
    champion = registry.newest(industry, resolution)
    before = [one for one in registry.models(industry, resolution) if one.standing is Standing.CHAMPION]
    if champion is None or len(before) < 2:
        raise ValueError(f"{industry} {resolution} has no former champion to go back to; `ecoai models list` shows what there is")
    withdrawn = champion.as_(Standing.WITHDRAWN, at, reason)
    registry.enter(withdrawn)
    now = registry.newest(industry, resolution)
    assert now is not None
    return withdrawn, now


def compare(lake: Lake, settings: Settings, challenger: ModelRecord, champion: ModelRecord) -> Verdict:
    """Put faults into the challenger's calibration span and let both find them.

    The challenger has not learned from that span, but the probabilities of its scores are calibrated on it. The champion may have
    learned from the part of it that lies before its own end, which speaks for the champion alone.
    """
    bundles, industry = Bundles(lake), challenger.industry
    months = MonthRange(Month.parse(challenger.trained_from), Month.parse(challenger.trained_until).previous)
    new, old = (load_model(bundles, record) for record in (challenger, champion))
    portfolio = [one for one in load_series(lake, industry, months, resolution=challenger.resolution) if _scored_by(one, new, old)]
    spans = metrics_of(bundles, industry, challenger.resolution, challenger.version)["spans"]
    start, stop = (np.datetime64(spans[f"calibration_{end}"], "us") for end in ("from", "to"))

    def judge(series: Sequence[Series]) -> list[Probabilities]:
        both = zip(new.score(series), old.score(series), strict=True)
        return [{_NEW: ours.fused, _OLD: theirs.fused} for ours, theirs in both]

    params = settings.training.backtest
    made = backtest.trials(contexts(portfolio, start, stop), judge, settings.training.seed + _OTHER_FAULTS, params)
    return verdict([trial.faults for trial in made], *(backtest.precisions(made, {name: 1.0}) for name in (_NEW, _OLD)))


def verdict(faults: Sequence[int], ours: Sequence[float | None], theirs: Sequence[float | None]) -> Verdict:
    """What the average precisions of both on the same trials show."""
    apart = backtest.compared(ours, theirs)
    if apart is None:
        return Verdict(sum(faults), 0, None, None, None, None, None)
    return Verdict(sum(faults), apart.pairs, apart.ours, apart.theirs, apart.mean, apart.low, apart.high)


def _damage(lake: Lake, champion: ModelRecord) -> str:
    try:
        load_model(Bundles(lake), champion)
    except BundleError as error:
        return f"the champion of its time cannot be used: {error}"
    return ""


def _scored_by(series: Series, *models: Model) -> bool:
    return all(series.interval_s == model.plan.interval_s for model in models)


def _judged(challenger: ModelRecord, champion: ModelRecord, found: Verdict, settings: Settings, at: datetime) -> ModelRecord:
    least = settings.training.backtest.least_faults
    if found.difference is None or found.low is None or found.high is None or found.faults < least:
        reason = f"only {found.faults} faults could be put into its calibration span, {least} are needed to judge; newer data speak for it"
        return challenger.as_(Standing.CHAMPION, at, reason, found.words)
    figures = f"{found.challenger:.3f} against {found.champion:.3f} of {champion.version} on {found.faults} faults"
    interval = f"difference {found.difference:+.3f}, {found.low:+.3f} to {found.high:+.3f}"
    standing, word = (Standing.REFUSED, "worse") if found.worse else (Standing.CHAMPION, "not worse")
    return challenger.as_(standing, at, f"{word}: average precision {figures} ({interval})", found.words)
