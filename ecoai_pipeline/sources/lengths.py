"""Lengths of time as people write them."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_DAY_S = 86_400


def seconds_of(text: str) -> int:
    """A length of time in seconds.

    >>> [seconds_of(text) for text in ("15min", "1 h", "900s", "1d")]
    [900, 3600, 900, 86400]

    Raises:
        ValueError: it is none, or longer than a day.
    """
    match = re.fullmatch(r"(\d+)\s*(s|sec|m|min|h|d)", text.strip().lower())
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _DAY_S:
        raise ValueError(f"{text!r} is no length of at most a day; write it as 15min, 1h or 900s")
    return seconds
