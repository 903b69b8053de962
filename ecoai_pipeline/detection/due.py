"""When a night may run: each time zone has its own midnight. No Dagster, no tables: zones and an instant in, nights out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Night:
    """The night after a local day, for the time zones in which it falls due at one instant."""

    due: datetime
    day: date
    zones: tuple[str, ...]

    @property
    def key(self) -> str:
        """Names the night whatever zones it has: `2025-03-01 due 2025-03-01T17:30Z`."""
        return f"{self.day} due {self.due:%Y-%m-%dT%H:%MZ}"


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Start and end of a local day in UTC; 23 to 25 hours apart.

    >>> [str(end - start) for start, end in [day_bounds(date(2021, 3, 28), "Europe/Berlin")]]
    ['23:00:00']
    """
    local = ZoneInfo(zone)
    bounds = [datetime.combine(day + k * DAY, time(), local).astimezone(UTC) for k in (0, 1)]
    return bounds[0], bounds[1]


def is_over(day: date, zone: str, moment: datetime) -> bool:
    """Whether a local day has ended at a moment."""
    return day_bounds(day, zone)[1] <= moment


def last_day(zone: str, moment: datetime) -> date:
    """The newest local day that is over at a moment.

    >>> moment = datetime(2025, 3, 1, 17, 30, tzinfo=UTC)
    >>> [str(last_day(zone, moment)) for zone in ("Asia/Seoul", "Europe/London")]
    ['2025-03-01', '2025-02-28']
    """
    today = moment.astimezone(ZoneInfo(zone)).date()
    # The clocks of some zones go back over midnight: it is then the day before once more, although a day has ended.
    return next(day for day in (today, today - DAY, today - 2 * DAY) if is_over(day, zone, moment))


def newest_nights(zones: Iterable[str], moment: datetime, delay: timedelta) -> list[Night]:
    """The newest night of each zone that is due at a moment, `delay` after the midnight that ends its day; the earliest due first.

    Asked again later it names the same nights until the next ones are due, so a caller that was down finds those it has missed.
    """
    groups: dict[tuple[datetime, date], list[str]] = {}
    for zone in sorted(set(zones)):
        day = last_day(zone, moment - delay)
        groups.setdefault((day_bounds(day, zone)[1] + delay, day), []).append(zone)
    return [Night(due, day, tuple(own)) for (due, day), own in sorted(groups.items())]


def next_due(zones: Iterable[str], moment: datetime, delay: timedelta) -> datetime | None:
    """When the next night of any zone falls due; None without zones."""
    return min((day_bounds(last_day(zone, moment - delay) + DAY, zone)[1] + delay for zone in set(zones)), default=None)
