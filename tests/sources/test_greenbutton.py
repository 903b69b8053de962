"""Green Button files: what becomes of each clause of the standard, and of what senders make of it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.domain import Month
from ecoai_pipeline.sources.greenbutton import codes
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.storage.registry import MeterRegistry
from tests.sources.given_espi import (
    BASE,
    HOUR,
    NEW_YORK,
    POINT,
    T0,
    block,
    blocks,
    entry,
    feed,
    hourly,
    local_time,
    meter_reading,
    point,
    put_feed,
    reading,
    reading_type,
    simple,
)

DAY = 24 * HOUR


@pytest.fixture
def read(ingest, raw, tmp_path):
    """Ingest the text of a feed: the result, and its raw readings."""

    def run(text: str, encoding: str = "utf-8", **options: str):
        result = ingest(put_feed(tmp_path / "f.xml", text, encoding), **{"industry": "metal", **options})
        return result, raw(result)

    return run


@pytest.fixture
def values(read):
    """Ingest the text of a feed: starts in seconds after T0, lengths and energies."""

    def run(text: str, **options: str):
        _, readings = read(text, **options)
        return readings.select((pl.col("timestamp").dt.epoch("s") - T0), "interval_s", "kwh").rows()

    return run


# file: readings, of them accepted, distinct ones and their kWh; meters; zone
REAL = {
    "12MonthlyUpdates.xml": (366, 366, 366, 48348.966, ["9b6c7063:01"], "America/New_York"),
    "15minLP_15Days.xml": (1340, 1340, 1340, 1397.734, ["9b6c7063:01"], "America/New_York"),
    "1hrLP_32DaysFiveUsagePoints_M.xml": (
        3840,
        3840,
        3840,
        34739.626,
        ["9b6c7063:01", "9b6c7064:01", "9b6c7065:01", "9b6c7066:01", "9b6c7067:01"],
        "America/New_York",
    ),
    "BulkSCEIntervalBlock.xml": (97, 97, 97, 24.380, ["VJEWP31BE:NB6WRU"], "America/Los_Angeles"),
    "Coastal_Single_Family_Jan_1_2011_to_Jan_1_2012.xml": (8760, 8759, 8758, 6562.256, ["9b6c7063:01"], "America/Los_Angeles"),
    "Meter_Data_12-09-2013_12-15-2013.xml.gz": (
        20160,
        20160,
        20160,
        338.759,
        ["9B6C7088:5446AF3F", "9B6C7088:5446AF3F#reverse"],
        "America/Los_Angeles",
    ),
    "PGEIntervalBlock.xml": (2556, 2556, 2280, 496406.375, ["0:1"], "Asia/Seoul"),
    "hourlyForMonthMar.xml": (743, 743, 743, 2278.213, ["9b6c7063:01"], "America/New_York"),
    "hourlyForMonthNov.xml": (721, 721, 721, 2213.810, ["9b6c7063:01"], "America/New_York"),
    "intervals_APUC000000_electric.xml": (300, 300, 300, 248.530, ["237422:1402026"], "Asia/Seoul"),
    "test_usage_data.xml": (1340, 1340, 1340, 1391.666, ["9B6C7066:5446AF3F"], "America/New_York"),
    "threeusagepointsonecustomer.xml": (240, 240, 240, 99.00000012, ["1:1", "1:1#reverse", "1:2", "1:3"], "America/New_York"),
}


@pytest.mark.parametrize("file", REAL)
def test_real_files(ingest, raw, real_data, file):
    """Counted without this code: `xml.etree.ElementTree.parse`, every IntervalReading, the sum of value × 10^powerOfTenMultiplier.

    The multiplier is the one of the ReadingType that the MeterReading links, read off by eye: 0 everywhere but in
    threeusagepointsonecustomer (3 for what is delivered, -5 for what is received: 99 kWh and 12 × 10^-5 Wh). Distinct ones
    by meter, start and value: PGE sends 276 of 2,556 again. Coastal has two values for 2011-03-13 17:00 UTC, 0.707 and
    0.721 kWh, of which the second is quarantined, and 0.462 kWh that last 0 s, added to the hour that starts with them.
    """
    came, accepted, distinct, kwh, meters, zone = REAL[file]
    result = ingest(real_data / "greenbutton" / file, industry="other")
    statement, readings = result.statement, raw(result)
    assert (statement.source, statement.readings_in, statement.accepted, readings.height) == ("greenbutton", came, accepted, distinct)
    assert readings["kwh"].sum() == pytest.approx(kwh, abs=1e-9)
    assert (statement.meters, set(statement.zones.values())) == (meters, {zone})


def test_a_file_of_gas_is_refused(ingest, real_data):
    with pytest.raises(IngestError, match=r"no readings of electricity, only 13 of natural gas \(therm\) at 9B6C7070:5446AF3F"):
        ingest(real_data / "greenbutton" / "Gas.xml")


def test_hours_of_clock_changes_last_as_long_as_they_say(ingest, raw, real_data):
    """The 7,200 s and the 0 s of the year: 461 Wh; 462 Wh are added to the 441 Wh of the hour that starts with them."""
    readings = raw(ingest(real_data / "greenbutton" / "Coastal_Single_Family_Jan_1_2011_to_Jan_1_2012.xml"))
    odd = readings.filter((pl.col("interval_s") != HOUR) | (pl.col("quality") != "measured"))
    assert odd.select(pl.col("timestamp").dt.epoch("s"), "interval_s", "kwh", "quality", "rule").rows() == [
        (1300006800, 7200, 0.461, "measured", None),
        (1320570000, 3600, pytest.approx(0.903), "suspect", "zero_length"),
    ]


def test_days_of_23_and_25_hours_keep_their_length(ingest, raw, real_data):
    readings = raw(ingest(real_data / "greenbutton" / "12MonthlyUpdates.xml"))
    assert sorted(readings["interval_s"].value_counts().rows()) == [(82800, 1), (86400, 364), (90000, 1)]


# Links, nesting and order.


def test_links_decide_whatever_the_order(values):
    text = feed(blocks(hourly([1, 2])), meter_reading(), reading_type(powerOfTenMultiplier=3), point())
    assert values(text) == [(0, HOUR, 1.0), (HOUR, HOUR, 2.0)]


def test_links_differ_in_host_case_and_owner(values):
    there = "HTTPS://H.example/x/resource/Subscription/77/usagepoint/P/meterreading/1/"
    text = feed(
        point(),
        reading_type("1", powerOfTenMultiplier=3),
        reading_type("2", powerOfTenMultiplier=6),
        meter_reading("1", "2"),
        entry(block(hourly([1])), up=f"{there}IntervalBlock"),
    )
    assert values(text) == [(0, HOUR, 1000.0)]


def test_links_that_differ_in_the_case_of_ids_name_one_meter(read):
    result, readings = read(feed(point(), reading_type(), blocks(hourly([1])), blocks(hourly([2], T0 + HOUR), own=POINT.upper())))
    assert (result.statement.meters, readings.height) == (["c:p"], 2)


OTHER_POINT = f"{BASE}/RetailCustomer/c/UsagePoint/q"


@pytest.mark.parametrize(
    "entries",
    [
        (meter_reading("1", "3"), blocks(hourly([1]))),
        (meter_reading("1", "1", OTHER_POINT), blocks(hourly([1]))),
        (blocks(hourly([1])),),
    ],
    ids=["no such reading type", "a meter reading of another point", "no meter reading"],
)
def test_a_link_that_leads_nowhere_is_a_warning_where_the_unit_hangs_on_it(read, entries):
    """Of Wh and kWh, the last before the readings is taken; once in silence, or by the meter reading of another usage point."""
    result, readings = read(feed(point(), reading_type("1"), reading_type("2", powerOfTenMultiplier=3), *entries))
    assert readings["kwh"].to_list() == [1.0]
    assert any("its link to a reading type leads nowhere: the one of line" in warning for warning in result.statement.warnings)


def test_an_entry_may_hold_several_blocks_and_links_may_stand_behind_the_content(values):
    up = f'<link rel="up" href="{POINT}/MeterReading/1/IntervalBlock"/>'
    late = f"<entry><content>{block(hourly([1]))}{block(hourly([2], T0 + HOUR))}</content>{up}</entry>"
    assert values(feed(point(), reading_type(powerOfTenMultiplier=3), meter_reading(), late)) == [(0, HOUR, 1.0), (HOUR, HOUR, 2.0)]


NESTED = """<UsagePoint><ServiceCategory><kind>0</kind></ServiceCategory>
  <MeterReading><ReadingType><uom>72</uom><powerOfTenMultiplier>3</powerOfTenMultiplier></ReadingType>{a}</MeterReading>
  <MeterReading><ReadingType><uom>72</uom><flowDirection>19</flowDirection></ReadingType>{b}</MeterReading>
</UsagePoint>"""


def test_nesting_decides_where_links_are_missing(read):
    text = NESTED.format(a=block(hourly([1, 2])), b=block(hourly([500])))
    result, readings = read(f"<e:data xmlns:e='x'>{text}</e:data>")
    assert result.statement.meters == ["f", "f#reverse"]
    assert readings.select("meter_id", "kwh").rows() == [("f", 1.0), ("f", 2.0), ("f#reverse", 0.5)]


def test_order_decides_where_nesting_is_missing_too(read):
    def unlinked(kind: int, power: int, value: int) -> str:
        said = f"<ReadingType><uom>72</uom><powerOfTenMultiplier>{power}</powerOfTenMultiplier></ReadingType>"
        of_point = f"<UsagePoint><ServiceCategory><kind>{kind}</kind></ServiceCategory></UsagePoint>"
        return "".join(entry(content) for content in (of_point, "<MeterReading/>", said, block(hourly([value]))))

    result, readings = read(feed(unlinked(0, 3, 1), unlinked(0, 0, 500)))
    assert readings["kwh"].to_list() == [1.0, 0.5]
    assert len(result.statement.meters) == 2


@pytest.mark.parametrize(
    "text",
    [
        block(hourly([1000, 2000])),
        f"<IntervalBlocks>{block(hourly([1000]))}{block(hourly([2000], T0 + HOUR))}</IntervalBlocks>",
        f"<ns0:a xmlns:ns0='http://naesb.org/espi'>{block(hourly([1000, 2000])).replace('<', '<ns0:').replace('<ns0:/', '</ns0:')}</ns0:a>",
        f"<readings>{hourly([1000, 2000])}</readings>",
    ],
    ids=["a block", "blocks", "a prefix", "bare readings"],
)
def test_bare_blocks_are_watt_hours_of_the_file(read, text):
    result, readings = read(text)
    assert readings.select("meter_id", "kwh").rows() == [("f", 1.0), ("f", 2.0)]
    assert any("taken as Wh" in warning for warning in result.statement.warnings)
    assert read(text, unit="kWh")[1]["kwh"].to_list() == [1000.0, 2000.0]


def test_the_name_of_a_file_counts_where_it_names_the_meter(ingest, lake, tmp_path):
    for name in ("a.xml", "b.xml"):
        ingest(put_feed(tmp_path / name, block(hourly([1]))), industry="metal")
    assert "a" in MeterRegistry(lake)
    assert "b" in MeterRegistry(lake)


def test_usage_points_of_several_customers_are_meters_of_their_own(read):
    entries = []
    for customer in ("a", "b"):
        own = f"{BASE}/RetailCustomer/{customer}/UsagePoint/01"
        entries += [point(own), meter_reading(own=own), blocks(hourly([1000]), own=own)]
    result, _ = read(feed(reading_type(), *entries))
    assert result.statement.meters == ["a:01", "b:01"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings(read, encoding):
    text = simple(hourly([1000])).replace("UTF-8", encoding.removesuffix("-sig")).replace("UsagePoint/p", "UsagePoint/é")
    assert read(text, encoding)[0].statement.meters == ["c:é"]


def test_gzip(ingest, tmp_path):
    path = tmp_path / "f.xml.gz"
    path.write_bytes(gzip.compress(simple(hourly([1000])).encode()))
    assert ingest(path, industry="metal").statement.accepted == 1


# Units, registers and directions.


@pytest.mark.parametrize(
    ("fields", "kwh"),
    [
        ({"uom": 72, "powerOfTenMultiplier": 0}, 0.324),
        ({"uom": 72, "powerOfTenMultiplier": -3}, 0.000324),
        ({"uom": 72, "powerOfTenMultiplier": 3}, 324.0),
        ({"uom": 72, "powerOfTenMultiplier": 6}, 324_000.0),
        ({"uom": 38, "powerOfTenMultiplier": 0}, 0.081),  # 324 W for a quarter of an hour
        ({"uom": 38, "powerOfTenMultiplier": 3, "accumulationBehaviour": 12}, 81.0),
        ({"uom": 31, "powerOfTenMultiplier": 6}, 90.0),  # 324 MJ
        ({"uom": None, "powerOfTenMultiplier": None, "accumulationBehaviour": None, "commodity": None}, 0.324),
        ({"accumulationBehaviour": 9}, 0.324),
        ({"accumulationBehaviour": 1, "timeAttribute": 2}, 0.324),  # a bulk quantity of each quarter of an hour
    ],
)
def test_units(values, fields, kwh):
    assert values(simple(reading(T0, 900, 324), **fields)) == [(0, 900, kwh)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"uom": 73}, "varh"),
        ({"uom": 5}, "A"),
        ({"uom": 38, "dataQualifier": 8}, "maximum W"),
        ({"uom": 72, "accumulationBehaviour": 12}, "instantaneous Wh"),
        ({"uom": 999}, "unit 999"),
    ],
)
def test_electricity_that_is_no_energy_is_quarantined_by_name(read, quarantine, fields, said):
    text = feed(
        point(), reading_type("1"), reading_type("2", **fields), meter_reading("1", "1"), meter_reading("2", "2"),
        blocks(hourly([1000, 2000])), blocks(hourly([5, 6]), "2"),
    )  # fmt: skip
    result, readings = read(text)
    assert (result.statement.readings_in, readings["kwh"].to_list()) == (4, [1.0, 2.0])
    assert quarantine().select("reason", "month").unique().rows() == [(f"{Reason.NOT_ENERGY}; {said}", "2025-03")]


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("powerOfTenMultiplier", "3.0"),
        ("powerOfTenMultiplier", "999"),
        ("uom", "kWh"),
        ("flowDirection", "reverse"),
        ("commodity", "gas"),
        ("accumulationBehaviour", "cumulative"),
    ],
)
def test_a_reading_type_that_cannot_be_read_is_quarantined_and_never_guessed(read, quarantine, field, told):
    """A multiplier of 3.0 was once taken for none: a thousandth of the energy, without a word."""
    text = feed(
        point(), reading_type("1"), reading_type("2", **{field: told}), meter_reading("1", "1"), meter_reading("2", "2"),
        blocks(hourly([1000, 2000])), blocks(hourly([5, 6], T0 + DAY), "2"),
    )  # fmt: skip
    result, readings = read(text)
    assert (result.statement.readings_in, readings["kwh"].to_list()) == (4, [1.0, 2.0])
    assert set(quarantine()["reason"]) == {f"{Reason.NO_READING_TYPE}; {field} {told!r}"}


@pytest.mark.parametrize(
    ("fields", "kind", "said"),
    [
        ({"commodity": 7, "uom": 169}, 1, "natural gas (therm)"),
        ({"commodity": 9, "uom": 42}, 2, "potable water (m³)"),
        ({"commodity": 0, "uom": 23}, 0, "temperature (°C)"),
        ({"commodity": None, "uom": 111}, 2, "water (count)"),
    ],
)
def test_other_commodities_are_left_out_by_name(read, fields, kind, said):
    other = f"{BASE}/RetailCustomer/c/UsagePoint/q"
    text = feed(
        point(), reading_type("1"), meter_reading(), blocks(hourly([1000, 2000])),
        point(other, kind), reading_type("2", **fields), meter_reading("1", "2", other), blocks(hourly([5, 6, 7]), own=other),
    )  # fmt: skip
    result, readings = read(text)
    assert (result.statement.readings_in, readings.height) == (2, 2)
    assert f"left out: 3 of {said} at c:q; only electricity is read" in result.statement.warnings


def test_a_register_is_differenced(read):
    """10, 13, then no reading for an hour, 20, a new counter at 2, 7; each at the end of its hour."""
    text = simple("".join(reading(T0 + at * HOUR, HOUR, value) for at, value in [(0, 10), (1, 13), (3, 20), (4, 2), (5, 7)]),
                  accumulationBehaviour=3, powerOfTenMultiplier=3)  # fmt: skip
    _, readings = read(text)
    assert readings.select(pl.col("timestamp").dt.epoch("s") - T0, "interval_s", "kwh", "quality", "rule").rows() == [
        (0, HOUR, None, "missing", "first_register"),
        (HOUR, HOUR, 3.0, "measured", None),
        (2 * HOUR, 2 * HOUR, 7.0, "measured", None),
        (4 * HOUR, HOUR, None, "missing", "register_fell"),
        (5 * HOUR, HOUR, 5.0, "measured", None),
    ]


def test_a_register_runs_on_over_months_in_any_order(values):
    """A register that is read at a moment, every day from 2025-03-30 to 2025-04-02, the latest day first."""
    days = [reading(T0 + at * DAY, None, 100 + at * at) for at in (32, 31, 30, 29)]
    found = values(simple("".join(days), accumulationBehaviour=1, powerOfTenMultiplier=3, intervalLength=None), zone="UTC")
    assert found == [(28 * DAY, DAY, None), (29 * DAY, DAY, 59.0), (30 * DAY, DAY, 61.0), (31 * DAY, DAY, 63.0)]


def test_a_register_that_is_told_twice(read, quarantine):
    text = simple(hourly([1, 3]) + hourly([3, 8], T0 + HOUR) + hourly([9], T0 + 2 * HOUR), accumulationBehaviour=3)
    result, readings = read(text)
    assert readings["kwh"].to_list() == [None, 0.002, 0.005]
    assert (result.statement.accepted, result.statement.unchanged) == (4, 1)
    assert quarantine()["reason"].to_list() == [Reason.CONFLICT.value]


BOTH = feed(
    point(), reading_type("1"), reading_type("19", flowDirection=19), meter_reading("1", "1"), meter_reading("2", "19"),
    blocks(hourly([1000, 2000])), blocks(hourly([300, 5000, 70]), "2"),
)  # fmt: skip


def test_directions_apart(read, lake):
    _, readings = read(BOTH)
    assert readings.select("meter_id", "kwh").rows() == [
        ("c:p", 1.0), ("c:p", 2.0), ("c:p#reverse", 0.3), ("c:p#reverse", 5.0), ("c:p#reverse", 0.07),
    ]  # fmt: skip
    assert not MeterRegistry(lake).at("c:p", Month(2025, 3)).signed


def test_directions_as_one_signed_meter(read, lake):
    result, readings = read(BOTH, flow="net")
    assert readings.select("meter_id", "kwh").rows() == [("c:p", 0.7), ("c:p", -3.0), ("c:p", -0.07)]
    assert (result.statement.readings_in, result.statement.accepted, result.statement.unchanged) == (5, 5, 2)
    assert MeterRegistry(lake).at("c:p", Month(2025, 3)).signed


def test_net_of_a_meter_is_left_to_its_two_directions(read, quarantine):
    three = BOTH.replace("</feed>", "") + reading_type("4", flowDirection=4) + meter_reading("3", "4") + blocks(hourly([7, 8]), "3")
    for flow in ("apart", "net"):
        assert read(f"{three}</feed>", flow=flow)[0].quarantined_by_reason == {Reason.SAME_ENERGY.value: 2}
    alone = feed(point(), reading_type("4", flowDirection=4), meter_reading("3", "4"), blocks(hourly([-7]), "3"))
    assert read(alone)[0].statement.meters == ["c:p#net"]
    assert read(alone, flow="net")[0].statement.meters == ["c:p"]


def test_directions_of_different_intervals_make_no_net(read, quarantine):
    text = feed(
        point(), reading_type("1"), reading_type("19", flowDirection=19), meter_reading("1", "1"), meter_reading("2", "19"),
        blocks(hourly([1000, 2000])), blocks(hourly([300, 400], duration=1800), "2"),
    )  # fmt: skip
    assert read(text, flow="net")[1]["kwh"].to_list() == [1.0, 2.0]
    assert quarantine()["reason"].to_list() == [Reason.UNEQUAL.value] * 2


def test_the_shortest_intervals_of_a_meter_tell_its_energy(read):
    """A day of hours within three days of daily totals: the total of the middle day is the same energy."""
    text = feed(
        point(), reading_type("1"), reading_type("2", intervalLength=DAY), meter_reading("1", "1"), meter_reading("2", "2"),
        blocks(hourly([100, 100], T0, DAY, DAY) + reading(T0 + 2 * DAY, DAY, 100), "2"), blocks(hourly([5] * 24, T0 + DAY)),
    )  # fmt: skip
    result, readings = read(text)
    assert result.quarantined_by_reason == {Reason.SAME_ENERGY.value: 1}
    assert readings["kwh"].sum() == pytest.approx(0.32)
    assert sorted(readings["interval_s"].unique()) == [HOUR, DAY]


def beside(finer: str, coarser: str, **fields: object) -> str:
    """A usage point with hours, and with something coarser."""
    return feed(
        point(), local_time(), reading_type("1"), reading_type("2", **{"intervalLength": DAY, **fields}),
        meter_reading("1", "1"), meter_reading("2", "2"), blocks(finer), blocks(coarser, "2"),
    )  # fmt: skip


def test_days_that_tell_no_length_give_way_to_hours(read):
    """Once what told no length counted as the shortest, and the hours were set aside for the days."""
    days = hourly([240, 240], T0, None, DAY)
    result, readings = read(beside(hourly([10] * 48), days, intervalLength=None))
    assert (readings.height, readings["kwh"].sum()) == (48, pytest.approx(0.48))
    assert result.quarantined_by_reason == {Reason.SAME_ENERGY.value: 2}


def test_a_register_gives_way_to_hours_as_a_whole(read):
    """A register of six midnights, and hours of two of the days: left outside of them, its gap would tell their energy again."""
    midnights = "".join(reading(T0 + day * DAY, None, 240 * day) for day in range(6))
    result, readings = read(beside(hourly([10] * 48, T0 + DAY), midnights, accumulationBehaviour=1))
    assert (readings.height, readings["kwh"].sum()) == (48, pytest.approx(0.48))
    assert result.quarantined_by_reason == {Reason.SAME_ENERGY.value: 6}


def test_a_reading_of_1970_spans_no_days(read):
    days = hourly([240] * 6, T0, DAY, DAY)
    result, readings = read(beside(hourly([10] * 24, T0 + 5 * DAY) + reading(0, HOUR, 1), days))
    assert readings["kwh"].sum() == pytest.approx(6 * 0.24)
    assert result.quarantined_by_reason == {Reason.SAME_ENERGY.value: 1, Reason.BEFORE_FIRST.value: 1}


def test_single_phases_and_tariffs_are_meters_beside_the_whole(read):
    parts = [("1", {}), ("2", {"phase": 128}), ("3", {"tou": 2}), ("4", {"phase": 128, "flowDirection": 19})]
    text = feed(point(), *(reading_type(name, **fields) + meter_reading(name, name) + blocks(hourly([9]), name) for name, fields in parts))
    assert read(text)[0].statement.meters == ["c:p", "c:p#phase_a", "c:p#phase_a#reverse", "c:p#tou2"]


# Lengths, qualities and faults.


def test_the_length_of_the_type_holds_where_no_reading_has_one(values):
    for duration in (None, 0):
        assert values(simple(hourly([1000, 2000, 3000], duration=duration, step=900), intervalLength=900)) == [
            (0, 900, 1.0), (900, 900, 2.0), (1800, 900, 3.0),
        ]  # fmt: skip


def test_without_any_length_the_steps_tell_it(values):
    found = values(simple(hourly([1000] * 5, duration=None, step=900), intervalLength=None))
    assert found == [(at * 900, 900, 1.0) for at in range(5)]


@pytest.mark.parametrize(
    ("fields", "kwh"),
    [({}, [2.4, 2.4, 2.4]), ({"uom": 38}, [57.6, 55.2, 57.6]), ({"accumulationBehaviour": 1}, [None, 0.0, 0.0])],
    ids=["energy", "power", "register"],
)
def test_days_that_say_no_length_of_their_own_follow_the_wall_clock(values, fields, kwh):
    """New York, from 8 March 2025: a day of 24 hours (from 5:00 UTC), one of 23 and one of 24 (from 4:00 UTC).

    Each of 2,400 Wh, of 2,400 W in the mean, or a register that shows 2,400 Wh at the midnight after it.
    """
    ends = "accumulationBehaviour" in fields
    starts = [T0 + 7 * DAY + 5 * HOUR, T0 + 8 * DAY + 5 * HOUR, T0 + 9 * DAY + 4 * HOUR, T0 + 10 * DAY + 4 * HOUR]
    days = "".join(reading(start, None, 2400) for start in starts[ends : ends + 3])
    found = values(simple(days, intervalLength=DAY, **fields))
    assert [(start + T0, length) for start, length, _ in found[ends:]] == list(zip(starts, [DAY, DAY - HOUR, DAY], strict=False))[ends:]
    assert [energy for *_, energy in found] == pytest.approx(kwh)


def test_mean_power_without_any_length_lasts_as_long_as_the_steps(values):
    found = values(simple(hourly([1000] * 4, duration=None, step=900), uom=38, intervalLength=None))
    assert found == [(at * 900, 900, 0.25) for at in range(4)]


def test_a_reading_of_no_length_is_added_or_quarantined(read, quarantine):
    text = simple(hourly([1000, 2000]) + reading(T0 + HOUR, 0, 500) + reading(T0, 0, 0) + reading(T0 + 9, 0, 77))
    result, readings = read(text)
    assert readings.select("kwh", "quality", "rule").rows() == [(1.0, "measured", None), (2.5, "suspect", "zero_length")]
    assert (result.statement.accepted, quarantine()["reason"].to_list()) == (4, [Reason.NO_LENGTH.value])


def test_faulty_readings_are_quarantined_with_line_meter_and_month(read, quarantine):
    text = simple(
        reading(T0, HOUR, 1000) + reading(T0 + HOUR, HOUR, None) + reading(None, None, 3) + reading("noon", HOUR, 4)
        + reading(T0 + 2 * HOUR, HOUR, "many") + reading(T0 + 3 * HOUR, "long", 6) + reading(T0 + 4 * HOUR, -5, 7)
        + reading(10**17, HOUR, 8) + reading(0, HOUR, 9)
    )  # fmt: skip
    result, readings = read(text)
    assert (result.statement.readings_in, readings.height) == (9, 1)
    first = text[: text.index("<IntervalReading>")].count("\n") + 1
    found = quarantine()
    assert found.select(pl.col("row") - first, "meter_id", "month", "reason").rows() == [
        (1, "c:p", "2025-02", Reason.NO_VALUE.value),
        (2, "c:p", None, Reason.BAD_STAMP.value),
        (3, "c:p", None, Reason.BAD_STAMP.value),
        (4, "c:p", "2025-02", Reason.NOT_A_NUMBER.value),
        (5, "c:p", "2025-02", Reason.BAD_INTERVAL.value),
        (6, "c:p", "2025-02", Reason.BAD_INTERVAL.value),
        (7, "c:p", None, Reason.BAD_STAMP.value),
        (8, "c:p", "1969-12", Reason.BEFORE_FIRST.value),
    ]
    assert (
        found["text"][3] == f"<IntervalReading><duration>3600</duration><start>{T0 + 2 * HOUR}</start><value>many</value></IntervalReading>"
    )


@pytest.mark.parametrize("code", codes.QUALITIES)
def test_quality_codes(read, code):
    _, readings = read(simple(reading(T0, HOUR, 1, code) + reading(T0 + HOUR, HOUR, 2)))
    word = codes.QUALITIES[code].quality.value
    assert readings.select("quality", "rule").rows() == [(word, "questionable" if word == "suspect" else None), ("measured", None)]


def test_quality_codes_are_those_of_the_schema(real_data):
    """The names are the first words of each code's documentation in QualityOfReading."""
    import xml.etree.ElementTree as ET

    xsd = "{http://www.w3.org/2001/XMLSchema}"
    schema = ET.parse(real_data / "greenbutton/espi.xsd").getroot()
    kinds = {kind.get("name"): kind for kind in schema.iter(f"{xsd}simpleType")}
    told = {int(each.get("value", "")): "".join(each.itertext()).split() for each in kinds["QualityOfReading"].iter(f"{xsd}enumeration")}
    assert told.keys() == codes.QUALITIES.keys()
    for code, words in told.items():
        assert " ".join(words).startswith(codes.QUALITIES[code].name)


def test_the_worst_of_several_qualities_the_default_and_an_unknown_code(read):
    text = simple(
        reading(T0, HOUR, 1, 17).replace("</ReadingQuality>", "</ReadingQuality><ReadingQuality><quality>10</quality></ReadingQuality>")
        + reading(T0 + HOUR, HOUR, 2) + reading(T0 + 2 * HOUR, HOUR, 3, 99), defaultQuality=8,
    )  # fmt: skip
    result, readings = read(text)
    assert readings["quality"].to_list() == ["suspect", "estimated", "estimated"]
    assert "quality code '99' of 1 readings is unknown: taken as measured" in result.statement.warnings


# Clocks.


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        (NEW_YORK, "America/New_York"),
        ({**NEW_YORK, "tzOffset": "-28800", "dstStartRule": "B60E", "dstEndRule": "B40E"}, "America/Los_Angeles"),
        ({**NEW_YORK, "dstEndRule": "B40E2004", "dstStartRule": "360E2004"}, "America/New_York"),
        ({"tzOffset": "-25200", "dstOffset": "0", "dstStartRule": "00000000", "dstEndRule": "00000000"}, "America/Phoenix"),
        ({"tzOffset": "32400", "dstOffset": None, "dstStartRule": None, "dstEndRule": None}, "Asia/Seoul"),
        ({"tzOffset": "3600", "dstStartRule": "3E0E2000", "dstEndRule": "AE0E3000"}, "Europe/Berlin"),
        ({"tzOffset": "36000", "dstStartRule": "A40E2000", "dstEndRule": "440E3000"}, "Australia/Sydney"),
    ],
)
def test_the_zone_of_a_new_meter(read, lake, told, zone):
    result, _ = read(feed(point(), local_time(**told), reading_type(), meter_reading(), blocks(hourly([1]))))
    assert result.statement.zones == {"c:p": zone}
    assert MeterRegistry(lake).at("c:p", Month(2025, 3)).time_zone == zone
    assert not any("zone" in warning for warning in result.statement.warnings)


def test_a_clock_that_no_zone_has_is_an_offset_and_a_warning(read):
    result, _ = read(feed(point(), local_time(tzOffset=-39600), reading_type(), meter_reading(), blocks(hourly([1]))))
    assert result.statement.zones == {"c:p": "Etc/GMT+11"}
    assert any("no clock changes: give --zone; taken as Etc/GMT+11" in warning for warning in result.statement.warnings)


def test_a_zone_that_is_given_or_registered_stands_above_the_files(read, ingest, lake, tmp_path):
    text = simple(hourly([1]))
    assert read(text, zone="Europe/Berlin")[0].statement.zones == {"c:p": "Europe/Berlin"}
    assert ingest(put_feed(tmp_path / "g.xml", text + "<!-- again -->"), industry="metal").statement.zones == {"c:p": "Europe/Berlin"}


def test_a_zone_that_nobody_tells_is_a_warning_that_ends_when_somebody_does(read, ingest, tmp_path):
    def said(text: str, **options: str) -> list[str]:
        return [warning for warning in read(text, **options)[0].statement.warnings if "zone" in warning]

    def untold(values: list[int], own: str = POINT) -> str:
        return feed(point(own), reading_type(), meter_reading(own=own), blocks(hourly(values), own=own))

    assert said(untold([1])) == [
        "1 meters (c:p): nothing tells the time zone: give --zone or --meters REGISTRY.csv; taken as Asia/Seoul"
    ]  # fmt: skip
    assert said(untold([2])) == []  # the registry names it now
    assert said(untold([3], f"{BASE}/RetailCustomer/c/UsagePoint/q"), zone="America/New_York") == []


def test_a_clock_that_the_file_tells_in_vain_is_a_warning(read):
    result, _ = read(simple(hourly([1])), zone="Europe/Berlin")
    assert "1 meters (c:p): the file's clock is that of America/New_York; taken as Europe/Berlin, as given or registered" in (
        result.statement.warnings
    )


def test_usage_points_may_have_clocks_of_their_own(read):
    other = f"{BASE}/RetailCustomer/c/UsagePoint/q"
    text = feed(
        point(POINT, 0, f"{BASE}/LocalTimeParameters/1"), point(other, 0, f"{BASE}/LocalTimeParameters/2"),
        local_time("1"), local_time("2", tzOffset=-28800), reading_type(),
        meter_reading(), meter_reading(own=other), blocks(hourly([1])), blocks(hourly([1]), own=other),
    )  # fmt: skip
    assert read(text)[0].statement.zones == {"c:p": "America/New_York", "c:q": "America/Los_Angeles"}


def test_a_month_is_that_of_the_files_clock(read):
    """The hour of 2025-03-01T00:00Z is still February in New York."""
    assert read(simple(hourly([1] * 6)))[0].statement.months == ["2025-02", "2025-03"]


# Refusals.


def test_a_file_without_electricity_or_readings_is_refused(read):
    for text, said in [
        (feed(point(), reading_type(), meter_reading()), "holds no IntervalReading"),
        ("<html><body>Log in</body></html>", "holds no IntervalReading"),
        (simple(hourly([1]), commodity=7, uom=169), r"only 1 of natural gas \(therm\)"),
    ]:
        with pytest.raises(IngestError, match=said):
            read(text)


def test_options_that_do_not_fit(read, ingest, table):
    with pytest.raises(IngestError, match="is no XML"):
        ingest(table("m,2025-03-01 00:00:00,1"), source="greenbutton")
    with pytest.raises(IngestError, match="--flow is for the source 'greenbutton'"):
        ingest(table("m,2025-03-01 00:00:00,1"), flow="net")
    with pytest.raises(ValueError, match="--flow: 'both' is unknown; known are apart, net"):
        read(simple(hourly([1])), flow="both")


def test_the_same_file_again_changes_nothing(read):
    text = simple(hourly([1000, 2000]))
    first, again = read(text)[0], read(text)[0]
    assert (first.already, again.already, first.statement.statement_id) == (False, True, again.statement.statement_id)
    assert timedelta(0) == again.statement.received_at - first.statement.received_at
    assert first.statement.received_at < datetime.now(UTC)
