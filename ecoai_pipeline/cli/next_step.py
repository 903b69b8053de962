"""What to do next with a root: what `ecoai` without a command says, and the last line of a status."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ecoai_pipeline.cli.output import print_note, screen_width
from ecoai_pipeline.cli.pipeline import newest_days, yesterday
from ecoai_pipeline.domain import SCORES, VALIDATED_READINGS, Industry
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.storage.lake import Lake


@dataclass(frozen=True)
class NextStep:
    """What a root has, and the commands that come next, each with what it does."""

    state: str
    commands: tuple[tuple[str, str], ...]

    def lines(self) -> list[str]:
        wide = max(len(command) for command, _ in self.commands)
        return [self.state, *(f"  {command:<{wide}}  {what}" for command, what in self.commands)]


def suggest() -> None:
    """Print what the program is for, and the next step."""
    width = screen_width()
    print_note("ecoai finds anomalies in the electricity readings of industrial meters. `ecoai --help` lists all commands.", width)
    for line in next_step(load_settings().root).lines():
        print_note(line, width)


def next_step(root: Path) -> NextStep:
    """The next step for a root, from what has come in, what was trained and which night ran last. Nothing is written."""
    from ecoai_pipeline.storage.lake import Lake
    from ecoai_pipeline.storage.landing import Landing
    from ecoai_pipeline.storage.model_registry import ModelRegistry

    ecoai, lake = program(root), Lake(root)
    if not root.is_dir() or not Landing(lake).in_force():
        return NextStep(f"There are no readings under {root} yet.", _beginnings(ecoai))
    if not ModelRegistry(lake).entries():
        return _before_models(lake, ecoai)
    newest, scored = _newest_day(lake), any(lake.months(SCORES, industry) for industry in Industry)
    night = _last_night(lake)
    if not scored or night is None or (newest and night < newest):
        day = "" if newest is None or newest >= yesterday(lake) else f" --date {newest}"
        told = f"the last night is {night}" if night else "no night ran yet"
        return NextStep(
            f"{root} has readings up to {newest} and models; {told}.",
            ((f"{ecoai} nightly{day}", "score the readings and find the events"),),
        )
    return NextStep(
        f"{root} is up to date: the night of {night} has run.",
        (
            (f"{ecoai} events", "list the events"),
            (f"{ecoai} report --date {night}", "write the pages about the night"),
            (f"{ecoai} ui", "see the runs in Dagster"),
        ),
    )


def _beginnings(ecoai: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"{ecoai} try FILE", "a first look at a file of yours, in a folder of its own"),
        (f"{ecoai} ingest FILE --industry metal", "take in readings (`ecoai formats` lists what is read)"),
        (f"{ecoai} demo", "the whole way on a made-up portfolio"),
    )


def _before_models(lake: Lake, ecoai: str) -> NextStep:
    months = sorted({month for industry in Industry for month in lake.months(VALIDATED_READINGS, industry)})
    if len(months) < 2:
        have = f"of {months[0]}" if months else "that are not materialized"
        first = f"{ecoai} train --months {months[0]}" if months else f"{ecoai} materialize raw_readings validated_readings"
        why = "train on this month itself; its events are then found in hindsight" if months else "make tables of them"
        return NextStep(
            f"{lake.root} has readings {have}; training keeps the last month for scoring, so two months are better.",
            ((f"{ecoai} ingest FILE", "take in more months"), (first, why)),
        )
    return NextStep(
        f"{lake.root} has readings of {months[0]} to {months[-1]}, and no model yet.",
        ((f"{ecoai} train", "fit the models on all months but the last"),),
    )


def _newest_day(lake: Lake) -> date | None:
    """The newest day with a reading, each meter's in its own zone."""
    newest = {partition.industry: partition for partition in lake.partitions(VALIDATED_READINGS)}
    return max(newest_days(lake, newest.values()).values(), default=None)


def _last_night(lake: Lake) -> date | None:
    from ecoai_pipeline.detection.night import detections_ledger

    return max((run.day for _, run in detections_ledger(lake).read()), default=None)


def program(root: Path) -> str:
    """How the program is called for a root."""
    return "ecoai" if root == Path("data") else f"ecoai --root {shlex.quote(str(root))}"
