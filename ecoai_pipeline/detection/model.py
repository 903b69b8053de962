"""A trained model as it lies in its bundles: the detectors, their calibrations, and what they are fused and judged by."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline import detectors
from ecoai_pipeline.detection.bands import adapted, reaching
from ecoai_pipeline.detection.baseline import replaced
from ecoai_pipeline.detection.calibration import Calibration
from ecoai_pipeline.detection.drift import REFERENCE, Reference, reference_of
from ecoai_pipeline.detection.fusion import Fusion
from ecoai_pipeline.detection.habit import Habits
from ecoai_pipeline.detection.holidays import heard, unlike
from ecoai_pipeline.detection.segments.search import Found, search
from ecoai_pipeline.detectors.contract import Detector, Expectation, Predictive
from ecoai_pipeline.domain import SEGMENT, Industry, Resolution
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import BandParams, BaselineParams, DetectionParams, HabitParams, SegmentParams
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.bundles import FUSED, Bundles
from ecoai_pipeline.storage.model_registry import ModelRecord

_CALIBRATION = "calibration.parquet"
_CONFIG = "config.json"
_METRICS = "metrics.json"
_CARD = "MODEL_CARD.md"


@dataclass(frozen=True)
class Scored:
    """Scores of one series, each (n,): `s` by detector, `p` of those that are fused, of segments both; `p` of all; what was expected; and
    whether an interval lies in a day that no band explains."""

    s: Mapping[str, NDArray[np.float32]]
    p: Mapping[str, NDArray[np.float64]]
    fused: NDArray[np.float64]
    expectation: Expectation | None
    strange: NDArray[np.bool_]


Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """Detectors of one industry and resolution with their calibrations; scores meters it has not seen as well.

    Attributes:
        expects: the member that the expected load comes from; None where none says what it expected.
        segments, band, baseline: how segments are searched for, how bands follow the load, and when the last days are expected instead of
            what was learned; None in a model of an earlier version, which does none of it.
        seconds: what scoring took so far, by member and for fusing them.
    """

    version: str
    plan: WindowPlan
    members: Mapping[str, Detector]
    calibrations: Mapping[str, Calibration]
    fusion: Fusion
    habits: Habits
    expects: str | None
    segments: SegmentParams | None = None
    band: BandParams | None = None
    baseline: BaselineParams | None = None
    seconds: dict[str, float] = field(default_factory=dict, compare=False)

    @property
    def looks_at_h(self) -> dict[str, list[float]]:
        """How many hours each member looks at to score an interval."""
        hours = self.plan.interval_s / 3600
        return {name: [length * hours for length in detectors.windows(member, self.plan)] for name, member in self.members.items()}

    def score(self, portfolio: Sequence[Series]) -> list[Scored]:
        """Score series of the plan's interval."""
        p: list[dict[str, NDArray[np.float64]]] = [{} for _ in portfolio]
        s: list[dict[str, Scores]] = [{} for _ in portfolio]
        learned: Sequence[Expectation | None] = [None] * len(portfolio)
        for name in sorted(self.members, key=lambda name: name in self.fusion.costly):
            member = self.members[name]
            with self._timed(name):
                if name == self.expects and isinstance(member, Predictive):
                    looked, learned = member.score_and_expect(portfolio)
                else:
                    looked = self._looked(name, portfolio, p) if name in self.fusion.costly else member.score(portfolio)
            for number, (series, scores) in enumerate(zip(portfolio, looked, strict=True)):
                s[number][name] = scores
                if self.fusion.weights[name] > 0:
                    p[number][name] = self.calibrations[name].p(series.meter_id, scores)
        p = [heard(own, self.members, series, self.plan) for series, own in zip(portfolio, p, strict=True)]
        with self._timed(SEGMENT):
            compared = [
                self._compared(series, expected) if expected else (None, None) for series, expected in zip(portfolio, learned, strict=True)
            ]
        with self._timed("fusion"):
            return [
                self._whole(series, own, of_own, shown, found)
                for series, own, of_own, (shown, found) in zip(portfolio, s, p, compared, strict=True)
            ]

    def _compared(self, series: Series, learned: Expectation) -> tuple[Expectation, Found | None]:
        """What is expected, with the band that the last weeks ask for, and the segments that differ from it."""
        shown, found = self._beside(series, learned)
        if not self.baseline:
            return shown, found
        baseline, rows = replaced(series, learned, self.baseline)
        if not rows.any():
            return shown, found
        # Searched by itself: a load that changed from one expectation to the other would have an edge there.
        other, of_other = self._beside(series, baseline.physical(series))
        return shown.with_rows(rows, other), found.with_rows(rows, of_other) if found and of_other else None

    def _beside(self, series: Series, expected: Expectation) -> tuple[Expectation, Found | None]:
        shown = reaching(series, adapted(series, expected, self.band), self.band) if self.band else expected
        if not self.segments:
            return shown, None
        return shown, search(series, expected, shown, self.segments, self.habits.params).without(unlike(self.members, series))

    def _whole(
        self,
        series: Series,
        s: Mapping[str, Scores],
        p: Mapping[str, NDArray[np.float64]],
        expected: Expectation | None,
        found: Found | None,
    ) -> Scored:
        evidence = self.fusion.evidence(p, series.timestamps, series.interval_s)
        fused = self.habits.p(series.meter_id, series.timestamps, series.interval_s, evidence, found.strange if found else None)
        if not found:
            return Scored(s, p, fused, expected, np.zeros(len(series), dtype=bool))
        strange = found.evidence.astype(np.float32)
        return Scored({**s, SEGMENT: strange}, {**p, SEGMENT: found.p}, fused, expected, found.strange)

    def _looked(self, name: str, portfolio: Sequence[Series], p: Sequence[Mapping[str, NDArray[np.float64]]]) -> list[Scores]:
        """Scores of a costly detector on the suspicious days, each seen with a day before and after; NaN on the others."""
        window, scores = self.plan.slots_per_day, [np.full(len(series), np.nan, dtype=np.float32) for series in portfolio]
        seen = [self.fusion.suspicious(own, series.timestamps, series.interval_s) for own, series in zip(p, portfolio, strict=True)]
        places = [
            (number, max(0, first - window), stop + window) for number, own in enumerate(seen) for first, stop in _runs(own, 2 * window)
        ]
        parts = [portfolio[number].part(first, stop) for number, first, stop in places]
        for (number, first, _), found in zip(places, self.members[name].score(parts), strict=True):
            scores[number][first : first + len(found)] = found
        return [np.where(own, values, np.float32(np.nan)) for own, values in zip(seen, scores, strict=True)]

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - started


def _runs(marked: NDArray[np.bool_], apart: int) -> Iterator[tuple[int, int]]:
    """First and one after the last of the marked stretches; those that are no farther apart than that are one."""
    rows = np.flatnonzero(marked)
    if not len(rows):
        return
    breaks = np.flatnonzero(np.diff(rows) > apart)
    yield from zip(rows[np.append(0, breaks + 1)].tolist(), (rows[np.append(breaks, len(rows) - 1)] + 1).tolist(), strict=True)


def write_member(folder: Path, detector: Detector, calibration: Calibration, metrics: Mapping[str, Any], card: str) -> None:
    """Fill the bundle of one detector; weights and config are written by the detector itself."""
    detector.save(folder)
    calibration.save(folder / _CALIBRATION)
    write_text(folder / _METRICS, _json(metrics))
    write_text(folder / _CARD, card)


def write_fused(
    folder: Path,
    members: Mapping[str, str],
    config: Mapping[str, Any],
    habits: Habits,
    reference: Reference | None,
    metrics: Mapping[str, Any],
    card: str,
) -> None:
    """Fill the bundle over the members, which are named by their versions; `config` is `fused_config` of them."""
    write_text(folder / _CONFIG, _json({"members": dict(members), **config}))
    habits.save(folder / _CALIBRATION)
    if reference:
        reference.save(folder / REFERENCE)
    write_text(folder / _METRICS, _json(metrics))
    write_text(folder / _CARD, card)


def fused_config(plan: WindowPlan, fusion: Fusion, expects: str | None) -> dict[str, Any]:
    """How members are put together, JSON-able."""
    return {
        "window_plan": plan.words,
        "weights": dict(fusion.weights),
        "expects": expects,
        "fusion": fusion.params.fusion.model_dump(mode="json"),
        "habit": fusion.params.habit.model_dump(mode="json"),
        "segments": fusion.params.segments.model_dump(mode="json"),
        "band": fusion.params.band.model_dump(mode="json"),
        "baseline": fusion.params.baseline.model_dump(mode="json"),
    }


def load_model(bundles: Bundles, record: ModelRecord) -> Model:
    """Open the bundles of a model, every file checked.

    Raises:
        BundleError: a bundle is absent, of another schema, or a file is not the one that was trained.
    """
    fused = bundles.open(record.industry, record.resolution, FUSED, record.version)
    config = json.loads((fused / _CONFIG).read_text(encoding="utf-8"))
    folders = {name: bundles.open(record.industry, record.resolution, name, version) for name, version in config["members"].items()}
    params = DetectionParams.model_validate({"fusion": config["fusion"], "habit": config["habit"]})
    return Model(
        version=record.version,
        plan=WindowPlan.of(config["window_plan"]),
        members={name: detectors.load(name, folder) for name, folder in folders.items()},
        calibrations={name: Calibration.load(folder / _CALIBRATION) for name, folder in folders.items()},
        fusion=Fusion(config["weights"], params),
        habits=Habits.load(fused / _CALIBRATION, params.habit),
        expects=config["expects"],
        segments=SegmentParams.model_validate(config["segments"]) if "segments" in config else None,
        band=BandParams.model_validate({"reach": None, **config["band"]}) if "band" in config else None,
        baseline=BaselineParams.model_validate(config["baseline"]) if "baseline" in config else None,
    )


def forget(bundles: Bundles, folder: Path, meter_id: str, out_of: Callable[[Any], Any]) -> bool:
    """Take one meter out of a bundle where it is in it; `out_of` takes it out of a JSON document. Returns whether it was.

    What the bundle learned from all meters together stays, and so does its version, which rows of other meters name.
    """
    name, path = folder.parent.name, folder / _CALIBRATION
    documents = {file: json.loads((folder / file).read_text(encoding="utf-8")) for file in (_METRICS, _CONFIG)}
    without = {file: out_of(document) for file, document in documents.items()}
    known = Habits.load(path, HabitParams()) if name == FUSED else Calibration.load(path)
    rest = known.without(meter_id)
    reference = reference_of(folder)
    left = reference.without(meter_id) if reference else None
    if rest is known and without == documents and left is reference:
        return False
    # The card is taken as it stands: one that is written anew would ask a bundle of an earlier program for metrics it does not have.
    card: str = out_of((folder / _CARD).read_text(encoding="utf-8"))

    def fill(fresh: Path) -> None:
        if isinstance(rest, Habits):
            config = dict(without[_CONFIG])
            write_fused(fresh, config.pop("members"), config, rest, left, without[_METRICS], card)
            return
        member = detectors.load(name, folder)
        member.forget(meter_id)
        write_member(fresh, member, rest, without[_METRICS], card)

    bundles.reseal(folder, fill)
    return True


def metrics_of(bundles: Bundles, industry: Industry, resolution: Resolution, version: str) -> Mapping[str, Any]:
    """What training measured of a model: spans, facts of each detector, calibration."""
    folder = bundles.open(industry, resolution, FUSED, version)
    metrics: Mapping[str, Any] = json.loads((folder / _METRICS).read_text(encoding="utf-8"))
    return metrics


def card_of(bundles: Bundles, record: ModelRecord) -> str:
    """The model card, Markdown."""
    return (bundles.open(record.industry, record.resolution, FUSED, record.version) / _CARD).read_text(encoding="utf-8")


def card_place(bundles: Bundles, industry: Industry, resolution: Resolution, version: str) -> Path:
    """Where the card of a model lies."""
    return bundles.folder(industry, resolution, FUSED, version) / _CARD


def _value(folder: Path) -> str:
    return folder.name.partition("=")[2]


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
