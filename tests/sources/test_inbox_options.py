"""`options.yaml` in a folder of the inbox: what it states holds for the files of that folder and below."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecoai_pipeline.domain import Industry, Month
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.inbox import Fate, Landed, files_at_rest, land_inbox
from ecoai_pipeline.sources.options import IngestOptions
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given import CANONICAL, hours

AMBIGUOUS = [f'm,2025-03-03 {hour:02d}:00,"1,350"' for hour in range(24)]
Drop = Callable[..., Path]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Files count as at rest at once."""
    return settings.model_copy(update={"sources": settings.sources.model_copy(update={"inbox_rest_s": 0})})


@pytest.fixture
def put_in(lake: Lake) -> Drop:
    def write(name: str, *lines: str) -> Path:
        path = lake.root / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def land(lake: Lake, settings: Settings) -> Callable[[], dict[str, Landed]]:
    return lambda: {one.file: one for one in land_inbox(lake, settings)}


def kwh(lake: Lake) -> list[float]:
    (statement,) = Landing(lake).in_force()
    return Landing(lake).scan_piece(statement.statement_id, Month(2025, 3)).collect()["kwh"].unique().to_list()


def test_an_ambiguous_file_names_the_options_file_and_is_read_with_it(put_in, land, lake):
    put_in("m.csv", CANONICAL, *AMBIGUOUS)
    refused = land()["m.csv"]
    assert refused.fate is Fate.REJECTED
    assert "in the inbox: decimal: ',' in options.yaml" in refused.reason["error"]
    put_in("options.yaml", "decimal: ','")
    put_in("m.csv", CANONICAL, *AMBIGUOUS)
    landed = land()
    assert (list(landed), landed["m.csv"].fate, landed["m.csv"].reason["options_from"]) == (["m.csv"], Fate.PROCESSED, ["options.yaml"])
    assert kwh(lake) == [1.35]
    assert (lake.root / "inbox" / "options.yaml").read_text(encoding="utf-8") == "decimal: ','\n"


def test_all_options_are_read_as_on_a_command_line(put_in, land, lake):
    put_in(
        "kw/options.yml",
        "industry: 금속",
        "zone: Europe/Berlin",
        "unit: MW",
        "encoding: cp949",
        "skip_rows: 1",
        "columns: {meter: =plant-7, timestamp: 시각, kwh: 값, stamp: end}",
    )
    text = "\n".join(["제목", "시각,값", *(f"2025-03-03 {hour:02d}:00,0.5" for hour in range(1, 24))])
    put_in("kw/m.csv").write_bytes(text.encode("cp949"))
    assert land()["kw/m.csv"].fate is Fate.PROCESSED
    (statement,) = Landing(lake).in_force()
    same = IngestOptions.of(
        industry="metal", zone="Europe/Berlin", unit="MW", encoding="cp949", skip_rows=1,
        columns="meter==plant-7,timestamp=시각,kwh=값,stamp=end",
    )  # fmt: skip
    assert statement.options == same.model_dump(mode="json")
    assert MeterRegistry(lake).at("plant-7", Month(2025, 3)).industry is Industry.METAL
    assert kwh(lake) == [500.0]


def test_values_without_times_get_them_from_the_options_file(put_in, land, lake):
    put_in("options.yaml", "start: 2025-03-03 00:00", "interval: 15min")
    put_in("m.csv", "kwh", *["2.5"] * 96)
    assert land()["m.csv"].reason["accepted"] == 96
    (statement,) = Landing(lake).in_force()
    assert (statement.options["start"], statement.options["interval_s"]) == ("2025-03-03T00:00:00", 900)


@pytest.mark.parametrize(
    ("files", "place", "industry", "decimal"),
    [
        ({"options.yaml": "decimal: ','"}, "metal/2025/m.csv", "metal", ","),
        ({"options.yaml": "decimal: ','", "metal/options.yaml": "decimal: ."}, "metal/2025/m.csv", "metal", "."),
        ({"options.yaml": "decimal: ','\nindustry: food"}, "metal/m.csv", "metal", ","),
        ({"metal/options.yaml": "industry: food\ndecimal: ','"}, "metal/m.csv", "food", ","),
        ({"options.yaml": "decimal: .", "metal/options.yaml": "zone: UTC"}, "metal/m.csv", "metal", "."),
        ({"options.yaml": "decimal: ,\n".replace(",", "comma")}, "m.csv", "other", ","),
        ({"food/options.yaml": "decimal: .", "options.yaml": "decimal: ','"}, "m.csv", "other", ","),
    ],
    ids=["below", "innermost", "name-inside", "file-before-name", "key-by-key", "word", "not-beside"],
)
def test_the_innermost_folder_that_states_an_option_counts(put_in, land, lake, files, place, industry, decimal):
    for name, text in files.items():
        put_in(name, text)
    put_in(place, CANONICAL, *AMBIGUOUS)
    assert land()[place].fate is Fate.PROCESSED
    assert kwh(lake) == [{",": 1.35, ".": 1350.0}[decimal]]
    assert MeterRegistry(lake).at("m", Month(2025, 3)).industry == Industry(industry)


def test_an_option_of_an_outer_folder_is_taken_back_by_null(put_in, land, lake):
    put_in("options.yaml", "industry: food", "decimal: ','")
    put_in("in/options.yaml", "decimal: null")
    put_in("in/m.csv", CANONICAL, *AMBIGUOUS)
    assert land()["in/m.csv"].fate is Fate.REJECTED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("decimals: ','", "metal/options.yaml: unknown option 'decimals'; known are source, industry, zone, unit, columns, flow, decimal"),
        ("decimal: ';'", "metal/options.yaml: decimal: the decimal sign ';' is unknown; known are , and ."),
        ("decimal: ,", "metal/options.yaml: line 1 is no YAML"),
        ("zone: Mars/X", "metal/options.yaml: zone: 'Mars/X' is no time zone"),
        ("zone: EST", "metal/options.yaml: zone: 'EST' may be a clock with or without summer time"),
        ("industry: steel mill", "metal/options.yaml: industry: unknown industry 'steel mill'"),
        ("columns: {timestamp: t}", "metal/options.yaml: columns: kwh: Field required; known names are meter, timestamp, kwh"),
        ("columns: mapping.yaml", "metal/options.yaml: columns: column mapping: 'mapping.yaml' is not NAME=COLUMN"),
        ("start: 2025-03-03", "metal/options.yaml: --start and --interval belong together"),
        ("- decimal", "metal/options.yaml: it has no lines KEY: VALUE; write lines such as decimal: ','"),
        ("just words", "metal/options.yaml: it has no lines KEY: VALUE"),
    ],
)
def test_a_broken_options_file_keeps_its_files_in_the_inbox_and_stops_no_others(put_in, land, lake, text, said):
    put_in("metal/options.yaml", text)
    kept = put_in("metal/below/m.csv", CANONICAL, *hours())
    put_in("food/n.csv", CANONICAL, *hours(meter="n"))
    landed = land()
    assert {name: one.fate for name, one in landed.items()} == {"metal/below/m.csv": Fate.LEFT, "food/n.csv": Fate.PROCESSED}
    error = landed["metal/below/m.csv"].reason["error"]
    assert error.startswith(said)
    assert error.endswith("; it stays in the inbox and is tried again")
    assert kept.exists()
    put_in("metal/options.yaml", "# corrected")
    assert land()["metal/below/m.csv"].fate is Fate.PROCESSED


def test_a_folder_with_two_options_files_or_a_link_is_broken(put_in, land, lake, tmp_path):
    put_in("a/options.yaml", "decimal: .")
    put_in("a/Options.yml", "decimal: .")
    put_in("a/m.csv", CANONICAL, *hours())
    put_in("b/n.csv", CANONICAL, *hours(meter="n"))
    (lake.root / "inbox" / "b" / "options.yaml").symlink_to(tmp_path / "nowhere")
    errors = {name: one.reason["error"] for name, one in land().items()}
    assert errors["a/m.csv"].startswith("a/options.yaml: there is Options.yml, too; keep one of them")
    assert errors["b/n.csv"].startswith("b/options.yaml: it is a link or a device; put the file itself there")


def test_files_wait_for_an_options_file_that_is_being_written(put_in, lake, settings):
    patient = settings.model_copy(update={"sources": settings.sources.model_copy(update={"inbox_rest_s": 30})})
    below, beside = put_in("metal/below/m.csv", CANONICAL, *hours()), put_in("food/n.csv", CANONICAL, *hours(meter="n"))
    time.sleep(0.02)
    options = put_in("metal/options.yaml", "decimal: .")
    changed = datetime.fromtimestamp(options.stat().st_ctime, UTC)
    assert files_at_rest(lake, patient, changed + timedelta(seconds=29.99)).files == (beside,)
    assert files_at_rest(lake, patient, changed + timedelta(seconds=30.01)).files == (below, beside)


def test_a_corrected_options_file_is_a_new_request(put_in, lake, settings):
    """The sensor asks once an hour for the same digest; a correction must not wait that long."""
    put_in("m.csv", CANONICAL, *hours())
    put_in("options.yaml", "decimal: ;")
    before = files_at_rest(lake, settings)
    put_in("options.yaml", "decimal: .", "zone: UTC")
    after = files_at_rest(lake, settings)
    assert before.files == after.files
    assert before.digest != after.digest


def test_members_of_an_archive_have_the_options_of_its_folder(put_in, land, lake):
    import zipfile

    path = put_in("plant/export.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m.csv", "\n".join([CANONICAL, *AMBIGUOUS]))
    put_in("plant/options.yaml", "decimal: ','")
    assert land()["plant/export.zip"].fate is Fate.PROCESSED
    assert kwh(lake) == [1.35]
