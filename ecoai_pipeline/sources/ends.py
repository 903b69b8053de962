"""Whether a stamp is the start or the end of its interval: what the name of its column says, and what the stamps look like."""

from __future__ import annotations

import re

import polars as pl

from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.stamps import DAY_END, Stamps
from ecoai_pipeline.sources.vocabulary import Role, roles_of

_ENDS = re.compile(r"(?i)(?<![a-z])(?:end|ending|ended|ende|horodate)(?![a-z])")
"""Words in the name of a stamp which say that it is the end of its interval: `Time (end of interval)`. So is the `Horodate` of a load curve
of Enedis, which begins at 00:30."""
_FEWEST = 8
"""Stamps that lie at a last minute by chance: for minutes at random the chance is 1 in 5 to the power of 8."""


def names_end(timestamp: str) -> bool:
    """Whether the column of a stamp, or the last of two, is called the end of an interval.

    >>> [names_end(name) for name in ("interval_end", "date+hour ending", "To", "종료시각", "bis", "Horodate", "from", "weekend")]
    [True, True, True, True, True, True, False, False]
    """
    last = timestamp.split("+")[-1].strip()
    return roles_of(last) == {Role.END} or bool(_ENDS.search(last))


def with_named_side(mapping: ColumnMapping) -> ColumnMapping:
    """The mapping with `stamp=end` where it says nothing of it and its stamp is called an end."""
    return mapping.model_copy(update={"stamp": "end"}) if not mapping.says_side and names_end(mapping.timestamp) else mapping


def look_like_ends(stamps: Stamps) -> str | None:
    """`minute` or `second` where all stamps lie at the last one of an interval of at least 5 minutes, as 00:14 or 00:59:59; else None."""
    times = stamps.local.zip_with(stamps.local.is_not_null(), stamps.utc.dt.replace_time_zone(None)).drop_nulls()
    if len(times) < _FEWEST:
        return None
    at_last_minute = (times.dt.minute() % 5 == 4).all()
    second = times.dt.second()
    if at_last_minute and (second == 0).all():
        return "minute"
    return "second" if at_last_minute and (second == 59).all() else None


def warning(mapping: ColumnMapping, times: pl.Series, stamps: Stamps) -> str | None:
    """A hint where stamps are read as starts and look like ends; `times` are their texts."""
    if mapping.stamp == "end" or mapping.is_register or mapping.end or stamps.length_s is not None:
        return None
    unit = look_like_ends(stamps)
    if times.str.contains(DAY_END).any():
        seen = "have the time 24:00, which only the end of an interval has,"
    elif unit:
        seen = f"lie at the last {unit} of an interval (the first: {times[0]!r}), as the ends of intervals do,"
    else:
        return None
    option = f"--columns 'meter={mapping.meter},timestamp={mapping.timestamp},kwh={mapping.kwh},stamp=end'"
    advice = f"and were read as starts; if they are ends, withdraw the file and ingest it with {option}"
    return f"the stamps in {mapping.timestamp!r} {seen} {advice}"
