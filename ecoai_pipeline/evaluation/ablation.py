"""What each choice is worth: one parameter moved at a time, the same series before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from ecoai_pipeline.domain import DETECTORS
from ecoai_pipeline.evaluation.benchmark import Plan, Row, run
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.folds import Protocol
from ecoai_pipeline.evaluation.intervals import Estimate, paired_difference
from ecoai_pipeline.evaluation.references import REFERENCES
from ecoai_pipeline.evaluation.scoring import names
from ecoai_pipeline.evaluation.work import Done
from ecoai_pipeline.settings import Settings

METRICS = ("vus_pr", "vus_pr_nightly", "event_f1", "false_alarms_per_meter_month")


@dataclass(frozen=True)
class Knob:
    """A parameter's path in the settings and the value it is moved to.

    A detector's own parameter (`detectors.usad.…`, `evaluation.references.sub_pca_plain.…`) moves that detector; any other moves all.
    """

    path: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> Knob:
        """Read `detectors.usad.max_window=64`, the value as it would stand in params.yaml.

        Raises:
            ValueError: the text has no value.
        """
        path, equals, value = text.partition("=")
        if not equals or not path.strip() or not value.strip():
            raise ValueError(f"{text!r} is no knob; write it like detectors.usad.max_window=64")
        return cls(path.strip(), yaml.safe_load(value))

    def detectors(self, settings: Settings) -> list[str]:
        """The detectors that it moves; of those that the pipeline runs all, where it is nobody's own."""
        return [name for name in (*REFERENCES, *DETECTORS) if f".{name}." in self.path] or names(settings)

    def now(self, settings: Settings) -> Any:
        """The value it has.

        Raises:
            ValueError: there is no such parameter.
        """
        value: Any = settings.model_dump()
        for part in self.path.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise ValueError(f"there is no parameter {self.path}; params.yaml has them all")
            value = value[part]
        return value

    def turned(self, settings: Settings) -> Settings:
        """The settings with the parameter moved.

        Raises:
            ValueError: there is no such parameter, or it cannot have that value.
        """
        self.now(settings)
        whole = settings.model_dump()
        inner = whole
        *branches, leaf = self.path.split(".")
        for branch in branches:
            inner = inner[branch]
        inner[leaf] = self.value
        return Settings.model_validate(whole)


# Normalisation, window, overlap averaging, trimming, drift, and another seed, which shows what differences chance alone makes.
STANDARD = (
    Knob("evaluation.references.sub_pca_plain.normalise", "window"),
    Knob("evaluation.references.sub_pca_plain.normalise", "none"),
    Knob("evaluation.references.sub_pca_plain.window", 96),
    Knob("evaluation.references.sub_pca_plain.average", False),
    Knob("evaluation.references.kmeans_ad_plain.normalise", "window"),
    Knob("evaluation.references.kmeans_ad_plain.window", 48),
    Knob("evaluation.references.kmeans_ad_plain.average", False),
    Knob("detectors.usad.max_window", 16),
    Knob("detectors.usad.windows_per_length", 1),
    Knob("detectors.usad.trim", 0.0),
    Knob("detectors.usad.form", "adversarial"),
    Knob("detectors.profile.drift_days", 0),
    Knob("features.gap_cap_h", 0),
    Knob("training.seed", 1),
)


def ablate(
    read: Callable[[Settings], list[Case]],
    knobs: Sequence[Knob],
    settings: Settings,
    cache: Path,
    *,
    jobs: int = 1,
    started: Callable[[int], None] | None = None,
    done: Done | None = None,
) -> list[Row]:
    """A row per knob, detector and data set: the paired difference over series, with its interval.

    Args:
        read: the cases as some settings give them; asked again where a knob changes what a series is.
        started: is told how many pieces of work there will be.

    Raises:
        ValueError: a knob is no parameter, or cannot have its value.
        RuntimeError: a piece of work failed.
    """
    turned = [(knob, knob.turned(settings)) for knob in knobs]
    cases = read(settings)
    if started:
        started(sum(2 * Plan(knob.detectors(settings)).pieces(cases, settings) for knob in knobs))
    rows: list[Row] = []
    for knob, changed in turned:
        plan = Plan(knob.detectors(settings), Protocol.FIXED, jobs)
        others = read(changed) if knob.path.startswith("features.") else cases
        before, after = run(cases, plan, settings, cache, done).rows, run(others, plan, changed, cache, done).rows
        rows += _differences(knob, settings, before, after)
    return rows


def _differences(knob: Knob, settings: Settings, before: Sequence[Row], after: Sequence[Row]) -> Iterator[Row]:
    groups: dict[tuple[str, str, str], list[tuple[Row, Row]]] = {}
    for pair in zip(before, after, strict=True):
        groups.setdefault((pair[0]["dataset"], pair[0]["subset"], pair[0]["detector"]), []).append(pair)
    for (dataset, subset, detector), pairs in groups.items():
        figures: dict[str, Any] = {}
        meters = list(dict.fromkeys(old["meter"] for old, _ in pairs))
        for metric in METRICS:
            old, new = ([_of_meter(pairs, meter, side, metric) for meter in meters] for side in (0, 1))
            figures |= _named(metric, paired_difference(new, old, settings.evaluation.draws))
        head = {"knob": knob.path, "from": knob.now(settings), "to": knob.value, "detector": detector}
        yield {**head, "dataset": dataset, "subset": subset, "series": len(meters), **figures}


def _of_meter(pairs: Sequence[tuple[Row, Row]], meter: str, side: int, metric: str) -> float | None:
    """Mean of a metric over the seeds of a meter that it has a value of before and after."""
    known = [pair[side][metric] for pair in pairs if pair[0]["meter"] == meter and None not in (pair[0].get(metric), pair[1].get(metric))]
    return fmean(known) if known else None


def _named(metric: str, estimate: Estimate) -> dict[str, Any]:
    return {metric: estimate.mean, f"{metric}_low": estimate.low, f"{metric}_high": estimate.high}
