"""Where a meter is: countries (ISO 3166-1), their subdivisions (ISO 3166-2), and the time zones of a country."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

# Older zone names that only name an offset from UTC, and those that are links to a zone of another country.
_OFFSETS = ("CET", "EET", "EST", "HST", "MET", "MST", "WET", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT")
_MOVED = (
    "Iceland",
    "Africa/Asmera",
    "Africa/Timbuktu",
    "America/Coral_Harbour",
    "America/Virgin",
    "Antarctica/South_Pole",
    "Atlantic/Jan_Mayen",
    "Pacific/Ponape",
    "Pacific/Truk",
    "Pacific/Yap",
)
_MISLEADING = frozenset((*_OFFSETS, *_MOVED))
_SHOWN = 20  # codes of a list in a message; all countries would fill a screen


def country(text: str) -> str:
    """The ISO 3166-1 alpha-2 code of a country, in capitals.

    Raises:
        ValueError: no country has the code; the message names those whose code or name is like it.

    >>> country(" gb ")
    'GB'
    """
    code, names = text.strip().upper(), _names()
    if code in names:
        return code
    alike = [known for known, name in names.items() if len(code) > 1 and (code in name.upper() or name.upper() in code)]
    hint = f"; did you mean {', '.join(f'{known} ({names[known]})' for known in alike[:5])}?" if alike else ""
    raise ValueError(f"{text!r} is no country code; write two letters of ISO 3166-1, as KR, GB or DE{hint}")


def subdivision(text: str, of: str | None) -> str:
    """The ISO 3166-2 code of a part of the country `of`; the part alone is completed by it.

    Raises:
        ValueError: the code names another country, has another form, or the calendar of holidays knows other parts; it lists them.

    >>> subdivision("by", of="DE"), subdivision("DE-BY", of="DE")
    ('DE-BY', 'DE-BY')
    """
    if of is None:
        raise ValueError(f"{text!r} names no country; fill in country, or write it as in DE-BY")
    named, dash, part = text.strip().upper().rpartition("-")
    if dash and named != of:
        raise ValueError(f"{text!r} is no part of {of}; write it as {of}-{part}, or correct the country")
    if not (1 <= len(part) <= 3 and part.isascii() and part.isalnum()):
        raise ValueError(f"{text!r} is no subdivision; write the code of ISO 3166-2, as {of}-{(known_parts(of) or ('11',))[0]}")
    if known_parts(of) and part not in known_parts(of):
        raise ValueError(f"{of}-{part} is unknown; known of {of} are {', '.join(known_parts(of))}; leave it empty where none of them fits")
    return f"{of}-{part}"


@cache
def known_parts(of: str) -> tuple[str, ...]:
    """Codes of the subdivisions whose holidays are known; none where a country has the same holidays everywhere."""
    import holidays

    parts = holidays.list_supported_countries().get(of, [])
    return tuple(sorted(part for part in parts if part.isalnum() and part.upper() == part))


def country_of(zone: str) -> str | None:
    """ISO code of the country that the tz database lists a zone under; None for zones of no country, and for misleading older names.

    >>> country_of("Asia/Seoul"), country_of("US/Pacific"), country_of("UTC"), country_of("CET")
    ('KR', 'US', None, None)
    """
    if zone in _MISLEADING:
        return None
    return _countries().get(zone) or _countries().get(_aliases().get(zone, ""))


def zone_in(of: str, default: str) -> str:
    """The time zone of a meter if only its country is known: `default` if the country has that zone, else its only one.

    Zones whose clocks have shown the same all through the last years count as one: Germany has Berlin and Büsingen.

    Raises:
        ValueError: the country has several; the message lists them.

    >>> zone_in("GB", "Asia/Seoul"), zone_in("DE", "Asia/Seoul"), zone_in("US", "America/Chicago")
    ('Europe/London', 'Europe/Berlin', 'America/Chicago')
    """
    zones = [zone for zone, known in _countries().items() if known == of]
    if country_of(default) == of:
        return default
    if not zones or any(_offsets(zone) != _offsets(zones[0]) for zone in zones):
        listed = f"{', '.join(zones[:_SHOWN])}{' …' if len(zones) > _SHOWN else ''}"
        raise ValueError(f"{of} has several time zones; fill in time_zone: {listed}")
    return zones[0]


def _offsets(zone: str) -> list[object]:
    moments = (datetime(year, month, 1, tzinfo=UTC) for year in (2015, 2020, 2025) for month in range(1, 13))
    return [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments]


@cache
def _names() -> dict[str, str]:
    """Names of countries by their code."""
    return dict(line.split("\t")[:2] for line in _tz_lines("iso3166.tab") if line and not line.startswith("#"))


@cache
def _countries() -> dict[str, str]:
    """Countries by zone; of one country its zones in the order of the tz database."""
    lines = _tz_lines("zone.tab")
    return {line.split("\t")[2]: line[:2] for line in lines if not line.startswith("#")}


@cache
def _aliases() -> dict[str, str]:
    """Older names, as the lines `L target name` of the compact source give them."""
    links = (line.split() for line in _tz_lines("tzdata.zi") if line.startswith("L "))
    return {name: target for _, target, name in links}


def _tz_lines(name: str) -> list[str]:
    return (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8").splitlines()
