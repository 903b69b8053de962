"""Erasing a meter: no file under the root names it, the others are as they were, and a file sent again does not bring it back."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ecoai_pipeline.detection import erase as erasing
from ecoai_pipeline.detection.anomalies import materialize_anomalies
from ecoai_pipeline.detection.drift import materialize_drift
from ecoai_pipeline.detection.erase import Erasure, erase_meter, still_holding
from ecoai_pipeline.detection.night import record_detections
from ecoai_pipeline.detection.scoring import materialize_scores
from ecoai_pipeline.detection.training import train
from ecoai_pipeline.domain import PARTITIONED, QUARANTINE, RAW_READINGS, Industry, MonthRange, Partition, Resolution
from ecoai_pipeline.features.build import materialize_features
from ecoai_pipeline.quality.validate import materialize_validated
from ecoai_pipeline.settings import Settings, load_settings
from ecoai_pipeline.sources.inbox import land_inbox
from ecoai_pipeline.sources.ingest import IngestOptions, IngestResult, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry

NOW = datetime(2025, 4, 2, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)  # when every dropped file has come to rest
GONE, STAYS = "plant-Ω7", "plant-Ω77"
MONTHS = MonthRange.parse("2025-01..2025-03")
PARTS = [Partition(Industry.METAL, month) for month in MONTHS]
STAGES = (materialize_raw, materialize_validated, materialize_features, materialize_scores, materialize_drift, materialize_anomalies)


def table(path: Path, meters: list[str], days: int, first: datetime = datetime(2025, 1, 1), factor: float = 1.0) -> Path:
    """Hourly readings with a day shift; each meter stands still on 18 March. A row of each cannot be read."""
    lines = ["meter_id,timestamp,kwh,label"]
    for number, meter in enumerate(meters):
        for hour in range(24 * days):
            start = first + timedelta(hours=hour)
            load = 20 + 50 * (7 <= start.hour < 19) + (hour * 7 + number) % 5 + number
            standing = start.date() == datetime(2025, 3, 18).date()
            lines.append(f"{meter},{start:%Y-%m-%d %H:%M},{0 if standing else load * factor},{'outage' if standing else ''}")
        lines.append(f"{meter},{first:%Y-%m-%d} soon,1,")
    data = "\n".join([*lines, f"torn,{meters[0]}", ""]).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def take_in(lake: Lake, settings: Settings, path: Path, **more: bool) -> IngestResult:
    mapping = "meter=meter_id,timestamp=timestamp,kwh=kwh,label=label"
    options = IngestOptions.of(columns=mapping, industry="metal", zone="Asia/Seoul")
    result = ingest_file(lake, settings, path, options, received_at=NOW, **more)
    assert result.statement.readings_in == result.statement.accepted + result.statement.quarantined
    return result


@pytest.fixture
def take(lake: Lake, settings: Settings) -> Callable[..., IngestResult]:
    return partial(take_in, lake, settings)


@pytest.fixture(scope="session")
def portfolio_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two meters over three months in one packed file, a correction of one alone, two files of the inbox; trained, scored, recorded.

    Made once, to be copied.
    """
    folder = tmp_path_factory.mktemp("two")
    lake = Lake(folder / "root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECOAI_DETECTORS__USAD__EPOCHS", "1")
        settings = load_settings()
        take_in(lake, settings, table(folder / "both.csv.gz", [GONE, STAYS], 90))
        take_in(lake, settings, table(folder / f"{GONE}.csv", [GONE], 1, datetime(2025, 3, 5), factor=2))
        (lake.root / "inbox").mkdir()
        table(lake.root / "inbox" / "dropped.csv", [STAYS, GONE], 1, datetime(2025, 2, 1))
        (lake.root / "inbox" / "refused.csv").write_text(f"what,{GONE}\n2025-01-01 00:00,2\n", encoding="utf-8")
        land_inbox(lake, settings, LATER)
        make(lake, settings, STAGES[:3])
        outcome = train(lake, settings, Industry.METAL, Resolution.LOW, MonthRange.parse("2025-01..2025-02"), at=NOW)
        assert outcome.trained, outcome.reason
        make(lake, settings, STAGES[3:])
    record_detections(lake, Industry.METAL, datetime(2025, 3, 18).date(), "run", NOW)
    return folder


def make(lake: Lake, settings: Settings, stages: Sequence[Any] = STAGES) -> None:
    for part in PARTS:
        for stage in stages:
            stage(lake, settings, part)


@pytest.fixture
def together(lake: Lake, portfolio_of_two: Path) -> Path:
    """A copy of the two meters' lake; gives the file that came first."""
    shutil.copytree(portfolio_of_two / "root", lake.root)
    return portfolio_of_two / "both.csv.gz"


def forget(lake: Lake, settings: Settings) -> Erasure:
    return erase_meter(lake, settings, GONE, at=NOW)


def holding(lake: Lake) -> list[str]:
    """Files whose name or bytes hold the id, also where they are packed."""
    files = [path for path in lake.root.rglob("*") if path.is_file()]
    forms = [GONE.encode(), json.dumps(GONE)[1:-1].encode()]

    def longer(data: bytes) -> bool:
        return any(data.replace(form + b"7", b"").count(form) for form in forms)

    def whole(path: Path) -> bytes:
        data = path.read_bytes()
        if data[:4] == b"PAR1":
            frame = pl.read_parquet(path, hive_partitioning=False)
            return data + str(frame.to_dicts()).encode()
        return data + (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else b"")

    return [str(path.relative_to(lake.root)) for path in files if longer(path.name.encode()) or longer(whole(path))]


def others(lake: Lake) -> dict[str, pl.DataFrame]:
    return {table.name: lake.read(table, PARTS, [STAYS]) for table in PARTITIONED}


def test_nothing_of_the_meter_stays_and_the_others_are_as_they_were(lake: Lake, settings: Settings, together: Path) -> None:
    before, known = others(lake), holding(lake)
    assert {Path(path).parts[0] for path in known} >= {"landing", "quarantine", "labels", "ledgers", "models", "processed", "rejected"}
    assert all(frame.height for frame in before.values())
    done = forget(lake, settings)
    assert (done.statements_remade, done.statements_gone, still_holding(lake, GONE)) == (2, 1, [])
    assert done.readings == (90 + 1 + 1) * 24
    assert done.rows["raw_readings"] == 90 * 24
    assert holding(lake) == []
    after = others(lake)
    assert all(after[name].equals(before[name]) for name in before)
    assert list(MeterRegistry(lake)) == [STAYS]


def test_what_is_made_again_is_what_was(lake: Lake, settings: Settings, together: Path) -> None:
    """From the landed file that was written anew, by the models that forgot the meter; only the name of the version differs."""
    before = others(lake)
    forget(lake, settings)
    shutil.rmtree(lake.root / "landing" / "parsed")
    make(lake, settings)
    after = others(lake)
    assert_frame_equal(after.pop("spectra"), before.pop("spectra"), rel_tol=1e-12)  # transformed beside other meters: the last bit may turn
    for name, frame in before.items():
        assert after[name].drop("data_version", strict=False).equals(frame.drop("data_version", strict=False)), name
    assert holding(lake) == []


def test_the_file_sent_again_does_not_bring_the_meter_back(lake: Lake, settings: Settings, together: Path, take, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    forget(lake, settings)
    again = take(together)
    told = again.statement
    assert (told.meters, told.accepted) == ([STAYS], 90 * 24)
    assert again.quarantined_by_reason[Reason.ERASED] >= 90 * 24
    assert told.readings_in == told.accepted + told.quarantined
    assert told.accepted == told.added + told.changed + told.unchanged
    fresh = table(tmp_path / "next.csv", [GONE, STAYS], 1, datetime(2025, 3, 31))
    result = take(fresh)
    assert (result.statement.meters, result.statement.accepted, result.holds_erased) == ([STAYS], 24, True)
    assert result.quarantined_by_reason[Reason.ERASED] == 24
    with pytest.raises(IngestError, match=r"24 x the meter was erased"):
        take(table(tmp_path / "alone.csv", [GONE], 1, datetime(2025, 3, 31)))
    assert holding(lake) == []


def test_a_dropped_file_with_the_meter_is_read_and_not_kept(lake: Lake, settings: Settings, together: Path) -> None:
    forget(lake, settings)
    table(lake.root / "inbox" / "next.csv", [GONE, STAYS], 1, datetime(2025, 3, 31))
    table(lake.root / "inbox" / "alone.csv", [GONE], 1, datetime(2025, 3, 31))
    table(lake.root / "inbox" / f"{GONE}.csv", [GONE], 1, datetime(2025, 3, 31))
    (lake.root / "inbox" / "meters.csv").write_text(f"meter_id,industry\n{GONE},metal\n{STAYS},metal\n", encoding="utf-8")
    outcomes = {landed.reason["file"]: landed.reason for landed in land_inbox(lake, settings, LATER)}
    assert holding(lake) == []
    assert sorted(outcomes) == ["(erased).csv", "alone.csv", "meters.csv", "next.csv"]
    assert not any(reason["kept"] for reason in outcomes.values())
    assert Landing(lake).in_force()[-1].meters == [STAYS]


def test_with_consent_the_meter_comes_again(lake: Lake, settings: Settings, together: Path, take, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    forget(lake, settings)
    result = take(together, allow_again=True)
    assert (result.statement.meters, result.statement.added) == ([GONE, STAYS], 90 * 24)
    materialize_raw(lake, settings, PARTS[0])
    assert lake.read(RAW_READINGS, PARTS[0], [GONE]).height == 31 * 24
    later = take(table(tmp_path / "next.csv", [GONE], 1, datetime(2025, 3, 31)))
    assert later.statement.accepted == 24, "once let in, it is a meter like any other"


def test_once_let_in_the_meter_comes_with_every_file_sent_again(
    lake: Lake, settings: Settings, together: Path, take, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    """Its consent came with another file: the one that lost it is not taken for one that is there already."""
    forget(lake, settings)
    take(table(tmp_path / "next.csv", [GONE], 1, datetime(2025, 3, 31)), allow_again=True)
    result = take(together)
    assert (result.already, result.holds_erased, result.statement.meters) == (False, False, [GONE, STAYS])
    assert result.statement.added == 89 * 24, "the last day was let in already"
    assert lake.read(RAW_READINGS, PARTS[0], [GONE]).height == 0
    materialize_raw(lake, settings, PARTS[0])
    assert lake.read(RAW_READINGS, PARTS[0], [GONE]).height == 31 * 24
    assert take(together).already


def test_an_erasure_that_was_killed_is_ended_by_the_next(
    lake: Lake, settings: Settings, together: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("forget_statements", "_forget_rows", "_remove_copies"):
        with monkeypatch.context() as patch:
            patch.setattr(erasing, place, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                forget(lake, settings)
    forget(lake, settings)
    assert holding(lake) == []


def test_what_killed_runs_left_of_the_meter_goes_too(
    lake: Lake, settings: Settings, together: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An intake before its receipt, a writer before its rename, an erasure after it had rewritten the ledger; a registry of old."""
    row = {"meter_id": GONE, "industry": "metal", "usage_type": "industrial", "time_zone": "Asia/Seoul", "signed": False}
    old = {"origin": "old.csv", "registered_at": NOW.isoformat(), "meters": [{**row, "valid_from": "2000-01-01"}]}
    (lake.root / "ledgers" / "meters").mkdir()
    (lake.root / "ledgers" / "meters" / "000001.json").write_text(json.dumps(old))
    with monkeypatch.context() as patch:
        patch.setattr(Landing, "enter", lambda *_: 0)
        take_in(lake, settings, table(lake.root.parent / "alone.csv", [GONE], 1, datetime(2025, 3, 30)))
    part = lake.path(RAW_READINGS, PARTS[0])
    shutil.copyfile(part, part.with_name(".part.parquet.0.tmp"))
    with monkeypatch.context() as patch:
        patch.setattr(Landing, "clear_strays", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forget(lake, settings)
    forget(lake, settings)
    assert holding(lake) == []
    assert list(MeterRegistry(lake)) == [STAYS]


def test_an_unknown_meter_is_refused(lake: Lake, settings: Settings) -> None:
    with pytest.raises(ValueError, match="meter 'x' is unknown"):
        erase_meter(lake, settings, "x", at=NOW)


def test_quarantine_keeps_its_count_and_not_its_words(lake: Lake, settings: Settings, together: Path) -> None:
    before = Landing(lake).read_table(QUARANTINE)
    forget(lake, settings)
    after = Landing(lake).read_table(QUARANTINE)
    left = before.filter(pl.col("statement_id").is_in(after["statement_id"].implode()))
    assert after.height == left.height
    assert after.filter(reason=Reason.ERASED.value).select("meter_id", "text").unique().rows() == [(None, "")]
    assert after.filter(meter_id=STAYS).equals(before.filter(meter_id=STAYS))


@pytest.mark.parametrize(
    ("text", "found"),
    [("a-7", True), ("(a-7)", True), ("meter a-7.csv", True), ("a-77", False), ("xa-7", False), ("a-7-b", False), ("1.a-7", False)],
)
def test_an_id_is_found_whole(text: str, found: bool) -> None:
    assert Name("a-7").is_in(text) is found
    assert Name("a-7").out_of_document({"a-7": 1, "m": [text, {"meter_id": "a-7"}], "n": 7}) == {
        "m": [] if text == "a-7" else [text.replace("a-7", "(erased)") if found else text],
        "n": 7,
    }
