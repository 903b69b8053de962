"""Lengths of time as people write them."""

from __future__ import annotations

import re

import polars as pl

_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_WORDS = {
    **_SECONDS,
    "": 1,
    "mins": 60,
    "minutes": 60,
    "minuten": 60,
    "분": 60,
    "hr": 3600,
    "hour": 3600,
    "hours": 3600,
    "std": 3600,
    "시간": 3600,
}
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


def lasting_s(texts: pl.Expr) -> pl.Expr:
    """Lengths of intervals in seconds (i32), null where a text is none; a number alone is seconds, and a comma is a decimal sign.

    >>> pl.select(lasting_s(pl.lit(pl.Series(["900", "15 min", "0,25 h", "1,800 s", "-5"])))).to_series().to_list()
    [900, 900, 900, None, None]
    """
    number, word = (texts.str.to_lowercase().str.extract(r"^(\d+(?:[.,]\d+)?)\s*([a-z가-힣]*)\.?$", group) for group in (1, 2))
    factor = word.replace_strict(_WORDS, default=None, return_dtype=pl.Int32)
    may_be_thousands = number.str.contains(r"^[1-9]\d{0,2},\d{3}$")
    seconds = number.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False) * factor
    return pl.when((seconds >= 1) & ~may_be_thousands).then(seconds.round()).cast(pl.Int32, strict=False)
