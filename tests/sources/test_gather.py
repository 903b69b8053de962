"""Folders and archives as people have them: what other programs left is passed over, members of a zip are read one by one."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ecoai_pipeline.cli.app import app
from ecoai_pipeline.settings import SourceParams
from ecoai_pipeline.sources.gather import Found, is_archive, read_members
from ecoai_pipeline.sources.inbox import Fate, land_inbox
from ecoai_pipeline.sources.ingest import IngestOptions, ingest_file
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import CANONICAL, RECEIVED, hours, put, put_workbook

BOUNDS = SourceParams()
JUNK = [".DS_Store", "Thumbs.db", "desktop.ini", "~$good.xlsx", "._good.csv", "__MACOSX/._good.csv"]
TEXT = "\n".join([CANONICAL, *hours()]) + "\n"


def zipped(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def inside(path: Path, folder: Path, bounds: SourceParams = BOUNDS) -> tuple[list[str], list[str], list[str]]:
    """Names of the files, of those passed over, and errors."""
    passed: list[str] = []
    found = list(read_members(Found(path, path.name), folder, passed, bounds))
    return [one.file for one in found if isinstance(one, Found)], passed, [str(one) for one in found if isinstance(one, IngestError)]


def run(root: Path, *arguments: str | Path) -> tuple[int, dict]:
    done = CliRunner().invoke(app, ["--root", str(root), "ingest", *map(str, arguments), "--dry-run", "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    for name in JUNK:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\0\x01junk")
    put(folder / "README.txt", "Readings of March, from the utility.\n")
    put(folder / "good.csv", TEXT)
    return folder


def test_a_folder_with_junk_and_a_note_is_read_without_an_error(tmp_path, drop, monkeypatch):
    monkeypatch.setenv("ECOAI_ROOT", str(tmp_path / "lake"))
    code, answer = run(tmp_path / "lake", drop)
    assert (code, answer["accepted"], len(answer["files"])) == (0, 24, 1)
    assert sorted(answer["passed_over"]) == sorted([*(Path(name).name for name in JUNK), "README.txt"])


def test_a_note_that_was_named_is_an_error(tmp_path, drop, monkeypatch):
    monkeypatch.setenv("ECOAI_ROOT", str(tmp_path / "lake"))
    code, answer = run(tmp_path / "lake", drop / "README.txt", drop / "good.csv")
    assert code == 1
    assert "holds no table of readings" in answer["files"][0]["error"]


def test_a_table_with_unknown_columns_in_a_folder_is_an_error(tmp_path, drop, monkeypatch):
    monkeypatch.setenv("ECOAI_ROOT", str(tmp_path / "lake"))
    put(drop / "odd.csv", "when,much\n2025-03-01 00:00,1\n2025-03-01 01:00,1\n")
    code, answer = run(tmp_path / "lake", drop)
    assert (code, answer["accepted"]) == (1, 24)


def test_members_of_an_archive_are_statements_of_their_own(lake, settings, tmp_path):
    path = zipped(tmp_path / "export.zip", {"a/one.csv": TEXT, "two.csv": TEXT.replace("m,", "n,"), "__MACOSX/._one.csv": b"\0"})
    (tmp_path / "out").mkdir()
    assert inside(path, tmp_path / "out") == (["export.zip/a/one.csv", "export.zip/two.csv"], ["export.zip/__MACOSX/._one.csv"], [])
    assert not list((tmp_path / "out").iterdir())


def test_a_member_lands_with_its_own_bytes(tmp_path, lake, settings, ingest):
    inbox = lake.root / "inbox"
    inbox.mkdir(parents=True)
    zipped(inbox / "export.zip", {"one.csv": TEXT, "bad.csv": "when,much\n2025-03-01 00:00,1\n", "note.txt": "Hello, you"})
    os.utime(inbox / "export.zip")
    (done,) = land_inbox(lake, settings.model_copy(update={"sources": settings.sources.model_copy(update={"inbox_rest_s": 0})}))
    assert done.fate is Fate.PROCESSED
    (statement,) = Landing(lake).in_force()
    assert statement.file == "export.zip/one.csv"
    assert (lake.root / "landing" / statement.sha256).read_text(encoding="utf-8") == TEXT
    assert sorted(path.name for path in (lake.root / "rejected").iterdir()) == ["export.zip_bad.csv", "export.zip_bad.csv.reason.json"]
    assert [one["fate"] for one in done.reason["members"]] == [Fate.PROCESSED, Fate.REJECTED, Fate.PASSED_OVER]


def test_junk_stays_in_the_inbox_and_a_note_is_put_aside(lake, settings):
    inbox = lake.root / "inbox"
    for name in [*JUNK, "README.txt"]:
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        put(inbox / name, "Readings, from the utility.")
    at_once = settings.model_copy(update={"sources": settings.sources.model_copy(update={"inbox_rest_s": 0})})
    assert [(one.file, one.fate) for one in land_inbox(lake, at_once)] == [("README.txt", Fate.PASSED_OVER)]
    assert (lake.root / "passed_over" / "README.txt").exists()


def test_an_archive_in_an_archive_is_read_but_not_a_third_one(tmp_path):
    third = zipped(tmp_path / "c.zip", {"three.csv": TEXT}).read_bytes()
    second = zipped(tmp_path / "b.zip", {"two.csv": TEXT, "c.zip": third}).read_bytes()
    path = zipped(tmp_path / "a.zip", {"one.csv": TEXT, "b.zip": second})
    (tmp_path / "out").mkdir()
    names, _, errors = inside(path, tmp_path / "out")
    assert names == ["a.zip/one.csv", "a.zip/b.zip/two.csv"]
    assert errors == ["a.zip/b.zip/c.zip: it is an archive within archives; unpack it"]


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "C:\\evil.csv", "a/../../evil.csv"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path, name):
    (tmp_path / "out").mkdir()
    names, _, errors = inside(zipped(tmp_path / "a.zip", {name: TEXT, "good.csv": TEXT}), tmp_path / "out")
    assert names == ["a.zip/good.csv"]
    assert "leads out of the archive" in errors[0]


def test_a_member_that_unpacks_to_far_more_than_it_has_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    _, _, errors = inside(zipped(tmp_path / "a.zip", {"bomb.csv": bytes(64 << 20)}), tmp_path / "out")
    assert "meant to do harm" in errors[0]


@pytest.mark.parametrize("bounds", [SourceParams(archive_gb=1e-7), SourceParams(archive_files=1)], ids=["bytes", "files"])
def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path, bounds):
    _, _, errors = inside(zipped(tmp_path / "a.zip", {"one.csv": TEXT, "two.csv": TEXT}), tmp_path, bounds)
    assert "too much" in errors[0]


def test_a_torn_archive_is_refused_by_name(tmp_path):
    path = zipped(tmp_path / "a.zip", {"one.csv": TEXT * 50})
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    (tmp_path / "out").mkdir()
    _, _, errors = inside(path, tmp_path / "out")
    assert errors[0].startswith("a.zip/one.csv: it cannot be unpacked")


@pytest.mark.parametrize(
    ("raw", "shown"), [("검침 자료.csv".encode("cp949"), "검침 자료.csv"), ("Zähler.csv".encode("cp437"), "Zähler.csv")]
)
def test_names_of_members_in_other_encodings(tmp_path, raw, shown):
    path = zipped(tmp_path / "a.zip", {"X" * len(raw): TEXT})
    path.write_bytes(path.read_bytes().replace(b"X" * len(raw), raw))
    (tmp_path / "out").mkdir()
    assert inside(path, tmp_path / "out")[0] == [f"a.zip/{shown}"]


def test_a_workbook_is_no_archive(tmp_path):
    assert not is_archive(put_workbook(tmp_path / "w.xlsx", [CANONICAL.split(","), ["m", "2025-03-01 00:00", "1"]]))
    assert is_archive(zipped(tmp_path / "a.zip", {"one.csv": TEXT}))


def test_each_reason_of_a_partly_accepted_file_is_shown_with_its_first_row(ingest, table):
    result = ingest(table(*hours(), "m,2025-03-02 00:00:00,x", "m,never,1", "m,2025-03-02 01:00:00,y"))
    assert result.first_row_by_reason == {"the value is not a number": 26, "the date or time cannot be read": 27}
    assert (
        ingest(table(*hours(), "m,2025-03-02 00:00:00,x", "m,never,1", "m,2025-03-02 01:00:00,y")).first_row_by_reason
        == result.first_row_by_reason
    )


def test_a_meter_is_found_in_an_archive_to_be_erased(tmp_path):
    packed = zipped(tmp_path / "inner.zip", {"a.csv.gz": gzip.compress(TEXT.replace("m,", "ÅNGE-1,").encode("cp1252"))}).read_bytes()
    path = zipped(tmp_path / "outer.zip", {"inner.zip": packed, "M-7.csv": TEXT})
    assert [Name(name).stands_in(path) for name in ("ÅNGE-1", "M-7", "other")] == [True, True, False]


def test_a_member_is_read_again_from_landing(lake, settings, tmp_path, raw):
    path = put(tmp_path / "0-1", TEXT)
    result = ingest_file(lake, settings, path, IngestOptions(), received_at=RECEIVED, file="export.zip/a/one.csv")
    shutil.rmtree(lake.root / "landing" / "parsed")
    assert raw(result).height == 24
    assert Landing(lake).in_force()[0].file == "export.zip/a/one.csv"


def test_the_answer_shows_reasons_and_what_was_passed_over(tmp_path, drop, monkeypatch):
    monkeypatch.setenv("ECOAI_ROOT", str(tmp_path / "lake"))
    put(drop / "good.csv", TEXT + "m,2025-03-02 00:00:00,x\nm,2025-03-02 01:00:00,y\n")
    shown = CliRunner().invoke(app, ["--root", str(tmp_path / "lake"), "ingest", str(drop), "--dry-run"]).stdout
    assert "good.csv: 2 readings in quarantine, the first in row 26: the value is not a number" in shown
    assert "passed over 7 files that hold no readings: " in shown
