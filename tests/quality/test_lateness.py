"""Who is late: due is what an industry's usual delay says, on the clock of each meter."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import VALIDATED_READINGS, Industry, Month, Partition
from ecoai_pipeline.quality.lateness import arrival
from ecoai_pipeline.settings import QualityParams, Settings
from ecoai_pipeline.storage.registry import MeterRegistry

MARCH = Partition(Industry.METAL, Month(2022, 3))
END_OF_10TH = datetime(2022, 3, 10, 15, tzinfo=UTC)  # in Seoul


@pytest.fixture
def reached(lake, make_readings, make_meter):
    """Write readings of meters that end at given times."""

    def write(ends, zones=None):
        meters = [make_meter(name, zone=(zones or {}).get(name, "Asia/Seoul")) for name in ends]
        MeterRegistry(lake).register(meters, origin="test", at=END_OF_10TH)
        frames = [make_readings([1.0], meter=name, start=end - timedelta(minutes=15), interval_s=900) for name, end in sorted(ends.items())]
        lake.write(VALIDATED_READINGS, MARCH, [pl.concat(frames)], fingerprint="x")

    return write


def late(lake, now, **params):
    found = arrival(lake, Settings(quality=QualityParams(**params)), MARCH, now)
    return [(one.meter_id, one.hours) for one in found.late], found.pending


def test_a_meter_is_late_once_its_own_day_is_due(lake, reached):
    ends = {"short": END_OF_10TH - timedelta(minutes=15), "whole": END_OF_10TH, "in_chicago": END_OF_10TH}
    reached(ends, {"in_chicago": "America/Chicago"})
    night = END_OF_10TH + timedelta(hours=2.5)
    assert late(lake, night) == ([("short", 0.25)], 0)
    assert late(lake, night + timedelta(hours=15)) == ([("in_chicago", 15.0), ("short", 0.25)], 0)


def test_an_industry_that_usually_takes_longer_is_waited_for(lake, reached):
    reached({"m": END_OF_10TH - timedelta(days=1)})
    night = END_OF_10TH + timedelta(hours=2.5)
    assert late(lake, night) == ([("m", 24.0)], 0)
    assert late(lake, night, late_after_h_of={Industry.METAL: 26}) == ([], 1)
    assert late(lake, night, late_after_h_of={Industry.FOOD: 26}) == ([("m", 24.0)], 0)


def test_of_a_month_that_is_over_its_end_is_due_and_nothing_later(lake, reached):
    reached({"m": datetime(2022, 3, 31, 15, tzinfo=UTC), "n": datetime(2022, 3, 31, tzinfo=UTC)})
    assert late(lake, datetime(2025, 1, 1, tzinfo=UTC)) == ([("n", 15.0)], 0)


def test_a_meter_silent_for_two_months_is_no_longer_waited_for(lake, reached, make_meter):
    reached({"m": END_OF_10TH})
    MeterRegistry(lake).register([make_meter("closed down")], origin="test", at=END_OF_10TH)
    assert late(lake, END_OF_10TH + timedelta(hours=3)) == ([], 0)


def test_a_meter_that_fell_silent_in_the_month_before_is_late_since_then(lake, reached, make_readings):
    end_of_february = datetime(2022, 2, 28, 15, tzinfo=UTC)
    reached({"silent": END_OF_10TH, "speaks": END_OF_10TH})
    read = {"silent": [1.0, None], "speaks": [1.0, 1.0]}
    for partition, start in ((MARCH, END_OF_10TH), (Partition(Industry.METAL, Month(2022, 2)), end_of_february)):
        meters = sorted(read) if partition != MARCH else ["speaks"]
        rows = [make_readings(read[name], meter=name, start=start - timedelta(minutes=30), interval_s=900) for name in meters]
        lake.write(VALIDATED_READINGS, partition, [pl.concat(rows)], fingerprint="y")
    assert late(lake, END_OF_10TH + timedelta(hours=3)) == ([("silent", 10 * 24 + 0.25)], 0)
