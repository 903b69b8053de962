"""`try`, `ingest --dry-run` and `formats`: what a new user sees first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from ecoai_pipeline.cli.first_look import Plan
from ecoai_pipeline.domain import Month
from ecoai_pipeline.sources.catalog import SOURCES, keys
from ecoai_pipeline.sources.mapping import ColumnMapping

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Ecoai

CLOCK = ";".join(f"{hour:02d}:00" for hour in range(24))


def days(path: Path, meter: str, count: int, header: str = "meter_id,timestamp,kwh") -> Path:
    rows = [f"{meter},2025-03-{day:02d} {hour:02d}:00,{1 + hour % 5}.5" for day in range(1, count + 1) for hour in range(24)]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_dry_run_shows_how_a_file_is_understood_and_makes_nothing(ecoai: Ecoai, tmp_path: Path) -> None:
    path = days(tmp_path / "hall.csv", "hall [/north]", 2)
    ran = ecoai("ingest", str(path), "--dry-run")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert ran.code == 0, ran.err
    assert "text utf-8-sig, columns separated by comma, header in line 1" in lines
    assert "columns meter_id is meter, timestamp is timestamp, kwh is kwh" in lines
    assert "interval 1 h (48 readings)" in lines
    assert "zone Asia/Seoul, the default, as nothing names one: give --zone if it is another (1 meters)" in lines
    assert "first 1 hall [/north] 2025-03-01 00:00 Asia/Seoul = 2025-02-28 15:00 UTC, 1.5 kWh" in lines
    assert "last 3 hall [/north] 2025-03-02 23:00 Asia/Seoul = 2025-03-02 14:00 UTC, 4.5 kWh" in lines
    assert not ecoai.root.exists()


def test_a_dry_run_names_who_says_the_zone_and_counts_what_is_refused(ecoai: Ecoai, tmp_path: Path) -> None:
    path = days(tmp_path / "plant.csv", "a", 2)
    path.write_text(path.read_text(encoding="utf-8") + "a,2025-03-03 00:00,much\n", encoding="utf-8")
    found = ecoai("ingest", str(path), "--dry-run", "--zone", "Europe/Berlin", "--json").document["files"][0]["understanding"]
    assert found["zones"] == [{"zone": "Europe/Berlin", "origin": "named by --zone", "meters": 1}]
    assert (found["accepted"], found["reasons"]) == (48, {"the value is not a number": 1})
    assert (found["unit"], found["stamp"], found["intervals_s"]) == ("kWh", "start", {"3600": 48})
    assert found["first"][0]["start"] == "2025-02-28T23:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "dates", "decimal"),
    [
        ("Datum;kWh\n03.04.2025 00:00;0,5\n03.04.2025 01:00;1,25\n", "%d.%m.%Y %H:%M", ","),
        ("time,kwh\n2025-04-03 00:00,0.5\n2025-04-03 01:00,1.25\n", "%Y-%m-%d %H:%M", "."),
        ("time,kwh\n1743638400,5\n1743642000,7\n", "epoch", None),
        (f"date;{CLOCK}\n03/04/2025{';0,5' * 24}\n13/04/2025{';1,5' * 24}\n", "%d/%m/%Y", ","),
    ],
    ids=["decimal-commas", "plain", "whole-numbers", "wide"],
)
def test_a_dry_run_shows_the_form_of_dates_and_numbers(ecoai: Ecoai, tmp_path: Path, text: str, dates: str, decimal: str | None) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    found = ecoai("ingest", str(path), "--dry-run", "--json").document["files"][0]["understanding"]
    assert (found["dates"], found["decimal"]) == (dates, decimal)


def test_a_dry_run_says_that_times_and_numbers_are_stored_as_such(ecoai: Ecoai, tmp_path: Path) -> None:
    times = pl.datetime_range(pl.datetime(2025, 3, 3), pl.datetime(2025, 3, 4), "1h", eager=True)
    pl.DataFrame({"timestamp": times, "kwh": 1.5}).write_parquet(tmp_path / "m.parquet")
    ran = ecoai("ingest", str(tmp_path / "m.parquet"), "--dry-run")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "times stored as times, the start of the interval" in lines
    assert not [line for line in lines if line.startswith("decimal ")]


def test_formats_lists_every_source_and_every_key_of_a_mapping_with_an_example(ecoai: Ecoai) -> None:
    assert [row["source"] for row in ecoai("formats", "--json").document["sources"]] == [source.name for source in SOURCES]
    rows = ecoai("formats", "table", "--json").document["keys"]
    written = {"quality.CODE": "quality_codes", "register": "is_register"}
    assert [written.get(row["name"], row["name"].removesuffix(".NAME")) for row in rows] == list(ColumnMapping.model_fields)
    assert ecoai("formats", "nothing").code == 2


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.name)
def test_the_example_of_each_key_is_a_mapping_that_is_understood(key) -> None:  # type: ignore[no-untyped-def]
    assert key.meaning
    assert key.example
    needed = {"timestamp": "timestamp=t", "kwh": "kwh=v"}
    for example in key.example.split(" or "):
        others = [text for name, text in needed.items() if name != key.name]
        ColumnMapping.parse(",".join([*others, example]))


def test_the_months_of_a_first_look() -> None:
    three_years = [Month(year, month) for year in (2017, 2018, 2019) for month in range(1, 13)]
    assert (str(Plan.of(three_years).train), str(Plan.of(three_years).score)) == ("2018-07..2019-06", "2019-07..2019-12")
    two = Plan.of([Month(2025, 1), Month(2025, 2)])
    assert (str(two.train), str(two.score)) == ("2025-01..2025-01", "2025-02..2025-02")
    assert "with more months" in two.remark


def test_a_try_on_a_short_file_says_what_is_missing_and_still_gives_a_page(ecoai: Ecoai, tmp_path: Path) -> None:
    path = days(tmp_path / "short.csv", "[/red]", 3)
    ran = ecoai("try", str(path), "--no-open", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["root"] == str(ecoai.root)
    assert ran.document["events"] == []
    assert ran.document["remarks"][0].startswith("no events were looked for: ")
    assert "[/red]" in (tmp_path / ran.document["page"]).read_text(encoding="utf-8")


def test_a_try_refuses_a_root_with_other_readings(ecoai: Ecoai, tmp_path: Path) -> None:
    ecoai("ingest", str(days(tmp_path / "mine.csv", "a", 2)))
    ran = ecoai("try", str(days(tmp_path / "other.csv", "b", 2)))
    assert ran.code == 2
    assert "holds other readings" in ran.err


def test_a_try_names_the_option_that_a_file_needs(ecoai: Ecoai, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("x,y\n1,2\n", encoding="utf-8")
    ran = ecoai("try", str(path))
    assert ran.code == 1
    assert "--columns" in ran.out


@pytest.mark.full
def test_a_try_on_a_year_of_a_real_plant_finds_events_and_writes_a_page(ecoai: Ecoai, real_data: Path) -> None:
    from pathlib import Path

    ran = ecoai("try", str(real_data / "steel" / "Steel_industry_data.csv"), "--no-open", "--json")
    assert ran.code == 0, ran.err
    assert (ran.document["trained"], ran.document["looked_at"]) == ("2018-01..2018-08", "2018-09..2018-12")
    assert ran.document["events"]
    assert Path(ran.document["page"]).exists()
