"""Round trips over clock changes: what a meter used, written as providers write it, is in the lake to the last interval.

The truth is energy per interval of real time. It is written down with the wall clock of some zone, in UTC, or as numbers since
1970, by the start or the end of intervals, in order or newest first, as a long table, a wide one or Green Button; then it goes the whole
way into the lake.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import assume, given
from hypothesis import strategies as st

from ecoai_pipeline.domain import RAW_READINGS
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.sources.ingest import IngestOptions, IngestResult, ingest_file
from ecoai_pipeline.sources.raw import materialize_raw
from ecoai_pipeline.sources.writers.espi import FORWARD, NET, REVERSE, write_espi
from ecoai_pipeline.storage.lake import Lake
from tests.sources.given import RECEIVED, examples, put

CHANGES = {
    "Europe/Berlin": (date(2024, 3, 31), date(2024, 10, 27)),  # the last day of March ends a month, too
    "America/New_York": (date(2024, 3, 10), date(2024, 11, 3)),
    "Australia/Lord_Howe": (date(2024, 10, 6), date(2024, 4, 7)),  # by half an hour
    "America/Sao_Paulo": (date(2018, 11, 4), date(2018, 2, 18)),  # at midnight: 0:00 does not exist, 23:00 comes twice
    "America/Havana": (date(2024, 3, 10), date(2015, 11, 1)),  # 0:00 comes twice on the first of a month
    "Asia/Beirut": (date(2024, 3, 31), date(2021, 10, 31)),  # 23:00 comes twice on the last of a month
    "Africa/Casablanca": (date(2024, 4, 14), date(2024, 3, 10)),  # back for Ramadan
    "Asia/Pyongyang": (date(2018, 5, 5), date(2015, 8, 15)),  # its own time for three years: half an hour
    "Pacific/Apia": (date(2011, 12, 31), date(2012, 4, 1)),  # 30 December 2011 was left out
    "Asia/Kathmandu": (date(2024, 3, 31),),  # 5:45, and no changes
    "Asia/Kolkata": (date(2024, 10, 31),),
    "Asia/Seoul": (date(2024, 12, 31),),
    "UTC": (date(2024, 2, 29),),
}
BY_HALF_AN_HOUR = ("Australia/Lord_Howe", "Asia/Pyongyang")
STAMPS = ("local", "utc", "offset", "epoch", "epoch_ms")
DAY_S = 86_400


@dataclass(frozen=True)
class Truth:
    """Energy of a meter on the days around a clock change; each number is different.

    Intervals of a day follow the calendar, others are of one length.
    """

    zone: str
    change: date
    interval_s: int
    around: int

    @cached_property
    def _edges(self) -> list[datetime]:
        days = [self.change + timedelta(days=n) for n in range(-self.around, self.around + 2)]
        midnights = sorted({datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC) for day in days})
        if self.interval_s == DAY_S:
            return midnights
        count = int((midnights[-1] - midnights[0]).total_seconds()) // self.interval_s
        return [midnights[0] + timedelta(seconds=n * self.interval_s) for n in range(count + 1)]

    @property
    def starts(self) -> list[datetime]:
        return self._edges[:-1]

    @property
    def ends(self) -> list[datetime]:
        return self._edges[1:]

    @property
    def kwh(self) -> list[float]:
        return [n + 1.0 for n in range(len(self.starts))]

    def by_day(self) -> dict[date, float]:
        days: dict[date, float] = {}
        for start, kwh in zip(self.starts, self.kwh, strict=True):
            day = start.astimezone(ZoneInfo(self.zone)).date()
            days[day] = days.get(day, 0.0) + kwh
        return days


def written(moment: datetime, form: str, zone: str) -> str:
    """A moment as a provider of the zone writes it."""
    local = moment.astimezone(ZoneInfo(zone))
    match form:
        case "local":
            return f"{local:%Y-%m-%d %H:%M:%S}"
        case "utc":
            return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        case "offset":
            return local.isoformat()
        case "epoch":
            return str(int(moment.timestamp()))
        case _:
            return str(int(moment.timestamp() * 1000))


def by_length(start: datetime, interval_s: int, zone: str) -> str:
    """The end of an interval as its start on the clock plus its length: the hour that comes twice ends at 3:00 both times."""
    return f"{start.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(seconds=interval_s):%Y-%m-%d %H:%M:%S}"


def taken_in(lake: Lake, path: Path, **options: str) -> tuple[IngestResult, pl.DataFrame]:
    settings = load_settings()
    result = ingest_file(lake, settings, path, IngestOptions.of(**options), received_at=RECEIVED)
    statement = result.statement
    assert statement.readings_in == statement.accepted + statement.quarantined
    for partition in result.partitions:
        materialize_raw(lake, settings, partition)
    return result, lake.read(RAW_READINGS, result.partitions).sort("timestamp")


def assert_same(expected: Truth, readings: pl.DataFrame) -> None:
    """Per reading, per local day and in total."""
    assert readings["timestamp"].to_list() == expected.starts
    assert readings["kwh"].to_list() == expected.kwh
    days = readings.group_by(day=pl.col("timestamp").dt.convert_time_zone(expected.zone).dt.date()).agg(pl.col("kwh").sum())
    assert dict(days.iter_rows()) == expected.by_day()
    lengths = [int((end - start).total_seconds()) for start, end in zip(expected.starts, expected.ends, strict=True)]
    assert readings["interval_s"].to_list() == lengths


def long_table(folder: Path, told: Truth, form: str, *, ends: bool, backwards: bool) -> Path:
    moments = told.ends if ends else told.starts
    rows = [f"m,{written(moment, form, told.zone)},{kwh}" for moment, kwh in zip(moments, told.kwh, strict=True)]
    return put(folder / "t.csv", "\n".join(["meter,time,kwh", *(reversed(rows) if backwards else rows)]) + "\n")


def columns(form: str, interval_s: int | None, *, ends: bool) -> str:
    stamp = "end" if ends else "start"
    named = f",format={form}" if form.startswith("epoch") else ""
    known = f",interval_s={interval_s}" if interval_s else ""
    return f"meter=meter,timestamp=time,kwh=kwh,stamp={stamp}{known}{named}"


@st.composite
def truths(draw: st.DrawFn, lengths: tuple[int, ...] = (60, 300, 900, 1800, 3600, DAY_S), *, on_the_clock: bool = False) -> Truth:
    """Any zone, change and length; where intervals start on the clock, none that a change of half an hour would cut."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = draw(st.sampled_from(CHANGES[zone]))
    interval_s = draw(st.sampled_from([s for s in lengths if not on_the_clock or s <= 1800 or zone not in BY_HALF_AN_HOUR]))
    return Truth(zone, change, interval_s, around=5 if interval_s == DAY_S else draw(st.integers(1, 2)))


@examples(40, full=1500)
@given(told=truths(), form=st.sampled_from(STAMPS), ends=st.booleans(), backwards=st.booleans(), known=st.booleans())
def test_what_goes_in_as_a_long_table_comes_out(told: Truth, form: str, ends: bool, backwards: bool, known: bool) -> None:
    # Of an hour that a change of half an hour cuts, a single half stands under a time that comes twice: which, nobody can tell.
    assume(form != "local" or told.interval_s != 3600 or told.zone not in BY_HALF_AN_HOUR)
    with tempfile.TemporaryDirectory() as folder:
        path = long_table(Path(folder), told, form, ends=ends, backwards=backwards)
        options = columns(form, told.interval_s if known else None, ends=ends)
        result, readings = taken_in(Lake(Path(folder) / "lake"), path, zone=told.zone, columns=options)
    assert result.quarantined_by_reason == {}
    assert_same(told, readings)


@examples(25, full=800)
@given(told=truths(lengths=(900, 1800, 3600), on_the_clock=True), backwards=st.booleans())
def test_ends_written_as_the_start_on_the_clock_plus_the_length_come_out(told: Truth, backwards: bool) -> None:
    """Operators of grids write the hour from 1:00 to 2:00 as 2:00, twice in autumn; before the spring change 2:00 is no time."""
    rows = [f"m,{by_length(start, told.interval_s, told.zone)},{kwh}" for start, kwh in zip(told.starts, told.kwh, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder) / "t.csv", "\n".join(["meter,time,kwh", *(reversed(rows) if backwards else rows)]) + "\n")
        result, readings = taken_in(Lake(Path(folder) / "lake"), path, zone=told.zone, columns=columns("local", None, ends=True))
    assert result.quarantined_by_reason == {}
    assert_same(told, readings)


@examples(25, full=800)
@given(told=truths(lengths=(900, 1800, 3600), on_the_clock=True))
def test_a_wide_file_holds_what_its_columns_can(told: Truth) -> None:
    """A column is a time on the clock. One that is skipped is refused, if it is empty, too; a time that comes twice has one
    column, which is taken for the first, and the second hour is not there."""
    day_of = [start.astimezone(ZoneInfo(told.zone)) for start in told.starts]
    first: dict[datetime, int] = {}
    for number, local in enumerate(day_of):
        first.setdefault(local.replace(tzinfo=None), number)
    cells = [timedelta(seconds=s) for s in range(0, DAY_S, told.interval_s)]
    names = [f"elcp_use_{minute // 60:02d}{minute % 60:02d}" for minute in range(told.interval_s // 60, 1441, told.interval_s // 60)]
    days = sorted({local.date() for local in day_of})
    lines = [",".join(["업체코드", "업종", "계약종별", "meter_dd", *names])]
    for day in days:
        values = [first.get(datetime.combine(day, time()) + cell) for cell in cells]
        lines.append(",".join(["m", "금속", "산업용", f"{day:%Y%m%d}", *("" if n is None else str(told.kwh[n]) for n in values)]))
    kept = sorted(first.values())
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder) / "k.csv", "\n".join(lines) + "\n")
        result, readings = taken_in(Lake(Path(folder) / "lake"), path, zone=told.zone)
    given_kwh = readings.filter(pl.col("kwh").is_not_null())
    assert given_kwh["timestamp"].to_list() == [told.starts[n] for n in kept]
    assert given_kwh["kwh"].to_list() == [told.kwh[n] for n in kept]
    assert result.statement.readings_in == len(days) * len(cells)
    assert readings.height == given_kwh.height
    assert set(result.quarantined_by_reason) <= {"the local time does not exist (clocks went forward)"}
    assert result.statement.quarantined == len(days) * len(cells) - len(kept)


def signed(told: Truth, sign: int) -> pl.DataFrame:
    """The truth as readings; `sign` says of which direction: of every third interval the energy is received."""
    lengths = [int((end - start).total_seconds()) for start, end in zip(told.starts, told.ends, strict=True)]
    net = [-kwh if n % 3 == 0 else kwh for n, kwh in enumerate(told.kwh)]
    columns = {"timestamp": told.starts, "interval_s": lengths, "kwh": [max(sign * kwh, 0.0) if sign else kwh for kwh in net]}
    return pl.DataFrame(columns, schema={"timestamp": pl.Datetime("us", "UTC"), "interval_s": pl.Int32, "kwh": pl.Float64})


def feed_of_both(folder: Path, told: Truth, power_of_ten: int) -> Path:
    """Two meter readings of one usage point, as the writer of one direction makes them; equal ids but for that of the second."""
    texts = []
    for flow, sign, number in ((FORWARD, 1, 1), (REVERSE, -1, 2)):
        path = folder / f"{flow}.xml"
        write_espi(path, [("m", signed(told, sign))], told.zone, updated=RECEIVED, flow=flow, power_of_ten=power_of_ten)
        text = path.read_text(encoding="utf-8").replace("MeterReading/1", f"MeterReading/{number}")
        texts.append(re.sub(r"ReadingType/(\d+)", rf"ReadingType/{flow}-\1", text))
    return put(folder / "both.xml", texts[0].replace("</feed>", "") + texts[1].partition("</updated>\n")[2].partition("\n")[2])


@examples(12, full=800)
@given(told=truths(), power_of_ten=st.integers(-6, 3))
def test_what_goes_in_as_green_button_comes_out(told: Truth, power_of_ten: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_espi(Path(folder) / "f.xml", [("m", signed(told, 0))], told.zone, updated=RECEIVED, flow=NET, power_of_ten=power_of_ten)
        result, readings = taken_in(Lake(Path(folder) / "lake"), Path(folder) / "f.xml", zone=told.zone)
    assert (result.quarantined_by_reason, result.statement.meters) == ({}, ["m#net"])
    assert_same(told, readings.with_columns(pl.col("kwh").abs()))
    assert (readings["kwh"] < 0).to_list() == [n % 3 == 0 for n in range(readings.height)]


@examples(12, full=800)
@given(told=truths(), power_of_ten=st.integers(-6, 3), flow=st.sampled_from(["apart", "net"]))
def test_both_directions_of_green_button_come_out(told: Truth, power_of_ten: int, flow: str) -> None:
    """Apart each direction is a meter, with zero where the other had energy; as one they are delivered less received."""
    with tempfile.TemporaryDirectory() as folder:
        path = feed_of_both(Path(folder), told, power_of_ten)
        result, readings = taken_in(Lake(Path(folder) / "lake"), path, zone=told.zone, flow=flow)
    assert (result.quarantined_by_reason, result.statement.accepted) == ({}, 2 * len(told.starts))
    if flow == "net":
        assert readings["kwh"].to_list() == signed(told, 0)["kwh"].to_list()
        assert_same(told, readings.with_columns(pl.col("kwh").abs()))
        return
    delivered, received = (readings.filter(meter_id=meter) for meter in ("m", "m#reverse"))
    assert delivered["kwh"].to_list() == signed(told, 1)["kwh"].to_list()
    assert_same(told, delivered.with_columns(kwh=delivered["kwh"] + received["kwh"]))
