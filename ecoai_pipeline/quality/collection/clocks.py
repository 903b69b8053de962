"""The clocks by which a system may cut readings into days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_HALF_HOUR_US = 1_800_000_000


def hours_of_day(instant: NDArray[np.int64], zone: pl.Series) -> Floats:
    """Hours since midnight by the local clock, by local standard time and by UTC.

    Args:
        instant: (n,), microseconds since 1970, UTC.
        zone: (n,), name of the time zone of each.

    Returns:
        (3, n).
    """
    found = np.empty((3, len(instant)))
    for name in zone.unique():
        here = (zone == name).to_numpy()
        local = pl.from_epoch(pl.Series(instant[here]), "us").dt.replace_time_zone("UTC").dt.convert_time_zone(name)
        standard, world = local - local.dt.dst_offset(), local.dt.convert_time_zone("UTC")
        found[:, here] = [_hours(clock).to_numpy() for clock in (local, standard, world)]
    return found


def _hours(clock: pl.Series) -> pl.Series:
    return clock.dt.hour() + clock.dt.minute() / 60 + clock.dt.second() / 3600


@lru_cache(maxsize=1024)
def clock_changes(zone: str, since: int, until: int) -> tuple[tuple[int, int], ...]:
    """The clock changes of a zone between two instants: when, and by how many seconds the clock is put forward.

    >>> first = 1_614_556_800_000_000  # 2021-03-01
    >>> clock_changes("Europe/Berlin", first, first + 60 * 86_400_000_000)
    ((1616893200000000, 3600),)
    """
    times = np.arange(since - since % _HALF_HOUR_US, until + _HALF_HOUR_US, _HALF_HOUR_US)
    local = pl.from_epoch(pl.Series(times), "us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    forward_s = np.diff((local.dt.base_utc_offset() + local.dt.dst_offset()).dt.total_seconds().to_numpy())
    return tuple((int(times[n + 1]), int(forward_s[n])) for n in np.flatnonzero(forward_s))


def offset_us(zone: str, instant: int) -> int:
    """By how many microseconds the clock of a zone is ahead of UTC at an instant.

    >>> offset_us("Asia/Seoul", 0) // 3_600_000_000
    9
    """
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)
    return (moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()) // timedelta(microseconds=1)
