"""Training an industry's model of one resolution: fit, calibrate later in time, write bundles, enter it into the registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline import detectors
from ecoai_pipeline.detection import backtest, drift, expectation, habit, segments
from ecoai_pipeline.detection import model as stored
from ecoai_pipeline.detection.backtest import Choice
from ecoai_pipeline.detection.calibration import Calibration, alarm_threshold, calibrate
from ecoai_pipeline.detection.cards import model_card
from ecoai_pipeline.detection.drift import Reference
from ecoai_pipeline.detection.fusion import Fusion, Probabilities
from ecoai_pipeline.detection.habit import Habits
from ecoai_pipeline.detection.holidays import heard
from ecoai_pipeline.detection.spans import Spans, cut, within
from ecoai_pipeline.detectors.contract import Detector
from ecoai_pipeline.domain import FEATURES, SPECTRA, Industry, Month, MonthRange, Partition, Resolution
from ecoai_pipeline.features.load import load_series, usage_types
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.features.windows import choose_plan
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.bundles import FUSED, BundleError, Bundles
from ecoai_pipeline.storage.fingerprint import code_digest, fingerprint
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.model_registry import ModelRecord, ModelRegistry, Standing

# As long as the month before, which scoring looks back into.
_LOOK_BACK = np.timedelta64(31 * 86_400_000_000, "us")
Progress = Callable[[str, float], None]
Scores = Sequence[NDArray[np.float32]]
Found = Mapping[str, tuple[NDArray[np.datetime64], NDArray[np.float64]]]  # timestamps and values by meter, (n,) each


@dataclass(frozen=True)
class TrainingOutcome:
    """What training came to. `record` is None where nothing could be trained, and `reason` says why.

    `trained` is False where the model of the same inputs stood already; `left_out` gives a reason per meter.
    """

    industry: Industry
    resolution: Resolution
    record: ModelRecord | None
    trained: bool
    reason: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)


def resolutions_present(lake: Lake, industry: Industry, months: MonthRange) -> list[Resolution]:
    """Resolutions of the industry's meters in these months, densest first."""
    intervals = lake.scan(FEATURES, _partitions(industry, months)).select(pl.col("interval_s").unique()).collect()
    present = {Resolution.of(seconds) for seconds in intervals["interval_s"]}
    return [resolution for resolution in Resolution if resolution in present]


def train(
    lake: Lake,
    settings: Settings,
    industry: Industry,
    resolution: Resolution,
    months: MonthRange,
    *,
    progress: Progress | None = None,
    at: datetime | None = None,
) -> TrainingOutcome:
    """Train on the features of some months and enter the result; equal inputs give the equal version.

    It is a challenger, for `promotion.decide` to judge; without a champion of its time there is nothing to judge it by, and it is
    champion at once.
    The last `calibration_share` of the span calibrates, the window before it is left out, the rest is learned from.
    Without meters of that resolution, or with too little data, nothing is trained and the outcome says so.

    Args:
        progress: is told what is done and the share of the whole that is done.
        at: time of the entry, UTC; now where not given.
    """
    bundles, registry, tell, settings = Bundles(lake), ModelRegistry(lake), progress or _silent, settings.for_training(industry)
    inputs = _fingerprint(lake, settings, industry, resolution, months)
    known = _known(bundles, registry.models(industry, resolution), months, inputs)
    if known:
        metrics = stored.metrics_of(bundles, industry, resolution, known.version)
        _enter(registry, known, at or datetime.now(UTC))
        return TrainingOutcome(industry, resolution, known, False, "trained on the same data already", metrics["left_out"], metrics)
    tell("reading series", 0.0)
    portfolio = load_series(lake, industry, months, resolution=resolution)
    prepared = _prepare(lake, settings, industry, months, portfolio)
    if isinstance(prepared, str):
        return TrainingOutcome(industry, resolution, None, False, f"{industry} {resolution} {months}: {prepared}")
    fitted = _fit(settings, industry, prepared, tell)
    if isinstance(fitted, str):
        return TrainingOutcome(industry, resolution, None, False, f"{industry} {resolution} {months}: {fitted}", prepared.left_out)
    metrics = _metrics(settings, prepared, fitted, inputs)
    record = _write(bundles, _Identity(industry, resolution, months, at or datetime.now(UTC)), prepared, fitted, metrics)
    record = _enter(registry, record, record.at)
    tell("done", 1.0)
    return TrainingOutcome(industry, resolution, record, True, "trained", prepared.left_out, metrics)


def _enter(registry: ModelRegistry, record: ModelRecord, at: datetime) -> ModelRecord:
    """Enter a model that was trained: anew only where nothing was said of it yet, or where another one took its place since."""
    champion = registry.champion(record.industry, record.resolution, Month.parse(record.trained_until), strict=True)
    known = {one.version: one for one in registry.models(record.industry, record.resolution)}.get(record.version)
    if known and (known.standing is not Standing.CHAMPION or (champion and champion.record.version == record.version)):
        return known
    if champion:
        entry = record.as_(Standing.CHALLENGER, at, f"trained; {champion.record.version} is champion of its time")
    else:
        entry = record.as_(Standing.CHAMPION, at, "the first model of its time")
    registry.enter(entry)
    return entry


@dataclass(frozen=True)
class _Identity:
    """Which model it is, and when it was trained."""

    industry: Industry
    resolution: Resolution
    months: MonthRange
    at: datetime


@dataclass(frozen=True)
class _Prepared:
    portfolio: Sequence[Series]
    plan: WindowPlan
    spans: Spans
    left_out: Mapping[str, str]

    @property
    def training(self) -> list[Series]:
        return [within(series, self.spans.first, self.spans.train_end) for series in self.portfolio]

    @cached_property
    def contexts(self) -> list[tuple[Series, int]]:
        """Each meter's calibration span with what it may look back into, and where in it the span begins."""
        return contexts(self.portfolio, self.spans.calibration, self.spans.last)


def contexts(portfolio: Sequence[Series], start: np.datetime64, stop: np.datetime64) -> list[tuple[Series, int]]:
    """Each series from what scoring looks back into before `start` to `stop`, and where in it the span from `start` begins."""
    parts = [within(series, start - _LOOK_BACK, stop) for series in portfolio]
    return [(series, int(np.searchsorted(series.timestamps, start))) for series in parts]


@dataclass(frozen=True)
class _Fitted:
    """`members` are those that are kept: what the choice weighs, and what says what was expected. `not_learned` gives a reason by name."""

    members: Mapping[str, Detector]
    calibrations: Mapping[str, Calibration]
    not_learned: Mapping[str, str]
    choice: Choice
    expects: str | None
    fusion: Fusion
    habits: Habits
    alarm_share: float
    missed: Mapping[str, float]
    reference: Reference


def _silent(_what: str, _share: float) -> None:
    return None


def _partitions(industry: Industry, months: MonthRange) -> list[Partition]:
    return [Partition(industry, month) for month in months]


def _fingerprint(lake: Lake, settings: Settings, industry: Industry, resolution: Resolution, months: MonthRange) -> str:
    tables = {f"{table.name} {p}": lake.info(table, p).content for table in (FEATURES, SPECTRA) for p in _partitions(industry, months)}
    inputs = {**tables, "usage": usage_types(lake, industry, months)}
    params = {
        "resolution": resolution,
        "features": settings.features.model_dump(mode="json"),
        "training": settings.training.model_dump(mode="json", exclude={"members", "members_of", "guideline"}),
        "members": settings.training.members_in(industry, resolution),
        "guideline": settings.training.guideline[resolution],
        "detectors": settings.detectors.model_dump(mode="json"),
        "detection": settings.detection.model_dump(
            mode="json", include={"calibration", "fusion", "habit", "segments", "baseline", "band", "drift"}
        ),
        "budget": settings.detection.budget_per_meter_month,
    }
    features = (f"features/{name}.py" for name in ("load", "windows", "runs"))
    code = code_digest(*features, "augmentation", "detectors", "sources/simulation", *(f"detection/{name}.py" for name in _CODE))
    return fingerprint(inputs=inputs, params=params, code=code)


_CODE = (
    "training",
    "spans",
    "backtest",
    "calibration",
    "fusion",
    "habit",
    "expectation",
    "holidays",
    "model",
    "cards",
    "drift",
    "bands",
    "baseline",
    *segments.CODE,
)


def _known(bundles: Bundles, models: Sequence[ModelRecord], months: MonthRange, inputs: str) -> ModelRecord | None:
    """The model of exactly these inputs, if it was trained before and is not damaged."""
    until = str(months.last.next)
    return next((one for one in reversed(models) if one.trained_until == until and _inputs_of(bundles, one) == inputs), None)


def _inputs_of(bundles: Bundles, record: ModelRecord) -> str | None:
    """What a model was trained from; None where it is damaged, so that training again mends it."""
    try:
        for name, version in {FUSED: record.version, **record.members}.items():
            bundles.open(record.industry, record.resolution, name, version)
    except BundleError:
        return None
    return str(stored.metrics_of(bundles, record.industry, record.resolution, record.version)["fingerprint"])


def _prepare(lake: Lake, settings: Settings, industry: Industry, months: MonthRange, portfolio: Sequence[Series]) -> _Prepared | str:
    """Choose interval, windows, spans and meters; or say why nothing can be trained."""
    if not portfolio:
        return "no meter of this resolution has features"
    interval_s = Counter(series.interval_s for series in portfolio).most_common(1)[0][0]
    alike = [series for series in portfolio if series.interval_s == interval_s]
    left_out = {
        s.meter_id: f"reads every {s.interval_s} s, the model every {interval_s} s" for s in portfolio if s.interval_s != interval_s
    }
    spectra = lake.read(SPECTRA, _partitions(industry, months), [series.meter_id for series in alike])
    plan = choose_plan(spectra, interval_s, settings.features)
    spans = cut(alike, settings.training.calibration_share, plan.longest)
    kept = []
    for series in alike:
        days = _observed_days(within(series, spans.first, spans.train_end))
        if days >= settings.training.min_days:
            kept.append(series)
        else:
            left_out[series.meter_id] = f"{days:.1f} observed days to learn from, {settings.training.min_days:g} are needed"
    if not kept:
        return (
            f"none of {len(portfolio)} meters has {settings.training.min_days:g} observed days before {spans.train_end}; add earlier months"
        )
    return _Prepared(kept, plan, spans, left_out)


def _observed_days(series: Series) -> float:
    return float((series.observed & np.isfinite(series.kwh)).sum()) / series.slots_per_day


def _fit(settings: Settings, industry: Industry, prepared: _Prepared, tell: Progress) -> _Fitted | str:
    """Fit and calibrate every detector that could be chosen, choose on the backtest, and learn what its evidence usually is.

    A detector that cannot be learned or calibrated from these readings is left out; where none can, the first one's reason is returned.
    """
    resolution = Resolution.of(prepared.plan.interval_s)
    weights, guideline = settings.training.members_in(industry, resolution), settings.training.guideline[resolution]
    names = tuple(dict.fromkeys((*weights, guideline, settings.training.expected_load)))
    members: dict[str, Detector] = {}
    calibrations: dict[str, Calibration] = {}
    scores: dict[str, Scores] = {}
    not_learned: dict[str, str] = {}
    for number, name in enumerate(names):
        tell(f"fitting {name}", (1 + number) / (2 + len(names)))
        try:
            member = detectors.make(name, settings).fit(prepared.training, prepared.plan)
            found = member.score([series for series, _ in prepared.contexts])
            calibrations[name], members[name], scores[name] = _calibrated(settings, name, found, prepared), member, found
        except ValueError as error:
            not_learned[name] = str(error)
    able = {name: weight for name, weight in weights.items() if name in members}
    if guideline not in members and not any(able.values()):
        return next(iter(not_learned.values()))
    tell("judging on faults", (1 + len(names)) / (2 + len(names)))
    tried = backtest.trials(prepared.contexts, _judge(members, calibrations), settings.training.seed, settings.training.backtest)
    choice = backtest.choose(tried, able, guideline if guideline in members else None, settings.training.backtest)
    missed = expectation.missed(members, prepared.contexts)
    expects = min(missed, key=lambda name: missed[name], default=None)
    kept = [name for name in members if choice.weights.get(name, 0) > 0 or name == expects]
    fusion = Fusion({name: choice.weights.get(name, 0.0) for name in kept}, settings.detection)
    whole = _evidence(fusion, members, {name: scores[name] for name in kept}, calibrations, prepared)
    try:
        habits = habit.learn(_calibrating(prepared, whole), prepared.plan.interval_s, settings.detection.habit)
    except ValueError as error:
        return str(error)
    # As scoring does it: with a month to look back into.
    looked = {meter: (stamps, habits.p(meter, stamps, prepared.plan.interval_s, values)) for meter, (stamps, values) in whole.items()}
    p = _calibrating(prepared, looked)
    share = float(np.nanmean(np.concatenate([values for _, values in p.values()]) < _threshold(settings, prepared)))
    loads = {series.meter_id: (series.timestamps, np.where(series.observed, series.kwh, np.nan)) for series in prepared.portfolio}
    reference = drift.learn(loads, p, settings.detection.drift)
    kept_members, kept_calibrations = {name: members[name] for name in kept}, {name: calibrations[name] for name in kept}
    return _Fitted(kept_members, kept_calibrations, not_learned, choice, expects, fusion, habits, share, missed, reference)


def _threshold(settings: Settings, prepared: _Prepared) -> float:
    return alarm_threshold(settings.detection.budget_per_meter_month, prepared.plan.interval_s)


def _calibrated(settings: Settings, name: str, scores: Scores, prepared: _Prepared) -> Calibration:
    """Learned from scores of the calibration span that were made as scoring makes them: with a month to look back into."""
    spans = {series.meter_id: values[start:] for (series, start), values in zip(prepared.contexts, scores, strict=True)}
    return calibrate(name, spans, _threshold(settings, prepared), settings.detection.calibration)


def _judge(members: Mapping[str, Detector], calibrations: Mapping[str, Calibration]) -> backtest.Judge:
    def judge(portfolio: Sequence[Series]) -> list[Probabilities]:
        return _tails({name: member.score(portfolio) for name, member in members.items()}, calibrations, portfolio)

    return judge


def _tails(scores: Mapping[str, Scores], calibrations: Mapping[str, Calibration], portfolio: Sequence[Series]) -> list[Probabilities]:
    """Of each series the tail probabilities of its scores, by detector."""
    return [
        {name: calibrations[name].p(series.meter_id, found[number]) for name, found in scores.items()}
        for number, series in enumerate(portfolio)
    ]


def _evidence(
    fusion: Fusion,
    members: Mapping[str, Detector],
    scores: Mapping[str, Scores],
    calibrations: Mapping[str, Calibration],
    prepared: _Prepared,
) -> Found:
    """Fused evidence of each meter's context, from scores of it."""
    weighing = {name: found for name, found in scores.items() if fusion.weights[name] > 0}
    tails = _tails(weighing, calibrations, [series for series, _ in prepared.contexts])
    return {
        series.meter_id: (
            series.timestamps,
            fusion.evidence(heard(p, members, series, prepared.plan), series.timestamps, series.interval_s),
        )
        for (series, _), p in zip(prepared.contexts, tails, strict=True)
    }


def _calibrating(prepared: _Prepared, found: Found) -> Found:
    """The part of each meter's context that is the calibration span."""
    return {series.meter_id: tuple(part[start:] for part in found[series.meter_id]) for series, start in prepared.contexts}  # type: ignore[misc]


def _metrics(settings: Settings, prepared: _Prepared, fitted: _Fitted, inputs: str) -> dict[str, Any]:
    return {
        "fingerprint": inputs,
        "seed": settings.training.seed,
        "threads": settings.training.threads,
        "parameters": {name: getattr(settings.detectors, name).model_dump(mode="json") for name in fitted.members},
        "spans": prepared.spans.facts(),
        "window_plan": prepared.plan.words,
        "meters": len(prepared.portfolio),
        "left_out": dict(prepared.left_out),
        "not_learned": dict(fitted.not_learned),
        "budget_per_meter_month": settings.detection.budget_per_meter_month,
        "q": _threshold(settings, prepared),
        "alarm_share_in_calibration": fitted.alarm_share,
        "backtest": fitted.choice.words,
        "drift": fitted.reference.facts(),
        "weights": dict(fitted.fusion.weights),
        "expectation": {"from": fitted.expects, "missed": dict(fitted.missed)},
        "calibration": {name: _calibration_facts(calibration) for name, calibration in fitted.calibrations.items()}
        | {
            FUSED: {
                "rules": {habit.RULE: len(fitted.habits.laws) - 1},
                "trimmed": 0,
                "n": _between(law.n for law in fitted.habits.laws.values()),
            }
        },
        "detectors": {name: dict(member.facts) for name, member in fitted.members.items()},
    }


def _calibration_facts(calibration: Calibration) -> dict[str, Any]:
    curves = calibration.meters.values()
    rules = Counter(curve.rule.value for curve in curves)
    n = _between(curve.n for curve in curves)
    return {"rules": dict(sorted(rules.items())), "trimmed": sum(curve.trimmed for curve in curves), "n": n}


def _between(counts: Iterable[int]) -> str:
    """The smallest and the greatest, in words."""
    known = sorted(counts)
    return "0" if not known else f"{known[0]}" if known[0] == known[-1] else f"{known[0]} to {known[-1]}"


def _write(bundles: Bundles, which: _Identity, prepared: _Prepared, fitted: _Fitted, metrics: Mapping[str, Any]) -> ModelRecord:
    """Write a bundle per detector and the fused one over them."""
    industry, resolution, until = which.industry, which.resolution, which.months.last.next
    members: dict[str, str] = {}
    for name, detector in fitted.members.items():
        own = {**metrics, "detectors": {name: metrics["detectors"][name]}, "calibration": {name: metrics["calibration"][name]}}

        def fill(folder: Path, name: str = name, detector: Detector = detector, own: Mapping[str, Any] = own) -> None:
            stored.write_member(folder, detector, fitted.calibrations[name], own, model_card(industry, resolution, name, own))

        members[name] = bundles.write(industry, resolution, name, until, fill)

    def fill_fused(folder: Path) -> None:
        card = model_card(industry, resolution, FUSED, metrics)
        config = stored.fused_config(prepared.plan, fitted.fusion, fitted.expects)
        stored.write_fused(folder, members, config, fitted.habits, fitted.reference, metrics, card)

    version = bundles.write(industry, resolution, FUSED, until, fill_fused)
    return ModelRecord(
        industry=industry,
        resolution=resolution,
        version=version,
        trained_from=str(which.months.first),
        trained_until=str(until),
        meters=len(prepared.portfolio),
        members=members,
        at=which.at,
    )
