"""A zone's clock as ESPI tells it: an offset and two packed rules for the days on which the clocks change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NO_RULE = "00000000"
_DAY_OF_MONTH, _FIRST, _LAST = 0, 2, 7  # operators; those of the second to fifth such weekday follow that of the first


@dataclass(frozen=True)
class LocalTime:
    """LocalTimeParameters: offsets in seconds; rules as hexBinary32, `00000000` where the clocks never change."""

    offset_s: int
    dst_offset_s: int
    dst_start: str
    dst_end: str


def local_time(zone: str, year: int) -> LocalTime:
    """The clock of an IANA zone in a year.

    Bits of a rule (NAESB REQ.21, DstRuleType): 0 to 11 seconds, 12 to 16 hour, 17 to 19 weekday (Monday is 1), 20 to 24
    day of the month, 25 to 27 operator, 28 to 31 month. The hour is that of the clock before it is moved.

    >>> local_time("America/New_York", 2012)
    LocalTime(offset_s=-18000, dst_offset_s=3600, dst_start='360E2000', dst_end='B40E2000')
    >>> local_time("Asia/Seoul", 2025)
    LocalTime(offset_s=32400, dst_offset_s=0, dst_start='00000000', dst_end='00000000')
    """
    changes = {each: _changes(zone, each) for each in range(year - 2, year + 3)}
    if len(changes[year]) != 2:
        offset = datetime(year, 1, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()
        return LocalTime(int(offset.total_seconds()), 0, NO_RULE, NO_RULE)
    forward, back = sorted(changes[year], key=lambda change: -change.by_s)
    rules = [_rule({y: c for y, both in changes.items() for c in both if (c.by_s > 0) == (o.by_s > 0)}, year) for o in (forward, back)]
    return LocalTime(back.offset_s, forward.by_s, *rules)


@dataclass(frozen=True)
class _Change:
    """The clock shows `wall` and is moved by some seconds, to an offset."""

    wall: datetime
    by_s: int
    offset_s: int


def _changes(zone: str, year: int) -> list[_Change]:
    """Day by day, and by half hours only within a day at whose ends the clock differs: to know a clock, many zones are tried."""
    place, moment, found = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC), []
    before = _offset(place, moment)
    while moment.year == year:
        step = timedelta(days=1) if _offset(place, moment + timedelta(days=1)) == before else timedelta(minutes=30)
        moment += step
        after = _offset(place, moment)
        if after != before:
            wall = (moment + before).replace(tzinfo=None)
            found.append(_Change(wall, int((after - before).total_seconds()), int(after.total_seconds())))
        before = after
    return found


def _offset(place: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(place).utcoffset() or timedelta()


def _rule(changes: Mapping[int, _Change], year: int) -> str:
    """The first form that says the change of all the years; else the plain date of this year's."""
    this, walls = changes[year].wall, [change.wall for change in changes.values()]
    weekday, week = this.isoweekday(), (this.day - 1) // 7
    if all((wall.month, wall.isoweekday()) == (this.month, weekday) for wall in walls):
        if all((wall + timedelta(days=7)).month != wall.month for wall in walls):
            return _packed(this, _LAST, weekday=weekday)
        if all((wall.day - 1) // 7 == week for wall in walls):
            return _packed(this, _FIRST + week, weekday=weekday)
    return _packed(this, _DAY_OF_MONTH, day=this.day)


def _packed(wall: datetime, operator: int, *, weekday: int = 0, day: int = 0) -> str:
    seconds = wall.minute * 60 + wall.second
    return f"{wall.month << 28 | operator << 25 | day << 20 | weekday << 17 | wall.hour << 12 | seconds:08X}"
