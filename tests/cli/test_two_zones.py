"""A portfolio with a meter in London and one in Seoul: each is shown on its own clock, and London has no Korean price."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from ecoai_pipeline.cli.bench_report import NIGHT, make_night
from ecoai_pipeline.cli.next_step import next_step
from ecoai_pipeline.cli.pipeline import newest_days, yesterday, zone_of_root
from ecoai_pipeline.detection.anomalies import materialize_anomalies
from ecoai_pipeline.domain import SCORES, VALIDATED_READINGS, Industry, Meter, Month, Partition, UsageType
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.registry import MeterRegistry

if TYPE_CHECKING:
    from tests.cli.conftest import Ecoai

SEOUL, LONDON = "food-0000", "metal-0000"
MARCH = Month.of(NIGHT)
KOREAN = re.compile(r"Asia/Seoul|KRW|kepco|kr-20|CO2e? [\d(]|KST")


@pytest.fixture
def ecoai(ecoai: Ecoai) -> Ecoai:
    """A root with one meter per industry, all in Seoul but that of metal; each has an event from 09:00 to 12:00 of its own clock."""
    make_night(ecoai.root, 8, 8)
    lake, metal = Lake(ecoai.root), Partition(Industry.METAL, MARCH)
    known = MeterRegistry(lake).rows(LONDON)[0]
    british = Meter(LONDON, Industry.METAL, UsageType.INDUSTRIAL, "Europe/London", signed=False, valid_from=known.valid_from, country="GB")
    MeterRegistry(lake).register([british], origin="registry", at=datetime(2025, 1, 2, tzinfo=UTC))
    moved = lake.read(SCORES, metal).with_columns(pl.col("timestamp") + timedelta(hours=8))  # 09:00 in Seoul to 09:00 in summer London
    lake.write(SCORES, metal, [moved], fingerprint="London")
    materialize_anomalies(lake, load_settings(), metal)
    return ecoai


def article(page: str, meter_id: str) -> str:
    """The part of a page that shows the event of a meter."""
    (found,) = [shown for part in page.split("<article")[1:] if meter_id in (shown := part.split("</article>")[0])]
    return found


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_shows_each_event_on_the_clock_and_with_the_price_of_its_meter(ecoai: Ecoai, lang: str) -> None:
    pages = ecoai("report", "--date", NIGHT.isoformat(), "--lang", lang, "--json").document["pages"]
    text = Path(next(one["page"] for one in pages if one["about"] == "portfolio")).read_text(encoding="utf-8")
    british, korean = article(text, LONDON), article(text, SEOUL)
    assert "Europe/London" in british
    assert "09:00" in british
    assert not KOREAN.search(british)
    assert "Asia/Seoul" in korean
    assert "09:00" in korean
    assert "KRW" in korean
    assert "impact.tariffs.NAME" in text
    assert "impact.emission_factors" in text

    alone = Path(next(one["page"] for one in pages if one["about"] == "metal")).read_text(encoding="utf-8")
    assert "Europe/London" in alone
    assert not KOREAN.search(alone)


def test_the_events_are_listed_on_the_clock_of_their_meter_and_without_a_price_for_london(
    ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    rows = {row["meter_id"]: row for row in ecoai("events", "--json").document["events"]}
    assert (rows[LONDON]["cost"], rows[LONDON]["currency"], rows[LONDON]["co2e_kg"], rows[LONDON]["tariff_version"]) == (None,) * 4
    assert rows[SEOUL]["currency"] == "KRW"
    assert (rows[LONDON]["start"], rows[SEOUL]["start"]) == ("2025-03-31T08:00:00+00:00", "2025-03-31T00:00:00+00:00")
    lines = {name: line for name in (LONDON, SEOUL) for line in ecoai("events").out.splitlines() if name in line}
    assert "2025-03-31 09:00 Europe/London" in lines[LONDON]
    assert "2025-03-31 09:00 Asia/Seoul" in lines[SEOUL]
    explained = ecoai("explain", rows[LONDON]["event_id"]).out
    assert "Europe/London" in explained
    assert not KOREAN.search(explained)


def test_since_is_the_local_day_of_each_meter(ecoai: Ecoai) -> None:
    """The events end at 12:00 on the 31st where their meters are, and one of Seoul is moved to end when the 1st of April begins there."""
    assert len(ecoai("events", "--since", "2025-03-31", "--json").document["events"]) == 8
    assert ecoai("events", "--since", "2025-04-01", "--json").document["events"] == []
    lake, late = Lake(ecoai.root), timedelta(hours=12)
    for industry in (Industry.METAL, Industry.FOOD):
        rows = lake.read(SCORES, Partition(industry, MARCH)).with_columns(pl.col("timestamp") + late + timedelta(minutes=30))
        lake.write(SCORES, Partition(industry, MARCH), [rows], fingerprint="late")
        materialize_anomalies(lake, load_settings(), Partition(industry, MARCH))
    ends = {row["meter_id"]: row["end"] for row in ecoai("events", "--since", "2025-04-01", "--json").document["events"]}
    assert ends == {LONDON: "2025-03-31T23:30:00+00:00", SEOUL: "2025-03-31T15:30:00+00:00"}


def test_the_newest_day_and_yesterday_are_those_of_the_meters(ecoai: Ecoai, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(ecoai.root)
    for industry in (Industry.METAL, Industry.FOOD):
        frame = lake.read(SCORES, Partition(industry, MARCH)).filter(pl.col("timestamp") < datetime(2025, 3, 31, 16, tzinfo=UTC))
        readings = frame.with_columns(statement_id=pl.lit("made")).select(VALIDATED_READINGS.names)
        lake.write(VALIDATED_READINGS, Partition(industry, MARCH), [readings], fingerprint="made")
    found = newest_days(lake, lake.partitions(VALIDATED_READINGS))
    assert found == {"Europe/London": date(2025, 3, 31), "Asia/Seoul": date(2025, 3, 31)}
    assert zone_of_root(lake) == "UTC"

    class Clock(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
            return datetime(2025, 3, 31, 17, 30, tzinfo=UTC)  # 02:30 on the 1st in Seoul, 18:30 on the 31st in London

    monkeypatch.setattr("ecoai_pipeline.cli.pipeline.datetime", Clock)
    assert yesterday(lake) == date(2025, 3, 30)
    assert next_step(lake.root).lines()


def test_the_view_of_the_morning_names_the_zone_of_its_times(ecoai: Ecoai) -> None:
    assert not KOREAN.search(ecoai("status").out)


def test_a_root_with_meters_in_london_alone_names_seoul_nowhere(ecoai: Ecoai, tmp_path: Path) -> None:
    readings = tmp_path / "leeds.csv"
    lines = [f"leeds,2025-03-{day:02d} {hour:02d}:00,{5 + hour % 3}" for day in range(1, 4) for hour in range(24)]
    readings.write_text("meter_id,timestamp,kwh\n" + "\n".join(lines) + "\n", encoding="utf-8")
    ecoai.root = tmp_path / "british"
    assert ecoai("ingest", str(readings), "--industry", "metal", "--zone", "Europe/London").code == 0
    for command in (["status"], ["statements", "list"], ["meters", "list"], ["meters", "show", "leeds"], ["quality"], ["events"], []):
        told = ecoai(*command)
        assert told.code == 0, command
        assert "Seoul" not in told.out, command
