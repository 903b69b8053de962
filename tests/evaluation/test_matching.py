"""Faults found and false alarms, each counted once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.evaluation.matching import Matched, during, match_events, read_faults
from ecoai_pipeline.sources.simulation.faults import TRUTH

HOUR = timedelta(hours=1)
START = datetime(2022, 3, 10, tzinfo=UTC)
Span = tuple[str, int, int]


def match(events: list[Span], faults: list[Span], tolerance: timedelta = timedelta(0)) -> Matched:
    def timed(spans: list[Span]) -> pl.DataFrame:
        rows = [(meter, START + HOUR * start, START + HOUR * end) for meter, start, end in spans]
        utc = pl.Datetime("us", "UTC")
        return pl.DataFrame(rows, schema={"meter_id": pl.String(), "start": utc, "end": utc}, orient="row")

    known = timed(faults).with_columns(kind=pl.lit("outage"), kwh=pl.lit(-5.0), depth=pl.int_range(pl.len()) + 0.5)
    found = timed(events).with_columns(event_id=pl.Series([f"e{k}" for k in range(len(events))], dtype=pl.String))
    return match_events(found, known, tolerance)


def counts(matched: Matched) -> tuple[int, int, int]:
    return matched.found.height, matched.missed.height, matched.false_alarms.height


def test_an_event_finds_the_fault_of_its_meter_that_it_overlaps() -> None:
    matched = match([("a", 2, 4), ("b", 2, 4)], [("a", 3, 6), ("c", 2, 4)])
    assert counts(matched) == (1, 1, 1)
    assert matched.found["event_id"].to_list() == ["e0"]
    assert matched.false_alarms["meter_id"].to_list() == ["b"]
    assert matched.recall == 0.5


def test_several_events_on_one_fault_find_it_once_and_none_is_false() -> None:
    matched = match([("a", 0, 2), ("a", 3, 9)], [("a", 1, 8)])
    assert counts(matched) == (1, 0, 0)
    assert matched.found["event_id"].to_list() == ["e1"]


def test_one_event_over_two_faults_finds_both() -> None:
    assert counts(match([("a", 0, 9)], [("a", 1, 2), ("a", 5, 6)])) == (2, 0, 0)


def test_what_only_touches_does_not_count_unless_tolerated() -> None:
    assert counts(match([("a", 2, 3)], [("a", 0, 2)])) == (0, 1, 1)
    assert counts(match([("a", 2, 3)], [("a", 0, 2)], tolerance=HOUR)) == (1, 0, 0)


def test_kinds_are_counted_with_their_energy() -> None:
    matched = match([("a", 0, 1)], [("a", 0, 1), ("a", 5, 6)])
    assert matched.per_kind.rows() == [("outage", 2, 1, 10.0, 5.0)]


def test_depths_are_counted_by_quartile() -> None:
    """Eight faults, 0.5 to 7.5 deep; the two deepest are found."""
    matched = match([("a", 60, 75)], [("a", 10 * k, 10 * k + 2) for k in range(8)])
    assert matched.per_depth.select("quartile", "least", "most", "faults", "found").rows() == [
        (1, 0.5, 1.5, 2, 0),
        (2, 2.5, 3.5, 2, 0),
        (3, 4.5, 5.5, 2, 0),
        (4, 6.5, 7.5, 2, 2),
    ]


def test_events_in_planned_stops_are_told_apart() -> None:
    alarms = match([("a", 0, 2), ("a", 5, 6), ("b", 5, 6)], []).false_alarms
    stops = match([], [("a", 1, 3), ("b", 6, 7)]).missed
    assert during(alarms, stops)["event_id"].to_list() == ["e0"]


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    faults = match([], [("007", 0, 1)]).missed.select(list(TRUTH))
    faults.write_csv(tmp_path / "faults.csv")
    assert read_faults(tmp_path / "faults.csv").equals(faults)


def test_without_events_all_is_missed_and_without_faults_all_is_false() -> None:
    assert counts(match([], [("a", 0, 1)])) == (0, 1, 0)
    assert counts(match([("a", 0, 1)], [])) == (0, 0, 1)
    assert match([], []).recall is None


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match=r"faults: columns \['kwh', 'depth'\] are missing"):
        match_events(match([], []).false_alarms, pl.DataFrame({"meter_id": [], "kind": [], "start": [], "end": []}))
