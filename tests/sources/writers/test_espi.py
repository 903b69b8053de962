"""Green Button files of our own: what the schema asks for, what a custodian's file holds, and the energy to the watt hour."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from ecoai_pipeline.sources.writers.espi import NET, write_espi
from ecoai_pipeline.sources.writers.espi_time import local_time

ATOM, ESPI, XSD = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}", "{http://www.w3.org/2001/XMLSchema}"
AT = datetime(2025, 4, 1, tzinfo=UTC)


def readings(first: datetime, kwh: list[float | None], interval_s: int = 3600) -> pl.DataFrame:
    start = pl.datetime(first.year, first.month, first.day, first.hour, time_zone="UTC")
    stamp = start + pl.duration(seconds=pl.int_range(len(kwh)) * interval_s)
    return pl.select(timestamp=stamp, interval_s=pl.lit(interval_s, pl.Int32), kwh=pl.lit(pl.Series(kwh, dtype=pl.Float64)))


def contents(path: Path) -> Iterator[ET.Element]:
    for entry in ET.parse(path).getroot().iter(f"{ATOM}entry"):
        (content,) = entry.findall(f"{ATOM}content")
        yield from content


def values(path: Path) -> list[int]:
    return [int(value.text or "") for value in ET.parse(path).getroot().iter(f"{ESPI}value")]


def test_energy_stands_in_watt_hours_and_a_missing_reading_is_left_out(tmp_path: Path) -> None:
    write_espi(tmp_path / "a.xml", [("m 1/<&>", readings(AT, [1.234, None, float("nan"), 0.0]))], "Asia/Seoul", updated=AT)
    assert values(tmp_path / "a.xml") == [1234, 0]
    write_espi(tmp_path / "b.xml", [("m", readings(AT, [-0.0012345]))], "Asia/Seoul", updated=AT, flow=NET, power_of_ten=-3)
    assert values(tmp_path / "b.xml") == [-1234]
    (kind,) = (content for content in contents(tmp_path / "b.xml") if content.tag == f"{ESPI}ReadingType")
    assert [kind.findtext(f"{ESPI}{name}") for name in ("flowDirection", "powerOfTenMultiplier", "uom")] == ["4", "-3", "72"]


def test_a_block_is_a_local_day_also_when_the_clocks_change(tmp_path: Path) -> None:
    """On 30 March 2025 Berlin has 23 hours: from 23:00 UTC of the 29th to 22:00 UTC of the 30th."""
    write_espi(tmp_path / "b.xml", [("m", readings(datetime(2025, 3, 28, 23, tzinfo=UTC), [1.0] * 71))], "Europe/Berlin", updated=AT)
    blocks = [content for content in contents(tmp_path / "b.xml") if content.tag == f"{ESPI}IntervalBlock"]
    assert [len(block.findall(f"{ESPI}IntervalReading")) for block in blocks] == [24, 23, 24]
    assert [block.findtext(f"{ESPI}interval/{ESPI}duration") for block in blocks] == ["86400", "82800", "86400"]


def test_quality_codes_stand_before_the_period_as_the_schema_asks(tmp_path: Path) -> None:
    coded = readings(AT, [1.0, 2.0]).with_columns(quality=pl.Series([8, None], dtype=pl.Int32))
    write_espi(tmp_path / "q.xml", [("m", coded)], "Asia/Seoul", updated=AT)
    first, second = ET.parse(tmp_path / "q.xml").getroot().iter(f"{ESPI}IntervalReading")
    assert first.findtext(f"{ESPI}ReadingQuality/{ESPI}quality") == "8"
    assert second.find(f"{ESPI}ReadingQuality") is None


def test_entries_are_linked_and_equal_readings_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml"):
        write_espi(tmp_path / name, [(m, readings(AT, [1.0])) for m in ("a", "b")], "Asia/Seoul", updated=AT)
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()
    links = list(ET.parse(tmp_path / "a.xml").getroot().iter(f"{ATOM}link"))
    own = [link.get("href") for link in links if link.get("rel") == "self"]
    assert len(own) == len(set(own)) == 1 + 1 + 1 + 2 * 3  # feed, local time, reading type; point, reading, block of each
    related = {link.get("href") for link in links if link.get("rel") == "related"}
    ups = {link.get("href") for link in links if link.get("rel") == "up"}
    assert related <= set(own) | ups


def test_elements_stand_in_the_order_of_the_schema(tmp_path: Path, real_data: Path) -> None:
    """espi.xsd of NAESB, version 4.0: the names of each complex type's sequence, those it extends first."""
    schema = ET.parse(real_data / "greenbutton/espi.xsd").getroot()
    types = {kind.get("name"): kind for kind in schema.iter(f"{XSD}complexType")}
    elements = {element.get("name"): element.get("type") for element in schema.findall(f"{XSD}element")}

    def allowed(name: str | None) -> list[tuple[str | None, str | None]]:
        kind = types.get(name)
        if kind is None:
            return []
        base = kind.find(f".//{XSD}extension")
        own = [(element.get("name"), element.get("type")) for element in kind.iter(f"{XSD}element")]
        return [*(allowed(base.get("base")) if base is not None else []), *own]

    def check(element: ET.Element, kind: str | None) -> None:
        order = dict(allowed(kind))
        children = [child.tag.removeprefix(ESPI) for child in element]
        assert set(children) <= set(order), (element.tag, children)
        assert children == sorted(children, key=list(order).index)
        for child, name in zip(element, children, strict=True):
            check(child, order[name])

    coded = readings(AT, [1.0, 2.0]).with_columns(quality=pl.Series([8, 14], dtype=pl.Int32))
    write_espi(tmp_path / "s.xml", [("m", coded)], "America/New_York", updated=AT)
    for content in contents(tmp_path / "s.xml"):
        check(content, elements[content.tag.removeprefix(ESPI)])


@pytest.mark.parametrize(
    ("zone", "start", "end", "offset_s", "dst_s"),
    [
        ("America/New_York", "360E2000", "B40E2000", -18000, 3600),  # as in the files of 2012 and later
        ("Europe/Berlin", "3E0E2000", "AE0E3000", 3600, 3600),  # last Sunday of March at 2, of October at 3
        ("Australia/Lord_Howe", "A40E2000", "440E2000", 37800, 1800),
        ("America/Havana", "360E0000", "B40E1000", -18000, 3600),
        ("Asia/Kathmandu", "00000000", "00000000", 20700, 0),
    ],
)
def test_the_rules_of_a_zone(zone: str, start: str, end: str, offset_s: int, dst_s: int) -> None:
    clock = local_time(zone, 2025)
    assert (clock.dst_start, clock.dst_end, clock.offset_s, clock.dst_offset_s) == (start, end, offset_s, dst_s)
