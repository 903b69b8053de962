"""What faults there are and how they are drawn: the typed form of the versioned file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FAULTS_FILE = "faults-v1.yaml"
PACKAGED = {"v1": FAULTS_FILE, "v2": "faults-v2.yaml"}
"""Plans that the package carries, by the names that commands take for them."""

Change = Literal[
    "add", "take", "add_ramp", "add_noise", "add_teeth", "zero", "hold", "scale_down", "move", "extend", "repeat",
    "raise_low", "work_on", "cycle", "add_decay", "beat", "fade",
]  # fmt: skip
Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultKind(_Frozen):
    """One kind: its change of the load, its durations in hours, and where they differ from the plan's, its depths."""

    change: Change
    hours: Range
    depth: Range | None = None
    starts: Literal["anywhere", "midnight", "end_of_work"] = "anywhere"
    by_hours: Range | None = Field(None, description="how far `move` moves, hours")

    @model_validator(mode="after")
    def _move_says_how_far(self) -> FaultKind:
        if (self.change == "move") != (self.by_hours is not None):
            raise ValueError("by_hours stands with the change 'move', and only there")
        return self


class FaultPlan(_Frozen):
    """All that drawing faults depends on; depths in spreads, see the file."""

    version: int
    share: float = Field(ge=0, le=1)
    seeds: tuple[int, ...]
    depth: Range
    least_spread: float = Field(gt=0)
    most_load: float = Field(ge=1)
    apart_hours: float = Field(gt=0)
    kinds: dict[str, FaultKind]

    def depths_of(self, kind: str) -> Range:
        return self.kinds[kind].depth or self.depth


def standard_plan() -> FaultPlan:
    """The plan that figures are compared by, and that is taken where none is named."""
    return _packaged(FAULTS_FILE)


@cache
def _packaged(file: str) -> FaultPlan:
    text = files(__package__).joinpath(file).read_text(encoding="utf-8")
    return FaultPlan.model_validate(yaml.safe_load(text))


def find_plan(name: str) -> FaultPlan:
    """A plan of the package by its name in `PACKAGED`, else one from a file of that path.

    Raises:
        ValueError: there is neither, or the file is no plan; the message names the entries.

    >>> find_plan("v2").version
    2
    """
    if name in PACKAGED:
        return _packaged(PACKAGED[name])
    if not Path(name).is_file():
        raise ValueError(f"faults {name}: there is no such file; name one of {', '.join(PACKAGED)}, or a file in the form of {FAULTS_FILE}")
    return read_plan(Path(name))


def read_plan(path: Path) -> FaultPlan:
    """A plan of one's own, in the form of the standard one.

    Raises:
        ValueError: the file cannot be read, or is no plan; the message names the entries.
    """
    try:
        return FaultPlan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ValueError(f"faults {path}: {wrong}; compare it with {FAULTS_FILE} of this package") from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:  # a date that is none is a ValueError of its own
        raise ValueError(f"faults {path}: it cannot be read ({error})") from None
