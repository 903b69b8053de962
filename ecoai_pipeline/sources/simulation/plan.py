"""What faults there are and how they are drawn: the typed form of the versioned file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FAULTS_FILE = "faults-v1.yaml"

Change = Literal["add", "take", "add_ramp", "add_noise", "add_teeth", "zero", "hold", "scale_down", "move", "extend", "repeat"]
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


@cache
def standard_plan() -> FaultPlan:
    """The plan that the package carries."""
    text = files(__package__).joinpath(FAULTS_FILE).read_text(encoding="utf-8")
    return FaultPlan.model_validate(yaml.safe_load(text))


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
