"""A trained model as it lies in its bundles: the detectors, their calibrations, and the fused calibration over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline import detectors
from ecoai_pipeline.detection.calibration import Calibration
from ecoai_pipeline.detection.cards import model_card
from ecoai_pipeline.detection.fusion import fuse
from ecoai_pipeline.detectors.contract import Detector, Expectation, Predictive
from ecoai_pipeline.domain import Industry, Resolution
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.bundles import FUSED, Bundles, ModelRecord

_CALIBRATION = "calibration.parquet"
_CONFIG = "config.json"
_METRICS = "metrics.json"


@dataclass(frozen=True)
class Scored:
    """Scores of one series, each (n,): per detector `s` and `p`, the fused `p`, and what was expected."""

    s: Mapping[str, NDArray[np.float32]]
    p: Mapping[str, NDArray[np.float64]]
    fused: NDArray[np.float64]
    expectation: Expectation | None


@dataclass(frozen=True)
class Model:
    """Detectors of one industry and resolution with their calibrations; scores meters it has not seen as well."""

    version: str
    plan: WindowPlan
    members: Mapping[str, Detector]
    calibrations: Mapping[str, Calibration]
    fused: Calibration

    def score(self, portfolio: Sequence[Series]) -> list[Scored]:
        """Score series of the plan's interval."""
        s = {name: member.score(portfolio) for name, member in self.members.items()}
        expected = _expect(self.members, portfolio)
        return [self._scored(series.meter_id, {name: s[name][i] for name in s}, expected[i]) for i, series in enumerate(portfolio)]

    def _scored(self, meter_id: str, s: Mapping[str, NDArray[np.float32]], expectation: Expectation | None) -> Scored:
        p = {name: self.calibrations[name].p(meter_id, values) for name, values in s.items()}
        return Scored(s, p, self.fused.p(meter_id, fuse(list(p.values()))), expectation)


def _expect(members: Mapping[str, Detector], portfolio: Sequence[Series]) -> Sequence[Expectation | None]:
    for member in members.values():
        if isinstance(member, Predictive):
            return member.expect(portfolio)
    return [None] * len(portfolio)


def write_member(folder: Path, detector: Detector, calibration: Calibration, metrics: Mapping[str, Any], card: str) -> None:
    """Fill the bundle of one detector; weights and config are written by the detector itself."""
    detector.save(folder)
    calibration.save(folder / _CALIBRATION)
    write_text(folder / _METRICS, _json(metrics))
    write_text(folder / "MODEL_CARD.md", card)


def write_fused(
    folder: Path, members: Mapping[str, str], plan: WindowPlan, calibration: Calibration, metrics: Mapping[str, Any], card: str
) -> None:
    """Fill the bundle over the members, which are named by their versions."""
    config = {"members": dict(members), "window_plan": plan.words}
    write_text(folder / _CONFIG, _json(config))
    calibration.save(folder / _CALIBRATION)
    write_text(folder / _METRICS, _json(metrics))
    write_text(folder / "MODEL_CARD.md", card)


def load_model(bundles: Bundles, record: ModelRecord) -> Model:
    """Open the bundles of a promotion, every file checked.

    Raises:
        BundleError: a bundle is absent, or a file is not the one that was trained.
    """
    fused = bundles.open(record.industry, record.resolution, FUSED, record.version)
    config = json.loads((fused / _CONFIG).read_text(encoding="utf-8"))
    folders = {name: bundles.open(record.industry, record.resolution, name, version) for name, version in config["members"].items()}
    return Model(
        version=record.version,
        plan=WindowPlan.of(config["window_plan"]),
        members={name: detectors.load(name, folder) for name, folder in folders.items()},
        calibrations={name: Calibration.load(folder / _CALIBRATION) for name, folder in folders.items()},
        fused=Calibration.load(fused / _CALIBRATION),
    )


def forget(bundles: Bundles, folder: Path, meter_id: str, out_of: Callable[[Any], Any]) -> bool:
    """Take one meter out of a bundle where it is in it; `out_of` takes it out of a JSON document. Returns whether it was.

    What the bundle learned from all meters together stays, and so does its version, which rows of other meters name.
    """
    detector, calibration = folder.parent.name, Calibration.load(folder / _CALIBRATION)
    documents = {name: json.loads((folder / name).read_text(encoding="utf-8")) for name in (_METRICS, _CONFIG)}
    without = {name: out_of(document) for name, document in documents.items()}
    if meter_id not in calibration.curves and without == documents:
        return False
    industry, resolution = Industry(_value(folder.parents[2])), Resolution(_value(folder.parents[1]))
    rest = Calibration(calibration.detector, {name: curve for name, curve in calibration.curves.items() if name != meter_id})

    def fill(fresh: Path) -> None:
        card = model_card(industry, resolution, detector, without[_METRICS])
        if detector == FUSED:
            config = without[_CONFIG]
            plan = WindowPlan.of(config["window_plan"])
            write_fused(fresh, config["members"], plan, rest, without[_METRICS], card)
            return
        member = detectors.load(detector, folder)
        member.forget(meter_id)
        write_member(fresh, member, rest, without[_METRICS], card)

    bundles.reseal(folder, fill)
    return True


def metrics_of(bundles: Bundles, industry: Industry, resolution: Resolution, version: str) -> Mapping[str, Any]:
    """What training measured of a model: spans, facts of each detector, calibration."""
    folder = bundles.open(industry, resolution, FUSED, version)
    metrics: Mapping[str, Any] = json.loads((folder / _METRICS).read_text(encoding="utf-8"))
    return metrics


def _value(folder: Path) -> str:
    return folder.name.partition("=")[2]


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
