"""Every command that reads, on narrow screens, over meters whose ids are long, wide, or mean something to another program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

if TYPE_CHECKING:
    from tests.cli.conftest import Ecoai

KOREAN = "한국전력공사강원본부춘천산업단지변압기제일호계량기"
ODD = (
    "hall [/north]",
    ":100:",
    "$P$",
    "=cmd|' /C calc'!A0",
    "\x1b[31mred\x1b[0m",
    KOREAN,
    "x" * 70,
)
COMMANDS = [
    [],
    ["events"],
    ["revisions"],
    ["status"],
    ["status", "--layers"],
    ["quality"],
    ["meters", "list"],
    ["statements", "list"],
    ["models", "list"],
    ["versions", "list"],
    ["formats"],
    ["formats", "nem12"],
    ["report", "--date", "2025-01-02"],
    ["--help"],
    ["bench", "--help"],
    ["evaluate", "--help"],
    *(["meters", "show", name] for name in ODD),
    *(["readings", "history", name, "2025-01-02"] for name in ODD),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with three days of the odd meters, made once: the commands only read."""
    from datetime import UTC, datetime

    from ecoai_pipeline.domain import Industry
    from ecoai_pipeline.settings import load_settings
    from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
    from ecoai_pipeline.sources.raw import materialize_raw
    from ecoai_pipeline.storage.lake import Lake

    folder = tmp_path_factory.mktemp("odd")
    lake, file = Lake(folder / "root"), folder / f"{'long' * 20}-한글파일.csv"
    rows = [f'"{name}",2025-01-{day:02d} {hour:02d}:00,{5 + hour % 3}' for name in ODD for day in (1, 2, 3) for hour in range(24)]
    file.write_text("meter_id,timestamp,kwh\n" + "\n".join(rows) + "\n", encoding="utf-8")
    made = ingest_file(lake, load_settings(), file, IngestOptions(industry=Industry.METAL), received_at=datetime(2025, 1, 5, tzinfo=UTC))
    for partition in made.partitions:
        materialize_raw(lake, load_settings(), partition)
    return lake.root


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command).encode("unicode_escape").decode() or "nothing")
def test_no_line_is_wider_than_the_screen_and_no_id_acts_on_it(
    ecoai: Ecoai, root: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    if "--help" not in command:  # Rich takes a dumb terminal for 80 columns wide
        monkeypatch.setattr(sys.stdout.__class__, "isatty", lambda _: True, raising=False)
    ecoai.root = root
    ran = ecoai(*command)
    told = ran.out + ran.err
    assert not set(told) & {"\x1b", "\x9b", "\x07"}
    assert "Traceback" not in told
    too_wide = [line for line in told.splitlines() if cell_len(line.rstrip()) > width and len(line.split()) > 1]
    assert too_wide == []
    for name in ODD[:4]:
        if command[:2] == ["meters", "list"]:
            assert name in told
