"""Green Button (NAESB ESPI) as a data custodian sends it: an Atom feed, one usage point per meter, one block per local day."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO
from urllib.parse import quote
from xml.sax.saxutils import escape

import polars as pl

from ecoai_pipeline.sources.writers.espi_time import local_time
from ecoai_pipeline.storage.atomic import replacing

FORWARD, NET, REVERSE = 1, 4, 19
_BASE = "/espi/1_1/resource"
_NAMES = uuid.UUID("6d1f7b1e-43a2-5c0e-9a55-7c6f0d5b8e21")


def write_espi(
    path: Path, meters: Iterable[tuple[str, pl.DataFrame]], zone: str, *, updated: datetime, flow: int = FORWARD, power_of_ten: int = 0
) -> None:
    """Write meters one after another, so that no more than one is held in memory.

    A value is an integer of 10^power_of_ten Wh, rounded to the nearest: 0 keeps a kWh with up to three decimals as it is.
    A reading without energy is left out, as custodians do: ESPI has no code for a missing one.

    Args:
        meters: meter and its readings in order of time: `timestamp` (start, UTC), `interval_s`, `kwh`, and where known
            `quality`, a code of ESPI's QualityOfReading.
        zone: IANA zone of the local days and of LocalTimeParameters.
        updated: the feed's own time, so that equal readings give equal bytes.
        flow: FlowDirectionKind of all meters.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
        feed = _Feed(out, zone, updated.strftime("%Y-%m-%dT%H:%M:%SZ"), flow, power_of_ten)
        feed.open()
        for meter_id, readings in meters:
            feed.meter(meter_id, readings.filter(pl.col("kwh").is_finite()))
        feed.close()


class _Feed:
    """The entries of one feed; reading types are written where they are first needed."""

    def __init__(self, out: IO[str], zone: str, updated: str, flow: int, power_of_ten: int) -> None:
        self.out, self.zone, self.updated, self.flow, self.power_of_ten = out, zone, updated, flow, power_of_ten
        self.types: set[int] = set()

    def open(self) -> None:
        self.out.write('<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n')
        self.out.write(f"<id>{_urn(self.zone, self.updated)}</id>\n<title>Green Button Usage Feed</title>\n")
        self.out.write(f'<updated>{self.updated}</updated>\n<link rel="self" href="{_BASE}/Batch/Subscription/1"/>\n')
        clock = local_time(self.zone, int(self.updated[:4]))
        rules = f"<dstEndRule>{clock.dst_end}</dstEndRule><dstOffset>{clock.dst_offset_s}</dstOffset>"
        rules += f"<dstStartRule>{clock.dst_start}</dstStartRule><tzOffset>{clock.offset_s}</tzOffset>"
        self.entry(f"{_BASE}/LocalTimeParameters/1", [], self.zone, _content("LocalTimeParameters", rules))

    def close(self) -> None:
        self.out.write("</feed>\n")

    def meter(self, meter_id: str, readings: pl.DataFrame) -> None:
        point = f"{_BASE}/UsagePoint/{quote(meter_id, safe='')}"
        interval_s = int(readings["interval_s"].mode().sort()[0]) if readings.height else 0
        related = [f"{point}/MeterReading", f"{_BASE}/LocalTimeParameters/1"]
        service = "<ServiceCategory><kind>0</kind></ServiceCategory>"
        self.entry(point, related, meter_id, _content("UsagePoint", service))
        if interval_s not in self.types:
            self.types.add(interval_s)
            self.entry(f"{_BASE}/ReadingType/{interval_s}", [], "Energy", _content("ReadingType", self.reading_type(interval_s)))
        reading = f"{point}/MeterReading/1"
        related = [f"{reading}/IntervalBlock", f"{_BASE}/ReadingType/{interval_s}"]
        self.entry(reading, related, "Interval readings", _content("MeterReading", ""))
        self.blocks(reading, readings)

    def reading_type(self, interval_s: int) -> str:
        """Energy of the interval (accumulation 4, delta), secondary metered electricity, Wh."""
        parts = {
            "accumulationBehaviour": 4,
            "commodity": 1,
            "dataQualifier": 12,
            "flowDirection": self.flow,
            "intervalLength": interval_s,
            "kind": 12,
            "phase": 224,
            "powerOfTenMultiplier": self.power_of_ten,
            "timeAttribute": 0,
            "uom": 72,
        }
        return "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())

    def blocks(self, reading: str, readings: pl.DataFrame) -> None:
        """An entry per local day."""
        for number, start, duration, text in _days(readings, self.zone, self.power_of_ten).iter_rows():
            interval = f"<interval><duration>{duration}</duration><start>{start}</start></interval>"
            href = f"{reading}/IntervalBlock/{number}"
            self.entry(href, [], "", _content("IntervalBlock", f"{interval}\n{text}\n"))

    def entry(self, href: str, related: list[str], title: str, content: str) -> None:
        links = [("self", href), ("up", href.rpartition("/")[0]), *(("related", other) for other in related)]
        stamps = f"<published>{self.updated}</published>\n<updated>{self.updated}</updated>"
        link_lines = "\n".join(f'<link rel="{rel}" href="{to}"/>' for rel, to in links)
        self.out.write(f"<entry>\n<id>{_urn(href, self.updated)}</id>\n{link_lines}\n<title>{escape(title)}</title>\n")
        self.out.write(f"{content}\n{stamps}\n</entry>\n")


def _days(readings: pl.DataFrame, zone: str, power_of_ten: int) -> pl.DataFrame:
    """Per local day its number from 1, start and duration in seconds, and its readings as text."""
    start = pl.col("timestamp").dt.epoch("s")
    quality = (
        pl.format("<ReadingQuality><quality>{}</quality></ReadingQuality>", "quality").fill_null("")
        if "quality" in readings.columns
        else pl.lit("")
    )
    line = pl.format(
        "<IntervalReading>{}<timePeriod><duration>{}</duration><start>{}</start></timePeriod><value>{}</value></IntervalReading>",
        quality,
        "interval_s",
        start,
        (pl.col("kwh") * 1000 / 10.0**power_of_ten).round().cast(pl.Int64),
    )
    day = pl.col("timestamp").dt.convert_time_zone(zone).dt.date()
    return (
        readings.lazy()
        .select(day=day, start=start, end=start + pl.col("interval_s"), line=line)
        .group_by("day", maintain_order=True)
        .agg(pl.col("start").min(), pl.col("end").max(), text=pl.col("line").str.join("\n"))
        .select(pl.int_range(1, pl.len() + 1), "start", pl.col("end") - pl.col("start"), "text")
        .collect()
    )


def _content(name: str, inside: str) -> str:
    return f'<content><{name} xmlns="http://naesb.org/espi">{inside}</{name}></content>'


def _urn(*parts: str) -> str:
    return f"urn:uuid:{str(uuid.uuid5(_NAMES, '|'.join(parts))).upper()}"
