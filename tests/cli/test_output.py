"""What is printed: ids are data, tables fit the screen, times name their zone, and nothing of a fault of the program reaches the user."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from ecoai_pipeline.cli.output import Answer, Format, in_zone, print_error, progress_bar

if TYPE_CHECKING:
    from tests.cli.conftest import Ecoai

ODD = ["hall [/north]", "[bold]x", "[/red]", "P1:100:A", "P1:on:B", "$P$", "=1+1", "<b>x</b>", "a|b", "%s{}", "*", "..", "한글 계량기"]
AT = datetime(2025, 2, 28, 15, tzinfo=UTC)


@pytest.mark.parametrize("name", ODD)
def test_a_name_stands_in_table_title_and_note_as_it_is_written(capsys: pytest.CaptureFixture[str], name: str) -> None:
    Answer({}, [{"meter_id": name}], title=f"of {name}", notes=[f"note {name}"]).show(Format.TABLE)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert f"of {name}" in lines
    assert name in lines
    assert f"note {name}" in lines


def test_names_with_control_characters_are_written_as_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as steps:
        steps.start("read \x1b]0;x\x07", 1)
        steps.done("[/red] \x1b[2J")
    Answer({"m": "\x1b[31m\x9b"}, [{"meter_id": "\x1b[31mred\u202e"}], notes=["\x1b[2J"]).show(Format.TABLE)
    print_error("file \x1b[31m", Format.TABLE)
    print_error("file \x1b[31m", Format.JSON)
    told = capsys.readouterr()
    assert r"\x1b[31mred\u202e" in told.out
    assert not set(told.out + told.err) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_csv_keeps_names_whole_and_disarms_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    Answer({}, [{"meter_id": name, "kwh": -1.5} for name in ODD]).show(Format.CSV)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["meter_id"] for row in rows] == [f"'{name}" if name == "=1+1" else name for name in ODD]
    assert {row["kwh"] for row in rows} == {"-1.5"}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_fits_the_screen_and_says_what_it_leaves_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [{"event": "a1b2c3", "meter_id": name * 12, **{f"figure_{n}": 1234.5 for n in range(12)}} for name in ("m", "한", "ab c ")]
    Answer({}, rows, title="events").show(Format.TABLE)
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if not line.startswith("not shown")]
    assert max(cell_len(line.rstrip()) for line in table) <= width
    assert any("a1b2c3" in line for line in table)
    assert any(line.startswith(f"not shown, as the screen has {width} columns: ") for line in lines)


@pytest.mark.parametrize("name", ["meter_id", "event_id"])
@pytest.mark.parametrize("length", [27, 33, 60, 80])
def test_an_id_is_whole_and_another_column_is_left_out(capsys: pytest.CaptureFixture[str], name: str, length: int) -> None:
    one = "0123456789" * 8
    rows = [{name: one[:length], "industry": "other (guessed)", "capacity": "1,234.5 kW (inferred)", "readings": 35_040, "country": "KR"}]
    Answer({}, rows).show(Format.TABLE)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(one[:length])]
    assert max(cell_len(line.rstrip()) for line in lines if not line.startswith("not shown")) <= 80
    assert any(line.startswith("not shown, as the screen has 80 columns") for line in lines)


def test_an_id_too_long_for_the_screen_is_written_whole_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 100 + "y" * 100
    Answer({}, [{"meter_id": long}]).show(Format.TABLE)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.endswith(f" is {long}") for line in lines)
    assert all(cell_len(line.rstrip()) <= 80 for line in lines if long not in line)


def test_times_are_local_and_name_their_zone_and_programs_get_utc(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"meter_id": "a", "start": AT, "duration": timedelta(hours=27)}]
    answer = Answer({"rows": rows}, in_zone(rows, lambda _: "Asia/Seoul", "start"), title="events")
    answer.show(Format.TABLE)
    told = capsys.readouterr().out
    assert "events, times in Asia/Seoul" in told
    assert "2025-03-01 00:00" in told
    assert "1 d 3 h" in told
    answer.show(Format.JSON)
    assert json.loads(capsys.readouterr().out)["rows"][0]["start"] == "2025-02-28T15:00:00+00:00"
    answer.show(Format.CSV)
    assert "2025-02-28T15:00:00+00:00" in capsys.readouterr().out


def test_times_of_several_zones_each_name_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"meter_id": zone, "start": AT} for zone in ("Asia/Seoul", "Europe/London")]
    Answer({}, in_zone(rows, lambda row: row["meter_id"], "start"), ("start",)).show(Format.TABLE)
    told = " ".join(capsys.readouterr().out.split())
    assert "2025-03-01 00:00 Asia/Seoul" in told
    assert "2025-02-28 15:00 Europe/London" in told


READING = [
    ["events"],
    ["explain", "a1"],
    ["report"],
    ["revisions"],
    ["status"],
    ["status", "--layers"],
    ["quality"],
    ["ui"],
    ["land"],
    ["materialize", "scores"],
    ["train"],
    ["nightly"],
    ["backfill", "--months", "2025-01..2025-02"],
    ["meters", "list"],
    ["meters", "show", "m"],
    ["meters", "erase", "m", "--yes"],
    ["statements", "list"],
    ["statements", "withdraw", "s"],
    ["readings", "history", "m", "2025-01-01"],
    ["models", "list"],
    ["models", "show", "v"],
    ["models", "promote", "v", "--reason", "r"],
    ["versions", "list"],
    ["versions", "diff", "a", "b"],
    ["evaluate", "kinds", "--months", "2025-01..2025-02"],
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_missing_root_is_an_error_and_nothing_is_made(ecoai: Ecoai, command: list[str]) -> None:
    ran = ecoai(*command)
    assert ran.code == 1
    assert f"there is no folder {ecoai.root}" in ran.err.replace("\n", " ")
    assert ran.out == ""
    assert not ecoai.root.exists()


def test_without_a_command_the_next_step_is_named(ecoai: Ecoai) -> None:
    ran = ecoai()
    assert ran.code == 0
    assert f"ecoai --root {ecoai.root} ingest FILE" in ran.out
    assert not ecoai.root.exists()


def test_version_and_help(ecoai: Ecoai) -> None:
    assert ecoai("--version").out == "ecoai 0.1.0\n"
    for command in ([], ["ingest"], ["meters"], ["meters", "list"]):
        assert "Usage" in ecoai(*command, "-h").out


def test_a_fault_of_the_program_is_one_sentence_and_a_file(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    def broken(*_: object, **__: object) -> None:
        raise KeyError("meter_id")

    ecoai.root.mkdir()
    monkeypatch.setattr("ecoai_pipeline.storage.landing.Landing.in_force", broken)
    ran = ecoai("status", "--json")
    assert ran.code == 1
    told = ran.document["error"]
    assert told.startswith("this is a fault of the program (KeyError); nothing is half written.")
    log = Path(told.split("details are in ")[1].split(":")[0])
    assert "KeyError: 'meter_id'" in log.read_text(encoding="utf-8")
    log.unlink()
