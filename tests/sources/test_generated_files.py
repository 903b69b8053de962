"""No file is read wrongly: files made up from seeds are read as they say, or refused with the option that reads them."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isclose
from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.intake import Intake, Prepared
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.storage.lake import Lake
from tests.sources.generated import Made, made

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = re.compile(r"\b(decimal|format|encoding)=|--(decimal|encoding)\b")
READ_WITHOUT_OPTIONS = 0.98


@dataclass
class Outcome:
    """What became of the files: how many were read at once, after an option, and the seeds of those read wrongly or never."""

    unambiguous: int = 0
    at_once: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def options(one: Made, asked: frozenset[str]) -> IngestOptions:
    """What the sender says: what no reader can see in the file (a zone, a stamp at the end), and what he was asked for."""
    said = {name: one.options[name] for name in asked | (one.needs & {"stamp", "interval", "end"})}
    columns = {name: one.options[name] for name in ("meter", "timestamp", "kwh", "stamp")}
    zone = one.options["zone"] if "zone" in one.needs else None
    return IngestOptions(zone=zone, columns=ColumnMapping.model_validate({**columns, **said}) if said else None)


def read(lake: Lake, settings: Settings, one: Made, said: IngestOptions) -> dict[str, dict[datetime, float | None]]:
    """By meter the starts and kWh of the accepted readings.

    Raises:
        IngestError: the file is refused.
    """
    found: dict[str, dict[datetime, float | None]] = {}

    def keep(_month: object, rows: pl.DataFrame) -> None:
        for meter, start, kwh in rows.select("meter_id", "timestamp", "kwh").iter_rows():
            found.setdefault(meter, {})[start] = kwh

    intake = Intake(lake, settings, Prepared.of(one.path, one.path.name, said), said, NOW, write=False, watch=keep)
    intake.read()
    return found


def judge(lake: Lake, settings: Settings, one: Made, outcome: Outcome) -> None:
    asked: frozenset[str] = frozenset()
    unambiguous = not one.needs & {"decimal", "format", "encoding"}
    outcome.unambiguous += unambiguous
    for _ in range(4):
        try:
            found = read(lake, settings, one, options(one, asked))
        except IngestError as error:
            named = frozenset(name for match in ASKED.finditer(str(error)) for name in match.groups() if name)
            outcome.refused[", ".join(sorted(named)) or str(error)[:60]] += 1
            if not named - asked:
                outcome.wrong.append(f"refused without a way out: {error}\n  {one.marks}")
                return
            asked |= named
        else:
            outcome.at_once += unambiguous and not asked
            if difference := _difference(one, found):
                outcome.wrong.append(f"{difference}\n  asked {sorted(asked)}\n  {one.marks}")
            return


def _difference(one: Made, found: dict[str, dict[datetime, float | None]]) -> str:
    if one.readings.keys() != found.keys():
        return f"meters {sorted(found)} instead of {sorted(one.readings)}"
    for meter, truth in one.readings.items():
        read_ = found[meter]
        missing, extra = sorted(truth.keys() - read_.keys()), sorted(read_.keys() - truth.keys())
        if missing or extra:
            return f"{meter}: {len(missing)} starts missing, {len(extra)} too many, first {(missing or extra)[0]}"
        off = [start for start, kwh in truth.items() if not _same(read_[start], kwh)]
        if off:
            return f"{meter}: {len(off)} readings differ, first {read_[off[0]]} instead of {truth[off[0]]}"
    return ""


def _same(read_: float | None, truth: float | None) -> bool:
    return read_ is truth if read_ is None or truth is None else isclose(read_, truth, rel_tol=1e-9)


def judged(folder: Path, settings: Settings, seeds: range) -> Outcome:
    outcome, lake = Outcome(), Lake(folder / "root")
    for seed in seeds:
        one = made(folder, seed)
        judge(lake, settings, one, outcome)
        one.path.unlink()
    return outcome


@pytest.mark.parametrize("seeds", [range(120), pytest.param(range(11_000), marks=pytest.mark.full)], ids=len)
def test_no_file_is_read_wrongly(tmp_path: Path, settings: Settings, seeds: range) -> None:
    outcome = judged(tmp_path, settings, seeds)
    shown = "\n".join(outcome.wrong[:10])
    assert not outcome.wrong, f"{len(outcome.wrong)} of {len(seeds)} files:\n{shown}"
    assert outcome.at_once >= READ_WITHOUT_OPTIONS * outcome.unambiguous, json.dumps(outcome.refused)
