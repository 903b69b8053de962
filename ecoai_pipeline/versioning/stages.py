"""The stages that DVC knows of, as `dvc.yaml` says them: for the project's own root and for any other one.

A stage names folders; what is made again inside one is decided by the fingerprints of its partitions. Every out is
`persist`, or DVC would delete a whole table before the command that changes one month of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ecoai_pipeline.storage.fingerprint import code_digest

SUMMARY = "metrics/summary.json"
ALARMS = "metrics/alarms.csv"
CODE = "code.yaml"
HEAD = "# Made by `ecoai versions init`; ecoai_pipeline/versioning/stages.py says what belongs in it. Dagster runs, DVC records.\n"


@dataclass(frozen=True)
class Stage:
    """A step of the way: what it runs, reads and writes. Folders are below the root, `code` are rooms, `params` branches of the tree."""

    name: str
    command: str
    outs: tuple[str, ...]
    reads: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    params: tuple[str, ...] = ()


STAGES = (
    Stage(
        "landing",
        "land",
        outs=("landing", "ledgers/statements", "ledgers/meters", "quarantine", "labels", "weather", "arrivals"),
    ),
    Stage(
        "raw",
        "materialize raw_readings",
        outs=("raw_readings",),
        reads=("landing", "ledgers/statements", "ledgers/meters"),
        code=("sources", "storage"),
        params=("time_zone", "storage", "sources"),
    ),
    Stage(
        "validated",
        "materialize validated_readings",
        outs=("validated_readings",),
        reads=("raw_readings",),
        code=("quality",),
        params=("quality",),
    ),
    Stage(
        "features",
        "materialize features",
        outs=("features", "spectra"),
        reads=("validated_readings",),
        code=("features",),
        params=("features",),
    ),
    Stage(
        "models",
        "train",
        outs=("models", "ledgers/models"),
        reads=("features", "spectra"),
        code=("augmentation", "detectors", "detection"),
        params=("features", "training", "detectors", "augmentation", "detection"),
    ),
    Stage(
        "anomalies",
        "materialize scores drift anomalies --model champion",
        outs=("scores", "drift", "anomalies", "ledgers/revisions"),
        reads=("features", "models", "ledgers/models"),
        code=("detectors", "detection"),
        params=("detection", "impact"),
    ),
    Stage("evaluation", "versions measure", outs=(), reads=("anomalies", "models"), code=("evaluation",)),
)


def outs() -> list[str]:
    """All folders that are recorded, below the root."""
    return [out for stage in STAGES for out in stage.outs]


def make_folders(root: Path) -> None:
    """Make the folders that stages write; one that nothing was written to, such as `weather`, is recorded as empty."""
    for out in outs():
        (root / out).mkdir(parents=True, exist_ok=True)


def dvc_yaml(root: str, code: str | None) -> str:
    """The text of `dvc.yaml`.

    Args:
        root: the lake as seen from the file, such as `data` or `.`.
        code: the package as seen from the file; None where it lies outside the repository, which then holds `CODE`, the digests of
            rooms, in its place.
    """
    below = "" if root == "." else f"{root}/"
    document = {
        "stages": {stage.name: _words(stage, root, below, code) for stage in STAGES},
        "plots": [
            {
                "alarms": {
                    "x": "month",
                    "y": {f"{below}{ALARMS}": "alarms_per_meter"},
                    "title": "energy events per meter and month",
                }
            }
        ],
    }
    return HEAD + yaml.safe_dump(document, sort_keys=False, width=120)


def _words(stage: Stage, root: str, below: str, code: str | None) -> dict[str, Any]:
    rooms = [] if code is None else [f"{code}/{room}" for room in stage.code]
    params: list[Any] = list(stage.params)
    if code is None and stage.code:
        params.append({CODE: list(stage.code)})
    words: dict[str, Any] = {"cmd": f"ecoai --root {root} {stage.command}"}
    for name, value in (("deps", [*(f"{below}{read}" for read in stage.reads), *rooms]), ("params", params)):
        if value:
            words[name] = value
    if stage.outs:
        words["outs"] = [{f"{below}{out}": {"persist": True}} for out in stage.outs]
    if stage.name == "evaluation":
        words["metrics"] = [{f"{below}{SUMMARY}": {"persist": True}}]
        words["outs"] = [{f"{below}{ALARMS}": {"persist": True}}]
    return words


def code_yaml() -> str:
    """Digests of the rooms' code, for a repository that the package lies outside of."""
    rooms = sorted({room for stage in STAGES for room in stage.code})
    digests: Mapping[str, str] = {room: code_digest(room) for room in rooms}
    return yaml.safe_dump(dict(digests), sort_keys=True)
