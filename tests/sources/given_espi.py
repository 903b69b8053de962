"""Words of the tests of Green Button: feeds as custodians write them, entry by entry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

HOUR = 3600
T0 = 1_740_787_200  # 2025-03-01T00:00:00Z
BASE = "/espi/1_1/resource"
POINT = f"{BASE}/RetailCustomer/c/UsagePoint/p"
NEW_YORK = {"dstEndRule": "B40E2000", "dstOffset": "3600", "dstStartRule": "360E2000", "tzOffset": "-18000"}

Value = int | str | None


def tags(fields: dict[str, object]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if value is not None)


def reading(start: Value, duration: Value, value: Value, quality: Value = None) -> str:
    doubt = f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>" if quality is not None else ""
    period = tags({"duration": duration, "start": start})
    inside = f"{doubt}{f'<timePeriod>{period}</timePeriod>' if period else ''}{tags({'value': value})}"
    return f"<IntervalReading>{inside}</IntervalReading>"


def hourly(values: Iterable[Value], start: int = T0, duration: Value = HOUR, step: int = HOUR) -> str:
    return "".join(reading(start + at * step, duration, value) for at, value in enumerate(values))


def block(readings: str) -> str:
    lines = readings.replace("</IntervalReading>", "</IntervalReading>\n")
    return f'<IntervalBlock xmlns="http://naesb.org/espi">\n{lines}</IntervalBlock>'


def entry(content: str, own: str | None = None, *related: str, up: str | None = None) -> str:
    links = "".join(
        f'<link rel="{rel}" href="{to}"/>\n' for rel, to in [("self", own), ("up", up), *(("related", to) for to in related)] if to
    )
    return f"<entry>{links}<content>{content}</content></entry>\n"


def point(own: str = POINT, kind: int = 0, *related: str) -> str:
    content = f"<UsagePoint><ServiceCategory><kind>{kind}</kind></ServiceCategory></UsagePoint>"
    return entry(content, own, f"{own}/MeterReading", *related)


def reading_type(name: str = "1", **fields: object) -> str:
    told = {"accumulationBehaviour": 4, "commodity": 1, "flowDirection": 1, "intervalLength": HOUR, "powerOfTenMultiplier": 0, "uom": 72}
    return entry(f"<ReadingType>{tags({**told, **fields})}</ReadingType>", f"{BASE}/ReadingType/{name}")


def meter_reading(name: str = "1", kind: str = "1", own: str = POINT) -> str:
    return entry("<MeterReading/>", f"{own}/MeterReading/{name}", f"{own}/MeterReading/{name}/IntervalBlock", f"{BASE}/ReadingType/{kind}")


def blocks(readings: str, name: str = "1", own: str = POINT) -> str:
    here = f"{own}/MeterReading/{name}/IntervalBlock"
    return entry(block(readings), f"{here}/0173", up=here)


def local_time(name: str = "1", **fields: object) -> str:
    return entry(f"<LocalTimeParameters>{tags({**NEW_YORK, **fields})}</LocalTimeParameters>", f"{BASE}/LocalTimeParameters/{name}")


def feed(*entries: str) -> str:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
    return f"{head}{''.join(entries)}</feed>\n"


def simple(readings: str, **fields: object) -> str:
    """One usage point with one meter reading."""
    return feed(point(), local_time(), reading_type(**fields), meter_reading(), blocks(readings))


def put_feed(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path
