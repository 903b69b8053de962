"""What the ledger of revisions says when a month is made again: restated and vanished events, and not a month that grows."""

from __future__ import annotations

from datetime import UTC, datetime
from types import ModuleType

import polars as pl
import pytest

from ecoai_pipeline.detection.anomalies import materialize_anomalies, merged_events
from ecoai_pipeline.detection.revisions import Revision, revisions_ledger, revisions_since
from ecoai_pipeline.domain import ANOMALIES, SCORES, Industry, Month, Partition
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake

MARCH = Partition(Industry.METAL, Month(2022, 3))
NOON = datetime(2022, 3, 10, 12, tzinfo=UTC)
LATER = datetime(2022, 3, 20, 12, tzinfo=UTC)
ALARM = 1e-6


@pytest.fixture
def made(lake: Lake, settings: Settings, portfolio: ModuleType):  # type: ignore[no-untyped-def]
    """Make the events of a meter anew: where it is too high, how much, which readings are restated, and until when there are any."""
    portfolio.register(lake, ["a"])

    def make(*hot: tuple[datetime, float], restated: tuple[datetime, ...] = (), until: datetime | None = None) -> list[Revision]:
        spans = {moment: kwh for start, kwh in hot for moment in portfolio.span(start, 4)}
        columns = {"kwh": spans, "restated": dict.fromkeys([m for s in restated for m in portfolio.span(s, 4)], True), "until": until}
        frame = portfolio.scored("a", MARCH.month, dict.fromkeys(spans, ALARM), **columns)
        lake.write(SCORES, MARCH, [frame], fingerprint=str(frame.hash_rows(seed=1).sum()))
        materialize_anomalies(lake, settings, MARCH)
        return [revision for _, revision in revisions_ledger(lake).read()]

    return make


def test_the_first_version_and_an_equal_one_revise_nothing(made) -> None:
    assert made((NOON, 14.0)) == []
    assert made((NOON, 14.0)) == []


def test_a_month_that_grows_is_no_revision(made, lake: Lake) -> None:
    made((NOON, 14.0), until=datetime(2022, 3, 15, tzinfo=UTC))
    assert made((NOON, 14.0), (LATER, 14.0)) == []
    assert lake.info(ANOMALIES, MARCH).rows == 2


def test_an_event_of_restated_readings_says_so_with_its_energy_before_and_after(made, lake: Lake) -> None:
    """Four readings 4 kWh too high, then 3 kWh."""
    made((NOON, 14.0), (LATER, 14.0))
    (revision,) = made((NOON, 13.0), (LATER, 14.0), restated=(NOON,))
    assert revision.counts() == {"gained": 0, "lost": 0, "changed": 1}
    (event,) = revision.changed
    assert (event.start, event.before_kwh, event.after_kwh) == (NOON, pytest.approx(16), pytest.approx(12))
    assert revisions_since(lake, revision.revised_at) == {"metal 2022-03": {"gained": 0, "lost": 0, "changed": 1}}
    assert merged_events(lake, [Industry.METAL])["restated"].to_list() == [4, 0]
    assert len(made((NOON, 12.0), (LATER, 14.0), restated=(NOON,))) == 2, "restated once more"


def test_a_vanished_event_is_lost_and_one_of_restated_readings_gained(made) -> None:
    made((NOON, 14.0))
    (revision,) = made((LATER, 14.0), restated=(LATER,))
    assert revision.counts() == {"gained": 1, "lost": 1, "changed": 0}
    assert (revision.lost[0].start, revision.lost[0].after_kwh, revision.gained[0].before_kwh) == (NOON, None, None)


def test_an_event_whose_start_moves_keeps_its_name_and_is_no_revision(made, lake: Lake) -> None:
    made((NOON, 14.0))
    name = lake.read(ANOMALIES, MARCH)["event_id"].to_list()
    assert made((NOON.replace(hour=11, minute=30), 14.0), (NOON, 14.0)) == []
    events = lake.read(ANOMALIES, MARCH)
    assert (events["event_id"].to_list(), events["start"].to_list()) == (name, [NOON.replace(hour=11, minute=30)])


def test_a_month_that_lost_its_readings_lost_its_events(made, lake: Lake, settings: Settings) -> None:
    made((NOON, 14.0))
    lake.path(SCORES, MARCH).unlink()
    materialize_anomalies(lake, settings, MARCH)
    ((_, revision),) = revisions_ledger(lake).read()
    assert (len(revision.lost), lake.path(ANOMALIES, MARCH).exists()) == (1, False)


def test_what_was_entered_before_a_kill_is_not_entered_again(made, lake: Lake, settings: Settings) -> None:
    made((NOON, 14.0))
    before = lake.path(ANOMALIES, MARCH).read_bytes()
    first = made((LATER, 14.0))
    lake.path(ANOMALIES, MARCH).write_bytes(before)
    assert isinstance(materialize_anomalies(lake, settings, MARCH).info.rows, int)
    assert [revision for _, revision in revisions_ledger(lake).read()] == first
    assert lake.scan(ANOMALIES, MARCH).select(pl.col("start")).collect()["start"].to_list() == [LATER]
