"""Ledgers, the meter registry and bundles: appended to, never rewritten, and checked when read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from ecoai_pipeline.domain import Industry, Meter, Month, Partition, Resolution, UsageType
from ecoai_pipeline.storage.bundles import SCHEMA, BundleError, Bundles
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.ledger import Ledger
from ecoai_pipeline.storage.model_registry import ModelRecord, ModelRegistry, Standing
from ecoai_pipeline.storage.registry import MeterRegistry

NOW = datetime(2025, 5, 1, tzinfo=UTC)


class Note(BaseModel):
    text: str


def test_records_keep_their_order_and_their_numbers(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, Note)
    assert [ledger.append(Note(text=text)) for text in "abc"] == [1, 2, 3]
    assert [(number, note.text) for number, note in ledger.read()] == [(1, "a"), (2, "b"), (3, "c")]


def test_writers_side_by_side_lose_no_record(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda i: Ledger(tmp_path, Note).append(Note(text=str(i))), range(40)))

    assert sorted(numbers) == list(range(1, 41))
    assert {note.text for _, note in Ledger(tmp_path, Note).read()} == {str(i) for i in range(40)}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    Ledger(tmp_path, Note).append(Note(text="a"))
    (tmp_path / "000001.json").write_text("{", encoding="utf-8")

    with pytest.raises(ValueError, match=r"000001\.json is not a record"):
        Ledger(tmp_path, Note).read()


def meter(industry: Industry, since: str) -> Meter:
    return Meter("m1", industry, UsageType.INDUSTRIAL, "Asia/Seoul", signed=False, valid_from=date.fromisoformat(since))


def test_a_change_of_industry_applies_from_the_next_month(lake: Lake) -> None:
    registry = MeterRegistry(lake)
    registry.register([meter(Industry.METAL, "2022-01-10"), meter(Industry.FOOD, "2022-03-15")], origin="test", at=NOW)

    again = MeterRegistry(lake)
    industries = {str(month): again.at("m1", month) for month in (Month(2021, 12), Month(2022, 3), Month(2022, 4))}
    assert {month: found.industry for month, found in industries.items() if found} == {
        "2021-12": Industry.METAL,
        "2022-03": Industry.METAL,
        "2022-04": Industry.FOOD,
    }
    assert list(again.of(Industry.FOOD, Month(2022, 4))) == ["m1"]
    assert again.of(Industry.FOOD, Month(2022, 3)) == {}


def test_a_meter_has_one_zone_in_all_its_months(lake: Lake) -> None:
    """A zone registered later cuts the earlier months too: else an hour would stand in two months or in none."""
    registry = MeterRegistry(lake)
    moved = replace(meter(Industry.FOOD, "2022-03-15"), time_zone="Europe/Berlin")
    registry.register([meter(Industry.METAL, "2022-01-10"), moved], origin="test", at=NOW)
    found = [registry.at("m1", Month(2022, month)) for month in (1, 3, 4)]
    assert [(one.industry, one.time_zone) for one in found if one] == [
        (Industry.METAL, "Europe/Berlin"),
        (Industry.METAL, "Europe/Berlin"),
        (Industry.FOOD, "Europe/Berlin"),
    ]


def test_the_month_before_lies_where_the_meters_were_then(lake: Lake) -> None:
    registry = MeterRegistry(lake)
    registry.register([meter(Industry.METAL, "2022-01-10"), meter(Industry.FOOD, "2022-03-15")], origin="test", at=NOW)

    def before(industry: Industry, month: Month) -> list[str]:
        return [part.key for part in registry.partitions_before(Partition(industry, month))]

    assert before(Industry.FOOD, Month(2022, 4)) == ["food|2022-03-01", "metal|2022-03-01"]
    assert before(Industry.FOOD, Month(2022, 5)) == ["food|2022-04-01"]
    assert before(Industry.METAL, Month(2022, 4)) == ["metal|2022-03-01"]


def test_registering_what_is_known_appends_nothing(lake: Lake) -> None:
    registry = MeterRegistry(lake)
    assert registry.register([meter(Industry.METAL, "2022-01-10")], origin="test", at=NOW)
    assert MeterRegistry(lake).register([meter(Industry.METAL, "2022-01-10")], origin="test", at=NOW) == []


def fill(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}", encoding="utf-8")


METAL_MID = (Industry.METAL, Resolution.MID)


def test_a_bundle_of_equal_files_has_the_equal_version(lake: Lake) -> None:
    bundles = Bundles(lake)
    versions = {bundles.write(*METAL_MID, "usad", Month(2022, 3), fill) for _ in range(2)}

    assert len(versions) == 1
    assert versions.pop().startswith("2022-03-")
    assert len(list((lake.root / "models").glob("*/*/*/*"))) == 1


def change_a_byte(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(b"Weights")


def remove_a_file(folder: Path) -> None:
    (folder / "config.json").unlink()


def add_a_file(folder: Path) -> None:
    (folder / "more.json").write_text("{}")


def break_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"files": [')


def empty_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"schema": 2}')


def of_a_newer_program(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": SCHEMA + 1}))


def of_an_older_program(folder: Path) -> None:
    """The first manifests were the files alone."""
    (folder / "manifest.json").write_text(json.dumps(json.loads((folder / "manifest.json").read_text())["files"]))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (
            change_a_byte,
            r"weights\.safetensors is not the file that was trained \(sha256 differs\); restore it .* or train metal mid again",
        ),
        (remove_a_file, r"config\.json is missing"),
        (add_a_file, r"more\.json is not in its manifest\.json"),
        (break_the_manifest, r"its manifest\.json cannot be read"),
        (empty_the_manifest, r"its manifest\.json cannot be read"),
        (shutil.rmtree, r"there is no bundle"),
        (of_a_newer_program, r"by a newer program \(schema 3, this one reads 2\): upgrade this one"),
        (of_an_older_program, r"by an older program \(schema 1, this one reads 2\)"),
    ],
)
def test_a_bundle_that_is_not_what_was_trained_is_refused(lake: Lake, harm: Callable[[Path], None], complaint: str) -> None:
    bundles = Bundles(lake)
    version = bundles.write(*METAL_MID, "usad", Month(2022, 3), fill)
    harm(bundles.open(*METAL_MID, "usad", version))

    with pytest.raises(BundleError, match=complaint):
        bundles.open(*METAL_MID, "usad", version)
    assert bundles.write(*METAL_MID, "usad", Month(2022, 3), fill) == version
    assert bundles.open(*METAL_MID, "usad", version), "writing the same bundle again mends it"


def record(until: str, version: str) -> ModelRecord:
    return ModelRecord(
        industry=Industry.METAL,
        resolution=Resolution.MID,
        version=version,
        trained_from="2021-01",
        trained_until=until,
        meters=3,
        members={},
        at=NOW,
    )


@pytest.fixture
def registry(lake: Lake) -> ModelRegistry:
    """Two models of January to February, the second of which took the first one's place, and one of January to April."""
    registry = ModelRegistry(lake)
    for until, version in [("2022-03", "a"), ("2022-05", "b"), ("2022-03", "c")]:
        registry.enter(record(until, version))
    return registry


def champions(registry: ModelRegistry) -> dict[str, tuple[str, bool]]:
    found = {str(month): registry.champion(*METAL_MID, month) for month in (Month(2022, number) for number in (2, 3, 4, 5))}
    return {month: (champion.record.version, champion.hindsight) for month, champion in found.items() if champion}


def test_the_champion_of_a_month_is_the_newest_model_that_did_not_see_it(registry: ModelRegistry) -> None:
    assert champions(registry) == {"2022-02": ("c", True), "2022-03": ("c", False), "2022-04": ("c", False), "2022-05": ("b", False)}
    assert registry.champion(*METAL_MID, Month(2022, 2), strict=True) is None


def test_a_challenger_scores_nothing_and_a_withdrawn_champion_no_longer(registry: ModelRegistry) -> None:
    registry.enter(record("2022-05", "d").as_(Standing.CHALLENGER, NOW, "trained"))
    assert champions(registry)["2022-05"] == ("b", False)
    registry.enter(record("2022-05", "b").as_(Standing.WITHDRAWN, NOW, "too many alarms"))
    assert champions(registry)["2022-05"] == ("c", False), "the former champion"
    registry.enter(record("2022-05", "d").as_(Standing.CHAMPION, NOW, "not worse"))
    assert champions(registry)["2022-05"] == ("d", False)
    assert {one.version: one.standing.value for one in registry.models(*METAL_MID)} == {
        "a": "champion",
        "c": "champion",
        "b": "withdrawn",
        "d": "champion",
    }
    assert len(registry.entries()) == 6, "entries are added and never changed"


def test_a_model_is_found_by_how_its_version_starts(registry: ModelRegistry) -> None:
    registry.enter(record("2022-06", "2022-06-aa"))
    registry.enter(record("2022-06", "2022-06-ab"))
    assert registry.find("2022-06-aa").trained_until == "2022-06"
    with pytest.raises(ValueError, match="2 models are called '2022-06': 2022-06-aa; 2022-06-ab"):
        registry.find("2022-06")
    with pytest.raises(ValueError, match="no models are called 'x': `ecoai models list` shows those there are"):
        registry.find("x")


def test_an_entry_of_before_models_were_judged_is_a_champion(lake: Lake) -> None:
    folder = lake.root / "ledgers" / "models"
    folder.mkdir(parents=True)
    old = {**json.loads(record("2022-03", "a").model_dump_json(exclude={"standing", "reason", "verdict"})), "promoted_at": NOW.isoformat()}
    (folder / "000001.json").write_text(json.dumps({name: value for name, value in old.items() if name != "at"}))

    assert champions(ModelRegistry(lake))["2022-03"] == ("a", False)
