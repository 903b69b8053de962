"""`ecoai …` as people and programs call it, and small files to call it with."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ecoai_pipeline.cli import main

HEADER = "building_id,timestamp,meter_reading,anomaly"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Ecoai:
    """`ecoai --root ROOT …`, in this process: starting one costs more than most commands do."""

    root: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ran:
        self.patch.setattr(sys, "argv", ["ecoai", "--root", str(self.root), *arguments])
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = self.capture.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)


@pytest.fixture
def ecoai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ecoai:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("ECOAI_ROOT", "replaced by --root")
    monkeypatch.setenv("ECOAI_DETECTORS__USAD__EPOCHS", "3")
    return Ecoai(tmp_path / "root", monkeypatch, capsys)


def lead_file(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def hours(meter: str, day: str, values: list[str]) -> list[str]:
    return [f"{meter},{day} {hour:02d}:00:00,{value},0" for hour, value in enumerate(values)]
