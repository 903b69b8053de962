"""The inbox: what people and programs drop there, in every state, ends once in `processed` or `rejected`, with the reason beside it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecoai_pipeline.domain import Industry, Month
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources import inbox
from ecoai_pipeline.sources.inbox import Fate, Landed, files_at_rest, land_inbox
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import CANONICAL, hours

Drop = Callable[..., Path]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Files count as at rest at once."""
    return settings.model_copy(update={"sources": settings.sources.model_copy(update={"inbox_rest_s": 0})})


@pytest.fixture
def drop(lake: Lake) -> Drop:
    def write(name: str, *rows: str, header: str = CANONICAL) -> Path:
        path = lake.root / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *(rows or hours())]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def land(lake: Lake, settings: Settings) -> Callable[[], dict[str, Landed]]:
    """Land what lies there; a file that has gone has a reason beside it that says what the call said."""

    def run() -> dict[str, Landed]:
        landed = land_inbox(lake, settings)
        for one in landed:
            if one.moved_to is not None:
                beside = json.loads(one.moved_to.with_name(f"{one.moved_to.name}.reason.json").read_text(encoding="utf-8"))
                assert beside == json.loads(json.dumps(one.reason, default=str))
                assert one.moved_to.parent == lake.root / one.fate
        return {one.file: one for one in landed}

    return run


def left(lake: Lake) -> list[str]:
    folder = lake.root / "inbox"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def test_a_file_is_landed_and_the_reason_says_what_became_of_it(drop, land, lake):
    data = drop("m.csv", *hours(), "m,no time,1").read_bytes()
    reason = land()["m.csv"].reason
    statement, *_ = Landing(lake).in_force()
    assert (reason["sha256"], reason["statement_id"]) == (hashlib.sha256(data).hexdigest(), statement.statement_id)
    assert [reason[name] for name in ("readings_in", "accepted", "quarantined", "added")] == [25, 24, 1, 24]
    assert reason["quarantined_by_reason"] == {"the date or time cannot be read": 1}
    (warning,) = reason["warnings"]
    assert warning == "industry unknown of 1 meters (m): taken as other, capacity inferred; give --industry or --meters REGISTRY.csv"
    assert abs(datetime.fromisoformat(reason["at"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert left(lake) == []


def test_a_file_that_was_written_to_a_moment_ago_waits_whatever_its_times_say(drop, lake, settings):
    """Copiers set the time of modification of the original, some before all bytes are there."""
    patient = settings.model_copy(update={"sources": settings.sources.model_copy(update={"inbox_rest_s": 30})})
    whole = drop("whole.csv")
    time.sleep(0.02)
    copying = drop("copying.csv")
    os.utime(copying, (0, 0))
    os.utime(drop("future.csv"), (4e9, 4e9))
    arrived = datetime.fromtimestamp(whole.stat().st_ctime, UTC)
    assert files_at_rest(lake, patient, arrived + timedelta(seconds=29)).files == ()
    assert files_at_rest(lake, patient, arrived + timedelta(seconds=30.001)).files == (whole,)
    assert len(files_at_rest(lake, patient, arrived + timedelta(minutes=2)).files) == 3


def test_what_is_not_whole_by_its_name_waits_until_it_is_renamed(drop, land, lake):
    names = ["a.csv.part", "b.csv.filepart", "c.crdownload", "D.CSV.TMP", ".e.csv.x7Hs2", "~$f.xlsx", ".hidden/g.csv"]
    for name in names:
        drop(name)
    assert land() == {}
    assert left(lake) == sorted(names)
    (lake.root / "inbox" / "a.csv.part").rename(lake.root / "inbox" / "a.csv")
    assert land()["a.csv"].fate is Fate.PROCESSED


def test_a_file_that_grows_while_it_is_read_stays_and_leaves_nothing_behind(drop, land, lake, monkeypatch):
    path, real = drop("m.csv"), inbox.ingest_file

    def slow(*args, **named):
        with pytest.MonkeyPatch.context() as patch:
            copy = Landing.land

            def late(self, source, digest):
                with path.open("a", encoding="utf-8") as file:
                    file.write("m,2025-03-02 00:00:00,29\n")
                return copy(self, source, digest)

            patch.setattr(Landing, "land", late)
            return real(*args, **named)

    monkeypatch.setattr(inbox, "ingest_file", slow)
    assert (land()["m.csv"].fate, left(lake)) == (Fate.LEFT, ["m.csv"])
    assert not Landing(lake).in_force()
    assert not list(lake.root.rglob("*.parquet"))
    monkeypatch.undo()
    assert land()["m.csv"].reason["accepted"] == 25


def test_a_file_that_vanishes_is_no_fault(drop, land, lake, monkeypatch):
    gone, other = drop("gone.csv"), drop("m.csv")
    real = inbox.is_registry

    def taken_away(path):
        gone.unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(inbox, "is_registry", taken_away)
    assert {name: one.fate for name, one in land().items()} == {"gone.csv": Fate.VANISHED, "m.csv": Fate.PROCESSED}
    assert not other.exists()
    assert not list((lake.root / "rejected").glob("*"))


def test_the_same_file_twice_is_one_statement_and_both_copies_move(drop, land, lake):
    for name in ("m.csv", "again.csv", "by mail/m.csv"):
        drop(name)
    first = land()
    assert {one.fate for one in first.values()} == {Fate.PROCESSED}
    assert {one.moved_to.name for one in first.values()} == {"m.csv", "again.csv", "m-2.csv"}
    assert [one.reason["already"] for one in first.values()] == [False, True, True]
    drop("m.csv")
    second = land()["m.csv"]
    assert (second.moved_to.name, second.reason["already"], second.reason["unchanged"]) == ("m-3.csv", True, 24)
    assert len(Landing(lake).in_force()) == 1


def test_refused_files_say_why_and_stop_nobody(drop, land, lake):
    drop("empty.csv").write_bytes(b"")
    drop("torn.csv.gz").write_bytes(b"\x1f\x8b\x08\x00torn")
    drop("letter.txt", "with kind regards", header="Dear all")
    drop("m.csv")
    landed = land()
    assert {name: one.fate.value for name, one in landed.items()} == {
        "empty.csv": "rejected",
        "torn.csv.gz": "rejected",
        "letter.txt": "passed_over",
        "m.csv": "processed",
    }
    assert landed["empty.csv"].reason["error"] == "empty.csv: it is empty (0 bytes); ask the provider for it again"
    assert landed["empty.csv"].reason["sha256"] == hashlib.sha256(b"").hexdigest()
    assert "the gzip file is torn or damaged" in landed["torn.csv.gz"].reason["error"]


def test_a_fault_of_the_program_rejects_one_file_with_its_traceback(drop, land, lake, monkeypatch):
    drop("bad.csv")
    drop("m.csv")
    real = inbox.ingest_file
    monkeypatch.setattr(
        inbox, "ingest_file", lambda lake, settings, path, *a, **n: 1 / 0 if path.name == "bad.csv" else real(lake, settings, path, *a, **n)
    )
    landed = land()
    reason = landed["bad.csv"].reason
    assert reason["error"].startswith("a fault of this program, not of the file: ZeroDivisionError: division by zero")
    assert "Traceback" in reason["traceback"]
    assert landed["m.csv"].fate is Fate.PROCESSED


def test_a_file_that_may_not_be_read_is_rejected(drop, land, monkeypatch):
    secret = drop("secret.csv")

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(inbox, "digest_of", refuse)
    landed = land()["secret.csv"]
    assert (landed.fate, landed.reason["error"]) == (
        Fate.REJECTED,
        "it cannot be read (Permission denied); allow this user to read it and drop it again",
    )
    assert not secret.exists()


@pytest.mark.parametrize("where", ["reading", "reason", "moving"])
def test_a_full_disk_leaves_the_file_and_the_others_go_on(drop, land, lake, monkeypatch, where):
    drop("a.csv")
    drop("m.csv", *hours(meter="n"))

    def once(real):
        state = {"full": True}

        def run(*args, **named):
            if state.pop("full", False):
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **named)

        return run

    name = {"reading": "ingest_file", "reason": "write_text", "moving": "_move"}[where]
    monkeypatch.setattr(inbox, name, once(getattr(inbox, name)))
    landed = land()
    assert [one.fate for one in landed.values()] == [Fate.LEFT, Fate.PROCESSED]
    assert "No space left on device; it stays in the inbox" in landed["a.csv"].reason["error"]
    again = land()["a.csv"]
    assert (again.fate, again.moved_to.name, again.reason["already"]) == (Fate.PROCESSED, "a.csv", where != "reading")
    assert left(lake) == []


def test_after_a_kill_between_landing_and_moving_the_file_is_only_moved(drop, land, lake, settings, monkeypatch):
    drop("m.csv")

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(inbox, "_move", killed)
    with pytest.raises(KeyboardInterrupt):
        land_inbox(lake, settings)
    monkeypatch.undo()
    assert left(lake) == ["m.csv"]
    landed = land()["m.csv"]
    assert (landed.reason["already"], landed.moved_to.name, len(Landing(lake).in_force())) == (True, "m.csv", 1)
    assert sorted(path.name for path in (lake.root / "processed").iterdir()) == ["m.csv", "m.csv.reason.json"]


def test_an_inbox_on_another_file_system_is_emptied_by_copying(drop, land, lake, monkeypatch):
    path = drop("m.csv")
    data, real = path.read_bytes(), Path.rename

    def abroad(self, target):
        if self == path:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", abroad)
    assert land()["m.csv"].moved_to.read_bytes() == data
    assert left(lake) == []


def test_two_runs_at_once_take_turns(drop, lake, settings):
    for n in range(6):
        drop(f"{n}.csv", *hours(meter=f"m{n}"))
    outcomes: list[list[Landed]] = []
    threads = [threading.Thread(target=lambda: outcomes.append(land_inbox(lake, settings))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(landed) for landed in outcomes) == [0, 6]
    assert len(Landing(lake).in_force()) == 6


@pytest.mark.parametrize(
    ("place", "industry"),
    [
        ("metal/m.csv", "metal"),
        ("금속/m.csv", "metal"),
        (unicodedata.normalize("NFD", "금속/m.csv"), "metal"),
        ("kepco/2025/paper wood/m.csv", "paper_wood"),
        ("metal/food/m.csv", "food"),
        ("unknown folder/m.csv", "other"),
        ("metal", "other"),
    ],
    ids=["english", "korean", "korean-decomposed", "nested", "innermost", "no-industry", "a-file-named-so"],
)
def test_a_folder_named_after_an_industry_says_it_of_its_files(drop, land, lake, place, industry):
    drop(place)
    assert [one.fate for one in land().values()] == [Fate.PROCESSED]
    assert MeterRegistry(lake).at("m", Month(2025, 3)).industry == Industry(industry)


def test_a_registry_is_known_by_its_header_and_comes_before_the_readings(drop, land, lake):
    drop("a.csv", *hours())
    drop("zz/meters.csv", "m,금속,UTC", header="meter_id,industry,time_zone")
    landed = land()
    assert list(landed) == ["zz/meters.csv", "a.csv"]
    assert {name: landed["zz/meters.csv"].reason[name] for name in ("source", "rows_added", "meters")} == {
        "source": "registry",
        "rows_added": 1,
        "meters": ["m"],
    }
    assert landed["a.csv"].reason["warnings"] == []
    known = MeterRegistry(lake).at("m", Month(2025, 3))
    assert (known.industry, known.time_zone) == (Industry.METAL, "UTC")
    drop("bad.csv", "m,steel mill", header="meter_id,industry")
    drop("note.csv", "m,metal,x", header="meter_id,industry,note")
    again = land()
    assert "row 2, column 'industry': unknown industry 'steel mill'" in again["bad.csv"].reason["error"]
    assert "column 'note' is not one of" in again["note.csv"].reason["error"]


def test_names_of_all_kinds_keep_their_files(drop, land, lake):
    """255 bytes is the longest name of a file system; what is put behind it must fit, too."""
    long = "검" * 83 + ".csv"
    raw = os.fsdecode("검침 자료.csv".encode("cp949"))
    for number, name in enumerate(["two words  .csv", "검침자료.csv", long, raw, "no ending", "a'b\"c;d.csv"]):
        drop(name, *hours(meter=f"m{number}"))
    landed = land()
    assert {one.fate for one in landed.values()} == {Fate.PROCESSED}
    assert set(landed) == {"two words  .csv", "검침자료.csv", long, "검침 자료.csv", "no ending", "a'b\"c;d.csv"}
    assert landed[long].moved_to.name == "검" * 58 + ".csv"
    assert {statement.file for statement in Landing(lake).in_force()} == set(landed)


def test_links_and_devices_are_refused_as_their_content_may_change_under_us(drop, land, lake, tmp_path):
    target = tmp_path / "elsewhere.csv"
    target.write_text("\n".join([CANONICAL, *hours()]) + "\n", encoding="utf-8")
    folder = drop("m.csv").parent
    (folder / "link.csv").symlink_to(target)
    (folder / "dangling.csv").symlink_to(tmp_path / "nowhere")
    (folder / "folder").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe.csv")
    landed = land()
    refused = {name for name, one in landed.items() if one.fate is Fate.REJECTED}
    assert refused == {"link.csv", "dangling.csv", "folder", "pipe.csv"}
    assert all("drop the file itself" in landed[name].reason["error"] for name in refused)
    assert target.exists()
    assert left(lake) == []
