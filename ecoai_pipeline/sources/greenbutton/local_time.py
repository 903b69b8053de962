"""LocalTimeParameters as a time zone: the first of a list of zones whose clock says the same."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ecoai_pipeline.sources.writers.espi_time import LocalTime, local_time

_YEAR = 2025
# In order of preference: the most populous zone of each clock first.
ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Halifax",
    "America/St_Johns",
    "America/Puerto_Rico",
    "America/Bogota",
    "America/Mexico_City",
    "America/Phoenix",
    "America/Sao_Paulo",
    "Pacific/Honolulu",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Asia/Seoul",
    "Asia/Singapore",
    "Asia/Bangkok",
    "Asia/Dhaka",
    "Asia/Kolkata",
    "Asia/Karachi",
    "Asia/Dubai",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Australia/Brisbane",
    "Australia/Darwin",
    "Pacific/Auckland",
    "UTC",
)


def zone_of(told: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The zone of LocalTimeParameters (texts of its elements), and a warning where it is but an offset or cannot be told.

    A zone fits that has the offset and, where clocks change, the dates of both rules; else the dates of one, as senders
    confuse the two. Hours and seconds of the rules are not compared: senders fill them with anything.

    >>> zone_of({"tzOffset": "-18000", "dstOffset": "3600", "dstStartRule": "360E2000", "dstEndRule": "B40E2000"})
    ('America/New_York', None)
    >>> zone_of({"tzOffset": "-36000"})[0], zone_of({"tzOffset": "-39600"})[0]
    ('Pacific/Honolulu', 'Etc/GMT+11')
    """
    offset, dst = _seconds(told.get("tzOffset")), _seconds(told.get("dstOffset")) or 0
    if offset is None:
        return None, "LocalTimeParameters has no tzOffset"
    start, end = _date(told.get("dstStartRule")), _date(told.get("dstEndRule"))
    if dst == 0 or not (start or end):
        dst, start, end = 0, "", ""
    alike = [zone for zone in ZONES if (_clock(zone).offset_s, _clock(zone).dst_offset_s) == (offset, dst)]
    for agree in (all, any):
        for zone in alike:
            if agree((_date(_clock(zone).dst_start) == start, _date(_clock(zone).dst_end) == end)):
                return zone, None
    name = _fixed(offset)
    said = f"no known zone has tzOffset {offset} and the rules {start or 'none'}, {end or 'none'}"
    return name, f"{said}{f': {name} has its offset, but no clock changes' if name else ''}: give --zone"


@cache
def _clock(zone: str) -> LocalTime:
    return local_time(zone, _YEAR)


def _seconds(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None


def _date(rule: str | None) -> str:
    """Month, operator, day and weekday of a rule, which are its first 15 bits; empty where it is none."""
    try:
        bits = int((rule or "").strip().ljust(8, "0")[:8], 16)
    except ValueError:
        return ""
    return f"{bits >> 17 << 1:04X}" if bits else ""


def _fixed(offset_s: int) -> str | None:
    hours, rest = divmod(offset_s, 3600)
    return f"Etc/GMT{-hours:+d}" if rest == 0 and -14 <= -hours <= 12 else None
